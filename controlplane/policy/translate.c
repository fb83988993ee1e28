#include "controlplane/policy/translate.h"

#include "common/message/headers.h"

/* The form of all local replies; a data plane adds the request's id. */
static struct gw_str format_reply(uint32_t status, const char *message, struct gw_arena *arena) {
  return gw_str_from(gw_arena_printf(arena, "{\"error\": %u, \"message\": \"%s\"}", status, message));
}

static struct gw_str join_methods(const struct gw_str *methods, uint32_t count, const char *separator, struct gw_arena *arena) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_str(&buf, gw_str_from(separator));
    gw_strbuf_append_str(&buf, methods[i]);
  }
  struct gw_str joined = gw_arena_copy(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return joined;
}

/* A method is a token: some of its characters mean something in a regular expression. */
static struct gw_str format_method_regex(const struct gw_str *methods, uint32_t count, struct gw_arena *arena) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(&buf, '|');
    for (size_t k = 0; k < methods[i].len; k++) {
      if (memchr("*+.^|$", methods[i].data[k], 6) != NULL) gw_strbuf_append_char(&buf, '\\');
      gw_strbuf_append_char(&buf, methods[i].data[k]);
    }
  }
  struct gw_str regex = gw_arena_copy(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return regex;
}

static void translate_methods(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route_match *match) {
  if (entry->method_count == 0) return;
  struct gw_header_match *header = gw_arena_calloc(arena, 1, sizeof(*header));
  header->name = GW_STR(":method");
  header->kind = entry->method_count == 1 ? GW_STRING_MATCH_EXACT : GW_STRING_MATCH_REGEX;
  header->value = entry->method_count == 1 ? entry->methods[0] : format_method_regex(entry->methods, entry->method_count, arena);
  match->headers = header;
  match->header_count = 1;
}

static void set_direct(struct gw_route *route, uint32_t status, const char *message, struct gw_arena *arena) {
  route->action = GW_ROUTE_DIRECT_RESPONSE;
  route->direct = (struct gw_route_direct_response){.status = status, .body = format_reply(status, message, arena)};
}

static void set_forward(struct gw_route *route, const struct gw_route_entry *entry, struct gw_arena *arena) {
  route->action = GW_ROUTE_FORWARD;
  route->forward = (struct gw_route_forward){.cluster = entry->service->name, .timeout_ms = entry->timeout_ms};
  if (entry->service->base_path.len > 0) {
    route->forward.regex_rewrite_pattern = GW_STR("^/");
    route->forward.regex_rewrite_substitution = gw_str_from(gw_arena_printf(arena, "%.*s/", GW_STR_ARG(entry->service->base_path)));
  }
}

static struct gw_str name_route(const struct gw_route_entry *entry, struct gw_arena *arena) {
  if (entry->method_count == 0) return entry->path.text;
  struct gw_str methods = join_methods(entry->methods, entry->method_count, ",", arena);
  return gw_str_from(gw_arena_printf(arena, "%.*s %.*s", GW_STR_ARG(methods), GW_STR_ARG(entry->path.text)));
}

static void translate_route(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route *route) {
  route->name = name_route(entry, arena);
  gw_path_pattern_to_match(&entry->path, arena, &route->match);
  translate_methods(entry, arena, &route->match);
  if (entry->is_auth_required) {
    set_direct(route, 501, "authentication is not available yet", arena);
  } else {
    set_forward(route, entry, arena);
  }
}

/* Behind the routes of one path: every method that none of them has. A path's policy decides; nothing falls through to another's. */
static void translate_other_methods(const struct gw_route_entry *group, uint32_t count, struct gw_arena *arena, struct gw_route *route) {
  uint32_t total = 0, used = 0;
  for (uint32_t i = 0; i < count; i++)
    total += group[i].method_count;
  struct gw_str *methods = gw_arena_calloc(arena, total, sizeof(*methods));
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t k = 0; k < group[i].method_count; k++)
      methods[used++] = group[i].methods[k];
  struct gw_header_option *allow = gw_arena_calloc(arena, 1, sizeof(*allow));
  allow->name = GW_STR("Allow");
  allow->value = join_methods(methods, used, ", ", arena);
  route->name = gw_str_from(gw_arena_printf(arena, "405 %.*s", GW_STR_ARG(group[0].path.text)));
  gw_path_pattern_to_match(&group[0].path, arena, &route->match);
  set_direct(route, 405, "this path does not have this method", arena);
  route->response_headers_to_add = allow;
  route->response_headers_to_add_count = 1;
}

static uint32_t find_group_end(const struct gw_route_list *routes, uint32_t begin) {
  uint32_t end = begin + 1;
  while (end < routes->count && gw_path_pattern_compare(&routes->items[begin].path, &routes->items[end].path) == 0)
    end++;
  return end;
}

static void translate_routes(const struct gw_route_list *routes, struct gw_policy *policy) {
  struct gw_arena *arena = &policy->arena;
  struct gw_route *made = gw_arena_calloc(arena, (size_t)routes->count * 2, sizeof(*made));
  uint32_t count = 0;
  for (uint32_t begin = 0, end; begin < routes->count; begin = end) {
    end = find_group_end(routes, begin);
    for (uint32_t i = begin; i < end; i++)
      translate_route(&routes->items[i], arena, &made[count++]);
    if (routes->items[end - 1].method_count > 0) translate_other_methods(&routes->items[begin], end - begin, arena, &made[count++]);
  }
  for (uint32_t i = 0; i < count; i++)
    made[i].index = i;
  static const struct gw_str any_domain = {"*", 1};
  struct gw_virtual_host *host = gw_arena_calloc(arena, 1, sizeof(*host));
  *host = (struct gw_virtual_host){.name = GW_STR("all"), .domains = &any_domain, .domain_count = 1, .routes = made, .route_count = count};
  struct gw_route_config *config = gw_arena_calloc(arena, 1, sizeof(*config));
  *config = (struct gw_route_config){.name = GW_STR(GW_POLICY_NAME), .virtual_hosts = host, .virtual_host_count = 1, .route_count = count};
  policy->route_configs = config;
  policy->route_config_count = 1;
}

static void list_routes(const struct gw_route_list *routes, struct gw_policy *policy) {
  struct gw_policy_route *list = gw_arena_calloc(&policy->arena, routes->count, sizeof(*list));
  for (uint32_t i = 0; i < routes->count; i++) {
    const struct gw_route_entry *entry = &routes->items[i];
    list[i] = (struct gw_policy_route){.name = name_route(entry, &policy->arena),
                                       .path = entry->path.text,
                                       .service = entry->service->name,
                                       .methods = entry->methods,
                                       .method_count = entry->method_count,
                                       .line = entry->node->line,
                                       .column = entry->node->column};
  }
  policy->routes = list;
  policy->route_count = routes->count;
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
                                      .lb_policy = GW_LB_ROUND_ROBIN,
                                      .eds_service_name = service->name,
                                      .connect_timeout_ms = settings->connect_timeout_ms,
                                      .dns_refresh_ms = settings->dns_refresh_ms,
                                      .upstream_idle_timeout_ms = settings->upstream_idle_timeout_ms};
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

void gw_policy_translate(const struct gw_route_list *routes, const struct gw_service_list *services, const struct gw_settings *settings,
                         struct gw_policy *policy) {
  translate_routes(routes, policy);
  list_routes(routes, policy);
  translate_services(services, settings, policy);
  policy->listeners = gw_policy_translate_listener(settings, &policy->arena);
  policy->listener_count = 1;
}
