#include "common/base/mem.h"
#include "common/model/api_key_auth.h"
#include "controlplane/policy/tracing_settings.h"
#include "controlplane/policy/translate.h"
#include "controlplane/policy/translate_access_log.h"
#include "controlplane/policy/translate_limits.h"

/* An address alone is a range of one. */
static struct gw_str with_length(struct gw_str range, struct gw_arena *arena) {
  if (gw_str_find_char(range, '/') >= 0) return range;
  return gw_str_from(gw_arena_printf(arena, "%.*s/%d", GW_STR_ARG(range), gw_str_find_char(range, ':') >= 0 ? 128 : 32));
}

/* "10.0.0.0/8, ::1" as an array. */
static const struct gw_str *split_ranges(const char *text, struct gw_arena *arena, uint32_t *ret_count) {
  struct gw_str rest = gw_arena_copy(arena, gw_str_from(text)), piece;
  uint32_t count = 1;
  for (size_t i = 0; i < rest.len; i++)
    count += rest.data[i] == ',';
  struct gw_str *items = gw_arena_calloc(arena, count, sizeof(*items));
  *ret_count = 0;
  while (gw_str_split_next(&rest, ',', &piece)) {
    piece = gw_str_trim(piece);
    if (piece.len > 0) items[(*ret_count)++] = with_length(piece, arena);
  }
  return items;
}

static bool has_access_rules(const struct gw_route_list *routes) {
  for (uint32_t i = 0; i < routes->count; i++)
    if (routes->items[i].access.key.len > 0) return true;
  return false;
}

/* Something may refuse a credential, or an address. */
static bool may_refuse(const struct gw_policy_parts *parts) {
  if (parts->auth.provider_count > 0 || parts->auth.has_api_keys) return true;
  for (uint32_t i = 0; i < parts->routes.count; i++)
    if (parts->routes.items[i].access.allow_from.count > 0 || parts->routes.items[i].access.deny_from.count > 0) return true;
  return false;
}

static bool has_cors(const struct gw_route_list *routes) {
  for (uint32_t i = 0; i < routes->count; i++)
    if (routes->items[i].cors != NULL) return true;
  return false;
}

static void translate_filters(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_arena *arena,
                              struct gw_http_connection_manager *http) {
  struct gw_http_filter *filters = gw_arena_calloc(arena, 10 + GW_LIMIT_FILTERS_MAX, sizeof(*filters));
  const struct gw_jwt_authn *jwt = gw_policy_translate_jwt(parts, arena);
  struct gw_forwarded_identity *identity = gw_arena_calloc(arena, 1, sizeof(*identity));
  http->filters = filters;
  filters[http->filter_count++] =
      (struct gw_http_filter){.name = GW_STR("gateway.filters.http.limits"),
                              .kind = GW_FILTER_LIMITS,
                              .settings.limits = {.max_request_body_bytes = settings->max_request_body_bytes,
                                                  .send_timeout_ms = settings->send_timeout_ms,
                                                  .body_timeout_ms = settings->body_timeout_ms,
                                                  .max_uri_bytes = (uint32_t)settings->max_uri_bytes,
                                                  .max_connections_per_worker = settings->max_connections_per_worker,
                                                  .max_connections_per_client = settings->max_connections_per_client,
                                                  .max_stream_resets_per_minute = settings->max_stream_resets_per_minute,
                                                  .overload_memory_percent = settings->overload_memory_percent,
                                                  .overload_descriptors_percent = settings->overload_descriptors_percent,
                                                  .max_metric_series = settings->max_metric_series}};
  if (settings->has_health || settings->has_ready || settings->has_metrics) {
    struct gw_http_filter *own = &filters[http->filter_count++];
    struct gw_node_endpoints *endpoints = &own->settings.node_endpoints;
    own->name = GW_STR("gateway.filters.http.node_endpoints");
    own->kind = GW_FILTER_NODE_ENDPOINTS;
    *endpoints = (struct gw_node_endpoints){.has_health = settings->has_health,
                                            .has_ready = settings->has_ready,
                                            .has_metrics = settings->has_metrics};
    endpoints->metrics_allow = split_ranges(settings->metrics_allow, arena, &endpoints->metrics_allow_count);
  }
  if (may_refuse(parts))
    filters[http->filter_count++] =
        (struct gw_http_filter){.name = GW_STR("gateway.filters.http.access"),
                                .kind = GW_FILTER_ACCESS,
                                .settings.access = {.max_failed_credentials_per_minute = settings->max_failed_credentials}};
  if (has_cors(&parts->routes))
    filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR("envoy.filters.http.cors"), .kind = GW_FILTER_CORS};
  if (jwt != NULL)
    filters[http->filter_count++] =
        (struct gw_http_filter){.name = GW_STR("envoy.filters.http.jwt_authn"), .kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = jwt};
  if (parts->auth.has_api_keys) {
    struct gw_api_key_auth *keys = gw_arena_calloc(arena, 1, sizeof(*keys));
    keys->header = parts->auth.api_key_header;
    filters[http->filter_count++] =
        (struct gw_http_filter){.name = GW_STR("gateway.filters.http.api_key"), .kind = GW_FILTER_API_KEY, .settings.api_key = keys};
  }
  http->filter_count += gw_limits_translate_filters(&parts->routes, &parts->limits, settings, arena, filters + http->filter_count);
  if (has_access_rules(&parts->routes)) {
    filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR(GW_RBAC_DENY_FILTER), .kind = GW_FILTER_RBAC_DENY};
    filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR(GW_RBAC_FILTER), .kind = GW_FILTER_RBAC};
  }
  *identity = parts->auth.identity;
  filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR("gateway.filters.http.identity"),
                                                          .kind = GW_FILTER_IDENTITY,
                                                          .settings.forwarded_identity = identity};
  filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER};
}

