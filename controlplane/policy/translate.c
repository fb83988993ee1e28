#include "controlplane/policy/translate.h"

#include "common/base/map.h"
#include "common/model/api_key_auth.h"
#include "controlplane/policy/translate_access.h"
#include "controlplane/policy/translate_access_log.h"
#include "controlplane/policy/translate_limits.h"
#include "controlplane/policy/translate_methods.h"
#include "controlplane/policy/translate_routes.h"

/* The form of all local replies; a data plane adds the request's id. */
#define NO_AUTHENTICATION "{\"error\": 501, \"message\": \"no way to authenticate is configured\"}"
#define OTHER_METHOD "{\"error\": 405, \"message\": \"this path does not have this method\"}"
#define OTHER_REQUEST "{\"error\": 404, \"message\": \"no route of this path is for this request\"}"

struct translation {
  struct gw_arena *arena;
  const struct gw_settings *settings;
  const struct gw_auth_policy *auth;
  const struct gw_access_rules_of_file *access;
  struct gw_map *filters;              /* what is asked of tokens and access → struct gw_route_filters, shared by routes */
  const struct gw_retry_policy *retry; /* of the virtual host: what routes have that say nothing */
  bool has_retries;                    /* a route has */
  struct gw_method_sets sets;
  struct gw_strbuf words; /* for strings in the making */
  const struct gw_common_limits *limits;
  struct gw_route *routes;
  uint32_t count;
};

/* a, then b. */
static struct gw_str join(struct gw_arena *arena, struct gw_str a, struct gw_str b) {
  char *bytes = gw_arena_alloc_bytes(arena, a.len + b.len + 1);
  if (a.len > 0) memcpy(bytes, a.data, a.len);
  if (b.len > 0) memcpy(bytes + a.len, b.data, b.len);
  bytes[a.len + b.len] = '\0';
  return (struct gw_str){bytes, a.len + b.len};
}

static void set_direct(struct gw_route *route, uint32_t status, struct gw_str body) {
  route->action = GW_ROUTE_DIRECT_RESPONSE;
  route->direct = (struct gw_route_direct_response){.status = status, .body = body};
}

static struct gw_route *add_route(struct translation *t, const struct gw_route_match *path) {
  struct gw_route *route = &t->routes[t->count];
  *route = (struct gw_route){.index = t->count++, .match = *path};
  return route;
}

/* "GET,HEAD shop.example.com/cart [header x-canary]" */
static struct gw_str name_route(struct translation *t, const struct gw_route_entry *entry, struct gw_str methods) {
  if (entry->name.len > 0) return entry->name;
  bool is_plain = methods.len == 0 && entry->host.len == 0 && entry->conditions.count == 0;
  if (is_plain) return entry->path.text;
  gw_strbuf_clear(&t->words);
  gw_strbuf_append_str(&t->words, methods);
  if (methods.len > 0) gw_strbuf_append_char(&t->words, ' ');
  gw_strbuf_append_str(&t->words, entry->host);
  gw_strbuf_append_str(&t->words, entry->path.text);
  if (entry->conditions.count > 0) gw_strbuf_printf(&t->words, " [%.*s]", GW_STR_ARG(entry->conditions.text));
  return gw_arena_copy(t->arena, gw_strbuf_str(&t->words));
}

/* `method` (may be NULL) and the conditions. */
static void set_conditions(struct translation *t, const struct gw_route_conditions *conditions, const struct gw_header_match *method,
                           struct gw_route_match *match) {
  match->headers = method != NULL ? method : conditions->headers;
  match->header_count = conditions->header_count + (method != NULL);
  match->queries = conditions->queries;
  match->query_count = conditions->query_count;
  if (method == NULL || conditions->header_count == 0) return;
  struct gw_header_match *headers = gw_arena_calloc(t->arena, match->header_count, sizeof(*headers));
  headers[0] = *method;
  memcpy(headers + 1, conditions->headers, conditions->header_count * sizeof(*headers));
  match->headers = headers;
}

static struct gw_route *add_entry(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path,
                                  struct gw_str name, const struct gw_method_set *set) {
  struct gw_route *route = add_route(t, path);
  route->name = name;
  set_conditions(t, &entry->conditions, set != NULL ? set->match : NULL, &route->match);
  return route;
}

