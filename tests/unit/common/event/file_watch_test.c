#include "common/event/file_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
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

#define SETTLE_MS UINT64_C(20)

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
  assert_in_range(snprintf(path, sizeof(paths[0]), "%s/%s", f->directory, name), 1, sizeof(paths[0]) - 1);
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

/* At least one more call, then what comes soon after it. */
static void run_through_calls(struct fixture *f) {
  unsigned before = f->calls;
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (f->calls == before && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 100);
  run_for(f, 3 * SETTLE_MS * 1000);
}

/* Exactly one more call, and silence after it. */
static void expect_one_call(struct fixture *f) {
  unsigned before = f->calls;
  run_through_calls(f);
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
  uint64_t begin_us = gw_clock_monotonic_us();
  for (int i = 0; i < 50; i++) {
    write_file(in(f, "routes.yaml"), "b");
    write_file(in(f, "routes.tmp"), "c");
    assert_int_equal(rename(in(f, "routes.tmp"), in(f, "routes.yaml")), 0);
    gw_loop_run_once(f->loop, 0);
  }
  /* One more for each time that a busy machine kept this process for so long that the burst looked like its end. */
  uint64_t pauses = (gw_clock_monotonic_us() - begin_us) / (SETTLE_MS * 1000);
  if (f->calls == 0) run_through_calls(f);
  run_for(f, 3 * SETTLE_MS * 1000);
  assert_in_range(f->calls, 1, 1 + pauses);
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

/* With a settling time that no test would wait for. */
static void test_hurried_watch_tells_of_what_is_whole_and_waits_for_what_is_not(void **state) {
  struct fixture *f = *state;
  write_file(in(f, "routes.yaml"), "a");
  assert_int_equal(gw_file_watch_new(f->loop, in(f, "routes.yaml"), 3600000, on_change, f, &f->watch), GW_OK);
  gw_file_watch_hurry(f->watch, 1);
  write_file(in(f, "routes.tmp"), "b");
  assert_int_equal(rename(in(f, "routes.tmp"), in(f, "routes.yaml")), 0);
  expect_one_call(f);
  int fd = open(in(f, "routes.yaml"), O_WRONLY | O_TRUNC | O_CLOEXEC);
  assert_int_equal(write(fd, "c", 1), 1);
  expect_no_call(f);
  close(fd);
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

/* ---- several watches ---- */

#define MANY 200u /* more than the inotify instances that a user may have */

struct one_of_many {
  struct gw_file_watch *watch;
  unsigned calls;
};

static void count_call(void *arg) {
  ((struct one_of_many *)arg)->calls++;
}

static void watch_one(struct fixture *f, struct one_of_many *one, const char *path) {
  assert_int_equal(gw_file_watch_new(f->loop, path, SETTLE_MS, count_call, one, &one->watch), GW_OK);
}

static void run_until_called(struct fixture *f, const struct one_of_many *one, unsigned calls) {
  uint64_t end_us = gw_clock_monotonic_us() + 10000000u;
  while (one->calls < calls && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 100);
  assert_int_equal(one->calls, calls);
}

static unsigned count_in_text(const char *path, const char *word) {
  FILE *file = fopen(path, "r");
  char line[512];
  unsigned count = 0;
  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    count += strncmp(line, word, strlen(word)) == 0;
  if (file != NULL) fclose(file);
  return count;
}

/* This process's inotify instances, and what the kernel watches for them. */
static void count_inotify(unsigned *ret_instances, unsigned *ret_watched) {
  DIR *entries = opendir("/proc/self/fd");
  assert_non_null(entries);
  *ret_instances = *ret_watched = 0;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    char target[64], path[300];
    ssize_t len = readlinkat(dirfd(entries), entry->d_name, target, sizeof(target) - 1);
    if (len < 0) continue;
    target[len] = '\0';
    if (strstr(target, "inotify") == NULL) continue;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
    *ret_watched += count_in_text(path, "inotify wd:");
    ++*ret_instances;
  }
  closedir(entries);
}

static void assert_inotify(unsigned instances, unsigned watched) {
  unsigned seen_instances, seen_watched;
  count_inotify(&seen_instances, &seen_watched);
  assert_int_equal(seen_instances, instances);
  assert_int_equal(seen_watched, watched);
}

static void test_many_watches_share_one_instance_and_leave_nothing(void **state) {
  struct fixture *f = *state;
  static struct one_of_many many[MANY];
  char names[MANY][16];
  memset(many, 0, sizeof(many));
  unsigned directories = 1; /* on the way: "/", and one for each further '/' */
  for (const char *c = f->directory; *c != '\0'; c++)
    directories += *c == '/';
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof(names[i]), "site-%u.crt", i);
    write_file(in(f, names[i]), "a");
    watch_one(f, &many[i], in(f, names[i]));
  }
  assert_inotify(1, directories + MANY);
  write_file(in(f, names[7]), "b");
  write_file(in(f, names[150]), "b");
  run_until_called(f, &many[7], 1);
  run_until_called(f, &many[150], 1);
  for (unsigned i = 0; i < MANY; i++)
    assert_int_equal(many[i].calls, i == 7 || i == 150);
  for (unsigned i = 1; i < MANY; i++)
    gw_file_watch_free(many[i].watch);
  assert_inotify(1, directories + 1);
  write_file(in(f, names[0]), "b");
  run_until_called(f, &many[0], 1);
  gw_file_watch_free(many[0].watch);
  assert_inotify(0, 0);
}

