/* The known attacks on tokens, one by one: each must come to nothing, whatever else is right about the token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jwt_fixture.h"

#define ADMIN "{\"iss\":\"issuer\",\"sub\":\"admin\",\"exp\":1700003600}"

static enum gw_jwt_status judge_rsa(struct jwt_fixture *fixture, struct gw_str token) {
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_RS256, "", GW_JWK_ANY_ALG);
  enum gw_jwt_status status = jwt_judge(fixture, token, set);
  gw_jwk_set_unref(set);
  return status;
}

/* A token that this key, the attacker's own, signed. */
static struct gw_str token_by(struct jwt_fixture *fixture, EVP_PKEY *key, const char *header, const char *payload) {
  struct gw_str input = jwt_signing_input(fixture, gw_str_from(header), gw_str_from(payload));
  return jwt_join(fixture, input, jwt_sign_with(fixture, GW_JWT_RS256, key, input));
}

static void test_none_in_every_spelling_is_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const spellings[] = {"none", "None", "NONE", "nOnE", "none ", "nonE\\u0020", "\\u006eone", ""};
  for (size_t i = 0; i < GW_ARRAY_LEN(spellings); i++) {
    struct gw_str header = gw_str_from(gw_arena_printf(&fixture->arena, "{\"alg\":\"%s\"}", spellings[i]));
    struct gw_str input = jwt_signing_input(fixture, header, GW_STR(ADMIN));
    assert_int_equal(judge_rsa(fixture, gw_str_from(gw_arena_printf(&fixture->arena, "%.*s.", GW_STR_ARG(input)))), GW_JWT_BAD_FORMAT);
    assert_int_equal(judge_rsa(fixture, gw_str_from(gw_arena_printf(&fixture->arena, "%.*s.AAAA", GW_STR_ARG(input)))),
                     GW_JWT_HEADER_UNSUPPORTED_ALG);
  }
}

static void test_a_cut_off_signature_is_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_str input = jwt_signing_input(fixture, GW_STR("{\"alg\":\"RS256\"}"), GW_STR(ADMIN));
  assert_int_equal(judge_rsa(fixture, input), GW_JWT_BAD_FORMAT);
  assert_int_equal(judge_rsa(fixture, gw_str_from(gw_arena_printf(&fixture->arena, "%.*s.", GW_STR_ARG(input)))), GW_JWT_BAD_FORMAT);
}

/* HMAC with the public key's text, in each form that a library might keep it in. */
static void test_a_public_key_is_no_hmac_secret(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_str pem = gw_str_from(fixture->rsa.public_pem), trimmed = {pem.data, pem.len - 1};
  const struct gw_str secrets[] = {pem, trimmed};
  for (size_t i = 0; i < GW_ARRAY_LEN(secrets); i++) {
    for (enum gw_jwt_alg alg = GW_JWT_HS256; alg <= GW_JWT_HS512; alg++) {
      const char *header = gw_arena_printf(&fixture->arena, "{\"alg\":\"%s\"}", gw_jwt_alg_name(alg));
      struct gw_str input = jwt_signing_input(fixture, gw_str_from(header), GW_STR(ADMIN));
      assert_int_equal(judge_rsa(fixture, jwt_join(fixture, input, jwt_signature(fixture, alg, secrets[i], input))), GW_JWT_NO_KEY);
    }
  }
}

/* … nor may an operator configure it as one. */
static void test_a_public_key_is_refused_as_a_configured_secret(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_false(gw_jwk_set_add_secret(set, gw_str_from(fixture->rsa.public_pem), GW_STR(""), GW_JWT_HS256, "jwt", &errors));
  assert_non_null(strstr(errors.items[0].sentence, "PEM"));
  gw_errors_done(&errors);
  gw_jwk_set_unref(set);
}

static void test_an_algorithm_that_the_key_is_not_pinned_to_is_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_RS256, "", GW_JWK_ALG_BIT(GW_JWT_RS256));
  assert_int_equal(jwt_judge(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\"}", ADMIN), set), GW_JWT_OK);
  assert_int_equal(jwt_judge(fixture, jwt_token(fixture, GW_JWT_RS384, "{\"alg\":\"RS384\"}", ADMIN), set), GW_JWT_NO_KEY);
  assert_int_equal(jwt_judge(fixture, jwt_token(fixture, GW_JWT_PS256, "{\"alg\":\"PS256\"}", ADMIN), set), GW_JWT_NO_KEY);
  gw_jwk_set_unref(set);
}

