#include <openssl/err.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* Forward secrecy and authenticated encryption only; AES-128 first, because it is the cheapest and as strong as the rest of a connection
 * (a client that puts ChaCha20 first has no AES in hardware and gets it). */
#define TLS12_SUITES                                                                                                                       \
  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                   \
  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS13_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CURVES "X25519:P-256:P-384"

static void set_versions(struct gw_tls_context *context, const struct gw_tls_options *options, const char *place,
                         struct gw_errors *errors) {
  uint32_t min = options->min_version != 0 ? options->min_version : GW_TLS_VERSION_1_2;
  uint32_t max = options->max_version != 0 ? options->max_version : GW_TLS_VERSION_1_3;
  if (min < GW_TLS_VERSION_1_2 || max > GW_TLS_VERSION_1_3 || min > max) {
    gw_errors_add(errors, place, "TLS versions: a range within 1.2 to 1.3 is wanted");
    return;
  }
  SSL_CTX_set_min_proto_version(context->ssl_ctx, (int)min);
  SSL_CTX_set_max_proto_version(context->ssl_ctx, (int)max);
}

/* The text of an option or its default, with a NUL; what OpenSSL doesn't know is a mistake. */
static void set_list(struct gw_tls_context *context, struct gw_str given, const char *otherwise, const char *what,
                     int (*set)(SSL_CTX *, const char *), const char *place, struct gw_errors *errors) {
  struct gw_str text = given.len > 0 ? gw_arena_copy(&context->arena, given) : gw_str_from(otherwise);
  if (set(context->ssl_ctx, text.data) == 1) return;
  gw_errors_add(errors, place, "%s \"%.*s\": OpenSSL's names with ':' between them are wanted", what, GW_STR_ARG(text));
  ERR_clear_error();
}

static int set_curves(SSL_CTX *ssl_ctx, const char *text) {
  return SSL_CTX_set1_groups_list(ssl_ctx, text) == 1;
}

static void set_alpn(struct gw_tls_context *context, const struct gw_tls_options *options, const char *place, struct gw_errors *errors) {
  struct gw_str *alpn = gw_arena_calloc(&context->arena, options->alpn_count, sizeof(struct gw_str));
  for (uint32_t i = 0; i < options->alpn_count; i++) {
    if (options->alpn[i].len == 0 || options->alpn[i].len > 255) {
      gw_errors_add(errors, place, "ALPN: names of 1 to 255 bytes are wanted");
    }
    alpn[i] = gw_arena_copy(&context->arena, options->alpn[i]);
  }
  context->alpn = alpn;
  context->alpn_count = options->alpn_count;
}

static struct gw_str find_uri(struct gw_tls_context *context, X509 *leaf) {
  struct gw_certificate certificate;
  gw_x509_describe(leaf, &context->arena, &certificate);
  for (uint32_t i = 0; i < certificate.name_count; i++)
    if (certificate.names[i].kind == GW_CERTIFICATE_URI) return certificate.names[i].value;
  return GW_STR("");
}

static void load_identities(struct gw_tls_context *context, const struct gw_tls_options *options, const char *place,
                            struct gw_errors *errors) {
  context->identities = gw_arena_calloc(&context->arena, options->certificate_count, sizeof(struct gw_tls_identity));
  for (uint32_t i = 0; i < options->certificate_count; i++) {
    struct gw_tls_identity *identity = &context->identities[context->identity_count];
    char *at = options->certificates[i].name.len == 0
                   ? gw_strdup(place)
                   : gw_asprintf("%s: certificate \"%.*s\"", place, GW_STR_ARG(options->certificates[i].name));
    if (gw_x509_pair_load(options->certificates[i].certificate_chain, options->certificates[i].private_key, at, errors, &identity->pair)) {
      identity->uri = find_uri(context, identity->pair.leaf);
      context->identity_count++;
    }
    free(at);
  }
}

static struct gw_tls_context *context_new(bool is_server) {
  struct gw_tls_context *context = gw_calloc(1, sizeof(*context));
  context->refs = 1;
  context->is_server = is_server;
  gw_arena_init(&context->arena, 1024);
  context->ssl_ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (context->ssl_ctx == NULL) GW_PANIC("OpenSSL gives no TLS");
  SSL_CTX_set_app_data(context->ssl_ctx, context);
  /* Connections are idle most of the time: buffers only while something is in them. */
  SSL_CTX_set_mode(context->ssl_ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context->ssl_ctx,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context->ssl_ctx, SSL_SESS_CACHE_OFF);
  return context;
}

