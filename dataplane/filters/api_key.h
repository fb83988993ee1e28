/* Why: authenticates requests by API keys (gateway.filters.http.api_key), behind tokens.
 * Life: constant.
 * Thread: any. */
#ifndef GW_DATAPLANE_FILTERS_API_KEY_H
#define GW_DATAPLANE_FILTERS_API_KEY_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_api_key;

#endif
