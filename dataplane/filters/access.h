/* Why: before credentials are looked at: 403 for addresses that a route is not for, 429 for those that have shown too many bad credentials
 * (gateway.filters.http.v1.Access). Life: a constant. Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_ACCESS_H
#define GW_DATAPLANE_FILTERS_ACCESS_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_access;

#endif
