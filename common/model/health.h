/* Why: how a data plane finds out itself whether endpoints are well (envoy.config.core.v3.HealthCheck,
 * envoy.config.cluster.v3.OutlierDetection), as plain values.
 * Life: in the arena of the resource that holds them; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_HEALTH_H
#define GW_COMMON_MODEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum gw_health_check_kind { GW_HEALTH_CHECK_HTTP, GW_HEALTH_CHECK_TCP, GW_HEALTH_CHECK_GRPC };

struct gw_status_range {
  uint32_t first; /* 100 to 599 */
  uint32_t last;  /* in it, too */
};

#define GW_HEALTH_CHECK_NO_TRAFFIC_MS 60000 /* Envoy's defaults, here and below */
struct gw_health_check {
  enum gw_health_check_kind kind;
  uint64_t timeout_ms;
  uint64_t interval_ms;            /* from a result to the next check */
  uint64_t unhealthy_interval_ms;  /* … of who is unhealthy */
  uint64_t no_traffic_interval_ms; /* … while the cluster has had no request */
  uint64_t initial_jitter_ms;      /* 0: the first check is made at once */
  uint64_t interval_jitter_ms;     /* by chance up to this more; both jitters add up */
  uint32_t interval_jitter_percent;
  uint32_t unhealthy_threshold; /* failures in a row */
  uint32_t healthy_threshold;   /* successes in a row; the first result of all counts alone */
  uint16_t port;                /* 0: the endpoint's */
  struct gw_str host;           /* HTTP, GRPC: Host or :authority; empty: the cluster's name */
  bool is_http2;                /* HTTP, GRPC; a cluster with AUTO is spoken to as ALPN says */
  struct gw_str method;         /* HTTP: "GET" */
  struct gw_str path;
  const struct gw_status_range *expected; /* HTTP: at least one */
  uint32_t expected_count;
  const struct gw_status_range *retriable; /* HTTP: count towards the threshold; what is in neither is unhealthy at once */
  uint32_t retriable_count;
  struct gw_str grpc_service; /* GRPC; empty: the server as a whole */
};

#define GW_OUTLIER_INTERVAL_MS 10000
#define GW_OUTLIER_BASE_EJECTION_MS 30000
#define GW_OUTLIER_MAX_EJECTION_MS 300000
#define GW_OUTLIER_MAX_EJECTION_PERCENT 10
#define GW_OUTLIER_CONSECUTIVE 5
#define GW_OUTLIER_MINIMUM_HOSTS 5
#define GW_OUTLIER_REQUEST_VOLUME 100
#define GW_OUTLIER_STDEV_FACTOR 1900
struct gw_outlier_detection {
  uint64_t interval_ms;           /* success rates are looked at, and ejections ended, as often as this */
  uint64_t base_ejection_ms;      /* the n-th ejection in a row lasts n times as long … */
  uint64_t max_ejection_ms;       /* … but no longer than this, or the base if that is more */
  uint64_t ejection_jitter_ms;    /* by chance up to this more */
  uint32_t max_ejection_percent;  /* of the cluster's endpoints */
  bool may_always_eject_one;      /* whatever the maximum */
  bool has_check_ending_ejection; /* a health check that succeeds ends an ejection */
  uint32_t consecutive_5xx;       /* 0: never, here and below */
  uint32_t consecutive_5xx_enforcing_percent;
  uint32_t consecutive_gateway_failure; /* 502, 503, 504 */
  uint32_t consecutive_gateway_failure_enforcing_percent;
  uint32_t success_rate_enforcing_percent;
  uint32_t success_rate_minimum_hosts;
  uint32_t success_rate_request_volume;
  uint32_t success_rate_stdev_factor; /* thousandths */
};

#endif
