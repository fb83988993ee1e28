/* Why: keys that verify tokens, parsed once: out of JWKS (RFC 7517), PEM, or a shared secret. A key says which algorithms it may be used
 * with; a token never does.
 * Life: gw_jwk_set is made by one, frozen, then ref-counted; keys live as long as their set. Secrets are cleansed.
 * Thread: a set that is not frozen belongs to its maker; a frozen one is for all. */
#ifndef GW_COMMON_CRYPTO_JWK_H
#define GW_COMMON_CRYPTO_JWK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct evp_pkey_st;
struct gw_hmac;

/* RFC 7518 section 3.1, RFC 8037. There is no "none". */
enum gw_jwt_alg {
  GW_JWT_HS256,
  GW_JWT_HS384,
  GW_JWT_HS512,
  GW_JWT_RS256,
  GW_JWT_RS384,
  GW_JWT_RS512,
  GW_JWT_PS256,
  GW_JWT_PS384,
  GW_JWT_PS512,
  GW_JWT_ES256,
  GW_JWT_ES384,
  GW_JWT_ES512,
  GW_JWT_EDDSA,
};
#define GW_JWT_ALG_COUNT 13u

/* "RS256", … and back; case counts. GW_ERR_UNSUPPORTED: not one of ours. */
const char *gw_jwt_alg_name(enum gw_jwt_alg alg);
enum gw_err gw_jwt_alg_parse(struct gw_str name, enum gw_jwt_alg *ret_alg);
static inline bool gw_jwt_alg_is_hmac(enum gw_jwt_alg alg) {
  return alg <= GW_JWT_HS512;
}

#define GW_JWK_ALG_BIT(alg) (1u << (unsigned)(alg))
/* For who doesn't pin one: every algorithm that the key fits: of RSA RS* and PS*, of a curve the one that goes with it. */
#define GW_JWK_ANY_ALG 0u

struct gw_jwk {
  struct gw_str kid;                                   /* empty: none, fits every token's */
  uint32_t algs;                                       /* of GW_JWK_ALG_BIT: what it verifies, never none */
  struct evp_pkey_st *pkey;                            /* RSA, EC, OKP; NULL: a shared secret */
  struct gw_hmac *hmac[3];                             /* of a shared secret: HS256, HS384, HS512, where `algs` has them */
  struct evp_pkey_ctx_st *verifiers[GW_JWT_ALG_COUNT]; /* set up for each of `algs` but HS and EdDSA; copied for use */
};

/* Bounds of what strangers publish. */
#define GW_JWKS_BYTES_MAX (256u * 1024)
#define GW_JWK_SET_KEYS_MAX 128u
#define GW_JWK_RSA_BITS_MIN 2048
#define GW_JWK_RSA_BITS_MAX 8192

struct gw_jwk_set;

/* Empty, with one reference. */
struct gw_jwk_set *gw_jwk_set_new(void);

struct gw_jwk_rules {
  uint32_t algs;         /* of GW_JWK_ALG_BIT, or GW_JWK_ANY_ALG: others are not taken from these keys */
  bool may_hold_secrets; /* "oct" is allowed: the text itself is a secret */
  bool is_lenient;       /* an issuer's published set: a key that is broken or weak is left out with a warning, not a mistake */
};

/* Adds the keys of a JWK set, or of one JWK. Left out as RFC 7517 section 5 has it: unknown `kty`, curve or `alg`, `use` other than sig,
 * `key_ops` without verify. A mistake each: private members of a public key, weak or broken keys, "oct" where it is not allowed, a text
 * that is no JWK set or one of secrets and public keys, no key that could be used. True: no mistakes; else the set is of no use. */
bool gw_jwk_set_add_jwks(struct gw_jwk_set *set, struct gw_str json, const struct gw_jwk_rules *rules, const char *place,
                         struct gw_errors *errors);
/* Adds what is in a PEM text: public keys (SPKI, or PKCS#1 of RSA) and certificates. A private key is a mistake. `kid` may be empty. */
bool gw_jwk_set_add_pem(struct gw_jwk_set *set, struct gw_str pem, struct gw_str kid, uint32_t algs, const char *place,
                        struct gw_errors *errors);
/* Adds a shared secret for one of HS*, at least as long as the hash (RFC 7518 section 3.2): 32, 48 or 64 bytes. */
bool gw_jwk_set_add_secret(struct gw_jwk_set *set, struct gw_str secret, struct gw_str kid, enum gw_jwt_alg alg, const char *place,
                           struct gw_errors *errors);
/* After the last key, before any other thread sees it. */
void gw_jwk_set_freeze(struct gw_jwk_set *set);

struct gw_jwk_set *gw_jwk_set_ref(struct gw_jwk_set *set);
void gw_jwk_set_unref(struct gw_jwk_set *set);

/* For caches of verified tokens: equal in this process for sets with equal keys, ids and algorithms in equal order, else different. Keyed
 * with a random number of this process: tells nothing of the keys, and nothing to another process. Of a frozen set. */
uint64_t gw_jwk_set_generation(const struct gw_jwk_set *set);
uint32_t gw_jwk_set_count(const struct gw_jwk_set *set);
const struct gw_jwk *gw_jwk_set_get(const struct gw_jwk_set *set, uint32_t index);

#endif