static void test_a_signature_of_another_algorithm_than_the_header_says_fails(void **state) {
  struct jwt_fixture *fixture = *state;
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_PS256, "{\"alg\":\"RS256\"}", ADMIN)), GW_JWT_VERIFICATION_FAILED);
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS512, "{\"alg\":\"RS256\"}", ADMIN)), GW_JWT_VERIFICATION_FAILED);
}

static void test_crit_of_any_content_is_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const crits[] = {"[]",      "[\"exp\"]", "[\"b64\"]", "[\"http://example.com/UNDEFINED\"]", "[\"alg\"]", "null",
                                      "\"exp\"", "{}",        "true"};
  for (size_t i = 0; i < GW_ARRAY_LEN(crits); i++) {
    const char *header = gw_arena_printf(&fixture->arena, "{\"alg\":\"RS256\",\"crit\":%s,\"exp\":1700003600}", crits[i]);
    assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, header, ADMIN)), GW_JWT_HEADER_CRITICAL);
  }
}

static void test_an_unencoded_payload_is_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\",\"b64\":false}", ADMIN)), GW_JWT_HEADER_B64);
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\",\"b64\":\"false\"}", ADMIN)), GW_JWT_HEADER_B64);
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\",\"b64\":0}", ADMIN)), GW_JWT_HEADER_B64);
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", ADMIN)),
                   GW_JWT_HEADER_CRITICAL);
  assert_int_equal(judge_rsa(fixture, jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\",\"b64\":true}", ADMIN)), GW_JWT_OK);
}

static const char *jwk_of(struct jwt_fixture *fixture, EVP_PKEY *key) {
  BIGNUM *n = NULL;
  assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
  unsigned char bytes[256];
  assert_int_equal(BN_bn2binpad(n, bytes, sizeof(bytes)), sizeof(bytes));
  BN_free(n);
  struct gw_str text = jwt_base64url(fixture, (struct gw_str){(const char *)bytes, sizeof(bytes)});
  return gw_arena_printf(&fixture->arena, "{\"kty\":\"RSA\",\"kid\":\"mine\",\"e\":\"AQAB\",\"n\":\"%.*s\"}", GW_STR_ARG(text));
}

static void test_keys_that_the_token_brings_or_points_to_are_not_believed(void **state) {
  struct jwt_fixture *fixture = *state;
  EVP_PKEY *own = EVP_RSA_gen(2048);
  const char *const headers[] = {
      gw_arena_printf(&fixture->arena, "{\"alg\":\"RS256\",\"jwk\":%s}", jwk_of(fixture, own)),
      gw_arena_printf(&fixture->arena, "{\"alg\":\"RS256\",\"kid\":\"mine\",\"jwk\":%s}", jwk_of(fixture, own)),
      "{\"alg\":\"RS256\",\"jku\":\"https://attacker.example/jwks.json\"}",
      "{\"alg\":\"RS256\",\"x5u\":\"https://attacker.example/cert.pem\"}",
      "{\"alg\":\"RS256\",\"x5c\":[\"MIIB\"],\"x5t\":\"AAAA\"}",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(headers); i++)
    assert_int_equal(judge_rsa(fixture, token_by(fixture, own, headers[i], ADMIN)), GW_JWT_VERIFICATION_FAILED);
  EVP_PKEY_free(own);
}

static void test_a_kid_is_a_name_and_nothing_else(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const kids[] = {"../../../../dev/null",
                                     "/dev/null",
                                     "k1' UNION SELECT 'x",
                                     "k1;id",
                                     "$(id)",
                                     "http://attacker.example/key",
                                     "k1\\n",
                                     "K1",
                                     "k",
                                     "k11",
                                     "",
                                     "k1%00",
                                     "*"};
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_HS256, "k1", 0);
  for (size_t i = 0; i < GW_ARRAY_LEN(kids); i++) {
    const char *header = gw_arena_printf(&fixture->arena, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]);
    struct gw_str input = jwt_signing_input(fixture, gw_str_from(header), GW_STR(ADMIN));
    assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, jwt_signature(fixture, GW_JWT_HS256, GW_STR("\0"), input)), set),
                     GW_JWT_NO_KEY);
  }
  assert_int_equal(jwt_judge(fixture, jwt_token(fixture, GW_JWT_HS256, "{\"alg\":\"HS256\",\"kid\":\"k1\"}", ADMIN), set), GW_JWT_OK);
  gw_jwk_set_unref(set);
}

