/* Why: tells the service who makes the request and where it was routed: gateway.filters.http.v1.ForwardedIdentity.
 * Life: constant.
 * Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_IDENTITY_H
#define GW_DATAPLANE_FILTERS_IDENTITY_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_identity;

#endif