static void test_two_watches_of_a_file_are_called_both_until_freed(void **state) {
  struct fixture *f = *state;
  struct one_of_many a = {0}, b = {0};
  write_file(in(f, "routes.yaml"), "a");
  watch_one(f, &a, in(f, "routes.yaml"));
  watch_one(f, &b, in(f, "routes.yaml"));
  write_file(in(f, "routes.yaml"), "b");
  run_until_called(f, &a, 1);
  run_until_called(f, &b, 1);
  gw_file_watch_free(a.watch);
  write_file(in(f, "routes.yaml"), "c");
  run_until_called(f, &b, 2);
  assert_int_equal(a.calls, 1);
  gw_file_watch_free(b.watch);
}

static void test_new_watch_is_not_told_of_what_came_before_it(void **state) {
  struct fixture *f = *state;
  struct one_of_many old = {0}, fresh = {0};
  write_file(in(f, "routes.yaml"), "a");
  watch_one(f, &old, in(f, "routes.yaml"));
  write_file(in(f, "routes.yaml"), "b");
  watch_one(f, &fresh, in(f, "routes.yaml"));
  run_until_called(f, &old, 1);
  run_for(f, 3 * SETTLE_MS * 1000);
  assert_int_equal(fresh.calls, 0);
  gw_file_watch_free(old.watch);
  gw_file_watch_free(fresh.watch);
}

#define WATCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WATCH_TEST(test_write_in_place_is_one_call),
      WATCH_TEST(test_burst_of_writes_is_one_call),
      WATCH_TEST(test_endless_writes_are_told_in_between),
      WATCH_TEST(test_rename_over_the_file_is_one_call_each_time),
      WATCH_TEST(test_hurried_watch_tells_of_what_is_whole_and_waits_for_what_is_not),
      WATCH_TEST(test_other_files_in_the_directory_are_silent),
      WATCH_TEST(test_swap_of_a_configmap_is_one_call_each_time),
      WATCH_TEST(test_absolute_symlink_to_elsewhere_is_followed),
      WATCH_TEST(test_file_that_appears_and_goes_is_told),
      WATCH_TEST(test_recreated_directory_is_survived),
      WATCH_TEST(test_symlink_loop_is_no_endless_walk),
      WATCH_TEST(test_missing_directory_is_refused),
      WATCH_TEST(test_relative_path_is_watched),
      WATCH_TEST(test_free_in_its_own_callback_is_safe),
      WATCH_TEST(test_many_watches_share_one_instance_and_leave_nothing),
      WATCH_TEST(test_two_watches_of_a_file_are_called_both_until_freed),
      WATCH_TEST(test_new_watch_is_not_told_of_what_came_before_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
