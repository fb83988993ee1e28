/* Why: a group of nodes whose only route leads to one cluster, beside what make_snapshot makes for all others.
 * Life: lives with its group_model.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_GROUP_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_GROUP_FIXTURE_H

#include "snapshot_fixture.h"

struct group_model {
  struct gw_str domain;
  struct gw_route route;
  struct gw_virtual_host host;
  struct gw_route_config config;
  struct gw_http_filter router;
  struct gw_listener listener;
  struct gw_node_group group;
};

static inline const struct gw_node_group *make_group(struct group_model *model, const char *name, const char *cluster) {
  model->domain = GW_STR("*");
  model->route = (struct gw_route){.name = gw_str_from(cluster),
                                   .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
                                   .action = GW_ROUTE_FORWARD,
                                   .forward = {.cluster = gw_str_from(cluster), .timeout_ms = 1000}};
  model->host = (struct gw_virtual_host){.name = GW_STR("all"),
                                         .domains = &model->domain,
                                         .domain_count = 1,
                                         .routes = &model->route,
                                         .route_count = 1};
  model->config =
      (struct gw_route_config){.name = GW_STR("routes"), .virtual_hosts = &model->host, .virtual_host_count = 1, .route_count = 1};
  model->router = (struct gw_http_filter){.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER};
  model->listener = (struct gw_listener){.name = GW_STR("main"),
                                         .address = GW_STR("127.0.0.1"),
                                         .port = 8000,
                                         .http = {.stat_prefix = GW_STR("main"),
                                                  .route_config_name = GW_STR("routes"),
                                                  .filters = &model->router,
                                                  .filter_count = 1,
                                                  .max_request_headers_kb = 60,
                                                  .max_headers_count = 100}};
  model->group = (struct gw_node_group){.name = gw_str_from(name),
                                        .listeners = &model->listener,
                                        .listener_count = 1,
                                        .route_configs = &model->config,
                                        .route_config_count = 1};
  return &model->group;
}

#endif
