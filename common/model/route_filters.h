/* Why: what one route has of the listener's filters (Route.typed_per_filter_config): one pointer a filter, NULL where it says nothing.
 * Life: in the arena of the resource that holds the route; frozen. Routes with equal settings share them.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ROUTE_FILTERS_H
#define GW_COMMON_MODEL_ROUTE_FILTERS_H

struct gw_access_log_route;
struct gw_access_route;
struct gw_api_key_route;
struct gw_cors_route;
struct gw_jwt_route;
struct gw_local_limit_route;
struct gw_rbac_route;
struct gw_shared_limit_route;

/* Each type is defined in the model header of its filter. */
struct gw_route_filters {
  const struct gw_access_route *access;             /* gateway.filters.http.v1.AccessPerRoute */
  const struct gw_cors_route *cors;                 /* envoy.extensions.filters.http.cors.v3.CorsPolicy */
  const struct gw_jwt_route *jwt;                   /* envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig */
  const struct gw_api_key_route *api_key;           /* gateway.filters.http.v1.ApiKeyAuthPerRoute */
  const struct gw_local_limit_route *local_limit;   /* envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit */
  const struct gw_shared_limit_route *shared_limit; /* gateway.filters.http.v1.SharedRateLimitPerRoute */
  const struct gw_rbac_route *rbac;                 /* envoy.extensions.filters.http.rbac.v3.RBACPerRoute */
  const struct gw_rbac_route *rbac_deny;            /* the same of the filter before that one */
  const struct gw_access_log_route *access_log;     /* gateway.filters.http.v1.AccessLogPerRoute */
};

#endif
