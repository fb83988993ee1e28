#include "controlplane/policy/route_actions_yaml.h"

#include "common/base/mem.h"
#include "common/message/headers.h"
#include "common/message/status.h"
#include "common/message/uri.h"
#include "common/routing/regex.h"
#include "common/routing/rewrite.h"
#include "controlplane/policy/route_headers_yaml.h"

#define SHARES_MAX 64u
#define WEIGHT_MAX 1000000u
#define BODY_MAX 4096u /* Envoy's default for direct responses */
#define REDIRECT_STATUS 302

static const char *const rewrite_keys[] = {"prefix", "path", "regex", "host", NULL};
static const char *const regex_keys[] = {"pattern", "substitution", NULL};
static const char *const redirect_keys[] = {"scheme", "host", "port", "path", "prefix", "regex", "status", "strip_query", NULL};
static const char *const respond_keys[] = {"status", "body", "content_type", NULL};

/* ---- services ---- */

static const struct gw_service_entry *find_service(const struct gw_reader *reader, const struct gw_yaml_node *node,
                                                   const struct gw_service_list *services) {
  struct gw_str name;
  if (!gw_reader_text(reader, node, "service", &name) || services == NULL) return NULL;
  const struct gw_service_entry *service = gw_map_find(services->by_name, name);
  if (service != NULL) return service;
  const char **names = gw_arena_alloc(reader->arena, (services->count + 1u) * sizeof(const char *));
  for (uint32_t i = 0; i < services->count; i++)
    names[i] = services->items[i].name.data;
  const char *nearest = gw_reader_find_nearest(name, names, services->count);
  gw_reader_mistake(reader, node, "service %.*s%s%s%s is not in services.yaml", GW_STR_ARG(name), nearest != NULL ? " (" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "?)" : "");
  return NULL;
}

static bool has_same_hash(const struct gw_service_balancing *a, const struct gw_service_balancing *b) {
  if (a->hash_policy_count != b->hash_policy_count) return false;
  for (uint32_t i = 0; i < a->hash_policy_count; i++) {
    const struct gw_hash_policy *x = &a->hash_policies[i], *y = &b->hash_policies[i];
    if (x->kind != y->kind || !gw_str_equal(x->name, y->name) || x->is_terminal != y->is_terminal ||
        x->has_cookie_ttl != y->has_cookie_ttl || x->cookie_ttl_ms != y->cookie_ttl_ms || !gw_str_equal(x->cookie_path, y->cookie_path))
      return false;
  }
  return true;
}

/* A route has one rewriting and one list of what to go by, which all services of a split share. */
static void check_shares(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_actions *actions) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < actions->share_count; i++)
    total += actions->shares[i].weight;
  if (total == 0) gw_reader_mistake(reader, node, "split needs a weight of more than 0");
  for (uint32_t i = 0; i < actions->share_count; i++) {
    const struct gw_service_entry *first = actions->shares[0].service, *service = actions->shares[i].service;
    if (first == NULL || service == NULL) return;
    if (!gw_str_equal(first->base_path, service->base_path)) {
      gw_reader_mistake(reader, node->pairs[i].key, "the services of a split have one base path; %.*s and %.*s differ",
                        GW_STR_ARG(first->name), GW_STR_ARG(service->name));
      return;
    }
    if (actions->is_sticky || service->balancing.hash_policy_count == 0) continue;
    struct gw_service_balancing taken = {.hash_policies = actions->hash_policies, .hash_policy_count = actions->hash_policy_count};
    if (taken.hash_policy_count > 0 && !has_same_hash(&taken, &service->balancing))
      gw_reader_mistake(reader, node->pairs[i].key, "the services of a split go by different hashes; say which by sticky");
    actions->hash_policies = service->balancing.hash_policies;
    actions->hash_policy_count = service->balancing.hash_policy_count;
  }
}

