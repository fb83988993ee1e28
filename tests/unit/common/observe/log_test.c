#include "common/observe/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
  char path[64];
  char moved[80];
  struct gw_log *log;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  snprintf(f->path, sizeof(f->path), "/tmp/log_test.XXXXXX");
  int fd = mkstemp(f->path);
  if (fd < 0) return -1;
  close(fd);
  snprintf(f->moved, sizeof(f->moved), "%s.1", f->path);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_log_free(f->log);
  unlink(f->path);
  unlink(f->moved);
  free(f);
  return 0;
}

static void start_at(struct fixture *f, enum gw_log_format format, enum gw_log_level level) {
  assert_int_equal(gw_log_new("gateway-test", format, level, f->path, &f->log), GW_OK);
}

static void start(struct fixture *f, enum gw_log_format format) {
  start_at(f, format, GW_LOG_INFO);
}

static void read_all(const char *path, char *ret_text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  ssize_t n = read(fd, ret_text, size - 1);
  assert_true(n >= 0);
  ret_text[n] = '\0';
  close(fd);
}

static void test_text_line_has_time_level_program_and_message(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  GW_LOG_WARNING(f->log, "%d routes", 3);
  char text[256];
  read_all(f->path, text, sizeof(text));
  assert_int_equal(text[10], 'T');
  assert_int_equal(text[23], 'Z');
  assert_string_equal(text + 24, " WARNING gateway-test: 3 routes\n");
}

static void test_control_characters_in_a_message_cannot_begin_a_line(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  GW_LOG_ERROR(f->log, "path %s", "/a\n2026 INFO forged\r\x1b[2J\x7f \xC2\x9B\xFF \xC3\xA4");
  char text[256];
  read_all(f->path, text, sizeof(text));
  assert_string_equal(text + 24, " ERROR gateway-test: path /a\\n2026 INFO forged\\x0d\\x1b[2J\\x7f \\xc2\\x9b\\xff \xC3\xA4\n");
}

static void test_json_line_is_escaped(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_JSON);
  GW_LOG_INFO(f->log, "a \"b\"\nc");
  char text[256];
  read_all(f->path, text, sizeof(text));
  assert_memory_equal(text, "{\"time\":\"2", 10);
  assert_string_equal(text + strlen("{\"time\":\"2026-11-24T01:02:03.456Z"),
                      "\",\"level\":\"INFO\",\"program\":\"gateway-test\",\"message\":\"a \\\"b\\\"\\nc\"}\n");
}

static void test_level_decides_what_is_written(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  GW_LOG_DEBUG(f->log, "one");
  gw_log_free(f->log);
  start_at(f, GW_LOG_TEXT, GW_LOG_DEBUG);
  GW_LOG_DEBUG(f->log, "two");
  gw_log_free(f->log);
  start_at(f, GW_LOG_TEXT, GW_LOG_ERROR);
  GW_LOG_WARNING(f->log, "three");
  GW_LOG_ERROR(NULL, "no log, no line");
  char text[256];
  read_all(f->path, text, sizeof(text));
  assert_null(strstr(text, "one"));
  assert_non_null(strstr(text, "two\n"));
  assert_null(strstr(text, "three"));
}

static void test_write_leaves_errno_alone(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  errno = ENOTTY;
  GW_LOG_INFO(f->log, "x");
  assert_int_equal(errno, ENOTTY);
}

static void test_reopen_after_rotation_writes_to_the_new_file(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  GW_LOG_INFO(f->log, "before");
  assert_int_equal(rename(f->path, f->moved), 0);
  assert_int_equal(gw_log_reopen(f->log), GW_OK);
  GW_LOG_INFO(f->log, "after");
  char text[256];
  read_all(f->moved, text, sizeof(text));
  assert_null(strstr(text, "after"));
  read_all(f->path, text, sizeof(text));
  assert_null(strstr(text, "before"));
  assert_non_null(strstr(text, "after\n"));
}

static void test_reopen_that_fails_keeps_the_old_file(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  assert_int_equal(rename(f->path, f->moved), 0);
  assert_int_equal(symlink("/proc/self/none/none", f->path), 0);
  assert_int_equal(gw_log_reopen(f->log), GW_ERR_IO);
  assert_int_not_equal(errno, 0);
  GW_LOG_INFO(f->log, "still here");
  char text[256];
  read_all(f->moved, text, sizeof(text));
  assert_non_null(strstr(text, "still here\n"));
}

