#include "controlplane/catalog/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define WINDOW_MS 60000u

struct fixture {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_cluster cluster;
  struct gw_guard *guard;
  uint32_t told;
  enum gw_guard_state told_state;
};

static void on_change(void *arg, const struct gw_guard_service *service) {
  struct fixture *f = arg;
  f->told++;
  f->told_state = service->state;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  f->cache = gw_snapshot_cache_new();
  f->catalog = gw_catalog_new(f->loop, f->cache);
  f->cluster =
      (struct gw_cluster){.name = GW_STR("s"), .kind = GW_CLUSTER_EDS, .eds_service_name = GW_STR("s"), .connect_timeout_ms = 1000};
  f->guard = gw_guard_new(f->loop, NULL, f->catalog);
  gw_guard_set_max_drop(f->guard, 50, WINDOW_MS);
  gw_guard_observe(f->guard, on_change, f);
  struct gw_catalog_policy policy = {.clusters = &f->cluster, .cluster_count = 1};
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_catalog_set_policy(f->catalog, &policy, &errors), GW_OK);
  gw_errors_done(&errors);
  gw_guard_expect(f->guard, GW_STR("s"), "registry");
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_guard_free(f->guard);
  gw_catalog_free(f->catalog);
  gw_snapshot_cache_free(f->cache);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

/* Instances with the ports from `first` on. */
static void offer(struct fixture *f, uint16_t first, uint32_t count) {
  struct gw_endpoint items[32] = {0};
  for (uint32_t i = 0; i < count; i++)
    items[i] = (struct gw_endpoint){.address = GW_STR("10.0.0.1"), .port = (uint16_t)(first + i), .weight = 1};
  const struct gw_endpoints endpoints = {GW_STR("s"), items, count};
  gw_guard_offer(f->guard, &endpoints, "");
}

static void assert_served(struct fixture *f, enum gw_guard_state state, uint16_t first, uint32_t count) {
  gw_loop_run_once(f->loop, 0);
  const struct gw_guard_service *service = gw_guard_find(f->guard, GW_STR("s"));
  const struct gw_resource *resource = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ENDPOINTS, GW_STR("s"));
  assert_int_equal(service->state, state);
  assert_int_equal(resource->endpoints->count, count);
  assert_int_equal(service->endpoints->count, count);
  if (count > 0) assert_int_equal(resource->endpoints->items[0].port, first);
}

static void test_offer_of_more_fewer_or_others_is_served(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 10);
  assert_served(f, GW_GUARD_LIVE, 1000, 10);
  offer(f, 1000, 12);
  assert_served(f, GW_GUARD_LIVE, 1000, 12);
  offer(f, 1000, 6); /* half of 12 */
  assert_served(f, GW_GUARD_LIVE, 1000, 6);
  offer(f, 2000, 6); /* all of them are others: a deployment */
  assert_served(f, GW_GUARD_LIVE, 2000, 6);
}

static void test_offer_of_few_is_held_until_they_are_back(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 10);
  offer(f, 1000, 4);
  assert_served(f, GW_GUARD_HELD, 1000, 10);
  const struct gw_guard_service *service = gw_guard_find(f->guard, GW_STR("s"));
  assert_int_equal(service->said_count, 4);
  assert_string_equal(service->words, "registry says 4 of 10 instances");
  assert_true(service->since_us > 0);
  assert_int_equal(f->told_state, GW_GUARD_HELD);
  offer(f, 1000, 0);
  assert_served(f, GW_GUARD_HELD, 1000, 10);
  offer(f, 1002, 8);
  assert_served(f, GW_GUARD_LIVE, 1002, 8);
}

/* A registry that loses its nodes says so node by node. */
static void test_offers_that_drop_one_by_one_are_a_drop(void **state) {
  struct fixture *f = *state;
  for (uint32_t count = 10; count >= 5; count--)
    offer(f, 1000, count);
  assert_served(f, GW_GUARD_LIVE, 1000, 5);
  offer(f, 1000, 4);
  assert_served(f, GW_GUARD_HELD, 1000, 10);
}

static void test_offers_that_drop_slowly_are_none(void **state) {
  struct fixture *f = *state;
  gw_guard_set_max_drop(f->guard, 50, 1);
  offer(f, 1000, 4);
  for (uint32_t count = 3; count >= 1; count--) {
    for (int turn = 0; turn < 3; turn++)
      gw_loop_run_once(f->loop, 2);
    offer(f, 1000, count);
    assert_served(f, GW_GUARD_LIVE, 1000, count);
  }
}

static void test_release_serves_what_is_said(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_guard_release(f->guard, GW_STR("t")), GW_ERR_NOT_FOUND);
  offer(f, 1000, 3);
  assert_int_equal(gw_guard_release(f->guard, GW_STR("s")), GW_ERR_INVALID);
  offer(f, 1000, 0);
  assert_served(f, GW_GUARD_HELD, 1000, 3);
  assert_int_equal(gw_guard_release(f->guard, GW_STR("s")), GW_OK);
  assert_served(f, GW_GUARD_LIVE, 0, 0);
  offer(f, 1000, 2);
  assert_served(f, GW_GUARD_LIVE, 1000, 2);
}

static void test_fail_holds_the_last_good_set(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 3);
  gw_guard_fail(f->guard, GW_STR("s"), "connection refused");
  assert_served(f, GW_GUARD_AWAY, 1000, 3);
  uint64_t since_us = gw_guard_find(f->guard, GW_STR("s"))->since_us;
  uint32_t told = f->told;
  gw_guard_fail(f->guard, GW_STR("s"), "connection refused");
  assert_int_equal(f->told, told);
  /* Back, and empty: as after a restart that lost everything. */
  offer(f, 1000, 0);
  assert_served(f, GW_GUARD_HELD, 1000, 3);
  assert_int_equal(gw_guard_find(f->guard, GW_STR("s"))->since_us, since_us);
  offer(f, 1000, 3);
  assert_served(f, GW_GUARD_LIVE, 1000, 3);
}

