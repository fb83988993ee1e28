#include "common/message/cookie.h"

static struct gw_str unquote(struct gw_str value) {
  if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"') return value;
  return (struct gw_str){value.data + 1, value.len - 2};
}

static bool is_named(struct gw_str pair, struct gw_str name) {
  return pair.len > name.len && pair.data[name.len] == '=' && gw_str_has_prefix(pair, name);
}

enum gw_err gw_cookie_find(const struct gw_headers *headers, struct gw_str name, struct gw_str *ret_value) {
  for (uint32_t i = 0; i < headers->count; i++) {
    if (headers->items[i].id != GW_HEADER_COOKIE) continue;
    struct gw_str rest = headers->items[i].value, pair;
    while (gw_str_split_next(&rest, ';', &pair)) {
      pair = gw_str_trim(pair);
      if (!is_named(pair, name)) continue;
      *ret_value = unquote(gw_str_skip(pair, name.len + 1));
      return GW_OK;
    }
  }
  return GW_ERR_NOT_FOUND;
}

/* What is left, each pair as it was. */
static struct gw_str without(struct gw_str value, struct gw_arena *arena, struct gw_str name) {
  char *out = gw_arena_alloc_bytes(arena, 2 * value.len + 2);
  size_t len = 0;
  struct gw_str rest = value, pair;
  while (gw_str_split_next(&rest, ';', &pair)) {
    pair = gw_str_trim(pair);
    if (pair.len == 0 || is_named(pair, name)) continue;
    if (len > 0) {
      out[len++] = ';';
      out[len++] = ' ';
    }
    memcpy(out + len, pair.data, pair.len);
    len += pair.len;
  }
  return (struct gw_str){out, len};
}

static bool has_cookie(struct gw_str value, struct gw_str name) {
  struct gw_str pair;
  while (gw_str_split_next(&value, ';', &pair))
    if (is_named(gw_str_trim(pair), name)) return true;
  return false;
}

void gw_cookie_remove(struct gw_headers *headers, struct gw_arena *arena, struct gw_str name) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header header = headers->items[i];
    if (header.id == GW_HEADER_COOKIE && has_cookie(header.value, name)) {
      header.value = without(header.value, arena, name);
      header.is_received = false;
      if (header.value.len == 0) continue;
    }
    headers->items[kept++] = header;
  }
  headers->count = kept;
}
