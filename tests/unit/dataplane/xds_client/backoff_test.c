#include "dataplane/xds_client/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void test_next_stays_within_the_doubling_bound_and_the_cap(void **state) {
  (void)state;
  struct gw_backoff backoff;
  gw_backoff_init(&backoff, 100, 1000, 7);
  static const uint64_t bounds[] = {100, 200, 400, 800, 1000, 1000, 1000};
  for (int run = 0; run < 200; run++) {
    gw_backoff_reset(&backoff);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
      assert_true(gw_backoff_next_ms(&backoff, 1) <= bounds[i]);
  }
}

static void test_next_uses_the_whole_range(void **state) {
  (void)state;
  struct gw_backoff backoff;
  gw_backoff_init(&backoff, 100, 100, 7);
  bool is_low = false, is_high = false;
  for (int i = 0; i < 1000; i++) {
    uint64_t wait_ms = gw_backoff_next_ms(&backoff, 1);
    is_low = is_low || wait_ms < 10;
    is_high = is_high || wait_ms > 90;
  }
  assert_true(is_low && is_high);
}

static void test_next_grows_once_a_round_over_all_targets(void **state) {
  (void)state;
  struct gw_backoff backoff;
  gw_backoff_init(&backoff, 100, 10000, 7);
  for (int i = 0; i < 3; i++)
    assert_true(gw_backoff_next_ms(&backoff, 3) <= 100);
  for (int i = 0; i < 3; i++)
    assert_true(gw_backoff_next_ms(&backoff, 3) <= 200);
}

static void test_next_after_very_many_failures_keeps_the_cap(void **state) {
  (void)state;
  struct gw_backoff backoff;
  gw_backoff_init(&backoff, 250, 10000, 7);
  backoff.failures = UINT32_MAX;
  assert_true(gw_backoff_next_ms(&backoff, 1) <= 10000);
  assert_int_equal(backoff.failures, UINT32_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_next_stays_within_the_doubling_bound_and_the_cap),
      cmocka_unit_test(test_next_uses_the_whole_range),
      cmocka_unit_test(test_next_grows_once_a_round_over_all_targets),
      cmocka_unit_test(test_next_after_very_many_failures_keeps_the_cap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
