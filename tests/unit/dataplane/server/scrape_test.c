#include "dataplane/server/scrape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

struct bench {
  struct gw_loop *loop;
  struct gw_scrape *scrape;
  uint32_t asked;
  uint64_t round;
  uint32_t answered;
  char text[65536];
};

static void ask_stats(void *arg, uint32_t worker_index, uint64_t round) {
  (void)worker_index;
  struct bench *bench = arg;
  bench->asked++;
  bench->round = round;
}

static void fill(void *arg, struct gw_node_metrics *metrics) {
  (void)arg;
  metrics->nacks_total = 3;
}

static void on_text(void *arg, struct gw_bytes *text) {
  struct bench *bench = arg;
  bench->answered++;
  snprintf(bench->text, sizeof(bench->text), "%.*s", (int)text->len, text->data);
}

static int setup(void **state) {
  static struct bench bench;
  bench = (struct bench){.loop = gw_loop_new()};
  struct gw_scrape_calls calls = {ask_stats, fill, &bench};
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

static void wait_for(struct bench *bench, uint32_t answered) {
  uint64_t until_us = gw_clock_monotonic_us() + 20000000;
  while (bench->answered < answered && gw_clock_monotonic_us() < until_us)
    gw_loop_run_once(bench->loop, 50);
  assert_int_equal(bench->answered, answered);
}

static void assert_requests(struct bench *bench, const char *count) {
  char line[128];
  snprintf(line, sizeof(line), "\ngateway_downstream_requests_total %s\n", count);
  assert_non_null(strstr(bench->text, line));
}

static void test_start_adds_up_what_all_workers_answer(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, false, on_text, bench);
  assert_int_equal(bench->asked, 2);
  answer(bench, 0, bench->round, 5);
  answer(bench, 1, bench->round, 7);
  wait_for(bench, 1);
  assert_requests(bench, "12");
  assert_non_null(strstr(bench->text, "\ngateway_xds_nacks_total 3\n"));
  assert_non_null(strstr(bench->text, "\ngateway_scrape_missed_workers_total 0\n"));
  assert_non_null(strstr(bench->text, "gateway_worker_loop_lag_seconds_count{worker=\"1\"}"));
}

static void test_start_while_one_is_on_shares_the_next_round(void **state) {
  struct bench *bench = *state;
  for (int i = 0; i < 3; i++)
    gw_scrape_start(bench->scrape, false, on_text, bench);
  assert_int_equal(bench->asked, 2);
  answer(bench, 0, bench->round, 1);
  answer(bench, 1, bench->round, 1);
  wait_for(bench, 1);
  assert_int_equal(bench->asked, 4);
  answer(bench, 0, bench->round, 10);
  answer(bench, 1, bench->round, 10);
  wait_for(bench, 3);
  assert_requests(bench, "20");
  assert_int_equal(bench->asked, 4);
}

static void test_start_goes_on_without_a_stuck_worker_and_counts_it(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, false, on_text, bench);
  answer(bench, 1, bench->round, 7);
  uint64_t late_round = bench->round;
  wait_for(bench, 1);
  assert_requests(bench, "7");
  assert_non_null(strstr(bench->text, "\ngateway_scrape_missed_workers_total 1\n"));
  gw_scrape_start(bench->scrape, false, on_text, bench);
  answer(bench, 0, late_round, 1000);
  answer(bench, 0, bench->round, 1);
  answer(bench, 0, bench->round, 1);
  answer(bench, 1, bench->round, 1);
  wait_for(bench, 2);
  assert_requests(bench, "2");
}

static void test_free_answers_those_who_wait(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, false, on_text, bench);
  answer(bench, 0, bench->round, 3);
  gw_scrape_free(bench->scrape);
  bench->scrape = NULL;
  assert_int_equal(bench->answered, 1);
  assert_requests(bench, "3");
}

static void test_free_while_a_text_is_written_answers_all(void **state) {
  struct bench *bench = *state;
  gw_scrape_start(bench->scrape, false, on_text, bench);
  gw_scrape_start(bench->scrape, false, on_text, bench);
  answer(bench, 0, bench->round, 3);
  answer(bench, 1, bench->round, 3);
  gw_scrape_free(bench->scrape);
  bench->scrape = NULL;
  assert_int_equal(bench->answered, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_start_adds_up_what_all_workers_answer),
      TEST(test_start_while_one_is_on_shares_the_next_round),
      TEST(test_start_goes_on_without_a_stuck_worker_and_counts_it),
      TEST(test_free_answers_those_who_wait),
      TEST(test_free_while_a_text_is_written_answers_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
