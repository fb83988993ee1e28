#include "dataplane/pipeline/forwarded.h"

#include "common/base/mem.h"

/* Calls `fn` with each entry of all X-Forwarded-For fields, the last one first, until it returns false. */
static void walk_forwarded_for(const struct gw_headers *headers, bool (*fn)(void *arg, struct gw_str entry), void *arg) {
  for (uint32_t i = headers->count; i-- > 0;) {
    if (headers->items[i].id != GW_HEADER_X_FORWARDED_FOR) continue;
    struct gw_str rest = headers->items[i].value;
    for (;;) {
      size_t comma = rest.len;
      while (comma > 0 && rest.data[comma - 1] != ',')
        comma--;
      if (!fn(arg, gw_str_trim(gw_str_skip(rest, comma)))) return;
      if (comma == 0) break;
      rest.len = comma - 1;
    }
  }
}

struct search {
  uint32_t hops_left;
  const struct gw_frozen_http *http;
  struct gw_address *ret_address;
  bool is_found;
};

/* The entry that is `hops_left` before the last one. */
static bool take_by_hops(void *arg, struct gw_str entry) {
  struct search *search = arg;
  if (search->hops_left-- > 0) return true;
  search->is_found = gw_address_parse_ip(entry, 0, search->ret_address) == GW_OK;
  return false;
}

static bool is_trusted(const struct gw_frozen_http *http, const struct gw_address *address) {
  for (uint32_t i = 0; i < http->model->http.trusted_cidr_count; i++)
    if (gw_cidr_contains(&http->trusted_cidrs[i], address)) return true;
  return false;
}

/* The last entry that is no proxy of ours; what stands before it anybody may have written. */
static bool take_by_trust(void *arg, struct gw_str entry) {
  struct search *search = arg;
  struct gw_address address;
  if (gw_address_parse_ip(entry, 0, &address) != GW_OK) return false;
  *search->ret_address = address;
  search->is_found = true;
  return is_trusted(search->http, &address);
}

static void append_forwarded_for(struct gw_stream *stream, bool keeps_sent) {
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str ip = gw_address_format_ip(stream->peer, text);
  struct gw_headers *headers = &stream->request.headers;
  size_t len = ip.len;
  for (uint32_t i = 0; i < headers->count; i++)
    if (headers->items[i].id == GW_HEADER_X_FORWARDED_FOR) len += headers->items[i].value.len + 2;
  char *value = gw_arena_alloc_bytes(&stream->arena, len);
  size_t at = 0;
  for (uint32_t i = 0; keeps_sent && i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    if (header->id != GW_HEADER_X_FORWARDED_FOR || header->value.len == 0) continue;
    memcpy(value + at, header->value.data, header->value.len);
    at += header->value.len;
    value[at++] = ',';
    value[at++] = ' ';
  }
  memcpy(value + at, ip.data, ip.len);
  at += ip.len;
  gw_headers_set(headers, &stream->arena, GW_HEADER_X_FORWARDED_FOR, (struct gw_str){value, at});
}

/* Finds stream->remote; true: what the request says of its way here is believed. */
static bool find_remote(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  const struct gw_headers *headers = &stream->request.headers;
  struct search search = {.http = stream->listener->http, .ret_address = &stream->remote};
  stream->remote = *stream->peer;
  if (http->trusted_cidr_count > 0) {
    if (!is_trusted(search.http, stream->peer)) return false;
    walk_forwarded_for(headers, take_by_trust, &search);
  } else if (!http->use_remote_address || http->xff_num_trusted_hops > 0) {
    search.hops_left = http->use_remote_address ? http->xff_num_trusted_hops - 1 : http->xff_num_trusted_hops;
    walk_forwarded_for(headers, take_by_hops, &search);
  } else {
    return false;
  }
  stream->is_remote_forwarded = search.is_found;
  return true;
}

/* ---- X-Forwarded-Client-Cert (Envoy's form) ---- */

