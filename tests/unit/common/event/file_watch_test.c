#include "common/event/file_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define SETTLE_MS 20

struct fixture {
  struct gw_loop *loop;
  char directory[64];
  struct gw_file_watch *watch;
  unsigned calls;
};

/* The path of `name` in the test's directory; the buffers take turns. */
static const char *in(const struct fixture *f, const char *name) {
  static char paths[4][256];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", f->directory, name);
  return path;
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_true(write(fd, text, strlen(text)) >= 0);
  close(fd);
}

static void on_change(void *arg) {
  ((struct fixture *)arg)->calls++;
}

static void start(struct fixture *f, const char *path) {
  assert_int_equal(gw_file_watch_new(f->loop, path, SETTLE_MS, on_change, f, &f->watch), GW_OK);
}

static void run_for(struct fixture *f, uint64_t us) {
  uint64_t end_us = gw_clock_monotonic_us() + us;
  while (gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 5);
}

/* Exactly one more call, and silence after it. */
static void expect_one_call(struct fixture *f) {
  unsigned before = f->calls;
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (f->calls == before && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 100);
  run_for(f, 3 * SETTLE_MS * 1000);
  assert_int_equal(f->calls, before + 1);
}

static void expect_no_call(struct fixture *f) {
  unsigned before = f->calls;
  run_for(f, 4 * SETTLE_MS * 1000);
  assert_int_equal(f->calls, before);
}

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  snprintf(f->directory, sizeof(f->directory), "/tmp/file_watch_test.XXXXXX");
  if (mkdtemp(f->directory) == NULL) return -1;
  f->loop = gw_loop_new();
  *state = f;
  return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
  (void)status, (void)kind, (void)at;
  return remove(path);
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_file_watch_free(f->watch);
  gw_loop_free(f->loop);
  nftw(f->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  free(f);
  return 0;
}

static void test_write_in_place_is_one_call(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  start(f, in(f, "routes.yaml"));
  expect_no_call(f);
  write_file(in(f, "routes.yaml"), "b");
  expect_one_call(f);
  write_file(in(f, "routes.yaml"), "c");
  expect_one_call(f);
}

static void test_burst_of_writes_is_one_call(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  start(f, in(f, "routes.yaml"));
  for (int i = 0; i < 50; i++) {
    write_file(in(f, "routes.yaml"), "b");
    write_file(in(f, "routes.tmp"), "c");
    assert_int_equal(rename(in(f, "routes.tmp"), in(f, "routes.yaml")), 0);
    gw_loop_run_once(f->loop, 0);
  }
  expect_one_call(f);
}

static void test_endless_writes_are_told_in_between(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  start(f, in(f, "routes.yaml"));
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (f->calls == 0 && gw_clock_monotonic_us() < end_us) {
    write_file(in(f, "routes.yaml"), "b");
    gw_loop_run_once(f->loop, 1);
  }
  assert_int_equal(f->calls, 1);
}

static void test_rename_over_the_file_is_one_call_each_time(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  start(f, in(f, "routes.yaml"));
  for (int i = 0; i < 3; i++) {
    write_file(in(f, "routes.yaml.swp"), "b");
    assert_int_equal(rename(in(f, "routes.yaml.swp"), in(f, "routes.yaml")), 0);
    expect_one_call(f);
  }
  write_file(in(f, "routes.yaml"), "in place, after the renames");
  expect_one_call(f);
}

static void test_other_files_in_the_directory_are_silent(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  start(f, in(f, "routes.yaml"));
  write_file(in(f, "services.yaml"), "a");
  write_file(in(f, "routes.yaml.bak"), "a");
  unlink(in(f, "services.yaml"));
  expect_no_call(f);
}

/* As the kubelet writes a volume: DIR/routes.yaml → ..data/routes.yaml, ..data → ..TIME, and ..data is swapped by a rename. */
static void write_version(struct fixture *f, const char *version, const char *text) {
  mkdir(in(f, version), 0700);
  GW_CLEANUP(gw_free_ptr) char *file = gw_asprintf("%s/routes.yaml", version);
  write_file(in(f, file), text);
  assert_int_equal(symlink(version, in(f, "..data_tmp")), 0);
  assert_int_equal(rename(in(f, "..data_tmp"), in(f, "..data")), 0);
}

static void remove_version(struct fixture *f, const char *version) {
  GW_CLEANUP(gw_free_ptr) char *file = gw_asprintf("%s/routes.yaml", version);
  assert_int_equal(unlink(in(f, file)), 0);
  assert_int_equal(rmdir(in(f, version)), 0);
}

static void test_swap_of_a_configmap_is_one_call_each_time(void **state) {
  struct fixture *f = *state;
  write_version(f, "..2026_1", "a");
  assert_int_equal(symlink("..data/routes.yaml", in(f, "routes.yaml")), 0);
  start(f, in(f, "routes.yaml"));
  expect_no_call(f);
  write_version(f, "..2026_2", "a");
  remove_version(f, "..2026_1");
  expect_one_call(f);
  write_version(f, "..2026_3", "b");
  remove_version(f, "..2026_2");
  expect_one_call(f);
}

