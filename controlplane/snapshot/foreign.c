#include "controlplane/snapshot/foreign.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "common/model/rbac.h"
#include "common/xds/codec.h"

#define NAMES_MAX 10u

/* A resource, and what stands in its place. */
struct derived {
  struct gw_resource *from;
  struct gw_resource *listener; /* that says how; NULL: it is one itself */
  struct gw_resource *to;
  struct gw_map *faults; /* of a route configuration: fault → count */
};

struct gw_foreign {
  struct derived *items;
  uint32_t count;
  struct gw_strbuf words;
};

struct gw_foreign *gw_foreign_new(void) {
  return gw_calloc(1, sizeof(struct gw_foreign));
}

static void derived_free(struct derived *items, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    gw_resource_unref(items[i].from);
    gw_resource_unref(items[i].listener);
    gw_resource_unref(items[i].to);
    gw_map_free(items[i].faults);
  }
  free(items);
}

void gw_foreign_free(struct gw_foreign *foreign) {
  if (foreign == NULL) return;
  derived_free(foreign->items, foreign->count);
  gw_strbuf_done(&foreign->words);
  free(foreign);
}

/* ---- what can't be enforced there ---- */

/* Filters that Envoy does not have. Without them the listener says the same of what is not closed. Envoy would leave out those that are
 * optional, but it can't print a configuration that holds a message it does not know, not even such a one. */
static bool is_ours(enum gw_filter_kind kind) {
  return kind == GW_FILTER_ACCESS || kind == GW_FILTER_API_KEY || kind == GW_FILTER_SHARED_LIMIT || kind == GW_FILTER_IDENTITY ||
         kind == GW_FILTER_LIMITS || kind == GW_FILTER_NODE_ENDPOINTS;
}

static const struct gw_jwt_authn *find_jwt(const struct gw_http_connection_manager *http) {
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == GW_FILTER_JWT_AUTHN) return http->filters[i].settings.jwt_authn;
  return NULL;
}

/* Symmetric keys stay out of listeners, and Envoy takes none by SDS; claims that must be there it can't ask for; and it refuses a listener
 * with a provider that has no keys. */
static const char *provider_fault(const struct gw_jwt_provider *provider) {
  if (provider->secret.len > 0) return "tokens with symmetric keys";
  if (provider->required_claim_count > 0) return "required claims";
  return gw_str_equal(provider->jwks, GW_STR(GW_JWT_NO_KEYS)) ? "tokens of an issuer whose keys are missing" : NULL;
}

static const char *requirement_fault(const struct gw_jwt_authn *authn, const struct gw_jwt_requirement *requirement) {
  if (requirement->kind == GW_JWT_REQUIRES_PROVIDER) return provider_fault(&authn->providers[requirement->provider]);
  const char *fault = NULL;
  for (uint32_t i = 0; i < requirement->child_count && fault == NULL; i++)
    fault = requirement_fault(authn, &requirement->children[i]);
  return fault;
}

static const char *jwt_fault(const struct gw_http_connection_manager *http, const struct gw_jwt_route *route) {
  const struct gw_jwt_authn *authn = find_jwt(http);
  if (authn == NULL || route->is_disabled) return NULL;
  for (uint32_t i = 0; i < authn->requirement_count; i++)
    if (gw_str_equal(authn->requirements[i].name, route->requirement)) return requirement_fault(authn, &authn->requirements[i].requirement);
  return NULL;
}

/* Limits of ours that all routes have. */
static bool has_common_limits(const struct gw_http_connection_manager *http) {
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == GW_FILTER_SHARED_LIMIT && http->filters[i].settings.shared_limit.count > 0) return true;
  return false;
}

const char *gw_foreign_route_fault(const struct gw_http_connection_manager *http, const struct gw_route *route) {
  const struct gw_route_filters *filters = route->filters;
  if (route->action == GW_ROUTE_FORWARD && has_common_limits(http)) return "rate limits of all routes";
  if (filters == NULL) return NULL;
  if (filters->access != NULL) return "address ranges";
  if (filters->api_key != NULL) return "API keys";
  if (filters->shared_limit != NULL) return "shared rate limits";
  if (gw_rbac_route_uses(filters->rbac, GW_RBAC_PARAMETER) || gw_rbac_route_uses(filters->rbac_deny, GW_RBAC_PARAMETER))
    return "path parameters that must be as a claim says";
  return filters->jwt != NULL ? jwt_fault(http, filters->jwt) : NULL;
}

