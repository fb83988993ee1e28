#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jwt_fixture.h"

#define P256                                                                                                                               \
  "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                                \
  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define ED25519 "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define RSA_N                                                                                                                              \
  "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcE"   \
  "e6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg"   \
  "_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
#define RSA_2048 "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\""
#define OCT_32 "\"kty\":\"oct\",\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\""

static const uint32_t rsa_algs = 0x3fu << GW_JWT_RS256;
static const struct gw_jwk_rules strict = {.may_hold_secrets = false}, with_secrets = {.may_hold_secrets = true};

struct attempt {
  struct gw_jwk_set *set;
  struct gw_errors errors;
  bool is_good;
};

static struct attempt try_jwks(const char *text, const struct gw_jwk_rules *rules) {
  struct attempt attempt = {.set = gw_jwk_set_new()};
  gw_errors_init(&attempt.errors);
  attempt.is_good = gw_jwk_set_add_jwks(attempt.set, gw_str_from(text), rules, "jwks", &attempt.errors);
  return attempt;
}

static void done(struct attempt *attempt) {
  gw_jwk_set_unref(attempt->set);
  gw_errors_done(&attempt->errors);
}

static void assert_taken(const char *text, const struct gw_jwk_rules *rules, uint32_t algs) {
  struct attempt attempt = try_jwks(text, rules);
  assert_true(attempt.is_good);
  assert_int_equal(attempt.errors.warning_count, 0);
  assert_int_equal(gw_jwk_set_count(attempt.set), 1);
  assert_int_equal(gw_jwk_set_get(attempt.set, 0)->algs, algs);
  done(&attempt);
}

/* A mistake whose sentence has these words. */
static void assert_refused(const char *text, const struct gw_jwk_rules *rules, const char *words) {
  struct attempt attempt = try_jwks(text, rules);
  assert_false(attempt.is_good);
  assert_int_equal(attempt.errors.error_count, 1);
  if (strstr(attempt.errors.items[0].sentence, words) == NULL) fail_msg("\"%s\" is not in \"%s\"", words, attempt.errors.items[0].sentence);
  assert_int_equal(gw_jwk_set_count(attempt.set), 0);
  done(&attempt);
}

/* ---- JWKS ---- */

static void test_each_type_of_key_has_the_algorithms_that_fit(void **state) {
  (void)state;
  assert_taken("{\"keys\":[{" P256 "}]}", &strict, GW_JWK_ALG_BIT(GW_JWT_ES256));
  assert_taken("{\"keys\":[{" ED25519 "}]}", &strict, GW_JWK_ALG_BIT(GW_JWT_EDDSA));
  assert_taken("{\"keys\":[{" RSA_2048 "}]}", &strict, rsa_algs);
  assert_taken("{\"keys\":[{" RSA_2048 ",\"alg\":\"PS384\"}]}", &strict, GW_JWK_ALG_BIT(GW_JWT_PS384));
  assert_taken("{\"keys\":[{" OCT_32 "}]}", &with_secrets, GW_JWK_ALG_BIT(GW_JWT_HS256)); /* too short for the others */
  assert_taken("{" P256 "}", &strict, GW_JWK_ALG_BIT(GW_JWT_ES256));                      /* one key alone */
}

static void test_rules_narrow_the_algorithms(void **state) {
  (void)state;
  const struct gw_jwk_rules only = {.algs = GW_JWK_ALG_BIT(GW_JWT_RS256) | GW_JWK_ALG_BIT(GW_JWT_ES256)};
  assert_taken("{\"keys\":[{" RSA_2048 "}]}", &only, GW_JWK_ALG_BIT(GW_JWT_RS256));
  assert_taken("{\"keys\":[{" RSA_2048 ",\"alg\":\"RS512\"},{" P256 "}]}", &only, GW_JWK_ALG_BIT(GW_JWT_ES256));
  assert_refused("{\"keys\":[{" ED25519 "}]}", &only, "RS256 and ES256");
}

