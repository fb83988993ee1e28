/* When requests are sent again: the policies of routes and virtual hosts, and how much of that a cluster bears. */
#include <string.h>

#include "common/base/mem.h"
#include "common/xds/decode.h"
#include "common/xds/wire.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb-c.h"

#define STATUS_CODES_MAX 64
#define HOST_ATTEMPTS_MAX 1000
#define PREVIOUS_HOSTS "envoy.retry_host_predicates.previous_hosts"

typedef Envoy__Config__Route__V3__RetryPolicy RetryPolicy;

static uint32_t decode_on(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *text) {
  struct gw_str rest = gw_wire_str(text), word;
  uint32_t on = 0;
  while (rest.len > 0 && gw_str_split_next(&rest, ',', &word)) {
    word = gw_str_trim(word);
    uint32_t bit = gw_retry_on_find(word);
    if (bit == 0) gw_xds_refuse(d, place, "\"%.*s\" is not one of " GW_RETRY_ON_WORDS, GW_STR_ARG(word));
    on |= bit;
  }
  return on;
}

static void decode_status_codes(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RetryPolicy *m,
                                struct gw_retry_policy *out) {
  if (m->n_retriable_status_codes == 0) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "retriable_status_codes");
  if (m->n_retriable_status_codes > STATUS_CODES_MAX) {
    gw_xds_refuse(d, at, "are %zu; at most %d are allowed", m->n_retriable_status_codes, STATUS_CODES_MAX);
    return;
  }
  uint32_t *codes = gw_arena_calloc(d->arena, m->n_retriable_status_codes, sizeof *codes);
  for (size_t i = 0; i < m->n_retriable_status_codes; i++) {
    codes[i] = m->retriable_status_codes[i];
    if (codes[i] < 100 || codes[i] > 599)
      gw_xds_refuse(d, GW_XDS_ITEM(place, "retriable_status_codes", i), "is %u; allowed is 100 to 599", codes[i]);
  }
  out->status_codes = codes;
  out->status_code_count = (uint32_t)m->n_retriable_status_codes;
}

static void decode_hosts(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RetryPolicy *m, struct gw_retry_policy *out) {
  for (size_t i = 0; i < m->n_retry_host_predicate; i++) {
    const Envoy__Config__Route__V3__RetryPolicy__RetryHostPredicate *predicate = m->retry_host_predicate[i];
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "retry_host_predicate", i);
    if (predicate->typed_config != NULL)
      gw_xds_decode_any(d, GW_XDS_FIELD(at, "typed_config"), predicate->typed_config,
                        &envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate__descriptor);
    else if (strcmp(predicate->name, PREVIOUS_HOSTS) != 0)
      gw_xds_refuse(d, GW_XDS_FIELD(at, "name"), "only " PREVIOUS_HOSTS " is supported");
    out->avoids_previous_hosts = true;
  }
  int64_t attempts = m->host_selection_retry_max_attempts;
  if (attempts < 0 || attempts > HOST_ATTEMPTS_MAX)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "host_selection_retry_max_attempts"), "allowed is 0 to %d", HOST_ATTEMPTS_MAX);
  else
    out->host_attempts = attempts > 0 ? (uint32_t)attempts : GW_RETRY_HOST_ATTEMPTS;
}

static void decode_backoff(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                           const Envoy__Config__Route__V3__RetryPolicy__RetryBackOff *m, struct gw_retry_policy *out) {
  out->backoff_base_ms = GW_RETRY_BACKOFF_BASE_MS;
  if (m != NULL) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "base_interval");
    out->backoff_base_ms = gw_xds_decode_duration(d, at, m->base_interval, 0);
    if (out->backoff_base_ms == 0) gw_xds_refuse(d, at, "must be 1 ms or more");
  }
  uint64_t max_ms = out->backoff_base_ms * GW_RETRY_BACKOFF_FACTOR;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "max_interval");
  out->backoff_max_ms = gw_xds_decode_duration(d, at, m != NULL ? m->max_interval : NULL, max_ms);
  if (out->backoff_max_ms < out->backoff_base_ms) gw_xds_refuse(d, at, "must not be less than base_interval");
}

const struct gw_retry_policy *gw_xds_decode_retry_policy(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RetryPolicy *m,
                                                         uint64_t buffer_bytes) {
  if (m == NULL) return NULL;
  struct gw_retry_policy *policy = gw_arena_calloc(d->arena, 1, sizeof *policy);
  policy->on = decode_on(d, GW_XDS_FIELD(place, "retry_on"), m->retry_on);
  policy->count = m->num_retries != NULL ? m->num_retries->value : GW_RETRY_COUNT;
  policy->per_try_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "per_try_timeout"), m->per_try_timeout, 0);
  policy->per_try_idle_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "per_try_idle_timeout"), m->per_try_idle_timeout, 0);
  policy->buffer_bytes = buffer_bytes;
  decode_status_codes(d, place, m, policy);
  decode_hosts(d, place, m, policy);
  decode_backoff(d, GW_XDS_FIELD(place, "retry_back_off"), m->retry_back_off, policy);
  return policy;
}

/* The route's own, or its virtual host's with the route's limit. */
const struct gw_retry_policy *gw_xds_decode_route_retry(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                        const Envoy__Config__Route__V3__Route *m, const struct gw_retry_policy *inherited,
                                                        uint64_t inherited_bytes) {
  uint64_t bytes = m->request_body_buffer_limit != NULL ? m->request_body_buffer_limit->value : inherited_bytes;
  if (m->route->retry_policy != NULL)
    return gw_xds_decode_retry_policy(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "route"), "retry_policy"), m->route->retry_policy, bytes);
  if (inherited == NULL || inherited->buffer_bytes == bytes) return inherited;
  struct gw_retry_policy *policy = gw_arena_calloc(d->arena, 1, sizeof *policy);
  *policy = *inherited;
  policy->buffer_bytes = bytes;
  return policy;
}

struct gw_retry_budget_limits gw_xds_decode_retry_budget(struct gw_xds_decoder *d, const Envoy__Config__Cluster__V3__CircuitBreakers *m) {
  struct gw_retry_budget_limits out = {.percent = 0, .min_concurrency = GW_RETRY_MAX};
  if (m == NULL || m->n_thresholds == 0) return out;
  const struct gw_xds_place *breakers = GW_XDS_FIELD(NULL, "circuit_breakers");
  const struct gw_xds_place *place = GW_XDS_ITEM(breakers, "thresholds", 0);
  const Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *thresholds = m->thresholds[0];
  if (m->n_thresholds > 1 || thresholds->priority != ENVOY__CONFIG__CORE__V3__ROUTING_PRIORITY__DEFAULT)
    gw_xds_refuse(d, GW_XDS_FIELD(breakers, "thresholds"), "only one, of DEFAULT priority, is supported");
  out.min_concurrency = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_retries"), thresholds->max_retries, GW_RETRY_MAX, 0, UINT32_MAX);
  const Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds__RetryBudget *budget = thresholds->retry_budget;
  if (budget == NULL) return out;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "retry_budget");
  out.percent = budget->budget_percent != NULL ? budget->budget_percent->value : GW_RETRY_BUDGET_PERCENT;
  if (!(out.percent >= 0 && out.percent <= 100)) gw_xds_refuse(d, GW_XDS_FIELD(at, "budget_percent"), "must be 0 to 100");
  out.min_concurrency =
      gw_xds_decode_u32(d, GW_XDS_FIELD(at, "min_retry_concurrency"), budget->min_retry_concurrency, GW_RETRY_BUDGET_MIN, 0, UINT32_MAX);
  return out;
}
