#include "common/base/mem.h"
#include "common/xds/encode.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb-c.h"

typedef Envoy__Config__Route__V3__RetryPolicy RetryPolicy;

static char *encode_on(struct gw_arena *arena, uint32_t on) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
  for (uint32_t i = 0; i < GW_RETRY_ON_COUNT; i++) {
    if ((on & 1u << i) == 0) continue;
    if (words.len > 0) gw_strbuf_append_char(&words, ',');
    gw_strbuf_append_str(&words, gw_str_from(gw_retry_on_name(1u << i)));
  }
  return gw_xds_encode_str(arena, gw_strbuf_str(&words));
}

static void encode_hosts(struct gw_arena *arena, const struct gw_retry_policy *policy, RetryPolicy *m) {
  m->host_selection_retry_max_attempts = policy->host_attempts;
  if (!policy->avoids_previous_hosts) return;
  Envoy__Config__Route__V3__RetryPolicy__RetryHostPredicate *predicate =
      gw_xds_encode_new(arena, &envoy__config__route__v3__retry_policy__retry_host_predicate__descriptor);
  const ProtobufCMessage *config =
      gw_xds_encode_new(arena, &envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate__descriptor);
  predicate->name = gw_xds_encode_str(arena, GW_STR("envoy.retry_host_predicates.previous_hosts"));
  predicate->config_type_case = ENVOY__CONFIG__ROUTE__V3__RETRY_POLICY__RETRY_HOST_PREDICATE__CONFIG_TYPE_TYPED_CONFIG;
  predicate->typed_config = gw_xds_encode_any(arena, config);
  m->n_retry_host_predicate = 1;
  m->retry_host_predicate = gw_xds_encode_array(arena, 1);
  m->retry_host_predicate[0] = predicate;
}

RetryPolicy *gw_xds_encode_retry_policy(struct gw_arena *arena, const struct gw_retry_policy *policy) {
  RetryPolicy *m = gw_xds_encode_new(arena, &envoy__config__route__v3__retry_policy__descriptor);
  m->retry_on = encode_on(arena, policy->on);
  m->num_retries = gw_xds_encode_u32(arena, policy->count);
  if (policy->per_try_timeout_ms != 0) m->per_try_timeout = gw_xds_encode_duration(arena, policy->per_try_timeout_ms);
  if (policy->per_try_idle_timeout_ms != 0) m->per_try_idle_timeout = gw_xds_encode_duration(arena, policy->per_try_idle_timeout_ms);
  encode_hosts(arena, policy, m);
  if (policy->status_code_count > 0) {
    m->n_retriable_status_codes = policy->status_code_count;
    m->retriable_status_codes = gw_arena_calloc(arena, policy->status_code_count, sizeof(uint32_t));
    memcpy(m->retriable_status_codes, policy->status_codes, policy->status_code_count * sizeof(uint32_t));
  }
  m->retry_back_off = gw_xds_encode_new(arena, &envoy__config__route__v3__retry_policy__retry_back_off__descriptor);
  m->retry_back_off->base_interval = gw_xds_encode_duration(arena, policy->backoff_base_ms);
  m->retry_back_off->max_interval = gw_xds_encode_duration(arena, policy->backoff_max_ms);
  return m;
}

Google__Protobuf__UInt64Value *gw_xds_encode_retry_buffer(struct gw_arena *arena, const struct gw_retry_policy *policy) {
  Google__Protobuf__UInt64Value *value = gw_xds_encode_new(arena, &google__protobuf__uint64_value__descriptor);
  value->value = policy->buffer_bytes;
  return value;
}

Envoy__Config__Cluster__V3__CircuitBreakers *gw_xds_encode_retry_budget(struct gw_arena *arena,
                                                                        const struct gw_retry_budget_limits *limits) {
  Envoy__Config__Cluster__V3__CircuitBreakers *m = gw_xds_encode_new(arena, &envoy__config__cluster__v3__circuit_breakers__descriptor);
  Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *thresholds =
      gw_xds_encode_new(arena, &envoy__config__cluster__v3__circuit_breakers__thresholds__descriptor);
  Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds__RetryBudget *budget =
      gw_xds_encode_new(arena, &envoy__config__cluster__v3__circuit_breakers__thresholds__retry_budget__descriptor);
  budget->budget_percent = gw_xds_encode_new(arena, &envoy__type__v3__percent__descriptor);
  budget->budget_percent->value = limits->percent;
  budget->min_retry_concurrency = gw_xds_encode_u32(arena, limits->min_concurrency);
  thresholds->retry_budget = budget;
  m->n_thresholds = 1;
  m->thresholds = gw_xds_encode_array(arena, 1);
  m->thresholds[0] = thresholds;
  return m;
}
