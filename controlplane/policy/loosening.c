#include "controlplane/policy/loosening.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/routing/route_table.h"
#include "controlplane/policy/loosening_internal.h"

/* What a path's variables may be: a route for numbers and one for everything else are told apart. */
static const char *const variable_samples[] = {"1", "~"};

/* Routes of one side by host, path and conditions; those of one key differ in their methods. */
struct keyed {
  const struct gw_route_entry *route;
  struct keyed *next;
};

struct search {
  const struct gw_policy *before;
  const struct gw_policy *after;
  const struct gw_route_group *routes[2]; /* of each side: what nodes of one group have */
  struct gw_loosening_list *list;
  struct gw_arena scratch;
  struct gw_map *compared; /* pairs of routes */
  struct gw_map *names[2]; /* of each side: a route's name → struct gw_route_entry */
  struct gw_route_table *tables[2];
  bool has_same_roles; /* roles, and where claims tell of them, are the same on both sides */
};

const char *gw_loosening_kind_name(enum gw_loosening_kind kind) {
  static const char *const names[] = {"authentication", "roles", "permissions", "rules", "limits", "addresses", "cors"};
  return names[kind];
}

void gw_loosening_add(const struct gw_loosening_pair *pair, enum gw_loosening_kind kind, const char *format, ...) {
  struct gw_loosening_list *list = pair->list;
  if (list->count == GW_LOOSENINGS_MAX) return;
  struct gw_strbuf words;
  gw_strbuf_init(&words);
  va_list args;
  va_start(args, format);
  gw_strbuf_vprintf(&words, format, args);
  va_end(args);
  bool is_told = false;
  for (uint32_t i = list->count; i > 0 && !is_told; i--) /* several requests lead to one pair of routes */
    is_told = list->items[i - 1].kind == kind && gw_str_equal(list->items[i - 1].route, pair->name) &&
              strcmp(list->items[i - 1].words, words.data) == 0;
  const struct gw_yaml_node *node = pair->after.route->node;
  if (!is_told)
    list->items[list->count++] = (struct gw_loosening){.kind = kind,
                                                       .route = gw_arena_copy(list->arena, pair->name),
                                                       .words = gw_arena_strdup(list->arena, words.data),
                                                       .line = node->line,
                                                       .column = node->column};
  gw_strbuf_done(&words);
}

/* ---- pairs ---- */

static struct gw_str describe(const struct gw_route_entry *route, struct gw_arena *arena) {
  if (route->name.len > 0) return route->name;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t i = 0; i < route->method_count; i++)
    gw_strbuf_printf(&text, "%s%.*s", i > 0 ? "," : "", GW_STR_ARG(route->methods[i]));
  if (route->method_count > 0) gw_strbuf_append_char(&text, ' ');
  gw_strbuf_append_str(&text, route->host);
  gw_strbuf_append_str(&text, route->path.text);
  if (route->conditions.count > 0) gw_strbuf_printf(&text, " [%.*s]", GW_STR_ARG(route->conditions.text));
  struct gw_str copy = gw_arena_copy(arena, gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return copy;
}

/* What reaches no service needs no protection. */
static bool reaches_a_service(const struct gw_route_entry *route) {
  return gw_route_actions_service(&route->actions) != NULL;
}

static void compare(struct search *search, const struct gw_route_entry *before, const struct gw_route_entry *after) {
  if (!reaches_a_service(before) || !reaches_a_service(after)) return;
  const void *const both[] = {before, after};
  struct gw_str key = {(const char *)both, sizeof(both)};
  if (gw_map_put(search->compared, key, search) != NULL) return;
  struct gw_loosening_pair pair = {.before = {search->before, search->before->parts, before},
                                   .after = {search->after, search->after->parts, after},
                                   .name = describe(before, &search->scratch),
                                   .list = search->list};
  bool asks_the_same = search->has_same_roles && gw_str_equal(before->access.key, after->access.key);
  gw_loosening_compare_authentication(&pair);
  if (!asks_the_same) gw_loosening_compare_access(&pair);
  gw_loosening_compare_limits(&pair);
  gw_loosening_compare_cors(&pair);
}

/* ---- routes that are called the same ---- */

