/* Why: /health, /ready and /metrics on the traffic port, before any route.
 * Life: a constant table; settings lie in the frozen listener.
 * Thread: build: main. The rest: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_NODE_ENDPOINTS_H
#define GW_DATAPLANE_FILTERS_NODE_ENDPOINTS_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_node_endpoints;

#endif
