/* A route configuration as decoding its own wire form would give it, without the way through the bytes: of 10,000 routes, that way is
 * half of what a snapshot takes to build. */
#include "common/base/map.h"
#include "common/xds/encode_route.h"

static struct gw_str copy_lower(struct gw_arena *arena, struct gw_str s) {
  struct gw_str copy = gw_arena_copy(arena, s);
  for (size_t i = 0; i < copy.len; i++) {
    char *c = (char *)copy.data + i;
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c | 0x20);
  }
  return copy;
}

static struct gw_str copy_str(struct gw_arena *arena, struct gw_str s) {
  return s.len > 0 ? gw_arena_copy(arena, s) : GW_STR("");
}

static void copy_queries(struct gw_arena *arena, const struct gw_route_match *from, struct gw_route_match *to) {
  if (from->query_count == 0) return;
  struct gw_query_match *queries = gw_arena_calloc(arena, from->query_count, sizeof *queries);
  for (uint32_t i = 0; i < from->query_count; i++) {
    queries[i] = from->queries[i];
    queries[i].name = copy_str(arena, from->queries[i].name);
    queries[i].value = copy_str(arena, from->queries[i].value);
    queries[i].ignore_case = from->queries[i].ignore_case && from->queries[i].kind != GW_STRING_MATCH_REGEX;
  }
  to->queries = queries;
}

void gw_xds_copy_header_match(struct gw_arena *arena, const struct gw_header_match *from, struct gw_header_match *to) {
  *to = *from;
  to->name = copy_lower(arena, from->name);
  to->value = copy_str(arena, from->value);
  to->ignore_case = from->ignore_case && from->kind != GW_STRING_MATCH_REGEX;
  to->takes_missing_as_empty = from->takes_missing_as_empty && from->kind != GW_STRING_MATCH_PRESENT;
}

static void copy_match(struct gw_arena *arena, const struct gw_route_match *from, struct gw_route_match *to) {
  *to = *from;
  to->path = copy_str(arena, from->path);
  to->ignore_case = from->ignore_case && from->kind != GW_PATH_MATCH_REGEX && from->kind != GW_PATH_MATCH_TEMPLATE;
  copy_queries(arena, from, to);
  if (from->header_count == 0) return;
  struct gw_header_match *headers = gw_arena_calloc(arena, from->header_count, sizeof *headers);
  for (uint32_t i = 0; i < from->header_count; i++)
    gw_xds_copy_header_match(arena, &from->headers[i], &headers[i]);
  to->headers = headers;
}

static const struct gw_header_changes *copy_changes(struct gw_arena *arena, const struct gw_header_changes *from) {
  if (from == NULL || (from->add_count == 0 && from->remove_count == 0)) return NULL;
  struct gw_header_changes *to = gw_arena_calloc(arena, 1, sizeof *to);
  struct gw_header_option *add = gw_arena_calloc(arena, from->add_count, sizeof *add);
  for (uint32_t i = 0; i < from->add_count; i++) {
    add[i] = from->add[i];
    add[i].name = copy_lower(arena, add[i].name);
    add[i].value = copy_str(arena, add[i].value);
  }
  struct gw_str *remove = gw_arena_calloc(arena, from->remove_count, sizeof *remove);
  for (uint32_t i = 0; i < from->remove_count; i++)
    remove[i] = copy_lower(arena, from->remove[i]);
  *to = (struct gw_header_changes){.remove = remove, .remove_count = from->remove_count, .add_count = from->add_count, .add = add};
  return to;
}

static const struct gw_route_split *copy_split(struct gw_arena *arena, const struct gw_route_split *from) {
  if (from == NULL) return NULL;
  struct gw_route_split *to = gw_arena_calloc(arena, 1, sizeof *to);
  struct gw_weighted_cluster *clusters = gw_arena_calloc(arena, from->count, sizeof *clusters);
  for (uint32_t i = 0; i < from->count; i++)
    clusters[i] = (struct gw_weighted_cluster){copy_str(arena, from->clusters[i].name), from->clusters[i].weight};
  *to = *from;
  to->clusters = clusters;
  return to;
}

static const struct gw_route_redirect *copy_redirect(struct gw_arena *arena, const struct gw_route_redirect *from) {
  struct gw_route_redirect *to = gw_arena_calloc(arena, 1, sizeof *to);
  *to = *from;
  to->scheme = copy_str(arena, from->scheme);
  to->host = copy_str(arena, from->host);
  to->path = copy_str(arena, from->path);
  to->prefix_rewrite = copy_str(arena, from->prefix_rewrite);
  to->regex_rewrite_pattern = copy_str(arena, from->regex_rewrite_pattern);
  to->regex_rewrite_substitution = copy_str(arena, from->regex_rewrite_substitution);
  return to;
}