static void test_fail_before_the_first_answer_is_away_without_instances(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_guard_count(f->guard, GW_GUARD_WAITING), 1);
  gw_guard_fail(f->guard, GW_STR("s"), "connection refused");
  assert_served(f, GW_GUARD_AWAY, 0, 0);
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_guard_append_warnings(f->guard, &errors);
  assert_int_equal(errors.warning_count, 1);
  assert_string_equal(errors.items[0].place, "service s");
  assert_string_equal(errors.items[0].sentence, "registry can't be asked: connection refused; it has no instances");
  gw_errors_done(&errors);
  offer(f, 1000, 1);
  assert_served(f, GW_GUARD_LIVE, 1000, 1);
}

static void test_expect_takes_the_first_answer_to_a_new_question(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 10);
  gw_guard_expect(f->guard, GW_STR("s"), "other");
  assert_served(f, GW_GUARD_WAITING, 1000, 10); /* until it has answered */
  offer(f, 1000, 1);
  assert_served(f, GW_GUARD_LIVE, 1000, 1);
}

static void test_restore_serves_until_the_answer_and_guards_it(void **state) {
  struct fixture *f = *state;
  const struct gw_endpoint items[] = {{.address = GW_STR("10.0.0.1"), .port = 1000, .weight = 1},
                                      {.address = GW_STR("10.0.0.1"), .port = 1001, .weight = 1}};
  const struct gw_endpoints endpoints = {GW_STR("s"), items, 2}, stranger = {GW_STR("t"), items, 2};
  gw_guard_restore(f->guard, &endpoints, GW_STR("other"), 5);
  assert_served(f, GW_GUARD_WAITING, 0, 0);
  gw_guard_restore(f->guard, &stranger, GW_STR("registry"), 5);
  assert_null(gw_guard_find(f->guard, GW_STR("t")));
  gw_guard_restore(f->guard, &endpoints, GW_STR("registry"), 5);
  assert_served(f, GW_GUARD_WAITING, 1000, 2);
  assert_int_equal(gw_guard_find(f->guard, GW_STR("s"))->known_us, 5);
  offer(f, 1000, 0);
  assert_served(f, GW_GUARD_HELD, 1000, 2);
}

static void test_restore_waits_for_the_question(void **state) {
  struct fixture *f = *state;
  const struct gw_endpoint items[] = {{.address = GW_STR("10.0.0.1"), .port = 1000, .weight = 1}};
  const struct gw_endpoints endpoints = {GW_STR("later"), items, 1};
  gw_guard_restore(f->guard, &endpoints, GW_STR("registry"), 5);
  assert_null(gw_guard_find(f->guard, GW_STR("later")));
  gw_guard_expect(f->guard, GW_STR("later"), "registry");
  assert_int_equal(gw_guard_find(f->guard, GW_STR("later"))->endpoints->count, 1);
  assert_int_equal(gw_guard_find(f->guard, GW_STR("later"))->known_us, 5);
  gw_guard_forget(f->guard, GW_STR("later")); /* what was taken is not taken again */
  gw_guard_expect(f->guard, GW_STR("later"), "registry");
  assert_int_equal(gw_guard_find(f->guard, GW_STR("later"))->endpoints->count, 0);
  gw_guard_restore(f->guard, &endpoints, GW_STR("other"), 5);
  assert_int_equal(gw_guard_find(f->guard, GW_STR("later"))->endpoints->count, 0);
}

static void test_set_is_served_without_a_question(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 10);
  const struct gw_endpoints nobody = {GW_STR("s"), NULL, 0};
  gw_guard_set(f->guard, &nobody, "static");
  assert_served(f, GW_GUARD_LIVE, 0, 0);
}

static void test_same_offer_again_tells_nobody(void **state) {
  struct fixture *f = *state;
  offer(f, 1000, 3);
  uint32_t told = f->told;
  offer(f, 1000, 3);
  assert_int_equal(f->told, told);
  gw_guard_forget(f->guard, GW_STR("s"));
  assert_null(gw_guard_find(f->guard, GW_STR("s")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_offer_of_more_fewer_or_others_is_served, setup, teardown),
      cmocka_unit_test_setup_teardown(test_offer_of_few_is_held_until_they_are_back, setup, teardown),
      cmocka_unit_test_setup_teardown(test_offers_that_drop_one_by_one_are_a_drop, setup, teardown),
      cmocka_unit_test_setup_teardown(test_offers_that_drop_slowly_are_none, setup, teardown),
      cmocka_unit_test_setup_teardown(test_release_serves_what_is_said, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fail_holds_the_last_good_set, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fail_before_the_first_answer_is_away_without_instances, setup, teardown),
      cmocka_unit_test_setup_teardown(test_expect_takes_the_first_answer_to_a_new_question, setup, teardown),
      cmocka_unit_test_setup_teardown(test_restore_serves_until_the_answer_and_guards_it, setup, teardown),
      cmocka_unit_test_setup_teardown(test_restore_waits_for_the_question, setup, teardown),
      cmocka_unit_test_setup_teardown(test_set_is_served_without_a_question, setup, teardown),
      cmocka_unit_test_setup_teardown(test_same_offer_again_tells_nobody, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
