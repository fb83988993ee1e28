#include "controlplane/snapshot/api_listener.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/codec.h"

#define ROUTES_PREFIX GW_STR("service/")

struct gw_api_listeners {
  struct gw_map *listeners;     /* cluster → resource */
  struct gw_map *route_configs; /* cluster → resource */
};

struct gw_api_listeners *gw_api_listeners_new(void) {
  struct gw_api_listeners *listeners = gw_calloc(1, sizeof *listeners);
  listeners->listeners = gw_map_new();
  listeners->route_configs = gw_map_new();
  return listeners;
}

static void free_resources(struct gw_map *map) {
  size_t cursor = 0;
  struct gw_str name;
  void *resource;
  while (gw_map_next(map, &cursor, &name, &resource))
    gw_resource_unref(resource);
  gw_map_free(map);
}

void gw_api_listeners_free(struct gw_api_listeners *listeners) {
  if (listeners == NULL) return;
  free_resources(listeners->listeners);
  free_resources(listeners->route_configs);
  free(listeners);
}

static struct gw_resource *make_listener(struct gw_str cluster) {
  struct gw_arena arena;
  gw_arena_init(&arena, 512);
  struct gw_http_filter router = {.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER};
  struct gw_str routes = gw_str_from(gw_arena_printf(&arena, "service/%.*s", GW_STR_ARG(cluster)));
  struct gw_listener listener = {
      .name = cluster,
      .is_api_only = true,
      .http = {.stat_prefix = cluster,
               .route_config_name = routes,
               .filters = &router,
               .filter_count = 1,
               .max_request_headers_kb = 60, /* Envoy's defaults: 0 would be refused by who checks */
               .max_headers_count = 100},
  };
  struct gw_resource *resource = gw_xds_encode_listener(&listener);
  gw_arena_done(&arena);
  return resource;
}

static struct gw_resource *make_route_config(struct gw_str cluster) {
  struct gw_arena arena;
  gw_arena_init(&arena, 512);
  struct gw_str any_domain = GW_STR("*");
  struct gw_route route = {.name = cluster,
                           .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("")},
                           .action = GW_ROUTE_FORWARD,
                           .forward = {.cluster = cluster}};
  struct gw_virtual_host host = {.name = cluster, .domains = &any_domain, .domain_count = 1, .routes = &route, .route_count = 1};
  struct gw_route_config config = {.name = gw_str_from(gw_arena_printf(&arena, "service/%.*s", GW_STR_ARG(cluster))),
                                   .virtual_hosts = &host,
                                   .virtual_host_count = 1,
                                   .route_count = 1};
  struct gw_resource *resource = gw_xds_encode_route_config(&config);
  gw_arena_done(&arena);
  return resource;
}

struct gw_resource *gw_api_listeners_find(struct gw_api_listeners *listeners, const struct gw_snapshot *snapshot,
                                          enum gw_resource_type type, struct gw_str name) {
  bool is_listener = type == GW_RESOURCE_LISTENER;
  if (!is_listener && (type != GW_RESOURCE_ROUTE_CONFIG || !gw_str_has_prefix(name, ROUTES_PREFIX))) return NULL;
  struct gw_str cluster = is_listener ? name : gw_str_skip(name, ROUTES_PREFIX.len);
  if (gw_snapshot_find(snapshot, GW_RESOURCE_CLUSTER, cluster) == NULL) return NULL;
  struct gw_map *map = is_listener ? listeners->listeners : listeners->route_configs;
  struct gw_resource *resource = gw_map_find(map, cluster);
  if (resource != NULL) return resource;
  resource = is_listener ? make_listener(cluster) : make_route_config(cluster);
  gw_map_put(map, cluster, resource);
  return resource;
}

static void trim(struct gw_map **map, const struct gw_snapshot *snapshot) {
  struct gw_map *kept = gw_map_new();
  size_t cursor = 0;
  struct gw_str cluster;
  void *resource;
  while (gw_map_next(*map, &cursor, &cluster, &resource)) {
    if (gw_snapshot_find(snapshot, GW_RESOURCE_CLUSTER, cluster) != NULL)
      gw_map_put(kept, cluster, resource);
    else
      gw_resource_unref(resource);
  }
  gw_map_free(*map);
  *map = kept;
}

void gw_api_listeners_trim(struct gw_api_listeners *listeners, const struct gw_snapshot *snapshot) {
  trim(&listeners->listeners, snapshot);
  trim(&listeners->route_configs, snapshot);
}
