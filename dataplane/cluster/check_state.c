#include "dataplane/cluster/check_state.h"

static bool set_healthy(struct gw_check_state *state, bool is_healthy) {
  bool is_change = state->is_healthy != is_healthy;
  state->is_healthy = is_healthy;
  state->pass_count = state->fail_count = 0;
  return is_change;
}

bool gw_check_state_take(struct gw_check_state *state, const struct gw_health_check *check, enum gw_check_result result) {
  bool is_first = !state->has_result;
  state->has_result = true;
  if (is_first) return set_healthy(state, result == GW_CHECK_PASSED);
  if (result == GW_CHECK_PASSED) {
    state->fail_count = 0;
    return !state->is_healthy && ++state->pass_count >= check->healthy_threshold && set_healthy(state, true);
  }
  state->pass_count = 0;
  if (!state->is_healthy) return false;
  return (result == GW_CHECK_REFUSED || ++state->fail_count >= check->unhealthy_threshold) && set_healthy(state, false);
}

static uint64_t jitter(struct gw_random *random, uint64_t most_ms) {
  return most_ms > 0 ? gw_random_below(random, most_ms + 1) : 0;
}

uint64_t gw_check_state_delay(const struct gw_check_state *state, const struct gw_health_check *check, bool has_traffic,
                              struct gw_random *random) {
  uint64_t ms = state->is_healthy ? check->interval_ms : check->unhealthy_interval_ms;
  if (!has_traffic) ms = check->no_traffic_interval_ms;
  return ms + jitter(random, check->interval_jitter_ms) + jitter(random, ms * check->interval_jitter_percent / 100);
}

uint64_t gw_check_state_first_delay(const struct gw_health_check *check, struct gw_random *random) {
  return jitter(random, check->initial_jitter_ms);
}
