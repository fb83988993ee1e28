#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

static void test_rfc3339_of_known_instants(void **state) {
  (void)state;
  char text[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(0, text);
  assert_string_equal(text, "1970-01-01T00:00:00.000Z");
  gw_clock_format_rfc3339(1795482123456789u, text);
  assert_string_equal(text, "2026-11-24T01:02:03.456Z");
  gw_clock_format_rfc3339(951782400000000u, text);
  assert_string_equal(text, "2000-02-29T00:00:00.000Z");
}

static void test_http_date_of_known_instants(void **state) {
  (void)state;
  char text[GW_CLOCK_HTTP_DATE_SIZE];
  gw_clock_format_http_date(784111777000000u, text); /* RFC 9110's example */
  assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
  gw_clock_format_http_date(1795482123000000u, text);
  assert_string_equal(text, "Tue, 24 Nov 2026 01:02:03 GMT");
}

static void test_dates_of_all_days_are_those_of_libc(void **state) {
  (void)state;
  for (uint64_t day = 0; day < 365u * 300u; day++) {
    time_t seconds = (time_t)(day * 86400u + day % 86400u);
    struct tm tm;
    char expected[64];
    char text[GW_CLOCK_HTTP_DATE_SIZE];
    gmtime_r(&seconds, &tm);
    strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    gw_clock_format_http_date((uint64_t)seconds * 1000000u, text);
    assert_string_equal(text, expected);
  }
}

static void test_monotonic_read_twice_does_not_go_back(void **state) {
  (void)state;
  uint64_t before = gw_clock_monotonic_us();
  for (int i = 0; i < 1000; i++) {
    uint64_t now = gw_clock_monotonic_us();
    assert_true(now >= before);
    before = now;
  }
  assert_true(gw_clock_wall_us() > 1700000000000000u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rfc3339_of_known_instants),
      cmocka_unit_test(test_http_date_of_known_instants),
      cmocka_unit_test(test_dates_of_all_days_are_those_of_libc),
      cmocka_unit_test(test_monotonic_read_twice_does_not_go_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
