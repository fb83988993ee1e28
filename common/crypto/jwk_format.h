/* Why: writes keys as a JSON Web Key Set (RFC 7517), which is how they travel.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_JWK_FORMAT_H
#define GW_COMMON_CRYPTO_JWK_FORMAT_H

#include "common/crypto/jwk.h"

/* {"keys":[…]} of the set's public keys; none: {"keys":[]}. A key that serves fewer algorithms than fit it is there once for each of them,
 * since a JWK names one or none. Shared secrets are left out. */
void gw_jwk_set_append_public(const struct gw_jwk_set *set, struct gw_strbuf *buf);

struct gw_jwk_secret {
  struct gw_str secret;
  enum gw_jwt_alg alg;
};
/* The same of shared secrets: the text is as secret as they are, so `buf` has room for it before, and is wiped after. */
void gw_jwk_append_secrets(const struct gw_jwk_secret *secrets, uint32_t count, struct gw_strbuf *buf);

#endif
