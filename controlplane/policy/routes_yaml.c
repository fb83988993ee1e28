#include "controlplane/policy/routes_yaml.h"

#include <stdlib.h>

#include "common/message/headers.h"
#include "common/message/message.h"
#include "controlplane/policy/route_headers_yaml.h"

#define METHODS_MAX 32u
#define PATH_REGEXES_MAX 256u /* those that begin alike are tried one by one */
#define NAME_MAX_BYTES 128u
#define ROUTES_OF_ALL_HOSTS_MAX 200000u

static const char *const route_keys[] = {"path",
                                         "path_regex",
                                         "service",
                                         "methods",
                                         "auth_required",
                                         "auth",
                                         "roles",
                                         "permissions",
                                         "require",
                                         "rules",
                                         "allow_from",
                                         "deny_from",
                                         "cors",
                                         "security_headers",
                                         "rate_limit",
                                         "rate_limits",
                                         "timeout",
                                         "timeouts",
                                         "retries",
                                         "name",
                                         "hosts",
                                         "match",
                                         "split",
                                         "sticky",
                                         "rewrite",
                                         "request_headers",
                                         "response_headers",
                                         "redirect",
                                         "respond",
                                         "max_request_body",
                                         "node_groups",
                                         "access_log",
                                         NULL};
static const char *const root_keys[] = {"routes", "listeners", "auth", "access", "rate_limits", "cors", "security_headers", NULL};

/* Known ones in their usual order, others behind them by name. */
static int compare_methods(const void *left, const void *right) {
  const struct gw_str *a = left, *b = right;
  enum gw_method x = gw_method_find(*a), y = gw_method_find(*b);
  if (x == y) return gw_str_compare(*a, *b);
  if (x == GW_METHOD_OTHER || y == GW_METHOD_OTHER) return x == GW_METHOD_OTHER ? 1 : -1;
  return x < y ? -1 : 1;
}

bool gw_route_has_method(const struct gw_route_entry *route, struct gw_str method) {
  for (uint32_t i = 0; i < route->method_count; i++)
    if (gw_str_equal(route->methods[i], method)) return true;
  return false;
}

struct gw_str *gw_route_copy_methods(const struct gw_route_entry *route, struct gw_arena *arena) {
  struct gw_str *methods = gw_arena_calloc(arena, route->method_count, sizeof(*methods));
  memcpy(methods, route->methods, route->method_count * sizeof(*methods));
  return methods;
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
  } else if (gw_route_has_method(route, method)) {
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
  if (gw_route_has_method(route, GW_STR("GET")) && !gw_route_has_method(route, GW_STR("HEAD"))) {
    route->methods[route->method_count++] = GW_STR("HEAD");
    route->has_implied_head = true;
  }
  qsort(route->methods, route->method_count, sizeof(*route->methods), compare_methods);
}

static void read_path(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_entry *route) {
  struct gw_str text;
  const char *why;
  if (!gw_reader_text(reader, node, "path", &text)) return;
  if (gw_path_pattern_parse(text, reader->arena, &route->path, &why) != GW_OK)
    gw_reader_mistake(reader, node, "%.*s: %s", GW_STR_ARG(text), why);
}

/* Regular expressions by their text: the same one is the same path, and different ones are tried in the order of the file. */
static void read_path_regex(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_map *regexes,
                            struct gw_route_entry *route) {
  struct gw_str text;
  const char *why;
  if (!gw_reader_regex(reader, node, "path_regex", &text)) return;
  size_t ordinal = (size_t)gw_map_find(regexes, text);
  if (ordinal == 0) {
    ordinal = gw_map_count(regexes) + 1;
    gw_map_put(regexes, text, (void *)ordinal);
    if (ordinal == PATH_REGEXES_MAX + 1) gw_reader_mistake(reader, node, "there are at most %u path_regex", PATH_REGEXES_MAX);
  }
  if (gw_path_pattern_parse_regex(text, (uint32_t)ordinal, reader->arena, &route->path, &why) != GW_OK)
    gw_reader_mistake(reader, node, "%.*s: %s", GW_STR_ARG(text), why);
}

static void read_name(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_entry *route) {
  if (!gw_reader_text(reader, node, "name", &route->name)) return;
  bool is_good = route->name.len <= NAME_MAX_BYTES;
  for (size_t i = 0; i < route->name.len; i++)
    is_good = is_good && (unsigned char)route->name.data[i] >= 0x20 && (unsigned char)route->name.data[i] < 0x7f;
  if (!is_good) gw_reader_mistake(reader, node, "a route's name has 1 to %u characters of ASCII", NAME_MAX_BYTES);
}

