/* Why: how an endpoint is chosen: one constant table a policy, one file each.
 * Life: the tables are constants; a state lives from build to free, on one worker, for one set of endpoints.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_CLUSTER_LB_BALANCER_H
#define GW_DATAPLANE_CLUSTER_LB_BALANCER_H

#include "common/base/random.h"
#include "dataplane/cluster/frozen_cluster.h"

struct gw_balancer {
  enum gw_lb_policy policy;
  const char *name;
  /* For a cluster with usable endpoints, which outlives the state. Workers start apart from each other by `random`. */
  void *(*build)(const struct gw_frozen_cluster *cluster, struct gw_random *random);
  void (*free)(void *state);
  /* An index into cluster->endpoints. */
  uint32_t (*pick)(void *state);
};

/* Not NULL: every policy of the model has one. */
const struct gw_balancer *gw_balancer_find(enum gw_lb_policy policy);

extern const struct gw_balancer gw_balancer_round_robin;

#endif
