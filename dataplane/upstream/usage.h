/* Why: how much of a service is in use, over all workers of the process, beside how much may be: Envoy's concurrency limits without a lock.
 * Life: ref-counted; one a cluster, carried from configuration to configuration, since what is in use outlives them.
 * Thread: any. */
#ifndef GW_DATAPLANE_UPSTREAM_USAGE_H
#define GW_DATAPLANE_UPSTREAM_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/circuit_breaker.h"

enum gw_upstream_limit {
  GW_UPSTREAM_CONNECTIONS,
  GW_UPSTREAM_PENDING, /* requests that wait for a connection */
  GW_UPSTREAM_REQUESTS,
  GW_UPSTREAM_RETRIES,
  GW_UPSTREAM_LIMIT_COUNT,
};
/* "max_connections", "max_pending_requests", …: as in the configuration. */
const char *gw_upstream_limit_name(enum gw_upstream_limit limit);
uint32_t gw_concurrency_limit(const struct gw_concurrency_limits *limits, enum gw_upstream_limit limit);

struct gw_upstream_usage;

struct gw_upstream_usage *gw_upstream_usage_new(void);
struct gw_upstream_usage *gw_upstream_usage_ref(struct gw_upstream_usage *usage);
void gw_upstream_usage_unref(struct gw_upstream_usage *usage);

/* One more, unless there are `max` already; given back with gw_upstream_usage_give. */
bool gw_upstream_usage_take(struct gw_upstream_usage *usage, enum gw_upstream_limit limit, uint32_t max);
/* One more, however many there are. */
void gw_upstream_usage_take_anyway(struct gw_upstream_usage *usage, enum gw_upstream_limit limit);
void gw_upstream_usage_give(struct gw_upstream_usage *usage, enum gw_upstream_limit limit);
uint32_t gw_upstream_usage_get(const struct gw_upstream_usage *usage, enum gw_upstream_limit limit);

#endif
