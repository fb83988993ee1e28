/* Why: an HTTP filter's settings as decoded from its Any.
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_FILTER_H
#define GW_COMMON_MODEL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/access.h"
#include "common/model/rate_limit.h"
#include "common/model/rbac.h"

enum gw_filter_kind {
  GW_FILTER_ROUTER,         /* envoy.extensions.filters.http.router.v3.Router */
  GW_FILTER_NODE_ENDPOINTS, /* gateway.filters.http.v1.NodeEndpoints */
  GW_FILTER_LIMITS,         /* gateway.filters.http.v1.Limits */
  GW_FILTER_ACCESS,         /* gateway.filters.http.v1.Access */
  GW_FILTER_CORS,           /* envoy.extensions.filters.http.cors.v3.Cors */
  GW_FILTER_JWT_AUTHN,      /* envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication */
  GW_FILTER_API_KEY,        /* gateway.filters.http.v1.ApiKeyAuth */
  GW_FILTER_LOCAL_LIMIT,    /* envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit */
  GW_FILTER_SHARED_LIMIT,   /* gateway.filters.http.v1.SharedRateLimit */
  GW_FILTER_RBAC,           /* envoy.extensions.filters.http.rbac.v3.RBAC */
  GW_FILTER_IDENTITY,       /* gateway.filters.http.v1.ForwardedIdentity */
  GW_FILTER_RBAC_DENY,      /* RBAC once more, under GW_RBAC_DENY_FILTER: one set of policies either allows or denies */
  GW_FILTER_ACCESS_LOG,     /* gateway.filters.http.v1.AccessLogPerRoute: only routes have it */
};
#define GW_FILTER_KIND_COUNT 13

/* gateway.filters.http.v1.NodeEndpoints: what the traffic port itself answers, before routes. */
struct gw_node_endpoints {
  bool has_health;                    /* GET /health */
  bool has_ready;                     /* GET /ready */
  bool has_metrics;                   /* GET /metrics, for loopback clients and metrics_allow only */
  const struct gw_str *metrics_allow; /* CIDRs, "10.0.0.0/8" */
  uint32_t metrics_allow_count;
};

#define GW_SERIES_MAX_DEFAULT 250000u
/* gateway.filters.http.v1.Limits: those that Envoy's messages have no field for. 0: no limit. */
struct gw_limits {
  uint64_t max_request_body_bytes;       /* beyond: 413; not of gRPC and upgraded streams, which may go on for days */
  uint64_t send_timeout_ms;              /* a client that takes nothing of what waits for it: the stream or the connection ends */
  uint64_t body_timeout_ms;              /* a request's body of which nothing arrives, though it is read: 408 */
  uint32_t max_uri_bytes;                /* of path and query; beyond: 414 */
  uint32_t max_connections_per_worker;   /* of this listener */
  uint32_t max_connections_per_client;   /* by address, over all workers and listeners */
  uint32_t max_stream_resets_per_minute; /* by the client, a connection; as many at once */
  uint32_t overload_memory_percent;      /* of what the process may use; beyond: 503 to new streams, halfway to 100 no new connections */
  uint32_t overload_descriptors_percent; /* likewise, of RLIMIT_NOFILE */
  uint32_t max_metric_series;            /* of what is counted by route, service and instance; 0: GW_SERIES_MAX_DEFAULT */
};

/* jwt_authn.h, forwarded_identity.h */
struct gw_jwt_authn;
struct gw_forwarded_identity;
/* api_key_auth.h */
struct gw_api_key_auth;

struct gw_http_filter {
  struct gw_str name; /* HttpFilter.name */
  enum gw_filter_kind kind;
  union {
    struct gw_node_endpoints node_endpoints;
    struct gw_limits limits;
    struct gw_access_limits access;
    struct gw_rbac_rules rbac; /* of RBAC_DENY, too */
    struct gw_local_limit local_limit;
    struct gw_shared_limit shared_limit;
    const struct gw_jwt_authn *jwt_authn;
    const struct gw_forwarded_identity *forwarded_identity;
    const struct gw_api_key_auth *api_key;
  } settings;
};

#endif
