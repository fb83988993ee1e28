#include "common/observe/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

static void test_samples_are_escaped_and_follow_their_family(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_metrics_writer writer = {&buf};
  const struct gw_label labels[] = {{"route", GW_STR("a\\b\"c\nd\xFF")}, {"code", GW_STR("200")}};
  gw_metrics_family(&writer, "gateway_requests_total", "counter", "Requests \"all\"\nby \\ route.");
  gw_metrics_u64(&writer, "gateway_requests_total", labels, 2, UINT64_MAX);
  gw_metrics_u64(&writer, "gateway_requests_total", NULL, 0, 0);
  assert_string_equal(buf.data, "# HELP gateway_requests_total Requests \"all\"\\nby \\\\ route.\n"
                                "# TYPE gateway_requests_total counter\n"
                                "gateway_requests_total{route=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\",code=\"200\"} 18446744073709551615\n"
                                "gateway_requests_total 0\n");
  gw_strbuf_done(&buf);
}

static void test_double_has_names_for_what_is_no_number(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_metrics_writer writer = {&buf};
  gw_metrics_double(&writer, "a", NULL, 0, 0.25);
  gw_metrics_double(&writer, "a", NULL, 0, NAN);
  gw_metrics_double(&writer, "a", NULL, 0, INFINITY);
  gw_metrics_double(&writer, "a", NULL, 0, -INFINITY);
  gw_metrics_double(&writer, "a", NULL, 0, 1795482123.25);
  assert_string_equal(buf.data, "a 0.25\na NaN\na +Inf\na -Inf\na 1795482123.25\n");
  gw_strbuf_done(&buf);
}

static void test_histogram_bounds_are_inclusive_and_cumulative(void **state) {
  (void)state;
  struct gw_histogram histogram = {0};
  struct gw_histogram sum = {0};
  gw_histogram_add(&histogram, 0);
  gw_histogram_add(&histogram, 500);
  gw_histogram_add(&histogram, 501);
  gw_histogram_add(&histogram, 10000000);
  gw_histogram_add(&histogram, 10000001);
  gw_histogram_merge(&sum, &histogram);
  gw_histogram_merge(&sum, &histogram);

  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_metrics_writer writer = {&buf};
  const struct gw_label labels[] = {{"route", GW_STR("r")}};
  gw_metrics_histogram(&writer, "d_seconds", labels, 1, &sum);
  gw_metrics_histogram(&writer, "e_seconds", NULL, 0, &histogram);
  assert_non_null(strstr(buf.data, "d_seconds_bucket{route=\"r\",le=\"0.0005\"} 4\n"
                                   "d_seconds_bucket{route=\"r\",le=\"0.001\"} 6\n"
                                   "d_seconds_bucket{route=\"r\",le=\"0.0025\"} 6\n"));
  assert_non_null(strstr(buf.data, "d_seconds_bucket{route=\"r\",le=\"10\"} 8\n"
                                   "d_seconds_bucket{route=\"r\",le=\"+Inf\"} 10\n"
                                   "d_seconds_sum{route=\"r\"} 40.002004\n"
                                   "d_seconds_count{route=\"r\"} 10\n"));
  assert_non_null(strstr(buf.data, "e_seconds_bucket{le=\"+Inf\"} 5\ne_seconds_sum 20.001002\ne_seconds_count 5\n"));
  gw_strbuf_done(&buf);
}

static double value_of(const char *text, const char *name) {
  char line[128];
  snprintf(line, sizeof(line), "\n%s ", name);
  const char *at = strstr(text, line);
  assert_non_null(at);
  return strtod(at + strlen(line), NULL);
}

static void test_process_metrics_are_plausible(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_metrics_writer writer = {&buf};
  gw_metrics_process(&writer, "gateway-test");
  double now = (double)gw_clock_wall_us() / 1e6;
  double started = value_of(buf.data, "process_start_time_seconds");
  assert_true(started > now - 3600 && started < now + 5);
  double resident = value_of(buf.data, "process_resident_memory_bytes");
  assert_true(resident > 1e5 && resident < 1e11);
  double open_fds = value_of(buf.data, "process_open_fds");
  assert_true(open_fds >= 1 && open_fds < 1000);
  double cpu = value_of(buf.data, "process_cpu_seconds_total");
  assert_true(cpu > 0 && cpu < 3600);
  assert_non_null(strstr(buf.data, "\ngateway_build_info{program=\"gateway-test\",version=\"" GW_VERSION "\"} 1\n"));
  gw_strbuf_done(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_samples_are_escaped_and_follow_their_family),
      cmocka_unit_test(test_double_has_names_for_what_is_no_number),
      cmocka_unit_test(test_histogram_bounds_are_inclusive_and_cumulative),
      cmocka_unit_test(test_process_metrics_are_plausible),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
