#include "controlplane/store/revision_record.h"

#include <stdio.h>

#include "common/base/json.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"

/* Members by name, for both ways. */
static const struct {
  const char *name;
  size_t offset;
  bool is_number;
} members[] = {
    {"number", offsetof(struct gw_revision, number), true},
    {"at_ms", offsetof(struct gw_revision, at_ms), true},
    {"author", offsetof(struct gw_revision, author), false},
    {"message", offsetof(struct gw_revision, message), false},
    {"hash", offsetof(struct gw_revision, hash), false},
    {"request_id", offsetof(struct gw_revision, request_id), false},
    {"routes_name", offsetof(struct gw_revision, routes_name), false},
    {"services_name", offsetof(struct gw_revision, services_name), false},
    {"routes_bytes", offsetof(struct gw_revision, routes_bytes), true},
    {"services_bytes", offsetof(struct gw_revision, services_bytes), true},
    {"of", offsetof(struct gw_revision, of), true},
};

void gw_revision_id_format(uint64_t number, char ret_id[GW_REVISION_ID_SIZE]) {
  snprintf(ret_id, GW_REVISION_ID_SIZE, "%012llu", (unsigned long long)number);
}

void gw_revision_piece_id_format(uint64_t number, uint32_t index, char ret_id[GW_REVISION_ID_SIZE]) {
  snprintf(ret_id, GW_REVISION_ID_SIZE, "%012llu/%04u", (unsigned long long)number, index);
}

void gw_revision_record_format(const struct gw_revision *revision, struct gw_strbuf *out) {
  struct gw_json_writer json;
  gw_json_writer_init(&json, out);
  gw_json_object_begin(&json);
  for (size_t i = 0; i < GW_ARRAY_LEN(members); i++) {
    const char *at = (const char *)revision + members[i].offset;
    gw_json_key(&json, members[i].name);
    if (members[i].is_number)
      gw_json_u64(&json, *(const uint64_t *)(const void *)at);
    else
      gw_json_string(&json, *(const struct gw_str *)(const void *)at);
  }
  gw_json_object_end(&json);
}

enum gw_err gw_revision_record_parse(struct gw_str body, struct gw_arena *arena, struct gw_revision *ret_revision) {
  static const struct gw_json_limits limits = {.bytes_max = GW_STORE_BODY_MAX, .depth_max = 1, .values_max = 32};
  const struct gw_json_value *root;
  struct gw_revision revision = {0};
  if (gw_json_parse(body, &limits, arena, &root) != GW_OK) return GW_ERR_INVALID;
  for (size_t i = 0; i < GW_ARRAY_LEN(members); i++) {
    const struct gw_json_value *value = gw_json_find(root, gw_str_from(members[i].name));
    char *at = (char *)&revision + members[i].offset;
    enum gw_json_kind wanted = members[i].is_number ? GW_JSON_INTEGER : GW_JSON_STRING;
    if (value == NULL || value->kind != wanted || (members[i].is_number && value->integer < 0)) return GW_ERR_INVALID;
    if (members[i].is_number)
      *(uint64_t *)(void *)at = (uint64_t)value->integer;
    else
      *(struct gw_str *)(void *)at = value->string;
  }
  bool is_sound = revision.number > 0 && revision.routes_bytes <= GW_REVISION_TEXT_MAX && revision.services_bytes <= GW_REVISION_TEXT_MAX;
  if (!is_sound) return GW_ERR_INVALID;
  *ret_revision = revision;
  return GW_OK;
}