static void add_forward(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path, struct gw_str name,
                        const struct gw_method_set *set, const struct gw_retry_policy *retry) {
  struct gw_route *route = add_entry(t, entry, path, name, set);
  gw_policy_translate_action(entry, t->arena, route);
  route->forward.retry = gw_policy_share_retry(retry, t->retry);
  t->has_retries = t->has_retries || (retry != NULL && retry->count > 0);
}

/* Of routes that have nothing else. NULL gives NULL. */
static const struct gw_route_filters *get_cors(struct translation *t, const struct gw_cors_route *cors) {
  if (cors == NULL) return NULL;
  struct gw_str key = {(const char *)&cors, sizeof(const struct gw_cors_route *)};
  struct gw_route_filters *filters = gw_map_find(t->filters, key);
  if (filters != NULL) return filters;
  filters = gw_arena_calloc(t->arena, 1, sizeof(*filters));
  filters->cors = cors;
  gw_map_put(t->filters, key, filters);
  return filters;
}

/* Of routes that ask the same of tokens, keys and of who calls, and have nothing else. */
static const struct gw_route_filters *get_auth(struct translation *t, const struct gw_route_entry *entry) {
  struct gw_str requirement = gw_policy_jwt_requirement(t->auth, &entry->auth, t->arena);
  bool is_closed = entry->auth.is_required && !gw_route_auth_is_possible(&entry->auth, t->auth);
  if (is_closed) return get_cors(t, entry->cors);
  bool takes_key = entry->auth.is_required && entry->auth.takes_api_key && t->auth->has_api_keys;
  if (requirement.len == 0 && !takes_key && entry->access.key.len == 0) return get_cors(t, entry->cors);
  gw_strbuf_clear(&t->words);
  gw_strbuf_printf(&t->words, "%p %d %zu:%.*s%.*s", (const void *)entry->cors, takes_key, requirement.len, GW_STR_ARG(requirement),
                   GW_STR_ARG(entry->access.key));
  struct gw_route_filters *filters = gw_map_find(t->filters, gw_strbuf_str(&t->words));
  if (filters != NULL) return filters;
  filters = gw_arena_calloc(t->arena, 1, sizeof(*filters));
  gw_map_put(t->filters, gw_strbuf_str(&t->words), filters);
  if (requirement.len > 0) {
    struct gw_jwt_route *jwt = gw_arena_calloc(t->arena, 1, sizeof(*jwt));
    jwt->requirement = requirement;
    filters->jwt = jwt;
  }
  if (takes_key) {
    struct gw_api_key_route *api_key = gw_arena_calloc(t->arena, 1, sizeof(*api_key));
    *api_key = (struct gw_api_key_route){.is_required = true, .accepts_jwt = requirement.len > 0};
    filters->api_key = api_key;
  }
  filters->cors = entry->cors;
  gw_policy_translate_access(t->access, &entry->access, t->arena, filters);
  return filters;
}

/* What the listener's filters have of a route; NULL: nothing. */
static const struct gw_route_filters *translate_filters(struct translation *t, const struct gw_route_entry *entry, struct gw_str name) {
  const struct gw_route_filters *shared = get_auth(t, entry);
  struct gw_route_filters filters = {0};
  if (shared != NULL) filters = *shared;
  filters.access_log = gw_policy_translate_access_log_rule(entry->access_log, t->arena);
  bool has_limits = gw_limits_translate_route(entry, name, t->limits, t->settings, t->arena, &filters);
  if (!has_limits && filters.access_log == NULL) return shared;
  struct gw_route_filters *own = gw_arena_calloc(t->arena, 1, sizeof(*own));
  *own = filters;
  return own;
}

/* Retries that could do things twice are for idempotent methods: those get a route of their own, in front, under the same name. So every
 * proxy understands it. Returns the last one, which has the entry's methods. */