/* ---- listeners ---- */

/* With the places that the providers it names have in `places`. */
static struct gw_jwt_requirement move_requirement(const struct gw_jwt_requirement *from, const uint32_t *places, struct gw_arena *arena) {
  struct gw_jwt_requirement to = *from;
  struct gw_jwt_requirement *children = gw_arena_calloc(arena, from->child_count, sizeof(*children));
  if (to.kind == GW_JWT_REQUIRES_PROVIDER) to.provider = places[from->provider];
  for (uint32_t i = 0; i < from->child_count; i++)
    children[i] = move_requirement(&from->children[i], places, arena);
  to.children = children;
  return to;
}

/* Only what Envoy can do; routes that need the rest are closed. NULL: nothing is left. */
static const struct gw_jwt_authn *plain_jwt(const struct gw_jwt_authn *from, struct gw_arena *arena) {
  struct gw_jwt_authn *authn = gw_arena_calloc(arena, 1, sizeof(*authn));
  struct gw_jwt_provider *providers = gw_arena_calloc(arena, from->provider_count, sizeof(*providers));
  struct gw_jwt_named_requirement *requirements = gw_arena_calloc(arena, from->requirement_count, sizeof(*requirements));
  uint32_t *places = gw_arena_calloc(arena, from->provider_count, sizeof(*places));
  *authn =
      (struct gw_jwt_authn){.providers = providers, .requirements = requirements, .passes_cors_preflight = from->passes_cors_preflight};
  for (uint32_t i = 0; i < from->provider_count; i++) {
    if (provider_fault(&from->providers[i]) != NULL) continue;
    places[i] = authn->provider_count;
    providers[authn->provider_count] = from->providers[i];
    providers[authn->provider_count++].claims = (struct gw_jwt_claim_paths)GW_JWT_DEFAULT_CLAIMS;
  }
  for (uint32_t i = 0; i < from->requirement_count; i++) {
    if (requirement_fault(from, &from->requirements[i].requirement) != NULL) continue;
    requirements[authn->requirement_count++] =
        (struct gw_jwt_named_requirement){.name = from->requirements[i].name,
                                          .requirement = move_requirement(&from->requirements[i].requirement, places, arena)};
  }
  return authn->provider_count > 0 ? authn : NULL;
}

static struct gw_resource *derive_listener(const struct gw_resource *from) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_listener listener = *from->listener;
  struct gw_http_connection_manager *http = &listener.http;
  struct gw_http_filter *filters = gw_arena_calloc(&arena, http->filter_count, sizeof(*filters));
  uint32_t count = 0;
  for (uint32_t i = 0; i < http->filter_count; i++) {
    if (is_ours(http->filters[i].kind)) continue;
    filters[count] = http->filters[i];
    if (filters[count].kind == GW_FILTER_JWT_AUTHN) {
      filters[count].settings.jwt_authn = plain_jwt(filters[count].settings.jwt_authn, &arena);
      if (filters[count].settings.jwt_authn == NULL) continue;
    }
    count++;
  }
  http->filters = filters;
  http->filter_count = count;
  http->trusted_cidr_count = 0;
  struct gw_resource *to = gw_xds_encode_listener(&listener);
  gw_arena_done(&arena);
  return to;
}

static bool differs(const struct gw_listener *listener) {
  bool is_other = listener->http.trusted_cidr_count > 0;
  for (uint32_t i = 0; i < listener->http.filter_count && !listener->is_api_only; i++)
    is_other = is_other || is_ours(listener->http.filters[i].kind) || listener->http.filters[i].kind == GW_FILTER_JWT_AUTHN;
  return is_other;
}

/* ---- routes ---- */

struct routes {
  struct gw_arena arena;
  const struct gw_http_connection_manager *http;
  const struct gw_str *reserved; /* fields of the identity, which the service might believe */
  uint32_t reserved_count;
  struct gw_map *faults;
  bool is_changed;
};

