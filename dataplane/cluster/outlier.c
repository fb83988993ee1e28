#include "dataplane/cluster/outlier.h"

#include <math.h>

const char *gw_outlier_cause_name(enum gw_outlier_cause cause) {
  static const char *const names[GW_OUTLIER_CAUSE_COUNT] = {[GW_OUTLIER_5XX] = "consecutive_5xx",
                                                            [GW_OUTLIER_GATEWAY_FAILURE] = "consecutive_gateway_failure",
                                                            [GW_OUTLIER_SUCCESS_RATE] = "success_rate"};
  return names[cause];
}

static uint32_t enforcing_percent(const struct gw_outlier_detection *settings, enum gw_outlier_cause cause) {
  switch (cause) {
  case GW_OUTLIER_5XX: return settings->consecutive_5xx_enforcing_percent;
  case GW_OUTLIER_GATEWAY_FAILURE: return settings->consecutive_gateway_failure_enforcing_percent;
  case GW_OUTLIER_SUCCESS_RATE: break;
  }
  return settings->success_rate_enforcing_percent;
}

static bool has_room(const struct gw_outlier_detection *settings, uint32_t ejected_count, uint32_t count) {
  if (settings->may_always_eject_one && ejected_count == 0) return true;
  return UINT64_C(100) * (ejected_count + 1) <= (uint64_t)settings->max_ejection_percent * count;
}

enum gw_outlier_verdict gw_outlier_eject(const struct gw_outlier_detection *settings, struct gw_outlier_state *state,
                                         enum gw_outlier_cause cause, uint32_t ejected_count, uint32_t count, uint64_t now_ms,
                                         struct gw_random *random) {
  if (!has_room(settings, ejected_count, count)) return GW_OUTLIER_KEPT_BY_MAXIMUM;
  if (gw_random_below(random, 100) >= enforcing_percent(settings, cause)) return GW_OUTLIER_KEPT_BY_CHANCE;
  uint64_t base_ms = settings->base_ejection_ms;
  uint64_t max_ms = settings->max_ejection_ms > base_ms ? settings->max_ejection_ms : base_ms;
  /* Beyond the maximum it needs no counting, and so recovers as fast as it could have come there. */
  if (state->backoff * base_ms < max_ms) state->backoff++;
  uint64_t lasts_ms = state->backoff * base_ms < max_ms ? state->backoff * base_ms : max_ms;
  uint64_t jitter_ms = settings->ejection_jitter_ms > 0 ? gw_random_below(random, settings->ejection_jitter_ms + 1) : 0;
  state->is_ejected = true;
  state->cause = cause;
  state->until_ms = now_ms + lasts_ms + jitter_ms;
  return GW_OUTLIER_EJECTED;
}

bool gw_outlier_on_interval(struct gw_outlier_state *state, uint64_t now_ms) {
  if (!state->is_ejected) {
    if (state->backoff > 0) state->backoff--;
    return false;
  }
  return now_ms >= state->until_ms;
}

static double rate_of(const struct gw_outlier_sample *sample) {
  return 100.0 * (double)sample->success_count / (double)sample->request_count;
}

static bool is_enough(const struct gw_outlier_detection *settings, const struct gw_outlier_sample *sample) {
  return sample->request_count > 0 && sample->request_count >= settings->success_rate_request_volume;
}

double gw_outlier_compare(const struct gw_outlier_detection *settings, struct gw_outlier_sample *samples, uint32_t count) {
  double sum = 0, squares = 0;
  uint32_t usable = 0;
  for (uint32_t i = 0; i < count; i++) {
    samples[i].ret_is_outlier = false;
    if (!is_enough(settings, &samples[i])) continue;
    sum += rate_of(&samples[i]);
    usable++;
  }
  if (usable == 0 || usable < settings->success_rate_minimum_hosts) return -1;
  double mean = sum / usable;
  for (uint32_t i = 0; i < count; i++)
    if (is_enough(settings, &samples[i])) squares += (rate_of(&samples[i]) - mean) * (rate_of(&samples[i]) - mean);
  double threshold = mean - sqrt(squares / usable) * settings->success_rate_stdev_factor / 1000;
  for (uint32_t i = 0; i < count; i++)
    samples[i].ret_is_outlier = is_enough(settings, &samples[i]) && rate_of(&samples[i]) < threshold;
  return threshold < 0 ? 0 : threshold;
}