static void test_use_and_key_ops_are_respected(void **state) {
  (void)state;
  assert_taken("{\"keys\":[{" P256 ",\"use\":\"sig\",\"key_ops\":[\"verify\"]}]}", &strict, GW_JWK_ALG_BIT(GW_JWT_ES256));
  assert_taken("{\"keys\":[{" P256 ",\"key_ops\":[\"sign\",\"verify\"]}]}", &strict, GW_JWK_ALG_BIT(GW_JWT_ES256));
  static const char *const others[] = {"\"use\":\"enc\"",
                                       "\"use\":\"\"",
                                       "\"use\":1",
                                       "\"key_ops\":[\"encrypt\"]",
                                       "\"key_ops\":[]",
                                       "\"key_ops\":\"verify\"",
                                       "\"use\":\"sig\",\"key_ops\":[\"deriveKey\"]"};
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++) {
    GW_CLEANUP(gw_free_ptr) char *beside = gw_asprintf("{\"keys\":[{" P256 ",%s},{" ED25519 "}]}", others[i]);
    GW_CLEANUP(gw_free_ptr) char *alone = gw_asprintf("{\"keys\":[{" P256 ",%s}]}", others[i]);
    assert_taken(beside, &strict, GW_JWK_ALG_BIT(GW_JWT_EDDSA));
    assert_refused(alone, &strict, "no key there that verifies signatures");
  }
}

static void test_unknown_keys_are_passed_over(void **state) {
  (void)state;
  assert_taken("{\"keys\":[{\"kty\":\"PQC\",\"x\":1},{\"kty\":\"EC\",\"crv\":\"secp256k1\"},{\"kty\":\"OKP\",\"crv\":\"X25519\"},"
               "{\"kty\":7},{},{" RSA_2048 ",\"alg\":\"RSA-OAEP\"},{" P256 ",\"extra\":[1]}],\"more\":true}",
               &strict, GW_JWK_ALG_BIT(GW_JWT_ES256));
}

static void test_private_members_are_refused(void **state) {
  (void)state;
  static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth"};
  for (size_t i = 0; i < GW_ARRAY_LEN(members); i++) {
    GW_CLEANUP(gw_free_ptr) char *text = gw_asprintf("{\"keys\":[{" RSA_2048 ",\"kid\":\"r1\",\"%s\":\"AQAB\"}]}", members[i]);
    assert_refused(text, &strict, "key 1 (kid r1): a private key");
  }
  assert_refused("{\"keys\":[{" P256 ",\"d\":\"AQAB\"}]}", &with_secrets, "a private key");
}

static void test_secrets_are_refused_where_they_do_not_belong(void **state) {
  (void)state;
  assert_refused("{\"keys\":[{" OCT_32 "}]}", &strict, "a shared secret (kty oct)");
  assert_refused("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}", &with_secrets, "a shared secret of 5 bytes; at least 32");
  assert_refused("{\"keys\":[{" OCT_32 ",\"alg\":\"HS512\"}]}", &with_secrets, "a shared secret of 32 bytes; at least 64");
  assert_refused("{\"keys\":[{" OCT_32 ",\"alg\":\"RS256\"}]}", &with_secrets, "not for RS256");
  assert_refused("{\"keys\":[{\"kty\":\"oct\",\"k\":\"\"}]}", &with_secrets, "has k");
  assert_refused("{\"keys\":[{\"kty\":\"oct\"}]}", &with_secrets, "has k");
}

static void test_secrets_among_public_keys_are_refused(void **state) {
  (void)state;
  struct attempt attempt = try_jwks("{\"keys\":[{" OCT_32 "},{" P256 "}]}", &with_secrets);
  assert_false(attempt.is_good);
  assert_non_null(strstr(attempt.errors.items[0].sentence, "shared secrets among public keys"));
  done(&attempt);
}

