/* Why: tokens with whatever header and payload a test wants, signed with OpenSSL and not with what is tested; and keys, made once.
 * Life: a fixture is made by the group's set-up and freed by its tear-down; tokens are in its arena.
 * Thread: one. */
#ifndef GW_TESTS_UNIT_COMMON_CRYPTO_JWT_FIXTURE_H
#define GW_TESTS_UNIT_COMMON_CRYPTO_JWT_FIXTURE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "common/base/base64url.h"
#include "common/base/mem.h"
#include "common/crypto/hmac.h"
#include "common/crypto/jwt.h"
#include "common/crypto/keys.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CLAIMS "{\"iss\":\"issuer\",\"sub\":\"u1\",\"aud\":\"gateway\",\"iat\":1700000000,\"nbf\":1700000000,\"exp\":1700003600}"
#define NOW_S 1700000100

struct jwt_fixture {
  struct gw_arena arena;
  struct gw_key_pair rsa, ec256, ec384, ec521, ed25519;
};

static inline int jwt_fixture_new(void **state) {
  struct jwt_fixture *fixture = gw_calloc(1, sizeof(*fixture));
  gw_arena_init(&fixture->arena, 4096);
  *state = fixture;
  bool is_made = gw_keys_generate_rsa_pair(2048, &fixture->rsa) == GW_OK && gw_keys_generate_ec_pair("P-256", &fixture->ec256) == GW_OK &&
                 gw_keys_generate_ec_pair("P-384", &fixture->ec384) == GW_OK &&
                 gw_keys_generate_ec_pair("P-521", &fixture->ec521) == GW_OK &&
                 gw_keys_generate_ec_pair("Ed25519", &fixture->ed25519) == GW_OK;
  return is_made ? 0 : -1;
}

static inline int jwt_fixture_free(void **state) {
  struct jwt_fixture *fixture = *state;
  gw_key_pair_done(&fixture->rsa);
  gw_key_pair_done(&fixture->ec256);
  gw_key_pair_done(&fixture->ec384);
  gw_key_pair_done(&fixture->ec521);
  gw_key_pair_done(&fixture->ed25519);
  gw_arena_done(&fixture->arena);
  free(fixture);
  return 0;
}

static inline const struct gw_key_pair *jwt_fixture_pair(const struct jwt_fixture *fixture, enum gw_jwt_alg alg) {
  switch (alg) {
  case GW_JWT_ES256: return &fixture->ec256;
  case GW_JWT_ES384: return &fixture->ec384;
  case GW_JWT_ES512: return &fixture->ec521;
  case GW_JWT_EDDSA: return &fixture->ed25519;
  default: return &fixture->rsa;
  }
}

/* ---- signing ---- */

static inline struct gw_str jwt_base64url(struct jwt_fixture *fixture, struct gw_str bytes) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_base64url_append(&buf, bytes);
  struct gw_str text = gw_arena_copy(&fixture->arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return text;
}

/* "header.payload" of the two texts. */
static inline struct gw_str jwt_signing_input(struct jwt_fixture *fixture, struct gw_str header, struct gw_str payload) {
  struct gw_str a = jwt_base64url(fixture, header), b = jwt_base64url(fixture, payload);
  return gw_str_from(gw_arena_printf(&fixture->arena, "%.*s.%.*s", GW_STR_ARG(a), GW_STR_ARG(b)));
}

static inline const EVP_MD *jwt_digest(enum gw_jwt_alg alg) {
  return alg == GW_JWT_EDDSA ? NULL : alg % 3 == 0 ? EVP_sha256() : alg % 3 == 1 ? EVP_sha384() : EVP_sha512();
}

/* ECDSA-Sig-Value to r and s of `half` bytes each. */
static inline struct gw_str jwt_raw_ec(struct jwt_fixture *fixture, const unsigned char *der, size_t der_len, size_t half) {
  ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
  unsigned char *raw = (unsigned char *)gw_arena_alloc_bytes(&fixture->arena, 2 * half);
  GW_ASSERT(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) > 0 &&
            BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) > 0);
  ECDSA_SIG_free(sig);
  return (struct gw_str){(const char *)raw, 2 * half};
}

