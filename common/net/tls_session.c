#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* A ticket key as Envoy's: name, HMAC-SHA256 key, AES-256 key. */
#define NAME_BYTES 16u
#define HMAC_BYTES 32u
#define AES_BYTES 32u
_Static_assert(NAME_BYTES + HMAC_BYTES + AES_BYTES == GW_TLS_TICKET_KEY_BYTES, "the parts make up the key");

static unsigned char *ticket_key(const struct gw_tls_context *context, uint32_t index) {
  return (unsigned char *)context->ticket_keys + (size_t)index * GW_TLS_TICKET_KEY_BYTES;
}

static bool set_mac_key(EVP_MAC_CTX *mac, unsigned char *key) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key + NAME_BYTES, HMAC_BYTES),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* OpenSSL asks for the keys of a ticket that it seals or opens. -1: failed; 0: not one of ours, a full handshake follows; 1: go on;
 * 2: go on, and give out a new one. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_sealing) {
  const struct gw_tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  uint32_t index = 0;
  if (is_sealing) {
    memcpy(name, ticket_key(context, 0), NAME_BYTES);
    if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
  } else {
    while (index < context->ticket_key_count && memcmp(name, ticket_key(context, index), NAME_BYTES) != 0)
      index++;
    if (index == context->ticket_key_count) return 0;
  }
  unsigned char *key = ticket_key(context, index);
  if (EVP_CipherInit_ex2(cipher, context->ticket_cipher, key + NAME_BYTES + HMAC_BYTES, iv, is_sealing, NULL) != 1) return -1;
  if (!set_mac_key(mac, key)) return -1;
  return index == 0 ? 1 : 2;
}

/* A ticket must not let a client in whose certificate has expired since. */
static SSL_TICKET_RETURN on_opened_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                          SSL_TICKET_STATUS status, void *arg) {
  (void)ssl, (void)name, (void)name_len, (void)arg;
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509 *peer = SSL_SESSION_get0_peer(session);
  time_t now_s = (time_t)(gw_clock_wall_us() / 1000000);
  if (peer != NULL && X509_cmp_time(X509_get0_notAfter(peer), &now_s) <= 0) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

void gw_tls_context_set_tickets(struct gw_tls_context *context, const struct gw_tls_server_options *options, const char *place,
                                struct gw_errors *errors) {
  /* With TLS 1.3 they are given out one by one, on demand (tls_handshake.c). */
  SSL_CTX_set_num_tickets(context->ssl_ctx, 0);
  if (options->has_no_tickets) {
    SSL_CTX_set_options(context->ssl_ctx, SSL_OP_NO_TICKET);
    return;
  }
  if (options->ticket_key_count == 0) gw_errors_add(errors, place, "tickets need a key");
  context->ticket_keys = gw_arena_alloc_bytes(&context->arena, (size_t)options->ticket_key_count * GW_TLS_TICKET_KEY_BYTES);
  for (uint32_t i = 0; i < options->ticket_key_count; i++) {
    if (options->ticket_keys[i].len != GW_TLS_TICKET_KEY_BYTES) {
      gw_errors_add(errors, place, "ticket key %u has %zu bytes; %u are wanted", i + 1, options->ticket_keys[i].len,
                    GW_TLS_TICKET_KEY_BYTES);
      continue;
    }
    memcpy(ticket_key(context, context->ticket_key_count++), options->ticket_keys[i].data, GW_TLS_TICKET_KEY_BYTES);
  }
  context->ticket_cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
  if (context->ticket_cipher == NULL) GW_PANIC("OpenSSL has no AES-256-CBC");
  context->has_tickets = true;
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl_ctx, on_ticket);
  if (options->common.trusted_ca.len > 0) SSL_CTX_set_session_ticket_cb(context->ssl_ctx, NULL, on_opened_ticket, NULL);
}

static void digest_part(EVP_MD_CTX *digest, struct gw_str part) {
  uint64_t len = part.len;
  EVP_DigestUpdate(digest, &len, sizeof(len)); /* or parts could run into each other */
  EVP_DigestUpdate(digest, part.data, part.len);
}

void gw_tls_context_set_session_scope(struct gw_tls_context *context, const struct gw_tls_options *options, bool is_strict,
                                      struct gw_str extra) {
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) GW_PANIC("out of memory");
  unsigned char flags[] = {is_strict, context->checks_host};
  EVP_DigestUpdate(digest, flags, sizeof(flags));
  digest_part(digest, extra);
  digest_part(digest, options->trusted_ca);
  for (uint32_t i = 0; i < options->san_count; i++) {
    unsigned char kind[] = {(unsigned char)options->sans[i].kind, (unsigned char)options->sans[i].how};
    EVP_DigestUpdate(digest, kind, sizeof(kind));
    digest_part(digest, options->sans[i].value);
  }
  EVP_DigestFinal_ex(digest, context->scope, NULL);
  EVP_MD_CTX_free(digest);
  SSL_CTX_set_session_id_context(context->ssl_ctx, context->scope, sizeof(context->scope));
}

/* A client has been given a session. 1: it is ours now. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
  struct gw_tls_room *room = BIO_get_data(SSL_get_rbio(ssl));
  struct gw_tls *tls = room->current;
  if (tls->slot == NULL) return 0;
  SSL_SESSION_free(tls->slot->session);
  tls->slot->session = session;
  return 1;
}

void gw_tls_context_keep_sessions(struct gw_tls_context *context) {
  SSL_CTX_set_session_cache_mode(context->ssl_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context->ssl_ctx, on_session);
}

/* A resumed session's certificate is not looked at again: so only under a context that checks the same, for the same name. */
void gw_tls_offer_session(struct gw_tls *tls, struct gw_str sni) {
  unsigned char scope[EVP_MAX_MD_SIZE];
  unsigned len;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_append(&text, tls->context->scope, sizeof(tls->context->scope));
  gw_strbuf_append_str(&text, sni);
  EVP_Digest(text.data, text.len, scope, &len, EVP_sha256(), NULL);
  gw_strbuf_done(&text);
  SSL_set_session_id_context(tls->ssl, scope, len);
  SSL_SESSION *session = tls->slot == NULL ? NULL : tls->slot->session;
  if (session == NULL || SSL_SESSION_is_resumable(session) != 1) return;
  unsigned session_len;
  const unsigned char *session_scope = SSL_SESSION_get0_id_context(session, &session_len);
  if (session_len == len && memcmp(session_scope, scope, len) == 0) SSL_set_session(tls->ssl, session);
}

void gw_tls_session_slot_done(struct gw_tls_session_slot *slot) {
  SSL_SESSION_free(slot->session);
  slot->session = NULL;
}
