#include "dataplane/server/scrape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/clock.h"

struct bench {
  struct gw_loop *loop;
  struct gw_scrape *scrape;
  uint32_t asked;
  uint64_t round;
  uint32_t answered;
  uint64_t requests_total;
  uint64_t missed_total;
};

static void ask_stats(void *arg, uint32_t worker_index, uint64_t round) {
  (void)worker_index;
  struct bench *bench = arg;
  bench->asked++;
  bench->round = round;
}

static void on_result(void *arg, const struct gw_scrape_result *result) {
  struct bench *bench = arg;
  bench->answered++;
  bench->requests_total = result->stats->requests_total;
  bench->missed_total = result->missed_total;
  assert_int_equal(result->worker_count, 2);
}

static int setup(void **state) {
  static struct bench bench;
  bench = (struct bench){.loop = gw_loop_new()};
  struct gw_scrape_calls calls = {ask_stats, &bench};
  bench.scrape = gw_scrape_new(bench.loop, 2, &calls);
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_scrape_free(bench->scrape);
  gw_loop_free(bench->loop);
  return 0;
}

static void answer(struct bench *bench, uint32_t worker_index, uint64_t round, uint64_t requests) {
  struct gw_stats *stats = gw_stats_new();
  stats->requests_total = requests;
  struct gw_histogram lag = {0};
  gw_scrape_on_stats(bench->scrape, worker_index, round, stats, &lag);
}

static void test_start_adds_up_what_all_workers_answer(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, on_result, bench);
  assert_int_equal(bench->asked, 2);
  answer(bench, 0, bench->round, 5);
  assert_int_equal(bench->answered, 0);
  answer(bench, 1, bench->round, 7);
  assert_int_equal(bench->answered, 1);
  assert_int_equal(bench->requests_total, 12);
  assert_int_equal(bench->missed_total, 0);
}

static void test_start_while_one_is_on_joins_it(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, on_result, bench);
  gw_scrape_start(bench->scrape, on_result, bench);
  assert_int_equal(bench->asked, 2);
  answer(bench, 0, bench->round, 1);
  answer(bench, 1, bench->round, 1);
  assert_int_equal(bench->answered, 2);
}

static void test_start_goes_on_without_a_stuck_worker_and_counts_it(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, on_result, bench);
  answer(bench, 1, bench->round, 7);
  uint64_t late_round = bench->round;
  uint64_t until_us = gw_clock_monotonic_us() + 20000000;
  while (bench->answered == 0 && gw_clock_monotonic_us() < until_us)
    gw_loop_run_once(bench->loop, 100);
  assert_int_equal(bench->answered, 1);
  assert_int_equal(bench->requests_total, 7);
  assert_int_equal(bench->missed_total, 1);
  gw_scrape_start(bench->scrape, on_result, bench);
  answer(bench, 0, late_round, 1000);
  answer(bench, 0, bench->round, 1);
  answer(bench, 0, bench->round, 1);
  assert_int_equal(bench->answered, 1);
  answer(bench, 1, bench->round, 1);
  assert_int_equal(bench->answered, 2);
  assert_int_equal(bench->requests_total, 2);
}

static void test_free_answers_those_who_wait(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, on_result, bench);
  answer(bench, 0, bench->round, 3);
  gw_scrape_free(bench->scrape);
  bench->scrape = NULL;
  assert_int_equal(bench->answered, 1);
  assert_int_equal(bench->requests_total, 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_start_adds_up_what_all_workers_answer),
      TEST(test_start_while_one_is_on_joins_it),
      TEST(test_start_goes_on_without_a_stuck_worker_and_counts_it),
      TEST(test_free_answers_those_who_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
