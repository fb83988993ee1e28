/* Why: what jwk.c (the set) and jwk_parse.c (out of JSON) share.
 * Life: see jwk.h.
 * Thread: the maker of a set. */
#ifndef GW_COMMON_CRYPTO_JWK_INTERNAL_H
#define GW_COMMON_CRYPTO_JWK_INTERNAL_H

#include <openssl/evp.h>

#include "common/crypto/jwk.h"

#define GW_JWK_HMAC_ALGS (GW_JWK_ALG_BIT(GW_JWT_HS256) | GW_JWK_ALG_BIT(GW_JWT_HS384) | GW_JWK_ALG_BIT(GW_JWT_HS512))

/* Adds a public key, taken over whatever comes out. NULL: added; else a sentence why it can't serve, freed by the caller. `algs` as in
 * gw_jwk_rules. */
char *gw_jwk_set_take_pkey(struct gw_jwk_set *set, EVP_PKEY *pkey, struct gw_str kid, uint32_t algs);
/* The same for a shared secret. */
char *gw_jwk_set_take_secret(struct gw_jwk_set *set, struct gw_str secret, struct gw_str kid, uint32_t algs);

/* Whether the key serves for signatures at all; NULL: yes, and *ret_algs are those it fits; else a sentence, freed by the caller. */
char *gw_jwk_check_pkey(const EVP_PKEY *pkey, uint32_t *ret_algs);

/* The digest that is signed; not of EdDSA, which has one inside. */
const EVP_MD *gw_jwt_alg_digest(enum gw_jwt_alg alg);

#endif
