#include "tests/unit/dataplane/cluster/lb/balancer_fixture.h"

static const struct gw_load_balancing random_policy = {.policy = GW_LB_RANDOM};
static const struct gw_load_balancing maglev = {.policy = GW_LB_MAGLEV, .table_size = 65537};
static const struct gw_load_balancing ring_hash = {.policy = GW_LB_RING_HASH, .ring_size_min = 1024, .ring_size_max = 8388608};

/* Chi-square with 7 degrees of freedom is above 29.9 once in 10,000 times; the seeds are fixed, so it is never by chance. */
static void test_random_draws_all_alike_whatever_the_weights(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2, 3, 4, 5, 6, 7, 100}, ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
  for (uint64_t seed = 1; seed < 6; seed++) {
    struct fixture f;
    fixture_start(&f, random_policy, weights, 8, seed);
    assert_true(fixture_chi_square(&f, ones, 8, 80000) < 29.9);
    fixture_stop(&f);
  }
}

static void test_hash_balancers_draw_by_weight_without_a_hash(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 2, 3, 4, 5, 6, 7, 100};
  for (uint64_t seed = 1; seed < 6; seed++) {
    struct fixture f;
    fixture_start(&f, maglev, weights, 8, seed);
    assert_true(fixture_chi_square(&f, weights, 8, 80000) < 29.9);
    fixture_stop(&f);
    fixture_start(&f, ring_hash, weights, 8, seed);
    assert_true(fixture_chi_square(&f, weights, 8, 80000) < 29.9);
    fixture_stop(&f);
  }
}

/* Exact also where a table of 65537 slots could not be: 10,000 endpoints, one of which has a half of all. */
static void test_draw_by_weight_is_exact_with_many_endpoints(void **state) {
  (void)state;
  enum { COUNT = 10000 };
  uint32_t *weights = gw_calloc(COUNT, sizeof(*weights));
  for (uint32_t i = 0; i < COUNT; i++)
    weights[i] = i == 7 ? 3 * (COUNT - 1) : 3;
  struct fixture f;
  fixture_start(&f, maglev, weights, COUNT, 1);
  uint32_t heavy = 0;
  for (int i = 0; i < 100000; i++)
    heavy += fixture_pick(&f) == 7;
  assert_in_range(heavy, 49300, 50700); /* 4.4 standard deviations */
  fixture_stop(&f);
  free(weights);
}

static void test_random_of_one_is_that_one(void **state) {
  (void)state;
  const struct gw_load_balancing all[] = {random_policy, maglev, ring_hash};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++) {
    struct fixture f;
    fixture_start(&f, all[i], NULL, 1, 1);
    for (uint64_t k = 0; k < 100; k++)
      assert_int_equal(fixture_pick(&f) + fixture_pick_key(&f, k), 0);
    fixture_stop(&f);
  }
}

static void test_workers_draw_apart(void **state) {
  (void)state;
  const struct gw_load_balancing all[] = {random_policy, maglev, ring_hash};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++) {
    struct fixture a, b;
    fixture_start(&a, all[i], NULL, 10, 1);
    fixture_start(&b, all[i], NULL, 10, 2);
    uint32_t equal = 0;
    for (int k = 0; k < 1000; k++)
      equal += fixture_pick(&a) == fixture_pick(&b);
    assert_in_range(equal, 50, 150);
    fixture_stop(&a);
    fixture_stop(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_draws_all_alike_whatever_the_weights),
      cmocka_unit_test(test_hash_balancers_draw_by_weight_without_a_hash),
      cmocka_unit_test(test_draw_by_weight_is_exact_with_many_endpoints),
      cmocka_unit_test(test_random_of_one_is_that_one),
      cmocka_unit_test(test_workers_draw_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
