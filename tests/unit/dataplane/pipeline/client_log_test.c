/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/pipeline/client_log.h"

struct fixture {
  char path[32];
  struct gw_log *log;
  struct gw_client_log client_log;
  struct gw_address peer;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  snprintf(f->path, sizeof(f->path), "/tmp/client_log.XXXXXX");
  int fd = mkstemp(f->path);
  if (fd < 0) return -1;
  close(fd);
  assert_int_equal(gw_log_new("gateway-test", GW_LOG_TEXT, GW_LOG_INFO, f->path, &f->log), GW_OK);
  assert_int_equal(gw_address_parse_ip(GW_STR("192.0.2.1"), 4711, &f->peer), GW_OK);
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

static void fail_once(struct fixture *f, uint64_t now_ms) {
  gw_client_log_write(&f->client_log, f->log, now_ms, &f->peer, "TLS failed", GW_STR("closed during the handshake"));
}

/* The lines so far; the last one in ret_last. */
static int count_lines(const struct fixture *f, char ret_last[512]) {
  FILE *file = fopen(f->path, "r");
  int count = 0;
  assert_non_null(file);
  while (fgets(ret_last, 512, file) != NULL)
    count++;
  fclose(file);
  return count;
}

static void test_line_says_who_and_what(void **state) {
  struct fixture *f = *state;
  char last[512];
  fail_once(f, 5);
  assert_int_equal(count_lines(f, last), 1);
  assert_non_null(strstr(last, "client 192.0.2.1:4711: TLS failed: closed during the handshake\n"));
}

static void test_flood_is_a_few_lines_and_a_number(void **state) {
  struct fixture *f = *state;
  char last[512];
  for (uint64_t i = 0; i < 1000; i++)
    fail_once(f, 7000 + i);
  assert_int_equal(count_lines(f, last), (int)GW_CLIENT_LOG_LINES_PER_SECOND);
  fail_once(f, 8000);
  assert_int_equal(count_lines(f, last), (int)GW_CLIENT_LOG_LINES_PER_SECOND + 1);
  assert_non_null(strstr(last, "(990 more like it were left out)\n"));
  fail_once(f, 8001);
  assert_int_equal(count_lines(f, last), (int)GW_CLIENT_LOG_LINES_PER_SECOND + 2);
  assert_null(strstr(last, "left out"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_line_says_who_and_what, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flood_is_a_few_lines_and_a_number, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
