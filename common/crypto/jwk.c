#include "common/crypto/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/crypto/hmac.h"
#include "common/crypto/jwk_internal.h"
#include "common/crypto/x509.h"

#define RSA_ALGS                                                                                                                           \
  (GW_JWK_ALG_BIT(GW_JWT_RS256) | GW_JWK_ALG_BIT(GW_JWT_RS384) | GW_JWK_ALG_BIT(GW_JWT_RS512) | GW_JWK_ALG_BIT(GW_JWT_PS256) |             \
   GW_JWK_ALG_BIT(GW_JWT_PS384) | GW_JWK_ALG_BIT(GW_JWT_PS512))
#define RSA_EXPONENT_BITS_MAX 64 /* longer ones only make verifying slow */

static const char *const alg_names[GW_JWT_ALG_COUNT] = {
    [GW_JWT_HS256] = "HS256", [GW_JWT_HS384] = "HS384", [GW_JWT_HS512] = "HS512", [GW_JWT_RS256] = "RS256", [GW_JWT_RS384] = "RS384",
    [GW_JWT_RS512] = "RS512", [GW_JWT_PS256] = "PS256", [GW_JWT_PS384] = "PS384", [GW_JWT_PS512] = "PS512", [GW_JWT_ES256] = "ES256",
    [GW_JWT_ES384] = "ES384", [GW_JWT_ES512] = "ES512", [GW_JWT_EDDSA] = "EdDSA",
};

const char *gw_jwt_alg_name(enum gw_jwt_alg alg) {
  return alg_names[alg];
}

enum gw_err gw_jwt_alg_parse(struct gw_str name, enum gw_jwt_alg *ret_alg) {
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    if (!gw_str_equal(name, gw_str_from(alg_names[alg]))) continue;
    *ret_alg = (enum gw_jwt_alg)alg;
    return GW_OK;
  }
  return GW_ERR_UNSUPPORTED;
}

/* ---- the set ---- */

struct gw_jwk_set {
  atomic_uint refs;
  bool is_frozen;
  uint32_t count;
  uint64_t generation;
  EVP_MD_CTX *fingerprint; /* of all that was added; NULL once frozen */
  struct gw_jwk *keys[GW_JWK_SET_KEYS_MAX];
};

struct gw_jwk_set *gw_jwk_set_new(void) {
  struct gw_jwk_set *set = gw_calloc(1, sizeof(*set));
  atomic_init(&set->refs, 1);
  set->fingerprint = EVP_MD_CTX_new();
  GW_ASSERT(set->fingerprint != NULL && EVP_DigestInit_ex(set->fingerprint, EVP_sha256(), NULL) == 1);
  return set;
}

void gw_jwk_set_freeze(struct gw_jwk_set *set) {
  GW_ASSERT(!set->is_frozen);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  GW_ASSERT(EVP_DigestFinal_ex(set->fingerprint, digest, &len) == 1);
  EVP_MD_CTX_free(set->fingerprint);
  set->fingerprint = NULL;
  set->generation = gw_hash_keyed(digest, len);
  set->is_frozen = true;
}

struct gw_jwk_set *gw_jwk_set_ref(struct gw_jwk_set *set) {
  atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
  return set;
}

static void free_key(struct gw_jwk *key) {
  for (size_t i = 0; i < GW_ARRAY_LEN(key->hmac); i++)
    gw_hmac_free(key->hmac[i]);
  for (size_t i = 0; i < GW_ARRAY_LEN(key->verifiers); i++)
    EVP_PKEY_CTX_free(key->verifiers[i]);
  EVP_PKEY_free(key->pkey);
  free((char *)(uintptr_t)key->kid.data);
  free(key);
}

void gw_jwk_set_unref(struct gw_jwk_set *set) {
  if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < set->count; i++)
    free_key(set->keys[i]);
  EVP_MD_CTX_free(set->fingerprint);
  free(set);
}