/* {shop: 90, shop-canary: 10} */
static void read_split(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                       struct gw_route_actions *actions) {
  if (node->kind != GW_YAML_MAPPING || node->count == 0 || node->count > SHARES_MAX) {
    gw_reader_mistake(reader, node, "split names 1 to %u services and their weights, such as {shop: 90, shop-canary: 10}", SHARES_MAX);
    return;
  }
  struct gw_route_share *shares = gw_arena_calloc(reader->arena, node->count, sizeof(*shares));
  for (uint32_t i = 0; i < node->count; i++) {
    shares[i].service = find_service(reader, node->pairs[i].key, services);
    shares[i].weight = 1;
    gw_reader_u32(reader, node->pairs[i].value, "the weight of a service", 0, WEIGHT_MAX, &shares[i].weight);
  }
  actions->shares = shares;
  actions->share_count = node->count;
  check_shares(reader, node, actions);
}

static void read_sticky(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_actions *actions) {
  struct gw_service_balancing hashes = {0};
  gw_balancing_read_hashes(reader, node, &hashes);
  actions->is_sticky = true;
  actions->hash_policies = hashes.hash_policies;
  actions->hash_policy_count = hashes.hash_policy_count;
}

/* ---- paths ---- */

static bool is_target(struct gw_str text, bool may_have_query) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c <= 0x20 || c >= 0x7f || c == '#' || (c == '?' && !may_have_query)) return false;
  }
  return text.len > 0 && text.data[0] == '/' && text.len <= GW_REWRITE_SUBSTITUTION_MAX / 2;
}

static void read_prefix(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_path_pattern *path,
                        struct gw_path_change *out) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "prefix", &text)) return;
  if (!is_target(text, false) || gw_str_find_char(text, '\\') >= 0)
    gw_reader_mistake(reader, node, "prefix is a path such as /v2, without a query");
  else if (path->is_regex)
    gw_reader_mistake(reader, node, "prefix is for path: it replaces what that begins with; with path_regex use regex");
  if (text.len > 0 && text.data[text.len - 1] == '/') text.len--;
  out->prefix = text;
  out->has_prefix = true;
}

static void read_whole(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_path_pattern *path,
                       bool may_have_query, struct gw_path_change *out) {
  struct gw_str text, substitution;
  const char *why;
  if (!gw_reader_text(reader, node, "path", &text)) return;
  if (!is_target(text, may_have_query) || gw_str_find_char(text, '\\') >= 0)
    gw_reader_mistake(reader, node, "path is a path such as /v2/{id}%s", may_have_query ? "" : ", without a query");
  else if (path->count > 0 && gw_path_pattern_substitute(path, text, reader->arena, &substitution, &why) != GW_OK)
    gw_reader_mistake(reader, node, "%.*s: %s", GW_STR_ARG(text), why);
  out->path = text;
}

static void read_regex(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_path_change *out) {
  char why[GW_REGEX_WHY_SIZE];
  struct gw_regex *regex = NULL;
  if (!gw_reader_is_mapping(reader, node, "regex", regex_keys)) return;
  const struct gw_yaml_node *pattern = gw_yaml_find(node, "pattern"), *substitution = gw_yaml_find(node, "substitution");
  if (pattern == NULL || substitution == NULL || substitution->kind != GW_YAML_SCALAR) {
    gw_reader_mistake(reader, node,
                      "regex needs a pattern and a substitution, such as {pattern: \"^/old/(.*)\", substitution: \"/new/\\1\"}");
    return;
  }
  out->substitution = gw_yaml_is_null(substitution) ? GW_STR("") : substitution->text;
  if (!gw_reader_text(reader, pattern, "pattern", &out->pattern)) return;
  if (gw_regex_new(out->pattern, (struct gw_regex_options){GW_REGEX_ANYWHERE, false}, why, &regex) != GW_OK) {
    gw_reader_mistake(reader, pattern, "pattern %s", why);
    return;
  }
  const char *wrong = gw_rewrite_check_substitution(out->substitution, gw_regex_group_count(regex));
  if (wrong == NULL && !gw_header_value_is_valid(out->substitution)) wrong = "holds a control character";
  if (wrong != NULL) gw_reader_mistake(reader, substitution, "substitution %s", wrong);
  gw_regex_free(regex);
}

