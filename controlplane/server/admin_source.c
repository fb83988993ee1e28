#include "controlplane/server/admin_source.h"

#include "common/base/map.h"
#include "common/base/mem.h"

/* Where one wire route stands, by the name of the operator's route that it was made from. */
struct wire_route {
  const struct gw_virtual_host *host;
  const struct gw_route *route;
};

/* A route that forwards wins over the direct responses of the same name (405 for other methods). */
static void index_route(struct gw_map *by_name, struct wire_route *at) {
  struct wire_route *before = gw_map_find(by_name, at->route->name);
  bool is_better = before == NULL || (before->route->action != GW_ROUTE_FORWARD && at->route->action == GW_ROUTE_FORWARD);
  if (is_better) gw_map_put(by_name, at->route->name, at);
}

static struct gw_map *index_wire_routes(const struct gw_policy *policy, struct gw_arena *arena) {
  struct gw_map *by_name = gw_map_new();
  for (uint32_t c = 0; c < policy->route_config_count; c++) {
    const struct gw_route_config *config = &policy->route_configs[c];
    for (uint32_t h = 0; h < config->virtual_host_count; h++) {
      const struct gw_virtual_host *host = &config->virtual_hosts[h];
      struct wire_route *places = gw_arena_calloc(arena, host->route_count, sizeof(*places));
      for (uint32_t r = 0; r < host->route_count; r++) {
        places[r] = (struct wire_route){.host = host, .route = &host->routes[r]};
        index_route(by_name, &places[r]);
      }
    }
  }
  return by_name;
}

static uint32_t get_routes(void *arg, struct gw_arena *arena, const struct gw_admin_route **ret_routes) {
  const struct gw_policy *policy = gw_files_policy(arg);
  if (policy == NULL) return 0;
  struct gw_admin_route *routes = gw_arena_calloc(arena, policy->route_count, sizeof(*routes));
  struct gw_map *by_name = index_wire_routes(policy, arena);
  for (uint32_t i = 0; i < policy->route_count; i++) {
    const struct gw_policy_route *from = &policy->routes[i];
    routes[i] = (struct gw_admin_route){.name = from->name,
                                        .path = from->path,
                                        .methods = from->methods,
                                        .method_count = from->method_count,
                                        .service = from->service};
    const struct wire_route *wire = gw_map_find(by_name, from->name);
    if (wire == NULL) continue;
    routes[i].hosts = wire->host->domains;
    routes[i].host_count = wire->host->domain_count;
    if (wire->route->action == GW_ROUTE_FORWARD) {
      routes[i].timeout_ms = wire->route->forward.timeout_ms;
    } else {
      routes[i].direct_status = wire->route->direct.status;
      routes[i].direct_message = wire->route->direct.body;
    }
  }
  gw_map_free(by_name);
  *ret_routes = routes;
  return policy->route_count;
}

static const struct gw_errors *get_mistakes(void *arg) {
  return gw_files_mistakes(arg);
}

struct gw_admin_source gw_admin_source_of(struct gw_files *files) {
  return (struct gw_admin_source){.arg = files, .get_mistakes = get_mistakes, .get_routes = get_routes};
}
