/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/frozen_parts.h"
#include "tests/unit/dataplane/model_fixture.h"

static const struct gw_filter router = {.name = "router", .kind = GW_FILTER_ROUTER};
static const struct gw_filter node_endpoints = {.name = "node_endpoints", .kind = GW_FILTER_NODE_ENDPOINTS};
static const struct gw_filter *const registry[] = {&node_endpoints, &router, NULL};

static const struct fixture_route routes[] = {{.prefix = "/a", .cluster = "a"},
                                              {.prefix = "/b", .cluster = "absent"},
                                              {.prefix = "/", .cluster = "b"}};
static const struct fixture_endpoint endpoint = {"127.0.0.1", 80, 0, 0, false};

static struct gw_snapshot *snapshot_of(unsigned listener, unsigned route_config, unsigned cluster,
                                       void (*change)(struct gw_http_connection_manager *)) {
  struct gw_http_connection_manager *http;
  struct gw_resource *resources[] = {
      fixture_cluster("a", cluster, GW_CLUSTER_STATIC, &endpoint, 1),
      fixture_cluster("b", 1, GW_CLUSTER_STATIC, &endpoint, 1),
      fixture_routes("r", route_config, routes, 3),
      fixture_listener("l", listener, "r", &http),
      fixture_listener("m", 1, "r", NULL),
      NULL,
  };
  if (change != NULL) change(http);
  return fixture_snapshot(resources);
}

static struct gw_frozen *build(struct gw_snapshot *snapshot, struct gw_frozen *previous, struct gw_errors *errors) {
  struct gw_frozen *frozen = NULL;
  gw_frozen_build(snapshot, NULL, NULL, registry, (struct gw_str){0}, previous, errors, &frozen);
  gw_snapshot_unref(snapshot);
  return frozen;
}

static void test_build_binds_routes_to_clusters(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen *frozen = build(snapshot_of(1, 1, 1, NULL), NULL, &errors);
  assert_non_null(frozen);
  assert_int_equal(frozen->listener_count, 2);
  assert_int_equal(frozen->binding_count, 1); /* both listeners name the same routes */
  assert_int_equal(frozen->bindings[0].cluster_of_route[0], 0);
  assert_int_equal(frozen->bindings[0].cluster_of_route[1], GW_NO_CLUSTER);
  assert_int_equal(frozen->bindings[0].cluster_of_route[2], 1);
  gw_frozen_unref(frozen);
  gw_errors_done(&errors);
}

static void test_build_reuses_what_did_not_change(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen *first = build(snapshot_of(1, 1, 1, NULL), NULL, &errors);
  struct gw_frozen *second = build(snapshot_of(1, 1, 2, NULL), first, &errors);
  struct gw_frozen *third = build(snapshot_of(2, 2, 2, NULL), second, &errors);
  assert_ptr_equal(first->bindings[0].routes, second->bindings[0].routes);
  assert_ptr_equal(first->listeners[0].http, second->listeners[0].http);
  assert_ptr_not_equal(first->clusters[0], second->clusters[0]);
  assert_ptr_equal(first->clusters[1], second->clusters[1]);
  assert_ptr_not_equal(second->bindings[0].routes, third->bindings[0].routes);
  assert_ptr_not_equal(second->listeners[0].http, third->listeners[0].http);
  assert_ptr_equal(second->listeners[1].http, third->listeners[1].http);
  assert_ptr_equal(second->clusters[0], third->clusters[0]);
  gw_frozen_unref(first);
  gw_frozen_unref(third);
  gw_frozen_unref(second);
  gw_errors_done(&errors);
}

static void break_access_log(struct gw_http_connection_manager *http) {
  static const struct gw_access_log log = {.text = {.data = "%NO_SUCH%", .len = 9}};
  http->access_logs = &log;
  http->access_log_count = 1;
}

static void forget_router(struct gw_http_connection_manager *http) {
  http->filter_count = 1;
}

static void test_build_names_each_mistake_and_makes_nothing(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_null(build(snapshot_of(1, 1, 1, break_access_log), NULL, &errors));
  assert_string_equal(errors.items[0].place, "l: access_log[0]");
  gw_errors_done(&errors);
  gw_errors_init(&errors);
  assert_null(build(snapshot_of(1, 1, 1, forget_router), NULL, &errors));
  assert_string_equal(errors.items[0].place, "l: http_filters[0]");
  gw_errors_done(&errors);
}

static void test_listener_without_routes_is_built_closed(void **state) {
  (void)state;
  struct gw_resource *resources[] = {fixture_listener("l", 1, "absent", NULL), NULL};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen *frozen = build(fixture_snapshot(resources), NULL, &errors);
  assert_non_null(frozen);
  assert_int_equal(frozen->listeners[0].binding, GW_NO_BINDING);
  gw_frozen_unref(frozen);
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_build_binds_routes_to_clusters),
      cmocka_unit_test(test_build_reuses_what_did_not_change),
      cmocka_unit_test(test_build_names_each_mistake_and_makes_nothing),
      cmocka_unit_test(test_listener_without_routes_is_built_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
