/* Why: 403 for who may not do what it asks for (envoy.filters.http.rbac): rules of the listener, or the route's own. Twice in a chain: a
 * set of rules either denies or allows, and denying comes first.
 * Life: constants. Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_RBAC_H
#define GW_DATAPLANE_FILTERS_RBAC_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_rbac_deny;
extern const struct gw_filter gw_filter_rbac;

#endif
