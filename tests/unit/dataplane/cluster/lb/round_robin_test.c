#include "tests/unit/dataplane/cluster/lb/balancer_fixture.h"

static const struct gw_load_balancing round_robin = {.policy = GW_LB_ROUND_ROBIN};

static void test_pick_with_equal_weights_takes_turns(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed < 20; seed++) {
    struct fixture f;
    fixture_start(&f, round_robin, NULL, 3, seed);
    uint32_t first = fixture_pick(&f);
    for (uint32_t i = 1; i < 300; i++)
      assert_int_equal(fixture_pick(&f), (first + i) % 3);
    fixture_stop(&f);
  }
}

/* Smooth: at no time does anybody lag behind, or run ahead of, their share by more than a turn of their own. */
static void test_pick_with_weights_is_smooth_at_any_time(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2, 5, 13, 13, 40};
  for (uint64_t seed = 1; seed < 20; seed++) {
    struct fixture f;
    fixture_start(&f, round_robin, weights, 6, seed);
    uint32_t seen[6] = {0};
    for (uint32_t i = 1; i <= 74000; i++) {
      seen[fixture_pick(&f)]++;
      for (uint32_t k = 0; k < 6; k++) {
        double lead = seen[k] - i * (weights[k] / 74.0);
        assert_true(lead > -3 && lead < 3);
      }
    }
    fixture_stop(&f);
  }
}

static void test_pick_spreads_heavy_endpoints(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 3};
  struct fixture f;
  fixture_start(&f, round_robin, weights, 2, 3);
  uint32_t run = 0;
  for (int i = 0; i < 1000; i++) {
    run = fixture_pick(&f) == 1 ? run + 1 : 0;
    assert_true(run <= 4);
  }
  fixture_stop(&f);
}

static void test_pick_with_far_weights_is_right_in_the_long_run(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 99999};
  struct fixture f;
  fixture_start(&f, round_robin, weights, 2, 7);
  uint32_t light = 0;
  for (int i = 0; i < 1000000; i++)
    light += fixture_pick(&f) == 0;
  assert_in_range(light, 9, 11);
  fixture_stop(&f);
}

/* Deadlines are set back after 2^62: with weight 1 that is four million turns. */
static void test_pick_goes_on_after_deadlines_were_set_back(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2};
  struct fixture f;
  fixture_start(&f, round_robin, weights, 2, 7);
  for (int i = 0; i < 13000000; i++)
    fixture_pick(&f);
  uint32_t light = 0;
  for (int i = 0; i < 3000; i++)
    light += fixture_pick(&f) == 0;
  assert_in_range(light, 998, 1002);
  fixture_stop(&f);
}

static void test_workers_start_apart(void **state) {
  (void)state;
  static const uint32_t equal[] = {1, 1, 1}, differing[] = {2, 2, 3};
  for (int kind = 0; kind < 2; kind++) {
    uint32_t first_picks[3] = {0};
    for (uint64_t seed = 1; seed <= 300; seed++) {
      struct fixture f;
      fixture_start(&f, round_robin, kind == 0 ? equal : differing, 3, seed);
      first_picks[fixture_pick(&f)]++;
      fixture_stop(&f);
    }
    for (int i = 0; i < 3; i++)
      assert_in_range(first_picks[i], 55, 170);
  }
}

/* One endpoint is new, with a window of 10 s: a tenth, then half, then its whole share. */
static void test_slow_start_lets_the_share_grow(void **state) {
  (void)state;
  static const struct {
    uint64_t age_ms;
    double aggression;
    double percent; /* of its whole weight */
  } cases[] = {{0, 1, 10}, {5000, 1, 50}, {5000, 2, 70.7}, {5000, 0.5, 25}, {10000, 1, 100}, {99000, 1, 100}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct fixture f;
    struct gw_load_balancing balancing = round_robin;
    balancing.slow_start = (struct gw_slow_start){10000, cases[i].aggression, 10};
    fixture_start(&f, balancing, NULL, 4, 5);
    f.balancer->free(f.state);
    gw_load_free(f.load);
    f.endpoints[2].fresh_ms = 1000;
    f.load = gw_load_build(&f.balancing, f.endpoints, 4);
    f.now_ms = 1000 + cases[i].age_ms;
    f.state = f.balancer->build(&f.load->levels[0], &f.worker);
    double seen = 0, weight = cases[i].percent / 100;
    for (int k = 0; k < 10000; k++)
      seen += fixture_pick(&f) == 2;
    double wanted = 10000 * weight / (3 + weight);
    assert_true(seen > wanted - 5 && seen < wanted + 5);
    fixture_stop(&f);
  }
}

/* And when the window is over while the worker runs, the cursor goes round again. */
static void test_slow_start_ends_in_equal_turns(void **state) {
  (void)state;
  struct fixture f;
  struct gw_load_balancing balancing = round_robin;
  balancing.slow_start = (struct gw_slow_start){10000, 1, 10};
  fixture_start(&f, balancing, NULL, 4, 5);
  f.balancer->free(f.state);
  gw_load_free(f.load);
  f.endpoints[2].fresh_ms = 1000;
  f.load = gw_load_build(&f.balancing, f.endpoints, 4);
  f.state = f.balancer->build(&f.load->levels[0], &f.worker);
  for (int k = 0; k < 100; k++)
    fixture_pick(&f);
  f.now_ms = 11000;
  fixture_pick(&f);
  uint32_t first = fixture_pick(&f);
  for (uint32_t k = 1; k < 100; k++)
    assert_int_equal(fixture_pick(&f), (first + k) % 4);
  fixture_stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pick_with_equal_weights_takes_turns),
      cmocka_unit_test(test_pick_with_weights_is_smooth_at_any_time),
      cmocka_unit_test(test_pick_spreads_heavy_endpoints),
      cmocka_unit_test(test_pick_with_far_weights_is_right_in_the_long_run),
      cmocka_unit_test(test_pick_goes_on_after_deadlines_were_set_back),
      cmocka_unit_test(test_workers_start_apart),
      cmocka_unit_test(test_slow_start_lets_the_share_grow),
      cmocka_unit_test(test_slow_start_ends_in_equal_turns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
