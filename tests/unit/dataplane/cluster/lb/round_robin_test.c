/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"
#include "tests/unit/dataplane/model_fixture.h"

#define ENDPOINTS_MAX 8

static struct gw_frozen_cluster *build_cluster(const struct fixture_endpoint *endpoints, uint32_t count) {
  struct gw_resource *resources[] = {fixture_cluster("c", 1, GW_CLUSTER_STATIC, endpoints, count), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen_cluster *cluster = gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], NULL, NULL, &errors);
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  return cluster;
}

static void pick_many(const struct gw_frozen_cluster *cluster, uint64_t seed, uint32_t picks, uint32_t ret_counts[ENDPOINTS_MAX]) {
  struct gw_random random;
  gw_random_init(&random, seed);
  const struct gw_balancer *balancer = gw_balancer_find(GW_LB_ROUND_ROBIN);
  void *state = balancer->build(cluster, &random);
  memset(ret_counts, 0, ENDPOINTS_MAX * sizeof(*ret_counts));
  for (uint32_t i = 0; i < picks; i++)
    ret_counts[balancer->pick(state)]++;
  balancer->free(state);
}

static void test_pick_with_equal_weights_takes_turns(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 3, 0, 0, false},
                                                      {"127.0.0.1", 1, 0, 0, false},
                                                      {"127.0.0.1", 2, 0, 0, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 3);
  uint32_t counts[ENDPOINTS_MAX];
  for (uint64_t seed = 1; seed < 20; seed++) {
    pick_many(cluster, seed, 300, counts);
    for (int i = 0; i < 3; i++)
      assert_int_equal(counts[i], 100);
  }
  gw_frozen_cluster_unref(cluster);
}

static void test_pick_with_weights_is_exact_over_rounds(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 1, 1, 0, false},
                                                      {"127.0.0.1", 2, 2, 0, false},
                                                      {"127.0.0.1", 3, 5, 0, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 3);
  uint32_t counts[ENDPOINTS_MAX];
  for (uint64_t seed = 1; seed < 20; seed++) {
    pick_many(cluster, seed, 800, counts);
    assert_in_range(counts[0], 99, 101);
    assert_in_range(counts[1], 199, 201);
    assert_in_range(counts[2], 499, 501);
  }
  gw_frozen_cluster_unref(cluster);
}

static void test_pick_with_far_weights_is_right_in_the_long_run(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 1, 1, 0, false}, {"127.0.0.1", 2, 99999, 0, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 2);
  uint32_t counts[ENDPOINTS_MAX];
  pick_many(cluster, 7, 1000000, counts);
  assert_in_range(counts[0], 9, 11);
  gw_frozen_cluster_unref(cluster);
}

static void test_pick_spreads_heavy_endpoints(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 1, 1, 0, false}, {"127.0.0.1", 2, 3, 0, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 2);
  struct gw_random random;
  gw_random_init(&random, 3);
  void *rr = gw_balancer_round_robin.build(cluster, &random);
  uint32_t run = 0;
  for (int i = 0; i < 1000; i++) {
    run = gw_balancer_round_robin.pick(rr) == 1 ? run + 1 : 0;
    assert_true(run <= 4);
  }
  gw_balancer_round_robin.free(rr);
  gw_frozen_cluster_unref(cluster);
}

static void test_workers_start_apart(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 1, 0, 0, false},
                                                      {"127.0.0.1", 2, 0, 0, false},
                                                      {"127.0.0.1", 3, 0, 0, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 3);
  uint32_t first_picks[ENDPOINTS_MAX] = {0};
  for (uint64_t seed = 1; seed <= 300; seed++) {
    uint32_t counts[ENDPOINTS_MAX];
    pick_many(cluster, seed, 1, counts);
    for (int i = 0; i < 3; i++)
      first_picks[i] += counts[i];
  }
  for (int i = 0; i < 3; i++)
    assert_in_range(first_picks[i], 60, 140);
  gw_frozen_cluster_unref(cluster);
}

static void test_unhealthy_is_skipped_and_priority_0_goes_first(void **state) {
  (void)state;
  static const struct fixture_endpoint endpoints[] = {{"127.0.0.1", 1, 0, 0, true},
                                                      {"127.0.0.1", 2, 0, 0, false},
                                                      {"127.0.0.1", 3, 0, 1, false}};
  struct gw_frozen_cluster *cluster = build_cluster(endpoints, 3);
  uint32_t counts[ENDPOINTS_MAX];
  pick_many(cluster, 1, 10, counts);
  assert_int_equal(counts[1], 10);
  gw_frozen_cluster_unref(cluster);
  static const struct fixture_endpoint broken[] = {{"127.0.0.1", 1, 0, 0, true}, {"127.0.0.1", 3, 0, 1, false}};
  cluster = build_cluster(broken, 2);
  pick_many(cluster, 1, 10, counts);
  assert_int_equal(counts[1], 10);
  gw_frozen_cluster_unref(cluster);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pick_with_equal_weights_takes_turns),
      cmocka_unit_test(test_pick_with_weights_is_exact_over_rounds),
      cmocka_unit_test(test_pick_with_far_weights_is_right_in_the_long_run),
      cmocka_unit_test(test_pick_spreads_heavy_endpoints),
      cmocka_unit_test(test_workers_start_apart),
      cmocka_unit_test(test_unhealthy_is_skipped_and_priority_0_goes_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
