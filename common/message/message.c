#include "common/message/message.h"

static const struct gw_str method_names[GW_METHOD_COUNT] = {
    [GW_METHOD_OTHER] = GW_STR(""),      [GW_METHOD_GET] = GW_STR("GET"),         [GW_METHOD_HEAD] = GW_STR("HEAD"),
    [GW_METHOD_POST] = GW_STR("POST"),   [GW_METHOD_PUT] = GW_STR("PUT"),         [GW_METHOD_DELETE] = GW_STR("DELETE"),
    [GW_METHOD_PATCH] = GW_STR("PATCH"), [GW_METHOD_OPTIONS] = GW_STR("OPTIONS"), [GW_METHOD_CONNECT] = GW_STR("CONNECT"),
    [GW_METHOD_TRACE] = GW_STR("TRACE"),
};

enum gw_method gw_method_find(struct gw_str name) {
  if (name.len == 3 && memcmp(name.data, "GET", 3) == 0) return GW_METHOD_GET;
  for (unsigned i = GW_METHOD_GET; i < GW_METHOD_COUNT; i++) {
    if (gw_str_equal(name, method_names[i])) return (enum gw_method)i;
  }
  return GW_METHOD_OTHER;
}

struct gw_str gw_method_name(enum gw_method method) {
  return method_names[method];
}

bool gw_method_is_idempotent(enum gw_method method) {
  switch (method) {
  case GW_METHOD_GET:
  case GW_METHOD_HEAD:
  case GW_METHOD_PUT:
  case GW_METHOD_DELETE:
  case GW_METHOD_OPTIONS:
  case GW_METHOD_TRACE: return true;
  default: return false;
  }
}

struct gw_str gw_http_version_name(enum gw_http_version version) {
  switch (version) {
  case GW_HTTP_1_0: return GW_STR("HTTP/1.0");
  case GW_HTTP_1_1: return GW_STR("HTTP/1.1");
  case GW_HTTP_2: return GW_STR("HTTP/2");
  }
  return GW_STR("");
}

struct gw_str gw_path_without_query(struct gw_str path) {
  ptrdiff_t at = gw_str_find_char(path, '?');
  return at < 0 ? path : (struct gw_str){path.data, (size_t)at};
}
