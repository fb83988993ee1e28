/* Why: key material and what certificates are checked against, as plain values (envoy.extensions.transport_sockets.tls.v3.Secret).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_SECRET_H
#define GW_COMMON_MODEL_SECRET_H

#include <stdint.h>

#include "common/base/str.h"
#include "common/model/tls.h"

enum gw_secret_kind {
  GW_SECRET_CERTIFICATE, /* TlsCertificate: a chain and its private key */
  GW_SECRET_VALIDATION,  /* CertificateValidationContext: whom to trust; no secret in itself */
  GW_SECRET_TICKET_KEYS, /* TlsSessionTicketKeys */
  GW_SECRET_GENERIC,     /* GenericSecret: "jwt/PROVIDER", a key set with symmetric keys; "api_key/pepper" */
};

#define GW_SECRET_NAME_PEPPER "api_key/pepper" /* what API keys are hashed under */
#define GW_TICKET_KEY_BYTES 80u                /* name 16, HMAC 32, AES 32, as Envoy has them */

struct gw_secret {
  struct gw_str name;
  enum gw_secret_kind kind;
  struct gw_str certificate_chain; /* PEM, leaf first */
  struct gw_str private_key;       /* PEM, without a passphrase */
  struct gw_str trusted_ca;        /* PEM, one or more */
  const struct gw_san_match *sans; /* of GW_SECRET_VALIDATION: beside those of gw_tls_params, one of all of these must match; none: any */
  uint32_t san_count;
  const struct gw_str *ticket_keys; /* GW_TICKET_KEY_BYTES each; the first encrypts, all decrypt */
  uint32_t ticket_key_count;
  struct gw_str content; /* of GW_SECRET_GENERIC */
};

/* All but whom to trust is kept from those who listen. */
static inline bool gw_secret_is_confidential(const struct gw_secret *secret) {
  return secret->kind != GW_SECRET_VALIDATION;
}

#endif
