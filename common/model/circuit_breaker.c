#include "common/model/circuit_breaker.h"

bool gw_circuit_breaking_equal(const struct gw_circuit_breaking *a, const struct gw_circuit_breaking *b) {
  return a->window_ms == b->window_ms && a->open_ms == b->open_ms && a->failures == b->failures &&
         a->failure_percent == b->failure_percent && a->min_requests == b->min_requests && a->probes == b->probes &&
         a->successes == b->successes && a->failure_on == b->failure_on;
}

const char *gw_concurrency_name(enum gw_concurrency what) {
  static const char *const names[] = {[GW_CONCURRENCY_CONNECTIONS] = "max_connections",
                                      [GW_CONCURRENCY_PENDING] = "max_pending_requests",
                                      [GW_CONCURRENCY_REQUESTS] = "max_requests"};
  return names[what];
}

uint32_t gw_concurrency_limit(const struct gw_concurrency_limits *limits, enum gw_concurrency what) {
  switch (what) {
  case GW_CONCURRENCY_CONNECTIONS: return limits->max_connections;
  case GW_CONCURRENCY_PENDING: return limits->max_pending_requests;
  case GW_CONCURRENCY_REQUESTS: return limits->max_requests;
  case GW_CONCURRENCY_COUNT: break;
  }
  return GW_CONCURRENCY_UNLIMITED;
}