/* One of prefix, path and regex at most. */
static void read_path_change(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_path_pattern *path,
                             bool is_redirect, struct gw_path_change *out) {
  const struct gw_yaml_node *prefix = gw_yaml_find(node, "prefix"), *whole = gw_yaml_find(node, "path"),
                            *regex = gw_yaml_find(node, "regex");
  if ((prefix != NULL) + (whole != NULL) + (regex != NULL) > 1)
    gw_reader_mistake(reader, node, "only one of prefix, path and regex can be");
  if (prefix != NULL) read_prefix(reader, prefix, path, out);
  if (whole != NULL) read_whole(reader, whole, path, is_redirect, out);
  if (regex != NULL) read_regex(reader, regex, out);
}

static void check_base_path(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_route_actions *actions) {
  const struct gw_service_entry *service = gw_route_actions_service(actions);
  if (actions->rewrite.pattern.len > 0 && service != NULL && service->base_path.len > 0)
    gw_reader_mistake(reader, node, "regex says the whole path, but %.*s adds its base path %.*s; use prefix or path",
                      GW_STR_ARG(service->name), GW_STR_ARG(service->base_path));
}

static void read_rewrite(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_path_pattern *path,
                         struct gw_route_actions *actions) {
  if (!gw_reader_is_mapping(reader, node, "rewrite", rewrite_keys)) return;
  if (node->count == 0) gw_reader_mistake(reader, node, "rewrite has prefix, path, regex or host");
  read_path_change(reader, node, path, false, &actions->rewrite);
  check_base_path(reader, node, actions);
  const struct gw_yaml_node *host = gw_yaml_find(node, "host");
  if (host == NULL || !gw_reader_text(reader, host, "host", &actions->host_rewrite)) return;
  if (!gw_uri_authority_is_valid(actions->host_rewrite))
    gw_reader_mistake(reader, host, "host is a name, perhaps with a port: inner.example:8080");
}

/* ---- answers ---- */

static void read_status(const struct gw_reader *reader, const struct gw_yaml_node *node, uint32_t *ret_status) {
  uint32_t status = REDIRECT_STATUS;
  if (node != NULL && !gw_reader_u32(reader, node, "status", 300, 399, &status)) return;
  if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
    *ret_status = status;
  else
    gw_reader_mistake(reader, node, "status is 301, 302, 303, 307 or 308");
}

static void read_redirect(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_path_pattern *path,
                          struct gw_route_actions *actions) {
  struct gw_route_redirect *redirect = gw_arena_calloc(reader->arena, 1, sizeof(*redirect));
  actions->redirect = redirect;
  if (!gw_reader_is_mapping(reader, node, "redirect", redirect_keys)) return;
  const struct gw_yaml_node *scheme = gw_yaml_find(node, "scheme"), *host = gw_yaml_find(node, "host"), *port = gw_yaml_find(node, "port"),
                            *strip = gw_yaml_find(node, "strip_query");
  read_path_change(reader, node, path, true, &actions->rewrite);
  read_status(reader, gw_yaml_find(node, "status"), &redirect->status);
  if (scheme != NULL && gw_reader_text(reader, scheme, "scheme", &redirect->scheme) && !gw_str_equal(redirect->scheme, GW_STR("http")) &&
      !gw_str_equal(redirect->scheme, GW_STR("https")))
    gw_reader_mistake(reader, scheme, "scheme is http or https");
  if (host != NULL && gw_reader_text(reader, host, "host", &redirect->host) &&
      (!gw_uri_authority_is_valid(redirect->host) || gw_uri_authority_host(redirect->host).len != redirect->host.len))
    gw_reader_mistake(reader, host, "host is a name or an address; its port is said by port");
  if (port != NULL) gw_reader_u32(reader, port, "port", 1, 65535, &redirect->port);
  if (strip != NULL) gw_reader_bool(reader, strip, "strip_query", &redirect->strips_query);
  const struct gw_path_change *change = &actions->rewrite;
  bool leads_on = scheme != NULL || host != NULL || port != NULL || change->has_prefix || change->path.len > 0 || change->pattern.len > 0;
  if (!leads_on) gw_reader_mistake(reader, node, "redirect needs scheme, host, port, path, prefix or regex, or it would lead back here");
}

