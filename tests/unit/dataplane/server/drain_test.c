#include "dataplane/server/drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/clock.h"

struct bench {
  struct gw_loop *loop;
  uint32_t begun;
  uint32_t closed;
  uint64_t spread_ms;
  uint32_t ended;
  bool is_complete;
};

static void on_begin(void *arg) {
  ((struct bench *)arg)->begun++;
}

static void on_close(void *arg, uint64_t spread_ms) {
  struct bench *bench = arg;
  bench->closed++;
  bench->spread_ms = spread_ms;
}

static void on_end(void *arg, bool is_complete) {
  struct bench *bench = arg;
  bench->ended++;
  bench->is_complete = is_complete;
}

static void start(struct bench *bench, struct gw_drain *drain, uint64_t delay_ms, uint64_t time_ms, uint32_t workers) {
  *bench = (struct bench){.loop = gw_loop_new()};
  struct gw_drain_calls calls = {on_begin, on_close, on_end, bench};
  gw_drain_init(drain, bench->loop, delay_ms, time_ms, workers, &calls);
  assert_false(gw_drain_is_on(drain));
  gw_drain_start(drain);
  assert_true(gw_drain_is_on(drain));
  assert_int_equal(bench->begun, 1);
  assert_int_equal(bench->closed, 0);
}

static void wait_for(struct bench *bench, const uint32_t *counter) {
  uint64_t until_us = gw_clock_monotonic_us() + 20000000;
  while (*counter == 0 && gw_clock_monotonic_us() < until_us)
    gw_loop_run_once(bench->loop, 50);
  assert_int_equal(*counter, 1);
}

static void test_drain_ends_when_the_last_worker_has(void **state) {
  (void)state;
  struct bench bench;
  struct gw_drain drain;
  start(&bench, &drain, 1, 60000, 2);
  wait_for(&bench, &bench.closed);
  assert_int_equal(bench.spread_ms, 5000);
  gw_drain_on_drained(&drain);
  assert_int_equal(bench.ended, 0);
  gw_drain_on_drained(&drain);
  assert_int_equal(bench.ended, 1);
  assert_true(bench.is_complete);
  gw_drain_done(&drain);
  gw_loop_free(bench.loop);
}

static void test_drain_ends_when_its_time_is_over(void **state) {
  (void)state;
  struct bench bench;
  struct gw_drain drain;
  start(&bench, &drain, 0, 40, 1);
  wait_for(&bench, &bench.ended);
  assert_int_equal(bench.spread_ms, 10);
  assert_false(bench.is_complete);
  gw_drain_on_drained(&drain);
  assert_int_equal(bench.ended, 1);
  gw_drain_done(&drain);
  gw_loop_free(bench.loop);
}

static void test_start_again_changes_nothing(void **state) {
  (void)state;
  struct bench bench;
  struct gw_drain drain;
  start(&bench, &drain, 60000, 60000, 1);
  gw_drain_start(&drain);
  assert_int_equal(bench.begun, 1);
  gw_drain_done(&drain);
  gw_loop_free(bench.loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_drain_ends_when_the_last_worker_has),
      cmocka_unit_test(test_drain_ends_when_its_time_is_over),
      cmocka_unit_test(test_start_again_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
