#include "controlplane/policy/routes_yaml.h"

#include <stdlib.h>

#include "common/message/headers.h"
#include "common/message/message.h"

#define METHODS_MAX 32u
#define ROUTES_OF_A_PATH_MAX 64u

static const char *const route_keys[] = {"path",     "service", "methods", "auth_required", "rate_limit", "timeout",
                                         "timeouts", "retries", NULL};
static const char *const rate_limit_keys[] = {"requests", "per", "burst", "key", "scope", NULL};

/* Known ones in their usual order, others behind them by name. */
static int compare_methods(const void *left, const void *right) {
  const struct gw_str *a = left, *b = right;
  enum gw_method x = gw_method_find(*a), y = gw_method_find(*b);
  if (x == y) return gw_str_compare(*a, *b);
  if (x == GW_METHOD_OTHER || y == GW_METHOD_OTHER) return x == GW_METHOD_OTHER ? 1 : -1;
  return x < y ? -1 : 1;
}

static bool has_method(const struct gw_route_entry *route, struct gw_str method) {
  for (uint32_t i = 0; i < route->method_count; i++)
    if (gw_str_equal(route->methods[i], method)) return true;
  return false;
}

static bool method_is_allowed(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_route_entry *route) {
  struct gw_str method;
  if (!gw_reader_text(reader, node, "a method", &method)) return false;
  bool is_upper = gw_header_name_is_valid(method) && method.len <= 32;
  for (size_t i = 0; i < method.len; i++)
    is_upper = is_upper && (method.data[i] < 'a' || method.data[i] > 'z');
  if (!is_upper) {
    gw_reader_mistake(reader, node, "%.*s is no method; methods are upper case, such as GET", GW_STR_ARG(method));
  } else if (gw_method_find(method) == GW_METHOD_CONNECT || gw_method_find(method) == GW_METHOD_TRACE) {
    gw_reader_mistake(reader, node, "%.*s is never forwarded", GW_STR_ARG(method));
  } else if (has_method(route, method)) {
    gw_reader_mistake(reader, node, "%.*s stands here twice", GW_STR_ARG(method));
  } else {
    return true;
  }
  return false;
}

static void read_methods(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_entry *route) {
  if (!gw_reader_is_list(reader, node, "methods")) return;
  if (node->count == 0 || node->count > METHODS_MAX) {
    gw_reader_mistake(reader, node, "methods lists 1 to %u methods; leave it out to allow all", METHODS_MAX);
    return;
  }
  route->methods = gw_arena_calloc(reader->arena, node->count + 1, sizeof(*route->methods));
  for (uint32_t i = 0; i < node->count; i++)
    if (method_is_allowed(reader, node->items[i], route)) route->methods[route->method_count++] = node->items[i]->text;
  if (has_method(route, GW_STR("GET")) && !has_method(route, GW_STR("HEAD"))) {
    route->methods[route->method_count++] = GW_STR("HEAD");
    route->has_implied_head = true;
  }
  qsort(route->methods, route->method_count, sizeof(*route->methods), compare_methods);
}

static void read_rate_limit(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  uint32_t number;
  uint64_t ms;
  struct gw_str text;
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, "rate_limit", rate_limit_keys)) return;
    const struct gw_yaml_node *requests = gw_yaml_find(node, "requests"), *per = gw_yaml_find(node, "per"),
                              *burst = gw_yaml_find(node, "burst"), *key = gw_yaml_find(node, "key"), *scope = gw_yaml_find(node, "scope");
    if (requests == NULL) gw_reader_mistake(reader, node, "rate_limit needs requests: how many are allowed");
    if (requests != NULL) gw_reader_u32(reader, requests, "requests", 1, 1000000000, &number);
    if (per != NULL) gw_reader_duration(reader, per, "per", &ms);
    if (burst != NULL) gw_reader_u32(reader, burst, "burst", 1, 1000000000, &number);
    if (key != NULL) gw_reader_text(reader, key, "key", &text);
    if (scope != NULL) gw_reader_text(reader, scope, "scope", &text);
  } else if (!gw_reader_u32(reader, node, "rate_limit", 1, 1000000000, &number)) {
    return;
  }
  gw_reader_warn(reader, node, "rate_limit is not enforced yet");
}

static void read_path(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_entry *route) {
  struct gw_str text;
  const char *why;
  if (!gw_reader_text(reader, node, "path", &text)) return;
  if (gw_path_pattern_parse(text, reader->arena, &route->path, &why) != GW_OK)
    gw_reader_mistake(reader, node, "%.*s: %s", GW_STR_ARG(text), why);
}

static void read_service(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                         struct gw_route_entry *route) {
  struct gw_str name;
  if (!gw_reader_text(reader, node, "service", &name) || services == NULL) return;
  route->service = gw_map_find(services->by_name, name);
  if (route->service != NULL) return;
  const char **names = gw_arena_alloc(reader->arena, (services->count + 1u) * sizeof(const char *));
  for (uint32_t i = 0; i < services->count; i++)
    names[i] = services->items[i].name.data;
  const char *nearest = gw_reader_find_nearest(name, names, services->count);
  gw_reader_mistake(reader, node, "service %.*s%s%s%s is not in services.yaml", GW_STR_ARG(name), nearest != NULL ? " (" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "?)" : "");
}

/* `timeout` is the short way to say timeouts.request; who says neither has the service's. */
static void settle_timeout(const struct gw_reader *reader, const struct gw_yaml_node *timeout, struct gw_route_entry *route) {
  uint64_t request_ms = route->timeouts.request_ms;
  if (timeout != NULL && request_ms != 0) gw_reader_mistake(reader, timeout, "timeout and timeouts.request say the same; write one");
  if (timeout == NULL && request_ms == 0 && route->service != NULL) request_ms = route->service->timeouts.request_ms;
  if (timeout != NULL || request_ms == 0) return;
  route->timeout_ms = request_ms;
  route->has_timeout = true;
}

