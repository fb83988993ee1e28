#include "common/message/trailers.h"

#include "common/base/mem.h"

/* Names without an id. */
static const struct gw_str forbidden[] = {
    /* routing, and who sent it */
    GW_STR("forwarded"),
    GW_STR("via"),
    GW_STR("x-real-ip"),
    GW_STR("max-forwards"),
    GW_STR("alt-svc"),
    /* request modifiers */
    GW_STR("range"),
    GW_STR("if-match"),
    GW_STR("if-none-match"),
    GW_STR("if-modified-since"),
    GW_STR("if-unmodified-since"),
    GW_STR("if-range"),
    GW_STR("accept"),
    GW_STR("accept-charset"),
    GW_STR("accept-language"),
    /* authentication and state */
    GW_STR("www-authenticate"),
    GW_STR("set-cookie"),
    GW_STR("set-cookie2"),
    GW_STR("cookie2"),
    /* caching and other control of the answer */
    GW_STR("cache-control"),
    GW_STR("pragma"),
    GW_STR("age"),
    GW_STR("expires"),
    GW_STR("vary"),
    GW_STR("warning"),
    GW_STR("strict-transport-security"),
    /* the connection's: what WebSocket agrees on */
    GW_STR("sec-websocket-key"),
    GW_STR("sec-websocket-accept"),
    GW_STR("sec-websocket-version"),
    GW_STR("sec-websocket-protocol"),
    GW_STR("sec-websocket-extensions"),
};

static bool has_prefix(struct gw_str name, struct gw_str prefix) {
  return name.len >= prefix.len && gw_str_equal_nocase((struct gw_str){name.data, prefix.len}, prefix);
}

bool gw_trailer_is_allowed(const struct gw_header *field) {
  if (field->id != GW_HEADER_OTHER) return field->id == GW_HEADER_GRPC_STATUS || field->id == GW_HEADER_GRPC_MESSAGE;
  if (has_prefix(field->name, GW_STR("content-"))) return gw_str_equal_nocase(field->name, GW_STR("content-digest"));
  if (has_prefix(field->name, GW_STR("x-forwarded-")) || has_prefix(field->name, GW_STR("access-control-"))) return false;
  for (size_t i = 0; i < GW_ARRAY_LEN(forbidden); i++) {
    if (gw_str_equal_nocase(field->name, forbidden[i])) return false;
  }
  return true;
}

void gw_trailers_remove_forbidden(struct gw_headers *trailers) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < trailers->count; i++) {
    if (gw_trailer_is_allowed(&trailers->items[i])) trailers->items[kept++] = trailers->items[i];
  }
  trailers->count = kept;
}
