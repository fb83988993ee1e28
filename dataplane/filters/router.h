/* Why: the last filter: finds the route and answers directly, or sends the request to an endpoint of the route's cluster and hands the
 * answer back. Life: a constant table; its state is the stream's. Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_ROUTER_H
#define GW_DATAPLANE_FILTERS_ROUTER_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_router;

#endif
