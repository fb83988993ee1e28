#include "common/crypto/jwk_format.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "common/base/base64url.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/crypto/jwk_internal.h"

#define NUMBER_BYTES_MAX (GW_JWK_RSA_BITS_MAX / 8)
#define RAW_KEY_MAX 64u

/* "n":"…" of a number, big-endian, in at least `len` bytes (RFC 7518 section 6.2.1.2 wants all of a coordinate). */
static void append_number(struct gw_strbuf *buf, const EVP_PKEY *pkey, const char *param, const char *member, int len) {
  unsigned char bytes[NUMBER_BYTES_MAX];
  BIGNUM *number = NULL;
  GW_ASSERT(EVP_PKEY_get_bn_param(pkey, param, &number) == 1 && BN_num_bytes(number) <= (int)sizeof bytes);
  int written = BN_bn2binpad(number, bytes, len > 0 ? len : BN_num_bytes(number));
  GW_ASSERT(written >= 0);
  BN_free(number);
  gw_strbuf_printf(buf, ",\"%s\":\"", member);
  gw_base64url_append(buf, (struct gw_str){(const char *)bytes, (size_t)written});
  gw_strbuf_append_char(buf, '"');
}

static const struct {
  enum gw_jwt_alg alg;
  const char *curve;
  int coordinate_bytes;
} curves[] = {{GW_JWT_ES256, "P-256", 32}, {GW_JWT_ES384, "P-384", 48}, {GW_JWT_ES512, "P-521", 66}};

static void append_ec(struct gw_strbuf *buf, const struct gw_jwk *key) {
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    if ((key->algs & GW_JWK_ALG_BIT(curves[i].alg)) == 0) continue;
    gw_strbuf_printf(buf, "\"kty\":\"EC\",\"crv\":\"%s\"", curves[i].curve);
    append_number(buf, key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x", curves[i].coordinate_bytes);
    append_number(buf, key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y", curves[i].coordinate_bytes);
    return;
  }
}

static void append_okp(struct gw_strbuf *buf, const EVP_PKEY *pkey) {
  unsigned char bytes[RAW_KEY_MAX];
  size_t len = sizeof bytes;
  GW_ASSERT(EVP_PKEY_get_raw_public_key(pkey, bytes, &len) == 1);
  gw_strbuf_printf(buf, "\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"", EVP_PKEY_is_a(pkey, "ED25519") ? "Ed25519" : "Ed448");
  gw_base64url_append(buf, (struct gw_str){(const char *)bytes, len});
  gw_strbuf_append_char(buf, '"');
}

static void append_key(struct gw_strbuf *buf, const struct gw_jwk *key, const char *alg, bool *needs_comma) {
  if (*needs_comma) gw_strbuf_append_char(buf, ',');
  *needs_comma = true;
  gw_strbuf_append_char(buf, '{');
  if (EVP_PKEY_is_a(key->pkey, "RSA")) {
    gw_strbuf_append_str(buf, GW_STR("\"kty\":\"RSA\""));
    append_number(buf, key->pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0);
    append_number(buf, key->pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0);
  } else if (EVP_PKEY_is_a(key->pkey, "EC")) {
    append_ec(buf, key);
  } else {
    append_okp(buf, key->pkey);
  }
  if (alg != NULL) gw_strbuf_printf(buf, ",\"alg\":\"%s\"", alg);
  if (key->kid.len > 0) {
    gw_strbuf_append_str(buf, GW_STR(",\"kid\":"));
    gw_json_append_string(buf, key->kid);
  }
  gw_strbuf_append_char(buf, '}');
}

static void append_public(struct gw_strbuf *buf, const struct gw_jwk *key, bool *needs_comma) {
  uint32_t fitting;
  char *why = gw_jwk_check_pkey(key->pkey, &fitting);
  GW_ASSERT(why == NULL); /* it is in a set */
  if (key->algs == fitting && (fitting & (fitting - 1)) != 0) {
    append_key(buf, key, NULL, needs_comma);
    return;
  }
  for (uint32_t alg = 0; alg < GW_JWT_ALG_COUNT; alg++)
    if (key->algs & GW_JWK_ALG_BIT(alg)) append_key(buf, key, gw_jwt_alg_name((enum gw_jwt_alg)alg), needs_comma);
}

void gw_jwk_set_append_public(const struct gw_jwk_set *set, struct gw_strbuf *buf) {
  bool needs_comma = false;
  gw_strbuf_append_str(buf, GW_STR("{\"keys\":["));
  for (uint32_t i = 0; i < gw_jwk_set_count(set); i++) {
    const struct gw_jwk *key = gw_jwk_set_get(set, i);
    if (key->pkey != NULL) append_public(buf, key, &needs_comma);
  }
  gw_strbuf_append_str(buf, GW_STR("]}"));
}

void gw_jwk_append_secrets(const struct gw_jwk_secret *secrets, uint32_t count, struct gw_strbuf *buf) {
  size_t room = 16;
  for (uint32_t i = 0; i < count; i++)
    room += secrets[i].secret.len * 2 + 64;
  gw_strbuf_reserve(buf, room);
  gw_strbuf_append_str(buf, GW_STR("{\"keys\":["));
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(buf, ',');
    gw_strbuf_append_str(buf, GW_STR("{\"kty\":\"oct\",\"k\":\""));
    gw_base64url_append(buf, secrets[i].secret);
    gw_strbuf_append_str(buf, GW_STR("\",\"alg\":\""));
    gw_strbuf_append_str(buf, gw_str_from(gw_jwt_alg_name(secrets[i].alg)));
    gw_strbuf_append_str(buf, GW_STR("\"}"));
  }
  gw_strbuf_append_str(buf, GW_STR("]}"));
}
