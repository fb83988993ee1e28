#include "controlplane/discovery/consul_health.h"

#include <math.h>

#include "common/base/json_value.h"

#define DEPTH_MAX 16u
#define VALUES_MAX 4000000u

enum health { HEALTH_PASSING, HEALTH_WARNING, HEALTH_OFF };

/* The worst of its checks. A status that nobody knows is no good one. */
static enum health find_health(const struct gw_json_value *checks) {
  enum health worst = HEALTH_PASSING;
  if (checks == NULL || checks->kind != GW_JSON_ARRAY) return HEALTH_PASSING;
  for (uint32_t i = 0; i < checks->count; i++) {
    const struct gw_json_value *status = gw_json_find(&checks->items[i], GW_STR("Status"));
    if (gw_json_is_string(status, GW_STR("warning")))
      worst = worst == HEALTH_OFF ? HEALTH_OFF : HEALTH_WARNING;
    else if (!gw_json_is_string(status, GW_STR("passing")))
      worst = HEALTH_OFF;
  }
  return worst;
}

static struct gw_str find_text(const struct gw_json_value *object, struct gw_str name) {
  const struct gw_json_value *value = gw_json_find(object, name);
  return value != NULL && value->kind == GW_JSON_STRING ? value->string : (struct gw_str){"", 0};
}

/* Agents before 1.2.3 have none, which means 1. */
static double find_weight(const struct gw_json_value *service, enum health health) {
  const struct gw_json_value *weights = gw_json_find(service, GW_STR("Weights"));
  const struct gw_json_value *value = gw_json_find(weights, health == HEALTH_WARNING ? GW_STR("Warning") : GW_STR("Passing"));
  double weight = 1;
  if (value != NULL && !gw_json_number(value, &weight)) return NAN;
  return weight;
}

static struct gw_found_instance read_entry(const struct gw_json_value *entry, bool takes_warnings) {
  const struct gw_json_value *service = gw_json_find(entry, GW_STR("Service"));
  const struct gw_json_value *port = gw_json_find(service, GW_STR("Port"));
  enum health health = find_health(gw_json_find(entry, GW_STR("Checks")));
  struct gw_str address = find_text(service, GW_STR("Address"));
  /* A service without an address is where its node is. */
  if (address.len == 0 && service != NULL) address = find_text(gw_json_find(entry, GW_STR("Node")), GW_STR("Address"));
  bool has_port = port != NULL && port->kind == GW_JSON_INTEGER && port->integer > 0;
  return (struct gw_found_instance){.address = address,
                                    .port = has_port ? (uint64_t)port->integer : 0,
                                    .weight = find_weight(service, health),
                                    .is_off = health == HEALTH_OFF || (health == HEALTH_WARNING && !takes_warnings)};
}

enum gw_err gw_consul_health_parse(struct gw_str body, bool takes_warnings, struct gw_arena *arena,
                                   const struct gw_found_instance **ret_instances, uint32_t *ret_count) {
  const struct gw_json_limits limits = {GW_CONSUL_BYTES_MAX, DEPTH_MAX, VALUES_MAX};
  const struct gw_json_value *list;
  enum gw_err err = gw_json_parse(body, &limits, arena, &list);
  if (err != GW_OK) return err;
  if (list->kind != GW_JSON_ARRAY) return GW_ERR_INVALID;
  struct gw_found_instance *instances = gw_arena_calloc(arena, list->count, sizeof(*instances));
  for (uint32_t i = 0; i < list->count; i++)
    instances[i] = read_entry(&list->items[i], takes_warnings);
  *ret_instances = instances;
  *ret_count = list->count;
  return GW_OK;
}
