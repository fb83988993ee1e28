#include "common/observe/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t count(struct gw_sampler *sampler, enum gw_trace_decision decision, uint64_t now_us, uint32_t tries) {
  struct gw_random random;
  struct gw_trace_context context = {.decision = decision};
  uint32_t sampled = 0;
  gw_random_init(&random, 1);
  for (uint32_t i = 0; i < tries; i++) {
    gw_trace_new_id(&random, context.trace_id);
    sampled += gw_sampler_decide(sampler, &context, now_us);
  }
  return sampled;
}

static void test_ratio_samples_its_share_whatever_the_parent(void **state) {
  (void)state;
  struct gw_sampler sampler;
  gw_sampler_init(&sampler, false, 0.01, 0);
  assert_in_range(count(&sampler, GW_TRACE_NOT_SAMPLED, 1, 100000), 850, 1150);
  gw_sampler_init(&sampler, false, 1, 0);
  assert_int_equal(count(&sampler, GW_TRACE_NOT_SAMPLED, 1, 1000), 1000);
  gw_sampler_init(&sampler, false, 0, 0);
  assert_int_equal(count(&sampler, GW_TRACE_SAMPLED, 1, 1000), 0);
}

static void test_ratio_is_decided_by_the_id_as_others_do(void **state) {
  (void)state;
  struct gw_sampler sampler;
  struct gw_trace_context context = {.trace_id = {0xff, [8] = 0x7f, [9] = 0xff}};
  gw_sampler_init(&sampler, false, 0.5, 0);
  assert_true(gw_sampler_decide(&sampler, &context, 1));
  context.trace_id[8] = 0x80;
  assert_false(gw_sampler_decide(&sampler, &context, 1));
}

static void test_parent_goes_first_where_it_is_heeded(void **state) {
  (void)state;
  struct gw_sampler sampler;
  gw_sampler_init(&sampler, true, 0, 0);
  assert_int_equal(count(&sampler, GW_TRACE_SAMPLED, 1, 10), 10);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, 1, 10), 0);
  gw_sampler_init(&sampler, true, 1, 0);
  assert_int_equal(count(&sampler, GW_TRACE_NOT_SAMPLED, 1, 10), 0);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, 1, 10), 10);
}

static void test_rate_gives_a_second_s_worth_at_once_then_evenly(void **state) {
  (void)state;
  struct gw_sampler sampler;
  uint64_t now_us = UINT64_C(1000000000);
  gw_sampler_init(&sampler, false, 0, 5);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us, 100), 5);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us + 199999, 100), 0);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us + 200000, 100), 1);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us + 10000000, 100), 5);
}

static void test_rate_below_one_a_second_gives_one_at_a_time(void **state) {
  (void)state;
  struct gw_sampler sampler;
  uint64_t now_us = UINT64_C(1000000000);
  gw_sampler_init(&sampler, false, 0, 0.1);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us, 100), 1);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us + 9999999, 100), 0);
  assert_int_equal(count(&sampler, GW_TRACE_UNDECIDED, now_us + 10000000, 100), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ratio_samples_its_share_whatever_the_parent),
      cmocka_unit_test(test_ratio_is_decided_by_the_id_as_others_do),
      cmocka_unit_test(test_parent_goes_first_where_it_is_heeded),
      cmocka_unit_test(test_rate_gives_a_second_s_worth_at_once_then_evenly),
      cmocka_unit_test(test_rate_below_one_a_second_gives_one_at_a_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