struct gw_http2_options gw_policy_translate_http2(const struct gw_settings *settings) {
  return (struct gw_http2_options){
      .hpack_table_size = (uint32_t)settings->http2_header_table,
      .max_concurrent_streams = settings->http2_max_streams,
      .initial_stream_window = (uint32_t)settings->http2_stream_window,
      .initial_connection_window = (uint32_t)settings->http2_connection_window,
      .max_outbound_control_frames = settings->http2_max_control_frames,
      .max_consecutive_empty_frames = settings->http2_max_empty_frames,
      .max_priority_frames = settings->http2_max_priority_frames,
      .max_window_updates = settings->http2_max_window_updates,
  };
}

/* Of its routes: one route configuration serves all listeners, but those that redirect. */
static struct gw_str routes_of(const struct gw_listener_entry *listener, struct gw_arena *arena) {
  if (!listener->is_redirect) return GW_STR(GW_POLICY_NAME);
  return gw_str_from(gw_arena_printf(arena, "redirect/%.*s", GW_STR_ARG(listener->name)));
}

static void translate_listener(const struct gw_policy_parts *parts, const struct gw_listener_entry *from,
                               const struct gw_settings *settings, struct gw_arena *arena, struct gw_listener *listener) {
  *listener = (struct gw_listener){.name = from->name, .address = from->address, .port = from->port, .tls = from->tls};
  bool tells_certificate = from->forwarding == GW_CLIENT_CERT_APPEND_FORWARD || from->forwarding == GW_CLIENT_CERT_SANITIZE_SET;
  struct gw_http_connection_manager *http = &listener->http;
  *http = (struct gw_http_connection_manager){
      .stat_prefix = from->name,
      .route_config_name = routes_of(from, arena),
      .normalize_path = true,
      .merge_slashes = true,
      .escaped_slashes = GW_ESCAPED_SLASHES_REJECT,
      .underscores = GW_UNDERSCORES_DROP,
      .use_remote_address = true,
      .xff_num_trusted_hops = settings->xff_num_trusted_hops,
      .generate_request_id = true,
      .server_name = GW_STR("gateway"),
      .max_request_headers_kb = settings->max_request_headers_kb,
      .max_headers_count = settings->max_headers_count,
      .idle_timeout_ms = settings->idle_timeout_ms,
      .stream_idle_timeout_ms = settings->stream_idle_timeout_ms,
      .request_headers_timeout_ms = settings->request_headers_timeout_ms,
      .drain_timeout_ms = 5000,
      .codec = from->has_http2 ? GW_CODEC_AUTO : GW_CODEC_HTTP1,
      .http2 = from->http2,
      .has_websocket = from->has_websocket && !from->is_redirect,
      .max_requests_per_connection = settings->max_requests_per_connection,
      .client_cert_forwarding = from->forwarding,
      .has_client_cert_subject = tells_certificate && from->tells_subject,
      .has_client_cert_dns = tells_certificate && from->tells_dns,
      .has_client_cert_uri = tells_certificate && from->tells_uri,
  };
  http->http2.allows_connect = http->has_websocket;
  http->trusted_cidrs = split_ranges(settings->trusted_proxies, arena, &http->trusted_cidr_count);
  gw_policy_translate_access_log(parts, settings, arena, http);
  if (gw_tracing_is_on(settings)) http->tracing = gw_tracing_translate(settings, arena);
  translate_filters(parts, settings, arena, http);
}

const struct gw_listener *gw_policy_translate_listeners(const struct gw_policy_parts *parts, const struct gw_settings *settings,
                                                        struct gw_arena *arena) {
  const struct gw_listener_list *listeners = &parts->listeners;
  struct gw_listener *all = gw_arena_calloc(arena, listeners->count, sizeof(*all));
  for (uint32_t i = 0; i < listeners->count; i++)
    translate_listener(parts, &listeners->items[i], settings, arena, &all[i]);
  return all;
}

/* 301 is what browsers and caches know best, and changes other methods to GET: those get 308 (RFC 9110 section 15.4). */
struct gw_route_config gw_policy_translate_redirect(const struct gw_listener_entry *listener, struct gw_arena *arena) {
  static const struct gw_header_match reads = {.name = {":method", 7}, .kind = GW_STRING_MATCH_REGEX, .value = {"GET|HEAD", 8}};
  static const struct gw_str any_domain = {"*", 1};
  struct gw_route_redirect *redirects = gw_arena_calloc(arena, 2, sizeof(*redirects));
  struct gw_route *routes = gw_arena_calloc(arena, 2, sizeof(*routes));
  for (uint32_t i = 0; i < 2; i++) {
    redirects[i] = (struct gw_route_redirect){.status = i == 0 ? 301 : 308, .scheme = GW_STR("https"), .port = listener->redirect_port};
    routes[i] = (struct gw_route){.name = i == 0 ? GW_STR("redirect GET,HEAD") : GW_STR("redirect"),
                                  .index = i,
                                  .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
                                  .action = GW_ROUTE_REDIRECT,
                                  .redirect = &redirects[i]};
  }
  routes[0].match.headers = &reads;
  routes[0].match.header_count = 1;
  struct gw_virtual_host *host = gw_arena_calloc(arena, 1, sizeof(*host));
  *host = (struct gw_virtual_host){.name = GW_STR("all"), .domains = &any_domain, .domain_count = 1, .routes = routes, .route_count = 2};
  return (struct gw_route_config){.name = routes_of(listener, arena), .virtual_hosts = host, .virtual_host_count = 1, .route_count = 2};
}
