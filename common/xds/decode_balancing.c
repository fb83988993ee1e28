#include <math.h>

#include "common/base/mem.h"
#include "common/xds/decode.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Cluster__V3__Cluster__SlowStartConfig SlowStartConfig;
typedef Envoy__Config__Cluster__V3__Cluster__RoundRobinLbConfig RoundRobinConfig;
typedef Envoy__Config__Cluster__V3__Cluster__LeastRequestLbConfig LeastRequestConfig;
typedef Envoy__Config__Cluster__V3__Cluster__RingHashLbConfig RingHashConfig;
typedef Envoy__Config__Cluster__V3__Cluster__MaglevLbConfig MaglevConfig;
#define POLICY(name) ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__##name
#define CONFIG(name) ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_##name##_LB_CONFIG

/* The config that goes with each policy: one of another would be said and not done. */
static const struct policy {
  int wire;
  enum gw_lb_policy policy;
  int config; /* of lb_config; 0: none */
} policies[] = {
    {POLICY(ROUND_ROBIN), GW_LB_ROUND_ROBIN, CONFIG(ROUND_ROBIN)},
    {POLICY(LEAST_REQUEST), GW_LB_LEAST_REQUEST, CONFIG(LEAST_REQUEST)},
    {POLICY(RING_HASH), GW_LB_RING_HASH, CONFIG(RING_HASH)},
    {POLICY(RANDOM), GW_LB_RANDOM, 0},
    {POLICY(MAGLEV), GW_LB_MAGLEV, CONFIG(MAGLEV)},
};

static double decode_percent(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Type__V3__Percent *m, double absent) {
  if (m == NULL) return absent;
  if (m->value >= 0 && m->value <= 100) return m->value;
  gw_xds_refuse(d, place, "is %g; allowed is 0 to 100", m->value);
  return absent;
}

/* `is_open`: more than 0; else 0 is allowed, too. */
static double decode_double(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Core__V3__RuntimeDouble *m,
                            bool is_open, double absent) {
  if (m == NULL) return absent;
  double value = m->default_value;
  if (isfinite(value) && (is_open ? value > 0 : value >= 0)) return value;
  gw_xds_refuse(d, GW_XDS_FIELD(place, "default_value"), "is %g; allowed is %s", value, is_open ? "more than 0" : "0 and more");
  return absent;
}

static uint32_t decode_size(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__UInt64Value *m,
                            uint32_t absent, uint32_t min, uint32_t max) {
  if (m == NULL) return absent;
  if (m->value >= min && m->value <= max) return (uint32_t)m->value;
  gw_xds_refuse(d, place, "is %llu; allowed is %u to %u", (unsigned long long)m->value, min, max);
  return absent;
}

static struct gw_slow_start decode_slow_start(struct gw_xds_decoder *d, const struct gw_xds_place *place, const SlowStartConfig *m) {
  struct gw_slow_start slow = {0};
  if (m == NULL) return slow;
  slow.window_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "slow_start_window"), m->slow_start_window, 0);
  slow.aggression = decode_double(d, GW_XDS_FIELD(place, "aggression"), m->aggression, true, GW_LB_AGGRESSION);
  slow.min_weight_percent = decode_percent(d, GW_XDS_FIELD(place, "min_weight_percent"), m->min_weight_percent, GW_LB_MIN_WEIGHT_PERCENT);
  return slow.window_ms > 0 ? slow : (struct gw_slow_start){0};
}

static void decode_round_robin(struct gw_xds_decoder *d, const RoundRobinConfig *m, struct gw_load_balancing *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(GW_XDS_FIELD(NULL, "round_robin_lb_config"), "slow_start_config");
  out->slow_start = decode_slow_start(d, place, m->slow_start_config);
}

static void decode_least_request(struct gw_xds_decoder *d, const LeastRequestConfig *m, struct gw_load_balancing *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(NULL, "least_request_lb_config");
  out->choice_count = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "choice_count"), m->choice_count, GW_LB_CHOICE_COUNT, 2, UINT32_MAX);
  out->active_request_bias =
      decode_double(d, GW_XDS_FIELD(place, "active_request_bias"), m->active_request_bias, false, GW_LB_ACTIVE_REQUEST_BIAS);
  out->slow_start = decode_slow_start(d, GW_XDS_FIELD(place, "slow_start_config"), m->slow_start_config);
}