static void test_another_payload_under_a_right_signature_fails(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_str input = jwt_signing_input(fixture, GW_STR("{\"alg\":\"RS256\"}"), GW_STR("{\"sub\":\"u1\"}"));
  struct gw_str signature = jwt_signature(fixture, GW_JWT_RS256, GW_STR(""), input);
  struct gw_str other = jwt_signing_input(fixture, GW_STR("{\"alg\":\"RS256\"}"), GW_STR(ADMIN));
  assert_int_equal(judge_rsa(fixture, jwt_join(fixture, input, signature)), GW_JWT_OK);
  assert_int_equal(judge_rsa(fixture, jwt_join(fixture, other, signature)), GW_JWT_VERIFICATION_FAILED);
}

static void test_exp_zero_is_long_ago_not_never(void **state) {
  struct jwt_fixture *fixture = *state;
  static const struct gw_jwt_checks checks = {.leeway_s = 60};
  static const char *const payloads[] = {"{\"exp\":0}", "{\"exp\":0.0}", "{\"exp\":-0}", "{\"exp\":1}"};
  struct gw_jwt jwt;
  for (size_t i = 0; i < GW_ARRAY_LEN(payloads); i++) {
    assert_int_equal(gw_jwt_parse(jwt_token(fixture, GW_JWT_RS256, "{\"alg\":\"RS256\"}", payloads[i]), &fixture->arena, &jwt), GW_JWT_OK);
    assert_int_equal(gw_jwt_check(&jwt, &checks, NOW_S), GW_JWT_EXPIRED);
  }
}

/* An encrypted token (five sections), and the JSON serialization. */
static void test_other_serializations_are_refused(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_str input = jwt_signing_input(fixture, GW_STR("{\"alg\":\"RS256\"}"), GW_STR(ADMIN)), rest = input, header, payload;
  struct gw_str signature = jwt_base64url(fixture, jwt_signature(fixture, GW_JWT_RS256, GW_STR(""), input));
  gw_str_split_next(&rest, '.', &header);
  gw_str_split_next(&rest, '.', &payload);
  const char *json = gw_arena_printf(&fixture->arena, "{\"payload\":\"%.*s\",\"protected\":\"%.*s\",\"signature\":\"%.*s\"}",
                                     GW_STR_ARG(payload), GW_STR_ARG(header), GW_STR_ARG(signature));
  assert_int_equal(judge_rsa(fixture, gw_str_from(json)), GW_JWT_BAD_FORMAT);
  assert_int_equal(judge_rsa(fixture, GW_STR("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA")), GW_JWT_BAD_FORMAT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_none_in_every_spelling_is_refused),
      cmocka_unit_test(test_a_cut_off_signature_is_refused),
      cmocka_unit_test(test_a_public_key_is_no_hmac_secret),
      cmocka_unit_test(test_a_public_key_is_refused_as_a_configured_secret),
      cmocka_unit_test(test_an_algorithm_that_the_key_is_not_pinned_to_is_refused),
      cmocka_unit_test(test_a_signature_of_another_algorithm_than_the_header_says_fails),
      cmocka_unit_test(test_crit_of_any_content_is_refused),
      cmocka_unit_test(test_an_unencoded_payload_is_refused),
      cmocka_unit_test(test_keys_that_the_token_brings_or_points_to_are_not_believed),
      cmocka_unit_test(test_a_kid_is_a_name_and_nothing_else),
      cmocka_unit_test(test_another_payload_under_a_right_signature_fails),
      cmocka_unit_test(test_exp_zero_is_long_ago_not_never),
      cmocka_unit_test(test_other_serializations_are_refused),
  };
  return cmocka_run_group_tests(tests, jwt_fixture_new, jwt_fixture_free);
}
