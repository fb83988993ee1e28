#include "controlplane/discovery/static_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static uint32_t count_endpoints(struct gw_snapshot_cache *cache, const char *service) {
  const struct gw_resource *resource = gw_snapshot_find(gw_snapshot_cache_current(cache), GW_RESOURCE_ENDPOINTS, gw_str_from(service));
  assert_non_null(resource);
  return resource->endpoints->count;
}

static void test_set_replaces_all_that_was_said_before(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  struct gw_catalog *catalog = gw_catalog_new(loop, cache);
  struct gw_static_source *source = gw_static_source_new(catalog);
  struct gw_cluster clusters[3] = {0};
  static const char *const names[] = {"a", "b", "c"};
  for (size_t i = 0; i < GW_ARRAY_LEN(clusters); i++)
    clusters[i] = (struct gw_cluster){.name = gw_str_from(names[i]),
                                      .kind = GW_CLUSTER_EDS,
                                      .eds_service_name = gw_str_from(names[i]),
                                      .connect_timeout_ms = 1000};
  struct gw_catalog_policy policy = {.clusters = clusters, .cluster_count = GW_ARRAY_LEN(clusters)};
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_catalog_set_policy(catalog, &policy, &errors), GW_OK);

  const struct gw_endpoint items[] = {{.address = GW_STR("127.0.0.1"), .port = 80, .weight = 1},
                                      {.address = GW_STR("127.0.0.1"), .port = 81, .weight = 1}};
  const struct gw_endpoints first[] = {{GW_STR("a"), items, 1}, {GW_STR("b"), items, 2}};
  gw_static_source_set(source, first, 2);
  gw_loop_run_once(loop, 0);
  assert_int_equal(count_endpoints(cache, "a"), 1);
  assert_int_equal(count_endpoints(cache, "b"), 2);
  assert_int_equal(count_endpoints(cache, "c"), 0);

  const struct gw_endpoints second[] = {{GW_STR("b"), items, 1}, {GW_STR("c"), items, 2}};
  gw_static_source_set(source, second, 2);
  gw_loop_run_once(loop, 0);
  assert_int_equal(count_endpoints(cache, "a"), 0);
  assert_int_equal(count_endpoints(cache, "b"), 1);
  assert_int_equal(count_endpoints(cache, "c"), 2);

  gw_static_source_set(source, NULL, 0);
  gw_loop_run_once(loop, 0);
  assert_int_equal(count_endpoints(cache, "b"), 0);
  assert_int_equal(count_endpoints(cache, "c"), 0);

  gw_static_source_free(source);
  gw_catalog_free(catalog);
  gw_snapshot_cache_free(cache);
  gw_loop_free(loop);
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_set_replaces_all_that_was_said_before)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
