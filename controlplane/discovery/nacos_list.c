#include "controlplane/discovery/nacos_list.h"

#include <math.h>

#include "common/base/json_value.h"

/* A host has some twenty values and its metadata. */
#define VALUES_MAX (GW_NACOS_HOSTS_MAX * 40u)
#define DEPTH_MAX 8u

static bool is_false(const struct gw_json_value *value) {
  return value != NULL && value->kind == GW_JSON_BOOL && !value->boolean;
}

static struct gw_found_instance read_host(const struct gw_json_value *host) {
  const struct gw_json_value *ip = gw_json_find(host, GW_STR("ip")), *port = gw_json_find(host, GW_STR("port")),
                             *weight = gw_json_find(host, GW_STR("weight"));
  struct gw_found_instance instance = {.weight = 1.0};
  if (ip != NULL && ip->kind == GW_JSON_STRING) instance.address = ip->string;
  if (port != NULL && port->kind == GW_JSON_INTEGER && port->integer > 0) instance.port = (uint64_t)port->integer;
  if (weight != NULL && !gw_json_number(weight, &instance.weight)) instance.weight = NAN;
  instance.is_off = is_false(gw_json_find(host, GW_STR("healthy"))) || is_false(gw_json_find(host, GW_STR("enabled")));
  return instance;
}

static uint64_t read_cache_ms(const struct gw_json_value *value) {
  double ms = 0.0;
  if (!gw_json_number(value, &ms) || !(ms > 0.0)) return GW_NACOS_CACHE_MS_DEFAULT;
  if (ms < GW_NACOS_CACHE_MS_MIN) return GW_NACOS_CACHE_MS_MIN;
  return ms > GW_NACOS_CACHE_MS_MAX ? GW_NACOS_CACHE_MS_MAX : (uint64_t)ms;
}

/* NULL: it says that it has none to give. */
static const struct gw_json_value *unwrap(const struct gw_json_value *root) {
  const struct gw_json_value *code = gw_json_find(root, GW_STR("code"));
  if (code == NULL) return root;
  bool is_good = code->kind == GW_JSON_INTEGER && code->integer == 0;
  return is_good ? gw_json_find(root, GW_STR("data")) : NULL;
}

enum gw_err gw_nacos_list_parse(struct gw_str text, struct gw_arena *arena, struct gw_nacos_list *ret_list) {
  const struct gw_json_limits limits = {.bytes_max = GW_NACOS_LIST_BYTES_MAX, .depth_max = DEPTH_MAX, .values_max = VALUES_MAX};
  const struct gw_json_value *root;
  enum gw_err err = gw_json_parse(text, &limits, arena, &root);
  if (err != GW_OK) return err;
  const struct gw_json_value *service = unwrap(root), *hosts = gw_json_find(service, GW_STR("hosts")),
                             *name = gw_json_find(service, GW_STR("name"));
  if (hosts == NULL || hosts->kind != GW_JSON_ARRAY) return GW_ERR_INVALID;
  if (hosts->count > GW_NACOS_HOSTS_MAX) return GW_ERR_LIMIT;
  struct gw_nacos_list list = {.instances = gw_arena_calloc(arena, hosts->count, sizeof(*list.instances)),
                               .count = hosts->count,
                               .cache_ms = read_cache_ms(gw_json_find(service, GW_STR("cacheMillis")))};
  if (name != NULL && name->kind == GW_JSON_STRING) list.name = name->string;
  for (uint32_t i = 0; i < hosts->count; i++)
    list.instances[i] = read_host(&hosts->items[i]);
  *ret_list = list;
  return GW_OK;
}
