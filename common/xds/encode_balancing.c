#include "common/xds/encode.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Cluster__V3__Cluster__SlowStartConfig SlowStartConfig;
#define POLICY(name) ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__##name
#define CONFIG(name) ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_##name##_LB_CONFIG
#define DESCRIPTOR(name) &envoy__config__cluster__v3__cluster__##name##__descriptor

static Envoy__Type__V3__Percent *encode_percent(struct gw_arena *arena, double value) {
  Envoy__Type__V3__Percent *m = gw_xds_encode_new(arena, &envoy__type__v3__percent__descriptor);
  m->value = value;
  return m;
}

/* Envoy wants a name to override it by. */
static Envoy__Config__Core__V3__RuntimeDouble *encode_double(struct gw_arena *arena, double value, const char *runtime_key) {
  Envoy__Config__Core__V3__RuntimeDouble *m = gw_xds_encode_new(arena, &envoy__config__core__v3__runtime_double__descriptor);
  m->default_value = value;
  m->runtime_key = gw_xds_encode_str(arena, gw_str_from(runtime_key));
  return m;
}

static Google__Protobuf__UInt64Value *encode_u64(struct gw_arena *arena, uint64_t value) {
  Google__Protobuf__UInt64Value *m = gw_xds_encode_new(arena, &google__protobuf__uint64_value__descriptor);
  m->value = value;
  return m;
}

static SlowStartConfig *encode_slow_start(struct gw_arena *arena, const struct gw_slow_start *slow) {
  if (slow->window_ms == 0) return NULL;
  SlowStartConfig *m = gw_xds_encode_new(arena, DESCRIPTOR(slow_start_config));
  m->slow_start_window = gw_xds_encode_duration(arena, slow->window_ms);
  m->aggression = encode_double(arena, slow->aggression, "gateway.slow_start.aggression");
  m->min_weight_percent = encode_percent(arena, slow->min_weight_percent);
  return m;
}

static void encode_round_robin(struct gw_arena *arena, const struct gw_load_balancing *balancing, Cluster *m) {
  m->lb_policy = POLICY(ROUND_ROBIN);
  if (balancing->slow_start.window_ms == 0) return;
  m->lb_config_case = CONFIG(ROUND_ROBIN);
  m->round_robin_lb_config = gw_xds_encode_new(arena, DESCRIPTOR(round_robin_lb_config));
  m->round_robin_lb_config->slow_start_config = encode_slow_start(arena, &balancing->slow_start);
}

static void encode_least_request(struct gw_arena *arena, const struct gw_load_balancing *balancing, Cluster *m) {
  m->lb_policy = POLICY(LEAST_REQUEST);
  m->lb_config_case = CONFIG(LEAST_REQUEST);
  m->least_request_lb_config = gw_xds_encode_new(arena, DESCRIPTOR(least_request_lb_config));
  m->least_request_lb_config->choice_count = gw_xds_encode_u32(arena, balancing->choice_count);
  m->least_request_lb_config->active_request_bias =
      encode_double(arena, balancing->active_request_bias, "gateway.least_request.active_request_bias");
  m->least_request_lb_config->slow_start_config = encode_slow_start(arena, &balancing->slow_start);
}

void gw_xds_encode_balancing(struct gw_arena *arena, const struct gw_load_balancing *balancing, Cluster *m) {
  m->common_lb_config = gw_xds_encode_new(arena, DESCRIPTOR(common_lb_config));
  m->common_lb_config->healthy_panic_threshold = encode_percent(arena, balancing->panic_threshold_percent);
  m->common_lb_config->ignore_new_hosts_until_first_hc = balancing->has_uncounted_new;
  switch (balancing->policy) {
  case GW_LB_ROUND_ROBIN: encode_round_robin(arena, balancing, m); break;
  case GW_LB_LEAST_REQUEST: encode_least_request(arena, balancing, m); break;
  case GW_LB_RING_HASH:
    m->lb_policy = POLICY(RING_HASH);
    m->lb_config_case = CONFIG(RING_HASH);
    m->ring_hash_lb_config = gw_xds_encode_new(arena, DESCRIPTOR(ring_hash_lb_config));
    m->ring_hash_lb_config->minimum_ring_size = encode_u64(arena, balancing->ring_size_min);
    m->ring_hash_lb_config->maximum_ring_size = encode_u64(arena, balancing->ring_size_max);
    break;
  case GW_LB_RANDOM: m->lb_policy = POLICY(RANDOM); break;
  case GW_LB_MAGLEV:
    m->lb_policy = POLICY(MAGLEV);
    m->lb_config_case = CONFIG(MAGLEV);
    m->maglev_lb_config = gw_xds_encode_new(arena, DESCRIPTOR(maglev_lb_config));
    m->maglev_lb_config->table_size = encode_u64(arena, balancing->table_size);
    break;
  }
}