static const struct gw_route *translate_route(struct translation *t, const struct gw_route_entry *entry,
                                              const struct gw_route_match *path) {
  const struct gw_method_set *set = entry->method_count > 0 ? gw_method_sets_get(&t->sets, entry->methods, entry->method_count) : NULL;
  struct gw_str name = name_route(t, entry, set != NULL ? set->list : (struct gw_str){NULL, 0});
  uint32_t first = t->count;
  if (entry->auth.is_required && !gw_route_auth_is_possible(&entry->auth, t->auth)) {
    set_direct(add_entry(t, entry, path, name, set), 501, GW_STR(NO_AUTHENTICATION));
  } else if (gw_route_actions_service(&entry->actions) == NULL) {
    gw_policy_translate_action(entry, t->arena, add_entry(t, entry, path, name, set));
  } else {
    struct gw_route_retries retries;
    gw_policy_translate_retries(entry, t->settings, t->arena, &retries);
    if (retries.method_count > 0)
      add_forward(t, entry, path, name, gw_method_sets_get(&t->sets, retries.methods, retries.method_count), retries.of_methods);
    add_forward(t, entry, path, name, set, retries.policy);
  }
  const struct gw_route_filters *filters = translate_filters(t, entry, name);
  for (uint32_t i = first; i < t->count; i++)
    t->routes[i].filters = filters;
  return &t->routes[t->count - 1];
}

static bool has_word(const struct gw_str *words, uint32_t count, struct gw_str word) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(words[i], word)) return true;
  return false;
}

/* The methods of a group's routes, of those without conditions only if `is_sure`; each once, in arena memory. */
static struct gw_str *collect_methods(struct translation *t, const struct gw_route_entry *group, uint32_t count, bool is_sure,
                                      uint32_t *ret_count) {
  uint32_t total = 0, used = 0;
  for (uint32_t i = 0; i < count; i++)
    total += group[i].method_count;
  struct gw_str *methods = gw_arena_calloc(t->arena, total, sizeof(*methods));
  for (uint32_t i = 0; i < count; i++) {
    if (is_sure && group[i].conditions.count > 0) continue;
    for (uint32_t k = 0; k < group[i].method_count; k++)
      if (!has_word(methods, used, group[i].methods[k])) methods[used++] = group[i].methods[k];
  }
  *ret_count = used;
  return methods;
}

static struct gw_route *add_last(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path,
                                 const char *status) {
  struct gw_route *route = add_route(t, path);
  route->name = join(t->arena, gw_str_from(status), join(t->arena, entry->host, entry->path.text));
  return route;
}

static bool takes_all(const struct gw_route_entry *entry) {
  return entry->method_count == 0 && entry->conditions.count == 0;
}

/* Behind the routes of one path, unless one takes all the rest: 404 for methods that they have only under conditions, 405 for those that
 * none of them has. A path's policy decides; nothing falls through to another's. */
static void translate_rest(struct translation *t, const struct gw_route_entry *group, uint32_t count, const struct gw_route_match *path) {
  if (takes_all(&group[count - 1])) return;
  uint32_t known_count, sure_count, open_count = 0;
  struct gw_str *known = collect_methods(t, group, count, false, &known_count);
  struct gw_str *sure = collect_methods(t, group, count, true, &sure_count);
  bool has_all = false;
  for (uint32_t i = 0; i < count; i++)
    has_all = has_all || group[i].method_count == 0;
  if (has_all) {
    set_direct(add_last(t, group, path, "404 "), 404, GW_STR(OTHER_REQUEST));
    return;
  }
  struct gw_str *open = gw_arena_calloc(t->arena, known_count, sizeof(*open));
  for (uint32_t i = 0; i < known_count; i++)
    if (!has_word(sure, sure_count, known[i])) open[open_count++] = known[i];
  if (open_count > 0) {
    struct gw_route *route = add_last(t, group, path, "404 ");
    set_direct(route, 404, GW_STR(OTHER_REQUEST));
    route->match.headers = gw_method_sets_get(&t->sets, open, open_count)->match;
    route->match.header_count = 1;
  }
  struct gw_route *route = add_last(t, group, path, "405 ");
  set_direct(route, 405, GW_STR(OTHER_METHOD));
  route->response_headers = gw_method_sets_get(&t->sets, known, known_count)->allow;
}

/* A preflight asks for a path with OPTIONS, which its routes need not have; and browsers may read why they were refused. */
static void share_cors(struct translation *t, const struct gw_route_entry *group, uint32_t count, uint32_t first) {
  const struct gw_cors_route *cors = NULL;
  for (uint32_t i = 0; i < count && cors == NULL; i++)
    cors = group[i].cors;
  for (uint32_t i = first; i < t->count; i++)
    t->routes[i].filters = get_cors(t, cors);
}

