#include "common/crypto/jwt_mint.h"

#include <jwt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/crypto/jwk_internal.h"
#include "common/crypto/keys.h"

#define CLAIMS_BYTES_MAX ((size_t)64 * 1024)

static enum gw_err fail(enum gw_err err, char *reason, char **ret_reason) {
  *ret_reason = reason;
  return err;
}

static jwt_alg_t alg_of(enum gw_jwt_alg alg) {
  return jwt_str_alg(gw_jwt_alg_name(alg));
}

/* libjwt would take whatever OpenSSL can sign with: weak keys, and those of another algorithm. */
static char *check_private_key(const struct gw_jwt_mint *mint) {
  EVP_PKEY *pkey;
  uint32_t fitting = 0;
  switch (gw_keys_load_private_key(mint->key, &pkey)) {
  case GW_OK: break;
  case GW_ERR_DENIED: return gw_strdup("the private key is too weak, or of a type that signs no tokens");
  default: return gw_strdup("the private key cannot be read; PEM without a passphrase is wanted");
  }
  char *sentence = gw_jwk_check_pkey(pkey, &fitting);
  EVP_PKEY_free(pkey);
  if (sentence == NULL && (fitting & GW_JWK_ALG_BIT(mint->alg)) == 0)
    return gw_asprintf("the private key is not for %s", gw_jwt_alg_name(mint->alg));
  return sentence;
}

/* The rules of those that verify. */
static char *check_key(const struct gw_jwt_mint *mint) {
  if (!gw_jwt_alg_is_hmac(mint->alg)) return check_private_key(mint);
  struct gw_jwk_set *set = gw_jwk_set_new();
  char *sentence = gw_jwk_set_take_secret(set, mint->key, GW_STR(""), GW_JWK_ALG_BIT(mint->alg));
  gw_jwk_set_unref(set);
  return sentence;
}

static bool are_claims(struct gw_str text) {
  static const struct gw_json_limits limits = {CLAIMS_BYTES_MAX, 16, 4096};
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_json_value *value;
  bool is_object = gw_json_parse(text, &limits, &arena, &value) == GW_OK && value->kind == GW_JSON_OBJECT;
  gw_arena_done(&arena);
  return is_object;
}

/* NULL: libjwt refuses, for lack of memory or because the key can't sign. */
static char *encode(const struct gw_jwt_mint *mint) {
  GW_CLEANUP(gw_free_ptr) char *claims = gw_str_dup(mint->claims);
  GW_CLEANUP(gw_free_ptr) char *kid = gw_str_dup(mint->kid);
  char *key = gw_str_dup(mint->key); /* libjwt reads PEM as a string */
  jwt_t *jwt = NULL;
  bool is_ready = jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, claims) == 0 && (kid[0] == '\0' || jwt_add_header(jwt, "kid", kid) == 0) &&
                  jwt_set_alg(jwt, alg_of(mint->alg), (const unsigned char *)key, (int)mint->key.len) == 0;
  char *token = is_ready ? jwt_encode_str(jwt) : NULL;
  jwt_free(jwt);
  OPENSSL_cleanse(key, mint->key.len);
  free(key);
  return token;
}

enum gw_err gw_jwt_mint(const struct gw_jwt_mint *mint, char **ret_token, char **ret_reason) {
  if (alg_of(mint->alg) == JWT_ALG_INVAL)
    return fail(GW_ERR_UNSUPPORTED, gw_asprintf("no tokens are issued with %s", gw_jwt_alg_name(mint->alg)), ret_reason);
  char *sentence = mint->key.len > INT_MAX ? gw_strdup("the key is too large") : check_key(mint);
  if (sentence != NULL) return fail(GW_ERR_INVALID, sentence, ret_reason);
  if (!are_claims(mint->claims))
    return fail(GW_ERR_INVALID, gw_strdup("the claims are no JSON object, or one has the name of another"), ret_reason);
  char *token = encode(mint);
  if (token == NULL) return fail(GW_ERR_INVALID, gw_strdup("the token cannot be signed with this key"), ret_reason);
  *ret_token = token;
  return GW_OK;
}
