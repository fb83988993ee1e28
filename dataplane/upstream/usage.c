#include "dataplane/upstream/usage.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"

/* A cache line each: requests change all the time, the others seldom. */
struct counter {
  _Atomic uint32_t value;
  char rest_of_line[60];
};

struct gw_upstream_usage {
  struct counter refs;
  struct counter counters[GW_CONCURRENCY_COUNT];
};

struct gw_upstream_usage *gw_upstream_usage_new(void) {
  struct gw_upstream_usage *usage = gw_calloc(1, sizeof(*usage));
  atomic_init(&usage->refs.value, 1);
  return usage;
}

struct gw_upstream_usage *gw_upstream_usage_ref(struct gw_upstream_usage *usage) {
  atomic_fetch_add_explicit(&usage->refs.value, 1, memory_order_relaxed);
  return usage;
}

void gw_upstream_usage_unref(struct gw_upstream_usage *usage) {
  if (usage != NULL && atomic_fetch_sub_explicit(&usage->refs.value, 1, memory_order_acq_rel) == 1) free(usage);
}

/* Never above `max`, not for a moment: else two that are too many could refuse one for which there is room. */
bool gw_upstream_usage_take(struct gw_upstream_usage *usage, enum gw_concurrency limit, uint32_t max) {
  _Atomic uint32_t *value = &usage->counters[limit].value;
  uint32_t count = atomic_load_explicit(value, memory_order_relaxed);
  do {
    if (count >= max) return false;
  } while (!atomic_compare_exchange_weak_explicit(value, &count, count + 1, memory_order_relaxed, memory_order_relaxed));
  return true;
}

void gw_upstream_usage_take_anyway(struct gw_upstream_usage *usage, enum gw_concurrency limit) {
  atomic_fetch_add_explicit(&usage->counters[limit].value, 1, memory_order_relaxed);
}

void gw_upstream_usage_give(struct gw_upstream_usage *usage, enum gw_concurrency limit) {
  atomic_fetch_sub_explicit(&usage->counters[limit].value, 1, memory_order_relaxed);
}

uint32_t gw_upstream_usage_get(const struct gw_upstream_usage *usage, enum gw_concurrency limit) {
  return atomic_load_explicit(&usage->counters[limit].value, memory_order_relaxed);
}
