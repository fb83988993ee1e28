#include "dataplane/pipeline/stats_copying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"

#define ROUTES 5000u

struct bench {
  struct gw_loop *loop;
  struct gw_pipeline *pipeline;
  struct gw_stats *copy;
};

static int setup(void **state) {
  struct bench *bench = gw_calloc(1, sizeof(*bench));
  bench->loop = gw_loop_new();
  bench->pipeline = gw_pipeline_new(&(struct gw_pipeline_options){.loop = bench->loop});
  for (uint32_t i = 0; i < ROUTES; i++) {
    char name[32];
    snprintf(name, sizeof(name), "route %u", i);
    gw_route_stats_count(gw_stats_hold_route(bench->pipeline->stats, gw_str_from(name), GW_STR("s")), 200, i);
  }
  *state = bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_stats_free(bench->copy);
  gw_pipeline_free(bench->pipeline);
  gw_loop_free(bench->loop);
  free(bench);
  return 0;
}

static void on_copy(void *arg, struct gw_stats *copy) {
  struct bench *bench = arg;
  assert_null(bench->copy);
  bench->copy = copy;
}

static uint64_t count_requests(struct gw_stats *stats) {
  uint64_t count = stats->overflow.codes[0].count;
  for (uint32_t i = 0; i < stats->folded_count; i++)
    count += stats->folded[i].codes[0].count;
  return count;
}

static void test_copy_lets_others_in_between_and_is_whole(void **state) {
  struct bench *bench = *state;
  uint32_t turns = 0;
  gw_stats_copying_start(bench->pipeline->copying, on_copy, bench);
  assert_null(bench->copy);
  for (; bench->copy == NULL && turns < ROUTES; turns++)
    gw_loop_run_once(bench->loop, 0);
  assert_non_null(bench->copy);
  assert_true(turns > 1); /* nobody waits for all of it */
  assert_int_equal(bench->copy->folded_count, ROUTES);
  assert_int_equal(count_requests(bench->copy), ROUTES);
}

static void test_copy_at_once_is_the_same(void **state) {
  struct bench *bench = *state;
  bench->copy = gw_stats_copying_run(bench->pipeline->copying);
  assert_int_equal(bench->copy->folded_count, ROUTES);
  assert_int_equal(count_requests(bench->copy), ROUTES);
}

/* The worker ends while a scrape is under way. */
static void test_end_during_a_copy_leaks_nothing(void **state) {
  struct bench *bench = *state;
  gw_stats_copying_start(bench->pipeline->copying, on_copy, bench);
  gw_loop_run_once(bench->loop, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_copy_lets_others_in_between_and_is_whole, setup, teardown),
      cmocka_unit_test_setup_teardown(test_copy_at_once_is_the_same, setup, teardown),
      cmocka_unit_test_setup_teardown(test_end_during_a_copy_leaks_nothing, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
