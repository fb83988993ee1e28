#include "tests/unit/dataplane/cluster/lb/balancer_fixture.h"

static struct gw_load_balancing least_request(double bias) {
  return (struct gw_load_balancing){.policy = GW_LB_LEAST_REQUEST, .choice_count = 2, .active_request_bias = bias};
}

static void test_few_endpoints_the_least_busy_gets_it(void **state) {
  (void)state;
  struct fixture f;
  fixture_start(&f, least_request(1), NULL, 5, 1);
  for (uint32_t i = 0; i < 5; i++)
    f.active[i] = 3;
  f.active[3] = 2;
  for (int i = 0; i < 100; i++)
    assert_int_equal(fixture_pick(&f), 3);
  fixture_stop(&f);
}

static void test_idle_endpoints_share_alike(void **state) {
  (void)state;
  static const uint32_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  for (uint64_t seed = 1; seed < 6; seed++) {
    struct fixture f;
    fixture_start(&f, least_request(1), ones, 8, seed); /* looked at as a whole */
    assert_true(fixture_chi_square(&f, ones, 8, 80000) < 29.9);
    fixture_stop(&f);
    fixture_start(&f, least_request(1), ones, 10, seed); /* drawn */
    assert_true(fixture_chi_square(&f, ones, 10, 80000) < 33.7);
    fixture_stop(&f);
  }
}

/* Ties between those that are not neighbours are fair, too. */
static void test_ties_are_fair(void **state) {
  (void)state;
  struct fixture f;
  fixture_start(&f, least_request(1), NULL, 6, 1);
  f.active[1] = f.active[2] = f.active[3] = 9;
  uint32_t seen[6] = {0};
  for (int i = 0; i < 30000; i++)
    seen[fixture_pick(&f)]++;
  assert_in_range(seen[0], 9600, 10400);
  assert_in_range(seen[4], 9600, 10400);
  assert_in_range(seen[5], 9600, 10400);
  fixture_stop(&f);
}

/* Two choices of 1,000: who is busier than all others is never chosen, since nobody is compared with themselves. */
static void test_many_endpoints_the_busiest_gets_nothing(void **state) {
  (void)state;
  enum { COUNT = 1000 };
  struct fixture f;
  fixture_start(&f, least_request(1), NULL, COUNT, 1);
  for (uint32_t i = 0; i < COUNT; i++)
    f.active[i] = 1;
  f.active[500] = 2;
  for (int i = 0; i < 20000; i++)
    assert_int_not_equal(fixture_pick(&f), 500);
  fixture_stop(&f);
}

/* Requests that never end pile up evenly: with two choices the fullest has about ln ln n more than the mean, with one about ln n. */
static void test_power_of_two_choices_keeps_the_piles_low(void **state) {
  (void)state;
  enum { COUNT = 1000 };
  for (uint64_t seed = 1; seed < 6; seed++) {
    struct fixture f;
    fixture_start(&f, least_request(1), NULL, COUNT, seed);
    for (int i = 0; i < COUNT * 10; i++)
      f.active[fixture_pick(&f)]++;
    for (uint32_t i = 0; i < COUNT; i++)
      assert_true(f.active[i] <= 13);
    fixture_stop(&f);
  }
}

static void test_choice_count_of_all_finds_the_idle_one(void **state) {
  (void)state;
  enum { COUNT = 20 };
  struct gw_load_balancing balancing = least_request(1);
  balancing.choice_count = COUNT;
  struct fixture f;
  fixture_start(&f, balancing, NULL, COUNT, 1);
  for (uint32_t i = 0; i < COUNT; i++)
    f.active[i] = i == 11 ? 0 : 1;
  for (int i = 0; i < 100; i++)
    assert_int_equal(fixture_pick(&f), 11);
  fixture_stop(&f);
}

/* Idle endpoints share by weight, exactly; 9 active requests make a weight a tenth, with bias 2 a hundredth, with 0 they don't count. */
static void test_weights_are_divided_by_what_is_active(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2, 5};
  static const struct {
    double bias;
    uint32_t active;
    double heavy; /* effective weight of the third */
  } cases[] = {{1, 0, 5}, {1, 9, 0.5}, {2, 9, 0.05}, {0, 9, 5}, {0.5, 3, 2.5}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct fixture f;
    fixture_start(&f, least_request(cases[i].bias), weights, 3, 4);
    f.active[2] = cases[i].active;
    double seen[3] = {0}, sum = 3 + cases[i].heavy;
    for (int k = 0; k < 16000; k++)
      seen[fixture_pick(&f)]++;
    for (int k = 0; k < 3; k++) {
      double wanted = 16000 * (k < 2 ? weights[k] : cases[i].heavy) / sum;
      assert_true(seen[k] > wanted - 8 && seen[k] < wanted + 8);
    }
    fixture_stop(&f);
  }
}

/* A bias that makes a weight vanish costs that endpoint its turns, not the others theirs. */
static void test_extreme_bias_is_survived(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2};
  struct fixture f;
  fixture_start(&f, least_request(1e300), weights, 2, 4);
  f.active[1] = 1000;
  uint32_t seen = 0;
  for (int k = 0; k < 100000; k++)
    seen += fixture_pick(&f);
  assert_in_range(seen, 0, 1);
  fixture_stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_few_endpoints_the_least_busy_gets_it),
      cmocka_unit_test(test_idle_endpoints_share_alike),
      cmocka_unit_test(test_ties_are_fair),
      cmocka_unit_test(test_many_endpoints_the_busiest_gets_nothing),
      cmocka_unit_test(test_power_of_two_choices_keeps_the_piles_low),
      cmocka_unit_test(test_choice_count_of_all_finds_the_idle_one),
      cmocka_unit_test(test_weights_are_divided_by_what_is_active),
      cmocka_unit_test(test_extreme_bias_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
