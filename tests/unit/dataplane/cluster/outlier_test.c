/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "common/base/mem.h"
#include "dataplane/cluster/outlier.h"

static const struct gw_outlier_detection settings = {.interval_ms = 1000,
                                                     .base_ejection_ms = 30,
                                                     .max_ejection_ms = 100,
                                                     .max_ejection_percent = 50,
                                                     .consecutive_5xx_enforcing_percent = 100,
                                                     .consecutive_gateway_failure_enforcing_percent = 0,
                                                     .success_rate_enforcing_percent = 100,
                                                     .success_rate_minimum_hosts = 3,
                                                     .success_rate_request_volume = 10,
                                                     .success_rate_stdev_factor = 1900};

static int setup(void **state) {
  struct gw_random *random = gw_malloc(sizeof(*random));
  gw_random_init(random, 1);
  *state = random;
  return 0;
}

static int teardown(void **state) {
  gw_free_ptr(state);
  return 0;
}

/* How long an ejection at `now_ms` lasts. */
static uint64_t eject(const struct gw_outlier_detection *with, struct gw_outlier_state *it, uint64_t now_ms, struct gw_random *random) {
  it->is_ejected = false;
  assert_int_equal(gw_outlier_eject(with, it, GW_OUTLIER_5XX, 0, 2, now_ms, random), GW_OUTLIER_EJECTED);
  assert_true(it->is_ejected);
  return it->until_ms - now_ms;
}

static void test_ejections_last_longer_each_time_up_to_the_maximum(void **state) {
  struct gw_outlier_state it = {0};
  static const uint64_t lasts[] = {30, 60, 90, 100, 100, 100};
  for (size_t i = 0; i < GW_ARRAY_LEN(lasts); i++)
    assert_int_equal(eject(&settings, &it, 1000 * i, *state), lasts[i]);
  /* And shorter again with each interval that goes well. */
  it.is_ejected = false;
  assert_false(gw_outlier_on_interval(&it, 7000));
  assert_false(gw_outlier_on_interval(&it, 8000));
  assert_int_equal(eject(&settings, &it, 9000, *state), 90);
  it.is_ejected = false;
  for (int i = 0; i < 10; i++)
    gw_outlier_on_interval(&it, 10000);
  assert_int_equal(eject(&settings, &it, 11000, *state), 30);
}

static void test_ejection_is_over_at_its_time_and_not_before(void **state) {
  struct gw_outlier_state it = {0};
  eject(&settings, &it, 1000, *state);
  assert_false(gw_outlier_on_interval(&it, 1029));
  assert_true(gw_outlier_on_interval(&it, 1030));
  assert_int_equal(it.backoff, 1);
}

static void test_a_base_above_the_maximum_counts(void **state) {
  struct gw_outlier_detection long_base = settings;
  long_base.base_ejection_ms = 500;
  struct gw_outlier_state it = {0};
  assert_int_equal(eject(&long_base, &it, 0, *state), 500);
  assert_int_equal(eject(&long_base, &it, 0, *state), 500);
}

static void test_jitter_is_added(void **state) {
  struct gw_outlier_detection jittery = settings;
  jittery.ejection_jitter_ms = 10;
  uint64_t least = UINT64_MAX, most = 0;
  for (int i = 0; i < 500; i++) {
    struct gw_outlier_state it = {0};
    uint64_t ms = eject(&jittery, &it, 0, *state);
    least = ms < least ? ms : least;
    most = ms > most ? ms : most;
  }
  assert_int_equal(least, 30);
  assert_int_equal(most, 40);
}

static void test_maximum_is_a_share_of_all(void **state) {
  static const struct {
    uint32_t ejected, count, percent;
    bool may_one;
    enum gw_outlier_verdict verdict;
  } cases[] = {
      {0, 1, 50, false, GW_OUTLIER_KEPT_BY_MAXIMUM}, {0, 2, 50, false, GW_OUTLIER_EJECTED},
      {1, 2, 50, false, GW_OUTLIER_KEPT_BY_MAXIMUM}, {1, 3, 50, false, GW_OUTLIER_KEPT_BY_MAXIMUM},
      {1, 4, 50, false, GW_OUTLIER_EJECTED},         {0, 9, 10, false, GW_OUTLIER_KEPT_BY_MAXIMUM},
      {0, 10, 10, false, GW_OUTLIER_EJECTED},        {0, 9, 10, true, GW_OUTLIER_EJECTED},
      {1, 9, 10, true, GW_OUTLIER_KEPT_BY_MAXIMUM},  {2, 3, 100, false, GW_OUTLIER_EJECTED},
      {0, 5, 0, false, GW_OUTLIER_KEPT_BY_MAXIMUM},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_outlier_detection with = settings;
    with.max_ejection_percent = cases[i].percent;
    with.may_always_eject_one = cases[i].may_one;
    struct gw_outlier_state it = {0};
    assert_int_equal(gw_outlier_eject(&with, &it, GW_OUTLIER_5XX, cases[i].ejected, cases[i].count, 0, *state), cases[i].verdict);
    assert_int_equal(it.is_ejected, cases[i].verdict == GW_OUTLIER_EJECTED);
  }
}

