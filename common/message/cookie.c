#include "common/message/cookie.h"

static struct gw_str unquote(struct gw_str value) {
  if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"') return value;
  return (struct gw_str){value.data + 1, value.len - 2};
}

enum gw_err gw_cookie_find(const struct gw_headers *headers, struct gw_str name, struct gw_str *ret_value) {
  for (uint32_t i = 0; i < headers->count; i++) {
    if (headers->items[i].id != GW_HEADER_COOKIE) continue;
    struct gw_str rest = headers->items[i].value, pair;
    while (gw_str_split_next(&rest, ';', &pair)) {
      pair = gw_str_trim(pair);
      if (pair.len <= name.len || pair.data[name.len] != '=' || !gw_str_has_prefix(pair, name)) continue;
      *ret_value = unquote(gw_str_skip(pair, name.len + 1));
      return GW_OK;
    }
  }
  return GW_ERR_NOT_FOUND;
}