static void copy_hash_policies(struct gw_arena *arena, const struct gw_route_forward *from, struct gw_route_forward *to) {
  if (from->hash_policy_count == 0) return;
  struct gw_hash_policy *policies = gw_arena_calloc(arena, from->hash_policy_count, sizeof *policies);
  for (uint32_t i = 0; i < from->hash_policy_count; i++) {
    policies[i] = from->hash_policies[i];
    bool is_header = policies[i].kind == GW_HASH_HEADER;
    policies[i].name = is_header ? copy_lower(arena, policies[i].name) : copy_str(arena, policies[i].name);
    policies[i].cookie_path = copy_str(arena, policies[i].cookie_path);
  }
  to->hash_policies = policies;
}

static const struct gw_retry_policy *copy_retry(struct gw_arena *arena, const struct gw_retry_policy *from) {
  if (from == NULL) return NULL;
  struct gw_retry_policy *to = gw_arena_calloc(arena, 1, sizeof *to);
  *to = *from;
  if (from->status_code_count == 0) return to;
  uint32_t *codes = gw_arena_calloc(arena, from->status_code_count, sizeof *codes);
  memcpy(codes, from->status_codes, from->status_code_count * sizeof *codes);
  to->status_codes = codes;
  return to;
}

void gw_xds_copy_route(struct gw_arena *arena, const struct gw_route *from, const struct gw_virtual_host *from_host,
                       const struct gw_virtual_host *to_host, struct gw_map *copies, struct gw_route *to) {
  to->made_from = from->made_from;
  to->filters = gw_xds_copy_route_filters(arena, from->filters, copies);
  to->name = copy_str(arena, from->name);
  copy_match(arena, &from->match, &to->match);
  to->action = from->action;
  switch (from->action) {
  case GW_ROUTE_FORWARD:
    to->forward = from->forward;
    to->forward.cluster = copy_str(arena, from->forward.cluster);
    to->forward.split = copy_split(arena, from->forward.split);
    to->forward.host_rewrite = copy_str(arena, from->forward.host_rewrite);
    copy_hash_policies(arena, &from->forward, &to->forward);
    to->forward.retry =
        from->forward.retry == NULL || from->forward.retry == from_host->retry ? to_host->retry : copy_retry(arena, from->forward.retry);
    to->forward.tells_attempt_count = to_host->tells_attempt_count;
    to->forward.prefix_rewrite = copy_str(arena, from->forward.prefix_rewrite);
    to->forward.regex_rewrite_pattern = copy_str(arena, from->forward.regex_rewrite_pattern);
    to->forward.regex_rewrite_substitution = copy_str(arena, from->forward.regex_rewrite_substitution);
    break;
  case GW_ROUTE_REDIRECT: to->redirect = copy_redirect(arena, from->redirect); break;
  case GW_ROUTE_DIRECT_RESPONSE:
    to->direct.status = from->direct.status;
    to->direct.body = copy_str(arena, from->direct.body);
    break;
  }
  to->request_headers = copy_changes(arena, from->request_headers);
  to->response_headers = copy_changes(arena, from->response_headers);
  to->has_body_limit = from->has_body_limit;
  to->max_request_body_bytes = from->max_request_body_bytes;
}

void gw_xds_copy_virtual_host(struct gw_arena *arena, const struct gw_virtual_host *from, struct gw_virtual_host *to) {
  to->name = copy_str(arena, from->name);
  struct gw_str *domains = gw_arena_calloc(arena, from->domain_count, sizeof *domains);
  for (uint32_t i = 0; i < from->domain_count; i++)
    domains[i] = copy_lower(arena, from->domains[i]);
  to->domains = domains;
  to->domain_count = from->domain_count;
  to->retry = copy_retry(arena, from->retry);
  to->tells_attempt_count = from->tells_attempt_count;
}

static void copy_routes(struct gw_arena *arena, const struct gw_virtual_host *from, struct gw_map *filters, struct gw_virtual_host *to) {
  struct gw_route *routes = gw_arena_calloc(arena, from->route_count, sizeof *routes);
  for (uint32_t i = 0; i < from->route_count; i++) {
    gw_xds_copy_route(arena, &from->routes[i], from, to, filters, &routes[i]);
    routes[i].index = from->routes[i].index;
  }
  to->routes = routes;
  to->route_count = from->route_count;
}

const struct gw_route_config *gw_xds_copy_route_config(struct gw_arena *arena, const struct gw_route_config *from) {
  struct gw_route_config *to = gw_arena_calloc(arena, 1, sizeof *to);
  to->name = copy_str(arena, from->name);
  struct gw_virtual_host *hosts = gw_arena_calloc(arena, from->virtual_host_count, sizeof *hosts);
  struct gw_map *filters = gw_map_new();
  for (uint32_t i = 0; i < from->virtual_host_count; i++) {
    gw_xds_copy_virtual_host(arena, &from->virtual_hosts[i], &hosts[i]);
    copy_routes(arena, &from->virtual_hosts[i], filters, &hosts[i]);
  }
  gw_map_free(filters);
  to->virtual_hosts = hosts;
  to->virtual_host_count = from->virtual_host_count;
  to->route_count = from->route_count;
  to->ignores_port = from->ignores_port;
  return to;
}