static void test_absolute_symlink_to_elsewhere_is_followed(void **state) {
  struct fixture *f = *state;
  mkdir(in(f, "a"), 0700);
  mkdir(in(f, "b"), 0700);
  write_file(in(f, "a/real.yaml"), "a");
  assert_int_equal(symlink(in(f, "a/real.yaml"), in(f, "b/routes.yaml")), 0);
  start(f, in(f, "b/routes.yaml"));
  write_file(in(f, "a/real.yaml"), "b");
  expect_one_call(f);
  write_file(in(f, "a/new.yaml"), "c");
  assert_int_equal(rename(in(f, "a/new.yaml"), in(f, "a/real.yaml")), 0);
  expect_one_call(f);
}

static void test_file_that_appears_and_goes_is_told(void **state) {
  struct fixture *f = *state;
  start(f, in(f, "routes.yaml"));
  expect_no_call(f);
  write_file(in(f, "routes.yaml"), "a");
  expect_one_call(f);
  unlink(in(f, "routes.yaml"));
  expect_one_call(f);
  write_file(in(f, "routes.yaml"), "b");
  expect_one_call(f);
}

static void test_recreated_directory_is_survived(void **state) {
  struct fixture *f = *state;
  mkdir(in(f, "config"), 0700);
  write_file(in(f, "config/routes.yaml"), "a");
  start(f, in(f, "config/routes.yaml"));
  unlink(in(f, "config/routes.yaml"));
  rmdir(in(f, "config"));
  expect_one_call(f);
  mkdir(in(f, "config"), 0700);
  write_file(in(f, "config/routes.yaml"), "b");
  expect_one_call(f);
  write_file(in(f, "config/routes.yaml"), "c");
  expect_one_call(f);
  /* A whole directory that is renamed into place. */
  mkdir(in(f, "config.new"), 0700);
  write_file(in(f, "config.new/routes.yaml"), "d");
  assert_int_equal(rename(in(f, "config"), in(f, "config.old")), 0);
  assert_int_equal(rename(in(f, "config.new"), in(f, "config")), 0);
  expect_one_call(f);
  write_file(in(f, "config.old/routes.yaml"), "not ours any more");
  expect_no_call(f);
}

static void test_symlink_loop_is_no_endless_walk(void **state) {
  struct fixture *f = *state;
  assert_int_equal(symlink("b", in(f, "a")), 0);
  assert_int_equal(symlink("a", in(f, "b")), 0);
  start(f, in(f, "a"));
  unlink(in(f, "b"));
  write_file(in(f, "b"), "x");
  expect_one_call(f);
}

static void test_missing_directory_is_refused(void **state) {
  struct fixture *f = *state;
  errno = 0;
  assert_int_equal(gw_file_watch_new(f->loop, in(f, "none/routes.yaml"), SETTLE_MS, on_change, f, &f->watch), GW_ERR_IO);
  assert_int_equal(errno, ENOENT);
  assert_null(f->watch);
}

static void test_relative_path_is_watched(void **state) {
  struct fixture *f = *state;
  char before[4096];
  assert_non_null(getcwd(before, sizeof(before)));
  assert_int_equal(chdir(f->directory), 0);
  start(f, "routes.yaml");
  write_file("routes.yaml", "a");
  expect_one_call(f);
  assert_int_equal(chdir(before), 0);
}

static void free_watch(void *arg) {
  struct fixture *f = arg;
  f->calls++;
  gw_file_watch_free(f->watch);
  f->watch = NULL;
}

static void test_free_in_its_own_callback_is_safe(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_file_watch_new(f->loop, in(f, "routes.yaml"), SETTLE_MS, free_watch, f, &f->watch), GW_OK);
  write_file(in(f, "routes.yaml"), "a");
  expect_one_call(f);
}

#define WATCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WATCH_TEST(test_write_in_place_is_one_call),
      WATCH_TEST(test_burst_of_writes_is_one_call),
      WATCH_TEST(test_endless_writes_are_told_in_between),
      WATCH_TEST(test_rename_over_the_file_is_one_call_each_time),
      WATCH_TEST(test_other_files_in_the_directory_are_silent),
      WATCH_TEST(test_swap_of_a_configmap_is_one_call_each_time),
      WATCH_TEST(test_absolute_symlink_to_elsewhere_is_followed),
      WATCH_TEST(test_file_that_appears_and_goes_is_told),
      WATCH_TEST(test_recreated_directory_is_survived),
      WATCH_TEST(test_symlink_loop_is_no_endless_walk),
      WATCH_TEST(test_missing_directory_is_refused),
      WATCH_TEST(test_relative_path_is_watched),
      WATCH_TEST(test_free_in_its_own_callback_is_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
