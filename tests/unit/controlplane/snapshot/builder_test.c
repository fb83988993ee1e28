#include "snapshot_fixture.h"

static void test_what_did_not_change_keeps_its_resource(void **state) {
  (void)state;
  struct gw_snapshot *first = make_snapshot(&(struct snapshot_plan){.clusters = "a b"}, NULL);
  struct gw_snapshot *second = make_snapshot(&(struct snapshot_plan){.clusters = "a b c", .routes = "a b"}, first);
  assert_ptr_equal(gw_snapshot_find(first, GW_RESOURCE_CLUSTER, GW_STR("a")), gw_snapshot_find(second, GW_RESOURCE_CLUSTER, GW_STR("a")));
  assert_ptr_equal(gw_snapshot_find(first, GW_RESOURCE_ROUTE_CONFIG, GW_STR("routes")),
                   gw_snapshot_find(second, GW_RESOURCE_ROUTE_CONFIG, GW_STR("routes")));
  assert_non_null(gw_snapshot_find(second, GW_RESOURCE_ENDPOINTS, GW_STR("c")));
  assert_string_not_equal(first->version, second->version);
  assert_string_equal(first->list_versions[GW_RESOURCE_LISTENER], second->list_versions[GW_RESOURCE_LISTENER]);
  gw_snapshot_unref(first);
  gw_snapshot_unref(second);
}

static void test_same_input_gives_the_same_version(void **state) {
  (void)state;
  struct gw_snapshot *first = make_snapshot(&(struct snapshot_plan){.clusters = "a b"}, NULL);
  struct gw_snapshot *second = make_snapshot(&(struct snapshot_plan){.clusters = "b a", .routes = "a b"}, NULL);
  assert_string_equal(first->version, second->version);
  gw_snapshot_unref(first);
  gw_snapshot_unref(second);
}

static void test_route_to_a_missing_cluster_is_a_mistake(void **state) {
  (void)state;
  struct gw_str domain = GW_STR("*");
  struct gw_route route = {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")}, .forward = {.cluster = GW_STR("nowhere")}};
  struct gw_virtual_host host = {.name = GW_STR("all"), .domains = &domain, .domain_count = 1, .routes = &route, .route_count = 1};
  struct gw_route_config config = {.name = GW_STR("routes"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 1};
  struct gw_wanted wanted = {.route_configs = &config, .route_config_count = 1};
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_errors_add(&errors, "elsewhere", "a mistake of before, which is not this call's");
  struct gw_snapshot *snapshot = NULL;
  assert_int_equal(gw_wanted_freeze(&wanted, NULL, &errors, &snapshot), GW_ERR_INVALID);
  assert_null(snapshot);
  assert_int_equal(errors.error_count, 2);
  assert_non_null(strstr(errors.items[1].sentence, "nowhere"));
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_did_not_change_keeps_its_resource),
      cmocka_unit_test(test_same_input_gives_the_same_version),
      cmocka_unit_test(test_route_to_a_missing_cluster_is_a_mistake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