/* What is beside path, methods and the origin's keys. */
static void read_rules(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                       struct gw_route_entry *route) {
  const struct gw_yaml_node *name = gw_yaml_find(node, "name"), *hosts = gw_yaml_find(node, "hosts"), *match = gw_yaml_find(node, "match"),
                            *request = gw_yaml_find(node, "request_headers"), *response = gw_yaml_find(node, "response_headers"),
                            *groups = gw_yaml_find(node, "node_groups");
  if (groups != NULL) gw_node_groups_read(reader, groups, &route->node_groups);
  if (name != NULL) read_name(reader, name, route);
  if (hosts != NULL) gw_hosts_read(reader, hosts, &route->hosts, &route->host_count);
  if (match != NULL) gw_conditions_read(reader, match, &route->conditions);
  gw_route_actions_read(reader, node, &route->path, services, &route->actions);
  if (request != NULL) route->request_headers = gw_header_changes_read(reader, request, "request_headers", false);
  if (response != NULL) route->response_headers = gw_header_changes_read(reader, response, "response_headers", true);
}

/* A route has one of each, which all services of a split share. */
static void check_shares(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_route_entry *route) {
  const struct gw_route_actions *actions = &route->actions;
  struct gw_timeouts_entry own = route->timeouts;
  if (route->has_timeout) own.request_ms = route->timeout_ms;
  for (uint32_t i = 1; i < actions->share_count; i++) {
    const struct gw_service_entry *first = actions->shares[0].service, *service = actions->shares[i].service;
    if (first == NULL || service == NULL) return;
    if (!gw_retries_agree(&route->retries, &first->retries, &service->retries))
      gw_reader_mistake(reader, node->pairs[i].key, "the services of a split have different retries; say which by the route's retries");
    if (!gw_timeouts_agree(&own, &first->timeouts, &service->timeouts))
      gw_reader_mistake(reader, node->pairs[i].key, "the services of a split have different timeouts; say which by the route's timeouts");
  }
}

/* `timeout` is the short way to say timeouts.request; who says neither has the service's. */
static void settle_timeout(const struct gw_reader *reader, const struct gw_yaml_node *timeout, struct gw_route_entry *route) {
  const struct gw_service_entry *service = gw_route_actions_service(&route->actions);
  uint64_t request_ms = route->timeouts.request_ms;
  if (timeout != NULL && request_ms != 0) gw_reader_mistake(reader, timeout, "timeout and timeouts.request say the same; write one");
  if (timeout == NULL && request_ms == 0 && service != NULL) request_ms = service->timeouts.request_ms;
  if (timeout != NULL || request_ms == 0) return;
  route->timeout_ms = request_ms;
  route->has_timeout = true;
}

/* What routes are read with. */
struct reading {
  const struct gw_service_list *services;
  const struct gw_auth_policy *auth;
  const struct gw_access_rules_of_file *access;
  struct gw_access_log_rule access_log; /* of the settings */
  struct gw_browser_defaults browser;
  struct gw_map *regexes;
};

static void read_route(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct reading *with,
                       struct gw_route_entry *route) {
  *route = (struct gw_route_entry){.hash = node->hash, .timeout_ms = GW_ROUTE_TIMEOUT_DEFAULT_YAML_MS};
  if (!gw_reader_is_mapping(reader, node, "a route", route_keys)) return;
  const struct gw_yaml_node *path = gw_yaml_find(node, "path"), *regex = gw_yaml_find(node, "path_regex"),
                            *methods = gw_yaml_find(node, "methods"), *timeout = gw_yaml_find(node, "timeout");
  route->node = path != NULL ? path : regex != NULL ? regex : node;
  if (path == NULL && regex == NULL) gw_reader_mistake(reader, node, "a route needs a path, such as /projects/{id}");
  if (path != NULL && regex != NULL) gw_reader_mistake(reader, regex, "a route has either path or path_regex");
  if (path != NULL) read_path(reader, path, route);
  if (path == NULL && regex != NULL) read_path_regex(reader, regex, with->regexes, route);
  read_rules(reader, node, with->services, route);
  if (methods != NULL && !gw_yaml_is_null(methods)) read_methods(reader, methods, route);
  gw_route_auth_read(reader, node, with->auth, &route->auth);
  gw_route_access_read(reader, node, &route->path, with->access, &route->access);
  route->cors = gw_cors_read(reader, node, &with->browser);
  route->response_headers = gw_security_headers_read(reader, node, &with->browser, route->response_headers);
  gw_limits_read_route(reader, node, &route->limits);
  route->access_log = gw_access_log_read(reader, node, &with->access_log);
  if (timeout != NULL) route->has_timeout = gw_reader_duration(reader, timeout, "timeout", &route->timeout_ms);
  gw_retries_read(reader, node, &route->retries);
  gw_timeouts_read(reader, node, false, &route->timeouts);
  check_shares(reader, gw_yaml_find(node, "split"), route);
  settle_timeout(reader, timeout, route);
}

