/* Why: gateway.filters.http.rate_limit: limits of routes, services, plans and all requests together, counted in this process or, with all
 * data planes, in Redis.
 * Life: a constant table.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_RATE_LIMIT_H
#define GW_DATAPLANE_FILTERS_RATE_LIMIT_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_rate_limit;

#endif
