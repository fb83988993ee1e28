/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "common/base/mem.h"
#include "dataplane/cluster/check_state.h"

static const struct gw_health_check check = {.interval_ms = 1000,
                                             .unhealthy_interval_ms = 300,
                                             .no_traffic_interval_ms = 7000,
                                             .unhealthy_threshold = 3,
                                             .healthy_threshold = 2};

/* P: passed, f: failed, R: refused. Returns the states after each, H or u, in upper case where it changed: "H" "U", else "h" "u". */
static void walk(struct gw_check_state *state, const char *results, char *ret_states) {
  for (; *results != '\0'; results++) {
    enum gw_check_result result = *results == 'P' ? GW_CHECK_PASSED : *results == 'f' ? GW_CHECK_FAILED : GW_CHECK_REFUSED;
    bool is_change = gw_check_state_take(state, &check, result);
    *ret_states++ = is_change ? (state->is_healthy ? 'H' : 'U') : (state->is_healthy ? 'h' : 'u');
  }
  *ret_states = '\0';
}

static void test_take_follows_the_thresholds(void **state) {
  (void)state;
  static const struct {
    bool was_healthy;
    const char *results;
    const char *states;
  } cases[] = {
      {true, "PPP", "hhh"},         /* nothing changes */
      {true, "f", "U"},             /* the first result counts alone */
      {false, "P", "H"},            /* … either way */
      {false, "fPP", "uuH"},        /* later it is the thresholds */
      {true, "Pfff", "hhhU"},       /* three in a row */
      {true, "PffPffP", "hhhhhhh"}, /* a success in between begins anew */
      {true, "PffPfff", "hhhhhhU"},
      {true, "PfffPfPP", "hhhUuuuH"}, /* and so does a failure */
      {true, "PR", "hU"},             /* who says that it is not well is believed */
      {true, "PfffRfPP", "hhhUuuuH"},
      {true, "PfffPPff", "hhhUuHhh"}, /* runs of before are forgotten */
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_check_state it = {.is_healthy = cases[i].was_healthy};
    char states[16];
    walk(&it, cases[i].results, states);
    assert_string_equal(states, cases[i].states);
  }
}

static void test_delay_goes_by_state_and_traffic(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 1);
  struct gw_check_state it = {.is_healthy = true, .has_result = true};
  assert_int_equal(gw_check_state_delay(&it, &check, true, &random), 1000);
  assert_int_equal(gw_check_state_delay(&it, &check, false, &random), 7000);
  it.is_healthy = false;
  assert_int_equal(gw_check_state_delay(&it, &check, true, &random), 300);
  assert_int_equal(gw_check_state_first_delay(&check, &random), 0);
}

static void test_jitter_spreads_evenly_and_only_later(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 1);
  struct gw_health_check jittery = check;
  jittery.interval_jitter_ms = 100;
  jittery.interval_jitter_percent = 20; /* 200 ms */
  jittery.initial_jitter_ms = 500;
  struct gw_check_state it = {.is_healthy = true, .has_result = true};
  uint64_t sum = 0, first_sum = 0, least = UINT64_MAX, most = 0, first_most = 0;
  for (int i = 0; i < 20000; i++) {
    uint64_t ms = gw_check_state_delay(&it, &jittery, true, &random), first_ms = gw_check_state_first_delay(&jittery, &random);
    sum += ms;
    first_sum += first_ms;
    if (ms < least) least = ms;
    if (ms > most) most = ms;
    if (first_ms > first_most) first_most = first_ms;
  }
  assert_in_range(least, 1000, 1010);
  assert_in_range(most, 1290, 1300);
  assert_in_range(sum / 20000, 1145, 1155);
  assert_in_range(first_most, 490, 500);
  assert_in_range(first_sum / 20000, 245, 255);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_take_follows_the_thresholds),
      cmocka_unit_test(test_delay_goes_by_state_and_traffic),
      cmocka_unit_test(test_jitter_spreads_evenly_and_only_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