static struct gw_str key_of(struct search *search, const struct gw_route_entry *route) {
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  gw_strbuf_printf(&key, "%zu:%.*s%zu:%.*s", route->host.len, GW_STR_ARG(route->host), route->path.rank.len, GW_STR_ARG(route->path.rank));
  if (route->path.is_regex) gw_strbuf_append_str(&key, route->path.text);
  for (uint32_t i = 0; i < route->conditions.count; i++) {
    const struct gw_condition *condition = &route->conditions.items[i];
    gw_strbuf_printf(&key, "|%d %d %zu:%.*s%zu:%.*s", (int)condition->kind, condition->is_exact, condition->name.len,
                     GW_STR_ARG(condition->name), condition->value.len, GW_STR_ARG(condition->value));
  }
  struct gw_str copy = gw_arena_copy(&search->scratch, gw_strbuf_str(&key));
  gw_strbuf_done(&key);
  return copy;
}

static bool takes(const struct gw_route_entry *route, struct gw_str method) {
  return route->method_count == 0 || gw_loosening_has_word(route->methods, route->method_count, method);
}

static bool share_a_method(const struct gw_route_entry *a, const struct gw_route_entry *b) {
  if (a->method_count == 0 || b->method_count == 0) return true;
  for (uint32_t i = 0; i < a->method_count; i++)
    if (takes(b, a->methods[i])) return true;
  return false;
}

/* All of the route's methods are those of `others`. */
static bool is_covered(const struct gw_route_entry *route, const struct keyed *others) {
  for (const struct keyed *other = others; other != NULL; other = other->next)
    if (other->route->method_count == 0) return true;
  for (uint32_t i = 0; i < route->method_count; i++) {
    bool is_there = false;
    for (const struct keyed *other = others; other != NULL && !is_there; other = other->next)
      is_there = takes(other->route, route->methods[i]);
    if (!is_there) return false;
  }
  return route->method_count > 0;
}

static struct gw_map *key_routes(struct search *search, const struct gw_route_group *routes) {
  struct gw_map *map = gw_map_new();
  for (uint32_t i = 0; i < routes->count; i++) {
    struct keyed *keyed = gw_arena_calloc(&search->scratch, 1, sizeof(*keyed));
    keyed->route = &routes->items[i];
    struct gw_str key = key_of(search, keyed->route);
    keyed->next = gw_map_find(map, key);
    gw_map_put(map, key, keyed);
  }
  return map;
}

/* ---- requests of a route ---- */

static struct gw_str sample_host(const struct gw_route_entry *route, struct gw_arena *arena) {
  struct gw_str host = route->host;
  if (host.len == 0) return GW_STR("any.invalid");
  if (gw_str_has_prefix(host, GW_STR("*."))) return gw_str_from(gw_arena_printf(arena, "any%.*s", GW_STR_ARG(gw_str_skip(host, 1))));
  if (gw_str_has_suffix(host, GW_STR(".*"))) return gw_str_from(gw_arena_printf(arena, "%.*sinvalid", (int)host.len - 1, host.data));
  return host;
}

/* Empty: of a regular expression none is known. */
static struct gw_str sample_path(const struct gw_route_entry *route, const char *variable, struct gw_arena *arena) {
  if (route->path.is_regex) return (struct gw_str){NULL, 0};
  struct gw_str rest = route->path.text, segment;
  struct gw_strbuf path;
  gw_strbuf_init(&path);
  gw_str_split_next(&rest, '/', &segment); /* what stands before the first slash: nothing */
  while (gw_str_split_next(&rest, '/', &segment)) {
    bool is_variable = segment.len > 0 && (segment.data[0] == '{' || segment.data[0] == '*');
    gw_strbuf_append_char(&path, '/');
    gw_strbuf_append_str(&path, is_variable ? gw_str_from(variable) : segment);
  }
  if (path.len == 0) gw_strbuf_append_char(&path, '/');
  struct gw_str copy = gw_arena_copy(arena, gw_strbuf_str(&path));
  gw_strbuf_done(&path);
  return copy;
}

/* Whether there is a value that such a condition takes; *ret_is_left_out: it must not be there. */
static bool sample_value(enum gw_string_match_kind kind, bool invert, struct gw_str value, struct gw_str *ret_value,
                         bool *ret_is_left_out) {
  *ret_is_left_out = invert;
  *ret_value = kind == GW_STRING_MATCH_PRESENT ? GW_STR("1") : value;
  return invert || kind != GW_STRING_MATCH_REGEX;
}

