/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/cluster_set.h"
#include "tests/unit/dataplane/model_fixture.h"

static const struct gw_balancer_key no_key = {false, 0};

static struct gw_snapshot *snapshot_of(unsigned version, const struct fixture_endpoint *endpoints, uint32_t count) {
  struct gw_resource *resources[] = {fixture_cluster("c", 1, GW_CLUSTER_EDS, NULL, 0), fixture_assignment("c", version, endpoints, count),
                                     NULL};
  return fixture_snapshot(resources);
}

static struct gw_frozen_cluster *freeze_at(unsigned version, const struct fixture_endpoint *endpoints, uint32_t count,
                                           struct gw_frozen_cluster *previous, uint64_t now_ms) {
  struct gw_snapshot *snapshot = snapshot_of(version, endpoints, count);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen_cluster *cluster =
      gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], NULL, NULL, previous, now_ms, &errors);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  return cluster;
}

static struct gw_frozen_cluster *freeze(unsigned version, const struct fixture_endpoint *endpoints, uint32_t count,
                                        struct gw_frozen_cluster *previous) {
  return freeze_at(version, endpoints, count, previous, 1000);
}

static const struct fixture_endpoint two[] = {{"127.0.0.1", 9, 0, 0, false}, {"127.0.0.1", 8, 0, 0, false}};
static const struct fixture_endpoint three[] = {{"127.0.0.1", 9, 0, 0, false},
                                                {"127.0.0.1", 8, 0, 0, false},
                                                {"127.0.0.1", 80, 0, 0, false}};

static void test_build_of_equal_resources_returns_the_one_before(void **state) {
  (void)state;
  struct gw_frozen_cluster *first = freeze(1, two, 2, NULL);
  struct gw_frozen_cluster *same = freeze(1, two, 2, first);
  struct gw_frozen_cluster *other = freeze(2, three, 3, first);
  assert_ptr_equal(first, same);
  assert_ptr_not_equal(first, other);
  assert_int_equal(other->endpoint_count, 3);
  assert_int_equal(gw_address_port(&first->endpoints[0].address), 8);
  gw_frozen_cluster_unref(first);
  gw_frozen_cluster_unref(same);
  gw_frozen_cluster_unref(other);
}

static void test_build_drops_doubles_and_refuses_names(void **state) {
  (void)state;
  static const struct fixture_endpoint doubles[] = {{"127.0.0.1", 9, 0, 1, false}, {"127.0.0.1", 9, 0, 0, false}};
  struct gw_frozen_cluster *cluster = freeze(1, doubles, 2, NULL);
  assert_int_equal(cluster->endpoint_count, 1);
  assert_int_equal(cluster->endpoints[0].priority, 0);
  gw_frozen_cluster_unref(cluster);
  static const struct fixture_endpoint name[] = {{"a.example", 9, 0, 0, false}};
  assert_null(freeze(1, name, 1, NULL));
}

struct worker {
  struct gw_loop *loop;
  struct gw_random random;
};

static int start(void **state) {
  struct worker *worker = gw_calloc(1, sizeof(*worker));
  worker->loop = gw_loop_new();
  gw_random_init(&worker->random, 1);
  *state = worker;
  return 0;
}

static int stop(void **state) {
  struct worker *worker = *state;
  gw_loop_free(worker->loop);
  free(worker);
  return 0;
}

static void test_update_keeps_the_pools_of_endpoints_that_stay(void **state) {
  struct worker *worker = *state;
  struct gw_frozen_cluster *before = freeze(1, two, 2, NULL);
  struct gw_frozen_cluster *after = freeze(2, three, 3, before);
  struct gw_cluster_set *first = gw_cluster_set_new(worker->loop, &worker->random, &before, 1, NULL);
  struct gw_upstream_pick picks[5];
  for (int i = 0; i < 2; i++)
    assert_int_equal(gw_worker_cluster_pick(gw_cluster_set_get(first, 0), &no_key, &picks[i]), GW_OK);
  struct gw_cluster_set *second = gw_cluster_set_new(worker->loop, &worker->random, &after, 1, first);
  assert_ptr_equal(gw_cluster_set_get(first, 0), gw_cluster_set_get(second, 0));
  for (int i = 2; i < 5; i++)
    assert_int_equal(gw_worker_cluster_pick(gw_cluster_set_get(second, 0), &no_key, &picks[i]), GW_OK);
  uint32_t kept = 0;
  for (int i = 0; i < 2; i++)
    for (int j = 2; j < 5; j++)
      kept += picks[i].pool == picks[j].pool ? 1 : 0;
  assert_int_equal(kept, 2);
  gw_cluster_set_free(first);
  gw_cluster_set_free(second);
  gw_frozen_cluster_unref(before);
  gw_frozen_cluster_unref(after);
}

