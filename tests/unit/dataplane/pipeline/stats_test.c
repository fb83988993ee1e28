/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/stats.h"

static void test_route_count_beyond_code_slots_goes_to_other(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  struct gw_route_stats *route = gw_stats_get_route(stats, GW_STR("r"), GW_STR("s"));
  for (uint32_t code = 200; code < 220; code++)
    gw_route_stats_count(route, code, 1000);
  gw_route_stats_count(route, 200, 1000);
  assert_int_equal(route->codes[0].count, 2);
  assert_int_equal(route->codes[GW_STATS_CODES - 1].count, 20 - (GW_STATS_CODES - 1));
  struct gw_stats *copy = gw_stats_copy(stats);
  gw_stats_merge(copy, stats);
  struct gw_route_stats *merged = gw_stats_get_route(copy, GW_STR("r"), GW_STR("s"));
  assert_int_equal(merged->codes[0].count, 4);
  assert_int_equal(merged->codes[GW_STATS_CODES - 1].count, 2 * (20 - (GW_STATS_CODES - 1)));
  gw_stats_free(copy);
  gw_stats_free(stats);
}

static void test_routes_beyond_the_bound_share_one_series(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  for (int i = 0; i < GW_STATS_ROUTES_MAX; i++) {
    char name[32];
    snprintf(name, sizeof(name), "r%d", i);
    assert_ptr_not_equal(gw_stats_get_route(stats, gw_str_from(name), GW_STR("s")), &stats->overflow);
  }
  assert_ptr_equal(gw_stats_get_route(stats, GW_STR("one more"), GW_STR("s")), &stats->overflow);
  gw_stats_free(stats);
}

static void test_sweep_folds_what_nobody_holds_and_keeps_the_sum(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  struct gw_route_stats *kept = gw_stats_hold_route(stats, GW_STR("kept"), GW_STR("s"));
  struct gw_route_stats *gone = gw_stats_hold_route(stats, GW_STR("gone"), GW_STR("s"));
  gw_route_stats_count(kept, 200, 1);
  gw_route_stats_count(gone, 200, 1);
  gw_stats_release_route(stats, gone);
  gw_stats_release_route(stats, kept);
  assert_ptr_equal(gw_stats_hold_route(stats, GW_STR("kept"), GW_STR("s")), kept);
  assert_true(gw_stats_sweep(stats, 0));
  assert_false(gw_stats_sweep(stats, 10));
  assert_int_equal(gw_map_count(stats->routes), 1);
  assert_int_equal(stats->overflow.codes[0].count, 1);
  assert_int_equal(kept->codes[0].count, 1);
  gw_stats_free(stats);
}

static void test_copy_is_whole_for_whoever_looks(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  gw_route_stats_count(gw_stats_get_route(stats, GW_STR("r"), GW_STR("s")), 200, 1);
  gw_route_stats_count(gw_stats_get_route(stats, (struct gw_str){0}, (struct gw_str){0}), 404, 1);
  struct gw_stats *copy = gw_stats_copy(stats);
  struct gw_stats *again = gw_stats_copy(copy);
  gw_stats_free(stats);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_metrics_writer writer = {&buf};
  gw_stats_write(copy, &writer);
  assert_non_null(strstr(buf.data, "gateway_requests_total{route=\"r\",service=\"s\",code=\"200\"} 1\n"));
  assert_int_equal(gw_stats_get_route(copy, GW_STR("r"), GW_STR("s"))->codes[0].count, 1);
  assert_int_equal(gw_stats_get_route(again, (struct gw_str){0}, (struct gw_str){0})->codes[0].code, 404);
  assert_int_equal(gw_map_count(copy->routes), 2);
  gw_stats_free(copy);
  gw_stats_free(again);
}

static void test_write_names_every_family_once(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  gw_route_stats_count(gw_stats_get_route(stats, GW_STR("a\"b"), GW_STR("svc")), 503, 2000);
  gw_route_stats_count(gw_stats_get_route(stats, GW_STR("x"), GW_STR("svc")), 200, 2000);
  gw_stats_get_service(stats, GW_STR("svc"))->connections_active = 7;
  stats->connections_active = 3;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_metrics_writer writer = {&buf};
  gw_stats_write(stats, &writer);
  assert_non_null(strstr(buf.data, "gateway_requests_total{route=\"a\\\"b\",service=\"svc\",code=\"503\"} 1\n"));
  assert_non_null(strstr(buf.data, "gateway_requests_total{route=\"x\",service=\"svc\",code=\"200\"} 1\n"));
  assert_non_null(strstr(buf.data, "gateway_request_duration_seconds_count{route=\"x\",service=\"svc\"} 1\n"));
  assert_non_null(strstr(buf.data, "gateway_upstream_connections{service=\"svc\"} 7\n"));
  assert_non_null(strstr(buf.data, "gateway_downstream_connections 3\n"));
  const char *family = strstr(buf.data, "# TYPE gateway_requests_total counter");
  assert_non_null(family);
  assert_null(strstr(family + 1, "# TYPE gateway_requests_total"));
  gw_stats_free(stats);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_route_count_beyond_code_slots_goes_to_other),
      cmocka_unit_test(test_routes_beyond_the_bound_share_one_series),
      cmocka_unit_test(test_sweep_folds_what_nobody_holds_and_keeps_the_sum),
      cmocka_unit_test(test_copy_is_whole_for_whoever_looks),
      cmocka_unit_test(test_write_names_every_family_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
