/* Why: what browsers ask before and after requests from other origins (envoy.filters.http.cors; the Fetch standard's CORS protocol):
 * preflights are answered here, before authentication, since they have no credentials.
 * Life: a constant. Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_CORS_H
#define GW_DATAPLANE_FILTERS_CORS_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_cors;

#endif