static void test_pick_without_usable_endpoints_is_not_found(void **state) {
  struct worker *worker = *state;
  static const struct fixture_endpoint broken[] = {{"127.0.0.1", 9, 0, 0, true}};
  struct gw_frozen_cluster *cluster = freeze(1, broken, 1, NULL);
  struct gw_cluster_set *set = gw_cluster_set_new(worker->loop, &worker->random, &cluster, 1, NULL);
  struct gw_upstream_pick pick;
  assert_int_equal(gw_worker_cluster_pick(gw_cluster_set_get(set, 0), &no_key, &pick), GW_ERR_NOT_FOUND);
  gw_cluster_set_free(set);
  gw_frozen_cluster_unref(cluster);
}

static struct gw_frozen_cluster *freeze_for_retry(enum gw_lb_policy policy, const struct fixture_endpoint *endpoints, uint32_t count) {
  struct gw_resource *resources[] = {fixture_cluster("c", 1, GW_CLUSTER_STATIC, endpoints, count), NULL};
  struct gw_cluster *model = (struct gw_cluster *)(uintptr_t)resources[0]->cluster;
  model->balancing = (struct gw_load_balancing){.policy = policy,
                                                .choice_count = 2,
                                                .active_request_bias = 1,
                                                .ring_size_min = 64,
                                                .ring_size_max = 4096,
                                                .table_size = 101};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen_cluster *cluster =
      gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], NULL, NULL, NULL, 1000, &errors);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  return cluster;
}

static void test_retry_finds_the_last_that_was_not_tried_by_every_policy(void **state) {
  struct worker *worker = *state;
  for (int policy = 0; policy < GW_LB_POLICY_COUNT; policy++) {
    struct fixture_endpoint endpoints[8];
    for (uint16_t i = 0; i < 8; i++)
      endpoints[i] = (struct fixture_endpoint){.address = "127.0.0.1", .port = (uint16_t)(1 + i)};
    struct gw_frozen_cluster *cluster = freeze_for_retry((enum gw_lb_policy)policy, endpoints, 8);
    struct gw_cluster_set *set = gw_cluster_set_new(worker->loop, &worker->random, &cluster, 1, NULL);
    for (uint64_t hash = 0; hash < 50; hash++) {
      const struct gw_balancer_key key = {.has_hash = true, .hash = hash * 0x9e3779b97f4a7c15u};
      struct gw_tried_endpoints tried = {0};
      struct gw_upstream_pick pick;
      while (tried.count < 8) {
        assert_int_equal(gw_worker_cluster_pick_other(gw_cluster_set_get(set, 0), &key, 1, &tried, &pick), GW_OK);
        for (uint32_t i = 0; i < tried.count; i++)
          assert_false(gw_str_equal(pick.endpoint, tried.items[i]));
        tried.items[tried.count++] = pick.endpoint;
      }
      /* There is no other: one that was tried is better than none. */
      assert_int_equal(gw_worker_cluster_pick_other(gw_cluster_set_get(set, 0), &key, 1, &tried, &pick), GW_OK);
    }
    gw_cluster_set_free(set);
    gw_frozen_cluster_unref(cluster);
  }
}

static void test_budget_is_one_for_all_configurations_and_workers(void **state) {
  struct worker *worker = *state;
  struct gw_frozen_cluster *before = freeze(1, two, 2, NULL), *after = freeze(2, three, 3, before);
  struct gw_cluster_set *here = gw_cluster_set_new(worker->loop, &worker->random, &before, 1, NULL);
  struct gw_cluster_set *there = gw_cluster_set_new(worker->loop, &worker->random, &after, 1, NULL);
  struct gw_worker_cluster *clusters[] = {gw_cluster_set_get(here, 0), gw_cluster_set_get(there, 0)};
  for (int i = 0; gw_worker_cluster_take_retry(clusters[i % 2]); i++)
    assert_true(i < 1000);
  assert_false(gw_worker_cluster_take_retry(clusters[0]));
  assert_false(gw_worker_cluster_take_retry(clusters[1]));
  assert_in_range(gw_worker_cluster_counts(clusters[0])->retries_refused_total, 1, 2);
  for (int i = 0; i < 1000; i++)
    gw_worker_cluster_begin_request(clusters[0]);
  assert_true(gw_worker_cluster_take_retry(clusters[1]));
  gw_cluster_set_free(here);
  gw_cluster_set_free(there);
  gw_frozen_cluster_unref(before);
  gw_frozen_cluster_unref(after);
}

