#include "controlplane/discovery/nacos_datagram.h"

#include "common/base/json.h"
#include "common/base/json_value.h"
#include "controlplane/discovery/gunzip.h"

#define OUTER_VALUES_MAX 16u
#define INNER_VALUES_MAX 250000u
#define DEPTH_MAX 8u
#define NAME_BYTES_MAX 1024u

/* "data" is itself JSON in a string: a service as the list call gives it. Only whose it is counts. */
static enum gw_err find_name(struct gw_str data, struct gw_arena *arena, struct gw_str *ret_name) {
  const struct gw_json_limits limits = {.bytes_max = GW_NACOS_DATAGRAM_BYTES_MAX, .depth_max = DEPTH_MAX, .values_max = INNER_VALUES_MAX};
  const struct gw_json_value *service;
  enum gw_err err = gw_json_parse(data, &limits, arena, &service);
  if (err != GW_OK) return err;
  const struct gw_json_value *name = gw_json_find(service, GW_STR("name"));
  if (name == NULL || name->kind != GW_JSON_STRING || name->string.len == 0 || name->string.len > NAME_BYTES_MAX) return GW_ERR_INVALID;
  *ret_name = name->string;
  return GW_OK;
}

static enum gw_err parse_text(struct gw_str text, struct gw_arena *arena, struct gw_nacos_change *ret_change) {
  const struct gw_json_limits limits = {.bytes_max = GW_NACOS_DATAGRAM_BYTES_MAX, .depth_max = DEPTH_MAX, .values_max = OUTER_VALUES_MAX};
  const struct gw_json_value *root;
  enum gw_err err = gw_json_parse(text, &limits, arena, &root);
  if (err != GW_OK) return err;
  const struct gw_json_value *type = gw_json_find(root, GW_STR("type")), *data = gw_json_find(root, GW_STR("data")),
                             *time = gw_json_find(root, GW_STR("lastRefTime"));
  bool is_change = gw_json_is_string(type, GW_STR("dom")) || gw_json_is_string(type, GW_STR("service"));
  if (!is_change || data == NULL || data->kind != GW_JSON_STRING || time == NULL || time->kind != GW_JSON_INTEGER || time->integer < 0)
    return GW_ERR_INVALID;
  struct gw_nacos_change change = {.last_ref_time = gw_str_from(gw_arena_printf(arena, "%llu", (unsigned long long)time->integer))};
  err = find_name(data->string, arena, &change.name);
  if (err == GW_OK) *ret_change = change;
  return err;
}

enum gw_err gw_nacos_datagram_parse(struct gw_str datagram, struct gw_arena *arena, struct gw_nacos_change *ret_change) {
  if (!gw_gunzip_is_packed(datagram)) return parse_text(datagram, arena, ret_change);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  enum gw_err err = gw_gunzip(datagram, GW_NACOS_DATAGRAM_BYTES_MAX, &text);
  if (err == GW_OK) err = parse_text(gw_arena_copy(arena, gw_strbuf_str(&text)), arena, ret_change);
  gw_strbuf_done(&text);
  return err;
}

void gw_nacos_datagram_append_ack(const struct gw_nacos_change *change, struct gw_strbuf *out) {
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, out);
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "type");
  gw_json_string(&writer, GW_STR("push-ack"));
  gw_json_key(&writer, "lastRefTime");
  gw_json_string(&writer, change->last_ref_time);
  gw_json_key(&writer, "data");
  gw_json_string(&writer, GW_STR(""));
  gw_json_object_end(&writer);
}
