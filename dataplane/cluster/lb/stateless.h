/* Why: what the balancers share that keep nothing from one pick to the next: a level, and where to draw.
 * Life: as the balancer's states; freed by free().
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_CLUSTER_LB_STATELESS_H
#define GW_DATAPLANE_CLUSTER_LB_STATELESS_H

#include "dataplane/cluster/lb/balancer.h"

struct gw_stateless {
  const struct gw_load_level *level;
  struct gw_random *random;
};

void *gw_stateless_build(const struct gw_load_level *level, const struct gw_balancer_worker *worker);

#endif
