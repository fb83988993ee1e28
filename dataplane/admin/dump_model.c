#include "dataplane/admin/dump_model.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/certificate.h"

void gw_dump_text(struct gw_json_writer *json, const char *key, struct gw_str value) {
  gw_json_key(json, key);
  gw_json_string(json, value);
}

void gw_dump_number(struct gw_json_writer *json, const char *key, uint64_t value) {
  gw_json_key(json, key);
  gw_json_u64(json, value);
}

void gw_dump_bool(struct gw_json_writer *json, const char *key, bool value) {
  gw_json_key(json, key);
  gw_json_bool(json, value);
}

/* ---- routes ---- */

static const char *const match_kinds[] =
    {[GW_STRING_MATCH_EXACT] = "exact",       [GW_STRING_MATCH_PREFIX] = "prefix", [GW_STRING_MATCH_SUFFIX] = "suffix",
     [GW_STRING_MATCH_CONTAINS] = "contains", [GW_STRING_MATCH_REGEX] = "regex",   [GW_STRING_MATCH_PRESENT] = "present"};

static void put_headers(struct gw_json_writer *json, const struct gw_route_match *match) {
  gw_json_key(json, "headers");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < match->header_count; i++) {
    const struct gw_header_match *header = &match->headers[i];
    gw_json_object_begin(json);
    gw_dump_text(json, "name", header->name);
    gw_dump_text(json, match_kinds[header->kind], header->value);
    if (header->ignore_case) gw_dump_bool(json, "ignore_case", true);
    if (header->invert) gw_dump_bool(json, "invert", true);
    if (header->takes_missing_as_empty) gw_dump_bool(json, "takes_missing_as_empty", true);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_queries(struct gw_json_writer *json, const struct gw_route_match *match) {
  gw_json_key(json, "query");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < match->query_count; i++) {
    const struct gw_query_match *query = &match->queries[i];
    gw_json_object_begin(json);
    gw_dump_text(json, "name", query->name);
    gw_dump_text(json, match_kinds[query->kind], query->value);
    if (query->ignore_case) gw_dump_bool(json, "ignore_case", true);
    if (query->invert) gw_dump_bool(json, "invert", true);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_match(struct gw_json_writer *json, const struct gw_route_match *match) {
  static const char *const kinds[] = {[GW_PATH_MATCH_PREFIX] = "prefix",
                                      [GW_PATH_MATCH_EXACT] = "path",
                                      [GW_PATH_MATCH_SEPARATED_PREFIX] = "path_separated_prefix",
                                      [GW_PATH_MATCH_REGEX] = "regex",
                                      [GW_PATH_MATCH_TEMPLATE] = "template"};
  gw_json_key(json, "match");
  gw_json_object_begin(json);
  gw_dump_text(json, kinds[match->kind], match->path);
  if (match->ignore_case) gw_dump_bool(json, "ignore_case", true);
  if (match->header_count > 0) put_headers(json, match);
  if (match->query_count > 0) put_queries(json, match);
  gw_json_object_end(json);
}

static void put_hash_policies(struct gw_json_writer *json, const struct gw_route_forward *forward) {
  static const char *const kinds[] =
      {[GW_HASH_HEADER] = "header", [GW_HASH_COOKIE] = "cookie", [GW_HASH_QUERY] = "query", [GW_HASH_CLIENT] = "client_address"};
  gw_json_key(json, "hash_policies");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < forward->hash_policy_count; i++) {
    const struct gw_hash_policy *policy = &forward->hash_policies[i];
    gw_json_object_begin(json);
    gw_dump_text(json, "kind", gw_str_from(kinds[policy->kind]));
    if (policy->name.len > 0) gw_dump_text(json, "name", policy->name);
    if (policy->has_cookie_ttl) gw_dump_number(json, "cookie_ttl_ms", policy->cookie_ttl_ms);
    if (policy->is_terminal) gw_dump_bool(json, "terminal", true);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_split(struct gw_json_writer *json, const struct gw_route_split *split) {
  gw_json_key(json, "split");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < split->count; i++) {
    gw_json_object_begin(json);
    gw_dump_text(json, "cluster", split->clusters[i].name);
    gw_dump_number(json, "weight", split->clusters[i].weight);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
  if (split->by_hash) gw_dump_bool(json, "split_by_hash", true);
}

/* The values are configuration, and may be secrets of a kind that only the one who wrote them knows: names and actions say enough. */
static void put_changes(struct gw_json_writer *json, const char *key, const struct gw_header_changes *changes) {
  static const char *const actions[] = {[GW_HEADER_APPEND] = "append",
                                        [GW_HEADER_ADD_IF_ABSENT] = "add_if_absent",
                                        [GW_HEADER_OVERWRITE] = "overwrite",
                                        [GW_HEADER_OVERWRITE_IF_EXISTS] = "overwrite_if_exists"};
  if (changes == NULL) return;
  gw_json_key(json, key);
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < changes->remove_count; i++) {
    gw_json_object_begin(json);
    gw_dump_text(json, "remove", changes->remove[i]);
    gw_json_object_end(json);
  }
  for (uint32_t i = 0; i < changes->add_count; i++) {
    gw_json_object_begin(json);
    gw_dump_text(json, actions[changes->add[i].action], changes->add[i].name);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_forward(struct gw_json_writer *json, const struct gw_route_forward *forward) {
  if (forward->split != NULL) {
    put_split(json, forward->split);
  } else {
    gw_dump_text(json, "cluster", forward->cluster);
  }
  if (forward->host_rewrite.len > 0) gw_dump_text(json, "host_rewrite", forward->host_rewrite);
  gw_dump_number(json, "timeout_ms", forward->timeout_ms);
  if (forward->has_grpc_timeout) gw_dump_number(json, "max_grpc_timeout_ms", forward->max_grpc_timeout_ms);
  if (forward->has_idle_timeout) gw_dump_number(json, "idle_timeout_ms", forward->idle_timeout_ms);
  if (forward->hash_policy_count > 0) put_hash_policies(json, forward);
  if (forward->prefix_rewrite.len > 0) gw_dump_text(json, "prefix_rewrite", forward->prefix_rewrite);
  if (forward->regex_rewrite_pattern.len > 0) {
    gw_dump_text(json, "regex_rewrite_pattern", forward->regex_rewrite_pattern);
    gw_dump_text(json, "regex_rewrite_substitution", forward->regex_rewrite_substitution);
  }
}

static void put_redirect(struct gw_json_writer *json, const struct gw_route_redirect *redirect) {
  gw_dump_number(json, "redirect_status", redirect->status);
  if (redirect->scheme.len > 0) gw_dump_text(json, "scheme_redirect", redirect->scheme);
  if (redirect->host.len > 0) gw_dump_text(json, "host_redirect", redirect->host);
  if (redirect->port > 0) gw_dump_number(json, "port_redirect", redirect->port);
  if (redirect->path.len > 0) gw_dump_text(json, "path_redirect", redirect->path);
  if (redirect->prefix_rewrite.len > 0) gw_dump_text(json, "prefix_rewrite", redirect->prefix_rewrite);
  if (redirect->regex_rewrite_pattern.len > 0) {
    gw_dump_text(json, "regex_rewrite_pattern", redirect->regex_rewrite_pattern);
    gw_dump_text(json, "regex_rewrite_substitution", redirect->regex_rewrite_substitution);
  }
  if (redirect->strips_query) gw_dump_bool(json, "strip_query", true);
}

static void put_route(struct gw_json_writer *json, const struct gw_route *route) {
  gw_json_object_begin(json);
  gw_dump_text(json, "name", route->name);
  put_match(json, &route->match);
  if (route->action == GW_ROUTE_FORWARD) {
    put_forward(json, &route->forward);
  } else if (route->action == GW_ROUTE_REDIRECT) {
    put_redirect(json, route->redirect);
  } else {
    gw_dump_number(json, "direct_status", route->direct.status);
    gw_dump_text(json, "direct_body", route->direct.body);
  }
  put_changes(json, "request_headers", route->request_headers);
  put_changes(json, "response_headers", route->response_headers);
  if (route->has_body_limit) gw_dump_number(json, "max_request_body_bytes", route->max_request_body_bytes);
  gw_json_object_end(json);
}

void gw_dump_route_config(struct gw_json_writer *json, const struct gw_route_config *config) {
  if (config->ignores_port) gw_dump_bool(json, "ignores_port", true);
  gw_json_key(json, "virtual_hosts");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < config->virtual_host_count; i++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[i];
    gw_json_object_begin(json);
    gw_dump_text(json, "name", host->name);
    gw_json_key(json, "domains");
    gw_json_array_begin(json);
    for (uint32_t k = 0; k < host->domain_count; k++)
      gw_json_string(json, host->domains[k]);
    gw_json_array_end(json);
    gw_json_key(json, "routes");
    gw_json_array_begin(json);
    for (uint32_t k = 0; k < host->route_count; k++)
      put_route(json, &host->routes[k]);
    gw_json_array_end(json);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

/* ---- listeners ---- */

void gw_dump_listener_address(struct gw_json_writer *json, const struct gw_listener *listener) {
  char *text = gw_asprintf(gw_str_find_char(listener->address, ':') >= 0 ? "[%.*s]:%u" : "%.*s:%u", GW_STR_ARG(listener->address),
                           (unsigned)listener->port);
  gw_dump_text(json, "address", gw_str_from(text));
  free(text);
}

static void put_filters(struct gw_json_writer *json, const struct gw_http_connection_manager *http) {
  gw_json_key(json, "filters");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < http->filter_count; i++)
    gw_json_string(json, http->filters[i].name);
  gw_json_array_end(json);
}

static const char *escaped_slashes_name(enum gw_escaped_slashes action) {
  static const char *const names[] = {[GW_ESCAPED_SLASHES_KEEP] = "keep",
                                      [GW_ESCAPED_SLASHES_REJECT] = "reject",
                                      [GW_ESCAPED_SLASHES_REDIRECT] = "redirect",
                                      [GW_ESCAPED_SLASHES_FORWARD] = "unescape and forward"};
  return names[action];
}

static const char *underscores_name(enum gw_underscores action) {
  static const char *const names[] = {[GW_UNDERSCORES_ALLOW] = "allow", [GW_UNDERSCORES_REJECT] = "reject", [GW_UNDERSCORES_DROP] = "drop"};
  return names[action];
}

static void put_strs(struct gw_json_writer *json, const char *key, const struct gw_str *items, uint32_t count) {
  if (count == 0) return;
  gw_json_key(json, key);
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < count; i++)
    gw_json_string(json, items[i]);
  gw_json_array_end(json);
}

/* Of the object that is open; secrets by their names. */
static void put_tls_params(struct gw_json_writer *json, const struct gw_tls_params *params) {
  static const char *const versions[] = {[GW_TLS_1_2] = "1.2", [GW_TLS_1_3] = "1.3"};
  gw_dump_text(json, "min_version", gw_str_from(versions[params->min_version]));
  gw_dump_text(json, "max_version", gw_str_from(versions[params->max_version]));
  if (params->cipher_suites.len > 0) gw_dump_text(json, "cipher_suites", params->cipher_suites);
  put_strs(json, "alpn", params->alpn, params->alpn_count);
  put_strs(json, "certificates", params->certificates, params->certificate_count);
  if (params->validation.len > 0) gw_dump_text(json, "validation", params->validation);
  if (params->san_count == 0) return;
  gw_json_key(json, "names");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < params->san_count; i++)
    gw_json_string(json, params->sans[i].value);
  gw_json_array_end(json);
}

static void put_downstream_tls(struct gw_json_writer *json, const struct gw_downstream_tls *tls) {
  gw_json_key(json, "tls");
  gw_json_object_begin(json);
  put_tls_params(json, &tls->params);
  gw_dump_bool(json, "requires_client_certificate", tls->requires_client_certificate);
  gw_dump_bool(json, "session_tickets", !tls->has_no_tickets);
  if (tls->ticket_keys.len > 0) gw_dump_text(json, "ticket_keys", tls->ticket_keys);
  gw_json_object_end(json);
}

static void put_http2(struct gw_json_writer *json, const struct gw_http2_options *http2) {
  gw_json_key(json, "http2");
  gw_json_object_begin(json);
  gw_dump_number(json, "max_concurrent_streams", http2->max_concurrent_streams);
  gw_dump_number(json, "initial_stream_window", http2->initial_stream_window);
  gw_dump_number(json, "initial_connection_window", http2->initial_connection_window);
  gw_json_object_end(json);
}

static void put_limits(struct gw_json_writer *json, const struct gw_http_connection_manager *http) {
  gw_dump_number(json, "max_requests_per_connection", http->max_requests_per_connection);
  for (uint32_t i = 0; i < http->filter_count; i++) {
    if (http->filters[i].kind != GW_FILTER_LIMITS) continue;
    const struct gw_limits *limits = &http->filters[i].settings.limits;
    gw_dump_number(json, "max_request_body_bytes", limits->max_request_body_bytes);
    gw_dump_number(json, "body_timeout_ms", limits->body_timeout_ms);
    gw_dump_number(json, "max_connections_per_worker", limits->max_connections_per_worker);
    gw_dump_number(json, "max_connections_per_client", limits->max_connections_per_client);
    gw_dump_number(json, "max_stream_resets_per_minute", limits->max_stream_resets_per_minute);
    gw_dump_number(json, "overload_memory_percent", limits->overload_memory_percent);
    gw_dump_number(json, "overload_descriptors_percent", limits->overload_descriptors_percent);
    gw_dump_number(json, "max_metric_series", limits->max_metric_series);
  }
}

void gw_dump_listener(struct gw_json_writer *json, const struct gw_listener *listener) {
  static const char *const codecs[] = {[GW_CODEC_AUTO] = "auto", [GW_CODEC_HTTP1] = "http1", [GW_CODEC_HTTP2] = "http2"};
  const struct gw_http_connection_manager *http = &listener->http;
  gw_dump_listener_address(json, listener);
  if (listener->tls != NULL) put_downstream_tls(json, listener->tls);
  gw_dump_text(json, "codec", gw_str_from(codecs[http->codec]));
  put_http2(json, &http->http2);
  gw_dump_bool(json, "websocket", http->has_websocket);
  if (listener->is_api_only) gw_dump_bool(json, "api_only", true);
  if (http->route_config_name.len > 0) gw_dump_text(json, "route_config", http->route_config_name);
  put_filters(json, http);
  gw_dump_bool(json, "normalize_path", http->normalize_path);
  gw_dump_bool(json, "merge_slashes", http->merge_slashes);
  gw_dump_text(json, "escaped_slashes", gw_str_from(escaped_slashes_name(http->escaped_slashes)));
  gw_dump_text(json, "headers_with_underscores", gw_str_from(underscores_name(http->underscores)));
  gw_dump_bool(json, "use_remote_address", http->use_remote_address);
  gw_dump_number(json, "xff_num_trusted_hops", http->xff_num_trusted_hops);
  put_strs(json, "trusted_proxies", http->trusted_cidrs, http->trusted_cidr_count);
  gw_dump_bool(json, "generate_request_id", http->generate_request_id);
  gw_dump_number(json, "max_request_headers_kb", http->max_request_headers_kb);
  gw_dump_number(json, "max_headers_count", http->max_headers_count);
  gw_dump_number(json, "idle_timeout_ms", http->idle_timeout_ms);
  gw_dump_number(json, "stream_idle_timeout_ms", http->stream_idle_timeout_ms);
  gw_dump_number(json, "request_timeout_ms", http->request_timeout_ms);
  gw_dump_number(json, "request_headers_timeout_ms", http->request_headers_timeout_ms);
  put_limits(json, http);
  gw_dump_number(json, "access_logs", http->access_log_count);
  if (http->inline_routes != NULL) gw_dump_route_config(json, http->inline_routes);
}

/* ---- secrets ---- */

static void dump_certificate(struct gw_json_writer *json, struct gw_str pem) {
  struct gw_arena arena;
  struct gw_certificate certificate;
  char not_after[GW_CLOCK_RFC3339_SIZE];
  gw_arena_init(&arena, 1024);
  if (gw_certificate_parse(pem, &arena, &certificate) == GW_OK) {
    gw_clock_format_rfc3339((uint64_t)certificate.not_after_s * 1000000u, not_after);
    gw_dump_text(json, "not_after", gw_str_from(not_after));
    gw_dump_text(json, "sha256", certificate.sha256_hex);
  }
  gw_arena_done(&arena);
}

void gw_dump_secret(struct gw_json_writer *json, const struct gw_secret *secret) {
  static const char *const kinds[] = {[GW_SECRET_CERTIFICATE] = "certificate",
                                      [GW_SECRET_VALIDATION] = "validation",
                                      [GW_SECRET_TICKET_KEYS] = "ticket keys",
                                      [GW_SECRET_GENERIC] = "generic"};
  gw_dump_text(json, "kind", gw_str_from(kinds[secret->kind]));
  if (secret->kind == GW_SECRET_TICKET_KEYS) {
    gw_dump_number(json, "keys", secret->ticket_key_count);
    return;
  }
  if (secret->kind == GW_SECRET_GENERIC) return;
  struct gw_str pem = secret->kind == GW_SECRET_CERTIFICATE ? secret->certificate_chain : secret->trusted_ca;
  uint32_t count;
  if (gw_certificate_count(pem, &count) != GW_OK) return;
  gw_dump_number(json, "certificates", count);
  if (secret->kind == GW_SECRET_CERTIFICATE) dump_certificate(json, pem);
}

/* ---- clusters ---- */

struct gw_str gw_dump_cluster_kind(const struct gw_cluster *cluster) {
  switch (cluster->kind) {
  case GW_CLUSTER_STATIC: return GW_STR("STATIC");
  case GW_CLUSTER_STRICT_DNS: return GW_STR("STRICT_DNS");
  case GW_CLUSTER_EDS: break;
  }
  return GW_STR("EDS");
}

void gw_dump_endpoint(struct gw_json_writer *json, const struct gw_endpoint *endpoint) {
  gw_dump_text(json, "address", endpoint->address);
  gw_dump_number(json, "port", endpoint->port);
  gw_dump_number(json, "weight", endpoint->weight);
  gw_dump_number(json, "priority", endpoint->priority);
  gw_dump_bool(json, "healthy", !endpoint->is_unhealthy);
}

void gw_dump_endpoints(struct gw_json_writer *json, const struct gw_endpoints *endpoints) {
  gw_json_key(json, "endpoints");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < endpoints->count; i++) {
    gw_json_object_begin(json);
    gw_dump_endpoint(json, &endpoints->items[i]);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_balancing(struct gw_json_writer *json, const struct gw_load_balancing *balancing) {
  gw_dump_text(json, "lb_policy", gw_str_from(gw_lb_policy_name(balancing->policy)));
  gw_dump_number(json, "panic_threshold_percent", balancing->panic_threshold_percent);
  if (balancing->slow_start.window_ms > 0) gw_dump_number(json, "slow_start_ms", balancing->slow_start.window_ms);
  if (balancing->policy == GW_LB_LEAST_REQUEST) gw_dump_number(json, "choice_count", balancing->choice_count);
  if (balancing->policy == GW_LB_RING_HASH) gw_dump_number(json, "ring_size_min", balancing->ring_size_min);
  if (balancing->policy == GW_LB_MAGLEV) gw_dump_number(json, "table_size", balancing->table_size);
}

static void put_health_check(struct gw_json_writer *json, const struct gw_health_check *check) {
  static const char *const kinds[] = {[GW_HEALTH_CHECK_HTTP] = "http", [GW_HEALTH_CHECK_TCP] = "tcp", [GW_HEALTH_CHECK_GRPC] = "grpc"};
  gw_json_key(json, "health_check");
  gw_json_object_begin(json);
  gw_dump_text(json, "type", gw_str_from(kinds[check->kind]));
  if (check->kind == GW_HEALTH_CHECK_HTTP) gw_dump_text(json, "path", check->path);
  if (check->kind == GW_HEALTH_CHECK_GRPC) gw_dump_text(json, "service", check->grpc_service);
  if (check->port != 0) gw_dump_number(json, "port", check->port);
  gw_dump_number(json, "interval_ms", check->interval_ms);
  gw_dump_number(json, "timeout_ms", check->timeout_ms);
  gw_dump_number(json, "healthy_threshold", check->healthy_threshold);
  gw_dump_number(json, "unhealthy_threshold", check->unhealthy_threshold);
  gw_json_object_end(json);
}

static void put_outlier(struct gw_json_writer *json, const struct gw_outlier_detection *outlier) {
  gw_json_key(json, "outlier_detection");
  gw_json_object_begin(json);
  gw_dump_number(json, "consecutive_5xx", outlier->consecutive_5xx);
  gw_dump_number(json, "consecutive_gateway_failure", outlier->consecutive_gateway_failure);
  gw_dump_number(json, "success_rate_enforcing_percent", outlier->success_rate_enforcing_percent);
  gw_dump_number(json, "interval_ms", outlier->interval_ms);
  gw_dump_number(json, "base_ejection_ms", outlier->base_ejection_ms);
  gw_dump_number(json, "max_ejection_percent", outlier->max_ejection_percent);
  gw_json_object_end(json);
}

static void put_protection(struct gw_json_writer *json, const struct gw_cluster *cluster) {
  for (int what = 0; cluster->limits != NULL && what < GW_CONCURRENCY_COUNT; what++)
    gw_dump_number(json, gw_concurrency_name((enum gw_concurrency)what), gw_concurrency_limit(cluster->limits, (enum gw_concurrency)what));
  const struct gw_circuit_breaking *breaking = cluster->breaking;
  if (breaking == NULL) return;
  gw_json_key(json, "circuit_breaker");
  gw_json_object_begin(json);
  gw_dump_number(json, "window_ms", breaking->window_ms);
  gw_dump_number(json, "failures", breaking->failures);
  gw_dump_number(json, "failure_percent", breaking->failure_percent);
  gw_dump_number(json, "min_requests", breaking->min_requests);
  gw_dump_number(json, "open_ms", breaking->open_ms);
  gw_dump_number(json, "probes", breaking->probes);
  gw_dump_number(json, "successes", breaking->successes);
  gw_json_object_end(json);
}

void gw_dump_cluster(struct gw_json_writer *json, const struct gw_cluster *cluster) {
  static const char *const protocols[] = {[GW_UPSTREAM_HTTP1] = "http1", [GW_UPSTREAM_HTTP2] = "http2", [GW_UPSTREAM_AUTO] = "auto"};
  gw_dump_text(json, "kind", gw_dump_cluster_kind(cluster));
  put_balancing(json, &cluster->balancing);
  put_protection(json, cluster);
  gw_dump_number(json, "connect_timeout_ms", cluster->connect_timeout_ms);
  gw_dump_number(json, "idle_timeout_ms", cluster->upstream_idle_timeout_ms);
  gw_dump_text(json, "protocol", gw_str_from(protocols[cluster->protocol]));
  if (cluster->tls != NULL) {
    gw_json_key(json, "tls");
    gw_json_object_begin(json);
    put_tls_params(json, &cluster->tls->params);
    if (cluster->tls->sni.len > 0) gw_dump_text(json, "sni", cluster->tls->sni);
    gw_json_object_end(json);
  }
  if (cluster->health_check != NULL) put_health_check(json, cluster->health_check);
  if (cluster->outlier != NULL) put_outlier(json, cluster->outlier);
  if (cluster->kind == GW_CLUSTER_EDS) gw_dump_text(json, "eds_service_name", cluster->eds_service_name);
  if (cluster->kind == GW_CLUSTER_STRICT_DNS) gw_dump_number(json, "dns_refresh_ms", cluster->dns_refresh_ms);
  if (cluster->inline_endpoints != NULL) gw_dump_endpoints(json, cluster->inline_endpoints);
}