bool gw_routes_share_path(const struct gw_route_entry *a, const struct gw_route_entry *b) {
  return gw_str_equal(a->host, b->host) && gw_path_pattern_compare(&a->path, &b->path) == 0;
}

/* Host by host, path by path; within one, more conditions say more than fewer, and then methods more than none. */
static int compare_routes(const void *left, const void *right) {
  const struct gw_route_entry *a = left, *b = right;
  int by_host = (a->host.len | b->host.len) == 0 ? 0 : gw_str_compare(a->host, b->host);
  if (by_host != 0) return by_host;
  int by_path = gw_path_pattern_compare(&a->path, &b->path);
  if (by_path != 0) return by_path;
  if (a->conditions.count != b->conditions.count) return a->conditions.count > b->conditions.count ? -1 : 1;
  if ((a->method_count == 0) != (b->method_count == 0)) return a->method_count == 0 ? 1 : -1;
  for (uint32_t i = 0; i < a->method_count && i < b->method_count; i++) {
    int by_method = compare_methods(&a->methods[i], &b->methods[i]);
    if (by_method != 0) return by_method;
  }
  int by_conditions = gw_conditions_compare(&a->conditions, &b->conditions);
  if (by_conditions != 0) return by_conditions;
  if ((a->node_groups.count == 0) != (b->node_groups.count == 0)) return a->node_groups.count == 0 ? 1 : -1;
  return a->node->line < b->node->line ? -1 : a->node->line > b->node->line;
}

/* Each host has the routes of those wildcards that it is of, too. */
static void check_total(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_route_entry *items,
                        uint32_t count) {
  uint64_t hosts = 1, shared = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0 && !gw_str_equal(items[i].host, items[i - 1].host)) hosts++;
    shared += items[i].host.len == 0 || gw_str_find_char(items[i].host, '*') >= 0;
  }
  if (hosts > 1 && hosts * shared + count > ROUTES_OF_ALL_HOSTS_MAX)
    gw_reader_mistake(reader, node, "%llu routes of several hosts for each of %llu hosts are more than %u; give them hosts of their own",
                      (unsigned long long)shared, (unsigned long long)hosts, ROUTES_OF_ALL_HOSTS_MAX);
}

/* One for each host. */
static struct gw_route_entry *expand_hosts(const struct gw_reader *reader, struct gw_route_entry *read, uint32_t count,
                                           uint32_t expanded_count) {
  if (count == expanded_count) {
    for (uint32_t i = 0; i < count; i++)
      if (read[i].host_count > 0) read[i].host = read[i].hosts[0];
    return read;
  }
  struct gw_route_entry *items = gw_arena_calloc(reader->arena, expanded_count, sizeof(*items));
  uint32_t used = 0;
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t k = 0; k < read[i].host_count || k == 0; k++) {
      items[used] = read[i];
      if (read[i].host_count > 0) items[used].host = read[i].hosts[k];
      /* A HEAD that is implied may be dropped for one host alone. */
      if (read[i].has_implied_head) items[used].methods = gw_route_copy_methods(&read[i], reader->arena);
      used++;
    }
  }
  return items;
}

void gw_routes_read(const struct gw_reader *reader, const struct gw_yaml_node *root, const struct gw_service_list *services,
                    const struct gw_auth_policy *auth, const struct gw_access_rules_of_file *access, const struct gw_settings *settings,
                    struct gw_route_list *ret_routes) {
  *ret_routes = (struct gw_route_list){0};
  const struct gw_yaml_node *list = gw_reader_find_root(reader, root, root_keys, "[]");
  if (list == NULL || !gw_reader_is_list(reader, list, "routes")) return;
  struct reading with = {.services = services,
                         .auth = auth,
                         .access = access,
                         .access_log = gw_access_log_rule_of(settings),
                         .regexes = gw_map_new()};
  gw_browser_read_defaults(reader, root, &with.browser);
  struct gw_route_entry *read = gw_arena_alloc(reader->arena, list->count * sizeof(*read));
  uint32_t count = 0, expanded_count = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    read_route(reader, list->items[i], &with, &read[count]);
    if (read[count].path.count == 0) continue;
    expanded_count += read[count].host_count > 0 ? read[count].host_count : 1;
    count++;
  }
  gw_map_free(with.regexes);
  struct gw_route_entry *items = expand_hosts(reader, read, count, expanded_count);
  qsort(items, expanded_count, sizeof(*items), compare_routes);
  *ret_routes = (struct gw_route_list){.items = items, .count = expanded_count};
  gw_route_groups_make(reader, root, ret_routes);
  check_total(reader, list, items, expanded_count);
}
