/* Why: what our programs must know of X.509 certificates and keys in PEM: whose they are, how long they hold, whether they belong together.
 * Life: a gw_certificate is embedded (parse/done) and owns its strings.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_CERTIFICATE_H
#define GW_COMMON_CRYPTO_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* A subject alternative name (RFC 5280 section 4.2.1.6); addresses as text, "::1". Other kinds are left out. */
enum gw_certificate_name_kind { GW_CERTIFICATE_DNS, GW_CERTIFICATE_URI, GW_CERTIFICATE_IP };
struct gw_certificate_name {
  enum gw_certificate_name_kind kind;
  struct gw_str value;
};

struct gw_certificate {
  char *subject; /* "CN=edge-1,O=Example" (RFC 2253) */
  char *issuer;
  int64_t not_before_s; /* Unix time */
  int64_t not_after_s;
  bool is_ca;
  struct gw_certificate_name *names;
  size_t name_count;
};

/* The first certificate in the text. GW_ERR_INVALID: there is none. */
enum gw_err gw_certificate_parse(struct gw_str pem, struct gw_certificate *ret_certificate);
void gw_certificate_done(struct gw_certificate *certificate);

/* Certificates in the text; GW_ERR_INVALID: none, or one that can't be read, such as the last one of a half-written file. */
enum gw_err gw_certificate_count(struct gw_str pem, size_t *ret_count);

/* Whether the text has a private key that can be used, which means without a passphrase. */
bool gw_private_key_is_usable(struct gw_str key_pem);
/* Whether that key is the one of the first certificate in `certificate_pem`. */
bool gw_private_key_fits(struct gw_str key_pem, struct gw_str certificate_pem);

#endif
