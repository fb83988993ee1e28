#include "dataplane/cluster/lb/balancer.h"

const struct gw_balancer *gw_balancer_get(enum gw_lb_policy policy) {
  static const struct gw_balancer *const balancers[GW_LB_POLICY_COUNT] = {
      [GW_LB_ROUND_ROBIN] = &gw_balancer_round_robin, [GW_LB_LEAST_REQUEST] = &gw_balancer_least_request,
      [GW_LB_RING_HASH] = &gw_balancer_ring_hash,     [GW_LB_RANDOM] = &gw_balancer_random,
      [GW_LB_MAGLEV] = &gw_balancer_maglev,
  };
  return balancers[policy];
}