static bool add_headers(const struct gw_route_entry *route, struct gw_arena *arena, struct gw_headers *headers) {
  bool is_known = true;
  for (uint32_t i = 0; i < route->conditions.header_count; i++) {
    const struct gw_header_match *match = &route->conditions.headers[i];
    struct gw_str value;
    bool is_left_out;
    if (gw_str_equal(match->name, GW_STR("cookie"))) continue;
    is_known = sample_value(match->kind, match->invert, match->value, &value, &is_left_out) && is_known;
    if (!is_left_out) gw_headers_add(headers, arena, gw_header_id_find(match->name), match->name, value);
  }
  for (uint32_t i = 0; i < route->conditions.count; i++) {
    const struct gw_condition *condition = &route->conditions.items[i];
    if (condition->kind != GW_CONDITION_COOKIE) continue;
    struct gw_str value = condition->is_exact ? condition->value : GW_STR("1");
    const char *cookie = gw_arena_printf(arena, "%.*s=%.*s", GW_STR_ARG(condition->name), GW_STR_ARG(value));
    gw_headers_add(headers, arena, gw_header_id_find(GW_STR("cookie")), GW_STR("cookie"), gw_str_from(cookie));
  }
  return is_known;
}

static struct gw_str with_query(const struct gw_route_entry *route, struct gw_str path, struct gw_arena *arena) {
  char separator = '?';
  for (uint32_t i = 0; i < route->conditions.query_count; i++) {
    const struct gw_query_match *match = &route->conditions.queries[i];
    struct gw_str value;
    bool is_left_out;
    sample_value(match->kind, match->invert, match->value, &value, &is_left_out);
    if (is_left_out) continue;
    path = gw_str_from(gw_arena_printf(arena, "%.*s%c%.*s=%.*s", GW_STR_ARG(path), separator, GW_STR_ARG(match->name), GW_STR_ARG(value)));
    separator = '&';
  }
  return path;
}

static const struct gw_route_entry *find_winner(struct search *search, int side, const struct gw_request_head *head) {
  struct gw_route_hit hit;
  gw_route_table_match(search->tables[side], head, &search->scratch, &hit);
  return hit.route != NULL ? gw_map_find(search->names[side], hit.route->name) : NULL;
}

static void ask_both(struct search *search, const struct gw_route_entry *route, struct gw_str method, struct gw_str path) {
  struct gw_request_head head = {.method = gw_method_find(method),
                                 .method_name = method,
                                 .path = with_query(route, path, &search->scratch),
                                 .authority = sample_host(route, &search->scratch),
                                 .scheme = GW_STR("http"),
                                 .version = GW_HTTP_1_1,
                                 .content_length = GW_LENGTH_NONE};
  gw_headers_init(&head.headers, &search->scratch, 8);
  if (!add_headers(route, &search->scratch, &head.headers)) return;
  const struct gw_route_entry *before = find_winner(search, 0, &head), *after = find_winner(search, 1, &head);
  if (before != NULL && after != NULL) compare(search, before, after);
}

static void ask_of(struct search *search, const struct gw_route_entry *route) {
  static const struct gw_str usual[] = {{"GET", 3}, {"POST", 4}, {"PUT", 3}, {"DELETE", 6}, {"PATCH", 5}};
  const struct gw_str *methods = route->method_count > 0 ? route->methods : usual;
  uint32_t count = route->method_count > 0 ? route->method_count : (uint32_t)GW_ARRAY_LEN(usual);
  for (size_t i = 0; i < GW_ARRAY_LEN(variable_samples); i++) {
    struct gw_str path = sample_path(route, variable_samples[i], &search->scratch);
    for (uint32_t k = 0; k < count && path.len > 0; k++)
      ask_both(search, route, methods[k], path);
  }
}

/* ---- all of it ---- */

static struct gw_map *name_routes(const struct gw_policy *policy, const struct gw_route_group *routes) {
  struct gw_map *names = gw_map_new();
  const struct gw_str *of_group = policy->route_names[routes - policy->parts->routes.groups];
  for (uint32_t i = 0; i < routes->count; i++) {
    struct gw_str name = of_group[i];
    if (gw_map_find(names, name) == NULL) gw_map_put(names, name, &routes->items[i]);
  }
  return names;
}

/* What nodes of the group match by. */
static const struct gw_route_config *config_of(const struct gw_policy *policy, const struct gw_route_group *routes) {
  size_t index = (size_t)(routes - policy->parts->routes.groups);
  return index == 0 ? &policy->route_configs[0] : &policy->groups[index - 1].route_configs[0];
}