static void decode_ring_hash(struct gw_xds_decoder *d, const RingHashConfig *m, struct gw_load_balancing *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(NULL, "ring_hash_lb_config");
  if (m->hash_function != ENVOY__CONFIG__CLUSTER__V3__CLUSTER__RING_HASH_LB_CONFIG__HASH_FUNCTION__XX_HASH)
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "hash_function"),
                       &envoy__config__cluster__v3__cluster__ring_hash_lb_config__hash_function__descriptor, (int)m->hash_function);
  const struct gw_xds_place *min = GW_XDS_FIELD(place, "minimum_ring_size"), *max = GW_XDS_FIELD(place, "maximum_ring_size");
  out->ring_size_min = decode_size(d, min, m->minimum_ring_size, GW_LB_RING_SIZE_MIN, 1, GW_LB_RING_SIZE_MAX);
  out->ring_size_max = decode_size(d, max, m->maximum_ring_size, GW_LB_RING_SIZE_MAX, 1, GW_LB_RING_SIZE_MAX);
  if (out->ring_size_min > out->ring_size_max) gw_xds_refuse(d, max, "must be at least the minimum, %u", out->ring_size_min);
}

static void decode_maglev(struct gw_xds_decoder *d, const MaglevConfig *m, struct gw_load_balancing *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(GW_XDS_FIELD(NULL, "maglev_lb_config"), "table_size");
  out->table_size = decode_size(d, place, m->table_size, GW_LB_TABLE_SIZE, 2, GW_LB_TABLE_SIZE_MAX);
  if (!gw_lb_table_size_is_valid(out->table_size)) gw_xds_refuse(d, place, "%u is no prime number", out->table_size);
}

static const struct policy *find_policy(int wire) {
  for (size_t i = 0; i < GW_ARRAY_LEN(policies); i++)
    if (policies[i].wire == wire) return &policies[i];
  return NULL;
}

struct gw_load_balancing gw_xds_decode_balancing(struct gw_xds_decoder *d, const Cluster *m) {
  const struct policy *policy = find_policy((int)m->lb_policy);
  struct gw_load_balancing out = gw_load_balancing_default(policy != NULL ? policy->policy : GW_LB_ROUND_ROBIN);
  if (m->common_lb_config != NULL) {
    const struct gw_xds_place *place = GW_XDS_FIELD(GW_XDS_FIELD(NULL, "common_lb_config"), "healthy_panic_threshold");
    double percent = decode_percent(d, place, m->common_lb_config->healthy_panic_threshold, GW_LB_PANIC_THRESHOLD_PERCENT);
    out.panic_threshold_percent = (uint32_t)(percent + 0.5);
    out.has_uncounted_new = m->common_lb_config->ignore_new_hosts_until_first_hc;
  }
  if (policy == NULL) {
    gw_xds_refuse_enum(d, GW_XDS_FIELD(NULL, "lb_policy"), &envoy__config__cluster__v3__cluster__lb_policy__descriptor, (int)m->lb_policy);
    return out;
  }
  if (m->lb_config_case == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG__NOT_SET) return out;
  if ((int)m->lb_config_case != policy->config) {
    gw_xds_refuse(d, GW_XDS_FIELD(NULL, "lb_config"), "is that of another policy than lb_policy says");
    return out;
  }
  switch (policy->policy) {
  case GW_LB_ROUND_ROBIN: decode_round_robin(d, m->round_robin_lb_config, &out); break;
  case GW_LB_LEAST_REQUEST: decode_least_request(d, m->least_request_lb_config, &out); break;
  case GW_LB_RING_HASH: decode_ring_hash(d, m->ring_hash_lb_config, &out); break;
  case GW_LB_MAGLEV: decode_maglev(d, m->maglev_lb_config, &out); break;
  case GW_LB_RANDOM: break;
  }
  return out;
}
