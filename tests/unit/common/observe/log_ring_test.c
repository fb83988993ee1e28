#include "common/observe/log_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"

#define PRODUCERS 4
#define LINES 20000
#define PATIENCE_US 20000000u

struct fixture {
  char path[64];
  char moved[80];
  struct gw_log_writer *writer;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  snprintf(f->path, sizeof(f->path), "/tmp/log_ring_test.XXXXXX");
  int fd = mkstemp(f->path);
  if (fd < 0) return -1;
  close(fd);
  snprintf(f->moved, sizeof(f->moved), "%s.1", f->path);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_log_writer_free(f->writer);
  unlink(f->path);
  unlink(f->moved);
  free(f);
  return 0;
}

static void start(struct fixture *f) {
  assert_int_equal(gw_log_writer_new(f->path, &f->writer), GW_OK);
}

static void stop(struct fixture *f) {
  gw_log_writer_free(f->writer);
  f->writer = NULL;
}

static off_t size_of(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_size : -1;
}

static void wait_for_size(const char *path, off_t size) {
  uint64_t end_us = gw_clock_monotonic_us() + PATIENCE_US;
  while (size_of(path) != size && gw_clock_monotonic_us() < end_us)
    sched_yield();
  assert_int_equal(size_of(path), size);
}

static void test_append_reaches_the_file_soon(void **state) {
  struct fixture *f = *state;
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 4096);
  assert_true(gw_log_ring_append(ring, GW_STR("one\n")));
  wait_for_size(f->path, 4);
  assert_true(gw_log_ring_append(ring, GW_STR("two\n")));
  wait_for_size(f->path, 8);
}

static void test_append_after_a_long_silence_wakes_the_writer(void **state) {
  struct fixture *f = *state;
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 4096);
  /* Long enough for the writer to go from naps to sleep. */
  uint64_t end_us = gw_clock_monotonic_us() + 1300000u;
  while (gw_clock_monotonic_us() < end_us)
    sched_yield();
  assert_true(gw_log_ring_append(ring, GW_STR("one\n")));
  wait_for_size(f->path, 4);
}

struct producer {
  struct gw_log_ring *ring;
  size_t number;
};

static void *produce(void *arg) {
  const struct producer *producer = arg;
  for (size_t i = 0; i < LINES; i++) {
    char text[96];
    int len = snprintf(text, sizeof(text), "%zu %zu %.*s\n", producer->number, i, (int)(i % 60),
                       "------------------------------------------------------------");
    while (!gw_log_ring_append(producer->ring, (struct gw_str){text, (size_t)len}))
      sched_yield();
  }
  return NULL;
}

static void test_lines_of_many_producers_arrive_whole_and_in_order(void **state) {
  struct fixture *f = *state;
  start(f);
  struct producer producers[PRODUCERS];
  pthread_t threads[PRODUCERS];
  for (size_t i = 0; i < PRODUCERS; i++)
    producers[i] = (struct producer){gw_log_writer_add_ring(f->writer, 8192), i};
  for (size_t i = 0; i < PRODUCERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
  for (size_t i = 0; i < PRODUCERS; i++)
    pthread_join(threads[i], NULL);
  stop(f);

  size_t next[PRODUCERS] = {0};
  FILE *file = fopen(f->path, "re");
  assert_non_null(file);
  char line[128];
  while (fgets(line, sizeof(line), file) != NULL) {
    char *at = line;
    size_t producer = strtoul(at, &at, 10);
    assert_true(producer < PRODUCERS);
    size_t number = strtoul(at, &at, 10);
    assert_int_equal(number, next[producer]++);
    assert_int_equal(strlen(at), 1 + number % 60 + 1);
  }
  fclose(file);
  for (size_t i = 0; i < PRODUCERS; i++)
    assert_int_equal(next[i], LINES);
}

static void test_more_rings_than_a_batch_holds_are_all_served(void **state) {
  struct fixture *f = *state;
  start(f);
  struct gw_log_ring *rings[100];
  for (size_t i = 0; i < 100; i++)
    rings[i] = gw_log_writer_add_ring(f->writer, 64);
  for (size_t i = 0; i < 100; i++)
    assert_true(gw_log_ring_append(rings[i], GW_STR("12345678\n")));
  wait_for_size(f->path, 900);
}

static void test_append_of_more_than_the_ring_is_refused_and_counted(void **state) {
  struct fixture *f = *state;
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 16);
  assert_false(gw_log_ring_append(ring, GW_STR("0123456789012345\n")));
  assert_int_equal(gw_log_writer_lost(f->writer), 1);
  assert_true(gw_log_ring_append(ring, GW_STR("012345678901234\n")));
  wait_for_size(f->path, 16);
  assert_int_equal(gw_log_writer_lost(f->writer), 1);
}

