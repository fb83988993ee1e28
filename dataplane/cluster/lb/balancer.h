/* Why: how an endpoint is chosen: one constant table a policy, one file each.
 * Life: the tables are constants. A plan lives with its level, shared by all workers; a state lives from build to free, on one worker, for
 * one level.
 * Thread: plans are built anywhere and only read; states are the worker's. */
#ifndef GW_DATAPLANE_CLUSTER_LB_BALANCER_H
#define GW_DATAPLANE_CLUSTER_LB_BALANCER_H

#include "common/base/random.h"
#include "dataplane/cluster/load.h"

/* What a request says about where it wants to go (RouteAction.hash_policy). */
struct gw_balancer_key {
  bool has_hash;
  uint64_t hash;
};

/* What a state may ask its worker; it outlives the state. */
struct gw_balancer_worker {
  struct gw_random *random;
  uint64_t (*now_ms)(void *arg);
  /* Requests that this worker has under way to an endpoint (index into level->endpoints). */
  uint32_t (*count_active)(void *arg, uint32_t endpoint);
  void *arg;
};

struct gw_balancer {
  bool has_hash; /* looks at the key */
  /* Tables that are the same for all workers, in the arena. NULL: needs none. */
  const void *(*plan)(const struct gw_load_level *level, struct gw_arena *arena);
  /* Level and worker outlive the state. Workers start apart from each other by `random`. */
  void *(*build)(const struct gw_load_level *level, const struct gw_balancer_worker *worker);
  void (*free)(void *state);
  /* An index into level->endpoints. */
  uint32_t (*pick)(void *state, const struct gw_balancer_key *key);
};

const struct gw_balancer *gw_balancer_get(enum gw_lb_policy policy);

extern const struct gw_balancer gw_balancer_round_robin;
extern const struct gw_balancer gw_balancer_least_request;
extern const struct gw_balancer gw_balancer_random;
extern const struct gw_balancer gw_balancer_ring_hash;
extern const struct gw_balancer gw_balancer_maglev;

#endif
