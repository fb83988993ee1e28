/* Why: envoy.filters.http.local_ratelimit: limits of a route or listener by descriptors, as Envoy counts them, over all workers.
 * Life: a constant table.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_LOCAL_LIMIT_H
#define GW_DATAPLANE_FILTERS_LOCAL_LIMIT_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_local_limit;

#endif
