#include "common/event/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

struct probe {
  struct gw_timer timer;
  struct gw_loop *loop;
  struct gw_timer *other;
  uint64_t again_ms;
  unsigned restarts;
  unsigned fired;
  uint64_t fired_us;
};

static void on_timer(struct gw_timer *timer) {
  struct probe *probe = GW_CONTAINER_OF(timer, struct probe, timer);
  probe->fired++;
  probe->fired_us = gw_loop_now_us(probe->loop);
  if (probe->other != NULL) gw_timer_stop(probe->other);
  if (probe->restarts > 0) {
    probe->restarts--;
    gw_timer_start(probe->loop, timer, probe->again_ms);
  }
}

static void probe_init(struct probe *probe, struct gw_loop *loop) {
  *probe = (struct probe){.loop = loop};
  gw_timer_init(&probe->timer, on_timer);
}

/* Turns until `probe` has fired `times`, at most 10 s. */
static void run_until(struct probe *probe, unsigned times) {
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (probe->fired < times && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(probe->loop, 1000);
  assert_int_equal(probe->fired, times);
}

static void test_start_fires_once_and_not_before_its_time(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  static const uint64_t spans[] = {0, 1, 2, 5, 70, 130};
  for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
    struct probe probe;
    probe_init(&probe, loop);
    uint64_t before_us = gw_clock_monotonic_us();
    gw_timer_start(loop, &probe.timer, spans[i]);
    assert_true(gw_timer_is_running(&probe.timer));
    run_until(&probe, 1);
    assert_false(gw_timer_is_running(&probe.timer));
    assert_true(probe.fired_us >= before_us + spans[i] * 1000);
    gw_loop_run_once(loop, 0);
    assert_int_equal(probe.fired, 1);
  }
  gw_loop_free(loop);
}

static void test_start_of_a_running_timer_moves_it(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct probe probe;
  probe_init(&probe, loop);
  gw_timer_start(loop, &probe.timer, UINT64_MAX);
  gw_loop_run_once(loop, 0);
  gw_timer_start(loop, &probe.timer, 5);
  run_until(&probe, 1);
  gw_loop_free(loop);
}

static void test_start_in_its_own_callback_fires_in_a_later_turn(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct probe probe;
  probe_init(&probe, loop);
  probe.restarts = 3;
  gw_timer_start(loop, &probe.timer, 0);
  run_until(&probe, 1);
  run_until(&probe, 4); /* a turn that fired twice would overshoot the step between */
  gw_loop_free(loop);
}

static void test_stop_by_a_timer_of_the_same_turn_is_obeyed(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct probe a;
  struct probe b;
  probe_init(&a, loop);
  probe_init(&b, loop);
  a.other = &b.timer;
  b.other = &a.timer;
  gw_timer_start(loop, &a.timer, 0);
  gw_timer_start(loop, &b.timer, 0);
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (a.fired + b.fired == 0 && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(loop, 1000);
  gw_loop_run_once(loop, 0);
  assert_int_equal(a.fired + b.fired, 1);
  gw_loop_free(loop);
}

static void test_earlier_timer_started_in_a_callback_shortens_the_wait(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct probe late;
  struct probe soon;
  probe_init(&late, loop);
  probe_init(&soon, loop);
  soon.restarts = 1;
  soon.again_ms = 3;
  gw_timer_start(loop, &late.timer, 60000);
  gw_timer_start(loop, &soon.timer, 3);
  run_until(&soon, 2);
  assert_int_equal(late.fired, 0);
  gw_timer_stop(&late.timer);
  gw_loop_free(loop);
}

static void test_run_once_with_nothing_to_do_returns_after_its_wait(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  uint64_t before_us = gw_clock_monotonic_us();
  gw_loop_run_once(loop, 0);
  gw_loop_run_once(loop, 20);
  uint64_t passed_us = gw_clock_monotonic_us() - before_us;
  assert_true(passed_us >= 20000 && passed_us < 10000000);
  gw_loop_free(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_start_fires_once_and_not_before_its_time),
      cmocka_unit_test(test_start_of_a_running_timer_moves_it),
      cmocka_unit_test(test_start_in_its_own_callback_fires_in_a_later_turn),
      cmocka_unit_test(test_stop_by_a_timer_of_the_same_turn_is_obeyed),
      cmocka_unit_test(test_earlier_timer_started_in_a_callback_shortens_the_wait),
      cmocka_unit_test(test_run_once_with_nothing_to_do_returns_after_its_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
