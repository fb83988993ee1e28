/* Why: an HTTP filter's settings as decoded from its Any.
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_FILTER_H
#define GW_COMMON_MODEL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum gw_filter_kind {
  GW_FILTER_ROUTER,         /* envoy.extensions.filters.http.router.v3.Router */
  GW_FILTER_NODE_ENDPOINTS, /* gateway.filters.http.v1.NodeEndpoints */
};

/* gateway.filters.http.v1.NodeEndpoints: what the traffic port itself answers, before routes. */
struct gw_node_endpoints {
  bool has_health;                    /* GET /health */
  bool has_ready;                     /* GET /ready */
  bool has_metrics;                   /* GET /metrics, for loopback clients and metrics_allow only */
  const struct gw_str *metrics_allow; /* CIDRs, "10.0.0.0/8" */
  uint32_t metrics_allow_count;
};

struct gw_http_filter {
  struct gw_str name; /* HttpFilter.name */
  enum gw_filter_kind kind;
  union {
    struct gw_node_endpoints node_endpoints;
  } settings;
};

#endif