uint64_t gw_jwk_set_generation(const struct gw_jwk_set *set) {
  GW_ASSERT(set->is_frozen);
  return set->generation;
}

uint32_t gw_jwk_set_count(const struct gw_jwk_set *set) {
  return set->count;
}

const struct gw_jwk *gw_jwk_set_get(const struct gw_jwk_set *set, uint32_t index) {
  GW_ASSERT(index < set->count);
  return set->keys[index];
}

static void add_to_fingerprint(struct gw_jwk_set *set, const void *bytes, size_t len) {
  uint64_t size = len; /* before it, so that two parts are never taken for others */
  GW_ASSERT(EVP_DigestUpdate(set->fingerprint, &size, sizeof(size)) == 1 && EVP_DigestUpdate(set->fingerprint, bytes, len) == 1);
}

/* NULL and a sentence when the set is full. */
static struct gw_jwk *add_key(struct gw_jwk_set *set, struct gw_str kid, uint32_t algs, char **ret_sentence) {
  GW_ASSERT(!set->is_frozen && algs != 0);
  if (set->count == GW_JWK_SET_KEYS_MAX) {
    *ret_sentence = gw_asprintf("at most %u keys are allowed", GW_JWK_SET_KEYS_MAX);
    return NULL;
  }
  struct gw_jwk *key = gw_calloc(1, sizeof(*key));
  key->kid = (struct gw_str){gw_str_dup(kid), kid.len};
  key->algs = algs;
  set->keys[set->count++] = key;
  add_to_fingerprint(set, kid.len > 0 ? kid.data : "", kid.len);
  add_to_fingerprint(set, &algs, sizeof(algs));
  return key;
}

/* ---- what fits a key ---- */

/* Whether a certain library of smart cards made it, whose keys can be factored (ROCA, CVE-2017-15361): their moduli are powers of 65537
 * modulo small primes, others' are that of all of these once in a hundred million. */
static bool is_roca(const BIGNUM *modulus) {
  static const unsigned primes[] = {11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};
  for (size_t i = 0; i < GW_ARRAY_LEN(primes); i++) {
    unsigned prime = primes[i], wanted = (unsigned)BN_mod_word(modulus, prime), power = 1;
    do {
      power = power * (65537 % prime) % prime;
    } while (power != 1 && power != wanted);
    if (power != wanted) return false;
  }
  return true;
}

static char *check_rsa(const EVP_PKEY *pkey, uint32_t *ret_algs) {
  BIGNUM *modulus = NULL, *exponent = NULL;
  int bits = EVP_PKEY_get_bits(pkey);
  bool is_readable = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                     EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
  bool is_sound = is_readable && BN_is_odd(modulus) && BN_is_odd(exponent) && !BN_is_one(exponent) && !BN_is_negative(exponent) &&
                  BN_num_bits(exponent) <= RSA_EXPONENT_BITS_MAX;
  bool is_factorable = is_sound && is_roca(modulus);
  BN_free(modulus);
  BN_free(exponent);
  if (bits < GW_JWK_RSA_BITS_MIN || bits > GW_JWK_RSA_BITS_MAX) {
    return gw_asprintf("an RSA key of %d bits; %d to %d are allowed", bits, GW_JWK_RSA_BITS_MIN, GW_JWK_RSA_BITS_MAX);
  }
  if (!is_sound) return gw_strdup("an RSA key whose modulus or exponent is none (the exponent is odd, at least 3, of at most 64 bits)");
  if (is_factorable) return gw_strdup("an RSA key of a kind that can be factored (CVE-2017-15361)");
  *ret_algs = RSA_ALGS;
  return NULL;
}

