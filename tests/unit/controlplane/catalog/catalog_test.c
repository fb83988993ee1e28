#include "controlplane/catalog/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/model/api_key_auth.h"
#include "common/xds/codec.h"

static const struct gw_str any_domain = {"*", 1};

struct fixture {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_cluster clusters[2];
  struct gw_route route;
  struct gw_virtual_host host;
  struct gw_route_config config;
  struct gw_catalog_policy policy;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  f->cache = gw_snapshot_cache_new();
  f->catalog = gw_catalog_new(f->loop, f->cache);
  f->clusters[0] =
      (struct gw_cluster){.name = GW_STR("a"), .kind = GW_CLUSTER_EDS, .eds_service_name = GW_STR("a"), .connect_timeout_ms = 1000};
  f->clusters[1] =
      (struct gw_cluster){.name = GW_STR("b"), .kind = GW_CLUSTER_EDS, .eds_service_name = GW_STR("b"), .connect_timeout_ms = 1000};
  f->route = (struct gw_route){.name = GW_STR("r"),
                               .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
                               .action = GW_ROUTE_FORWARD,
                               .forward = {.cluster = GW_STR("a"), .timeout_ms = 1000}};
  f->host =
      (struct gw_virtual_host){.name = GW_STR("all"), .domains = &any_domain, .domain_count = 1, .routes = &f->route, .route_count = 1};
  f->config = (struct gw_route_config){.name = GW_STR("gateway"), .virtual_hosts = &f->host, .virtual_host_count = 1, .route_count = 1};
  f->policy = (struct gw_catalog_policy){.route_configs = &f->config,
                                         .route_config_count = 1,
                                         .clusters = f->clusters,
                                         .cluster_count = GW_ARRAY_LEN(f->clusters)};
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_catalog_free(f->catalog);
  gw_snapshot_cache_free(f->cache);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

static void set_policy(struct fixture *f) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  if (gw_catalog_set_policy(f->catalog, &f->policy, &errors) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
}

static void set_ports(struct fixture *f, const char *source, const char *service, uint16_t first, uint16_t second) {
  /* Its own memory, which is gone afterwards: the catalog copies. */
  struct gw_endpoint *items = gw_calloc(2, sizeof(*items));
  char *address = gw_strdup("127.0.0.1");
  items[0] = (struct gw_endpoint){.address = gw_str_from(address), .port = first, .weight = 1};
  items[1] = (struct gw_endpoint){.address = gw_str_from(address), .port = second, .weight = 1};
  struct gw_endpoints endpoints = {.cluster_name = gw_str_from(service), .items = items, .count = second != 0 ? 2 : 1};
  gw_catalog_set_endpoints(f->catalog, source, &endpoints);
  free(address);
  free(items);
}

/* "80,81" of the service in the current snapshot. */
static void assert_ports(struct fixture *f, const char *service, const char *expected) {
  const struct gw_resource *resource = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ENDPOINTS, gw_str_from(service));
  assert_non_null(resource);
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, GW_STR(""));
  for (uint32_t i = 0; i < resource->endpoints->count; i++)
    gw_strbuf_printf(&out, "%s%u", i > 0 ? "," : "", resource->endpoints->items[i].port);
  char *shown = gw_strbuf_take(&out);
  assert_string_equal(shown, expected);
  free(shown);
}

static void test_set_policy_publishes_at_once_and_every_eds_cluster_has_endpoints(void **state) {
  struct fixture *f = *state;
  assert_null(gw_snapshot_cache_current(f->cache));
  set_policy(f);
  assert_non_null(gw_snapshot_cache_current(f->cache));
  assert_ports(f, "a", "");
  assert_ports(f, "b", "");
}

static void test_endpoints_before_the_policy_make_one_snapshot_with_it(void **state) {
  struct fixture *f = *state;
  set_ports(f, "static", "a", 80, 0);
  gw_catalog_publish(f->catalog);
  assert_null(gw_snapshot_cache_current(f->cache));
  set_policy(f);
  assert_ports(f, "a", "80");
}

static void count_call(void *arg) {
  ++*(int *)arg;
}

static void test_endpoints_that_change_together_make_one_snapshot(void **state) {
  struct fixture *f = *state;
  set_policy(f);
  int calls = 0;
  struct gw_snapshot_watch watch = {.fn = count_call, .arg = &calls};
  gw_snapshot_cache_watch(f->cache, &watch);
  set_ports(f, "static", "a", 80, 0);
  set_ports(f, "static", "b", 81, 0);
  set_ports(f, "static", "a", 82, 0);
  assert_int_equal(calls, 0);
  gw_loop_run_once(f->loop, 0);
  assert_int_equal(calls, 1);
  assert_ports(f, "a", "82");
  assert_ports(f, "b", "81");
  /* The same again is no change. */
  set_ports(f, "static", "a", 82, 0);
  gw_loop_run_once(f->loop, 0);
  assert_int_equal(calls, 1);
  gw_list_remove(&watch.node);
}

static void test_endpoints_leave_routes_encoded_as_they_are(void **state) {
  struct fixture *f = *state;
  set_policy(f);
  const struct gw_resource *routes = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ROUTE_CONFIG, GW_STR("gateway"));
  f->route.name = GW_STR("another"); /* would show if it were encoded again */
  set_ports(f, "static", "a", 80, 0);
  gw_loop_run_once(f->loop, 0);
  assert_ports(f, "a", "80");
  assert_ptr_equal(gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ROUTE_CONFIG, GW_STR("gateway")), routes);
  /* A policy, the same one or not, is. */
  set_policy(f);
  routes = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ROUTE_CONFIG, GW_STR("gateway"));
  assert_int_equal(gw_str_compare(routes->route_config->virtual_hosts[0].routes[0].name, GW_STR("another")), 0);
}

