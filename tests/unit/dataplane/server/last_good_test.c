#include "dataplane/server/last_good.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"

struct bench {
  struct gw_loop *loop;
  char directory[64];
  bool is_serving;
  bool is_answered;
  char loaded[17];
};

static bool is_serving(void *arg) {
  return ((struct bench *)arg)->is_serving;
}

static bool is_answered(void *arg) {
  return ((struct bench *)arg)->is_answered;
}

static void on_loaded(void *arg, struct gw_snapshot *snapshot) {
  struct bench *bench = arg;
  memcpy(bench->loaded, snapshot->version, sizeof(bench->loaded));
  bench->is_serving = true;
}

static struct gw_snapshot *current(void *arg) {
  (void)arg;
  return NULL;
}

static int setup(void **state) {
  struct bench *bench = calloc(1, sizeof(*bench));
  bench->loop = gw_loop_new();
  strcpy(bench->directory, "/tmp/gw-last-good-XXXXXX");
  assert_non_null(mkdtemp(bench->directory));
  *state = bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  char path[128];
  snprintf(path, sizeof(path), "%s/%s", bench->directory, GW_CACHE_FILE_NAME);
  unlink(path);
  assert_int_equal(rmdir(bench->directory), 0);
  gw_loop_free(bench->loop);
  free(bench);
  return 0;
}

static struct gw_last_good *new_last_good(struct bench *bench) {
  struct gw_options options = {.cache_dir = bench->directory,
                               .node_id = (char *)(uintptr_t) "node-1",
                               .node_cluster = (char *)(uintptr_t) "default",
                               .cache_max_age_ms = 3600000};
  struct gw_last_good_calls calls = {is_serving, is_answered, on_loaded, current, bench};
  struct gw_last_good *last_good;
  assert_int_equal(gw_last_good_new(bench->loop, NULL, &options, &calls, &last_good), GW_OK);
  return last_good;
}

static struct gw_snapshot *empty_snapshot(void) {
  return gw_snapshot_builder_freeze(gw_snapshot_builder_new());
}

static void test_new_without_a_directory_keeps_nothing(void **state) {
  struct bench *bench = *state;
  struct gw_options options = {0};
  struct gw_last_good_calls calls = {is_serving, is_answered, on_loaded, current, bench};
  struct gw_last_good *last_good;
  assert_int_equal(gw_last_good_new(bench->loop, NULL, &options, &calls, &last_good), GW_OK);
  assert_null(last_good);
  gw_last_good_start(last_good);
  gw_last_good_free(last_good);
}

static void test_new_with_an_unusable_directory_or_key_is_refused(void **state) {
  struct bench *bench = *state;
  struct gw_options options = {.cache_dir = (char *)(uintptr_t) "/nonexistent/a/b"};
  struct gw_last_good_calls calls = {is_serving, is_answered, on_loaded, current, bench};
  struct gw_last_good *last_good;
  assert_int_equal(gw_last_good_new(bench->loop, NULL, &options, &calls, &last_good), GW_ERR_IO);
  options.cache_dir = bench->directory;
  options.cache_key_file = (char *)(uintptr_t) "/nonexistent/key";
  assert_int_equal(gw_last_good_new(bench->loop, NULL, &options, &calls, &last_good), GW_ERR_IO);
  options.cache_key_file = (char *)(uintptr_t) "/dev/null";
  assert_int_equal(gw_last_good_new(bench->loop, NULL, &options, &calls, &last_good), GW_ERR_INVALID);
}

static void test_what_was_saved_is_loaded_when_nobody_answers_in_time(void **state) {
  struct bench *bench = *state;
  struct gw_snapshot *snapshot = empty_snapshot();
  struct gw_last_good *last_good = new_last_good(bench);
  for (int i = 0; i < 3; i++)
    gw_last_good_save(last_good, snapshot);
  gw_last_good_free(last_good);

  last_good = new_last_good(bench);
  bench->is_answered = true;
  uint64_t start_us = gw_clock_monotonic_us();
  gw_last_good_start(last_good);
  while (!bench->is_serving && gw_clock_monotonic_us() < start_us + 30000000) {
    gw_loop_run_once(bench->loop, 100);
    /* Whoever answered goes away before anything serves. */
    if (gw_clock_monotonic_us() > start_us + 5300000) bench->is_answered = false;
  }
  assert_string_equal(bench->loaded, snapshot->version);
  assert_true(gw_clock_monotonic_us() - start_us >= GW_LAST_GOOD_PATIENCE_MS * 1000ull);
  gw_last_good_free(last_good);
  gw_snapshot_unref(snapshot);
}

static void test_write_that_fails_at_the_end_leaves_no_timer(void **state) {
  struct bench *bench = *state;
  struct gw_snapshot *snapshot = empty_snapshot();
  struct gw_last_good *last_good = new_last_good(bench);
  assert_int_equal(rmdir(bench->directory), 0);
  gw_last_good_save(last_good, snapshot);
  gw_last_good_free(last_good);
  gw_snapshot_unref(snapshot);
  gw_loop_run_once(bench->loop, 0);
  assert_int_equal(mkdir(bench->directory, 0700), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_new_without_a_directory_keeps_nothing),
      TEST(test_new_with_an_unusable_directory_or_key_is_refused),
      TEST(test_what_was_saved_is_loaded_when_nobody_answers_in_time),
      TEST(test_write_that_fails_at_the_end_leaves_no_timer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
