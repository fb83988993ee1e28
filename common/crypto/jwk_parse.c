/* Keys out of text: JWK sets (RFC 7517, 7518, 8037) and PEM. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "common/base/base64url.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/crypto/jwk_internal.h"
#include "common/crypto/pem_key.h"

#define DEPTH_MAX 16
#define VALUES_MAX 16384
#define KID_SHOWN_MAX 64
#define ED25519_BYTES 32

struct reading {
  struct gw_jwk_set *set;
  const struct gw_jwk_rules *rules;
  const char *place;
  struct gw_errors *errors;
  struct gw_arena arena; /* holds secrets, too */
  uint32_t taken;
  uint32_t taken_secrets; /* of these */
  uint32_t refused;
};

/* What became of one key. */
enum outcome { TAKEN, PASSED_OVER, REFUSED };

/* ---- members ---- */

static struct gw_str string_member(const struct gw_json_value *jwk, const char *name) {
  const struct gw_json_value *value = gw_json_find(jwk, gw_str_from(name));
  return value != NULL && value->kind == GW_JSON_STRING ? value->string : (struct gw_str){NULL, 0};
}

/* False: absent, or no base64url, or nothing. */
static bool bytes_member(struct reading *reading, const struct gw_json_value *jwk, const char *name, struct gw_str *ret_bytes) {
  struct gw_str text = string_member(jwk, name);
  return text.len > 0 && gw_base64url_decode(text, &reading->arena, ret_bytes) == GW_OK && ret_bytes->len > 0;
}

static bool has_private_member(const struct gw_json_value *jwk) {
  static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    if (gw_json_find(jwk, gw_str_from(names[i])) != NULL) return true;
  }
  return false;
}

/* RFC 7517 section 4.2 and 4.3; a member of a wrong type is no word for signatures. */
static bool is_for_signatures(const struct gw_json_value *jwk) {
  const struct gw_json_value *use = gw_json_find(jwk, GW_STR("use")), *ops = gw_json_find(jwk, GW_STR("key_ops"));
  if (use != NULL && !gw_json_is_string(use, GW_STR("sig"))) return false;
  if (ops == NULL) return true;
  for (uint32_t i = 0; ops->kind == GW_JSON_ARRAY && i < ops->count; i++) {
    if (gw_json_is_string(&ops->items[i], GW_STR("verify"))) return true;
  }
  return false;
}

/* ---- keys of each type: NULL when broken, *ret_problem says how ---- */

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder) {
  OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  EVP_PKEY *pkey = NULL;
  GW_ASSERT(params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1);
  if (EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) pkey = NULL;
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  return pkey;
}

static EVP_PKEY *make_rsa(struct reading *reading, const struct gw_json_value *jwk, const char **ret_problem) {
  struct gw_str n, e;
  *ret_problem = "an RSA key has n and e, each in base64url";
  if (!bytes_member(reading, jwk, "n", &n) || !bytes_member(reading, jwk, "e", &e)) return NULL;
  *ret_problem = "an RSA key that is too large";
  if (n.len > GW_JWK_RSA_BITS_MAX / 8 + 1 || e.len > GW_JWK_RSA_BITS_MAX / 8) return NULL;
  *ret_problem = "an RSA key that cannot be read";
  BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.data, (int)n.len, NULL);
  BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.data, (int)e.len, NULL);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  GW_ASSERT(modulus != NULL && exponent != NULL && builder != NULL);
  GW_ASSERT(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
  EVP_PKEY *pkey = from_params("RSA", builder);
  OSSL_PARAM_BLD_free(builder);
  BN_free(modulus);
  BN_free(exponent);
  return pkey;
}

struct curve {
  const char *name;
  size_t coordinate_bytes;
};

static const struct curve *find_curve(struct gw_str name) {
  static const struct curve curves[] = {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    if (gw_str_equal(name, gw_str_from(curves[i].name))) return &curves[i];
  }
  return NULL;
}

static EVP_PKEY *make_ec(struct reading *reading, const struct gw_json_value *jwk, const char **ret_problem) {
  const struct curve *curve = find_curve(string_member(jwk, "crv"));
  struct gw_str x, y;
  *ret_problem = "an EC key has x and y, each in base64url, each of exactly the curve's length";
  if (!bytes_member(reading, jwk, "x", &x) || !bytes_member(reading, jwk, "y", &y)) return NULL;
  if (x.len != curve->coordinate_bytes || y.len != curve->coordinate_bytes) return NULL;
  *ret_problem = "an EC key that is no point on its curve";
  char *point = gw_arena_alloc_bytes(&reading->arena, 1 + x.len + y.len);
  point[0] = POINT_CONVERSION_UNCOMPRESSED;
  memcpy(point + 1, x.data, x.len);
  memcpy(point + 1 + x.len, y.data, y.len);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  GW_ASSERT(builder != NULL);
  GW_ASSERT(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + x.len + y.len) == 1);
  EVP_PKEY *pkey = from_params("EC", builder);
  OSSL_PARAM_BLD_free(builder);
  return pkey;
}

