#include "controlplane/policy/translate.h"

#include "common/base/map.h"
#include "common/message/message.h"
#include "controlplane/policy/service_tls_yaml.h"

/* The form of all local replies; a data plane adds the request's id. */
#define NO_AUTHENTICATION "{\"error\": 501, \"message\": \"authentication is not available yet\"}"
#define OTHER_METHOD "{\"error\": 405, \"message\": \"this path does not have this method\"}"

/* What a set of methods is on the wire. Few sets stand in many routes, so each is made once. */
struct method_set {
  struct gw_str list; /* "GET,HEAD" */
  const struct gw_header_match *match;
  const struct gw_header_option *allow;
};

struct translation {
  struct gw_arena *arena;
  const struct gw_settings *settings;
  const struct gw_retry_policy *retry; /* of the virtual host: what routes have that say nothing */
  bool has_retries;                    /* a route has */
  struct gw_map *sets;                 /* list → struct method_set */
  struct gw_strbuf words;              /* for strings in the making */
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

/* Into t->words. */
static struct gw_str join_methods(struct translation *t, const struct gw_str *methods, uint32_t count, struct gw_str separator) {
  gw_strbuf_clear(&t->words);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_str(&t->words, separator);
    gw_strbuf_append_str(&t->words, methods[i]);
  }
  return gw_strbuf_str(&t->words);
}

/* Into t->words. A method is a token: some of its characters mean something in a regular expression. */
static struct gw_str format_method_regex(struct translation *t, const struct gw_str *methods, uint32_t count) {
  gw_strbuf_clear(&t->words);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(&t->words, '|');
    for (size_t k = 0; k < methods[i].len; k++) {
      if (strchr("*+.^|$", methods[i].data[k]) != NULL) gw_strbuf_append_char(&t->words, '\\');
      gw_strbuf_append_char(&t->words, methods[i].data[k]);
    }
  }
  return gw_strbuf_str(&t->words);
}

static const struct method_set *get_method_set(struct translation *t, const struct gw_str *methods, uint32_t count) {
  struct gw_str list = join_methods(t, methods, count, GW_STR(","));
  struct method_set *set = gw_map_find(t->sets, list);
  if (set != NULL) return set;
  set = gw_arena_calloc(t->arena, 1, sizeof(*set));
  set->list = gw_arena_copy(t->arena, list);
  gw_map_put(t->sets, set->list, set);
  struct gw_header_match *match = gw_arena_calloc(t->arena, 1, sizeof(*match));
  match->name = GW_STR(":method");
  match->kind = count == 1 ? GW_STRING_MATCH_EXACT : GW_STRING_MATCH_REGEX;
  match->value = count == 1 ? methods[0] : gw_arena_copy(t->arena, format_method_regex(t, methods, count));
  struct gw_header_option *allow = gw_arena_calloc(t->arena, 1, sizeof(*allow));
  allow->name = GW_STR("Allow");
  allow->value = gw_arena_copy(t->arena, join_methods(t, methods, count, GW_STR(", ")));
  set->match = match;
  set->allow = allow;
  return set;
}

static void set_direct(struct gw_route *route, uint32_t status, struct gw_str body) {
  route->action = GW_ROUTE_DIRECT_RESPONSE;
  route->direct = (struct gw_route_direct_response){.status = status, .body = body};
}

static uint64_t first_of(uint64_t of_route, uint64_t of_service) {
  return of_route != 0 ? of_route : of_service;
}

static void set_forward(struct gw_route *route, const struct gw_route_entry *entry, struct gw_arena *arena) {
  const struct gw_timeouts_entry *own = &entry->timeouts, *of_service = &entry->service->timeouts;
  route->action = GW_ROUTE_FORWARD;
  route->forward = (struct gw_route_forward){.cluster = entry->service->name,
                                             .timeout_ms = entry->timeout_ms,
                                             .hash_policies = entry->service->balancing.hash_policies,
                                             .hash_policy_count = entry->service->balancing.hash_policy_count};
  route->forward.idle_timeout_ms = first_of(own->stream_idle_ms, of_service->stream_idle_ms);
  route->forward.has_idle_timeout = route->forward.idle_timeout_ms != 0;
  route->forward.max_duration_ms = first_of(own->max_duration_ms, of_service->max_duration_ms);
  /* A default is no reason to end a stream that was meant to last. */
  route->forward.has_grpc_timeout = true;
  route->forward.max_grpc_timeout_ms = entry->has_timeout ? entry->timeout_ms : 0;
  if (entry->service->base_path.len > 0) {
    route->forward.regex_rewrite_pattern = GW_STR("^/");
    route->forward.regex_rewrite_substitution = join(arena, entry->service->base_path, GW_STR("/"));
  }
}

