#include "dataplane/cluster/retry_budget.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"

/* Workers beyond this number share places, which stay right and become slower. */
#define PLACES 8u

/* A retry costs 1000; so much can be saved, for an instance that fails all who wait for it, and owed. What is earned is a bit less than the
 * share, so that what was saved does not take a service above it. */
#define RETRY_COST 1000
#define BALANCE_MAX (50 * RETRY_COST)
#define BALANCE_MIN (-10 * RETRY_COST)
#define EARNED 0.95
/* So many retries in a row that brought nothing say that nothing will come. */
#define FRUITLESS_MAX 10u

/* So far apart that no two share a line. Both only rise, and may wrap. */
struct place {
  atomic_uint begun;
  atomic_uint ended;
  char apart[GW_CACHE_LINE - 2 * sizeof(atomic_uint)];
};

struct gw_retry_budget {
  atomic_uint refs;
  atomic_uint next_place;
  atomic_uint retries;      /* few: all workers count here */
  atomic_uint earned_until; /* begun requests that the balance has been paid for */
  atomic_int balance;
  atomic_uint fruitless; /* retries since the last one that brought something */
  char apart[GW_CACHE_LINE];
  struct place places[PLACES];
};

struct gw_retry_budget *gw_retry_budget_new(void) {
  struct gw_retry_budget *budget = gw_calloc(1, sizeof(*budget));
  atomic_store(&budget->refs, 1);
  atomic_store(&budget->balance, BALANCE_MAX);
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
  atomic_fetch_add_explicit(&budget->places[place].begun, 1, memory_order_relaxed);
}

void gw_retry_budget_end(struct gw_retry_budget *budget, uint32_t place) {
  atomic_fetch_add_explicit(&budget->places[place].ended, 1, memory_order_relaxed);
}

static void add_to_balance(struct gw_retry_budget *budget, int amount) {
  int balance = atomic_load_explicit(&budget->balance, memory_order_relaxed), sum;
  do {
    sum = balance + amount;
    if (sum > BALANCE_MAX) sum = BALANCE_MAX;
    if (sum < BALANCE_MIN) sum = BALANCE_MIN;
  } while (!atomic_compare_exchange_weak_explicit(&budget->balance, &balance, sum, memory_order_relaxed, memory_order_relaxed));
}

/* Each request that has begun since the last time brings its share of a retry. */
static void earn(struct gw_retry_budget *budget, uint32_t begun, double percent) {
  uint32_t until = atomic_load_explicit(&budget->earned_until, memory_order_relaxed);
  do {
    if ((int32_t)(begun - until) <= 0) return; /* another worker has counted later ones */
  } while (!atomic_compare_exchange_weak_explicit(&budget->earned_until, &until, begun, memory_order_relaxed, memory_order_relaxed));
  double amount = (double)(begun - until) * percent / 100 * RETRY_COST * EARNED;
  add_to_balance(budget, amount < 2 * BALANCE_MAX ? (int)amount : 2 * BALANCE_MAX);
}

bool gw_retry_budget_take(struct gw_retry_budget *budget, const struct gw_retry_budget_limits *limits) {
  uint32_t retries = atomic_fetch_add_explicit(&budget->retries, 1, memory_order_relaxed) + 1;
  uint32_t begun = 0, ended = 0;
  for (uint32_t i = 0; i < PLACES; i++) {
    begun += atomic_load_explicit(&budget->places[i].begun, memory_order_relaxed);
    ended += atomic_load_explicit(&budget->places[i].ended, memory_order_relaxed);
  }
  earn(budget, begun, limits->percent);
  uint32_t requests = begun - ended;
  uint32_t others = requests > retries ? requests - retries : 0;
  bool is_hopeless = limits->percent > 0 && atomic_load_explicit(&budget->fruitless, memory_order_relaxed) >= FRUITLESS_MAX;
  bool may = (retries <= limits->min_concurrency && !is_hopeless) || (double)retries <= limits->percent / 100 * (double)others ||
             (limits->percent > 0 && atomic_load_explicit(&budget->balance, memory_order_relaxed) >= RETRY_COST);
  if (may) {
    add_to_balance(budget, -RETRY_COST);
  } else {
    gw_retry_budget_give_back(budget);
  }
  return may;
}

void gw_retry_budget_judge(struct gw_retry_budget *budget, bool was_good) {
  if (was_good) {
    atomic_store_explicit(&budget->fruitless, 0, memory_order_relaxed);
  } else if (atomic_load_explicit(&budget->fruitless, memory_order_relaxed) < FRUITLESS_MAX) {
    atomic_fetch_add_explicit(&budget->fruitless, 1, memory_order_relaxed);
  }
}

void gw_retry_budget_give_back(struct gw_retry_budget *budget) {
  atomic_fetch_sub_explicit(&budget->retries, 1, memory_order_relaxed);
}

uint32_t gw_retry_budget_active(const struct gw_retry_budget *budget) {
  return atomic_load_explicit(&budget->retries, memory_order_relaxed);
}
