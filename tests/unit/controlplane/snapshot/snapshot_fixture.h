/* Why: makes snapshots for tests from a few words.
 * Life: what is returned has one reference.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_SNAPSHOT_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_SNAPSHOT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/snapshot/builder.h"

struct snapshot_plan {
  const char *clusters;   /* "a b c": EDS clusters of these names, each with one endpoint */
  const char *routes;     /* "a b": one route to each, in the route configuration "routes"; NULL: as clusters */
  uint16_t port;          /* of the endpoints */
  uint32_t more_clusters; /* beside: "more-0" … */
  const char *key; /* the listener speaks TLS with the certificate "site" of this key, and asks for clients' of "ca"; NULL: plaintext */
  bool has_cluster_tls; /* the clusters trust "ca" */
};

static inline struct gw_snapshot *make_snapshot(const struct snapshot_plan *plan, struct gw_snapshot *previous) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  uint32_t room = 64 + plan->more_clusters, count = 0;
  struct gw_str *names = gw_arena_calloc(&arena, room, sizeof *names);
  struct gw_str rest = gw_str_from(plan->clusters), name;
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &names[count]))
    count++;
  for (uint32_t i = 0; i < plan->more_clusters; i++)
    names[count++] = gw_str_from(gw_arena_printf(&arena, "more-%u", i));
  struct gw_cluster *clusters = gw_arena_calloc(&arena, room, sizeof *clusters);
  struct gw_endpoints *endpoints = gw_arena_calloc(&arena, room, sizeof *endpoints);
  struct gw_endpoint endpoint = {.address = GW_STR("127.0.0.1"), .port = plan->port > 0 ? plan->port : 80, .weight = 1};
  for (uint32_t i = 0; i < count; i++) {
    clusters[i] = (struct gw_cluster){.name = names[i],
                                      .kind = GW_CLUSTER_EDS,
                                      .eds_service_name = names[i],
                                      .connect_timeout_ms = 5000,
                                      .dns_refresh_ms = 5000,
                                      .upstream_idle_timeout_ms = 3600000};
    endpoints[i] = (struct gw_endpoints){.cluster_name = names[i], .items = &endpoint, .count = 1};
  }
  struct gw_route *routes = gw_arena_calloc(&arena, 64, sizeof *routes);
  uint32_t route_count = 0;
  rest = gw_str_from(plan->routes != NULL ? plan->routes : plan->clusters);
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &name)) {
    routes[route_count] = (struct gw_route){.name = name,
                                            .index = route_count,
                                            .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
                                            .action = GW_ROUTE_FORWARD,
                                            .forward = {.cluster = name, .timeout_ms = 1000}};
    route_count++;
  }
  struct gw_str domain = GW_STR("*");
  struct gw_virtual_host host = {.name = GW_STR("all"),
                                 .domains = &domain,
                                 .domain_count = 1,
                                 .routes = routes,
                                 .route_count = route_count};
  struct gw_route_config config = {.name = GW_STR("routes"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = route_count};
  struct gw_http_filter router = {.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER};
  struct gw_listener listener = {.name = GW_STR("main"),
                                 .address = GW_STR("127.0.0.1"),
                                 .port = 8000,
                                 .http = {.stat_prefix = GW_STR("main"),
                                          .route_config_name = GW_STR("routes"),
                                          .filters = &router,
                                          .filter_count = 1,
                                          .max_request_headers_kb = 60,
                                          .max_headers_count = 100}};
  const struct gw_str certificate = GW_STR("site");
  const struct gw_downstream_tls tls = {
      .params = {.max_version = GW_TLS_1_3, .certificates = &certificate, .certificate_count = 1, .validation = GW_STR("ca")}};
  const struct gw_upstream_tls upstream_tls = {.params = {.max_version = GW_TLS_1_3, .validation = GW_STR("ca")}};
  if (plan->key != NULL) listener.tls = &tls;
  for (uint32_t i = 0; plan->has_cluster_tls && i < count; i++)
    clusters[i].tls = &upstream_tls;
  const struct gw_secret secrets[] =
      {{.name = GW_STR("ca"), .kind = GW_SECRET_VALIDATION, .trusted_ca = GW_STR("ROOT")},
       {.name = certificate, .kind = GW_SECRET_CERTIFICATE, .certificate_chain = GW_STR("CHAIN"), .private_key = gw_str_from(plan->key)}};
  struct gw_wanted wanted = {.secrets = secrets,
                             .secret_count = plan->key != NULL ? 2 : plan->has_cluster_tls,
                             .listeners = &listener,
                             .listener_count = 1,
                             .route_configs = &config,
                             .route_config_count = 1,
                             .clusters = clusters,
                             .cluster_count = count,
                             .endpoints = endpoints,
                             .endpoints_count = count};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_snapshot *snapshot = NULL;
  if (gw_wanted_freeze(&wanted, previous, &errors, &snapshot) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  return snapshot;
}

#endif