static struct gw_route *add_route(struct translation *t, const struct gw_route_match *path) {
  struct gw_route *route = &t->routes[t->count];
  route->index = t->count++;
  route->match = *path;
  return route;
}

/* Equal ones are one; the virtual host's is said once for all routes. Routes without have one that never retries, if the host has one. */
static void set_retry(struct translation *t, struct gw_route *route, const struct gw_retry_policy *policy) {
  static const struct gw_retry_policy none = {.backoff_base_ms = GW_RETRY_BACKOFF_BASE_MS,
                                              .backoff_max_ms = (uint64_t)GW_RETRY_BACKOFF_BASE_MS * GW_RETRY_BACKOFF_FACTOR,
                                              .host_attempts = GW_RETRY_HOST_ATTEMPTS};
  if (policy == NULL && t->retry != NULL) policy = &none;
  route->forward.retry = gw_retry_policy_equal(policy, t->retry) ? t->retry : policy;
  t->has_retries = t->has_retries || (policy != NULL && policy->count > 0);
}

static const struct gw_retry_policy *resolve_retries(const struct translation *t, const struct gw_route_entry *entry,
                                                     const struct gw_retry_policy **ret_others) {
  const struct gw_timeouts_entry *own = &entry->timeouts, *of_service = &entry->service->timeouts;
  const struct gw_retries_of of = {.route = &entry->retries,
                                   .service = &entry->service->retries,
                                   .per_try_ms = first_of(own->per_try_ms, of_service->per_try_ms),
                                   .per_try_idle_ms = first_of(own->per_try_idle_ms, of_service->per_try_idle_ms)};
  return gw_retries_resolve(&of, t->settings, t->arena, ret_others);
}

/* Of the entry's methods those that are idempotent (RFC 9110 section 9.2.2): how many, into `ret_methods`. */
static uint32_t list_idempotent(const struct gw_route_entry *entry, struct gw_str ret_methods[GW_METHOD_COUNT]) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < entry->method_count; i++)
    if (gw_method_is_idempotent(gw_method_find(entry->methods[i]))) ret_methods[count++] = entry->methods[i];
  for (enum gw_method method = 0; entry->method_count == 0 && method < GW_METHOD_COUNT; method++)
    if (gw_method_is_idempotent(method) && method != GW_METHOD_TRACE) ret_methods[count++] = gw_method_name(method);
  return count;
}

static struct gw_route *add_forward(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path,
                                    struct gw_str name, const struct gw_header_match *methods) {
  struct gw_route *route = add_route(t, path);
  route->name = name;
  route->match.headers = methods;
  route->match.header_count = methods != NULL ? 1 : 0;
  set_forward(route, entry, t->arena);
  return route;
}

/* Retries that could do things twice are for idempotent methods: those get a route of their own, in front, under the same name. So every
 * proxy understands it. */
static void translate_forward(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path,
                              struct gw_str name, const struct gw_header_match *methods) {
  const struct gw_retry_policy *others, *policy = resolve_retries(t, entry, &others);
  struct gw_str idempotent[GW_METHOD_COUNT];
  uint32_t count = policy != others ? list_idempotent(entry, idempotent) : 0;
  if (count == 0 || (entry->method_count > 0 && count == entry->method_count)) {
    set_retry(t, add_forward(t, entry, path, name, methods), count == 0 ? others : policy);
    return;
  }
  set_retry(t, add_forward(t, entry, path, name, get_method_set(t, idempotent, count)->match), policy);
  set_retry(t, add_forward(t, entry, path, name, methods), others);
}