/* One of two in priority 0 is away: it takes 70 %, priority 1 the rest; keys, too, and each always the same. */
static void test_pick_spills_to_the_next_priority(void **state) {
  struct worker *worker = *state;
  static const struct fixture_endpoint mixed[] = {{"127.0.0.1", 10, 0, 0, true},
                                                  {"127.0.0.1", 11, 0, 0, false},
                                                  {"127.0.0.1", 12, 0, 1, false},
                                                  {"127.0.0.1", 13, 0, 1, false}};
  struct gw_frozen_cluster *cluster = freeze(1, mixed, 4, NULL);
  struct gw_cluster_set *set = gw_cluster_set_new(worker->loop, &worker->random, &cluster, 1, NULL);
  for (int has_hash = 0; has_hash < 2; has_hash++) {
    uint32_t seen[4] = {0};
    for (uint64_t i = 0; i < 10000; i++) {
      struct gw_upstream_pick pick;
      struct gw_balancer_key key = {has_hash, i};
      assert_int_equal(gw_worker_cluster_pick(gw_cluster_set_get(set, 0), &key, &pick), GW_OK);
      seen[pick.endpoint.data[pick.endpoint.len - 1] - '0']++;
    }
    assert_int_equal(seen[0], 0);
    assert_in_range(seen[1], 6800, 7200);
    assert_in_range(seen[2], 1350, 1650);
    assert_in_range(seen[3], 1350, 1650);
    if (has_hash) assert_int_equal(seen[1], 7000);
  }
  gw_cluster_set_free(set);
  gw_frozen_cluster_unref(cluster);
}

/* Who is new, or well again, is fresh; who stayed well keeps the time of before; the first of all are not. */
static void test_build_remembers_since_when_endpoints_are_well(void **state) {
  (void)state;
  static const struct fixture_endpoint first[] = {{"127.0.0.1", 1, 0, 0, false}, {"127.0.0.1", 2, 0, 0, true}},
                                       second[] = {{"127.0.0.1", 1, 0, 0, false},
                                                   {"127.0.0.1", 2, 0, 0, false},
                                                   {"127.0.0.1", 3, 0, 0, false}},
                                       third[] = {{"127.0.0.1", 1, 0, 0, false},
                                                  {"127.0.0.1", 2, 5, 0, false},
                                                  {"127.0.0.1", 3, 0, 0, true}};
  struct gw_frozen_cluster *a = freeze_at(1, first, 2, NULL, 1000);
  struct gw_frozen_cluster *b = freeze_at(2, second, 3, a, 2000);
  struct gw_frozen_cluster *c = freeze_at(3, third, 3, b, 3000);
  struct gw_frozen_cluster *d = freeze_at(4, second, 3, c, 4000);
  static const uint64_t wanted[4][3] = {{0, 0}, {0, 2000, 2000}, {0, 2000, 2000}, {0, 2000, 4000}};
  struct gw_frozen_cluster *all[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    for (uint32_t k = 0; k < all[i]->endpoint_count; k++)
      assert_int_equal(all[i]->endpoints[k].fresh_ms, wanted[i][k]);
    gw_frozen_cluster_unref(all[i]);
  }
}

static void test_set_follows_clusters_that_come_and_go(void **state) {
  struct worker *worker = *state;
  struct gw_resource *resources[] = {fixture_cluster("a", 1, GW_CLUSTER_STATIC, two, 2), fixture_cluster("b", 1, GW_CLUSTER_STATIC, two, 2),
                                     fixture_cluster("c", 1, GW_CLUSTER_STATIC, two, 2), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_frozen_cluster *all[3];
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (uint32_t i = 0; i < 3; i++)
    all[i] = gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[i], NULL, NULL, NULL, 1000, &errors);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  struct gw_frozen_cluster *outer[] = {all[0], all[2]};
  struct gw_cluster_set *first = gw_cluster_set_new(worker->loop, &worker->random, outer, 2, NULL);
  struct gw_cluster_set *second = gw_cluster_set_new(worker->loop, &worker->random, all, 3, first);
  struct gw_cluster_set *third = gw_cluster_set_new(worker->loop, &worker->random, &all[1], 1, second);
  assert_ptr_equal(gw_cluster_set_get(first, 0), gw_cluster_set_get(second, 0));
  assert_ptr_equal(gw_cluster_set_get(first, 1), gw_cluster_set_get(second, 2));
  assert_ptr_equal(gw_cluster_set_get(second, 1), gw_cluster_set_get(third, 0));
  gw_cluster_set_free(second);
  gw_cluster_set_free(first);
  gw_cluster_set_free(third);
  for (uint32_t i = 0; i < 3; i++)
    gw_frozen_cluster_unref(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_build_of_equal_resources_returns_the_one_before),
      cmocka_unit_test(test_build_drops_doubles_and_refuses_names),
      cmocka_unit_test_setup_teardown(test_update_keeps_the_pools_of_endpoints_that_stay, start, stop),
      cmocka_unit_test_setup_teardown(test_pick_without_usable_endpoints_is_not_found, start, stop),
      cmocka_unit_test_setup_teardown(test_retry_finds_the_last_that_was_not_tried_by_every_policy, start, stop),
      cmocka_unit_test_setup_teardown(test_budget_is_one_for_all_configurations_and_workers, start, stop),
      cmocka_unit_test_setup_teardown(test_pick_spills_to_the_next_priority, start, stop),
      cmocka_unit_test(test_build_remembers_since_when_endpoints_are_well),
      cmocka_unit_test_setup_teardown(test_set_follows_clusters_that_come_and_go, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
