/* Why: a cluster as a plain value (envoy.config.cluster.v3.Cluster).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_CLUSTER_H
#define GW_COMMON_MODEL_CLUSTER_H

#include <stdint.h>

#include "common/base/str.h"
#include "common/model/endpoint.h"
#include "common/model/http2.h"
#include "common/model/tls.h"

enum gw_cluster_kind { GW_CLUSTER_STATIC, GW_CLUSTER_STRICT_DNS, GW_CLUSTER_EDS };
enum gw_lb_policy { GW_LB_ROUND_ROBIN };
/* HttpProtocolOptions.upstream_protocol_options */
enum gw_upstream_protocol {
  GW_UPSTREAM_HTTP1,
  GW_UPSTREAM_HTTP2,
  GW_UPSTREAM_AUTO, /* auto_config: what ALPN agrees on; over TLS only */
};

struct gw_cluster {
  struct gw_str name;
  enum gw_cluster_kind kind;
  enum gw_lb_policy lb_policy;
  struct gw_str eds_service_name;              /* EDS: the name to ask for (already the cluster's when the field is empty) */
  const struct gw_endpoints *inline_endpoints; /* STATIC, STRICT_DNS: load_assignment; else NULL */
  uint64_t connect_timeout_ms;                 /* Envoy's default 5000 */
  uint64_t dns_refresh_ms;                     /* Envoy's default 5000 */
  uint64_t upstream_idle_timeout_ms;           /* HttpProtocolOptions.common_http_protocol_options.idle_timeout; default 3600000 */
  enum gw_upstream_protocol protocol;
  struct gw_http2_options http2;     /* with HTTP2 and AUTO */
  const struct gw_upstream_tls *tls; /* transport_socket; NULL: plaintext */
};

#endif
