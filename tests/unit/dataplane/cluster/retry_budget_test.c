/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <pthread.h>

#include "dataplane/cluster/retry_budget.h"

static const struct gw_retry_budget_limits defaults = {GW_RETRY_BUDGET_PERCENT, GW_RETRY_BUDGET_MIN};

static uint32_t take_all(struct gw_retry_budget *budget, const struct gw_retry_budget_limits *limits) {
  uint32_t taken = 0;
  while (taken < 100000 && gw_retry_budget_take(budget, limits))
    taken++;
  return taken;
}

/* Without what is there at first. */
static struct gw_retry_budget *new_spent(void) {
  struct gw_retry_budget *budget = gw_retry_budget_new();
  for (uint32_t taken = take_all(budget, &defaults); taken > 0; taken--)
    gw_retry_budget_give_back(budget);
  return budget;
}

static void begin(struct gw_retry_budget *budget, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    gw_retry_budget_begin(budget, i % 3); /* as three workers */
}

static void test_the_least_is_always_there(void **state) {
  (void)state;
  struct gw_retry_budget *budget = new_spent();
  assert_int_equal(take_all(budget, &defaults), 3);
  assert_false(gw_retry_budget_take(budget, &defaults));
  assert_int_equal(gw_retry_budget_active(budget), 3); /* a refusal leaves nothing behind */
  gw_retry_budget_give_back(budget);
  assert_true(gw_retry_budget_take(budget, &defaults));
  static const struct gw_retry_budget_limits none = {0, 0};
  struct gw_retry_budget *closed = gw_retry_budget_new();
  begin(closed, 1000);
  assert_int_equal(take_all(closed, &none), 0);
  gw_retry_budget_unref(closed);
  gw_retry_budget_unref(budget);
}

/* 20 % of those that are none: with 600 requests 100 retries beside 500. */
static void test_share_is_of_the_others_over_all_workers(void **state) {
  (void)state;
  struct gw_retry_budget *budget = new_spent();
  begin(budget, 600);
  assert_int_equal(take_all(budget, &defaults), 100); /* what was saved is among them */
  for (uint32_t i = 0; i < 300; i++)
    gw_retry_budget_end(budget, i % 3);
  assert_false(gw_retry_budget_take(budget, &defaults));
  for (uint32_t i = 0; i < 60; i++)
    gw_retry_budget_give_back(budget);
  assert_int_equal(take_all(budget, &defaults), 10); /* 50 of 300 */
  gw_retry_budget_unref(budget);
}

static void test_places_are_handed_out_in_turn(void **state) {
  (void)state;
  struct gw_retry_budget *budget = gw_retry_budget_new();
  uint32_t first = gw_retry_budget_take_place(budget);
  assert_int_not_equal(gw_retry_budget_take_place(budget), first);
  gw_retry_budget_unref(budget);
}

/* One after the other, so that none is at the same time as another; each retry lasts as long as thirty requests. */
static double load_of_outage(struct gw_retry_budget *budget, uint32_t requests) {
  uint32_t retries = 0, waiting = 0;
  for (uint32_t i = 0; i < requests; i++) {
    gw_retry_budget_begin(budget, 0);
    if (gw_retry_budget_take(budget, &defaults)) waiting++;
    if (i % 30 == 29) {
      for (retries += waiting; waiting > 0; waiting--) {
        gw_retry_budget_judge(budget, false);
        gw_retry_budget_give_back(budget);
      }
    }
    gw_retry_budget_end(budget, 0);
  }
  return 1 + (double)retries / requests;
}

static void test_burst_may_use_what_was_saved(void **state) {
  (void)state;
  struct gw_retry_budget *budget = gw_retry_budget_new();
  assert_int_equal(take_all(budget, &defaults), 50);
  for (int i = 0; i < 50; i++)
    gw_retry_budget_give_back(budget);
  for (uint32_t i = 0; i < 1000; i++) {
    gw_retry_budget_begin(budget, 0);
    gw_retry_budget_end(budget, 0);
  }
  assert_int_equal(take_all(budget, &defaults), 50); /* no more, however long it was well */
  gw_retry_budget_unref(budget);
}

