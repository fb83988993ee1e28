#include "common/routing/request_form.h"

#include "common/message/upgrade.h"
#include "common/message/uri.h"

static bool answer(struct gw_form_answer *out, uint32_t status, const char *detail, const char *message) {
  *out = (struct gw_form_answer){.status = status, .detail = gw_str_from(detail), .message = gw_str_from(message)};
  return false;
}

static bool check_method(const struct gw_request_head *head, struct gw_form_answer *ret_answer) {
  if (head->method != GW_METHOD_CONNECT && head->method != GW_METHOD_TRACE) return true;
  answer(ret_answer, 405, "method_not_allowed", "this method is not served");
  ret_answer->allow = GW_STR("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
  return false;
}

static bool check_underscores(struct gw_headers *headers, enum gw_underscores action, struct gw_form_answer *ret_answer) {
  if (action == GW_UNDERSCORES_ALLOW) return true;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header *header = &headers->items[i];
    bool has_underscore = header->id == GW_HEADER_OTHER && header->name.len > 0 && memchr(header->name.data, '_', header->name.len) != NULL;
    if (!has_underscore) {
      if (kept != i) headers->items[kept] = *header;
      kept++;
    } else if (action == GW_UNDERSCORES_REJECT) {
      return answer(ret_answer, 400, "header_name_with_underscore", "a header name has an underscore");
    }
  }
  headers->count = kept;
  return true;
}

/* What is matched is what is forwarded. */
static bool normalize_path(const struct gw_http_connection_manager *http, struct gw_request_head *head, struct gw_arena *arena,
                           struct gw_form_answer *ret_answer) {
  static const enum gw_uri_escaped_slashes escaped_slashes[] = {
      [GW_ESCAPED_SLASHES_KEEP] = GW_URI_ESCAPED_SLASHES_KEEP,
      [GW_ESCAPED_SLASHES_REJECT] = GW_URI_ESCAPED_SLASHES_REJECT,
      [GW_ESCAPED_SLASHES_REDIRECT] = GW_URI_ESCAPED_SLASHES_REDIRECT,
      [GW_ESCAPED_SLASHES_FORWARD] = GW_URI_ESCAPED_SLASHES_FORWARD,
  };
  if (head->method == GW_METHOD_OPTIONS && gw_str_equal(head->path, GW_STR("*"))) return true;
  struct gw_uri_rules rules = {.normalize_path = http->normalize_path,
                               .merge_slashes = http->merge_slashes,
                               .escaped_slashes = escaped_slashes[http->escaped_slashes]};
  bool must_redirect = false;
  if (gw_uri_normalize(head->path, &rules, arena, &head->path, &must_redirect) != GW_OK)
    return answer(ret_answer, 400, "path_normalization_failed", "the path is not valid");
  if (!must_redirect) return true;
  answer(ret_answer, 307, "path_normalization_redirect", "the path is written in another way");
  ret_answer->location = head->path;
  return false;
}

/* An upgrade to anything but WebSocket is not made, h2c among them: the request is served as what it is (RFC 9110 section 7.8). */
static bool resolve_upgrade(const struct gw_http_connection_manager *http, struct gw_request_head *head,
                            struct gw_form_answer *ret_answer) {
  if (head->version == GW_HTTP_1_1) {
    enum gw_upgrade upgrade = gw_upgrade_find(head);
    if (upgrade == GW_UPGRADE_BAD_WEBSOCKET)
      return answer(ret_answer, 400, "bad_websocket_handshake", "the WebSocket handshake is not valid");
    if (upgrade == GW_UPGRADE_WEBSOCKET) head->upgrade = GW_STR("websocket");
  }
  if (head->upgrade.len == 0) return true;
  if (!gw_str_equal(head->upgrade, GW_STR("websocket"))) return answer(ret_answer, 501, "unknown_protocol", "this protocol is not served");
  return http->has_websocket || answer(ret_answer, 403, "upgrade_failed", "WebSockets are not served here");
}

bool gw_request_form_apply(const struct gw_http_connection_manager *http, uint32_t max_uri_bytes, const struct gw_reserved_fields *reserved,
                           struct gw_request_head *head, struct gw_arena *arena, struct gw_form_answer *ret_answer) {
  if (max_uri_bytes != 0 && head->path.len > max_uri_bytes)
    return answer(ret_answer, 414, "request_uri_too_long", "the path and query are too long");
  if (!check_method(head, ret_answer)) return false;
  if (!check_underscores(&head->headers, http->underscores, ret_answer)) return false;
  gw_reserved_fields_remove(reserved, &head->headers);
  return normalize_path(http, head, arena, ret_answer) && resolve_upgrade(http, head, ret_answer);
}
