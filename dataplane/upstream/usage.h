/* Why: how much of a service is in use, over all workers of the process, beside how much may be: Envoy's concurrency limits without a lock.
 * Life: ref-counted; one a cluster, carried from configuration to configuration, since what is in use outlives them.
 * Thread: any. */
#ifndef GW_DATAPLANE_UPSTREAM_USAGE_H
#define GW_DATAPLANE_UPSTREAM_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/circuit_breaker.h"

struct gw_upstream_usage;

struct gw_upstream_usage *gw_upstream_usage_new(void);
struct gw_upstream_usage *gw_upstream_usage_ref(struct gw_upstream_usage *usage);
void gw_upstream_usage_unref(struct gw_upstream_usage *usage);

/* One more, unless there are `max` already; given back with gw_upstream_usage_give. */
bool gw_upstream_usage_take(struct gw_upstream_usage *usage, enum gw_concurrency limit, uint32_t max);
/* One more, however many there are. */
void gw_upstream_usage_take_anyway(struct gw_upstream_usage *usage, enum gw_concurrency limit);
void gw_upstream_usage_give(struct gw_upstream_usage *usage, enum gw_concurrency limit);
uint32_t gw_upstream_usage_get(const struct gw_upstream_usage *usage, enum gw_concurrency limit);

#endif