static void test_outage_of_a_quick_service_costs_a_fifth_more(void **state) {
  (void)state;
  struct gw_retry_budget *budget = gw_retry_budget_new();
  double load = load_of_outage(budget, 30000);
  assert_true(load > 1.18 && load <= 1.2);
  gw_retry_budget_unref(budget);
}

/* The least is for who may succeed; one retry that does opens it again, and without a share there is nothing else. */
static void test_least_closes_in_an_outage_and_opens_after_it(void **state) {
  (void)state;
  struct gw_retry_budget *budget = new_spent();
  for (int i = 0; i < 10; i++) {
    assert_true(gw_retry_budget_take(budget, &defaults));
    gw_retry_budget_judge(budget, false);
    gw_retry_budget_give_back(budget);
  }
  assert_false(gw_retry_budget_take(budget, &defaults));
  static const struct gw_retry_budget_limits three = {0, 3};
  assert_int_equal(take_all(budget, &three), 3);
  for (int i = 0; i < 3; i++)
    gw_retry_budget_give_back(budget);
  gw_retry_budget_judge(budget, true);
  assert_int_equal(take_all(budget, &defaults), 3);
  gw_retry_budget_unref(budget);
}

/* One of ten fails, and each retry waits long. */
static void test_tenth_that_fails_is_retried_whole(void **state) {
  (void)state;
  struct gw_retry_budget *budget = gw_retry_budget_new();
  for (uint32_t i = 0; i < 10000; i++) {
    gw_retry_budget_begin(budget, 0);
    if (i % 10 == 0) assert_true(gw_retry_budget_take(budget, &defaults));
    if (i >= 200 && i % 10 == 0) gw_retry_budget_give_back(budget); /* of 200 requests before */
    gw_retry_budget_end(budget, 0);
  }
  gw_retry_budget_unref(budget);
}

#define THREADS 4
#define ROUNDS 20000

struct worker {
  pthread_t thread;
  struct gw_retry_budget *budget;
  uint32_t most;
};

static void *work(void *arg) {
  struct worker *worker = arg;
  uint32_t place = gw_retry_budget_take_place(worker->budget);
  for (int i = 0; i < ROUNDS; i++) {
    gw_retry_budget_begin(worker->budget, place);
    if (gw_retry_budget_take(worker->budget, &defaults)) {
      uint32_t active = gw_retry_budget_active(worker->budget);
      if (active > worker->most) worker->most = active;
      gw_retry_budget_give_back(worker->budget);
    }
    gw_retry_budget_end(worker->budget, place);
  }
  gw_retry_budget_unref(worker->budget);
  return NULL;
}

static void test_workers_never_exceed_it_together(void **state) {
  (void)state;
  struct gw_retry_budget *budget = gw_retry_budget_new();
  struct worker workers[THREADS] = {0};
  for (int i = 0; i < THREADS; i++) {
    workers[i].budget = gw_retry_budget_ref(budget);
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(workers[i].thread, NULL);
    assert_true(workers[i].most <= THREADS); /* none is counted twice, nor kept */
  }
  assert_int_equal(gw_retry_budget_active(budget), 0);
  gw_retry_budget_unref(budget);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_least_is_always_there),
      cmocka_unit_test(test_share_is_of_the_others_over_all_workers),
      cmocka_unit_test(test_burst_may_use_what_was_saved),
      cmocka_unit_test(test_outage_of_a_quick_service_costs_a_fifth_more),
      cmocka_unit_test(test_least_closes_in_an_outage_and_opens_after_it),
      cmocka_unit_test(test_tenth_that_fails_is_retried_whole),
      cmocka_unit_test(test_places_are_handed_out_in_turn),
      cmocka_unit_test(test_workers_never_exceed_it_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