static EVP_PKEY *make_okp(struct reading *reading, const struct gw_json_value *jwk, const char **ret_problem) {
  struct gw_str x;
  *ret_problem = "an Ed25519 key has x: 32 bytes in base64url";
  if (!bytes_member(reading, jwk, "x", &x) || x.len != ED25519_BYTES) return NULL;
  return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.data, x.len);
}

typedef EVP_PKEY *(*make_fn)(struct reading *reading, const struct gw_json_value *jwk, const char **ret_problem);

/* NULL: a type or curve that we don't know. */
static make_fn find_maker(const struct gw_json_value *jwk) {
  struct gw_str kty = string_member(jwk, "kty"), crv = string_member(jwk, "crv");
  if (gw_str_equal(kty, GW_STR("RSA"))) return make_rsa;
  if (gw_str_equal(kty, GW_STR("EC")) && find_curve(crv) != NULL) return make_ec;
  if (gw_str_equal(kty, GW_STR("OKP")) && gw_str_equal(crv, GW_STR("Ed25519"))) return make_okp;
  return NULL;
}

/* ---- one key ---- */

static enum outcome refuse(struct reading *reading, uint32_t index, const struct gw_json_value *jwk, const char *sentence) {
  struct gw_str kid = string_member(jwk, "kid");
  if (kid.len > KID_SHOWN_MAX) kid.len = KID_SHOWN_MAX;
  void (*add)(struct gw_errors *, const char *, const char *, ...) = reading->rules->is_lenient ? gw_errors_warn : gw_errors_add;
  if (kid.len > 0) {
    add(reading->errors, reading->place, "key %u (kid %.*s): %s", index + 1, GW_STR_ARG(kid), sentence);
  } else {
    add(reading->errors, reading->place, "key %u: %s", index + 1, sentence);
  }
  return REFUSED;
}

static enum outcome take_public(struct reading *reading, uint32_t index, const struct gw_json_value *jwk, make_fn make, uint32_t algs) {
  const char *problem;
  if (has_private_member(jwk)) return refuse(reading, index, jwk, "a private key; only its public members belong here");
  EVP_PKEY *pkey = make(reading, jwk, &problem);
  ERR_clear_error();
  if (pkey == NULL) return refuse(reading, index, jwk, problem);
  GW_CLEANUP(gw_free_ptr) char *sentence = gw_jwk_set_take_pkey(reading->set, pkey, string_member(jwk, "kid"), algs);
  return sentence == NULL ? TAKEN : refuse(reading, index, jwk, sentence);
}

static enum outcome take_secret(struct reading *reading, uint32_t index, const struct gw_json_value *jwk, uint32_t algs) {
  struct gw_str secret;
  if (!reading->rules->may_hold_secrets) return refuse(reading, index, jwk, "a shared secret (kty oct); only public keys belong here");
  if (!bytes_member(reading, jwk, "k", &secret)) return refuse(reading, index, jwk, "a shared secret has k, in base64url");
  GW_CLEANUP(gw_free_ptr) char *sentence = gw_jwk_set_take_secret(reading->set, secret, string_member(jwk, "kid"), algs);
  reading->taken_secrets += sentence == NULL;
  return sentence == NULL ? TAKEN : refuse(reading, index, jwk, sentence);
}

static enum outcome take_key(struct reading *reading, uint32_t index, const struct gw_json_value *jwk) {
  if (jwk->kind != GW_JSON_OBJECT) return refuse(reading, index, jwk, "a key is an object");
  bool is_secret = gw_json_is_string(gw_json_find(jwk, GW_STR("kty")), GW_STR("oct"));
  make_fn make = find_maker(jwk);
  if ((!is_secret && make == NULL) || !is_for_signatures(jwk)) return PASSED_OVER;
  const struct gw_json_value *kid = gw_json_find(jwk, GW_STR("kid")), *alg = gw_json_find(jwk, GW_STR("alg"));
  if (kid != NULL && kid->kind != GW_JSON_STRING) return refuse(reading, index, jwk, "kid is a string");
  uint32_t algs = reading->rules->algs;
  if (alg != NULL) {
    enum gw_jwt_alg pinned;
    if (alg->kind != GW_JSON_STRING) return refuse(reading, index, jwk, "alg is a string");
    if (gw_jwt_alg_parse(alg->string, &pinned) != GW_OK) return PASSED_OVER;
    if (algs != GW_JWK_ANY_ALG && (algs & GW_JWK_ALG_BIT(pinned)) == 0) return PASSED_OVER;
    algs = GW_JWK_ALG_BIT(pinned);
  }
  return is_secret ? take_secret(reading, index, jwk, algs) : take_public(reading, index, jwk, make, algs);
}

