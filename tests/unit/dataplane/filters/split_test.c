#include "dataplane/filters/split.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define DRAWS 100000

static const struct gw_weighted_cluster shares[] = {{GW_STR("a"), 70},
                                                    {GW_STR("none"), 0},
                                                    {GW_STR("b"), 25},
                                                    {GW_STR("c"), 5},
                                                    {GW_STR("last"), 0}};

static void test_chance_gives_each_its_weight(void **state) {
  (void)state;
  const struct gw_route_split split = {shares, GW_ARRAY_LEN(shares), 100, true};
  const struct gw_balancer_key no_key = {false, 42}; /* a hash that is none must not be looked at */
  struct gw_random random;
  gw_random_init(&random, 7);
  uint32_t counts[GW_ARRAY_LEN(shares)] = {0};
  for (int i = 0; i < DRAWS; i++)
    counts[gw_split_choose(&split, &no_key, &random) - 1]++;
  for (size_t i = 0; i < GW_ARRAY_LEN(shares); i++) {
    double share = shares[i].weight / 100.0, deviation = sqrt(share * (1 - share) / DRAWS);
    assert_true(fabs(counts[i] / (double)DRAWS - share) <= 4 * deviation);
  }
}

static void test_a_key_goes_where_its_hash_says(void **state) {
  (void)state;
  struct gw_route_split split = {shares, GW_ARRAY_LEN(shares), 100, true};
  struct gw_random random;
  gw_random_init(&random, 7);
  static const struct {
    uint64_t hash;
    uint32_t choice;
  } cases[] = {{0, 1}, {69, 1}, {70, 3}, {94, 3}, {95, 4}, {99, 4}, {100, 1}, {UINT64_MAX, 1}, {12345678901234567895u, 4}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    const struct gw_balancer_key key = {true, cases[i].hash};
    for (int again = 0; again < 3; again++)
      assert_int_equal(gw_split_choose(&split, &key, &random), cases[i].choice);
  }
  /* Without use_hash_policy a key is for the instances alone. */
  split.by_hash = false;
  const struct gw_balancer_key key = {true, 0};
  uint32_t others = 0;
  for (int i = 0; i < 1000; i++)
    others += gw_split_choose(&split, &key, &random) != 1;
  assert_true(others > 200);
}

static void test_one_cluster_has_all(void **state) {
  (void)state;
  const struct gw_weighted_cluster one = {GW_STR("a"), 3};
  const struct gw_route_split split = {&one, 1, 3, false};
  const struct gw_balancer_key key = {false, 0};
  struct gw_random random;
  gw_random_init(&random, 7);
  for (int i = 0; i < 100; i++)
    assert_int_equal(gw_split_choose(&split, &key, &random), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chance_gives_each_its_weight),
      cmocka_unit_test(test_a_key_goes_where_its_hash_says),
      cmocka_unit_test(test_one_cluster_has_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