static void read_respond(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_actions *actions) {
  struct gw_route_direct_response *respond = gw_arena_calloc(reader->arena, 1, sizeof(*respond));
  actions->respond = respond;
  if (!gw_reader_is_mapping(reader, node, "respond", respond_keys)) return;
  const struct gw_yaml_node *status = gw_yaml_find(node, "status"), *body = gw_yaml_find(node, "body"),
                            *type = gw_yaml_find(node, "content_type");
  if (status == NULL) gw_reader_mistake(reader, node, "respond needs a status");
  if (status != NULL) gw_reader_u32(reader, status, "status", 200, 599, &respond->status);
  if (type != NULL && gw_reader_text(reader, type, "content_type", &actions->content_type) &&
      !gw_header_value_is_valid(actions->content_type))
    gw_reader_mistake(reader, type, "content_type holds a control character");
  if (body != NULL && !gw_reader_text(reader, body, "body", &respond->body)) return;
  if (respond->body.len > BODY_MAX)
    gw_reader_mistake(reader, body, "body has %zu bytes; at most %u are allowed", respond->body.len, BODY_MAX);
  if (type != NULL && body == NULL) gw_reader_mistake(reader, type, "content_type is of a body");
  /* Errors say what they are, as all of the gateway's own do. */
  if (body == NULL && respond->status >= 400) {
    struct gw_str reason = gw_status_reason(respond->status);
    respond->body =
        gw_str_from(gw_arena_printf(reader->arena, "{\"error\": %u, \"message\": \"%.*s\"}", respond->status, GW_STR_ARG(reason)));
  }
}

/* ---- all ---- */

static void check_use(const struct gw_reader *reader, const struct gw_yaml_node *route, const char *key, bool is_used, const char *whose) {
  const struct gw_yaml_node *value = gw_yaml_find(route, key);
  if (value != NULL && !is_used) gw_reader_mistake(reader, value, "%s is for %s", key, whose);
}

void gw_route_actions_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_path_pattern *path,
                           const struct gw_service_list *services, struct gw_route_actions *ret_actions) {
  *ret_actions = (struct gw_route_actions){0};
  const struct gw_yaml_node *service = gw_yaml_find(route, "service"), *split = gw_yaml_find(route, "split"),
                            *redirect = gw_yaml_find(route, "redirect"), *respond = gw_yaml_find(route, "respond"),
                            *rewrite = gw_yaml_find(route, "rewrite"), *sticky = gw_yaml_find(route, "sticky"),
                            *limit = gw_yaml_find(route, "max_request_body");
  int count = (service != NULL) + (split != NULL) + (redirect != NULL) + (respond != NULL);
  if (count == 0) gw_reader_mistake(reader, route, "a route needs a service, one of services.yaml, or split, redirect or respond");
  if (count > 1) gw_reader_mistake(reader, route, "a route has only one of service, split, redirect and respond");
  bool forwards = service != NULL || split != NULL;
  check_use(reader, route, "rewrite", forwards, "service and split");
  check_use(reader, route, "sticky", split != NULL, "split; of one service, load_balancing says which instance gets a request");
  check_use(reader, route, "timeout", forwards || count == 0, "service and split");
  check_use(reader, route, "timeouts", forwards || count == 0, "service and split");
  check_use(reader, route, "retries", forwards || count == 0, "service and split");
  check_use(reader, route, "request_headers", forwards, "service and split");
  check_use(reader, route, "max_request_body", forwards, "service and split");
  if (sticky != NULL && split != NULL) read_sticky(reader, sticky, ret_actions);
  if (service != NULL) ret_actions->service = find_service(reader, service, services);
  if (split != NULL) read_split(reader, split, services, ret_actions);
  if (rewrite != NULL && forwards) read_rewrite(reader, rewrite, path, ret_actions);
  if (redirect != NULL) read_redirect(reader, redirect, path, ret_actions);
  if (respond != NULL) read_respond(reader, respond, ret_actions);
  if (limit != NULL) ret_actions->has_body_limit = gw_reader_bytes(reader, limit, "max_request_body", &ret_actions->max_request_body_bytes);
}