static void test_enforcing_percentage_is_of_its_cause(void **state) {
  struct gw_outlier_detection with = settings;
  with.success_rate_enforcing_percent = 30;
  uint32_t ejected = 0;
  for (int i = 0; i < 10000; i++) {
    struct gw_outlier_state it = {0};
    assert_int_equal(gw_outlier_eject(&with, &it, GW_OUTLIER_GATEWAY_FAILURE, 0, 2, 0, *state), GW_OUTLIER_KEPT_BY_CHANCE);
    assert_int_equal(it.backoff, 0);
    if (gw_outlier_eject(&with, &it, GW_OUTLIER_SUCCESS_RATE, 0, 2, 0, *state) == GW_OUTLIER_EJECTED) ejected++;
  }
  assert_in_range(ejected, 2800, 3200);
}

/* Of 1000 requests each. Returns which is an outlier, -1: none; two are a mistake. */
static int compare(const struct gw_outlier_detection *with, const uint64_t *successes, uint32_t count) {
  struct gw_outlier_sample samples[16] = {0};
  for (uint32_t i = 0; i < count; i++)
    samples[i] = (struct gw_outlier_sample){.request_count = 1000, .success_count = successes[i]};
  gw_outlier_compare(with, samples, count);
  int found = -1;
  for (uint32_t i = 0; i < count; i++) {
    if (!samples[i].ret_is_outlier) continue;
    assert_int_equal(found, -1);
    found = (int)i;
  }
  return found;
}

static void test_compare_finds_who_is_far_below_the_mean(void **state) {
  (void)state;
  /* Mean 91, standard deviation 18: below 56.8 % is too low. */
  assert_int_equal(compare(&settings, (const uint64_t[]){1000, 550, 1000, 1000, 1000}, 5), 1);
  assert_int_equal(compare(&settings, (const uint64_t[]){1000, 1000, 1000, 1000, 1000}, 5), -1);
  assert_int_equal(compare(&settings, (const uint64_t[]){0, 0, 0, 0}, 4), -1);
  /* Who is bad as the others are is none: two of four. */
  assert_int_equal(compare(&settings, (const uint64_t[]){1000, 500, 500, 1000}, 4), -1);
  struct gw_outlier_detection strict = settings;
  strict.success_rate_stdev_factor = 500;
  assert_int_equal(compare(&strict, (const uint64_t[]){900, 1000, 1000, 1000}, 4), 0);
}

static void test_compare_wants_enough_hosts_and_requests(void **state) {
  (void)state;
  struct gw_outlier_sample samples[] = {{10, 10, true}, {10, 10, true}, {9, 0, true}, {10, 1, true}};
  double threshold = gw_outlier_compare(&settings, samples, 4);
  assert_true(threshold >= 0);
  assert_false(samples[2].ret_is_outlier); /* it has too few */
  assert_true(gw_outlier_compare(&settings, samples, 3) < 0);
  for (size_t i = 0; i < 3; i++)
    assert_false(samples[i].ret_is_outlier);
  assert_true(gw_outlier_compare(&settings, samples, 0) < 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_ejections_last_longer_each_time_up_to_the_maximum, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ejection_is_over_at_its_time_and_not_before, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_base_above_the_maximum_counts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_jitter_is_added, setup, teardown),
      cmocka_unit_test_setup_teardown(test_maximum_is_a_share_of_all, setup, teardown),
      cmocka_unit_test_setup_teardown(test_enforcing_percentage_is_of_its_cause, setup, teardown),
      cmocka_unit_test(test_compare_finds_who_is_far_below_the_mean),
      cmocka_unit_test(test_compare_wants_enough_hosts_and_requests),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