static void test_sources_are_merged_in_one_order(void **state) {
  struct fixture *f = *state;
  set_policy(f);
  set_ports(f, "registry", "a", 84, 82);
  set_ports(f, "static", "a", 83, 81);
  gw_catalog_publish(f->catalog);
  assert_ports(f, "a", "81,82,83,84");
  gw_catalog_remove_endpoints(f->catalog, "registry", GW_STR("a"));
  gw_catalog_remove_endpoints(f->catalog, "registry", GW_STR("never-there"));
  gw_loop_run_once(f->loop, 0);
  assert_ports(f, "a", "81,83");
  gw_catalog_remove_endpoints(f->catalog, "static", GW_STR("a"));
  gw_catalog_publish(f->catalog);
  assert_ports(f, "a", "");
}

static void test_inconsistent_policy_changes_nothing(void **state) {
  struct fixture *f = *state;
  set_policy(f);
  struct gw_snapshot *before = gw_snapshot_cache_current(f->cache);
  struct gw_catalog_policy without_clusters = f->policy;
  without_clusters.cluster_count = 0;
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_catalog_set_policy(f->catalog, &without_clusters, &errors), GW_ERR_INVALID);
  assert_int_not_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  assert_ptr_equal(gw_snapshot_cache_current(f->cache), before);
  /* The policy before is still in force. */
  set_ports(f, "static", "a", 80, 0);
  gw_catalog_publish(f->catalog);
  assert_ports(f, "a", "80");
}

static void set_key(struct fixture *f, const char *id) {
  struct gw_api_key key = {.id = gw_str_from(id), .owner = GW_STR("ann")};
  struct gw_resource *resource = gw_xds_encode_api_key(&key);
  struct gw_resource_list list = gw_resource_list_new(&resource, 1);
  gw_catalog_set_api_keys(f->catalog, &list);
  gw_resource_list_unref(&list);
}

static void test_keys_come_beside_what_is_served_and_leave_it_alone(void **state) {
  struct fixture *f = *state;
  set_policy(f);
  struct gw_snapshot *before = gw_snapshot_ref(gw_snapshot_cache_current(f->cache));
  assert_false(before->knows_api_keys);
  set_key(f, "k1");
  gw_loop_run_once(f->loop, 0);
  const struct gw_snapshot *after = gw_snapshot_cache_current(f->cache);
  assert_true(after->knows_api_keys && gw_snapshot_cache_is_keys_alone(f->cache));
  assert_non_null(gw_snapshot_find(after, GW_RESOURCE_API_KEY, GW_STR("k1")));
  assert_string_equal(after->version, before->version);
  assert_ptr_equal(after->lists[GW_RESOURCE_CLUSTER].items, before->lists[GW_RESOURCE_CLUSTER].items);
  gw_snapshot_unref(before);
  /* Another configuration has them, too. */
  set_ports(f, "static", "a", 80, 0);
  gw_catalog_publish(f->catalog);
  assert_non_null(gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_API_KEY, GW_STR("k1")));
  assert_false(gw_snapshot_cache_is_keys_alone(f->cache));
}

static void test_keys_before_the_policy_come_with_it(void **state) {
  struct fixture *f = *state;
  set_key(f, "k1");
  gw_loop_run_once(f->loop, 0);
  assert_null(gw_snapshot_cache_current(f->cache));
  set_policy(f);
  assert_non_null(gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_API_KEY, GW_STR("k1")));
}

static void test_pepper_is_served_where_a_listener_asks_for_keys(void **state) {
  struct fixture *f = *state;
  static const struct gw_api_key_auth auth = {.header = GW_STR("x-api-key")};
  struct gw_http_filter filters[] = {
      {.name = GW_STR("api_key"), .kind = GW_FILTER_API_KEY, .settings.api_key = &auth},
      {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER},
  };
  struct gw_listener listener = {.name = GW_STR("gateway"),
                                 .address = GW_STR("127.0.0.1"),
                                 .http = {.stat_prefix = GW_STR("gateway"),
                                          .route_config_name = GW_STR("gateway"),
                                          .filters = filters + 1,
                                          .filter_count = 1,
                                          .max_request_headers_kb = 60,
                                          .max_headers_count = 100}};
  f->policy.listeners = &listener;
  f->policy.listener_count = 1;
  gw_catalog_set_pepper(f->catalog, GW_STR("0123456789abcdef0123456789abcdef"));
  set_policy(f);
  assert_null(gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_SECRET, GW_STR(GW_SECRET_NAME_PEPPER)));
  listener.http.filters = filters;
  listener.http.filter_count = 2;
  set_policy(f);
  const struct gw_resource *pepper =
      gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_SECRET, GW_STR(GW_SECRET_NAME_PEPPER));
  assert_true(pepper != NULL && gw_resource_is_confidential(pepper));
  assert_true(gw_str_equal(pepper->secret->content, GW_STR("0123456789abcdef0123456789abcdef")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_set_policy_publishes_at_once_and_every_eds_cluster_has_endpoints, setup, teardown),
      cmocka_unit_test_setup_teardown(test_endpoints_before_the_policy_make_one_snapshot_with_it, setup, teardown),
      cmocka_unit_test_setup_teardown(test_endpoints_that_change_together_make_one_snapshot, setup, teardown),
      cmocka_unit_test_setup_teardown(test_endpoints_leave_routes_encoded_as_they_are, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sources_are_merged_in_one_order, setup, teardown),
      cmocka_unit_test_setup_teardown(test_inconsistent_policy_changes_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(test_keys_come_beside_what_is_served_and_leave_it_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(test_keys_before_the_policy_come_with_it, setup, teardown),
      cmocka_unit_test_setup_teardown(test_pepper_is_served_where_a_listener_asks_for_keys, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
