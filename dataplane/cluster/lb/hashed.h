/* Why: what the balancers that go by a hash share: they have a plan and no state but where to draw when a request has no hash.
 * Life: as the balancer's states.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_CLUSTER_LB_HASHED_H
#define GW_DATAPLANE_CLUSTER_LB_HASHED_H

#include "dataplane/cluster/lb/balancer.h"

struct gw_hashed {
  const struct gw_load_level *level;
  struct gw_random *random;
};

void *gw_hashed_build(const struct gw_load_level *level, const struct gw_balancer_worker *worker);
/* The sum of the weights of level->usable, and the least and the greatest of them. */
void gw_hashed_weigh(const struct gw_load_level *level, uint64_t *ret_sum, uint32_t *ret_least, uint32_t *ret_greatest);

#endif
