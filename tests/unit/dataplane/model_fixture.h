/* Why: snapshots for unit tests of the data plane, written as C values instead of by a control plane.
 * Life: what is made here belongs to the resources; snapshots are the caller's.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_MODEL_FIXTURE_H
#define GW_TESTS_UNIT_DATAPLANE_MODEL_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/snapshot.h"

static inline struct gw_resource *fixture_resource(enum gw_resource_type type, const char *name, unsigned version) {
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = gw_str_from(gw_arena_strdup(&resource->arena, name));
  snprintf(resource->version, sizeof(resource->version), "%016x", version);
  resource->any = gw_bytes_new("", 0);
  return resource;
}

struct fixture_endpoint {
  const char *address;
  uint16_t port;
  uint32_t weight;
  uint32_t priority;
  bool is_unhealthy;
};

static inline struct gw_endpoints *fixture_endpoints(struct gw_arena *arena, const struct fixture_endpoint *items, uint32_t count) {
  struct gw_endpoints *endpoints = gw_arena_calloc(arena, 1, sizeof(*endpoints));
  struct gw_endpoint *out = gw_arena_calloc(arena, count, sizeof(*out));
  for (uint32_t i = 0; i < count; i++) {
    out[i] = (struct gw_endpoint){.address = gw_str_from(gw_arena_strdup(arena, items[i].address)),
                                  .port = items[i].port,
                                  .weight = items[i].weight > 0 ? items[i].weight : 1,
                                  .priority = items[i].priority,
                                  .is_unhealthy = items[i].is_unhealthy};
  }
  endpoints->items = out;
  endpoints->count = count;
  return endpoints;
}

static inline struct gw_resource *fixture_cluster(const char *name, unsigned version, enum gw_cluster_kind kind,
                                                  const struct fixture_endpoint *items, uint32_t count) {
  struct gw_resource *resource = fixture_resource(GW_RESOURCE_CLUSTER, name, version);
  struct gw_cluster *cluster = gw_arena_calloc(&resource->arena, 1, sizeof(*cluster));
  cluster->name = cluster->eds_service_name = resource->name;
  cluster->kind = kind;
  cluster->connect_timeout_ms = 1000;
  cluster->dns_refresh_ms = 5000;
  cluster->upstream_idle_timeout_ms = 60000;
  cluster->retry_budget = (struct gw_retry_budget_limits){GW_RETRY_BUDGET_PERCENT, GW_RETRY_BUDGET_MIN};
  if (kind != GW_CLUSTER_EDS) cluster->inline_endpoints = fixture_endpoints(&resource->arena, items, count);
  resource->cluster = cluster;
  return resource;
}

static inline struct gw_resource *fixture_assignment(const char *name, unsigned version, const struct fixture_endpoint *items,
                                                     uint32_t count) {
  struct gw_resource *resource = fixture_resource(GW_RESOURCE_ENDPOINTS, name, version);
  struct gw_endpoints *endpoints = fixture_endpoints(&resource->arena, items, count);
  endpoints->cluster_name = resource->name;
  resource->endpoints = endpoints;
  return resource;
}

/* A route by prefix; `cluster` NULL: a direct response. */
struct fixture_route {
  const char *prefix;
  const char *cluster;
  uint64_t timeout_ms;
  uint64_t idle_timeout_ms;
  const char *prefix_rewrite;
  uint32_t status;
  const char *body;
  const struct gw_retry_policy *retry;
  uint64_t max_duration_ms;
  bool tells_attempt_count;
  const struct gw_route_filters *filters;
};

