#include "common/base/mem.h"
#include "controlplane/policy/translate.h"

/* Envoy's names and operators; the path without its query, since queries may hold secrets. */
static const struct gw_access_log_field json_fields[] = {
#define FIELD(name, format)                                                                                                                \
  {                                                                                                                                        \
    {name, sizeof(name) - 1}, {                                                                                                            \
      format, sizeof(format) - 1                                                                                                           \
    }                                                                                                                                      \
  }
    FIELD("start_time", "%START_TIME%"),
    FIELD("method", "%REQ(:METHOD)%"),
    FIELD("path", "%PATH(NQ)%"),
    FIELD("protocol", "%PROTOCOL%"),
    FIELD("authority", "%REQ(:AUTHORITY)%"),
    FIELD("response_code", "%RESPONSE_CODE%"),
    FIELD("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    FIELD("response_flags", "%RESPONSE_FLAGS%"),
    FIELD("bytes_received", "%BYTES_RECEIVED%"),
    FIELD("bytes_sent", "%BYTES_SENT%"),
    FIELD("duration", "%DURATION%"),
    FIELD("route_name", "%ROUTE_NAME%"),
    FIELD("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    FIELD("upstream_host", "%UPSTREAM_HOST%"),
    FIELD("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    FIELD("user_agent", "%REQ(USER-AGENT)%"),
    FIELD("request_id", "%REQ(X-REQUEST-ID)%"),
#undef FIELD
};

static const char text_format[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %PATH(NQ)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% "
    "%BYTES_SENT% %DURATION% \"%ROUTE_NAME%\" \"%UPSTREAM_CLUSTER%\" \"%UPSTREAM_HOST%\" \"%DOWNSTREAM_REMOTE_ADDRESS%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\"\n";

static void translate_access_log(const struct gw_settings *settings, struct gw_arena *arena, struct gw_http_connection_manager *http) {
  if (settings->access_log == GW_ACCESS_LOG_OFF) return;
  struct gw_access_log *log = gw_arena_calloc(arena, 1, sizeof(*log));
  if (settings->access_log == GW_ACCESS_LOG_JSON) {
    log->fields = json_fields;
    log->field_count = GW_ARRAY_LEN(json_fields);
  } else {
    log->text = GW_STR(text_format);
  }
  http->access_logs = log;
  http->access_log_count = 1;
}

static void translate_metrics_allow(const struct gw_settings *settings, struct gw_arena *arena, struct gw_node_endpoints *endpoints) {
  struct gw_str rest = gw_arena_copy(arena, gw_str_from(settings->metrics_allow)), piece;
  uint32_t count = 1;
  for (size_t i = 0; i < rest.len; i++)
    count += rest.data[i] == ',';
  struct gw_str *allow = gw_arena_calloc(arena, count, sizeof(*allow));
  endpoints->metrics_allow = allow;
  while (gw_str_split_next(&rest, ',', &piece)) {
    piece = gw_str_trim(piece);
    if (piece.len > 0) allow[endpoints->metrics_allow_count++] = piece;
  }
}

static void translate_filters(const struct gw_settings *settings, struct gw_arena *arena, struct gw_http_connection_manager *http) {
  struct gw_http_filter *filters = gw_arena_calloc(arena, 2, sizeof(*filters));
  http->filters = filters;
  if (settings->has_health || settings->has_ready || settings->has_metrics) {
    struct gw_http_filter *own = &filters[http->filter_count++];
    own->name = GW_STR("gateway.filters.http.node_endpoints");
    own->kind = GW_FILTER_NODE_ENDPOINTS;
    own->settings.node_endpoints = (struct gw_node_endpoints){.has_health = settings->has_health,
                                                              .has_ready = settings->has_ready,
                                                              .has_metrics = settings->has_metrics};
    translate_metrics_allow(settings, arena, &own->settings.node_endpoints);
  }
  filters[http->filter_count++] = (struct gw_http_filter){.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER};
}

const struct gw_listener *gw_policy_translate_listener(const struct gw_settings *settings, struct gw_arena *arena) {
  struct gw_listener *listener = gw_arena_calloc(arena, 1, sizeof(*listener));
  listener->name = GW_STR(GW_POLICY_NAME);
  listener->address = gw_arena_copy(arena, gw_str_from(settings->host));
  listener->port = settings->port;
  struct gw_http_connection_manager *http = &listener->http;
  *http = (struct gw_http_connection_manager){
      .stat_prefix = GW_STR(GW_POLICY_NAME),
      .route_config_name = GW_STR(GW_POLICY_NAME),
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
  };
  translate_access_log(settings, arena, http);
  translate_filters(settings, arena, http);
  return listener;
}