static void list_route(const struct gw_route_entry *entry, const struct gw_route *route, struct gw_arena *arena,
                       struct gw_policy_route *out) {
  *out = (struct gw_policy_route){.name = route->name,
                                  .hosts = entry->hosts,
                                  .host_count = entry->host_count,
                                  .path = entry->path.text,
                                  .service = gw_policy_describe_services(&entry->actions, arena),
                                  .methods = entry->methods,
                                  .method_count = entry->method_count,
                                  .conditions = entry->conditions.text,
                                  .changes = gw_policy_describe_changes(entry, arena),
                                  .groups = entry->node_groups.names,
                                  .group_count = entry->node_groups.count,
                                  .route = route,
                                  .line = entry->node->line,
                                  .column = entry->node->column};
}

static uint32_t find_group_end(const struct gw_route_list *routes, uint32_t begin) {
  uint32_t end = begin + 1;
  while (end < routes->count && gw_routes_share_path(&routes->items[begin], &routes->items[end]))
    end++;
  return end;
}

/* Each entry makes a route, or two (see translate_route), and each path at most two more. */
static uint32_t count_made(const struct gw_route_list *routes) {
  uint32_t count = 2 * routes->count;
  for (uint32_t begin = 0; begin < routes->count; begin = find_group_end(routes, begin))
    count += 2;
  return count;
}

/* Theirs, and one more for each listener that redirects. */
static void translate_configs(const struct gw_listener_list *listeners, struct gw_route_config routes, struct gw_arena *arena,
                              struct gw_node_group *group) {
  struct gw_route_config *configs = gw_arena_calloc(arena, listeners->count + 1u, sizeof(*configs));
  configs[group->route_config_count++] = routes;
  for (uint32_t i = 0; i < listeners->count; i++)
    if (listeners->items[i].is_redirect) configs[group->route_config_count++] = gw_policy_translate_redirect(&listeners->items[i], arena);
  group->route_configs = configs;
}

/* Where they are written, and their methods, of which one host may have lost an implied HEAD. */
static struct gw_str sources_of(struct translation *t, const struct gw_route_entry *group, uint32_t count) {
  gw_strbuf_clear(&t->words);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t source[] = {group[i].node->line, group[i].node->column, group[i].method_count};
    gw_strbuf_append_str(&t->words, (struct gw_str){(const char *)source, sizeof(source)});
  }
  return gw_arena_copy(t->arena, gw_strbuf_str(&t->words));
}

/* What has several hosts is there for each of them, what is for several groups in each, and it is listed once. */
static bool is_listed(const struct gw_route_entry *entry, struct gw_str group) {
  if (entry->host_count > 0 && !gw_str_equal(entry->host, entry->hosts[0])) return false;
  return entry->node_groups.count == 0 ? group.len == 0 : gw_str_equal(entry->node_groups.names[0], group);
}

/* Routes of a path are made from all that is written of it, one for each of its hosts and groups of nodes. */
static void set_made_from(const struct gw_policy_parts *parts, struct gw_str node_group, const struct gw_route_entry *group, uint32_t count,
                          struct gw_route *made, uint32_t made_count) {
  uint64_t words[] = {parts->surroundings, gw_hash_keyed(node_group.data, node_group.len), gw_hash_keyed(group->host.data, group->host.len),
                      0, 0};
  for (uint32_t i = 0; i < count; i++) {
    words[3] = gw_hash_keyed(words, sizeof(words));
    words[4] = group[i].hash ^ group[i].method_count; /* of which an implied HEAD may be gone */
  }
  for (uint32_t i = 0; i < made_count; i++) {
    words[3] = gw_hash_keyed(words, sizeof(words));
    words[4] = i;
    made[i].made_from = gw_hash_keyed(words, sizeof(words)) | 1;
  }
}

