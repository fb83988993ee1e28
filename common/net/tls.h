/* Why: what TLS connections are made from (contexts: certificates, whom to trust, versions, …), and what can be asked about one.
 * Life: a context is built once, frozen and ref-counted; connections hold references. A session slot belongs to the caller, who keeps it
 * longer than the transports that use it. struct gw_tls lives inside its transport (transport.h).
 * Thread: contexts any; a struct gw_tls and a slot the thread of their connection. */
#ifndef GW_COMMON_NET_TLS_H
#define GW_COMMON_NET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/crypto/certificate.h"

struct gw_tls;
struct gw_tls_context;

/* As on the wire. */
#define GW_TLS_VERSION_1_2 0x0303u
#define GW_TLS_VERSION_1_3 0x0304u

struct gw_tls_key_pair {
  struct gw_str name;              /* for mistakes */
  struct gw_str certificate_chain; /* PEM, leaf first */
  struct gw_str private_key;       /* PEM, without a passphrase */
};

/* A name that the peer's certificate may have. */
struct gw_tls_san_match {
  enum gw_tls_san_kind { GW_TLS_SAN_DNS, GW_TLS_SAN_URI, GW_TLS_SAN_IP } kind;
  enum gw_tls_san_how { GW_TLS_SAN_EXACT, GW_TLS_SAN_PREFIX, GW_TLS_SAN_SUFFIX } how; /* IP: exact only */
  struct gw_str value; /* exact DNS names match a certificate's wildcard too (RFC 6125 section 6.4.3) */
};

struct gw_tls_options {
  uint32_t min_version;        /* 0: 1.2 */
  uint32_t max_version;        /* 0: 1.3 */
  struct gw_str cipher_suites; /* of TLS 1.2, OpenSSL's names with ':'; empty: ECDHE with AEAD */
  struct gw_str curves;        /* with ':'; empty: X25519:P-256:P-384 */
  const struct gw_str *alpn;   /* in order of preference */
  uint32_t alpn_count;
  const struct gw_tls_key_pair *certificates; /* server: at least one; client: at most one */
  uint32_t certificate_count;
  struct gw_str trusted_ca;            /* PEM, one or more; each is a trust anchor, roots or not */
  const struct gw_tls_san_match *sans; /* one of these must match, besides the chain; none: any */
  uint32_t san_count;
};

#define GW_TLS_TICKET_KEY_BYTES 80u /* name 16, HMAC 32, AES 32 */

struct gw_tls_server_options {
  struct gw_tls_options common;     /* trusted_ca empty: no client certificate is asked for */
  bool requires_client_certificate; /* false: asked for, and checked when given */
  bool has_no_tickets;
  const struct gw_str *ticket_keys; /* GW_TLS_TICKET_KEY_BYTES each; the first encrypts, all decrypt. At least one, unless has_no_tickets */
  uint32_t ticket_key_count;
  struct gw_str binding; /* the listener's name: a session is resumed only where it has the same, and the same checks of clients */
};

struct gw_tls_client_options {
  struct gw_tls_options common;
  bool is_unverified; /* the server's certificate is not checked at all; else trusted_ca is needed */
  bool checks_host;   /* the certificate must be for the transport's sni, a host name or an IP address (RFC 6125); `sans` beside it */
};

/* Certificates of a server are picked by SNI: the exact name before a wildcard, the first one when none fits; of several for a name the
 * first of each kind of key, and of those what the client can do. NULL when there are mistakes; warnings (an expired certificate)
 * don't count. Places are `place`, with the name of the certificate. No private key shows in them. */
struct gw_tls_context *gw_tls_context_new_server(const struct gw_tls_server_options *options, const char *place, struct gw_errors *errors);
struct gw_tls_context *gw_tls_context_new_client(const struct gw_tls_client_options *options, const char *place, struct gw_errors *errors);
struct gw_tls_context *gw_tls_context_ref(struct gw_tls_context *context);
void gw_tls_context_unref(struct gw_tls_context *context);

/* The newest session with a server, for the next connection to it. One for each server. */
struct gw_tls_session_slot {
  void *session;
};
static inline void gw_tls_session_slot_init(struct gw_tls_session_slot *slot) {
  slot->session = NULL;
}
void gw_tls_session_slot_done(struct gw_tls_session_slot *slot);

/* What was agreed; empty before the handshake is through. They live as long as the transport. */
struct gw_str gw_tls_version(const struct gw_tls *tls); /* "TLSv1.3" */
struct gw_str gw_tls_cipher(const struct gw_tls *tls);  /* "TLS_AES_128_GCM_SHA256" */
struct gw_str gw_tls_alpn(const struct gw_tls *tls);    /* empty: none */
struct gw_str gw_tls_sni(const struct gw_tls *tls);     /* as the client sent it; empty: none */
bool gw_tls_is_resumed(const struct gw_tls *tls);
/* Why the connection failed: a sentence's end such as "no shared cipher"; empty when it didn't. A constant. */
struct gw_str gw_tls_failure(const struct gw_tls *tls);
/* The peer's certificate, which has been verified when there is something to verify it against. GW_ERR_NOT_FOUND: it gave none. */
enum gw_err gw_tls_peer_certificate(const struct gw_tls *tls, struct gw_arena *arena, struct gw_certificate *ret_certificate);
bool gw_tls_has_peer_certificate(const struct gw_tls *tls);
/* The first URI name of our own certificate that is in use; empty: none (By= of X-Forwarded-Client-Cert). */
struct gw_str gw_tls_local_uri(const struct gw_tls *tls);

#endif
