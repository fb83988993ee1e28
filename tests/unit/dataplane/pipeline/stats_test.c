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
  stats->max_series = 1000;
  uint32_t room = gw_series_room(stats->max_series, GW_SERIES_ROUTE);
  assert_int_equal(room, 19);
  for (uint32_t i = 0; i < room; i++) {
    char name[32];
    snprintf(name, sizeof(name), "r%u", i);
    assert_ptr_not_equal(gw_stats_hold_route(stats, gw_str_from(name), GW_STR("s")), &stats->overflow);
  }
  assert_ptr_equal(gw_stats_hold_route(stats, GW_STR("one more"), GW_STR("s")), &stats->overflow);
  assert_ptr_equal(gw_stats_hold_route(stats, GW_STR("and another"), GW_STR("s")), &stats->overflow);
  assert_int_equal(stats->overflow_holds, 2);
  gw_stats_release_route(stats, &stats->overflow);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_stats_write(stats, &(struct gw_metrics_writer){&buf});
  assert_non_null(strstr(buf.data, "gateway_metrics_overflowed{kind=\"route\"} 1\n"));
  assert_non_null(strstr(buf.data, "gateway_metrics_series_max 1000\n"));
  gw_stats_free(stats);
}

static uint32_t count_lines(const char *text) {
  uint32_t count = 0;
  for (; *text != '\0'; text = strchr(text, '\n') + 1)
    count += *text != '#';
  return count;
}

/* Whatever configurations and clients make up, what is written stays within the bound, and the sums are right. */
static void test_write_stays_within_the_bound_and_loses_no_count(void **state) {
  (void)state;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf empty = {0}, full = {0};
  struct gw_stats *stats = gw_stats_new();
  stats->max_series = 1000;
  gw_stats_write(stats, &(struct gw_metrics_writer){&empty});
  for (uint32_t i = 0; i < 100; i++) {
    char name[32];
    snprintf(name, sizeof(name), "x%03u", i);
    struct gw_service_stats *service = gw_stats_get_service(stats, gw_str_from(name));
    service->retries_total = 1;
    service->has_circuit_breaker = true;
    service->instances = gw_calloc(2, sizeof(*service->instances));
    service->instance_count = 2;
    for (uint32_t k = 0; k < 2; k++) {
      snprintf(service->instances[k].address, sizeof(service->instances[k].address), "10.0.%u.%u:80", i, k);
      for (size_t class = 0; class < GW_ANSWER_CLASSES; class ++)
        service->instances[k].answers[class] = 1;
    }
    for (uint32_t code = 200; code < 230; code++)
      gw_route_stats_count(gw_stats_get_route(stats, gw_str_from(name), gw_str_from(name)), code, 1);
  }
  gw_stats_write(stats, &(struct gw_metrics_writer){&full});
  assert_in_range(count_lines(full.data) - count_lines(empty.data), 500, 1000);
  assert_non_null(strstr(full.data, "gateway_request_duration_seconds_count{route=\"other\",service=\"\"} 2430\n"));
  assert_non_null(strstr(full.data, "gateway_upstream_retries_total{service=\"other\"} 98\n"));
  assert_non_null(strstr(full.data, "gateway_upstream_instance_answers_total{service=\"other\",address=\"other\",code_class=\"5xx\"}"));
  assert_non_null(strstr(full.data, "gateway_metrics_overflowed{kind=\"service\"} 98\n"));
  assert_non_null(strstr(full.data, "gateway_metrics_overflowed{kind=\"instance\"} 196\n"));
  gw_stats_free(stats);
}