/* ---- the set ---- */

static void take_keys(struct reading *reading, const struct gw_json_value *json) {
  const struct gw_json_value *keys = gw_json_find(json, GW_STR("keys"));
  if (keys != NULL && keys->kind != GW_JSON_ARRAY) {
    gw_errors_add(reading->errors, reading->place, "keys of a JWK set is an array");
    return;
  }
  bool is_one = keys == NULL && gw_json_find(json, GW_STR("kty")) != NULL;
  if (keys == NULL && !is_one) {
    gw_errors_add(reading->errors, reading->place, "no JWK set: an object with keys is wanted, or one key, an object with kty");
    return;
  }
  uint32_t count = is_one ? 1 : keys->count;
  for (uint32_t i = 0; i < count; i++) {
    enum outcome outcome = take_key(reading, i, is_one ? json : &keys->items[i]);
    reading->taken += outcome == TAKEN;
    reading->refused += outcome == REFUSED;
  }
  if (reading->taken_secrets > 0 && reading->taken_secrets < reading->taken) {
    gw_errors_add(reading->errors, reading->place,
                  "shared secrets among public keys: who publishes these would publish those; two sets are wanted");
  }
  if (reading->taken == 0 && (reading->refused == 0 || reading->rules->is_lenient))
    gw_errors_add(reading->errors, reading->place,
                  "no key there that verifies signatures, of those with a type and algorithm that we know");
}

bool gw_jwk_set_add_jwks(struct gw_jwk_set *set, struct gw_str json, const struct gw_jwk_rules *rules, const char *place,
                         struct gw_errors *errors) {
  static const struct gw_json_limits limits = {GW_JWKS_BYTES_MAX, DEPTH_MAX, VALUES_MAX};
  struct reading reading = {.set = set, .rules = rules, .place = place, .errors = errors};
  const struct gw_json_value *parsed;
  size_t before = errors->error_count;
  gw_arena_init(&reading.arena, 4096);
  switch (gw_json_parse(json, &limits, &reading.arena, &parsed)) {
  case GW_OK: take_keys(&reading, parsed); break;
  case GW_ERR_LIMIT: gw_errors_add(errors, place, "a JWK set of more than %u KiB, or too deep", GW_JWKS_BYTES_MAX / 1024); break;
  default: gw_errors_add(errors, place, "no JSON (RFC 8259), or a name twice in an object"); break;
  }
  gw_arena_wipe(&reading.arena);
  gw_arena_done(&reading.arena);
  return errors->error_count == before;
}

bool gw_jwk_set_add_pem(struct gw_jwk_set *set, struct gw_str pem, struct gw_str kid, uint32_t algs, const char *place,
                        struct gw_errors *errors) {
  size_t before = errors->error_count;
  uint32_t count = 0;
  enum gw_pem_key kind;
  EVP_PKEY *pkey = NULL;
  while ((kind = gw_pem_key_next(&pem, &pkey)) != GW_PEM_KEY_END) {
    count++;
    if (kind == GW_PEM_KEY_PRIVATE) {
      gw_errors_add(errors, place, "key %u: a private key; a public key or a certificate is wanted", count);
    } else if (kind == GW_PEM_KEY_BROKEN) {
      gw_errors_add(errors, place, "key %u: cannot be read; a public key or a certificate in PEM is wanted", count);
    } else {
      GW_CLEANUP(gw_free_ptr) char *sentence = gw_jwk_set_take_pkey(set, pkey, kid, algs);
      if (sentence != NULL) gw_errors_add(errors, place, "key %u: %s", count, sentence);
    }
  }
  if (count == 0)
    gw_errors_add(errors, place, "no key there; PEM with \"-----BEGIN PUBLIC KEY-----\" or \"-----BEGIN CERTIFICATE-----\" is wanted");
  return errors->error_count == before;
}