static void set_common(struct gw_tls_context *context, const struct gw_tls_options *options, const char *place, struct gw_errors *errors) {
  set_versions(context, options, place, errors);
  set_list(context, options->cipher_suites, TLS12_SUITES, "cipher suites", SSL_CTX_set_cipher_list, place, errors);
  set_list(context, (struct gw_str){NULL, 0}, TLS13_SUITES, "cipher suites", SSL_CTX_set_ciphersuites, place, errors);
  set_list(context, options->curves, CURVES, "curves", set_curves, place, errors);
  set_alpn(context, options, place, errors);
  load_identities(context, options, place, errors);
}

/* The context, or NULL when something was wrong since there were `before` errors. */
static struct gw_tls_context *finish(struct gw_tls_context *context, const struct gw_errors *errors, size_t before) {
  ERR_clear_error();
  if (errors->error_count == before) return context;
  gw_tls_context_unref(context);
  return NULL;
}

struct gw_tls_context *gw_tls_context_new_server(const struct gw_tls_server_options *options, const char *place, struct gw_errors *errors) {
  size_t before = errors->error_count;
  struct gw_tls_context *context = context_new(true);
  context->ciphers = gw_tls_ciphers_new();
  SSL_CTX_set_keylog_callback(context->ssl_ctx, gw_tls_on_key_log);
  set_common(context, &options->common, place, errors);
  if (options->common.certificate_count == 0) gw_errors_add(errors, place, "a server needs a certificate");
  if (options->requires_client_certificate && options->common.trusted_ca.len == 0) {
    gw_errors_add(errors, place, "client certificates are required, but there is no CA to check them against");
  }
  gw_tls_context_set_verify(context, &options->common, options->requires_client_certificate, place, errors);
  gw_tls_context_set_tickets(context, options, place, errors);
  if (errors->error_count == before) gw_tls_context_set_choices(context, place, errors);
  gw_tls_context_set_session_scope(context, &options->common, options->requires_client_certificate, options->binding);
  return finish(context, errors, before);
}

static void set_client_alpn(struct gw_tls_context *context) {
  struct gw_strbuf wire;
  gw_strbuf_init(&wire);
  for (uint32_t i = 0; i < context->alpn_count; i++) {
    gw_strbuf_append_char(&wire, (char)context->alpn[i].len);
    gw_strbuf_append_str(&wire, context->alpn[i]);
  }
  if (wire.len > 0 && SSL_CTX_set_alpn_protos(context->ssl_ctx, (const unsigned char *)wire.data, (unsigned)wire.len) != 0) {
    GW_PANIC("out of memory");
  }
  gw_strbuf_done(&wire);
}

struct gw_tls_context *gw_tls_context_new_client(const struct gw_tls_client_options *options, const char *place, struct gw_errors *errors) {
  size_t before = errors->error_count;
  struct gw_tls_context *context = context_new(false);
  context->checks_host = options->checks_host && !options->is_unverified;
  set_common(context, &options->common, place, errors);
  if (options->common.certificate_count > 1) gw_errors_add(errors, place, "a client has one certificate at most");
  if (!options->is_unverified) {
    if (options->common.trusted_ca.len == 0) gw_errors_add(errors, place, "there is no CA to check the server's certificate against");
    gw_tls_context_set_verify(context, &options->common, true, place, errors);
  }
  if (errors->error_count == before && context->identity_count > 0) {
    const struct gw_x509_pair *own = &context->identities[0].pair;
    if (SSL_CTX_use_cert_and_key(context->ssl_ctx, own->leaf, own->key, own->chain, 1) != 1) {
      gw_errors_add(errors, place, "OpenSSL refuses the certificate: %s", ERR_reason_error_string(ERR_peek_error()));
    }
  }
  if (errors->error_count == before) set_client_alpn(context);
  struct gw_str own_chain = options->common.certificate_count > 0 ? options->common.certificates[0].certificate_chain : GW_STR("");
  gw_tls_context_set_session_scope(context, &options->common, options->is_unverified, own_chain);
  gw_tls_context_keep_sessions(context);
  return finish(context, errors, before);
}

struct gw_tls_context *gw_tls_context_ref(struct gw_tls_context *context) {
  atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
  return context;
}

void gw_tls_context_unref(struct gw_tls_context *context) {
  if (context == NULL || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1) return;
  SSL_CTX_free(context->ssl_ctx);
  for (uint32_t i = 0; i < context->identity_count; i++)
    gw_x509_pair_done(&context->identities[i].pair);
  gw_map_free(context->groups);
  gw_tls_ciphers_free(context->ciphers);
  EVP_CIPHER_free(context->ticket_cipher);
  if (context->ticket_keys != NULL) OPENSSL_cleanse(context->ticket_keys, (size_t)context->ticket_key_count * GW_TLS_TICKET_KEY_BYTES);
  gw_arena_done(&context->arena);
  free(context);
}
