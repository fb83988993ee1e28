#include "common/routing/redirect.h"

#include "common/message/uri.h"
#include "common/routing/rewrite.h"

static uint64_t default_port(struct gw_str scheme) {
  return gw_str_equal(scheme, GW_STR("https")) ? 443 : 80;
}

/* host[:port] of the Location; empty: there is none. */
static void append_authority(struct gw_strbuf *out, const struct gw_route_redirect *redirect, const struct gw_request_head *head,
                             struct gw_str scheme) {
  struct gw_str host = redirect->host, explicit_port = {NULL, 0};
  if (host.len == 0) {
    host = gw_uri_authority_host(head->authority);
    if (host.len < head->authority.len) explicit_port = gw_str_skip(head->authority, host.len + 1);
  }
  gw_strbuf_append_str(out, host);
  uint64_t port = redirect->port;
  /* A port that was the default of the old scheme says nothing of the new one's. */
  bool is_kept = port == 0 && gw_str_parse_u64(explicit_port, &port) == GW_OK && port != default_port(head->scheme);
  if ((redirect->port != 0 || is_kept) && port != default_port(scheme)) gw_strbuf_printf(out, ":%u", (unsigned)port);
}

static void append_path(struct gw_strbuf *out, const struct gw_route *route, const struct gw_route_rule *rule, struct gw_str path,
                        struct gw_arena *arena) {
  const struct gw_route_redirect *redirect = route->redirect;
  struct gw_str without_query = gw_path_without_query(path), query = gw_str_skip(path, without_query.len);
  struct gw_str target;
  if (redirect->path.len > 0) {
    target = redirect->path;
    if (gw_str_find_char(target, '?') >= 0) query.len = 0;
  } else if (redirect->prefix_rewrite.len > 0) {
    target = gw_rewrite_prefix(&route->match, redirect->prefix_rewrite, without_query, arena);
  } else {
    target = gw_rewrite_path(route, rule, without_query, arena);
  }
  if (target.len == 0 || target.data[0] != '/') gw_strbuf_append_char(out, '/');
  gw_strbuf_append_str(out, target);
  if (!redirect->strips_query) gw_strbuf_append_str(out, query);
}

enum gw_err gw_redirect_location(const struct gw_route *route, const struct gw_route_rule *rule, const struct gw_request_head *head,
                                 struct gw_arena *arena, struct gw_str *ret_location) {
  const struct gw_route_redirect *redirect = route->redirect;
  if (redirect->host.len == 0 && head->authority.len == 0) return GW_ERR_NOT_FOUND;
  struct gw_str scheme = redirect->scheme.len > 0 ? redirect->scheme : head->scheme;
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, scheme);
  gw_strbuf_append_str(&out, GW_STR("://"));
  append_authority(&out, redirect, head, scheme);
  append_path(&out, route, rule, head->path, arena);
  *ret_location = gw_arena_copy(arena, gw_strbuf_str(&out));
  gw_strbuf_done(&out);
  return GW_OK;
}
