/* Signatures. The key says which algorithms it may be used with; what a token says only picks among those (RFC 8725 section 3.1). */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/base/mem.h"
#include "common/crypto/hmac.h"
#include "common/crypto/jwk_internal.h"
#include "common/crypto/jwt.h"

#define EC_BYTES_MAX 66 /* of a coordinate on P-521 */

static bool is_ec(enum gw_jwt_alg alg) {
  return alg == GW_JWT_ES256 || alg == GW_JWT_ES384 || alg == GW_JWT_ES512;
}

/* A key has one length of signature with each algorithm (RFC 7518, RFC 8032). */
static size_t signature_len(const struct gw_jwk *key, enum gw_jwt_alg alg) {
  if (gw_jwt_alg_is_hmac(alg)) return gw_hash_size((enum gw_hash)alg);
  if (is_ec(alg)) return ((size_t)EVP_PKEY_get_bits(key->pkey) + 7) / 8 * 2;
  return (size_t)EVP_PKEY_get_size(key->pkey); /* RSA: the modulus; Ed25519: 64 */
}

/* OpenSSL wants r and s as an ECDSA-Sig-Value (RFC 3279); returns its length. */
static size_t encode_ec(struct gw_str raw, unsigned char ret_der[2 * EC_BYTES_MAX + 16]) {
  int half = (int)(raw.len / 2);
  const unsigned char *bytes = (const unsigned char *)raw.data;
  ECDSA_SIG *sig = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(bytes, half, NULL), *s = BN_bin2bn(bytes + half, half, NULL);
  GW_ASSERT(sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1);
  unsigned char *at = ret_der;
  int len = i2d_ECDSA_SIG(sig, &at);
  GW_ASSERT(len > 0);
  ECDSA_SIG_free(sig);
  return (size_t)len;
}

static bool verify_digest(const struct gw_jwk *key, const struct gw_jwt *jwt) {
  unsigned char digest[EVP_MAX_MD_SIZE], der[2 * EC_BYTES_MAX + 16];
  unsigned digest_len = 0;
  const unsigned char *signature = (const unsigned char *)jwt->signature.data;
  size_t len = jwt->signature.len;
  if (is_ec(jwt->alg)) {
    len = encode_ec(jwt->signature, der);
    signature = der;
  }
  GW_ASSERT(EVP_Digest(jwt->signing_input.data, jwt->signing_input.len, digest, &digest_len, gw_jwt_alg_digest(jwt->alg), NULL) == 1);
  EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_dup(key->verifiers[jwt->alg]);
  bool is_verified = verifier != NULL && EVP_PKEY_verify(verifier, signature, len, digest, digest_len) == 1;
  EVP_PKEY_CTX_free(verifier);
  return is_verified;
}

static bool verify_eddsa(const struct gw_jwk *key, const struct gw_jwt *jwt) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool is_verified = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                     EVP_DigestVerify(context, (const unsigned char *)jwt->signature.data, jwt->signature.len,
                                      (const unsigned char *)jwt->signing_input.data, jwt->signing_input.len) == 1;
  EVP_MD_CTX_free(context);
  return is_verified;
}

static enum gw_jwt_status verify_with(const struct gw_jwk *key, const struct gw_jwt *jwt) {
  if (jwt->signature.len != signature_len(key, jwt->alg)) return GW_JWT_SIGNATURE_BAD_LENGTH;
  bool is_verified;
  if (gw_jwt_alg_is_hmac(jwt->alg)) {
    is_verified = gw_hmac_verify(key->hmac[jwt->alg], jwt->signing_input, jwt->signature);
  } else {
    is_verified = jwt->alg == GW_JWT_EDDSA ? verify_eddsa(key, jwt) : verify_digest(key, jwt);
    if (!is_verified) ERR_clear_error();
  }
  return is_verified ? GW_JWT_OK : GW_JWT_VERIFICATION_FAILED;
}

static bool fits(const struct gw_jwk *key, const struct gw_jwt *jwt) {
  if ((key->algs & GW_JWK_ALG_BIT(jwt->alg)) == 0) return false;
  return !jwt->has_kid || key->kid.len == 0 || gw_str_equal(key->kid, jwt->kid);
}

enum gw_jwt_status gw_jwt_verify(const struct gw_jwt *jwt, const struct gw_jwk_set *keys, const struct gw_jwk **ret_key) {
  enum gw_jwt_status status = GW_JWT_NO_KEY;
  uint32_t tries = 0;
  for (uint32_t i = 0; i < gw_jwk_set_count(keys) && tries < GW_JWT_TRIES_MAX; i++) {
    const struct gw_jwk *key = gw_jwk_set_get(keys, i);
    if (!fits(key, jwt)) continue;
    tries++;
    enum gw_jwt_status outcome = verify_with(key, jwt);
    if (outcome == GW_JWT_OK) {
      if (ret_key != NULL) *ret_key = key;
      return GW_JWT_OK;
    }
    if (status != GW_JWT_VERIFICATION_FAILED) status = outcome; /* a length that doesn't fit one key may fit the other */
  }
  return status;
}