/* Returns the route's name. */
static struct gw_str translate_route(struct translation *t, const struct gw_route_entry *entry, const struct gw_route_match *path) {
  struct gw_str name = entry->path.text;
  const struct gw_header_match *methods = NULL;
  if (entry->method_count > 0) {
    const struct method_set *set = get_method_set(t, entry->methods, entry->method_count);
    name = join(t->arena, set->list, join(t->arena, GW_STR(" "), entry->path.text));
    methods = set->match;
  }
  if (!entry->is_auth_required) {
    translate_forward(t, entry, path, name, methods);
    return name;
  }
  struct gw_route *route = add_route(t, path);
  route->name = name;
  route->match.headers = methods;
  route->match.header_count = methods != NULL ? 1 : 0;
  set_direct(route, 501, GW_STR(NO_AUTHENTICATION));
  return name;
}

/* Behind the routes of one path: every method that none of them has. A path's policy decides; nothing falls through to another's. */
static void translate_other_methods(struct translation *t, const struct gw_route_entry *group, uint32_t count,
                                    const struct gw_route_match *path) {
  uint32_t total = 0, used = 0;
  for (uint32_t i = 0; i < count; i++)
    total += group[i].method_count;
  struct gw_str *methods = gw_arena_calloc(t->arena, total, sizeof(*methods));
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t k = 0; k < group[i].method_count; k++)
      methods[used++] = group[i].methods[k];
  struct gw_route *route = add_route(t, path);
  route->name = join(t->arena, GW_STR("405 "), group[0].path.text);
  set_direct(route, 405, GW_STR(OTHER_METHOD));
  route->response_headers_to_add = get_method_set(t, methods, used)->allow;
  route->response_headers_to_add_count = 1;
}

static void list_route(const struct gw_route_entry *entry, struct gw_str name, struct gw_policy_route *out) {
  *out = (struct gw_policy_route){.name = name,
                                  .path = entry->path.text,
                                  .service = entry->service->name,
                                  .methods = entry->methods,
                                  .method_count = entry->method_count,
                                  .line = entry->node->line,
                                  .column = entry->node->column};
}

static uint32_t find_group_end(const struct gw_route_list *routes, uint32_t begin) {
  uint32_t end = begin + 1;
  while (end < routes->count && gw_path_pattern_compare(&routes->items[begin].path, &routes->items[end].path) == 0)
    end++;
  return end;
}

/* Each entry makes a route, or two (see translate_forward), and each path whose methods are listed one more. */
static uint32_t count_made(const struct gw_route_list *routes) {
  uint32_t count = 2 * routes->count;
  for (uint32_t begin = 0, end; begin < routes->count; begin = end) {
    end = find_group_end(routes, begin);
    count += routes->items[end - 1].method_count > 0;
  }
  return count;
}

/* Theirs, and one more for each listener that redirects. */
static void translate_configs(const struct gw_listener_list *listeners, struct gw_route_config routes, struct gw_policy *policy) {
  struct gw_route_config *configs = gw_arena_calloc(&policy->arena, listeners->count + 1u, sizeof(*configs));
  configs[policy->route_config_count++] = routes;
  for (uint32_t i = 0; i < listeners->count; i++)
    if (listeners->items[i].is_redirect)
      configs[policy->route_config_count++] = gw_policy_translate_redirect(&listeners->items[i], &policy->arena);
  policy->route_configs = configs;
}

static struct gw_route_config translate_routes(const struct gw_route_list *routes, const struct gw_settings *settings,
                                               struct gw_policy *policy) {
  static const struct gw_retries_entry nothing = {0};
  const struct gw_retries_of unsaid = {.route = &nothing, .service = &nothing};
  const struct gw_retry_policy *others;
  struct gw_arena *arena = &policy->arena;
  struct translation t = {.arena = arena, .settings = settings, .sets = gw_map_new()};
  t.retry = gw_retries_resolve(&unsaid, settings, arena, &others);
  t.routes = gw_arena_calloc(arena, count_made(routes), sizeof(*t.routes));
  struct gw_policy_route *list = gw_arena_calloc(arena, routes->count, sizeof(*list));
  for (uint32_t begin = 0, end; begin < routes->count; begin = end) {
    end = find_group_end(routes, begin);
    struct gw_route_match path;
    for (uint32_t i = begin; i < end; i++) {
      const struct gw_route_entry *entry = &routes->items[i];
      gw_path_pattern_to_match(&entry->path, arena, &path);
      list_route(entry, translate_route(&t, entry, &path), &list[i]);
    }
    if (routes->items[end - 1].method_count > 0) translate_other_methods(&t, &routes->items[begin], end - begin, &path);
  }
  static const struct gw_str any_domain = {"*", 1};
  struct gw_virtual_host *host = gw_arena_calloc(arena, 1, sizeof(*host));
  *host = (struct gw_virtual_host){.name = GW_STR("all"),
                                   .domains = &any_domain,
                                   .domain_count = 1,
                                   .routes = t.routes,
                                   .route_count = t.count,
                                   .retry = t.retry,
                                   .tells_attempt_count = t.has_retries};
  policy->routes = list;
  policy->route_count = routes->count;
  gw_map_free(t.sets);
  gw_strbuf_done(&t.words);
  return (struct gw_route_config){.name = GW_STR(GW_POLICY_NAME), .virtual_hosts = host, .virtual_host_count = 1, .route_count = t.count};
}

