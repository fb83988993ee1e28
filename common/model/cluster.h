/* Why: a cluster as a plain value (envoy.config.cluster.v3.Cluster).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_CLUSTER_H
#define GW_COMMON_MODEL_CLUSTER_H

#include <stdint.h>

#include "common/base/str.h"
#include "common/model/circuit_breaker.h"
#include "common/model/endpoint.h"
#include "common/model/health.h"
#include "common/model/http2.h"
#include "common/model/retry.h"
#include "common/model/tls.h"

enum gw_cluster_kind { GW_CLUSTER_STATIC, GW_CLUSTER_STRICT_DNS, GW_CLUSTER_EDS };
enum gw_lb_policy {
  GW_LB_ROUND_ROBIN,   /* by weight */
  GW_LB_LEAST_REQUEST, /* by weight */
  GW_LB_RING_HASH,     /* by weight */
  GW_LB_RANDOM,        /* whatever the weights, as Envoy's */
  GW_LB_MAGLEV,        /* by weight */
};
#define GW_LB_POLICY_COUNT 5

/* Cluster.SlowStartConfig: with ROUND_ROBIN and LEAST_REQUEST. An endpoint that is new, or well again, has weight × max(min_weight_percent
 * / 100, (age / window) ^ (1 / aggression)) until it is `window_ms` old. */
struct gw_slow_start {
  uint64_t window_ms; /* 0: none */
  double aggression;
  double min_weight_percent;
};

#define GW_LB_PANIC_THRESHOLD_PERCENT 50 /* Envoy's defaults, here and below */
#define GW_LB_CHOICE_COUNT 2
#define GW_LB_ACTIVE_REQUEST_BIAS 1.0
#define GW_LB_AGGRESSION 1.0
#define GW_LB_MIN_WEIGHT_PERCENT 10.0
#define GW_LB_RING_SIZE_MIN 1024
#define GW_LB_RING_SIZE_MAX 8388608 /* also the most that is allowed */
#define GW_LB_TABLE_SIZE 65537
#define GW_LB_TABLE_SIZE_MAX 5000011
/* CommonLbConfig and the configs of the policies; what the policy does not look at is zero. */
struct gw_load_balancing {
  enum gw_lb_policy policy;
  uint32_t panic_threshold_percent; /* healthy_panic_threshold; 0: never panic */
  bool has_uncounted_new; /* ignore_new_hosts_until_first_hc: who waits for its first check counts neither as well nor as unwell */
  struct gw_slow_start slow_start;
  uint32_t choice_count;      /* LEAST_REQUEST: endpoints that are compared */
  double active_request_bias; /* LEAST_REQUEST with differing weights: a weight counts as weight / (active requests + 1) ^ bias */
  uint32_t ring_size_min;     /* RING_HASH */
  uint32_t ring_size_max;
  uint32_t table_size; /* MAGLEV */
};
/* HttpProtocolOptions.upstream_protocol_options */
enum gw_upstream_protocol {
  GW_UPSTREAM_HTTP1,
  GW_UPSTREAM_HTTP2,
  GW_UPSTREAM_AUTO, /* auto_config: what ALPN agrees on; over TLS only */
};

struct gw_cluster {
  struct gw_str name;
  enum gw_cluster_kind kind;
  struct gw_load_balancing balancing;
  struct gw_str eds_service_name;              /* EDS: the name to ask for (already the cluster's when the field is empty) */
  const struct gw_endpoints *inline_endpoints; /* STATIC, STRICT_DNS: load_assignment; else NULL */
  uint64_t connect_timeout_ms;                 /* Envoy's default 5000 */
  uint64_t dns_refresh_ms;                     /* Envoy's default 5000 */
  uint64_t upstream_idle_timeout_ms;           /* HttpProtocolOptions.common_http_protocol_options.idle_timeout; default 3600000 */
  enum gw_upstream_protocol protocol;
  const struct gw_concurrency_limits *limits; /* circuit_breakers; NULL: none */
  const struct gw_circuit_breaking *breaking; /* metadata; NULL: no circuit breaker */
  struct gw_http2_options http2;              /* with HTTP2 and AUTO */
  const struct gw_upstream_tls *tls;          /* transport_socket; NULL: plaintext */
  struct gw_retry_budget_limits retry_budget;
  const struct gw_health_check *health_check; /* NULL: none is made */
  const struct gw_outlier_detection *outlier; /* NULL: nobody is ejected */
};

/* What Envoy takes for granted with that policy. */
struct gw_load_balancing gw_load_balancing_default(enum gw_lb_policy policy);
/* A prime: then each endpoint's order of Maglev's slots comes by all of them. */
bool gw_lb_table_size_is_valid(uint32_t size);
/* "ROUND_ROBIN" … as upstream spells them. */
const char *gw_lb_policy_name(enum gw_lb_policy policy);

#endif
