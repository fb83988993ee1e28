/* Why: what our programs must know of X.509 certificates and keys in PEM: what they say, how long they hold, whether they serve.
 * Life: results are in the caller's arena. Key material is not kept.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_CERTIFICATE_H
#define GW_COMMON_CRYPTO_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* A subject alternative name (RFC 5280 section 4.2.1.6); addresses as text, "::1". Other kinds are left out. */
enum gw_certificate_name_kind { GW_CERTIFICATE_DNS, GW_CERTIFICATE_URI, GW_CERTIFICATE_IP };
struct gw_certificate_name {
  enum gw_certificate_name_kind kind;
  struct gw_str value;
};

struct gw_certificate {
  struct gw_str subject;     /* RFC 2253: "CN=client,O=Example" */
  struct gw_str issuer;      /* the same */
  struct gw_str common_name; /* of the subject; empty: none */
  struct gw_str serial;      /* hexadecimal, lower case */
  struct gw_str sha256_hex;  /* of the DER, lower case */
  const struct gw_certificate_name *names;
  uint32_t name_count;
  int64_t not_before_s; /* Unix time */
  int64_t not_after_s;
  bool is_ca;
};

/* The first certificate in the text. GW_ERR_INVALID: there is none that can be read. */
enum gw_err gw_certificate_parse(struct gw_str pem, struct gw_arena *arena, struct gw_certificate *ret_certificate);

/* Certificates in the text. GW_ERR_NOT_FOUND: none; GW_ERR_INVALID: one that can't be read, such as the last one of a half-written file. */
enum gw_err gw_certificate_count(struct gw_str pem, uint32_t *ret_count);

/* Whose the private key in `key` is. GW_ERR_NOT_FOUND: there is none without a passphrase; GW_ERR_DENIED: not the first certificate's of
 * `chain`. */
enum gw_err gw_certificate_match_key(struct gw_str chain, struct gw_str key);

/* Checks what a server or client presents: the chain is PEM with the leaf first, the private key is PEM without a passphrase and the
 * leaf's, all are strong enough. Adds a mistake each; a leaf that is not valid now, and a certificate that did not issue the one before
 * it, are warnings. True: no mistakes. */
bool gw_certificate_check_pair(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors);
/* Checks that `pem` is one certificate or more, of authorities; expired ones are warnings. */
bool gw_certificate_check_trusted_ca(struct gw_str pem, const char *place, struct gw_errors *errors);

#endif
