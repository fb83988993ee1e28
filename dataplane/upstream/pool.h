/* Why: one worker's connections to one address: idle ones wait here, newest first, so that the fewest stay in use.
 * Life: gw_upstream_pool_new … gw_upstream_pool_free; attempts that are open then go on, and the pool goes with the last of them.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_POOL_H
#define GW_DATAPLANE_UPSTREAM_POOL_H

#include <stdint.h>

#include "common/event/loop.h"
#include "common/net/address.h"

struct gw_upstream_pool;

/* What the attempts of one cluster count together; they outlive its pools. */
struct gw_upstream_counts {
  uint64_t connections_active;
  uint64_t connections_total;
  uint64_t connect_failures_total;
  uint64_t requests_active;
  uint64_t retries_total;
};

/* Beyond this number of idle connections the oldest is closed. */
#define GW_UPSTREAM_IDLE_MAX 1024

/* 0 ms: no timeout. */
struct gw_upstream_pool *gw_upstream_pool_new(struct gw_loop *loop, const struct gw_address *address, uint64_t connect_timeout_ms,
                                              uint64_t idle_timeout_ms, struct gw_upstream_counts *counts);
void gw_upstream_pool_free(struct gw_upstream_pool *pool);
/* For connections made, or idle, from now on. */
void gw_upstream_pool_set_timeouts(struct gw_upstream_pool *pool, uint64_t connect_timeout_ms, uint64_t idle_timeout_ms);

#endif