static void test_broken_keys_are_refused_with_their_fault(void **state) {
  (void)state;
  assert_refused("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}]}", &strict, "has n and e");
  assert_refused("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB=\"}]}", &strict, "has n and e");
  assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}", &strict, "exactly the curve's length");
  assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                 "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
                 &strict, "no point on its curve");
  assert_refused("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}]}", &strict, "32 bytes");
  assert_refused("{\"keys\":[{" P256 ",\"kid\":7}]}", &strict, "kid is a string");
  assert_refused("{\"keys\":[{" P256 ",\"alg\":7}]}", &strict, "alg is a string");
  assert_refused("{\"keys\":[{" P256 ",\"alg\":\"ES384\"}]}", &strict, "not for ES384; with this one ES256");
  assert_refused("{\"keys\":[7]}", &strict, "a key is an object");
}

static void test_weak_rsa_keys_are_refused(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *small = gw_asprintf("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%.170sQ\"}]}", RSA_N);
  assert_refused(small, &strict, "2048 to 8192 are allowed");
  assert_refused("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RSA_N "\"}]}", &strict, "exponent");
  assert_refused("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"BA\",\"n\":\"" RSA_N "\"}]}", &strict, "exponent");
  assert_refused("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAAAAAAAAAAAQ\",\"n\":\"" RSA_N "\"}]}", &strict, "exponent");
}

static void test_what_is_no_key_set_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "keys",
                                      "[]",
                                      "{}",
                                      "7",
                                      "{\"keys\":{}}",
                                      "{\"keys\":7}",
                                      "{\"keys\":[],\"keys\":[]}",
                                      "{\"keys\":[{" P256 "}]}x",
                                      "{\"keys\":[]}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    assert_refused(texts[i], &strict, "");
  char *large = gw_malloc(GW_JWKS_BYTES_MAX + 2);
  memset(large, ' ', GW_JWKS_BYTES_MAX + 1);
  large[GW_JWKS_BYTES_MAX + 1] = '\0';
  assert_refused(large, &strict, "256 KiB");
  free(large);
}

static void test_a_lenient_reader_warns_of_a_bad_key_and_takes_the_good_ones(void **state) {
  (void)state;
  static const struct gw_jwk_rules lenient = {.is_lenient = true};
  struct attempt attempt = try_jwks("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"},{" P256 ",\"kid\":\"good\"}]}", &lenient);
  assert_true(attempt.is_good);
  assert_int_equal(attempt.errors.warning_count, 1);
  assert_int_equal(gw_jwk_set_count(attempt.set), 1);
  assert_true(gw_str_equal(gw_jwk_set_get(attempt.set, 0)->kid, GW_STR("good")));
  done(&attempt);
  attempt = try_jwks("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}]}", &lenient);
  assert_false(attempt.is_good); /* nothing is left */
  done(&attempt);
}

static void test_the_number_of_keys_is_bounded(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_strbuf_printf(&buf, "{\"keys\":[{" ED25519 "}");
  for (unsigned i = 1; i < GW_JWK_SET_KEYS_MAX; i++)
    gw_strbuf_printf(&buf, ",{" ED25519 "}");
  struct gw_strbuf more;
  gw_strbuf_init(&more);
  gw_strbuf_printf(&more, "%s,{" ED25519 "}]}", buf.data);
  gw_strbuf_printf(&buf, "]}");
  struct attempt within = try_jwks(buf.data, &strict), beyond = try_jwks(more.data, &strict);
  assert_true(within.is_good);
  assert_int_equal(gw_jwk_set_count(within.set), GW_JWK_SET_KEYS_MAX);
  assert_false(beyond.is_good);
  done(&within);
  done(&beyond);
  gw_strbuf_done(&buf);
  gw_strbuf_done(&more);
}

static void test_no_secret_is_in_a_mistake(void **state) {
  (void)state;
  struct attempt attempt = try_jwks("{\"keys\":[{" OCT_32 ",\"alg\":\"HS512\"},{" P256 ",\"d\":\"c2VjcmV0\"}]}", &with_secrets);
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&attempt.errors);
  assert_null(strstr(text, "hJtXIZ2uSN5k"));
  assert_null(strstr(text, "c2VjcmV0"));
  done(&attempt);
}

/* ---- PEM and secrets ---- */

