#include "controlplane/policy/circuit_breaker_yaml.h"

#include "common/base/mem.h"
#include "controlplane/policy/services_yaml.h"

#define STAND_IN_CONSECUTIVE 5u /* Envoy's own default, where the breaker goes by ratio alone */

static const char *const breaker_keys[] = {"window",     "failures", "failure_percent", "min_requests", "open_for", "probes", "successes",
                                           "failure_on", NULL};
static const char *const limit_keys[] = {"max_connections", "max_pending_requests", "max_requests", NULL};

static const struct {
  const char *word;
  enum gw_circuit_failure kind;
} kinds[] = {{"5xx", GW_CIRCUIT_ON_5XX},
             {"gateway_error", GW_CIRCUIT_ON_GATEWAY_ERROR},
             {"connect_failure", GW_CIRCUIT_ON_CONNECT_FAILURE},
             {"reset", GW_CIRCUIT_ON_RESET},
             {"timeout", GW_CIRCUIT_ON_TIMEOUT}};
#define KINDS "5xx, gateway_error, connect_failure, reset and timeout"

static void read_kinds(const struct gw_reader *reader, const struct gw_yaml_node *node, uint32_t *ret_kinds) {
  uint32_t found = 0;
  if (!gw_reader_is_list(reader, node, "failure_on")) return;
  for (uint32_t i = 0; i < node->count; i++) {
    struct gw_str text;
    size_t k = 0;
    if (!gw_reader_text(reader, node->items[i], "failure_on", &text)) return;
    while (k < GW_ARRAY_LEN(kinds) && !gw_str_equal(text, gw_str_from(kinds[k].word)))
      k++;
    if (k < GW_ARRAY_LEN(kinds)) {
      found |= kinds[k].kind;
    } else {
      gw_reader_mistake(reader, node->items[i], "failure_on lists " KINDS);
    }
  }
  if (node->count == 0) gw_reader_mistake(reader, node, "failure_on lists at least one of " KINDS);
  *ret_kinds = found;
}

static void read_time(const struct gw_reader *reader, const struct gw_yaml_node *mapping, const char *key, uint64_t *ret_ms) {
  const struct gw_yaml_node *node = gw_yaml_find(mapping, key);
  if (node != NULL && gw_reader_duration(reader, node, key, ret_ms) && *ret_ms > GW_CIRCUIT_MS_MAX)
    gw_reader_mistake(reader, node, "%s is at most 24h", key);
}

static void read_number(const struct gw_reader *reader, const struct gw_yaml_node *mapping, const char *key, uint32_t min, uint32_t max,
                        uint32_t *ret_value) {
  const struct gw_yaml_node *node = gw_yaml_find(mapping, key);
  if (node != NULL) gw_reader_u32(reader, node, key, min, max, ret_value);
}

static void read_breaker(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_circuit_breaking *out) {
  if (!gw_reader_is_mapping(reader, node, "circuit_breaker (true and false are others)", breaker_keys)) return;
  read_time(reader, node, "window", &out->window_ms);
  read_time(reader, node, "open_for", &out->open_ms);
  /* Who gives a number means that number, and not the default ratio as well. */
  if (gw_yaml_find(node, "failures") != NULL) out->failure_percent = 0;
  read_number(reader, node, "failures", 1, GW_CIRCUIT_FAILURES_MAX, &out->failures);
  read_number(reader, node, "failure_percent", 1, 100, &out->failure_percent);
  read_number(reader, node, "min_requests", 1, GW_CIRCUIT_FAILURES_MAX, &out->min_requests);
  read_number(reader, node, "probes", 1, GW_CIRCUIT_PROBES_MAX, &out->probes);
  read_number(reader, node, "successes", 1, GW_CIRCUIT_PROBES_MAX, &out->successes);
  const struct gw_yaml_node *min_requests = gw_yaml_find(node, "min_requests"), *failure_on = gw_yaml_find(node, "failure_on");
  if (min_requests != NULL && out->failure_percent == 0)
    gw_reader_mistake(reader, min_requests, "min_requests is for failure_percent, which is not there");
  if (failure_on != NULL) read_kinds(reader, failure_on, &out->failure_on);
}

static void read_limit(const struct gw_reader *reader, const struct gw_yaml_node *mapping, const char *key, uint32_t *ret_value) {
  read_number(reader, mapping, key, 0, UINT32_MAX - 1, ret_value);
  if (*ret_value == 0) *ret_value = GW_CONCURRENCY_UNLIMITED;
}

