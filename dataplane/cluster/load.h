/* Why: how much each priority of a cluster gets, and which of its endpoints may have it: failover, panic and slow start, worked out when
 * endpoints or their health change, so that a pick has nothing to think about.
 * Life: gw_load_build … gw_load_free; borrows the endpoints and the settings. Frozen; shared by all workers.
 * Thread: any. */
#ifndef GW_DATAPLANE_CLUSTER_LOAD_H
#define GW_DATAPLANE_CLUSTER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/model/cluster.h"
#include "common/net/address.h"

struct gw_host;

struct gw_frozen_endpoint {
  struct gw_address address;
  struct gw_str text; /* "127.0.0.1:80" */
  uint32_t weight;
  uint32_t priority;
  bool is_healthy;
  bool is_new;          /* not well, only since it waits for its first health check */
  bool is_wanted;       /* the configuration takes it for healthy */
  struct gw_host *host; /* a reference; NULL: nobody looks after it */
  uint64_t fresh_ms;    /* when it became known, or healthy again; 0: it was from the beginning */
};

/* One priority that gets something. */
struct gw_load_level {
  uint32_t priority;
  uint32_t share;      /* in percent; of all levels 100 */
  bool is_panicking;   /* too few are healthy: all are used */
  uint64_t weight_sum; /* of the usable ones, with all of their weight; the least and the greatest are next */
  uint32_t weight_min;
  uint32_t weight_max;
  const struct gw_load_balancing *balancing;
  const struct gw_frozen_endpoint *endpoints; /* the cluster's */
  const uint32_t *usable;                     /* indexes of those that may be picked */
  uint32_t usable_count;                      /* at least 1 */
  uint64_t slow_until_ms;                     /* then the last of them has its whole weight; 0: all have */
  const void *plan;                           /* the balancer's tables, or NULL */
};

struct gw_load {
  struct gw_arena arena;
  struct gw_load_level *levels; /* by priority */
  uint32_t level_count;         /* 0: nothing can be picked */
};

struct gw_load *gw_load_build(const struct gw_load_balancing *balancing, const struct gw_frozen_endpoint *endpoints, uint32_t count);
void gw_load_free(struct gw_load *load);

/* The weight of the endpoint at `position` of `usable` at that time (SlowStartConfig). */
double gw_load_weight(const struct gw_load_level *level, uint32_t position, uint64_t now_ms);

/* What each priority has, and what it gets. */
struct gw_load_part {
  uint32_t endpoint_count;
  uint32_t healthy_count;
  uint32_t ret_share; /* in percent */
  bool ret_is_panicking;
};
/* Envoy's rules ("priority levels", "panic threshold"): a priority that has lost less than 2/7 of its endpoints (overprovisioning
 * factor 1.4) still takes everything that is left for it, beyond that the rest spills to the next. Where all together can't take 100 %,
 * each gets its part of what they can, and those with fewer healthy endpoints than the threshold use all of theirs. If that is so
 * everywhere, the load goes by the number of endpoints. Nothing healthy and no panic: priority 0 gets it all, and has nobody to give it to.
 */
void gw_load_spread(struct gw_load_part *parts, uint32_t count, uint32_t panic_threshold_percent);

#endif
