#include "common/event/timer_wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/random.h"

#define TIMERS 500
#define FAR ((uint64_t)1 << 36)

static struct gw_timer *first(const struct gw_list *due) {
  return GW_LIST_ITEM(due->next, struct gw_timer, node);
}

static void add_at(struct gw_timer_wheel *wheel, struct gw_timer *timer, uint64_t expires_ms) {
  gw_timer_init(timer, NULL);
  timer->expires_ms = expires_ms;
  gw_timer_wheel_add(wheel, timer, wheel->now_ms);
}

static void test_advance_just_before_expiry_returns_nothing(void **state) {
  (void)state;
  static const uint64_t spans[] = {1, 63, 64, 65, 4095, 4096, 4097, 262144, 86400000, FAR - 1, FAR, FAR + 1, 3 * FAR + 12345};
  for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
    struct gw_timer_wheel wheel;
    struct gw_timer timer;
    struct gw_list due;
    gw_list_init(&due);
    gw_timer_wheel_init(&wheel, 1000);
    add_at(&wheel, &timer, 1000 + spans[i]);
    assert_true(wheel.next_ms <= timer.expires_ms);
    gw_timer_wheel_advance(&wheel, 1000 + spans[i] - 1, &due);
    assert_true(gw_list_is_empty(&due));
    assert_true(wheel.next_ms == 1000 + spans[i]);
    gw_timer_wheel_advance(&wheel, 1000 + spans[i], &due);
    assert_ptr_equal(first(&due), &timer);
    assert_true(wheel.next_ms == UINT64_MAX);
    gw_timer_stop(&timer);
  }
}

static void test_add_of_expired_timer_is_due_at_once(void **state) {
  (void)state;
  struct gw_timer_wheel wheel;
  struct gw_timer timer;
  struct gw_list due;
  gw_list_init(&due);
  gw_timer_wheel_init(&wheel, 1000);
  add_at(&wheel, &timer, 5);
  assert_true(wheel.next_ms <= 1000);
  gw_timer_wheel_advance(&wheel, 1000, &due);
  assert_ptr_equal(first(&due), &timer);
}

static void test_next_after_stop_of_the_earliest_becomes_right_when_it_is_reached(void **state) {
  (void)state;
  struct gw_timer_wheel wheel;
  struct gw_timer early;
  struct gw_timer late;
  struct gw_list due;
  gw_list_init(&due);
  gw_timer_wheel_init(&wheel, 0);
  add_at(&wheel, &early, 10);
  add_at(&wheel, &late, 20);
  gw_timer_stop(&early);
  assert_true(wheel.next_ms <= 20);
  gw_timer_wheel_advance(&wheel, 10, &due);
  assert_true(gw_list_is_empty(&due));
  assert_true(wheel.next_ms == 20);
}

static void test_last_tick_of_time_is_no_special_case(void **state) {
  (void)state;
  struct gw_timer_wheel wheel;
  struct gw_timer timer;
  struct gw_list due;
  gw_list_init(&due);
  gw_timer_wheel_init(&wheel, 77);
  add_at(&wheel, &timer, UINT64_MAX);
  for (int i = 0; i < 1000; i++)
    gw_timer_wheel_advance(&wheel, wheel.next_ms, &due);
  assert_true(gw_list_is_empty(&due));
  gw_timer_stop(&timer);
}

/* Spans as they come: timeouts of a few ms to minutes mostly, now and then years. */
static uint64_t random_span(struct gw_random *random) {
  return gw_random_below(random, (uint64_t)2 << gw_random_below(random, 39));
}

static void check_due(struct gw_timer *timers, struct gw_list *due, uint64_t now_ms, uint64_t next_ms) {
  while (!gw_list_is_empty(due)) {
    struct gw_timer *timer = first(due);
    assert_true(timer->expires_ms <= now_ms);
    gw_timer_stop(timer);
  }
  for (size_t i = 0; i < TIMERS; i++) {
    if (!gw_timer_is_running(&timers[i])) continue;
    assert_true(timers[i].expires_ms > now_ms); /* nothing is forgotten */
    assert_true(next_ms <= timers[i].expires_ms);
  }
  assert_true(next_ms > now_ms);
}

static void test_random_operations_agree_with_a_plain_array(void **state) {
  (void)state;
  static struct gw_timer timers[TIMERS];
  struct gw_random random;
  struct gw_timer_wheel wheel;
  struct gw_list due;
  gw_random_init(&random, 3);
  gw_list_init(&due);
  for (size_t i = 0; i < TIMERS; i++)
    gw_timer_init(&timers[i], NULL);
  uint64_t now_ms = FAR - 100000; /* crosses the end of the last level */
  gw_timer_wheel_init(&wheel, now_ms);
  for (int i = 0; i < 400000; i++) {
    struct gw_timer *timer = &timers[gw_random_below(&random, TIMERS)];
    uint64_t what = gw_random_below(&random, 20);
    if (what < 12) {
      gw_timer_stop(timer);
      timer->expires_ms = now_ms + random_span(&random);
      gw_timer_wheel_add(&wheel, timer, now_ms);
    } else if (what < 17) {
      gw_timer_stop(timer);
    } else {
      if (what == 17) now_ms += gw_random_below(&random, 20);
      if (what == 18 && wheel.next_ms != UINT64_MAX && wheel.next_ms > now_ms) now_ms = wheel.next_ms;
      if (what == 19) now_ms += random_span(&random) / 64;
      gw_timer_wheel_advance(&wheel, now_ms, &due);
      check_due(timers, &due, now_ms, wheel.next_ms);
    }
  }
  assert_true(now_ms > FAR);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_advance_just_before_expiry_returns_nothing),
      cmocka_unit_test(test_add_of_expired_timer_is_due_at_once),
      cmocka_unit_test(test_next_after_stop_of_the_earliest_becomes_right_when_it_is_reached),
      cmocka_unit_test(test_last_tick_of_time_is_no_special_case),
      cmocka_unit_test(test_random_operations_agree_with_a_plain_array),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
