#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/jwt_mint.h"
#include "jwt_fixture.h"

static struct gw_jwt_mint mint_of(const struct jwt_fixture *fixture, enum gw_jwt_alg alg) {
  struct gw_str secret = GW_STR(SECRET), pem = gw_str_from(jwt_fixture_pair(fixture, alg)->private_pem);
  return (struct gw_jwt_mint){alg, gw_jwt_alg_is_hmac(alg) ? secret : pem, GW_STR("k1"), GW_STR(CLAIMS)};
}

static void test_tokens_verify_with_our_code(void **state) {
  struct jwt_fixture *fixture = *state;
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    bool is_libjwts = alg <= GW_JWT_RS512 || (alg >= GW_JWT_ES256 && alg <= GW_JWT_ES512);
    if (!is_libjwts) continue;
    struct gw_jwt_mint mint = mint_of(fixture, (enum gw_jwt_alg)alg);
    char *token, *reason;
    assert_int_equal(gw_jwt_mint(&mint, &token, &reason), GW_OK);
    struct gw_jwk_set *set = jwt_key_set(fixture, (enum gw_jwt_alg)alg, "k1", GW_JWK_ALG_BIT(alg));
    struct gw_jwt jwt;
    assert_int_equal(gw_jwt_parse(gw_str_from(token), &fixture->arena, &jwt), GW_JWT_OK);
    assert_int_equal(gw_jwt_verify(&jwt, set, NULL), GW_JWT_OK);
    assert_true(gw_str_equal(jwt.kid, GW_STR("k1")) && gw_str_equal(jwt.subject, GW_STR("u1")));
    assert_int_equal(jwt.expires_at.s, 1700003600);
    gw_jwk_set_unref(set);
    free(token);
  }
}

static void assert_refused(const struct gw_jwt_mint *mint, enum gw_err err, const char *words) {
  char *token, *reason;
  assert_int_equal(gw_jwt_mint(mint, &token, &reason), err);
  if (strstr(reason, words) == NULL) fail_msg("\"%s\" is not in \"%s\"", words, reason);
  free(reason);
}

static void test_what_libjwt_cannot_is_unsupported(void **state) {
  struct gw_jwt_mint mint = mint_of(*state, GW_JWT_PS256);
  assert_refused(&mint, GW_ERR_UNSUPPORTED, "PS256");
  mint = mint_of(*state, GW_JWT_EDDSA);
  assert_refused(&mint, GW_ERR_UNSUPPORTED, "EdDSA");
}

static void test_keys_that_do_not_fit_or_are_weak_are_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwt_mint mint = mint_of(fixture, GW_JWT_HS256);
  mint.key.len = 31;
  assert_refused(&mint, GW_ERR_INVALID, "31 bytes");
  mint.key = gw_str_from(fixture->rsa.private_pem);
  assert_refused(&mint, GW_ERR_INVALID, "PEM");
  mint = mint_of(fixture, GW_JWT_RS256);
  mint.key = gw_str_from(fixture->ec256.private_pem);
  assert_refused(&mint, GW_ERR_INVALID, "not for RS256");
  mint.key = gw_str_from(fixture->rsa.public_pem);
  assert_refused(&mint, GW_ERR_INVALID, "cannot be read");
  mint = mint_of(fixture, GW_JWT_ES256);
  mint.key = gw_str_from(fixture->ec384.private_pem);
  assert_refused(&mint, GW_ERR_INVALID, "not for ES256");
}

static void test_claims_are_an_object(void **state) {
  struct gw_jwt_mint mint = mint_of(*state, GW_JWT_HS256);
  static const char *const refused[] = {"", "[]", "7", "{\"a\":1,\"a\":2}", "{\"a\":1"};
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++) {
    mint.claims = gw_str_from(refused[i]);
    assert_refused(&mint, GW_ERR_INVALID, "no JSON object");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tokens_verify_with_our_code),
      cmocka_unit_test(test_what_libjwt_cannot_is_unsupported),
      cmocka_unit_test(test_keys_that_do_not_fit_or_are_weak_are_refused),
      cmocka_unit_test(test_claims_are_an_object),
  };
  return cmocka_run_group_tests(tests, jwt_fixture_new, jwt_fixture_free);
}
