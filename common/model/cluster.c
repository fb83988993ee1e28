#include "common/model/cluster.h"

const char *gw_lb_policy_name(enum gw_lb_policy policy) {
  static const char *const names[GW_LB_POLICY_COUNT] = {
      [GW_LB_ROUND_ROBIN] = "ROUND_ROBIN", [GW_LB_LEAST_REQUEST] = "LEAST_REQUEST",
      [GW_LB_RING_HASH] = "RING_HASH",     [GW_LB_RANDOM] = "RANDOM",
      [GW_LB_MAGLEV] = "MAGLEV",
  };
  return names[policy];
}