static void count_fault(struct gw_map *faults, const char *fault) {
  size_t count = (size_t)gw_map_find(faults, gw_str_from(fault));
  gw_map_put(faults, gw_str_from(fault), (void *)(count + 1));
}

static void close_route(struct routes *routes, struct gw_route *route, const char *fault) {
  count_fault(routes->faults, fault);
  const char *body =
      gw_arena_printf(&routes->arena, "{\"error\": 501, \"message\": \"this node can't enforce what the route needs: %s\"}", fault);
  route->action = GW_ROUTE_DIRECT_RESPONSE;
  route->direct = (struct gw_route_direct_response){.status = 501, .body = gw_str_from(body)};
  route->filters = NULL;
  route->request_headers = NULL;
}

/* Nobody there sets these fields, so nobody may. */
static const struct gw_header_changes *remove_reserved(struct routes *routes, const struct gw_header_changes *from) {
  struct gw_header_changes *to = gw_arena_calloc(&routes->arena, 1, sizeof(*to));
  uint32_t own = from != NULL ? from->remove_count : 0;
  struct gw_str *remove = gw_arena_calloc(&routes->arena, own + routes->reserved_count, sizeof(*remove));
  if (from != NULL) *to = *from;
  for (uint32_t i = 0; i < own; i++)
    remove[i] = from->remove[i];
  for (uint32_t i = 0; i < routes->reserved_count; i++)
    remove[own + i] = routes->reserved[i];
  to->remove = remove;
  to->remove_count = own + routes->reserved_count;
  return to;
}

/* Stock Envoy logs by the listener's filters alone. */
static const struct gw_route_filters *without_access_log(struct routes *routes, const struct gw_route_filters *from) {
  if (from == NULL || from->access_log == NULL) return from;
  struct gw_route_filters *to = gw_arena_alloc(&routes->arena, sizeof(*to));
  *to = *from;
  to->access_log = NULL;
  routes->is_changed = true;
  return to;
}

static void derive_route(struct routes *routes, struct gw_route *route, const struct gw_header_changes *plain) {
  const char *fault = gw_foreign_route_fault(routes->http, route);
  routes->is_changed = routes->is_changed || route->has_body_limit;
  route->has_body_limit = false;
  route->filters = without_access_log(routes, route->filters);
  if (fault != NULL) {
    close_route(routes, route, fault);
    routes->is_changed = true;
  } else if (route->action == GW_ROUTE_FORWARD && routes->reserved_count > 0) {
    route->request_headers = route->request_headers == NULL ? plain : remove_reserved(routes, route->request_headers);
    routes->is_changed = true;
  }
}

/* Not those of path parameters, which have no names that could be listed. */
static void list_reserved(struct routes *routes) {
  struct gw_str *names = gw_arena_calloc(&routes->arena, NAMES_MAX, sizeof(*names));
  for (uint32_t i = 0; i < routes->http->filter_count; i++) {
    if (routes->http->filters[i].kind != GW_FILTER_IDENTITY) continue;
    const struct gw_forwarded_identity *identity = routes->http->filters[i].settings.forwarded_identity;
    const struct gw_str all[] = {identity->user_id,  identity->user_name, identity->roles,          identity->permissions, identity->method,
                                 identity->trace_id, identity->span_id,   identity->client_address, identity->route};
    for (size_t k = 0; k < GW_ARRAY_LEN(all); k++)
      if (all[k].len > 0) names[routes->reserved_count++] = all[k];
    break;
  }
  routes->reserved = names;
}

