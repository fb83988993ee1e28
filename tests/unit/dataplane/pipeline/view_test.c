/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "common/base/mem.h"
#include "dataplane/pipeline/pipeline.h"
#include "tests/unit/dataplane/model_fixture.h"

static const struct gw_filter router = {.name = "router", .kind = GW_FILTER_ROUTER};
static const struct gw_filter node_endpoints = {.name = "node_endpoints", .kind = GW_FILTER_NODE_ENDPOINTS};
static const struct gw_filter *const registry[] = {&node_endpoints, &router, NULL};

enum { BUSY, QUIET, SPLIT, GONE, ROUTES };
static const struct fixture_route routes[ROUTES] = {[BUSY] = {.prefix = "/busy", .cluster = "a"},
                                                    [QUIET] = {.prefix = "/quiet", .cluster = "a"},
                                                    [SPLIT] = {.prefix = "/split", .cluster = ""},
                                                    [GONE] = {.prefix = "/gone", .cluster = "a"}};

static struct gw_snapshot *snapshot_of(unsigned version, uint32_t count) {
  static const struct fixture_endpoint endpoint = {"127.0.0.1", 80, 0, 0, false};
  static const struct gw_weighted_cluster clusters[] = {{.name = GW_STR("a"), .weight = 1}, {.name = GW_STR("b"), .weight = 1}};
  static const struct gw_route_split split = {.clusters = clusters, .count = 2, .total_weight = 2};
  struct gw_resource *resources[] = {
      fixture_cluster("a", 1, GW_CLUSTER_STATIC, &endpoint, 1),
      fixture_cluster("b", 1, GW_CLUSTER_STATIC, &endpoint, 1),
      fixture_routes("r", version, routes, count),
      fixture_listener("l", 1, "r", NULL),
      NULL,
  };
  struct gw_route *route = (struct gw_route *)(uintptr_t)&resources[2]->route_config->virtual_hosts[0].routes[SPLIT];
  route->forward.split = &split;
  return fixture_snapshot(resources);
}

static void release(void *arg, struct gw_frozen *frozen) {
  (void)arg;
  gw_frozen_unref(frozen);
}

/* Takes up the first `count` routes. */
static void serve(struct gw_pipeline *pipeline, unsigned version, uint32_t count) {
  struct gw_snapshot *snapshot = snapshot_of(version, count);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen *frozen = NULL;
  assert_int_equal(gw_frozen_build(snapshot, NULL, NULL, registry, (struct gw_str){0}, NULL, &errors, &frozen), GW_OK);
  gw_pipeline_set_frozen(pipeline, frozen);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
}

static struct gw_route_stats *stats_of(struct gw_pipeline *pipeline, uint32_t route, uint32_t choice) {
  const struct gw_route_config *config = pipeline->view->frozen->bindings[0].routes->config;
  return gw_view_get_route_stats(pipeline->view, 0, &config->virtual_hosts[0].routes[route], choice);
}

static void test_sweep_leaves_what_is_configured_though_nobody_has_asked_for_it_since_the_change(void **state) {
  (void)state;
  struct gw_loop *loop = gw_loop_new();
  struct gw_pipeline *pipeline = gw_pipeline_new(&(struct gw_pipeline_options){.loop = loop, .release_frozen = release});
  serve(pipeline, 1, ROUTES);
  for (uint32_t route = 0; route < ROUTES; route++)
    gw_route_stats_count(stats_of(pipeline, route, route == SPLIT ? 2 : 0), 200, 1);
  serve(pipeline, 2, GONE);
  gw_route_stats_count(stats_of(pipeline, BUSY, 0), 200, 1);
  assert_true(gw_pipeline_sweep(pipeline, 2)); /* a few at a time: what was looked at is not looked at again, */
  serve(pipeline, 3, GONE);                    /* until there is a change, from which it begins anew */
  uint32_t steps = 1;
  for (; gw_pipeline_sweep(pipeline, 2); steps++)
    assert_true(steps < 10);
  assert_true(steps > 1);
  assert_int_equal(stats_of(pipeline, BUSY, 0)->codes[0].count, 2);
  assert_int_equal(stats_of(pipeline, QUIET, 0)->codes[0].count, 1);
  assert_int_equal(stats_of(pipeline, SPLIT, 1)->codes[0].count, 0);
  assert_int_equal(stats_of(pipeline, SPLIT, 2)->codes[0].count, 1);
  assert_int_equal(pipeline->stats->overflow.codes[0].count, 1); /* the one that has gone */
  gw_pipeline_free(pipeline);
  gw_loop_free(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sweep_leaves_what_is_configured_though_nobody_has_asked_for_it_since_the_change),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
