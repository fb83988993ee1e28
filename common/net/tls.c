#include "common/net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

#define SPANS_MAX 32

static void set_host(struct gw_tls *tls, struct gw_str sni) {
  char *host = gw_str_dup(sni); /* OpenSSL wants a NUL */
  X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
  ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
  int is_set = 1;
  if (sni.len > 0 && ip == NULL) is_set = SSL_set_tlsext_host_name(tls->ssl, host) == 1;
  if (tls->context->checks_host) {
    /* Names count only in subjectAltName (RFC 9525). Without a name nothing fits: fail closed. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    is_set &= ip != NULL ? X509_VERIFY_PARAM_set1_ip_asc(param, host) : X509_VERIFY_PARAM_set1_host(param, sni.len > 0 ? host : ".", 0);
  }
  if (is_set != 1) gw_tls_fail(tls, GW_ERR_INVALID, 0, "a host name that cannot be asked for");
  ASN1_OCTET_STRING_free(ip);
  ERR_clear_error();
  free(host);
}

struct gw_tls *gw_tls_new(struct gw_loop *loop, struct gw_tls_context *context, struct gw_str sni, struct gw_tls_session_slot *slot) {
  struct gw_tls *tls = gw_calloc(1, sizeof(*tls));
  struct gw_tls_room *room = gw_tls_room_enter(loop, tls);
  tls->context = gw_tls_context_ref(context);
  tls->slot = slot;
  tls->ssl = SSL_new(context->ssl_ctx);
  if (tls->ssl == NULL || BIO_up_ref(room->bio) != 1) GW_PANIC("out of memory");
  SSL_set_bio(tls->ssl, room->bio, room->bio);
  if (context->is_server) {
    SSL_set_accept_state(tls->ssl);
    tls->secrets = gw_calloc(1, sizeof(*tls->secrets));
  } else {
    SSL_set_connect_state(tls->ssl);
    set_host(tls, sni);
    gw_tls_offer_session(tls, sni);
  }
  return tls;
}

static void free_secrets(struct gw_tls *tls) {
  if (tls->secrets == NULL) return;
  OPENSSL_cleanse(tls->secrets, sizeof(*tls->secrets));
  free(tls->secrets);
  tls->secrets = NULL;
}

static void free_ssl(struct gw_tls *tls) {
  if (tls->ssl == NULL) return;
  /* Or OpenSSL would take the session for a broken one and look for it in its cache, under a lock. */
  SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(tls->ssl);
  tls->ssl = NULL;
}

void gw_tls_free(struct gw_tls *tls) {
  if (tls == NULL) return;
  free_ssl(tls);
  free_secrets(tls);
  gw_tls_records_free(tls->records);
  if (tls->agreed != NULL) X509_free(tls->agreed->peer);
  free(tls->agreed);
  free(tls->tail);
  free(tls->kept);
  gw_tls_context_unref(tls->context);
  free(tls);
}

void gw_tls_fail(struct gw_tls *tls, enum gw_err end, int error_number, const char *failure) {
  if (tls->end != GW_OK) return;
  tls->end = end;
  tls->end_errno = error_number;
  tls->failure = failure;
}

/* After a call on tls->ssl that did not succeed. */
static void take_error(struct gw_tls *tls, int result) {
  switch (SSL_get_error(tls->ssl, result)) {
  case SSL_ERROR_WANT_READ: return;
  case SSL_ERROR_ZERO_RETURN: gw_tls_fail(tls, GW_ERR_CLOSED, 0, NULL); return;
  default: gw_tls_fail(tls, GW_ERR_INVALID, 0, gw_tls_take_reason(tls->ssl)); return;
  }
}

/* OpenSSL's queue of errors is the thread's: what others left there would be taken for ours. */
static void forget_errors(void) {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

static unsigned from_hex(char c) {
  return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The secret is the third word of the line. */
static void take_secret(const char *line, uint8_t *ret_secret, uint8_t *ret_len) {
  const char *hex = strrchr(line, ' ') + 1;
  size_t len = strlen(hex) / 2;
  GW_ASSERT(len <= GW_TLS_SECRET_MAX);
  for (size_t i = 0; i < len; i++)
    ret_secret[i] = (uint8_t)(from_hex(hex[2 * i]) << 4 | from_hex(hex[2 * i + 1]));
  *ret_len = (uint8_t)len;
}

/* OpenSSL's way to hand out a connection's secrets. They go nowhere but into the records' keys. */
void gw_tls_on_key_log(const SSL *ssl, const char *line) {
  struct gw_tls_room *room = BIO_get_data(SSL_get_rbio(ssl));
  struct gw_tls_secrets *secrets = room->current->secrets;
  struct gw_str text = gw_str_from(line);
  if (secrets == NULL) return;
  if (gw_str_has_prefix(text, GW_STR("CLIENT_TRAFFIC_SECRET_0 "))) take_secret(line, secrets->client, &secrets->client_len);
  if (gw_str_has_prefix(text, GW_STR("SERVER_TRAFFIC_SECRET_0 "))) take_secret(line, secrets->server, &secrets->server_len);
}

static uint64_t count_records(const char *bytes, size_t len) {
  uint64_t count = 0;
  for (size_t at = 0; at + GW_TLS_RECORD_HEAD <= len; count++)
    at += GW_TLS_RECORD_HEAD + ((size_t)(unsigned char)bytes[at + 3] << 8 | (unsigned char)bytes[at + 4]);
  return count;
}

static struct gw_str own_uri(const struct gw_tls_context *context, const X509 *own) {
  for (uint32_t i = 0; i < context->identity_count; i++)
    if (context->identities[i].pair.leaf == own) return context->identities[i].uri;
  return GW_STR("");
}

static struct gw_tls_agreed *agreed_new(const struct gw_tls *tls) {
  struct gw_str sni = gw_tls_sni(tls);
  struct gw_str alpn = gw_tls_alpn(tls);
  struct gw_tls_agreed *agreed = gw_malloc(sizeof(*agreed) + sni.len);
  *agreed = (struct gw_tls_agreed){
      .cipher = SSL_get_cipher_name(tls->ssl),
      .uri = gw_tls_local_uri(tls),
      .peer = SSL_get1_peer_certificate(tls->ssl),
      .is_resumed = SSL_session_reused(tls->ssl) == 1,
      .sni_len = sni.len,
  };
  if (sni.len > 0) memcpy(agreed->sni, sni.data, sni.len);
  for (uint32_t i = 0; i < tls->context->alpn_count; i++)
    if (gw_str_equal(tls->context->alpn[i], alpn)) agreed->alpn = tls->context->alpn[i];
  return agreed;
}

/* From here on the records are ours, and OpenSSL's struct can go. */
static void take_over(struct gw_tls *tls, struct gw_tls_room *room) {
  size_t before = room->out_len;
  if (tls->context->has_tickets && SSL_new_session_ticket(tls->ssl) == 1 && SSL_do_handshake(tls->ssl) != 1) {
    gw_tls_fail(tls, GW_ERR_INVALID, 0, gw_tls_take_reason(tls->ssl));
    return;
  }
  /* OpenSSL takes a record at a time, and refuses one that goes on behind a change of keys: nothing is there. */
  if (SSL_has_pending(tls->ssl) != 0) {
    gw_tls_fail(tls, GW_ERR_INVALID, 0, "data behind the handshake in its last record");
    return;
  }
  const struct gw_tls_secrets *secrets = tls->secrets;
  struct gw_str client = {(const char *)secrets->client, secrets->client_len};
  struct gw_str server = {(const char *)secrets->server, secrets->server_len};
  uint16_t suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(tls->ssl));
  uint64_t sealed = count_records(room->out + before, room->out_len - before);
  tls->records = gw_tls_records_new(tls->context->ciphers, suite, client, server, sealed);
  GW_ASSERT(tls->records != NULL); /* only suites of ours are offered, and their secrets have been told */
  tls->agreed = agreed_new(tls);
  free_ssl(tls);
}

static void do_handshake(struct gw_tls *tls, struct gw_tls_room *room) {
  forget_errors();
  int result = SSL_do_handshake(tls->ssl);
  if (result != 1) {
    take_error(tls, result);
    return;
  }
  tls->is_ready = true;
  if (tls->context->is_server && SSL_version(tls->ssl) == TLS1_3_VERSION) take_over(tls, room);
  free_secrets(tls);
}

void gw_tls_begin(struct gw_tls *tls) {
  tls->has_begun = true;
  forget_errors();
  take_error(tls, SSL_do_handshake(tls->ssl));
}

static size_t open_by_records(struct gw_tls *tls, struct gw_tls_room *room, char *buf) {
  struct gw_tls_opened opened;
  gw_tls_records_open(tls->records, room->in + room->in_at, room->in_len - room->in_at, buf, &opened);
  room->in_at += opened.used;
  if (opened.is_closed) {
    gw_tls_fail(tls, GW_ERR_CLOSED, 0, NULL);
  } else if (opened.failure != NULL) {
    gw_tls_fail(tls, GW_ERR_INVALID, 0, opened.failure);
    if (opened.alert != 0) {
      char *out = gw_tls_room_reserve(room, GW_TLS_RECORD_EXTRA + 2);
      room->out_len += gw_tls_records_seal_alert(tls->records, SSL3_AL_FATAL, opened.alert, out);
    }
  } else if (room->in_at < room->in_len) {
    size_t rest = room->in_len - room->in_at;
    tls->tail = gw_malloc(sizeof(*tls->tail) + rest);
    *tls->tail = (struct gw_tls_kept){.end = rest};
    memcpy(tls->tail->data, room->in + room->in_at, rest);
  }
  return opened.len;
}

/* OpenSSL holds back nothing but a record that has not come whole. */
static size_t open_by_ssl(struct gw_tls *tls, struct gw_tls_room *room, char *buf) {
  size_t len = 0;
  while (room->in_at < room->in_len && tls->end == GW_OK) {
    forget_errors();
    int got = SSL_read(tls->ssl, buf + len, (int)(GW_LOOP_SCRATCH_SIZE - len));
    if (got <= 0) {
      take_error(tls, got);
      break;
    }
    len += (size_t)got;
    tls->empty_records = 0;
  }
  return len;
}

size_t gw_tls_open(struct gw_tls *tls, struct gw_tls_room *room, char *buf) {
  if (!tls->is_ready) do_handshake(tls, room);
  if (!tls->is_ready || tls->end != GW_OK) return 0;
  return tls->records != NULL ? open_by_records(tls, room, buf) : open_by_ssl(tls, room, buf);
}

static size_t seal_by_ssl(struct gw_tls *tls, struct gw_tls_room *room, const struct iovec *spans, size_t span_count) {
  const char *plain = spans[0].iov_base;
  size_t len = spans[0].iov_len;
  if (span_count > 1) {
    len = 0;
    plain = room->plain;
    for (size_t i = 0; i < span_count; i++) {
      memcpy(room->plain + len, spans[i].iov_base, spans[i].iov_len);
      len += spans[i].iov_len;
    }
  }
  forget_errors();
  int sealed = SSL_write(tls->ssl, plain, (int)len);
  if (sealed == (int)len) return len;
  gw_tls_fail(tls, GW_ERR_INVALID, 0, gw_tls_take_reason(tls->ssl));
  return 0;
}

size_t gw_tls_seal(struct gw_tls *tls, struct gw_tls_room *room, const struct gw_out_queue *queue) {
  struct iovec spans[SPANS_MAX];
  size_t len;
  size_t span_count = gw_out_queue_spans(queue, GW_TLS_RECORD_MAX, spans, SPANS_MAX, &len);
  if (tls->records == NULL) return seal_by_ssl(tls, room, spans, span_count);
  char *out = gw_tls_room_reserve(room, len + 2 * (size_t)GW_TLS_RECORD_EXTRA + 8);
  room->out_len += gw_tls_records_seal(tls->records, spans, span_count, out);
  return len;
}

void gw_tls_seal_close(struct gw_tls *tls, struct gw_tls_room *room) {
  if (tls->records != NULL) {
    char *out = gw_tls_room_reserve(room, GW_TLS_RECORD_EXTRA + 2);
    room->out_len += gw_tls_records_seal_alert(tls->records, SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY, out);
  } else {
    forget_errors();
    SSL_shutdown(tls->ssl);
    forget_errors();
  }
}

struct gw_str gw_tls_version(const struct gw_tls *tls) {
  if (!tls->is_ready) return GW_STR("");
  return tls->ssl == NULL ? GW_STR("TLSv1.3") : gw_str_from(SSL_get_version(tls->ssl));
}

struct gw_str gw_tls_cipher(const struct gw_tls *tls) {
  if (!tls->is_ready) return GW_STR("");
  return gw_str_from(tls->agreed != NULL ? tls->agreed->cipher : SSL_get_cipher_name(tls->ssl));
}

struct gw_str gw_tls_alpn(const struct gw_tls *tls) {
  if (tls->agreed != NULL) return tls->agreed->alpn;
  const unsigned char *name;
  unsigned len;
  SSL_get0_alpn_selected(tls->ssl, &name, &len);
  return (struct gw_str){(const char *)name, len};
}

struct gw_str gw_tls_sni(const struct gw_tls *tls) {
  if (tls->agreed != NULL) return (struct gw_str){tls->agreed->sni, tls->agreed->sni_len};
  return gw_str_from(SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name));
}

bool gw_tls_is_resumed(const struct gw_tls *tls) {
  return tls->agreed != NULL ? tls->agreed->is_resumed : tls->is_ready && SSL_session_reused(tls->ssl) == 1;
}

struct gw_str gw_tls_failure(const struct gw_tls *tls) {
  return gw_str_from(tls->failure);
}

static X509 *peer_of(const struct gw_tls *tls) {
  if (!tls->is_ready) return NULL;
  return tls->agreed != NULL ? tls->agreed->peer : SSL_get0_peer_certificate(tls->ssl);
}

bool gw_tls_has_peer_certificate(const struct gw_tls *tls) {
  return peer_of(tls) != NULL;
}

enum gw_err gw_tls_peer_certificate(const struct gw_tls *tls, struct gw_arena *arena, struct gw_certificate *ret_certificate) {
  X509 *peer = peer_of(tls);
  if (peer == NULL) return GW_ERR_NOT_FOUND;
  gw_x509_describe(peer, arena, ret_certificate);
  return GW_OK;
}

struct gw_str gw_tls_local_uri(const struct gw_tls *tls) {
  if (tls->agreed != NULL) return tls->agreed->uri;
  return tls->is_ready ? own_uri(tls->context, SSL_get_certificate(tls->ssl)) : GW_STR("");
}