static void test_new_in_a_missing_directory_is_refused(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_log_new("x", GW_LOG_TEXT, GW_LOG_INFO, "/proc/self/none/log", &f->log), GW_ERR_IO);
  assert_int_equal(errno, ENOENT);
}

static void *log_many(void *arg) {
  for (int i = 0; i < 500; i++)
    GW_LOG_INFO((struct gw_log *)arg, "%s", "0123456789012345678901234567890123456789");
  return NULL;
}

static void test_lines_of_many_threads_stay_whole_through_reopens(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, log_many, f->log), 0);
  for (int i = 0; i < 50; i++)
    assert_int_equal(gw_log_reopen(f->log), GW_OK);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  FILE *file = fopen(f->path, "re");
  assert_non_null(file);
  char line[256];
  int count = 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    assert_string_equal(line + 24, " INFO gateway-test: 0123456789012345678901234567890123456789\n");
    count++;
  }
  fclose(file);
  assert_int_equal(count, 2000);
}

static void test_writer_takes_lines_of_many_threads_and_writes_them_before_the_end(void **state) {
  struct fixture *f = *state;
  start(f, GW_LOG_TEXT);
  assert_int_equal(gw_log_start_writer(f->log), GW_OK);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, log_many, f->log), 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(gw_log_lost(f->log), 0);
  gw_log_free(f->log);
  f->log = NULL;
  FILE *file = fopen(f->path, "re");
  assert_non_null(file);
  char line[256];
  int count = 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    assert_string_equal(line + 24, " INFO gateway-test: 0123456789012345678901234567890123456789\n");
    count++;
  }
  fclose(file);
  assert_int_equal(count, 2000);
}

/* A reader that has stopped: standard error is a full pipe. */
static void test_writer_that_nobody_reads_holds_nobody_and_counts(void **state) {
  struct fixture *f = *state;
  int ends[2], before = dup(STDERR_FILENO);
  char bytes[4096] = {0};
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  while (write(ends[1], bytes, sizeof(bytes)) > 0)
    continue;
  assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
  assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  assert_int_equal(gw_log_new("gateway-test", GW_LOG_TEXT, GW_LOG_INFO, NULL, &f->log), GW_OK);
  assert_int_equal(gw_log_start_writer(f->log), GW_OK);
  for (int i = 0; i < 20; i++)
    log_many(f->log); /* 0.9 MB, and there is room for 256 KiB */
  assert_true(gw_log_lost(f->log) > 1000);
  gw_log_free(f->log);
  f->log = NULL;
  assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
  close(before);
  close(ends[0]);
  close(ends[1]);
}

static void test_parse_level_knows_all_names(void **state) {
  (void)state;
  enum gw_log_level level = GW_LOG_DEBUG;
  assert_int_equal(gw_log_parse_level(GW_STR("warning"), &level), GW_OK);
  assert_int_equal(level, GW_LOG_WARNING);
  assert_int_equal(gw_log_parse_level(GW_STR("ERROR"), &level), GW_OK);
  assert_int_equal(level, GW_LOG_ERROR);
  assert_int_equal(gw_log_parse_level(GW_STR("loud"), &level), GW_ERR_INVALID);
  assert_int_equal(level, GW_LOG_ERROR);
}

#define LOG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOG_TEST(test_text_line_has_time_level_program_and_message),
      LOG_TEST(test_control_characters_in_a_message_cannot_begin_a_line),
      LOG_TEST(test_json_line_is_escaped),
      LOG_TEST(test_level_decides_what_is_written),
      LOG_TEST(test_write_leaves_errno_alone),
      LOG_TEST(test_reopen_after_rotation_writes_to_the_new_file),
      LOG_TEST(test_reopen_that_fails_keeps_the_old_file),
      LOG_TEST(test_new_in_a_missing_directory_is_refused),
      LOG_TEST(test_lines_of_many_threads_stay_whole_through_reopens),
      LOG_TEST(test_writer_takes_lines_of_many_threads_and_writes_them_before_the_end),
      LOG_TEST(test_writer_that_nobody_reads_holds_nobody_and_counts),
      cmocka_unit_test(test_parse_level_knows_all_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
