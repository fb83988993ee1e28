/* Why: what protects a service from more than it can do, and its callers from waiting for one that fails: the circuit breaker
 * (gateway.cluster.v1.CircuitBreaker) and limits on what goes on at once (envoy.config.cluster.v3.CircuitBreakers).
 * Life: in the arena of the resource that holds them; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_CIRCUIT_BREAKER_H
#define GW_COMMON_MODEL_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* What counts as a failure of the service: a set. */
enum gw_circuit_failure {
  GW_CIRCUIT_ON_5XX = 1u << 0,
  GW_CIRCUIT_ON_GATEWAY_ERROR = 1u << 1, /* 502, 503, 504 */
  GW_CIRCUIT_ON_CONNECT_FAILURE = 1u << 2,
  GW_CIRCUIT_ON_RESET = 1u << 3, /* the connection or the stream broke, or what came was no answer */
  GW_CIRCUIT_ON_TIMEOUT = 1u << 4,
};
#define GW_CIRCUIT_ON_ALL 31u

#define GW_CIRCUIT_WINDOW_MS 10000u
#define GW_CIRCUIT_MIN_REQUESTS 20u
#define GW_CIRCUIT_FAILURE_PERCENT 50u
#define GW_CIRCUIT_OPEN_MS 30000u
#define GW_CIRCUIT_PROBES 3u
#define GW_CIRCUIT_SUCCESSES 3u
#define GW_CIRCUIT_FAILURES_MAX 100000u /* the most that is allowed, here and below */
#define GW_CIRCUIT_PROBES_MAX 1000u
#define GW_CIRCUIT_MS_MAX 86400000u

/* Closed: every request passes and the failures of the last `window_ms` are counted. Open: none passes. Half-open, after `open_ms`: a
 * few do, as probes; the first failure opens it again, `successes` close it. */
struct gw_circuit_breaking {
  uint64_t window_ms; /* slides in tenths */
  uint64_t open_ms;
  uint32_t failures;        /* within the window that open it; 0: they are not looked at alone */
  uint32_t failure_percent; /* of the requests within the window that open it; 0: it is not looked at */
  uint32_t min_requests;    /* of the window before failure_percent means something */
  uint32_t probes;          /* at once */
  uint32_t successes;
  uint32_t failure_on; /* of gw_circuit_failure */
  bool has_stand_in;   /* outlier detection stands in for it where nobody knows it, and is not meant for who does */
};

bool gw_circuit_breaking_equal(const struct gw_circuit_breaking *a, const struct gw_circuit_breaking *b);

/* What may be limited. */
enum gw_concurrency {
  GW_CONCURRENCY_CONNECTIONS,
  GW_CONCURRENCY_PENDING, /* requests that wait for a connection */
  GW_CONCURRENCY_REQUESTS,
  GW_CONCURRENCY_COUNT,
};
/* "max_connections", "max_pending_requests", …: as in the configuration. */
const char *gw_concurrency_name(enum gw_concurrency what);

/* Thresholds of the priority DEFAULT; over all workers of a process. */
#define GW_CONCURRENCY_UNLIMITED UINT32_MAX
#define GW_CONCURRENCY_MAX_REQUESTS 1024u /* Envoy's default for each */
struct gw_concurrency_limits {
  uint32_t max_connections;
  uint32_t max_pending_requests;
  uint32_t max_requests;
};
uint32_t gw_concurrency_limit(const struct gw_concurrency_limits *limits, enum gw_concurrency what);

#endif