static bool add_pem(const char *pem, uint32_t algs, struct gw_jwk_set *set, char **ret_text) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_good = gw_jwk_set_add_pem(set, gw_str_from(pem), GW_STR("k"), algs, "key.pem", &errors);
  *ret_text = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return is_good;
}

static void test_pem_holds_several_keys_and_other_blocks(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwk_set *set = gw_jwk_set_new();
  GW_CLEANUP(gw_free_ptr)
  char *both = gw_asprintf("a key:\n%s-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n%s",
                           fixture->rsa.public_pem, fixture->ec384.public_pem);
  char *text;
  assert_true(add_pem(both, GW_JWK_ANY_ALG, set, &text));
  free(text);
  assert_int_equal(gw_jwk_set_count(set), 2);
  assert_int_equal(gw_jwk_set_get(set, 0)->algs, rsa_algs);
  assert_int_equal(gw_jwk_set_get(set, 1)->algs, GW_JWK_ALG_BIT(GW_JWT_ES384));
  gw_jwk_set_unref(set);
}

static void test_pem_that_cannot_serve_is_refused_with_its_fault(void **state) {
  struct jwt_fixture *fixture = *state;
  const struct {
    const char *pem;
    uint32_t algs;
    const char *words;
  } cases[] = {
      {fixture->rsa.private_pem, GW_JWK_ANY_ALG, "key.pem: key 1: a private key"},
      {fixture->rsa.public_pem, GW_JWK_ALG_BIT(GW_JWT_ES256), "not for ES256"},
      {fixture->ec384.public_pem, GW_JWK_ALG_BIT(GW_JWT_ES256), "not for ES256; with this one ES384"},
      {fixture->rsa.public_pem, GW_JWK_ALG_BIT(GW_JWT_HS256), "not for HS256"},
      {"", GW_JWK_ANY_ALG, "no key there"},
      {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", GW_JWK_ANY_ALG, "cannot be read"},
      {"-----BEGIN PUBLIC KEY-----\nAAAA\n", GW_JWK_ANY_ALG, "cannot be read"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_jwk_set *set = gw_jwk_set_new();
    char *text;
    assert_false(add_pem(cases[i].pem, cases[i].algs, set, &text));
    if (strstr(text, cases[i].words) == NULL) fail_msg("\"%s\" is not in \"%s\"", cases[i].words, text);
    assert_int_equal(gw_jwk_set_count(set), 0);
    free(text);
    gw_jwk_set_unref(set);
  }
}

static void test_short_secrets_are_refused_with_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    enum gw_jwt_alg alg;
    size_t len;
  } cases[] = {{GW_JWT_HS256, 32}, {GW_JWT_HS384, 48}, {GW_JWT_HS512, 64}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_jwk_set *set = gw_jwk_set_new();
    struct gw_errors errors;
    gw_errors_init(&errors);
    struct gw_str right = {SECRET, cases[i].len}, small = {SECRET, cases[i].len - 1};
    assert_false(gw_jwk_set_add_secret(set, small, GW_STR(""), cases[i].alg, "JWT_SECRET_KEY", &errors));
    assert_non_null(strstr(errors.items[0].sentence, "32 for HS256, 48 for HS384, 64 for HS512"));
    assert_true(gw_jwk_set_add_secret(set, right, GW_STR(""), cases[i].alg, "JWT_SECRET_KEY", &errors));
    assert_false(gw_jwk_set_add_secret(set, right, GW_STR(""), GW_JWT_RS256, "JWT_SECRET_KEY", &errors));
    assert_int_equal(gw_jwk_set_count(set), 1);
    gw_errors_done(&errors);
    gw_jwk_set_unref(set);
  }
}

/* ---- generations ---- */

static uint64_t generation_of(const char *text) {
  struct attempt attempt = try_jwks(text, &with_secrets);
  assert_true(attempt.is_good);
  gw_jwk_set_freeze(attempt.set);
  uint64_t generation = gw_jwk_set_generation(attempt.set);
  done(&attempt);
  return generation;
}

