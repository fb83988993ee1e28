#include "controlplane/server/instance_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"

/* A control plane's part of it, on a database that outlives it. */
struct side {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_guard *guard;
  struct gw_store_target target;
  struct gw_store *store;
  struct gw_instance_records *records;
};

static char folder[64];

static int setup(void **state) {
  (void)state;
  snprintf(folder, sizeof(folder), "/tmp/gw-instances-XXXXXX");
  assert_non_null(mkdtemp(folder));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  static const char *const names[] = {"s.db", "s.db-wal", "s.db-shm"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
  return 0;
}

static bool is_ready(const struct side *side) {
  return gw_instance_records_are_read(side->records);
}

static struct side *open_side(void) {
  struct side *side = gw_calloc(1, sizeof(*side));
  GW_CLEANUP(gw_free_ptr) char *url = gw_asprintf("sqlite://%s/s.db", folder);
  char *words = NULL;
  const struct gw_store_settings no_mysql = {.host = "", .user = "", .password = "", .database = ""};
  side->loop = gw_loop_new();
  side->cache = gw_snapshot_cache_new();
  side->catalog = gw_catalog_new(side->loop, side->cache);
  side->guard = gw_guard_new(side->loop, NULL, side->catalog);
  gw_guard_set_max_drop(side->guard, 50, GW_GUARD_WINDOW_MS);
  if (gw_store_target_init(url, &no_mysql, "", &side->target, &words) != GW_OK) fail_msg("%s", words);
  const struct gw_store_options options = {.loop = side->loop, .target = &side->target};
  side->store = gw_store_new(&options);
  side->records = gw_instance_records_new(side->loop, NULL, side->store, side->guard);
  gw_guard_expect(side->guard, GW_STR("s"), "registry");
  gw_store_start(side->store);
  for (int turn = 0; turn < 2000 && !is_ready(side); turn++)
    gw_loop_run_once(side->loop, 5);
  assert_true(is_ready(side));
  return side;
}

static void close_side(struct side *side) {
  gw_store_free(side->store);
  gw_instance_records_free(side->records);
  gw_guard_free(side->guard);
  gw_catalog_free(side->catalog);
  gw_snapshot_cache_free(side->cache);
  gw_store_target_done(&side->target);
  gw_loop_free(side->loop);
  free(side);
}

static void offer(struct side *side, uint32_t count) {
  static const struct gw_endpoint items[] = {{.address = GW_STR("10.0.0.1"), .port = 80, .weight = 3},
                                             {.address = GW_STR("2001:db8::1"), .port = 81, .weight = 1, .priority = 2},
                                             {.address = GW_STR("10.0.0.3"), .port = 82, .weight = 1, .priority = 2}};
  const struct gw_endpoints endpoints = {GW_STR("s"), items, count};
  gw_guard_offer(side->guard, &endpoints, "");
}

static void run_until_written(struct side *side, uint64_t writes) {
  for (int turn = 0; turn < 2000 && gw_store_status(side->store)->writes_total < writes; turn++)
    gw_loop_run_once(side->loop, 5);
  assert_int_equal(gw_store_status(side->store)->writes_total, writes);
}

static void test_good_instances_are_there_after_a_restart(void **state) {
  (void)state;
  struct side *side = open_side();
  assert_int_equal(gw_guard_find(side->guard, GW_STR("s"))->endpoints->count, 0);
  offer(side, 3);
  run_until_written(side, 1);
  close_side(side);
  side = open_side();
  const struct gw_guard_service *service = gw_guard_find(side->guard, GW_STR("s"));
  assert_int_equal(service->state, GW_GUARD_WAITING);
  assert_int_equal(service->endpoints->count, 3);
  assert_true(gw_str_equal(service->endpoints->items[1].address, GW_STR("2001:db8::1")));
  assert_int_equal(service->endpoints->items[1].port * 100 + service->endpoints->items[1].priority, 8102);
  assert_int_equal(service->endpoints->items[0].weight, 3);
  assert_true(service->known_us > 0);
  /* And they are what the first answer is measured by. */
  offer(side, 0);
  assert_int_equal(service->state, GW_GUARD_HELD);
  close_side(side);
}

static void test_changes_are_written_and_what_is_held_or_the_same_is_not(void **state) {
  (void)state;
  struct side *side = open_side();
  offer(side, 2);
  run_until_written(side, 1);
  offer(side, 0); /* held */
  offer(side, 2); /* as it is written */
  offer(side, 3);
  const struct gw_endpoints written = {GW_STR("w"), NULL, 0}; /* an operator's, which stand in a file */
  gw_guard_set(side->guard, &written, "static");
  run_until_written(side, 2);
  close_side(side);
  side = open_side();
  assert_int_equal(gw_guard_find(side->guard, GW_STR("s"))->endpoints->count, 3);
  offer(side, 3);
  for (int turn = 0; turn < 2 * (int)GW_INSTANCE_RECORDS_MS / 5; turn++)
    gw_loop_run_once(side->loop, 5);
  assert_int_equal(gw_store_status(side->store)->writes_total, 0);
  close_side(side);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_good_instances_are_there_after_a_restart, setup, teardown),
      cmocka_unit_test_setup_teardown(test_changes_are_written_and_what_is_held_or_the_same_is_not, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
