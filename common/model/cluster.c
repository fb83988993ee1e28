#include "common/model/cluster.h"

const char *gw_lb_policy_name(enum gw_lb_policy policy) {
  static const char *const names[GW_LB_POLICY_COUNT] = {
      [GW_LB_ROUND_ROBIN] = "ROUND_ROBIN", [GW_LB_LEAST_REQUEST] = "LEAST_REQUEST",
      [GW_LB_RING_HASH] = "RING_HASH",     [GW_LB_RANDOM] = "RANDOM",
      [GW_LB_MAGLEV] = "MAGLEV",
  };
  return names[policy];
}

struct gw_load_balancing gw_load_balancing_default(enum gw_lb_policy policy) {
  struct gw_load_balancing out = {.policy = policy, .panic_threshold_percent = GW_LB_PANIC_THRESHOLD_PERCENT};
  switch (policy) {
  case GW_LB_LEAST_REQUEST:
    out.choice_count = GW_LB_CHOICE_COUNT;
    out.active_request_bias = GW_LB_ACTIVE_REQUEST_BIAS;
    break;
  case GW_LB_RING_HASH:
    out.ring_size_min = GW_LB_RING_SIZE_MIN;
    out.ring_size_max = GW_LB_RING_SIZE_MAX;
    break;
  case GW_LB_MAGLEV: out.table_size = GW_LB_TABLE_SIZE; break;
  case GW_LB_ROUND_ROBIN:
  case GW_LB_RANDOM: break;
  }
  return out;
}

bool gw_lb_table_size_is_valid(uint32_t size) {
  if (size > GW_LB_TABLE_SIZE_MAX) return false;
  for (uint32_t i = 2; i * i <= size; i++)
    if (size % i == 0) return false;
  return size > 1;
}
