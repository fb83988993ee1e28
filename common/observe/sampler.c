#include "common/observe/sampler.h"

#include <endian.h>

#define RATIO_BITS 63
#define US_PER_S UINT64_C(1000000)

void gw_sampler_init(struct gw_sampler *sampler, bool heeds_parent, double ratio, double per_s) {
  *sampler = (struct gw_sampler){.heeds_parent = heeds_parent};
  if (per_s > 0) {
    double interval = (double)US_PER_S / per_s;
    sampler->interval_us = interval < 1 ? 1 : (uint64_t)interval;
    sampler->burst_us = sampler->interval_us > US_PER_S ? sampler->interval_us : US_PER_S;
  }
  sampler->bound = ratio >= 1 ? UINT64_C(1) << RATIO_BITS : (uint64_t)(ratio * (double)(UINT64_C(1) << RATIO_BITS));
  atomic_init(&sampler->next, 0);
}

/* A bucket as a time: each trace moves it on by an interval; it lags behind the clock by what is saved up. */
static bool take(struct gw_sampler *sampler, uint64_t now_us) {
  uint64_t next = atomic_load_explicit(&sampler->next, memory_order_relaxed);
  uint64_t oldest = now_us > sampler->burst_us ? now_us - sampler->burst_us : 0;
  uint64_t from;
  do {
    from = next > oldest ? next : oldest;
    if (from + sampler->interval_us > now_us) return false;
  } while (!atomic_compare_exchange_weak_explicit(&sampler->next, &next, from + sampler->interval_us, memory_order_relaxed,
                                                  memory_order_relaxed));
  return true;
}

/* The right half of the id, as OpenTelemetry's own samplers take it: who has the same ratio decides the same. */
static uint64_t fraction_of(const struct gw_trace_context *context) {
  uint64_t half;
  memcpy(&half, context->trace_id + GW_TRACE_ID_BYTES / 2, sizeof(half));
  return be64toh(half) >> 1;
}

bool gw_sampler_decide(struct gw_sampler *sampler, const struct gw_trace_context *context, uint64_t now_us) {
  if (sampler->heeds_parent && context->decision != GW_TRACE_UNDECIDED) return context->decision == GW_TRACE_SAMPLED;
  if (sampler->interval_us > 0) return take(sampler, now_us);
  return fraction_of(context) < sampler->bound;
}
