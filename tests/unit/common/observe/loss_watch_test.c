#include "common/observe/loss_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
  char path[64];
  struct gw_log *log;
  struct gw_loss_watch watch;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  snprintf(f->path, sizeof(f->path), "/tmp/loss_watch.XXXXXX");
  int fd = mkstemp(f->path);
  if (fd < 0) return -1;
  close(fd);
  assert_int_equal(gw_log_new("gateway-test", GW_LOG_TEXT, GW_LOG_INFO, f->path, &f->log), GW_OK);
  f->watch.what = "the access log";
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_log_free(f->log);
  unlink(f->path);
  free(f);
  return 0;
}

/* What was logged, without the times. */
static void assert_lines(const struct fixture *f, const char *const *lines, size_t count) {
  FILE *file = fopen(f->path, "re");
  char line[512];
  assert_non_null(file);
  for (size_t i = 0; i < count; i++) {
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(strstr(line, lines[i]));
  }
  assert_null(fgets(line, sizeof(line), file));
  fclose(file);
}

#define BEGIN "WARNING gateway-test: the access log loses lines (3 so far): its disk is full or slow, or nobody reads\n"

static void test_nothing_lost_is_not_mentioned(void **state) {
  struct fixture *f = *state;
  for (uint64_t ms = 1; ms < 200000; ms += 5000)
    gw_loss_watch_look(&f->watch, f->log, 0, ms);
  assert_lines(f, NULL, 0);
}

static void test_an_episode_is_told_once_and_summed_up_at_its_end(void **state) {
  struct fixture *f = *state;
  static const char *const lines[] = {BEGIN, "the access log lost 50 lines; now it loses none\n"};
  gw_loss_watch_look(&f->watch, f->log, 3, 5000);
  gw_loss_watch_look(&f->watch, f->log, 20, 10000);
  gw_loss_watch_look(&f->watch, f->log, 20, 60000);
  gw_loss_watch_look(&f->watch, f->log, 50, 65000); /* a pause is no end */
  gw_loss_watch_look(&f->watch, f->log, 50, 124999);
  assert_lines(f, lines, 1);
  gw_loss_watch_look(&f->watch, f->log, 50, 125000);
  gw_loss_watch_look(&f->watch, f->log, 50, 300000);
  assert_lines(f, lines, 2);
}

static void test_the_next_episode_counts_from_its_begin(void **state) {
  struct fixture *f = *state;
  static const char *const lines[] = {"(3 so far)", "lost 3 lines", "(7 so far)", "lost 7 lines"};
  gw_loss_watch_look(&f->watch, f->log, 3, 5000);
  gw_loss_watch_look(&f->watch, f->log, 3, 70000);
  gw_loss_watch_look(&f->watch, f->log, 10, 75000);
  gw_loss_watch_look(&f->watch, f->log, 10, 140000);
  assert_lines(f, lines, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_nothing_lost_is_not_mentioned, setup, teardown),
      cmocka_unit_test_setup_teardown(test_an_episode_is_told_once_and_summed_up_at_its_end, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_next_episode_counts_from_its_begin, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