static void test_merge_adds_instances_by_address(void **state) {
  (void)state;
  static const char *const addresses[2][3] = {{"10.0.0.1:80", "10.0.0.3:80", ""}, {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.4:80"}};
  struct gw_stats *sum = gw_stats_new();
  for (int worker = 0; worker < 2; worker++) {
    struct gw_stats *stats = gw_stats_new();
    struct gw_service_stats *service = gw_stats_get_service(stats, GW_STR("s"));
    service->instances = gw_calloc(3, sizeof(*service->instances));
    service->others.answers[5] = 2;
    for (; service->instance_count < 3 && addresses[worker][service->instance_count][0] != '\0'; service->instance_count++) {
      struct gw_instance_stats *instance = &service->instances[service->instance_count];
      snprintf(instance->address, sizeof(instance->address), "%s", addresses[worker][service->instance_count]);
      instance->requests_active = 1;
      instance->answers[2] = 10;
    }
    gw_stats_merge(sum, stats);
    gw_stats_free(stats);
  }
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_stats_write(sum, &(struct gw_metrics_writer){&buf});
  assert_non_null(strstr(buf.data, "gateway_upstream_instance_requests{service=\"s\",address=\"10.0.0.1:80\"} 2\n"
                                   "gateway_upstream_instance_requests{service=\"s\",address=\"10.0.0.2:80\"} 1\n"
                                   "gateway_upstream_instance_requests{service=\"s\",address=\"10.0.0.3:80\"} 1\n"
                                   "gateway_upstream_instance_requests{service=\"s\",address=\"10.0.0.4:80\"} 1\n"));
  assert_non_null(strstr(buf.data, "{service=\"s\",address=\"10.0.0.1:80\",code_class=\"2xx\"} 20\n"));
  assert_non_null(strstr(buf.data, "{service=\"s\",address=\"other\",code_class=\"5xx\"} 4\n"));
  gw_stats_free(sum);
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

/* Requests and new configurations come between the steps. */
static void test_copy_in_steps_bears_changes_between_them(void **state) {
  (void)state;
  struct gw_stats *stats = gw_stats_new();
  struct gw_route_stats *routes[6];
  static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
  for (size_t i = 0; i < 6; i++) {
    routes[i] = gw_stats_hold_route(stats, gw_str_from(names[i]), GW_STR("s"));
    gw_route_stats_count(routes[i], 200, 1);
  }
  struct gw_stats *copy = gw_stats_begin_copy(stats);
  assert_true(gw_stats_copy_routes(stats, copy, 2));
  gw_stats_release_route(stats, routes[2]); /* the next one goes, */
  gw_stats_release_route(stats, routes[5]); /* and the last one, */
  assert_false(gw_stats_sweep(stats, 10));
  gw_stats_hold_route(stats, GW_STR("new, and with a longer name than the others together"), GW_STR("s")); /* for which there is no room */
  assert_false(gw_stats_copy_routes(stats, copy, 10));
  assert_int_equal(copy->folded_count, 4);
  assert_int_equal(gw_stats_get_route(copy, GW_STR("d"), GW_STR("s"))->codes[0].count, 1);
  assert_int_equal(gw_stats_get_route(copy, GW_STR("e"), GW_STR("s"))->codes[0].count, 1);
  assert_int_equal(gw_map_count(copy->routes), 4);
  gw_stats_free(copy);
  gw_stats_free(stats);
}

static void test_long_names_are_counted_like_others(void **state) {
  (void)state;
  static char name[2000];
  memset(name, 'n', sizeof(name));
  struct gw_stats *stats = gw_stats_new();
  struct gw_str route = {name, sizeof(name)};
  struct gw_route_stats *found = gw_stats_get_route(stats, route, GW_STR("s"));
  assert_ptr_equal(gw_stats_get_route(stats, route, GW_STR("s")), found);
  assert_ptr_not_equal(gw_stats_get_route(stats, route, GW_STR("t")), found);
  assert_true(gw_str_equal(found->route, route) && gw_str_equal(found->service, GW_STR("s")));
  gw_stats_free(stats);
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
      cmocka_unit_test(test_write_stays_within_the_bound_and_loses_no_count),
      cmocka_unit_test(test_merge_adds_instances_by_address),
      cmocka_unit_test(test_sweep_folds_what_nobody_holds_and_keeps_the_sum),
      cmocka_unit_test(test_copy_is_whole_for_whoever_looks),
      cmocka_unit_test(test_copy_in_steps_bears_changes_between_them),
      cmocka_unit_test(test_long_names_are_counted_like_others),
      cmocka_unit_test(test_write_names_every_family_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
