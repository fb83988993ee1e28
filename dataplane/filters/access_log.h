/* Why: what a route has instead of the listener's access-log filters (gateway.filters.http.v1.AccessLogPerRoute); listeners don't have it,
 * and it does nothing on a request's way: the stream asks for it at the end. Life: a constant. Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_ACCESS_LOG_H
#define GW_DATAPLANE_FILTERS_ACCESS_LOG_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_access_log;

#endif
