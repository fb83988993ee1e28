#include "dataplane/filters/filters.h"

#include <stddef.h>

#include "dataplane/filters/access.h"
#include "dataplane/filters/access_log.h"
#include "dataplane/filters/api_key.h"
#include "dataplane/filters/cors.h"
#include "dataplane/filters/identity.h"
#include "dataplane/filters/jwt_authn.h"
#include "dataplane/filters/local_limit.h"
#include "dataplane/filters/node_endpoints.h"
#include "dataplane/filters/rate_limit.h"
#include "dataplane/filters/rbac.h"
#include "dataplane/filters/router.h"

const struct gw_filter *const gw_filters[] = {
    &gw_filter_node_endpoints,
    &gw_filter_access,
    &gw_filter_cors,
    &gw_filter_jwt_authn,
    &gw_filter_api_key,
    &gw_filter_local_limit,
    &gw_filter_rate_limit,
    &gw_filter_rbac_deny,
    &gw_filter_rbac,
    &gw_filter_identity,
    &gw_filter_router,
    &gw_filter_access_log,
    NULL,
};
