#include "controlplane/snapshot/node_permission.h"

#include "common/base/mem.h"

#define SHOWN_MAX 400u /* bytes of a certificate's names in a reason, which travels as a header */

static bool is_covered_by(struct gw_str pattern, struct gw_str value) {
  return gw_str_equal(pattern, GW_STR("*")) || gw_str_equal(pattern, value);
}

bool gw_node_permission_covers(struct gw_str uri, struct gw_str id, struct gw_str cluster) {
  const struct gw_str scheme = GW_STR("spiffe://");
  if (id.len == 0 || !gw_str_has_prefix(uri, scheme)) return false;
  struct gw_str rest = gw_str_skip(uri, scheme.len), pieces[4], surplus;
  for (size_t i = 0; i < GW_ARRAY_LEN(pieces); i++) {
    if (!gw_str_split_next(&rest, '/', &pieces[i]) || pieces[i].len == 0) return false;
  }
  if (gw_str_split_next(&rest, '/', &surplus)) return false;
  return gw_str_equal(pieces[1], GW_STR("gateway")) && is_covered_by(pieces[2], cluster) && is_covered_by(pieces[3], id);
}

/* What is not printable would break the line of a log. */
static void append_printable(struct gw_strbuf *buf, struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool is_printable = c >= ' ' && c <= '~';
    gw_strbuf_append(buf, is_printable ? &c : "?", 1);
  }
}

static void append_uris(struct gw_strbuf *buf, const struct gw_rpc_stream *stream) {
  struct gw_str uri;
  size_t start = buf->len;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    gw_strbuf_append_str(buf, i == 0 ? GW_STR("the URI names ") : GW_STR(", "));
    if (buf->len - start + uri.len > SHOWN_MAX) {
      gw_strbuf_append_str(buf, GW_STR("…"));
      return;
    }
    append_printable(buf, uri);
  }
  if (buf->len == start) gw_strbuf_append_str(buf, GW_STR("no URI name"));
}

static char *format_reason(const struct gw_rpc_stream *stream, struct gw_str id, struct gw_str cluster) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, GW_STR("its certificate does not permit node "));
  append_printable(&text, id);
  gw_strbuf_append_str(&text, GW_STR(" of cluster "));
  append_printable(&text, cluster.len > 0 ? cluster : GW_STR("(none)"));
  gw_strbuf_append_str(&text, GW_STR(": it has "));
  append_uris(&text, stream);
  gw_strbuf_append_str(&text, GW_STR(", and spiffe://DOMAIN/gateway/"));
  append_printable(&text, cluster.len > 0 ? cluster : GW_STR("*"));
  gw_strbuf_append_char(&text, '/');
  append_printable(&text, id);
  gw_strbuf_append_str(&text, GW_STR(" is wanted, with any DOMAIN; * may stand for cluster or node"));
  return gw_strbuf_take(&text);
}

enum gw_err gw_node_permission_check(const struct gw_rpc_stream *stream, struct gw_str id, struct gw_str cluster,
                                     bool *ret_may_have_secrets, char **ret_reason) {
  enum gw_rpc_security security = gw_rpc_stream_security(stream);
  if (security == GW_RPC_PLAINTEXT) {
    *ret_may_have_secrets = false;
    return GW_OK;
  }
  struct gw_str uri;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    if (!gw_node_permission_covers(uri, id, cluster)) continue;
    *ret_may_have_secrets = true;
    return GW_OK;
  }
  *ret_reason = format_reason(stream, id, cluster);
  return GW_ERR_DENIED;
}
