#include "controlplane/policy/nacos_servers.h"

#include "common/message/uri.h"

#define PORT_DEFAULT 8848u

static bool is_path(struct gw_str path) {
  const struct gw_uri_rules rules = {.normalize_path = true, .merge_slashes = true, .escaped_slashes = GW_URI_ESCAPED_SLASHES_REJECT};
  struct gw_arena arena;
  struct gw_str normal;
  bool must_redirect;
  gw_arena_init(&arena, 256);
  bool is_good = gw_str_find_char(path, '?') < 0 && gw_uri_normalize(path, &rules, &arena, &normal, &must_redirect) == GW_OK &&
                 gw_str_equal(normal, path);
  gw_arena_done(&arena);
  return is_good;
}

static const char *parse_one(struct gw_str text, struct gw_arena *arena) {
  bool is_https = gw_str_has_prefix(text, GW_STR("https://")), is_http = gw_str_has_prefix(text, GW_STR("http://"));
  struct gw_str rest = gw_str_skip(text, is_https ? 8 : is_http ? 7 : 0);
  ptrdiff_t slash = gw_str_find_char(rest, '/');
  struct gw_str authority = {rest.data, slash < 0 ? rest.len : (size_t)slash}, path = gw_str_skip(rest, authority.len);
  if (!gw_uri_authority_is_valid(authority) || (path.len > 0 && !is_path(path))) return NULL;
  while (path.len > 0 && path.data[path.len - 1] == '/')
    path.len--;
  if (path.len == 0) path = GW_STR("/nacos");
  bool has_port = gw_uri_authority_host(authority).len < authority.len;
  if (has_port || is_https || is_http)
    return gw_arena_printf(arena, "http%s://%.*s%.*s", is_https ? "s" : "", GW_STR_ARG(authority), GW_STR_ARG(path));
  return gw_arena_printf(arena, "http://%.*s:%u%.*s", GW_STR_ARG(authority), PORT_DEFAULT, GW_STR_ARG(path));
}

enum gw_err gw_nacos_servers_parse(struct gw_str text, struct gw_arena *arena, const char **ret_bases, uint32_t *ret_count) {
  const char *bases[GW_NACOS_SERVERS_MAX];
  uint32_t count = 0;
  struct gw_str piece;
  while (gw_str_split_next(&text, ',', &piece)) {
    piece = gw_str_trim(piece);
    if (piece.len == 0) continue;
    if (count == GW_NACOS_SERVERS_MAX || (bases[count++] = parse_one(piece, arena)) == NULL) return GW_ERR_INVALID;
  }
  memcpy(ret_bases, bases, count * sizeof(*bases));
  *ret_count = count;
  return GW_OK;
}
