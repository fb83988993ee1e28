#include "dataplane/cluster/retry_budget.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"

/* Workers beyond this number share places, which stay right and become slower. */
#define PLACES 8u
#define CACHE_LINE 64

/* So far apart that no two share a line. */
struct place {
  atomic_uint requests;
  char apart[CACHE_LINE - sizeof(atomic_uint)];
};

struct gw_retry_budget {
  atomic_uint refs;
  atomic_uint next_place;
  atomic_uint retries; /* few: all workers count here */
  char apart[CACHE_LINE];
  struct place places[PLACES];
};

struct gw_retry_budget *gw_retry_budget_new(void) {
  struct gw_retry_budget *budget = gw_calloc(1, sizeof(*budget));
  atomic_store(&budget->refs, 1);
  return budget;
}

struct gw_retry_budget *gw_retry_budget_ref(struct gw_retry_budget *budget) {
  atomic_fetch_add_explicit(&budget->refs, 1, memory_order_relaxed);
  return budget;
}

void gw_retry_budget_unref(struct gw_retry_budget *budget) {
  if (budget == NULL || atomic_fetch_sub_explicit(&budget->refs, 1, memory_order_acq_rel) != 1) return;
  free(budget);
}

uint32_t gw_retry_budget_take_place(struct gw_retry_budget *budget) {
  return atomic_fetch_add_explicit(&budget->next_place, 1, memory_order_relaxed) % PLACES;
}

void gw_retry_budget_begin(struct gw_retry_budget *budget, uint32_t place) {
  atomic_fetch_add_explicit(&budget->places[place].requests, 1, memory_order_relaxed);
}

void gw_retry_budget_end(struct gw_retry_budget *budget, uint32_t place) {
  atomic_fetch_sub_explicit(&budget->places[place].requests, 1, memory_order_relaxed);
}

static uint32_t count_requests(struct gw_retry_budget *budget) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < PLACES; i++)
    sum += atomic_load_explicit(&budget->places[i].requests, memory_order_relaxed);
  return sum;
}

/* Of the others, as Envoy does not: of n requests n / 6 may be retries, so that what a service gets is at most 1.2 times what was asked,
 * where a fifth of all would make it 1.25. */
bool gw_retry_budget_take(struct gw_retry_budget *budget, const struct gw_retry_budget_limits *limits) {
  uint32_t retries = atomic_fetch_add_explicit(&budget->retries, 1, memory_order_relaxed) + 1;
  if (retries <= limits->min_concurrency) return true;
  uint32_t requests = count_requests(budget);
  uint32_t others = requests > retries ? requests - retries : 0;
  if ((double)retries <= limits->percent / 100 * (double)others) return true;
  gw_retry_budget_give_back(budget);
  return false;
}

void gw_retry_budget_give_back(struct gw_retry_budget *budget) {
  atomic_fetch_sub_explicit(&budget->retries, 1, memory_order_relaxed);
}

uint32_t gw_retry_budget_active(const struct gw_retry_budget *budget) {
  return atomic_load_explicit(&budget->retries, memory_order_relaxed);
}
