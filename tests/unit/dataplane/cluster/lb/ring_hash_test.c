#include "tests/unit/dataplane/cluster/lb/hash_test.h"

static struct gw_load_balancing ring(uint32_t min, uint32_t max) {
  return (struct gw_load_balancing){.policy = GW_LB_RING_HASH, .ring_size_min = min, .ring_size_max = max};
}

static void test_shares_go_by_weight(void **state) {
  (void)state;
  static const uint32_t few[] = {1, 2, 5}, many[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  assert_shares(ring(16384, 1048576), few, 3, 0.06);
  assert_shares(ring(65536, 1048576), many, 10, 0.06);
}

static void test_a_key_stays_where_it_is(void **state) {
  (void)state;
  assert_steady(ring(1024, 8388608));
}

/* While the others keep their points, nobody's keys move but those of the endpoint that left. A ring that is to keep its least size gives
 * each of the others a few points more, 1 % here, and so some keys: twice the least in all, as with Envoy. */
static void test_disruption_is_at_most_about_twice_the_least(void **state) {
  (void)state;
  double moved = disruption(ring(1024, 1048576)); /* 11 points each, before and after */
  assert_true(moved > 0.005 && moved < 0.015);
  moved = disruption(ring(16384, 1048576)); /* 164, then 166 */
  assert_true(moved > 0.005 && moved < 0.025);
}

/* A light endpoint next to a very heavy one would want more points than there may be: then it may get none, but nothing breaks. */
static void test_ring_has_no_more_points_than_allowed(void **state) {
  (void)state;
  static const uint32_t weights[] = {1, 1000000};
  struct fixture f;
  fixture_start(&f, ring(1024, 2000), weights, 2, 1);
  uint32_t light = 0;
  for (uint64_t key = 0; key < KEYS; key++)
    light += fixture_pick_key(&f, key) == 0;
  assert_true(light < KEYS / 100);
  fixture_stop(&f);
}

/* The hash of a point is that endpoint's; one more wraps around behind the last. */
static void test_pick_takes_the_point_at_or_behind_the_hash(void **state) {
  (void)state;
  struct fixture f;
  fixture_start(&f, ring(1, 1), NULL, 2, 1); /* a ring of one point: the first endpoint's */
  uint64_t point = gw_xxh64(GW_STR("10.0.0.0:8000_0"), 0);
  const uint64_t hashes[] = {0, point - 1, point, point + 1, UINT64_MAX};
  for (size_t i = 0; i < GW_ARRAY_LEN(hashes); i++)
    assert_int_equal(f.balancer->pick(f.state, &(struct gw_balancer_key){true, hashes[i]}), 0);
  fixture_stop(&f);
  fixture_start(&f, ring(2, 2), NULL, 2, 1);
  uint64_t other = gw_xxh64(GW_STR("10.0.0.1:8000_0"), 0);
  assert_int_equal(f.balancer->pick(f.state, &(struct gw_balancer_key){true, point}), 0);
  assert_int_equal(f.balancer->pick(f.state, &(struct gw_balancer_key){true, other}), 1);
  assert_int_equal(f.balancer->pick(f.state, &(struct gw_balancer_key){true, point + 1}), 1);
  assert_int_equal(f.balancer->pick(f.state, &(struct gw_balancer_key){true, other + 1}), 0);
  fixture_stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares_go_by_weight),
      cmocka_unit_test(test_a_key_stays_where_it_is),
      cmocka_unit_test(test_disruption_is_at_most_about_twice_the_least),
      cmocka_unit_test(test_ring_has_no_more_points_than_allowed),
      cmocka_unit_test(test_pick_takes_the_point_at_or_behind_the_hash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