static char *check_ec(const EVP_PKEY *pkey, uint32_t *ret_algs) {
  static const struct {
    int nid;
    enum gw_jwt_alg alg;
  } curves[] = {{NID_X9_62_prime256v1, GW_JWT_ES256}, {NID_secp384r1, GW_JWT_ES384}, {NID_secp521r1, GW_JWT_ES512}};
  char name[64] = "";
  size_t len;
  EVP_PKEY_get_group_name(pkey, name, sizeof(name), &len);
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    if (OBJ_sn2nid(name) != curves[i].nid) continue;
    *ret_algs = GW_JWK_ALG_BIT(curves[i].alg);
    return NULL;
  }
  return gw_asprintf("an EC key on %s; P-256 (ES256), P-384 (ES384) and P-521 (ES512) are allowed",
                     name[0] != '\0' ? name : "no named curve");
}

char *gw_jwk_check_pkey(const EVP_PKEY *pkey, uint32_t *ret_algs) {
  switch (EVP_PKEY_get_base_id(pkey)) {
  case EVP_PKEY_RSA: return check_rsa(pkey, ret_algs);
  case EVP_PKEY_EC: return check_ec(pkey, ret_algs);
  case EVP_PKEY_ED25519: *ret_algs = GW_JWK_ALG_BIT(GW_JWT_EDDSA); return NULL;
  default: break;
  }
  return gw_asprintf("a key of type %s; RSA, EC and Ed25519 are allowed", OBJ_nid2sn(EVP_PKEY_get_base_id(pkey)));
}

/* "ES256 and ES384" */
static void append_alg_names(struct gw_strbuf *buf, uint32_t algs) {
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    if ((algs & 1u << alg) == 0) continue;
    bool is_last = algs >> alg == 1;
    gw_strbuf_printf(buf, "%s%s", buf->len == 0 ? "" : is_last ? " and " : ", ", alg_names[alg]);
  }
}

static char *say_misfit(uint32_t wanted, uint32_t fitting) {
  struct gw_strbuf names, allowed;
  gw_strbuf_init(&names);
  gw_strbuf_init(&allowed);
  append_alg_names(&names, wanted);
  append_alg_names(&allowed, fitting);
  char *sentence = gw_asprintf("a key that is not for %s; with this one %s are allowed", names.data, allowed.data);
  gw_strbuf_done(&names);
  gw_strbuf_done(&allowed);
  return sentence;
}

/* ---- public keys ---- */

const EVP_MD *gw_jwt_alg_digest(enum gw_jwt_alg alg) {
  switch (alg) {
  case GW_JWT_HS256:
  case GW_JWT_RS256:
  case GW_JWT_PS256:
  case GW_JWT_ES256: return EVP_sha256();
  case GW_JWT_HS384:
  case GW_JWT_RS384:
  case GW_JWT_PS384:
  case GW_JWT_ES384: return EVP_sha384();
  case GW_JWT_HS512:
  case GW_JWT_RS512:
  case GW_JWT_PS512:
  case GW_JWT_ES512: return EVP_sha512();
  case GW_JWT_EDDSA: break; /* has a digest inside */
  }
  GW_PANIC("no digest for algorithm %d", (int)alg);
}

