#include "dataplane/pipeline/request_rules.h"

#include "common/message/upgrade.h"
#include "common/message/uri.h"
#include "dataplane/pipeline/forwarded.h"
#include "dataplane/pipeline/local_reply.h"

static bool refuse(struct gw_stream *stream, uint32_t status, const char *detail, const char *message) {
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = GW_FAILURE_CLIENT,
                                              .detail = gw_str_from(detail),
                                              .message = gw_str_from(message)});
  return false;
}

/* What is matched is what is forwarded. */
static bool normalize_path(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  static const enum gw_uri_escaped_slashes escaped_slashes[] = {
      [GW_ESCAPED_SLASHES_KEEP] = GW_URI_ESCAPED_SLASHES_KEEP,
      [GW_ESCAPED_SLASHES_REJECT] = GW_URI_ESCAPED_SLASHES_REJECT,
      [GW_ESCAPED_SLASHES_REDIRECT] = GW_URI_ESCAPED_SLASHES_REDIRECT,
      [GW_ESCAPED_SLASHES_FORWARD] = GW_URI_ESCAPED_SLASHES_FORWARD,
  };
  struct gw_request_head *request = &stream->request;
  if (request->method == GW_METHOD_OPTIONS && gw_str_equal(request->path, GW_STR("*"))) return true;
  struct gw_uri_rules rules = {.normalize_path = http->normalize_path,
                               .merge_slashes = http->merge_slashes,
                               .escaped_slashes = escaped_slashes[http->escaped_slashes]};
  bool must_redirect = false;
  if (gw_uri_normalize(request->path, &rules, &stream->arena, &request->path, &must_redirect) != GW_OK) {
    return refuse(stream, 400, "path_normalization_failed", "the path is not valid");
  }
  if (!must_redirect) return true;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_LOCATION, GW_STR("location"), request->path);
  stream->detail = GW_STR("path_normalization_redirect");
  gw_local_reply_failure(stream, 307, 0, GW_STR("the path is written in another way"));
  return false;
}

static bool check_uri_size(struct gw_stream *stream) {
  uint32_t max = stream->listener->http->limits->max_uri_bytes;
  if (max == 0 || stream->request.path.len <= max) return true;
  stream->pipeline->stats->limits[GW_LIMIT_URI_SIZE]++;
  return refuse(stream, 414, "request_uri_too_long", "the path and query are too long");
}

static bool check_underscores(struct gw_stream *stream, enum gw_underscores action) {
  if (action == GW_UNDERSCORES_ALLOW) return true;
  struct gw_headers *headers = &stream->request.headers;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header *header = &headers->items[i];
    bool has_underscore = header->id == GW_HEADER_OTHER && header->name.len > 0 && memchr(header->name.data, '_', header->name.len) != NULL;
    if (!has_underscore) {
      if (kept != i) headers->items[kept] = *header;
      kept++;
    } else if (action == GW_UNDERSCORES_REJECT) {
      return refuse(stream, 400, "header_name_with_underscore", "a header name has an underscore");
    }
  }
  headers->count = kept;
  return true;
}

/* A client at the edge doesn't choose the id, unless the listener keeps what comes from outside. */
static void set_request_id(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  struct gw_headers *headers = &stream->request.headers;
  bool must_replace = http->use_remote_address && !http->preserve_external_request_id;
  const struct gw_header *sent = gw_headers_find(headers, GW_HEADER_X_REQUEST_ID);
  if (sent != NULL && sent->value.len > 0 && (!must_replace || !http->generate_request_id)) {
    stream->request_id = sent->value;
    return;
  }
  stream->request_id = gw_pipeline_new_request_id(stream->pipeline, &stream->arena);
  if (http->generate_request_id) gw_headers_set(headers, &stream->arena, GW_HEADER_X_REQUEST_ID, stream->request_id);
}

/* An upgrade to anything but WebSocket is not made, h2c among them: the request is served as what it is (RFC 9110 section 7.8). */
static bool resolve_upgrade(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  struct gw_request_head *request = &stream->request;
  if (request->version == GW_HTTP_1_1) {
    enum gw_upgrade upgrade = gw_upgrade_find(request);
    if (upgrade == GW_UPGRADE_BAD_WEBSOCKET) return refuse(stream, 400, "bad_websocket_handshake", "the WebSocket handshake is not valid");
    if (upgrade == GW_UPGRADE_WEBSOCKET) request->upgrade = GW_STR("websocket");
  }
  if (request->upgrade.len == 0) return true;
  if (!gw_str_equal(request->upgrade, GW_STR("websocket"))) return refuse(stream, 501, "unknown_protocol", "this protocol is not served");
  return http->has_websocket || refuse(stream, 403, "upgrade_failed", "WebSockets are not served here");
}

/* TE: trailers is for this connection only, so it says what may be sent here before it goes. */
static bool takes_trailers(const struct gw_headers *headers) {
  const struct gw_header *te = gw_headers_find(headers, GW_HEADER_TE);
  return te != NULL && gw_str_equal(te->value, GW_STR("trailers"));
}

bool gw_request_rules_apply(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  struct gw_request_head *request = &stream->request;
  set_request_id(stream, http);
  if (!check_uri_size(stream)) return false;
  if (request->method == GW_METHOD_CONNECT || request->method == GW_METHOD_TRACE) {
    gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_ALLOW, GW_STR("allow"),
                   GW_STR("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"));
    return refuse(stream, 405, "method_not_allowed", "this method is not served");
  }
  if (!check_underscores(stream, http->underscores)) return false;
  gw_reserved_fields_remove(&stream->listener->http->reserved, &request->headers);
  if (!normalize_path(stream, http)) return false;
  if (!resolve_upgrade(stream, http)) return false;
  gw_headers_remove_hop_by_hop(&request->headers);
  stream->takes_trailers |= takes_trailers(&request->headers);
  gw_headers_remove(&request->headers, GW_HEADER_EXPECT);
  gw_forwarded_apply(stream);
  return true;
}

void gw_response_rules_apply(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  struct gw_headers *headers = &stream->response.headers;
  if (stream->route != NULL && stream->route->response_headers != NULL) gw_header_rules_apply(stream, true, headers);
  gw_headers_set(headers, &stream->arena, GW_HEADER_SERVER, http->server_name.len > 0 ? http->server_name : GW_STR("gateway"));
  if (gw_headers_find(headers, GW_HEADER_DATE) == NULL) {
    gw_headers_add(headers, &stream->arena, GW_HEADER_DATE, GW_STR("date"), gw_pipeline_get_date(stream->pipeline));
  }
  if (http->always_set_request_id_in_response) gw_headers_set(headers, &stream->arena, GW_HEADER_X_REQUEST_ID, stream->request_id);
}
