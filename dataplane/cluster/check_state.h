/* Why: what a row of health checks says of an endpoint, and when the next one is due: thresholds and jitter as in Envoy, without I/O.
 * Life: a value. Thread: one at a time. */
#ifndef GW_DATAPLANE_CLUSTER_CHECK_STATE_H
#define GW_DATAPLANE_CLUSTER_CHECK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/random.h"
#include "common/model/health.h"

enum gw_check_result {
  GW_CHECK_PASSED,
  GW_CHECK_FAILED,  /* counts towards the threshold: no answer, or a status that is said to count so */
  GW_CHECK_REFUSED, /* the endpoint itself says that it is not well: unhealthy at once */
};

struct gw_check_state {
  bool is_healthy;
  bool has_result;     /* one of all */
  uint32_t pass_count; /* in a row, while unhealthy */
  uint32_t fail_count; /* in a row, while healthy */
};

/* The first result of all counts alone. true: is_healthy has changed. */
bool gw_check_state_take(struct gw_check_state *state, const struct gw_health_check *check, enum gw_check_result result);
/* How long after a result the next check is due. */
uint64_t gw_check_state_delay(const struct gw_check_state *state, const struct gw_health_check *check, bool has_traffic,
                              struct gw_random *random);
/* … and the first one. */
uint64_t gw_check_state_first_delay(const struct gw_health_check *check, struct gw_random *random);

#endif