struct gw_service_protection gw_service_protection_read(const struct gw_reader *reader, const struct gw_yaml_node *service) {
  struct gw_service_protection out = {
      .node = gw_yaml_find(service, "circuit_breaker"),
      .breaking = {.window_ms = GW_CIRCUIT_WINDOW_MS,
                   .open_ms = GW_CIRCUIT_OPEN_MS,
                   .failure_percent = GW_CIRCUIT_FAILURE_PERCENT,
                   .min_requests = GW_CIRCUIT_MIN_REQUESTS,
                   .probes = GW_CIRCUIT_PROBES,
                   .successes = GW_CIRCUIT_SUCCESSES,
                   .failure_on = GW_CIRCUIT_ON_ALL},
      .limits = {GW_CONCURRENCY_MAX_REQUESTS, GW_CONCURRENCY_MAX_REQUESTS, GW_CONCURRENCY_MAX_REQUESTS},
  };
  const struct gw_yaml_node *limits = gw_yaml_find(service, "limits");
  out.has_breaker = out.node != NULL;
  if (out.node != NULL && out.node->kind == GW_YAML_SCALAR) {
    gw_reader_bool(reader, out.node, "circuit_breaker (a mapping otherwise)", &out.has_breaker);
  } else if (out.node != NULL) {
    read_breaker(reader, out.node, &out.breaking);
  }
  if (limits == NULL || !gw_reader_is_mapping(reader, limits, "limits", limit_keys)) return out;
  read_limit(reader, limits, "max_connections", &out.limits.max_connections);
  read_limit(reader, limits, "max_pending_requests", &out.limits.max_pending_requests);
  read_limit(reader, limits, "max_requests", &out.limits.max_requests);
  return out;
}

void gw_service_protection_check(const struct gw_reader *reader, const struct gw_settings *settings,
                                 const struct gw_service_list *services) {
  if (settings->circuit_breaker != GW_SWITCH_OFF) return;
  for (uint32_t i = 0; i < services->count; i++) {
    const struct gw_service_protection *protection = &services->items[i].protection;
    if (!protection->has_breaker) continue;
    gw_reader_warn(reader, protection->node, "CIRCUIT_BREAKER_ENABLED is false: %.*s has no circuit breaker",
                   GW_STR_ARG(services->items[i].name));
  }
}

/* Of an endpoint at a time, and by failures in a row: the nearest that Envoy has. Ejected for as long as the breaker would be open. */
static const struct gw_outlier_detection *new_stand_in(const struct gw_circuit_breaking *breaking, struct gw_arena *arena) {
  struct gw_outlier_detection *out = gw_arena_calloc(arena, 1, sizeof(*out));
  uint32_t count = breaking->failures > 0 ? breaking->failures : STAND_IN_CONSECUTIVE;
  bool has_5xx = (breaking->failure_on & GW_CIRCUIT_ON_5XX) != 0;
  *out = (struct gw_outlier_detection){.interval_ms = GW_OUTLIER_INTERVAL_MS,
                                       .base_ejection_ms = breaking->open_ms,
                                       .max_ejection_ms = breaking->open_ms,
                                       .max_ejection_percent = 100,
                                       .may_always_eject_one = true,
                                       .consecutive_5xx = count,
                                       .consecutive_5xx_enforcing_percent = has_5xx ? 100 : 0,
                                       .consecutive_gateway_failure = count,
                                       .consecutive_gateway_failure_enforcing_percent = 100,
                                       .success_rate_minimum_hosts = GW_OUTLIER_MINIMUM_HOSTS,
                                       .success_rate_request_volume = GW_OUTLIER_REQUEST_VOLUME,
                                       .success_rate_stdev_factor = GW_OUTLIER_STDEV_FACTOR};
  return out;
}

const struct gw_circuit_breaking *gw_service_protection_translate(const struct gw_service_protection *protection, enum gw_switch enabled,
                                                                  const struct gw_outlier_detection *outlier, struct gw_arena *arena,
                                                                  const struct gw_outlier_detection **ret_outlier) {
  bool is_on = enabled == GW_SWITCH_AUTO ? protection->has_breaker : enabled == GW_SWITCH_ON;
  if (enabled == GW_SWITCH_ON && protection->node != NULL) is_on = protection->has_breaker; /* a service may refuse it */
  *ret_outlier = outlier;
  if (!is_on) return NULL;
  struct gw_circuit_breaking *breaking = gw_arena_calloc(arena, 1, sizeof(*breaking));
  *breaking = protection->breaking;
  breaking->has_stand_in = outlier == NULL;
  if (outlier == NULL) *ret_outlier = new_stand_in(breaking, arena);
  return breaking;
}

const struct gw_concurrency_limits *gw_service_limits_translate(const struct gw_service_protection *protection) {
  for (int what = 0; what < GW_CONCURRENCY_COUNT; what++)
    if (gw_concurrency_limit(&protection->limits, (enum gw_concurrency)what) != GW_CONCURRENCY_UNLIMITED) return &protection->limits;
  return NULL;
}
