#include <openssl/err.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* What a server picks for a client: the certificate by SNI, the protocol by ALPN. */

/* DNS names have 253 characters at most; longer ones fit no certificate. */
#define NAME_MAX_LEN 255u

static struct gw_str to_lower(struct gw_str name, char buf[NAME_MAX_LEN]) {
  for (size_t i = 0; i < name.len; i++) {
    bool is_upper = name.data[i] >= 'A' && name.data[i] <= 'Z';
    buf[i] = (char)(is_upper ? name.data[i] + ('a' - 'A') : name.data[i]);
  }
  return (struct gw_str){buf, name.len};
}

/* One of each kind of key: the first that came. */
static void join_group(struct gw_tls_group *group, const struct gw_tls_identity *identity) {
  for (uint32_t i = 0; i < group->member_count; i++)
    if (EVP_PKEY_get_base_id(group->members[i]->pair.key) == EVP_PKEY_get_base_id(identity->pair.key)) return;
  if (group->member_count < GW_TLS_GROUP_MAX) group->members[group->member_count++] = identity;
}

static struct gw_tls_group *add_name(struct gw_tls_context *context, struct gw_str name, const struct gw_tls_identity *identity) {
  char buf[NAME_MAX_LEN];
  if (name.len == 0 || name.len > NAME_MAX_LEN) return NULL;
  struct gw_str key = to_lower(name, buf);
  struct gw_tls_group *group = gw_map_find(context->groups, key);
  if (group == NULL) {
    group = gw_arena_calloc(&context->arena, 1, sizeof(*group));
    gw_map_put(context->groups, key, group);
  }
  join_group(group, identity);
  return group;
}

/* Names: DNS names of subjectAltName, else the common name. The group of the first one, or NULL. */
static struct gw_tls_group *add_names(struct gw_tls_context *context, const struct gw_tls_identity *identity) {
  struct gw_arena arena;
  struct gw_certificate certificate;
  struct gw_tls_group *first = NULL;
  gw_arena_init(&arena, 1024);
  gw_x509_describe(identity->pair.leaf, &arena, &certificate);
  bool has_names = false;
  for (uint32_t i = 0; i < certificate.name_count; i++) {
    if (certificate.names[i].kind != GW_CERTIFICATE_DNS) continue;
    struct gw_tls_group *group = add_name(context, certificate.names[i].value, identity);
    if (first == NULL) first = group;
    has_names = true;
  }
  if (!has_names) first = add_name(context, certificate.common_name, identity);
  gw_arena_done(&arena);
  return first;
}

static const struct gw_tls_group *find_group(const struct gw_tls_context *context, const char *sni) {
  char buf[NAME_MAX_LEN];
  struct gw_str name = gw_str_from(sni);
  if (name.len == 0 || name.len > NAME_MAX_LEN) return context->first_group;
  name = to_lower(name, buf);
  if (name.data[name.len - 1] == '.') name.len--;
  struct gw_tls_group *group = name.data[0] == '*' ? NULL : gw_map_find(context->groups, name);
  ptrdiff_t dot = gw_str_find_char(name, '.');
  if (group == NULL && dot > 0) {
    buf[dot - 1] = '*'; /* "a.example.com" → "*.example.com" */
    group = gw_map_find(context->groups, gw_str_skip(name, (size_t)dot - 1));
  }
  return group != NULL ? group : context->first_group;
}

static int on_certificate(SSL *ssl, void *arg) {
  const struct gw_tls_context *context = arg;
  const struct gw_tls_group *group = find_group(context, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  if (group == context->first_group) return 1; /* it is there already */
  SSL_certs_clear(ssl);
  for (uint32_t i = 0; i < group->member_count; i++) {
    const struct gw_tls_identity *identity = group->members[i];
    if (SSL_use_cert_and_key(ssl, identity->pair.leaf, identity->pair.key, identity->pair.chain, 1) != 1) return 0;
  }
  return 1;
}

/* RFC 7301: ours in our order; none in common ends the handshake. */
static int on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len, const unsigned char *offered, unsigned offered_len,
                   void *arg) {
  (void)ssl;
  const struct gw_tls_context *context = arg;
  for (uint32_t i = 0; i < context->alpn_count; i++) {
    struct gw_str rest = {(const char *)offered, offered_len};
    while (rest.len > 0) {
      size_t len = (unsigned char)rest.data[0];
      if (len >= rest.len) break;
      struct gw_str name = {rest.data + 1, len};
      if (gw_str_equal(name, context->alpn[i])) {
        *ret_name = (const unsigned char *)context->alpn[i].data;
        *ret_len = (unsigned char)len;
        return SSL_TLSEXT_ERR_OK;
      }
      rest = gw_str_skip(rest, 1 + len);
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A name that none of the certificates is for is no error: the first one is shown. Without this OpenSSL would neither acknowledge the name
 * (RFC 6066 section 3) nor remember it in TLS 1.2's sessions. */
static int on_server_name(SSL *ssl, int *alert, void *arg) {
  (void)ssl, (void)alert, (void)arg;
  return SSL_TLSEXT_ERR_OK;
}

/* On a connection that comes to nothing, so that what OpenSSL refuses shows now and not in a handshake. */
static void check_identities(const struct gw_tls_context *context, const char *place, struct gw_errors *errors) {
  SSL *ssl = SSL_new(context->ssl_ctx);
  if (ssl == NULL) GW_PANIC("out of memory");
  for (uint32_t i = 0; i < context->identity_count; i++) {
    const struct gw_tls_identity *identity = &context->identities[i];
    if (SSL_use_cert_and_key(ssl, identity->pair.leaf, identity->pair.key, identity->pair.chain, 1) == 1) continue;
    gw_errors_add(errors, place, "certificate %u: OpenSSL refuses it: %s", i + 1, ERR_reason_error_string(ERR_peek_error()));
    ERR_clear_error();
  }
  SSL_free(ssl);
}

void gw_tls_context_set_choices(struct gw_tls_context *context, const char *place, struct gw_errors *errors) {
  struct gw_tls_group *first = NULL;
  context->groups = gw_map_new();
  for (uint32_t i = 0; i < context->identity_count; i++) {
    struct gw_tls_group *group = add_names(context, &context->identities[i]);
    if (i == 0) first = group;
  }
  if (first == NULL) { /* a certificate without a name */
    first = gw_arena_calloc(&context->arena, 1, sizeof(*first));
    join_group(first, &context->identities[0]);
  }
  context->first_group = first;
  check_identities(context, place, errors);
  for (uint32_t i = 0; i < first->member_count; i++)
    SSL_CTX_use_cert_and_key(context->ssl_ctx, first->members[i]->pair.leaf, first->members[i]->pair.key, first->members[i]->pair.chain, 1);
  if (context->identity_count > first->member_count) SSL_CTX_set_cert_cb(context->ssl_ctx, on_certificate, context);
  SSL_CTX_set_tlsext_servername_callback(context->ssl_ctx, on_server_name);
  if (context->alpn_count > 0) SSL_CTX_set_alpn_select_cb(context->ssl_ctx, on_alpn, context);
}
