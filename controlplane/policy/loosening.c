#include "controlplane/policy/loosening.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/routing/route_table.h"
#include "controlplane/policy/loosening_internal.h"

#define PAIRS_MAX 2000000u /* that are looked at: a control plane does nothing else meanwhile */

/* Routes of one side by host, path and conditions; those of one key differ in their methods. */
struct keyed {
  const struct gw_route_entry *route;
  struct keyed *next;
};

struct begun;
struct search {
  const struct gw_policy *before;
  const struct gw_policy *after;
  const struct gw_route_group *routes[2]; /* of each side: what nodes of one group have */
  struct gw_loosening_list *list;
  struct gw_arena scratch;
  struct gw_map *compared; /* pairs of routes */
  /* of each side */
  struct gw_map *names[2]; /* a route's name → struct gw_route_entry */
  struct begun *begun[2];  /* the routes, sorted by what their paths begin with */
  struct gw_route_table *tables[2];
  struct gw_loosening_space space;
  const struct gw_route_entry *pair[2]; /* whose requests are asked for */
  uint64_t pair_count;
  bool has_won[2];     /* one of them was that one's */
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
  gw_strbuf_printf(&key, "%zu:%.*s%zu:", route->host.len, GW_STR_ARG(route->host), route->path.rank.len);
  gw_strbuf_append_str(&key, route->path.rank); /* bytes, zeros among them */
  if (route->path.is_regex) gw_strbuf_append_str(&key, route->path.text);
  for (uint32_t i = 0; i < route->conditions.header_count; i++) {
    const struct gw_header_match *match = &route->conditions.headers[i];
    gw_strbuf_printf(&key, "|h %d %d %d %zu:%.*s%zu:", (int)match->kind, match->invert, match->ignore_case, match->name.len,
                     GW_STR_ARG(match->name), match->value.len);
    gw_strbuf_append_str(&key, match->value);
  }
  for (uint32_t i = 0; i < route->conditions.query_count; i++) {
    const struct gw_query_match *match = &route->conditions.queries[i];
    gw_strbuf_printf(&key, "|q %d %d %d %zu:%.*s%zu:", (int)match->kind, match->invert, match->ignore_case, match->name.len,
                     GW_STR_ARG(match->name), match->value.len);
    gw_strbuf_append_str(&key, match->value);
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

/* ---- requests of two routes ---- */

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

/* A route by what its path begins with, before the first variable; empty: it may begin with anything. */
struct begun {
  struct gw_str beginning;
  const struct gw_route_entry *route;
};

static struct gw_str beginning_of(const struct gw_route_entry *route) {
  return route->path.is_regex ? GW_STR("") : gw_path_pattern_beginning(&route->path);
}

static int compare_begun(const void *left, const void *right) {
  const struct begun *a = left, *b = right;
  return gw_str_compare(a->beginning, b->beginning);
}

static struct begun *sort_by_beginning(struct search *search, const struct gw_route_group *routes) {
  struct begun *list = gw_arena_calloc(&search->scratch, routes->count, sizeof(*list));
  for (uint32_t i = 0; i < routes->count; i++)
    list[i] = (struct begun){beginning_of(&routes->items[i]), &routes->items[i]};
  qsort(list, routes->count, sizeof(*list), compare_begun);
  return list;
}

static bool prepare_requests(struct search *search) {
  const struct gw_policy *sides[] = {search->before, search->after};
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_good = true;
  for (int i = 0; i < 2; i++) {
    search->names[i] = name_routes(sides[i], search->routes[i]);
    search->begun[i] = sort_by_beginning(search, search->routes[i]);
    is_good = gw_route_table_build(config_of(sides[i], search->routes[i]), &errors, &search->tables[i]) == GW_OK && is_good;
  }
  gw_errors_done(&errors);
  gw_loosening_space_init(&search->space, search->routes, &search->scratch);
  return is_good;
}

static bool has_regex(const struct gw_route_entry *route) {
  struct gw_loosening_condition conditions[GW_LOOSENING_CONDITIONS_MAX];
  uint32_t count = gw_loosening_list_conditions(&route->conditions, conditions);
  bool is_so = route->path.is_regex;
  for (uint32_t i = 0; i < count; i++)
    is_so = is_so || conditions[i].match == GW_STRING_MATCH_REGEX;
  return is_so;
}

static const struct gw_route_entry *find_winner(struct search *search, int side, const struct gw_request_head *head) {
  struct gw_route_hit hit;
  gw_route_table_match(search->tables[side], head, &search->scratch, &hit);
  return hit.route != NULL ? gw_map_find(search->names[side], hit.route->name) : NULL;
}

static void ask_both(void *arg, const struct gw_request_head *head) {
  struct search *search = arg;
  const struct gw_route_entry *before = find_winner(search, 0, head), *after = find_winner(search, 1, head);
  search->has_won[0] = search->has_won[0] || before == search->pair[0];
  search->has_won[1] = search->has_won[1] || after == search->pair[1];
  if (before != NULL && after != NULL) compare(search, before, after);
}

typedef void (*pair_fn)(struct search *search, int side, const struct gw_route_entry *other);

/* So many take about a second. */
static bool is_too_much(struct search *search) {
  if (search->pair_count++ < PAIRS_MAX) return false;
  if (search->pair_count > PAIRS_MAX + 1 || search->list->count == GW_LOOSENINGS_MAX) return true;
  search->list->items[search->list->count++] =
      (struct gw_loosening){.kind = GW_LOOSENING_AUTHENTICATION,
                            .route = gw_arena_copy(search->list->arena, describe(search->pair[0], &search->scratch)),
                            .words = "too many routes are new or gone at once to tell who answers their requests"};
  return true;
}

static void ask_pair(struct search *search, int side, const struct gw_route_entry *other) {
  struct gw_arena arena;
  if (is_too_much(search)) return;
  gw_arena_init(&arena, 4096);
  search->pair[1 - side] = other;
  gw_loosening_make_requests(&search->space, search->pair[0], search->pair[1], &arena, ask_both, search);
  gw_arena_done(&arena);
}

static void compare_pair(struct search *search, int side, const struct gw_route_entry *other) {
  search->pair[1 - side] = other;
  if (gw_loosening_may_meet(search->pair[0], search->pair[1], &search->scratch)) compare(search, search->pair[0], search->pair[1]);
}

/* With those of the other side whose paths begin so; `is_all`: and with nothing more. */
static void for_each_begun(struct search *search, int side, struct gw_str beginning, bool is_all, pair_fn fn) {
  const struct begun *list = search->begun[1 - side];
  uint32_t count = search->routes[1 - side]->count, first = 0;
  for (uint32_t end = count; first < end;) {
    uint32_t middle = first + (end - first) / 2;
    if (gw_str_compare(list[middle].beginning, beginning) < 0)
      first = middle + 1;
    else
      end = middle;
  }
  for (uint32_t i = first; i < count && gw_str_has_prefix(list[i].beginning, beginning); i++) {
    if (is_all && list[i].beginning.len > beginning.len) return; /* a prefix sorts before what it begins */
    fn(search, side, list[i].route);
  }
}

/* With those whose paths may be this route's: they begin as it does and go on, or it goes on where they have a variable. */
static void for_each_other(struct search *search, int side, pair_fn fn) {
  struct gw_str beginning = beginning_of(search->pair[side]);
  for_each_begun(search, side, beginning, false, fn);
  for (size_t i = 0; i < beginning.len; i++)
    if (beginning.data[i] == '/') for_each_begun(search, side, (struct gw_str){beginning.data, i}, true, fn);
}

/* The route of `side` with each of the other side. What is said of it by regular expressions may be asked for in vain: then it is compared
 * with all that it may meet. */
static void ask_of(struct search *search, int side, const struct gw_route_entry *route) {
  search->pair[side] = route;
  search->has_won[side] = false;
  for_each_other(search, side, ask_pair);
  if (!search->has_won[side] && has_regex(route)) for_each_other(search, side, compare_pair);
}

/* Of requests that before were one route's and after are another one's, one of both is only on its side: so it is enough to ask of those.
 */
static void compare_by_requests(struct search *search, struct gw_map *keyed_before, struct gw_map *keyed_after) {
  struct gw_map *const keyed_others[2] = {keyed_after, keyed_before};
  bool is_prepared = false;
  for (int side = 0; side < 2; side++) {
    const struct gw_route_group *routes = search->routes[side];
    for (uint32_t i = 0; i < routes->count; i++) {
      if (is_covered(&routes->items[i], gw_map_find(keyed_others[side], key_of(search, &routes->items[i])))) continue;
      if (!is_prepared && !prepare_requests(search)) return;
      is_prepared = true;
      ask_of(search, side, &routes->items[i]);
    }
  }
}

/* ---- all of it ---- */

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
