/* Why: when and how a request is sent once more (envoy.config.route.v3.RetryPolicy), and how much of that a cluster bears
 * (CircuitBreakers.Thresholds.RetryBudget).
 * Life: in the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_RETRY_H
#define GW_COMMON_MODEL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* RetryPolicy.retry_on and retry_grpc_on: a set of these. */
enum gw_retry_on {
  GW_RETRY_5XX = 1u << 0,                      /* such an answer, or none at all */
  GW_RETRY_GATEWAY_ERROR = 1u << 1,            /* 502, 503, 504, or no answer at all */
  GW_RETRY_CONNECT_FAILURE = 1u << 2,          /* no connection could be made */
  GW_RETRY_RESET = 1u << 3,                    /* no answer at all: connection or stream broken, a try's timeout */
  GW_RETRY_RESET_BEFORE_REQUEST = 1u << 4,     /* the same, when the service cannot have acted on the request */
  GW_RETRY_REFUSED_STREAM = 1u << 5,           /* HTTP/2's REFUSED_STREAM */
  GW_RETRY_RETRIABLE_4XX = 1u << 6,            /* 409 */
  GW_RETRY_RETRIABLE_STATUS_CODES = 1u << 7,   /* those of the policy */
  GW_RETRY_GRPC_CANCELLED = 1u << 8,           /* grpc-status 1 in the answer's head, and so on */
  GW_RETRY_GRPC_DEADLINE_EXCEEDED = 1u << 9,   /* 4 */
  GW_RETRY_GRPC_RESOURCE_EXHAUSTED = 1u << 10, /* 8 */
  GW_RETRY_GRPC_INTERNAL = 1u << 11,           /* 13 */
  GW_RETRY_GRPC_UNAVAILABLE = 1u << 12,        /* 14 */
};
#define GW_RETRY_ON_COUNT 13
/* A request that met one of these was not acted on by any service: whatever its method, it may go again. */
#define GW_RETRY_ALWAYS_SAFE (GW_RETRY_CONNECT_FAILURE | GW_RETRY_RESET_BEFORE_REQUEST | GW_RETRY_REFUSED_STREAM)

/* "connect-failure": as on the wire. 0: no such word. */
uint32_t gw_retry_on_find(struct gw_str word);
/* Of one bit. */
const char *gw_retry_on_name(uint32_t bit);
/* All words with ", " between them, for messages. */
#define GW_RETRY_ON_WORDS                                                                                                                  \
  "5xx, gateway-error, connect-failure, reset, reset-before-request, refused-stream, retriable-4xx, retriable-status-codes, cancelled, "   \
  "deadline-exceeded, resource-exhausted, internal, unavailable"

#define GW_RETRY_COUNT 1 /* Envoy's defaults, here and below */
#define GW_RETRY_BACKOFF_BASE_MS 25
#define GW_RETRY_BACKOFF_FACTOR 10 /* max_interval, in base intervals */
#define GW_RETRY_HOST_ATTEMPTS 1
#define GW_RETRY_BUFFER_BYTES 1048576

struct gw_retry_policy {
  uint32_t on;
  uint32_t count;                   /* num_retries: tries beyond the first */
  uint64_t per_try_timeout_ms;      /* 0: none, here and below */
  uint64_t per_try_idle_timeout_ms; /* in which nothing of the answer comes */
  uint64_t backoff_base_ms;         /* before the n-th retry some time below min(base × 2^(n-1), max) */
  uint64_t backoff_max_ms;
  bool avoids_previous_hosts;   /* retry_host_predicate previous_hosts */
  uint32_t host_attempts;       /* how often another endpoint is asked for then, until one that was tried will do */
  const uint32_t *status_codes; /* with RETRIABLE_STATUS_CODES */
  uint32_t status_code_count;
  uint64_t buffer_bytes; /* request_body_buffer_limit of route or virtual host: a longer body is not sent again once it was begun */
};

#define GW_RETRY_BUDGET_PERCENT 20 /* Envoy's defaults, of a budget that is there */
#define GW_RETRY_BUDGET_MIN 3
#define GW_RETRY_MAX 3 /* Thresholds.max_retries, without a budget */

/* How many requests of a cluster may be retries at the same time. */
struct gw_retry_budget_limits {
  double percent;           /* of those that are none */
  uint32_t min_concurrency; /* so many always may */
};

#endif