static void read_route(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                       struct gw_route_entry *route) {
  *route = (struct gw_route_entry){.timeout_ms = GW_ROUTE_TIMEOUT_DEFAULT_YAML_MS};
  if (!gw_reader_is_mapping(reader, node, "a route", route_keys)) return;
  const struct gw_yaml_node *path = gw_yaml_find(node, "path"), *service = gw_yaml_find(node, "service"),
                            *methods = gw_yaml_find(node, "methods"), *auth = gw_yaml_find(node, "auth_required"),
                            *rate_limit = gw_yaml_find(node, "rate_limit"), *timeout = gw_yaml_find(node, "timeout");
  route->node = path != NULL ? path : node;
  if (path == NULL) gw_reader_mistake(reader, node, "a route needs a path, such as /projects/{id}");
  if (service == NULL) gw_reader_mistake(reader, node, "a route needs a service, one of services.yaml");
  if (path != NULL) read_path(reader, path, route);
  if (service != NULL) read_service(reader, service, services, route);
  if (methods != NULL && !gw_yaml_is_null(methods)) read_methods(reader, methods, route);
  if (auth != NULL) gw_reader_bool(reader, auth, "auth_required", &route->is_auth_required);
  if (rate_limit != NULL && !gw_yaml_is_null(rate_limit)) read_rate_limit(reader, rate_limit);
  if (timeout != NULL) route->has_timeout = gw_reader_duration(reader, timeout, "timeout", &route->timeout_ms);
  gw_retries_read(reader, node, &route->retries);
  gw_timeouts_read(reader, node, false, &route->timeouts);
  settle_timeout(reader, timeout, route);
}

/* Path by path; within one, a route with methods says more than one without. */
static int compare_routes(const void *left, const void *right) {
  const struct gw_route_entry *a = left, *b = right;
  int by_path = gw_path_pattern_compare(&a->path, &b->path);
  if (by_path != 0) return by_path;
  if ((a->method_count == 0) != (b->method_count == 0)) return a->method_count == 0 ? 1 : -1;
  for (uint32_t i = 0; i < a->method_count && i < b->method_count; i++) {
    int by_method = compare_methods(&a->methods[i], &b->methods[i]);
    if (by_method != 0) return by_method;
  }
  return a->node->line < b->node->line ? -1 : a->node->line > b->node->line;
}

/* A HEAD that only GET implies gives way to one that is written. */
static void drop_implied_head(struct gw_route_entry *group, uint32_t count) {
  bool is_written = false;
  for (uint32_t i = 0; i < count; i++)
    is_written = is_written || (!group[i].has_implied_head && has_method(&group[i], GW_STR("HEAD")));
  for (uint32_t i = 0; is_written && i < count; i++) {
    if (!group[i].has_implied_head) continue;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < group[i].method_count; k++)
      if (!gw_str_equal(group[i].methods[k], GW_STR("HEAD"))) group[i].methods[kept++] = group[i].methods[k];
    group[i].method_count = kept;
    group[i].has_implied_head = false;
  }
}

static void check_pair(const struct gw_reader *reader, const struct gw_route_entry *a, const struct gw_route_entry *b) {
  if ((a->method_count == 0) != (b->method_count == 0)) return;
  const struct gw_route_entry *first = a->node->line <= b->node->line ? a : b, *second = first == a ? b : a;
  if (a->method_count == 0) {
    gw_reader_mistake(reader, second->node, "%.*s matches the same requests as the route in line %u; give them different methods",
                      GW_STR_ARG(second->path.text), first->node->line);
    return;
  }
  for (uint32_t i = 0; i < a->method_count; i++) {
    if (!has_method(b, a->methods[i])) continue;
    gw_reader_mistake(reader, second->node, "%.*s matches the same requests as the route in line %u: both have %.*s",
                      GW_STR_ARG(second->path.text), first->node->line, GW_STR_ARG(a->methods[i]));
    return;
  }
}

static void check_groups(const struct gw_reader *reader, struct gw_route_entry *items, uint32_t count) {
  for (uint32_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && gw_path_pattern_compare(&items[begin].path, &items[end].path) == 0;)
      end++;
    if (end - begin > ROUTES_OF_A_PATH_MAX) {
      gw_reader_mistake(reader, items[begin].node, "%.*s has %u routes; a path has at most %u", GW_STR_ARG(items[begin].path.text),
                        end - begin, ROUTES_OF_A_PATH_MAX);
      continue;
    }
    drop_implied_head(items + begin, end - begin);
    for (uint32_t i = begin; i < end; i++)
      for (uint32_t k = i + 1; k < end; k++)
        check_pair(reader, &items[i], &items[k]);
  }
}

void gw_routes_read(const struct gw_reader *reader, const struct gw_yaml_node *root, const struct gw_service_list *services,
                    struct gw_route_list *ret_routes) {
  *ret_routes = (struct gw_route_list){0};
  const struct gw_yaml_node *list = gw_reader_find_root(reader, root, "routes", "listeners", "[]");
  if (list == NULL || !gw_reader_is_list(reader, list, "routes")) return;
  struct gw_route_entry *items = gw_arena_calloc(reader->arena, list->count, sizeof(*items));
  uint32_t count = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    read_route(reader, list->items[i], services, &items[count]);
    if (items[count].path.count > 0) count++;
  }
  qsort(items, count, sizeof(*items), compare_routes);
  check_groups(reader, items, count);
  *ret_routes = (struct gw_route_list){.items = items, .count = count};
}
