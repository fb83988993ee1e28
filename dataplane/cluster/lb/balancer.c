#include "dataplane/cluster/lb/balancer.h"

static const struct gw_balancer *const balancers[GW_LB_POLICY_COUNT] = {
    &gw_balancer_round_robin, &gw_balancer_least_request, &gw_balancer_ring_hash, &gw_balancer_random, &gw_balancer_maglev,
};

const struct gw_balancer *gw_balancer_find(enum gw_lb_policy policy) {
  for (size_t i = 0; i < GW_LB_POLICY_COUNT; i++)
    if (balancers[i]->policy == policy) return balancers[i];
  GW_PANIC("no balancer for policy %d", (int)policy);
}