static inline struct gw_str jwt_sign_with(struct jwt_fixture *fixture, enum gw_jwt_alg alg, EVP_PKEY *key, struct gw_str input) {
  unsigned char signature[1024];
  size_t len = sizeof(signature);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_PKEY_CTX *of_key = NULL;
  GW_ASSERT(context != NULL && EVP_DigestSignInit(context, &of_key, jwt_digest(alg), NULL, key) == 1);
  if (alg >= GW_JWT_PS256 && alg <= GW_JWT_PS512) {
    GW_ASSERT(EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  GW_ASSERT(EVP_DigestSign(context, signature, &len, (const unsigned char *)input.data, input.len) == 1);
  EVP_MD_CTX_free(context);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) return jwt_raw_ec(fixture, signature, len, ((size_t)EVP_PKEY_get_bits(key) + 7) / 8);
  return gw_arena_copy(&fixture->arena, (struct gw_str){(const char *)signature, len});
}

/* The signature's bytes by the fixture's key for `alg`; of HS* by `secret`. */
static inline struct gw_str jwt_signature(struct jwt_fixture *fixture, enum gw_jwt_alg alg, struct gw_str secret, struct gw_str input) {
  if (gw_jwt_alg_is_hmac(alg)) {
    uint8_t mac[GW_HASH_SIZE_MAX];
    struct gw_hmac *hmac = gw_hmac_new((enum gw_hash)alg, secret);
    gw_hmac_compute(hmac, input, mac);
    gw_hmac_free(hmac);
    return gw_arena_copy(&fixture->arena, (struct gw_str){(const char *)mac, gw_hash_size((enum gw_hash)alg)});
  }
  EVP_PKEY *key;
  GW_ASSERT(gw_keys_load_private_key(gw_str_from(jwt_fixture_pair(fixture, alg)->private_pem), &key) == GW_OK);
  struct gw_str signature = jwt_sign_with(fixture, alg, key, input);
  EVP_PKEY_free(key);
  return signature;
}

static inline struct gw_str jwt_join(struct jwt_fixture *fixture, struct gw_str input, struct gw_str signature) {
  struct gw_str text = jwt_base64url(fixture, signature);
  return gw_str_from(gw_arena_printf(&fixture->arena, "%.*s.%.*s", GW_STR_ARG(input), GW_STR_ARG(text)));
}

/* A whole token by the fixture's key, or SECRET. */
static inline struct gw_str jwt_token(struct jwt_fixture *fixture, enum gw_jwt_alg alg, const char *header, const char *payload) {
  struct gw_str input = jwt_signing_input(fixture, gw_str_from(header), gw_str_from(payload));
  return jwt_join(fixture, input, jwt_signature(fixture, alg, GW_STR(SECRET), input));
}

/* ---- keys ---- */

/* A frozen set with the fixture's public key for `alg` (or SECRET), pinned to `algs`. */
static inline struct gw_jwk_set *jwt_key_set(const struct jwt_fixture *fixture, enum gw_jwt_alg alg, const char *kid, uint32_t algs) {
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_added = gw_jwt_alg_is_hmac(alg) ? gw_jwk_set_add_secret(set, GW_STR(SECRET), gw_str_from(kid), alg, "keys", &errors)
                                          : gw_jwk_set_add_pem(set, gw_str_from(jwt_fixture_pair(fixture, alg)->public_pem),
                                                               gw_str_from(kid), algs, "keys", &errors);
  GW_ASSERT(is_added);
  gw_errors_done(&errors);
  gw_jwk_set_freeze(set);
  return set;
}

/* Parses and verifies. */
static inline enum gw_jwt_status jwt_judge(struct jwt_fixture *fixture, struct gw_str token, const struct gw_jwk_set *set) {
  struct gw_jwt jwt;
  enum gw_jwt_status status = gw_jwt_parse(token, &fixture->arena, &jwt);
  return status == GW_JWT_OK ? gw_jwt_verify(&jwt, set, NULL) : status;
}

#endif