/* All addresses are IPs: EDS, so that instances come and go without the cluster changing. Any host name: the data plane resolves them. */
static void translate_services(const struct gw_service_list *services, const struct gw_settings *settings, struct gw_policy *policy) {
  struct gw_cluster *clusters = gw_arena_calloc(&policy->arena, services->count, sizeof(*clusters));
  struct gw_endpoints *all = gw_arena_calloc(&policy->arena, services->count, sizeof(*all));
  struct gw_endpoints *inline_ones = gw_arena_calloc(&policy->arena, services->count, sizeof(*inline_ones));
  for (uint32_t i = 0; i < services->count; i++) {
    const struct gw_service_entry *service = &services->items[i];
    struct gw_endpoints endpoints = {.cluster_name = service->name, .items = service->endpoints, .count = service->endpoint_count};
    clusters[i] = (struct gw_cluster){.name = service->name,
                                      .kind = service->has_names ? GW_CLUSTER_STRICT_DNS : GW_CLUSTER_EDS,
                                      .balancing = service->balancing.balancing,
                                      .eds_service_name = service->name,
                                      .connect_timeout_ms = first_of(service->timeouts.connect_ms, settings->connect_timeout_ms),
                                      .retry_budget = gw_retry_budget_resolve(&service->retry_budget, settings),
                                      .dns_refresh_ms = settings->dns_refresh_ms,
                                      .upstream_idle_timeout_ms = settings->upstream_idle_timeout_ms,
                                      .protocol = service->protocol,
                                      .tls = service->tls};
    if (service->protocol != GW_UPSTREAM_HTTP1) clusters[i].http2 = gw_policy_translate_http2(settings);
    if (service->has_names) {
      inline_ones[i] = endpoints;
      clusters[i].inline_endpoints = &inline_ones[i];
    } else {
      all[policy->static_endpoints_count++] = endpoints;
    }
  }
  policy->clusters = clusters;
  policy->cluster_count = services->count;
  policy->static_endpoints = all;
}

static void translate_secrets(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy) {
  struct gw_policy_secret *secrets = gw_arena_calloc(&policy->arena, parts->secrets.count + 1u, sizeof(*secrets));
  for (const struct gw_secret_entry *entry = parts->secrets.first; entry != NULL; entry = entry->next)
    secrets[policy->secret_count++] = entry->secret;
  if (parts->services.needs_system_ca) {
    const char **path = gw_arena_calloc(&policy->arena, 1, sizeof(*path));
    path[0] = gw_arena_strdup(&policy->arena, settings->ca_file);
    secrets[policy->secret_count++] = (struct gw_policy_secret){.name = GW_STR(GW_SYSTEM_CA),
                                                                .kind = GW_SECRET_VALIDATION,
                                                                .paths = path,
                                                                .path_count = 1,
                                                                .place = "GATEWAY_CA_FILE"};
  }
  policy->secrets = secrets;
}

void gw_policy_translate(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy) {
  translate_configs(&parts->listeners, translate_routes(&parts->routes, settings, policy), policy);
  translate_services(&parts->services, settings, policy);
  translate_secrets(parts, settings, policy);
  policy->listeners = gw_policy_translate_listeners(&parts->listeners, settings, &policy->arena);
  policy->listener_count = parts->listeners.count;
}