static void test_reopen_after_rotation_writes_to_the_new_file(void **state) {
  struct fixture *f = *state;
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 4096);
  assert_true(gw_log_ring_append(ring, GW_STR("before\n")));
  wait_for_size(f->path, 7);
  assert_int_equal(rename(f->path, f->moved), 0);
  gw_log_writer_reopen(f->writer);
  wait_for_size(f->path, 0);
  assert_true(gw_log_ring_append(ring, GW_STR("after\n")));
  wait_for_size(f->path, 6);
  assert_int_equal(size_of(f->moved), 7);
}

/* Lines until the ring is full and stays so. Returns how many were taken. */
static uint64_t fill(struct gw_log_ring *ring, uint64_t *ret_longest_us) {
  uint64_t taken = 0;
  uint64_t full_since_us = 0;
  *ret_longest_us = 0;
  for (;;) {
    uint64_t before_us = gw_clock_monotonic_us();
    bool is_taken = gw_log_ring_append(ring, GW_STR("0123456789012345678901234567890123456789012345678901234567890\n"));
    uint64_t after_us = gw_clock_monotonic_us();
    if (after_us - before_us > *ret_longest_us) *ret_longest_us = after_us - before_us;
    if (is_taken) {
      taken++;
      full_since_us = 0;
    } else if (full_since_us == 0) {
      full_since_us = after_us;
    } else if (after_us > full_since_us + 200000u) {
      return taken;
    }
  }
}

static void test_stalled_pipe_blocks_neither_producer_nor_free(void **state) {
  struct fixture *f = *state;
  unlink(f->path);
  assert_int_equal(mkfifo(f->path, 0600), 0);
  int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* is never read */
  assert_true(reader >= 0);
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 65536);
  uint64_t longest_us;
  uint64_t taken = fill(ring, &longest_us);
  assert_true(taken >= 65536 / 62);
  assert_true(longest_us < 1000000u);
  assert_true(gw_log_writer_lost(f->writer) > 0);
  uint64_t before_us = gw_clock_monotonic_us();
  stop(f);
  assert_true(gw_clock_monotonic_us() - before_us < 5000000u);
  close(reader);
}

static void test_pipe_whose_reader_went_away_loses_lines_and_counts_them(void **state) {
  struct fixture *f = *state;
  unlink(f->path);
  assert_int_equal(mkfifo(f->path, 0600), 0);
  int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  assert_true(reader >= 0);
  start(f);
  struct gw_log_ring *ring = gw_log_writer_add_ring(f->writer, 4096);
  close(reader);
  for (int i = 0; i < 3; i++)
    assert_true(gw_log_ring_append(ring, GW_STR("line\n")));
  uint64_t end_us = gw_clock_monotonic_us() + PATIENCE_US;
  while (gw_log_writer_lost(f->writer) < 3 && gw_clock_monotonic_us() < end_us)
    sched_yield();
  assert_int_equal(gw_log_writer_lost(f->writer), 3);
}

static void test_new_in_a_missing_directory_is_refused(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_log_writer_new("/proc/self/none/log", &f->writer), GW_ERR_IO);
  gw_log_writer_free(NULL);
}

#define RING_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      RING_TEST(test_append_reaches_the_file_soon),
      RING_TEST(test_append_after_a_long_silence_wakes_the_writer),
      RING_TEST(test_lines_of_many_producers_arrive_whole_and_in_order),
      RING_TEST(test_more_rings_than_a_batch_holds_are_all_served),
      RING_TEST(test_append_of_more_than_the_ring_is_refused_and_counted),
      RING_TEST(test_reopen_after_rotation_writes_to_the_new_file),
      RING_TEST(test_stalled_pipe_blocks_neither_producer_nor_free),
      RING_TEST(test_pipe_whose_reader_went_away_loses_lines_and_counts_them),
      RING_TEST(test_new_in_a_missing_directory_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