static void add_part(struct gw_strbuf *buf, const char *key, struct gw_str value, bool is_quoted) {
  if (value.len == 0) return;
  if (buf->len > 0) gw_strbuf_append_char(buf, ';');
  gw_strbuf_printf(buf, "%s=%s", key, is_quoted ? "\"" : "");
  for (size_t i = 0; i < value.len; i++) {
    if (is_quoted && (value.data[i] == '"' || value.data[i] == '\\')) gw_strbuf_append_char(buf, '\\');
    gw_strbuf_append_char(buf, value.data[i]);
  }
  if (is_quoted) gw_strbuf_append_char(buf, '"');
}

static void add_names(struct gw_strbuf *buf, const char *key, const struct gw_certificate *certificate,
                      enum gw_certificate_name_kind kind) {
  for (uint32_t i = 0; i < certificate->name_count; i++)
    if (certificate->names[i].kind == kind) add_part(buf, key, certificate->names[i].value, false);
}

static struct gw_str describe_certificate(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  const struct gw_tls *tls = stream->transport->tls;
  struct gw_certificate certificate;
  if (gw_tls_peer_certificate(tls, &stream->arena, &certificate) != GW_OK) return (struct gw_str){0};
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  add_part(&buf, "By", gw_tls_local_uri(tls), false);
  add_part(&buf, "Hash", certificate.sha256_hex, false);
  if (http->has_client_cert_subject) add_part(&buf, "Subject", certificate.subject, true);
  if (http->has_client_cert_uri) add_names(&buf, "URI", &certificate, GW_CERTIFICATE_URI);
  if (http->has_client_cert_dns) add_names(&buf, "DNS", &certificate, GW_CERTIFICATE_DNS);
  return gw_arena_copy(&stream->arena, gw_strbuf_str(&buf));
}

static struct gw_str join(struct gw_arena *arena, struct gw_str sent, struct gw_str ours) {
  if (sent.len == 0) return ours;
  return gw_str_from(gw_arena_printf(arena, "%.*s,%.*s", GW_STR_ARG(sent), GW_STR_ARG(ours)));
}

static void set_client_cert(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  const struct gw_str name = GW_STR("x-forwarded-client-cert");
  struct gw_headers *headers = &stream->request.headers;
  const struct gw_header *sent = gw_headers_find_name(headers, name);
  bool is_mutual = stream->transport->tls != NULL && gw_tls_has_peer_certificate(stream->transport->tls);
  enum gw_client_cert_forwarding forwarding = http->client_cert_forwarding;
  if (forwarding == GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY || (forwarding == GW_CLIENT_CERT_FORWARD_ONLY && is_mutual)) return;
  struct gw_str value = {0};
  if (is_mutual && forwarding == GW_CLIENT_CERT_SANITIZE_SET) value = describe_certificate(stream, http);
  if (is_mutual && forwarding == GW_CLIENT_CERT_APPEND_FORWARD) {
    value = join(&stream->arena, sent != NULL ? sent->value : (struct gw_str){0}, describe_certificate(stream, http));
  }
  if (sent != NULL) gw_headers_remove_name(headers, name);
  if (value.len > 0) gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, name, value);
}

/* X-Forwarded-Host is ours: what the client asked for, never what it claims. */
void gw_forwarded_apply(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  struct gw_headers *headers = &stream->request.headers;
  bool is_believed = find_remote(stream, http);
  if (http->use_remote_address) append_forwarded_for(stream, http->trusted_cidr_count == 0 || is_believed);
  if (!is_believed || gw_headers_find(headers, GW_HEADER_X_FORWARDED_PROTO) == NULL) {
    gw_headers_set(headers, &stream->arena, GW_HEADER_X_FORWARDED_PROTO, stream->request.scheme);
  }
  if (stream->request.authority.len > 0 && (!is_believed || gw_headers_find(headers, GW_HEADER_X_FORWARDED_HOST) == NULL)) {
    gw_headers_set(headers, &stream->arena, GW_HEADER_X_FORWARDED_HOST, stream->request.authority);
  }
  set_client_cert(stream, http);
}