static struct gw_resource *derive_routes(const struct gw_resource *from, const struct gw_resource *listener, struct gw_map *faults) {
  struct routes routes = {.http = &listener->listener->http, .faults = faults};
  gw_arena_init(&routes.arena, 65536);
  list_reserved(&routes);
  struct gw_route_config config = *from->route_config;
  struct gw_virtual_host *hosts = gw_arena_calloc(&routes.arena, config.virtual_host_count, sizeof(*hosts));
  const struct gw_header_changes *plain = remove_reserved(&routes, NULL);
  for (uint32_t h = 0; h < config.virtual_host_count; h++) {
    hosts[h] = config.virtual_hosts[h];
    struct gw_route *all = gw_arena_calloc(&routes.arena, hosts[h].route_count, sizeof(*all));
    for (uint32_t i = 0; i < hosts[h].route_count; i++) {
      all[i] = hosts[h].routes[i];
      derive_route(&routes, &all[i], plain);
    }
    hosts[h].routes = all;
  }
  config.virtual_hosts = hosts;
  struct gw_resource *to = NULL;
  if (routes.is_changed) to = gw_xds_encode_route_config(&config);
  gw_arena_done(&routes.arena);
  return to != NULL ? to : gw_resource_ref((struct gw_resource *)(uintptr_t)from);
}

/* ---- the whole ---- */

/* The first that serves them: ours have all the same filters. */
static struct gw_resource *find_listener(const struct gw_snapshot *snapshot, struct gw_str route_config) {
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_listener *listener = listeners->items[i]->listener;
    if (!listener->is_api_only && gw_str_equal(listener->http.route_config_name, route_config)) return listeners->items[i];
  }
  return NULL;
}

static struct derived *find_derived(struct gw_foreign *foreign, const struct gw_resource *from, const struct gw_resource *listener) {
  for (uint32_t i = 0; i < foreign->count; i++)
    if (foreign->items[i].from == from && foreign->items[i].listener == listener) return &foreign->items[i];
  return NULL;
}

static struct derived derive(struct gw_foreign *foreign, struct gw_resource *from, struct gw_resource *listener) {
  struct derived *known = find_derived(foreign, from, listener);
  if (known != NULL) {
    struct derived moved = *known;
    *known = (struct derived){0};
    return moved;
  }
  struct derived fresh = {.from = gw_resource_ref(from)};
  if (listener != NULL) {
    fresh.listener = gw_resource_ref(listener);
    fresh.faults = gw_map_new();
  }
  fresh.to = listener != NULL ? derive_routes(from, listener, fresh.faults) : derive_listener(from);
  return fresh;
}

static void count_words(struct gw_foreign *foreign) {
  gw_strbuf_clear(&foreign->words);
  for (uint32_t i = 0; i < foreign->count; i++) {
    struct gw_str fault;
    void *count;
    for (size_t cursor = 0; foreign->items[i].faults != NULL && gw_map_next(foreign->items[i].faults, &cursor, &fault, &count);) {
      bool is_one = (size_t)count == 1;
      gw_strbuf_printf(&foreign->words, "%s%zu route%s 501 here: only our data planes enforce %.*s", foreign->words.len > 0 ? "\n" : "",
                       (size_t)count, is_one ? " answers" : "s answer", GW_STR_ARG(fault));
    }
  }
}

struct gw_snapshot *gw_foreign_make(struct gw_foreign *foreign, const struct gw_snapshot *snapshot) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  uint32_t room = snapshot->lists[GW_RESOURCE_LISTENER].count + snapshot->lists[GW_RESOURCE_ROUTE_CONFIG].count, count = 0;
  struct derived *items = gw_calloc(room + 1u, sizeof(*items));
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    for (uint32_t i = 0; type != GW_RESOURCE_API_KEY && i < snapshot->lists[type].count; i++) {
      struct gw_resource *resource = snapshot->lists[type].items[i];
      struct gw_resource *listener = type == GW_RESOURCE_ROUTE_CONFIG ? find_listener(snapshot, resource->name) : NULL;
      bool is_derived = listener != NULL || (type == GW_RESOURCE_LISTENER && differs(resource->listener));
      if (is_derived) {
        items[count] = derive(foreign, resource, listener);
        resource = items[count++].to;
      }
      gw_snapshot_builder_add(builder, gw_resource_ref(resource));
    }
  }
  derived_free(foreign->items, foreign->count);
  foreign->items = items;
  foreign->count = count;
  count_words(foreign);
  return gw_snapshot_builder_freeze(builder);
}

struct gw_str gw_foreign_words(const struct gw_foreign *foreign) {
  return gw_strbuf_str(&foreign->words);
}
