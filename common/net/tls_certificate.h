/* Why: reads certificates and keys: what they say, and whether a chain and its key fit; for validation, metrics and headers.
 * Life: results are in the caller's arena. Key material is not kept.
 * Thread: any. */
#ifndef GW_COMMON_NET_TLS_CERTIFICATE_H
#define GW_COMMON_NET_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct gw_tls_certificate {
  struct gw_str subject;     /* RFC 2253: "CN=client,O=Example" */
  struct gw_str issuer;      /* the same */
  struct gw_str common_name; /* of the subject; empty: none */
  struct gw_str serial;      /* hexadecimal, lower case */
  struct gw_str sha256_hex;  /* of the DER, lower case */
  struct gw_str *dns_names;  /* of subjectAltName */
  struct gw_str *uris;
  struct gw_str *ips; /* as text */
  uint32_t dns_count;
  uint32_t uri_count;
  uint32_t ip_count;
  int64_t not_before_s; /* since 1970 */
  int64_t not_after_s;
};

/* The first certificate of a PEM text. GW_ERR_INVALID. */
enum gw_err gw_tls_certificate_parse(struct gw_str pem, struct gw_arena *arena, struct gw_tls_certificate *ret_certificate);

/* Checks what a server or client presents: the chain is PEM with the leaf first, the private key is PEM without a passphrase and the
 * leaf's, all are strong enough. Adds a mistake each; a leaf that is not valid now, and a certificate that did not issue the one before
 * it, are warnings. True: no mistakes; *ret_leaf (may be NULL) then describes the leaf. */
bool gw_tls_check_key_pair(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors, struct gw_arena *arena,
                           struct gw_tls_certificate *ret_leaf);
/* Checks that `pem` is one certificate or more, of authorities; expired ones are warnings. */
bool gw_tls_check_trusted_ca(struct gw_str pem, const char *place, struct gw_errors *errors);

#endif
