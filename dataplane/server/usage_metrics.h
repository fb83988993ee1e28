/* Why: how much of each service's limits is in use, over all workers, as metrics.
 * Life: no objects kept.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_USAGE_METRICS_H
#define GW_DATAPLANE_SERVER_USAGE_METRICS_H

#include "common/observe/metrics.h"
#include "dataplane/pipeline/frozen.h"

/* `frozen` may be NULL. Services beyond the first `room` are one, "other", and have no limits. */
void gw_usage_metrics_write(const struct gw_frozen *frozen, uint32_t room, struct gw_metrics_writer *writer);

#endif
