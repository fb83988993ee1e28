/* Why: issues tokens (libjwt), for `gatewayctl token mint` and tests. HS*, RS* and ES*: what libjwt 1.10 can.
 * Life: no objects; tokens and reasons are freed by the caller with free().
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_JWT_MINT_H
#define GW_COMMON_CRYPTO_JWT_MINT_H

#include "common/crypto/jwk.h"

struct gw_jwt_mint {
  enum gw_jwt_alg alg;
  struct gw_str key;    /* HS*: the secret's bytes; else a private key in PEM */
  struct gw_str kid;    /* empty: none */
  struct gw_str claims; /* a JSON object */
};

/* GW_ERR_UNSUPPORTED: not one of libjwt's algorithms; GW_ERR_INVALID: the key is weak or does not fit, or the claims are no JSON object.
 * *ret_reason is a sentence then, without the key. */
enum gw_err gw_jwt_mint(const struct gw_jwt_mint *mint, char **ret_token, char **ret_reason);

#endif