static void test_equal_keys_are_of_one_generation_and_any_change_is_another(void **state) {
  (void)state;
  uint64_t generation = generation_of("{\"keys\":[{" P256 ",\"kid\":\"a\"},{" ED25519 "}]}");
  assert_true(generation == generation_of(" {\"more\":1, \"keys\":[{\"kid\":\"a\"," P256 "},{" ED25519 ",\"alg\":\"EdDSA\"}]}"));
  static const char *const others[] = {
      "{\"keys\":[{" P256 ",\"kid\":\"b\"},{" ED25519 "}]}",    "{\"keys\":[{" P256 "},{" ED25519 "}]}",
      "{\"keys\":[{" ED25519 "},{" P256 ",\"kid\":\"a\"}]}",    "{\"keys\":[{" P256 ",\"kid\":\"a\"}]}",
      "{\"keys\":[{" ED25519 ",\"kid\":\"a\"},{" ED25519 "}]}", "{\"keys\":[{" P256 ",\"kid\":\"a\"},{" ED25519 "},{" ED25519 "}]}",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++)
    assert_true(generation != generation_of(others[i]));
  assert_true(generation_of("{\"keys\":[{" RSA_2048 "}]}") != generation_of("{\"keys\":[{" RSA_2048 ",\"alg\":\"RS256\"}]}"));
  assert_true(generation_of("{\"keys\":[{" OCT_32 "}]}") !=
              generation_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYk\"}]}"));
}

static void test_names_of_algorithms_come_back(void **state) {
  (void)state;
  enum gw_jwt_alg parsed;
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    assert_int_equal(gw_jwt_alg_parse(gw_str_from(gw_jwt_alg_name((enum gw_jwt_alg)alg)), &parsed), GW_OK);
    assert_int_equal(parsed, alg);
  }
  static const char *const others[] = {"", "none", "HS1", "hs256", "EdDSA ", "ES256K", "RS25"};
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++)
    assert_int_equal(gw_jwt_alg_parse(gw_str_from(others[i]), &parsed), GW_ERR_UNSUPPORTED);
}

static void test_a_set_lives_as_long_as_somebody_holds_it(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_ES256, "k", GW_JWK_ANY_ALG);
  assert_ptr_equal(gw_jwk_set_ref(set), set);
  gw_jwk_set_unref(set);
  assert_int_equal(gw_jwk_set_count(set), 1);
  gw_jwk_set_unref(set);
  gw_jwk_set_unref(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_type_of_key_has_the_algorithms_that_fit),
      cmocka_unit_test(test_rules_narrow_the_algorithms),
      cmocka_unit_test(test_use_and_key_ops_are_respected),
      cmocka_unit_test(test_unknown_keys_are_passed_over),
      cmocka_unit_test(test_private_members_are_refused),
      cmocka_unit_test(test_secrets_are_refused_where_they_do_not_belong),
      cmocka_unit_test(test_secrets_among_public_keys_are_refused),
      cmocka_unit_test(test_broken_keys_are_refused_with_their_fault),
      cmocka_unit_test(test_weak_rsa_keys_are_refused),
      cmocka_unit_test(test_what_is_no_key_set_is_refused),
      cmocka_unit_test(test_a_lenient_reader_warns_of_a_bad_key_and_takes_the_good_ones),
      cmocka_unit_test(test_the_number_of_keys_is_bounded),
      cmocka_unit_test(test_no_secret_is_in_a_mistake),
      cmocka_unit_test(test_pem_holds_several_keys_and_other_blocks),
      cmocka_unit_test(test_pem_that_cannot_serve_is_refused_with_its_fault),
      cmocka_unit_test(test_short_secrets_are_refused_with_what_is_allowed),
      cmocka_unit_test(test_equal_keys_are_of_one_generation_and_any_change_is_another),
      cmocka_unit_test(test_names_of_algorithms_come_back),
      cmocka_unit_test(test_a_set_lives_as_long_as_somebody_holds_it),
  };
  return cmocka_run_group_tests(tests, jwt_fixture_new, jwt_fixture_free);
}
