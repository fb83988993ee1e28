#include "common/model/circuit_breaker.h"

bool gw_circuit_breaking_equal(const struct gw_circuit_breaking *a, const struct gw_circuit_breaking *b) {
  return a->window_ms == b->window_ms && a->open_ms == b->open_ms && a->failures == b->failures &&
         a->failure_percent == b->failure_percent && a->min_requests == b->min_requests && a->probes == b->probes &&
         a->successes == b->successes && a->failure_on == b->failure_on;
}