/* What looks up algorithms and sets parameters is done once; a token costs a copy. */
static EVP_PKEY_CTX *make_verifier(EVP_PKEY *pkey, enum gw_jwt_alg alg) {
  EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  GW_ASSERT(verifier != NULL && EVP_PKEY_verify_init(verifier) == 1);
  bool is_pss = alg == GW_JWT_PS256 || alg == GW_JWT_PS384 || alg == GW_JWT_PS512;
  bool is_pkcs1 = alg == GW_JWT_RS256 || alg == GW_JWT_RS384 || alg == GW_JWT_RS512;
  if (is_pss || is_pkcs1) GW_ASSERT(EVP_PKEY_CTX_set_rsa_padding(verifier, is_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1);
  GW_ASSERT(EVP_PKEY_CTX_set_signature_md(verifier, gw_jwt_alg_digest(alg)) == 1);
  if (is_pss) { /* RFC 7518 section 3.5: the same digest in MGF1, and salt of its size */
    GW_ASSERT(EVP_PKEY_CTX_set_rsa_mgf1_md(verifier, gw_jwt_alg_digest(alg)) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(verifier, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  return verifier;
}

char *gw_jwk_set_take_pkey(struct gw_jwk_set *set, EVP_PKEY *pkey, struct gw_str kid, uint32_t algs) {
  uint32_t fitting = 0;
  unsigned char *der = NULL;
  int der_len = 0;
  struct gw_jwk *key = NULL;
  char *sentence = gw_jwk_check_pkey(pkey, &fitting);
  uint32_t taken = algs == GW_JWK_ANY_ALG ? fitting : algs & fitting;
  if (sentence == NULL && taken == 0) sentence = say_misfit(algs, fitting);
  if (sentence == NULL && (der_len = i2d_PUBKEY(pkey, &der)) <= 0) sentence = gw_strdup("a key that cannot be used");
  if (sentence == NULL) key = add_key(set, kid, taken, &sentence);
  if (key != NULL) {
    add_to_fingerprint(set, der, (size_t)der_len);
    key->pkey = pkey;
    for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
      if ((taken & 1u << alg) != 0 && alg != GW_JWT_EDDSA) key->verifiers[alg] = make_verifier(pkey, (enum gw_jwt_alg)alg);
    }
  } else {
    EVP_PKEY_free(pkey);
  }
  OPENSSL_free(der);
  ERR_clear_error();
  return sentence;
}

/* ---- shared secrets ---- */

char *gw_jwk_set_take_secret(struct gw_jwk_set *set, struct gw_str secret, struct gw_str kid, uint32_t algs) {
  uint32_t wanted = algs == GW_JWK_ANY_ALG ? GW_JWK_HMAC_ALGS : algs & GW_JWK_HMAC_ALGS, taken = 0;
  if (gw_str_has_prefix(gw_str_trim(secret), GW_STR("-----BEGIN "))) /* who has the key pair's public half could sign with it */
    return gw_strdup(
        "a shared secret that is a key or certificate in PEM; it goes with RS256, ES256 or the like, and HS256 wants random bytes");
  if (wanted == 0) return say_misfit(algs, GW_JWK_HMAC_ALGS);
  size_t wanted_len = GW_HASH_SIZE_MAX;
  for (unsigned alg = GW_JWT_HS256; alg <= GW_JWT_HS512; alg++) {
    size_t size = gw_hash_size((enum gw_hash)alg);
    if ((wanted & 1u << alg) == 0) continue;
    if (size < wanted_len) wanted_len = size;
    if (secret.len >= size) taken |= 1u << alg;
  }
  if (taken == 0) {
    return gw_asprintf("a shared secret of %zu bytes; at least %zu are wanted: 32 for HS256, 48 for HS384, 64 for HS512", secret.len,
                       wanted_len);
  }
  char *sentence = NULL;
  struct gw_jwk *key = add_key(set, kid, taken, &sentence);
  if (key == NULL) return sentence;
  add_to_fingerprint(set, secret.data, secret.len);
  for (unsigned alg = GW_JWT_HS256; alg <= GW_JWT_HS512; alg++) {
    if ((taken & 1u << alg) != 0) key->hmac[alg] = gw_hmac_new((enum gw_hash)alg, secret);
  }
  return NULL;
}

bool gw_jwk_set_add_secret(struct gw_jwk_set *set, struct gw_str secret, struct gw_str kid, enum gw_jwt_alg alg, const char *place,
                           struct gw_errors *errors) {
  GW_CLEANUP(gw_free_ptr) char *sentence = gw_jwk_set_take_secret(set, secret, kid, GW_JWK_ALG_BIT(alg));
  if (sentence != NULL) gw_errors_add(errors, place, "%s", sentence);
  return sentence == NULL;
}
