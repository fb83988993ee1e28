#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "controlplane/policy/translate.h"

/* Whoever has no token may have a key: the filter behind asks for it. */
static bool passes_without_token(const struct gw_auth_policy *auth, const struct gw_route_auth *route) {
  return route->takes_api_key && auth->has_api_keys;
}

/* "main|partner", with "|missing" where an API key may stand instead; "any": of all providers. */
struct gw_str gw_policy_jwt_requirement(const struct gw_auth_policy *auth, const struct gw_route_auth *route, struct gw_arena *arena) {
  if (!route->is_required || !route->takes_jwt || auth->provider_count == 0) return (struct gw_str){NULL, 0};
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf name = {0};
  for (uint32_t i = 0; i < route->provider_count; i++)
    gw_strbuf_printf(&name, "%s%.*s", i > 0 ? "|" : "", GW_STR_ARG(auth->providers[route->providers[i]].name));
  if (route->provider_count == 0) gw_strbuf_append_str(&name, GW_STR("any"));
  if (passes_without_token(auth, route)) gw_strbuf_append_str(&name, GW_STR("|missing"));
  return gw_arena_copy(arena, gw_strbuf_str(&name));
}

static struct gw_jwt_requirement make_requirement(const struct gw_auth_policy *auth, const struct gw_route_auth *route,
                                                  struct gw_arena *arena) {
  uint32_t count = route->provider_count > 0 ? route->provider_count : auth->provider_count;
  struct gw_jwt_requirement *children = gw_arena_calloc(arena, count + 1u, sizeof(*children));
  for (uint32_t i = 0; i < count; i++)
    children[i] =
        (struct gw_jwt_requirement){.kind = GW_JWT_REQUIRES_PROVIDER, .provider = route->provider_count > 0 ? route->providers[i] : i};
  if (passes_without_token(auth, route)) children[count++].kind = GW_JWT_ALLOWS_MISSING;
  if (count == 1) return children[0];
  return (struct gw_jwt_requirement){.kind = GW_JWT_REQUIRES_ANY, .children = children, .child_count = count};
}

static int compare_requirements(const void *a, const void *b) {
  return gw_str_compare(((const struct gw_jwt_named_requirement *)a)->name, ((const struct gw_jwt_named_requirement *)b)->name);
}

const struct gw_jwt_authn *gw_policy_translate_jwt(const struct gw_policy_parts *parts, struct gw_arena *arena) {
  const struct gw_auth_policy *auth = &parts->auth;
  if (auth->provider_count == 0) return NULL;
  struct gw_jwt_authn *authn = gw_arena_calloc(arena, 1, sizeof(*authn));
  struct gw_jwt_named_requirement *named = gw_arena_calloc(arena, parts->routes.count, sizeof(*named));
  struct gw_map *seen = gw_map_new();
  for (uint32_t i = 0; i < parts->routes.count; i++) {
    const struct gw_route_auth *route = &parts->routes.items[i].auth;
    struct gw_str name = gw_policy_jwt_requirement(auth, route, arena);
    if (name.len == 0 || gw_map_put(seen, name, named) != NULL) continue;
    named[authn->requirement_count++] =
        (struct gw_jwt_named_requirement){.name = name, .requirement = make_requirement(auth, route, arena)};
  }
  gw_map_free(seen);
  qsort(named, authn->requirement_count, sizeof(*named), compare_requirements);
  authn->providers = auth->providers;
  authn->provider_count = auth->provider_count;
  authn->requirements = named;
  return authn;
}
