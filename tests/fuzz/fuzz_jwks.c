/* Key sets: byte 0 chooses the rules and the form (JWKS or PEM). What is taken serves for what it says, and a mistake says why the rest is
 * not. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(const struct gw_jwk_set *set, uint32_t algs, bool may_hold_secrets) {
  for (uint32_t i = 0; i < gw_jwk_set_count(set); i++) {
    const struct gw_jwk *key = gw_jwk_set_get(set, i);
    GW_ASSERT(key->algs != 0 && (algs == GW_JWK_ANY_ALG || (key->algs & ~algs) == 0));
    bool is_secret = (key->algs & 7u) != 0;
    GW_ASSERT(!is_secret || may_hold_secrets);
    GW_ASSERT((key->pkey == NULL) == is_secret);
    for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
      bool is_pinned = (key->algs & GW_JWK_ALG_BIT(alg)) != 0;
      if (alg <= GW_JWT_HS512) GW_ASSERT((key->hmac[alg] != NULL) == is_pinned);
      if (alg > GW_JWT_HS512 && alg != GW_JWT_EDDSA) GW_ASSERT((key->verifiers[alg] != NULL) == is_pinned);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const struct gw_jwk_rules rules = {.algs =
                                         (data[0] & 1) != 0 ? GW_JWK_ALG_BIT(GW_JWT_RS256) | GW_JWK_ALG_BIT(GW_JWT_HS256) : GW_JWK_ANY_ALG,
                                     .may_hold_secrets = (data[0] & 2) != 0,
                                     .is_lenient = (data[0] & 4) != 0};
  struct gw_str text = {(const char *)data + 1, size - 1};
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_pem = (data[0] & 8) != 0;
  bool is_good = is_pem ? gw_jwk_set_add_pem(set, text, GW_STR("k"), rules.algs, "keys", &errors)
                        : gw_jwk_set_add_jwks(set, text, &rules, "keys", &errors);
  GW_ASSERT(is_good == (errors.error_count == 0));
  if (is_good) GW_ASSERT(gw_jwk_set_count(set) > 0);
  gw_jwk_set_freeze(set);
  check_keys(set, rules.algs, rules.may_hold_secrets && !is_pem);
  gw_jwk_set_unref(set);
  gw_errors_done(&errors);
  return 0;
}
