#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* Whom a context believes: the chain by OpenSSL, then the names that were asked for. */

static bool value_fits(const struct gw_tls_san_match *match, struct gw_str value, bool is_dns) {
  if (match->value.len > value.len) return false;
  struct gw_str part = {value.data, match->value.len};
  if (match->how == GW_TLS_SAN_EXACT && value.len != match->value.len) return false;
  if (match->how == GW_TLS_SAN_SUFFIX) part = gw_str_skip(value, value.len - match->value.len);
  return is_dns ? gw_str_equal_nocase(part, match->value) : gw_str_equal(part, match->value);
}

static bool name_fits(const struct gw_tls_san_match *match, const GENERAL_NAME *name) {
  const ASN1_STRING *text = NULL;
  if (match->kind == GW_TLS_SAN_DNS && name->type == GEN_DNS) text = name->d.dNSName;
  if (match->kind == GW_TLS_SAN_URI && name->type == GEN_URI) text = name->d.uniformResourceIdentifier;
  if (text == NULL) return false;
  struct gw_str value = {(const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)};
  return value_fits(match, value, match->kind == GW_TLS_SAN_DNS);
}

/* Names count only in subjectAltName (RFC 9525 section 2). */
static bool match_fits(const struct gw_tls_san_match *match, X509 *x509, const GENERAL_NAMES *names) {
  if (match->kind == GW_TLS_SAN_IP) return X509_check_ip_asc(x509, match->value.data, 0) == 1;
  if (match->kind == GW_TLS_SAN_DNS && match->how == GW_TLS_SAN_EXACT) {
    unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(x509, match->value.data, match->value.len, flags, NULL) == 1;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
    if (name_fits(match, sk_GENERAL_NAME_value(names, i))) return true;
  return false;
}

static bool names_fit(const struct gw_tls_context *context, X509 *x509) {
  if (context->san_count == 0) return true;
  bool fits = false;
  GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
  for (uint32_t i = 0; i < context->san_count && !fits; i++)
    fits = match_fits(&context->sans[i], x509, names);
  GENERAL_NAMES_free(names);
  return fits;
}

static int on_verify(X509_STORE_CTX *store_ctx, void *arg) {
  const struct gw_tls_context *context = arg;
  if (X509_verify_cert(store_ctx) != 1) return 0;
  if (names_fit(context, X509_STORE_CTX_get0_cert(store_ctx))) return 1;
  X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}

static void copy_sans(struct gw_tls_context *context, const struct gw_tls_options *options, const char *place, struct gw_errors *errors) {
  struct gw_tls_san_match *sans = gw_arena_calloc(&context->arena, options->san_count, sizeof(*sans));
  for (uint32_t i = 0; i < options->san_count; i++) {
    sans[i] = options->sans[i];
    sans[i].value = gw_arena_copy(&context->arena, sans[i].value);
    ASN1_OCTET_STRING *ip = sans[i].kind == GW_TLS_SAN_IP ? a2i_IPADDRESS(sans[i].value.data) : NULL;
    if (sans[i].value.len == 0 || memchr(sans[i].value.data, '\0', sans[i].value.len) != NULL) {
      gw_errors_add(errors, place, "an expected name is empty or has a NUL");
    } else if (sans[i].kind == GW_TLS_SAN_IP && (ip == NULL || sans[i].how != GW_TLS_SAN_EXACT)) {
      gw_errors_add(errors, place, "expected name \"%.*s\": a whole IP address is wanted", GW_STR_ARG(sans[i].value));
    }
    ASN1_OCTET_STRING_free(ip);
  }
  context->sans = sans;
  context->san_count = options->san_count;
}

void gw_tls_context_set_verify(struct gw_tls_context *context, const struct gw_tls_options *options, bool is_required, const char *place,
                               struct gw_errors *errors) {
  copy_sans(context, options, place, errors);
  if (options->trusted_ca.len == 0) {
    if (options->san_count > 0) gw_errors_add(errors, place, "names of the peer are expected, but there is no CA to check its certificate");
    return;
  }
  STACK_OF(X509) *authorities = gw_x509_load_certificates(options->trusted_ca, "trusted CA", place, errors);
  if (authorities == NULL) return;
  X509_STORE *store = SSL_CTX_get_cert_store(context->ssl_ctx);
  for (int i = 0; i < sk_X509_num(authorities); i++) {
    X509 *authority = sk_X509_value(authorities, i);
    /* Whom we trust is told to clients, so that they can pick a certificate. */
    bool is_added = X509_STORE_add_cert(store, authority) == 1;
    if (context->is_server) is_added = SSL_CTX_add_client_CA(context->ssl_ctx, authority) == 1 && is_added;
    if (!is_added) GW_PANIC("out of memory");
  }
  sk_X509_pop_free(authorities, X509_free);
  /* A trusted intermediate is an anchor, without its root. */
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_cert_verify_callback(context->ssl_ctx, on_verify, context);
  SSL_CTX_set_verify(context->ssl_ctx, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
}