/* ret_names: of the routes made, in the order of parts->routes. */
static struct gw_route_config translate_routes(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_str group,
                                               struct gw_policy_route *list, struct gw_policy *policy, struct gw_str *ret_names) {
  const struct gw_route_list *routes = &parts->routes;
  static const struct gw_retries_entry nothing = {0};
  const struct gw_retries_of unsaid = {.route = &nothing, .service = &nothing};
  const struct gw_retry_policy *others;
  struct gw_arena *arena = &policy->arena;
  struct translation t = {.arena = arena,
                          .settings = settings,
                          .auth = &parts->auth,
                          .access = &parts->access,
                          .filters = gw_map_new(),
                          .limits = &parts->limits};
  gw_method_sets_init(&t.sets, arena);
  t.retry = gw_retries_resolve(&unsaid, settings, arena, &others);
  t.routes = gw_arena_alloc(arena, count_made(routes) * sizeof(*t.routes)); /* most of it is never touched */
  struct gw_path_group *groups = gw_arena_calloc(arena, routes->count, sizeof(*groups));
  uint32_t group_count = 0;
  for (uint32_t begin = 0, end; begin < routes->count; begin = end) {
    end = find_group_end(routes, begin);
    struct gw_route_match path;
    uint32_t first = t.count;
    for (uint32_t i = begin; i < end; i++) {
      const struct gw_route_entry *entry = &routes->items[i];
      gw_path_pattern_to_match(&entry->path, arena, &path);
      const struct gw_route *route = translate_route(&t, entry, &path);
      ret_names[i] = route->name;
      if (is_listed(entry, group)) list_route(entry, route, arena, &list[policy->route_count++]);
    }
    uint32_t rest = t.count;
    translate_rest(&t, &routes->items[begin], end - begin, &path);
    share_cors(&t, &routes->items[begin], end - begin, rest);
    set_made_from(parts, group, &routes->items[begin], end - begin, &t.routes[first], t.count - first);
    groups[group_count++] = (struct gw_path_group){.host = routes->items[begin].host,
                                                   .rank = routes->items[begin].path.rank,
                                                   .sources = sources_of(&t, &routes->items[begin], end - begin),
                                                   .routes = &t.routes[first],
                                                   .route_count = t.count - first};
  }
  gw_map_free(t.filters);
  gw_method_sets_done(&t.sets);
  gw_strbuf_done(&t.words);
  return gw_policy_translate_hosts(groups, group_count, t.retry, t.has_retries, arena);
}

/* What nodes of one group get: as if nothing else were written. */
static void translate_group(const struct gw_policy_parts *all, const struct gw_route_group *of, const struct gw_settings *settings,
                            struct gw_policy_route *list, struct gw_policy *policy, struct gw_node_group *group,
                            const struct gw_str **ret_names) {
  struct gw_policy_parts parts = *all;
  struct gw_str *names = gw_arena_calloc(&policy->arena, of->count, sizeof(*names));
  *ret_names = names;
  parts.routes.items = of->items;
  parts.routes.count = of->count;
  parts.listeners.items = gw_arena_calloc(&policy->arena, all->listeners.count, sizeof(*parts.listeners.items));
  parts.listeners.count = 0;
  for (uint32_t i = 0; i < all->listeners.count; i++)
    if (gw_node_groups_take(&all->listeners.items[i].node_groups, of->name))
      parts.listeners.items[parts.listeners.count++] = all->listeners.items[i];
  *group = (struct gw_node_group){.name = of->name};
  translate_configs(&parts.listeners, translate_routes(&parts, settings, of->name, list, policy, names), &policy->arena, group);
  group->listeners = gw_policy_translate_listeners(&parts, settings, &policy->arena);
  group->listener_count = parts.listeners.count;
}

void gw_policy_translate(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy) {
  const struct gw_route_list *routes = &parts->routes;
  struct gw_policy_route *list = gw_arena_calloc(&policy->arena, routes->count, sizeof(*list));
  struct gw_node_group *groups = gw_arena_calloc(&policy->arena, routes->group_count, sizeof(*groups));
  const struct gw_str **names = gw_arena_calloc(&policy->arena, routes->group_count, sizeof(void *));
  for (uint32_t i = 0; i < routes->group_count; i++)
    translate_group(parts, &routes->groups[i], settings, list, policy, &groups[i], &names[i]);
  policy->routes = list;
  policy->route_names = names;
  policy->listeners = groups[0].listeners;
  policy->listener_count = groups[0].listener_count;
  policy->route_configs = groups[0].route_configs;
  policy->route_config_count = groups[0].route_config_count;
  policy->groups = groups + 1;
  policy->group_count = routes->group_count - 1;
  gw_policy_translate_services(&parts->services, settings, policy);
  gw_policy_translate_secrets(parts, settings, policy);
}