static bool prepare_requests(struct search *search) {
  const struct gw_policy *sides[] = {search->before, search->after};
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_good = true;
  for (int i = 0; i < 2; i++) {
    search->names[i] = name_routes(sides[i], search->routes[i]);
    is_good = gw_route_table_build(config_of(sides[i], search->routes[i]), &errors, &search->tables[i]) == GW_OK && is_good;
  }
  gw_errors_done(&errors);
  return is_good;
}

/* Routes that are only on one side take requests from others, or leave them to others. */
static void compare_by_requests(struct search *search, struct gw_map *keyed_before, struct gw_map *keyed_after) {
  const struct gw_route_group *before = search->routes[0], *after = search->routes[1];
  bool has_new = false;
  for (uint32_t i = 0; i < after->count && !has_new; i++)
    has_new = !is_covered(&after->items[i], gw_map_find(keyed_before, key_of(search, &after->items[i])));
  bool is_prepared = false;
  for (uint32_t i = 0; i < before->count; i++) {
    bool is_gone = !is_covered(&before->items[i], gw_map_find(keyed_after, key_of(search, &before->items[i])));
    if (!is_gone && !has_new) continue;
    if (!is_prepared && !prepare_requests(search)) return;
    is_prepared = true;
    ask_of(search, &before->items[i]);
  }
  for (uint32_t i = 0; i < after->count && is_prepared && has_new; i++)
    if (!is_covered(&after->items[i], gw_map_find(keyed_before, key_of(search, &after->items[i])))) ask_of(search, &after->items[i]);
}

static void compare_by_keys(struct search *search, struct gw_map *keyed_before) {
  const struct gw_route_group *after = search->routes[1];
  for (uint32_t i = 0; i < after->count; i++) {
    const struct keyed *others = gw_map_find(keyed_before, key_of(search, &after->items[i]));
    for (; others != NULL; others = others->next)
      if (share_a_method(others->route, &after->items[i])) compare(search, others->route, &after->items[i]);
  }
}

/* The routes that nodes of the group have; of a group that is not written those that all others have. */
static const struct gw_route_group *find_group(const struct gw_policy *policy, struct gw_str name) {
  const struct gw_route_list *routes = &policy->parts->routes;
  for (uint32_t i = 1; i < routes->group_count; i++)
    if (gw_str_equal(routes->groups[i].name, name)) return &routes->groups[i];
  return &routes->groups[0];
}

static void compare_group(const struct gw_policy *before, const struct gw_policy *after, struct gw_str name, bool has_same_roles,
                          struct gw_loosening_list *list) {
  struct search search = {.before = before,
                          .after = after,
                          .routes = {find_group(before, name), find_group(after, name)},
                          .list = list,
                          .has_same_roles = has_same_roles,
                          .compared = gw_map_new()};
  gw_arena_init(&search.scratch, 65536);
  struct gw_map *keyed_before = key_routes(&search, search.routes[0]), *keyed_after = key_routes(&search, search.routes[1]);
  compare_by_keys(&search, keyed_before);
  compare_by_requests(&search, keyed_before, keyed_after);
  gw_map_free(keyed_before);
  gw_map_free(keyed_after);
  gw_map_free(search.compared);
  for (int i = 0; i < 2; i++) {
    if (search.names[i] != NULL) gw_map_free(search.names[i]);
    gw_route_table_free(search.tables[i]);
  }
  gw_arena_done(&search.scratch);
}

uint32_t gw_loosening_find(const struct gw_policy *before, const struct gw_policy *after, struct gw_arena *arena,
                           const struct gw_loosening **ret_loosenings) {
  struct gw_loosening_list list = {.arena = arena, .items = gw_arena_calloc(arena, GW_LOOSENINGS_MAX, sizeof(struct gw_loosening))};
  const struct gw_route_list *old = &before->parts->routes, *new = &after->parts->routes;
  bool has_same_roles = gw_loosening_has_same_roles(&before->parts->access, &after->parts->access);
  for (uint32_t i = 0; i < new->group_count; i++) /* the first is of nodes of no group */
    compare_group(before, after, new->groups[i].name, has_same_roles, &list);
  for (uint32_t i = 1; i < old->group_count; i++)
    if (find_group(after, old->groups[i].name) == &new->groups[0]) compare_group(before, after, old->groups[i].name, has_same_roles, &list);
  *ret_loosenings = list.items;
  return list.count;
}
