#include "dataplane/cluster/lb/balancer.h"

static const struct gw_balancer *const balancers[] = {&gw_balancer_round_robin};

const struct gw_balancer *gw_balancer_find(enum gw_lb_policy policy) {
  for (size_t i = 0; i < sizeof(balancers) / sizeof(balancers[0]); i++)
    if (balancers[i]->policy == policy) return balancers[i];
  GW_PANIC("no balancer for policy %d", (int)policy);
}
