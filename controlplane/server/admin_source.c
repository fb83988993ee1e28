#include "controlplane/server/admin_source.h"

static void add_answer(const struct gw_route *route, struct gw_admin_route *out) {
  switch (route->action) {
  case GW_ROUTE_FORWARD: out->timeout_ms = route->forward.timeout_ms; break;
  case GW_ROUTE_REDIRECT: out->direct_status = route->redirect->status; break;
  case GW_ROUTE_DIRECT_RESPONSE:
    out->direct_status = route->direct.status;
    out->direct_message = route->direct.body;
    break;
  }
}

static uint32_t get_routes(void *arg, struct gw_arena *arena, const struct gw_admin_route **ret_routes) {
  static const struct gw_str any_host = {"*", 1};
  const struct gw_policy *policy = gw_files_policy(arg);
  if (policy == NULL) return 0;
  struct gw_admin_route *routes = gw_arena_calloc(arena, policy->route_count, sizeof(*routes));
  for (uint32_t i = 0; i < policy->route_count; i++) {
    const struct gw_policy_route *from = &policy->routes[i];
    routes[i] = (struct gw_admin_route){.name = from->name,
                                        .hosts = from->host_count > 0 ? from->hosts : &any_host,
                                        .host_count = from->host_count > 0 ? from->host_count : 1,
                                        .path = from->path,
                                        .methods = from->methods,
                                        .method_count = from->method_count,
                                        .service = from->service,
                                        .conditions = from->conditions,
                                        .changes = from->changes,
                                        .node_groups = from->groups,
                                        .node_group_count = from->group_count};
    add_answer(from->route, &routes[i]);
  }
  *ret_routes = routes;
  return policy->route_count;
}

static const struct gw_errors *get_mistakes(void *arg) {
  return gw_files_mistakes(arg);
}

struct gw_admin_source gw_admin_source_of(struct gw_files *files) {
  return (struct gw_admin_source){.arg = files, .get_mistakes = get_mistakes, .get_routes = get_routes};
}

static enum gw_admin_service_state state_of(enum gw_guard_state state) {
  switch (state) {
  case GW_GUARD_WAITING: return GW_ADMIN_SERVICE_WAITING;
  case GW_GUARD_LIVE: return GW_ADMIN_SERVICE_LIVE;
  case GW_GUARD_AWAY: return GW_ADMIN_SERVICE_AWAY;
  case GW_GUARD_HELD: return GW_ADMIN_SERVICE_HELD;
  }
  return GW_ADMIN_SERVICE_WAITING;
}

static bool find_service(void *arg, struct gw_str name, struct gw_admin_service *ret_service) {
  const struct gw_guard_service *known = gw_guard_find(gw_discovery_guard(arg), name);
  if (known == NULL) return false;
  *ret_service = (struct gw_admin_service){.name = known->service,
                                           .source = known->source,
                                           .state = state_of(known->state),
                                           .since_us = known->since_us,
                                           .known_us = known->known_us,
                                           .said_count = known->said_count,
                                           .problem = known->words};
  return true;
}

/* What is served is as it was told when this has returned. */
static enum gw_err release_service(void *arg, struct gw_str name) {
  return gw_guard_release(gw_discovery_guard(arg), name);
}

struct gw_admin_services gw_admin_services_of(struct gw_discovery *discovery) {
  return (struct gw_admin_services){.arg = discovery, .find = find_service, .release = release_service};
}