static inline struct gw_resource *fixture_routes(const char *name, unsigned version, const struct fixture_route *items, uint32_t count) {
  struct gw_resource *resource = fixture_resource(GW_RESOURCE_ROUTE_CONFIG, name, version);
  struct gw_arena *arena = &resource->arena;
  struct gw_route_config *config = gw_arena_calloc(arena, 1, sizeof(*config));
  struct gw_virtual_host *host = gw_arena_calloc(arena, 1, sizeof(*host));
  struct gw_str *domains = gw_arena_calloc(arena, 1, sizeof(*domains));
  struct gw_route *routes = gw_arena_calloc(arena, count, sizeof(*routes));
  domains[0] = GW_STR("*");
  for (uint32_t i = 0; i < count; i++) {
    struct gw_str prefix = gw_str_from(gw_arena_strdup(arena, items[i].prefix));
    routes[i].name = gw_str_from(gw_arena_printf(arena, "route:%s", items[i].prefix));
    routes[i].index = i;
    routes[i].match.kind = GW_PATH_MATCH_PREFIX;
    routes[i].match.path = prefix;
    routes[i].filters = items[i].filters;
    if (items[i].cluster == NULL) {
      routes[i].action = GW_ROUTE_DIRECT_RESPONSE;
      routes[i].direct.status = items[i].status;
      routes[i].direct.body = gw_str_from(items[i].body);
      continue;
    }
    routes[i].action = GW_ROUTE_FORWARD;
    routes[i].forward.cluster = gw_str_from(gw_arena_strdup(arena, items[i].cluster));
    routes[i].forward.timeout_ms = items[i].timeout_ms;
    routes[i].forward.has_idle_timeout = items[i].idle_timeout_ms != 0;
    routes[i].forward.idle_timeout_ms = items[i].idle_timeout_ms;
    routes[i].forward.prefix_rewrite = gw_str_from(items[i].prefix_rewrite);
    routes[i].forward.retry = items[i].retry;
    routes[i].forward.max_duration_ms = items[i].max_duration_ms;
    routes[i].forward.tells_attempt_count = items[i].tells_attempt_count;
  }
  *host = (struct gw_virtual_host){.name = GW_STR("all"), .domains = domains, .domain_count = 1, .routes = routes, .route_count = count};
  *config = (struct gw_route_config){.name = resource->name, .virtual_hosts = host, .virtual_host_count = 1, .route_count = count};
  resource->route_config = config;
  return resource;
}

static inline struct gw_http2_options fixture_http2(void) {
  return (struct gw_http2_options){.hpack_table_size = 4096,
                                   .max_concurrent_streams = 100,
                                   .initial_stream_window = 65535,
                                   .initial_connection_window = 1024 * 1024,
                                   .allows_connect = true,
                                   .max_outbound_control_frames = 1000,
                                   .max_consecutive_empty_frames = 1,
                                   .max_priority_frames = 100,
                                   .max_window_updates = 10};
}

/* Those of fixture_listener's limits filter, for a change. */
static inline struct gw_limits *fixture_limits(struct gw_http_connection_manager *http) {
  return (struct gw_limits *)(uintptr_t)&http->filters[1].settings.limits;
}

/* Listens on 127.0.0.1 port 0 with node endpoints, limits (none) and the router; `http` may be changed before use. */
static inline struct gw_resource *fixture_listener(const char *name, unsigned version, const char *route_config,
                                                   struct gw_http_connection_manager **ret_http) {
  struct gw_resource *resource = fixture_resource(GW_RESOURCE_LISTENER, name, version);
  struct gw_arena *arena = &resource->arena;
  struct gw_listener *listener = gw_arena_calloc(arena, 1, sizeof(*listener));
  struct gw_http_filter *filters = gw_arena_calloc(arena, 3, sizeof(*filters));
  filters[0] = (struct gw_http_filter){.name = GW_STR("node_endpoints"), .kind = GW_FILTER_NODE_ENDPOINTS};
  filters[0].settings.node_endpoints = (struct gw_node_endpoints){.has_health = true, .has_ready = true, .has_metrics = true};
  filters[1] = (struct gw_http_filter){.name = GW_STR("limits"), .kind = GW_FILTER_LIMITS};
  filters[2] = (struct gw_http_filter){.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  listener->name = resource->name;
  listener->address = GW_STR("127.0.0.1");
  listener->http = (struct gw_http_connection_manager){
      .route_config_name = gw_str_from(gw_arena_strdup(arena, route_config)),
      .filters = filters,
      .filter_count = 3,
      .normalize_path = true,
      .merge_slashes = true,
      .escaped_slashes = GW_ESCAPED_SLASHES_REJECT,
      .underscores = GW_UNDERSCORES_DROP,
      .use_remote_address = true,
      .generate_request_id = true,
      .always_set_request_id_in_response = true,
      .max_request_headers_kb = 60,
      .max_headers_count = 100,
      .idle_timeout_ms = 3600000,
      .stream_idle_timeout_ms = 300000,
      .request_headers_timeout_ms = 10000,
      .http2 = fixture_http2(),
      .has_websocket = true,
  };
  resource->listener = listener;
  if (ret_http != NULL) *ret_http = &listener->http;
  return resource;
}

/* Takes over the resources; NULL ends the list. */
static inline struct gw_snapshot *fixture_snapshot(struct gw_resource *const *resources) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (; *resources != NULL; resources++)
    gw_snapshot_builder_add(builder, *resources);
  return gw_snapshot_builder_freeze(builder);
}

#endif
