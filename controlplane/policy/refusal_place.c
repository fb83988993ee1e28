#include "controlplane/policy/refusal_place.h"

#include "controlplane/policy/translate.h"

/* The number behind `word` in the text, as in "routes[3]". */
static bool read_index(struct gw_str *text, struct gw_str word, uint32_t *ret_index) {
  const char *at = memmem(text->data, text->len, word.data, word.len);
  if (at == NULL) return false;
  struct gw_str rest = {at + word.len, (size_t)(text->data + text->len - at) - word.len}, digits;
  uint64_t number;
  if (!gw_str_split_next(&rest, ']', &digits) || gw_str_parse_u64(digits, &number) != GW_OK || number > UINT32_MAX) return false;
  *ret_index = (uint32_t)number;
  *text = rest;
  return true;
}

/* The routes that a node has; those of redirecting listeners are nobody's text. NULL: none. */
static const struct gw_route_config *config_of(const struct gw_policy *policy, struct gw_str cluster) {
  for (uint32_t i = 0; i < policy->group_count; i++)
    if (gw_str_equal(policy->groups[i].name, cluster)) return &policy->groups[i].route_configs[0];
  return policy->route_config_count > 0 ? &policy->route_configs[0] : NULL;
}

/* Of the route that a field path leads to; empty: it leads nowhere. */
static struct gw_str follow_path(const struct gw_route_config *config, struct gw_str text) {
  uint32_t host, route;
  const struct gw_str nobody = {NULL, 0};
  if (!read_index(&text, GW_STR("virtual_hosts["), &host) || !read_index(&text, GW_STR("routes["), &route)) return nobody;
  if (config == NULL || host >= config->virtual_host_count || route >= config->virtual_hosts[host].route_count) return nobody;
  return config->virtual_hosts[host].routes[route].name;
}

static const char *find_route(const struct gw_policy *policy, const struct gw_refusal *refusal, const char *file, struct gw_arena *arena) {
  struct gw_str text = refusal->text, name = follow_path(config_of(policy, refusal->cluster), text);
  const struct gw_policy_route *found = NULL;
  for (uint32_t i = 0; i < policy->route_count; i++) {
    const struct gw_policy_route *route = &policy->routes[i];
    if (name.len > 0 ? gw_str_equal(route->name, name)
                     : gw_str_has_name(text, route->name) && (found == NULL || route->name.len > found->name.len))
      found = route;
  }
  return found != NULL ? gw_arena_printf(arena, "%s:%u:%u", file, found->line, found->column) : NULL;
}

static const char *find_service(const struct gw_policy *policy, struct gw_str text, const char *file, struct gw_arena *arena) {
  const struct gw_service_list *services = &policy->parts->services;
  const struct gw_service_entry *found = NULL;
  for (uint32_t i = 0; i < services->count; i++)
    if (gw_str_has_name(text, services->items[i].name) && (found == NULL || services->items[i].name.len > found->name.len))
      found = &services->items[i];
  return found != NULL ? gw_yaml_place(file, found->key, arena) : NULL;
}

static const char *find_listener(const struct gw_policy *policy, struct gw_str text, const char *file, struct gw_arena *arena) {
  const struct gw_listener_list *listeners = &policy->parts->listeners;
  const struct gw_listener_entry *found = NULL;
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_listener_entry *listener = &listeners->items[i];
    bool is_written = listener->node != NULL;
    if (is_written && gw_str_has_name(text, listener->name) && (found == NULL || listener->name.len > found->name.len)) found = listener;
  }
  return found != NULL ? gw_yaml_place(file, found->node, arena) : NULL;
}

const char *gw_refusal_place_find(const struct gw_policy *policy, const struct gw_refusal *refusal, const char *routes_file,
                                  const char *services_file, struct gw_arena *arena) {
  switch (refusal->what) {
  case GW_REFUSED_SERVICE: return find_service(policy, refusal->text, services_file, arena);
  case GW_REFUSED_LISTENER: return find_listener(policy, refusal->text, routes_file, arena);
  case GW_REFUSED_ROUTE: return find_route(policy, refusal, routes_file, arena);
  }
  return NULL;
}
