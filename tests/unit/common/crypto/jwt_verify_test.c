#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "jwt_fixture.h"

static const char *header_of(struct jwt_fixture *fixture, enum gw_jwt_alg alg) {
  return gw_arena_printf(&fixture->arena, "{\"alg\":\"%s\"}", gw_jwt_alg_name(alg));
}

static void test_each_algorithm_verifies_and_is_not_taken_for_another(void **state) {
  struct jwt_fixture *fixture = *state;
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    struct gw_str token = jwt_token(fixture, (enum gw_jwt_alg)alg, header_of(fixture, (enum gw_jwt_alg)alg), CLAIMS);
    for (unsigned other = 0; other < GW_JWT_ALG_COUNT; other++) {
      struct gw_jwk_set *set = jwt_key_set(fixture, (enum gw_jwt_alg)other, "", GW_JWK_ALG_BIT(other));
      assert_int_equal(jwt_judge(fixture, token, set), alg == other ? GW_JWT_OK : GW_JWT_NO_KEY);
      gw_jwk_set_unref(set);
    }
  }
}

static void test_a_changed_byte_anywhere_in_the_signature_fails(void **state) {
  struct jwt_fixture *fixture = *state;
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    struct gw_str input = jwt_signing_input(fixture, gw_str_from(header_of(fixture, (enum gw_jwt_alg)alg)), GW_STR(CLAIMS));
    struct gw_str right = jwt_signature(fixture, (enum gw_jwt_alg)alg, GW_STR(SECRET), input);
    struct gw_jwk_set *set = jwt_key_set(fixture, (enum gw_jwt_alg)alg, "", GW_JWK_ANY_ALG);
    char *wrong = gw_arena_alloc_bytes(&fixture->arena, right.len);
    size_t step = right.len > 100 ? 17 : 1;
    for (size_t i = 0; i < right.len; i += step) {
      memcpy(wrong, right.data, right.len);
      wrong[i] = (char)(wrong[i] ^ 1);
      assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){wrong, right.len}), set), GW_JWT_VERIFICATION_FAILED);
    }
    gw_jwk_set_unref(set);
  }
}

static void test_bytes_behind_or_missing_of_the_signature_fail(void **state) {
  struct jwt_fixture *fixture = *state;
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    struct gw_str input = jwt_signing_input(fixture, gw_str_from(header_of(fixture, (enum gw_jwt_alg)alg)), GW_STR(CLAIMS));
    struct gw_str right = jwt_signature(fixture, (enum gw_jwt_alg)alg, GW_STR(SECRET), input);
    struct gw_jwk_set *set = jwt_key_set(fixture, (enum gw_jwt_alg)alg, "", GW_JWK_ANY_ALG);
    char *longer = gw_arena_alloc_bytes(&fixture->arena, right.len + 1);
    memcpy(longer + 1, right.data, right.len);
    longer[0] = '\0';
    assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){longer, right.len + 1}), set),
                     GW_JWT_SIGNATURE_BAD_LENGTH);
    memcpy(longer, right.data, right.len);
    longer[right.len] = '\0';
    assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){longer, right.len + 1}), set),
                     GW_JWT_SIGNATURE_BAD_LENGTH);
    assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){longer, right.len - 1}), set),
                     GW_JWT_SIGNATURE_BAD_LENGTH);
    gw_jwk_set_unref(set);
  }
}

static void test_a_der_signature_of_ecdsa_fails(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_str input = jwt_signing_input(fixture, GW_STR("{\"alg\":\"ES256\"}"), GW_STR(CLAIMS));
  struct gw_str raw = jwt_signature(fixture, GW_JWT_ES256, GW_STR(""), input);
  ECDSA_SIG *sig = ECDSA_SIG_new();
  assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn((const unsigned char *)raw.data, 32, NULL),
                                  BN_bin2bn((const unsigned char *)raw.data + 32, 32, NULL)),
                   1);
  unsigned char der[80], *at = der;
  int len = i2d_ECDSA_SIG(sig, &at);
  ECDSA_SIG_free(sig);
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_ES256, "", GW_JWK_ANY_ALG);
  assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){(const char *)der, (size_t)len}), set),
                   GW_JWT_SIGNATURE_BAD_LENGTH);
  gw_jwk_set_unref(set);
}

static void test_zeros_are_no_ecdsa_signature(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char zeros[132] = {0};
  static const struct {
    enum gw_jwt_alg alg;
    size_t len;
  } cases[] = {{GW_JWT_ES256, 64}, {GW_JWT_ES384, 96}, {GW_JWT_ES512, 132}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_str input = jwt_signing_input(fixture, gw_str_from(header_of(fixture, cases[i].alg)), GW_STR(CLAIMS));
    struct gw_jwk_set *set = jwt_key_set(fixture, cases[i].alg, "", GW_JWK_ANY_ALG);
    assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){zeros, cases[i].len}), set), GW_JWT_VERIFICATION_FAILED);
    gw_jwk_set_unref(set);
  }
}

static void test_pss_with_another_salt_length_fails(void **state) {
  struct jwt_fixture *fixture = *state;
  EVP_PKEY *key;
  assert_int_equal(gw_keys_load_private_key(gw_str_from(fixture->rsa.private_pem), &key), GW_OK);
  struct gw_str input = jwt_signing_input(fixture, GW_STR("{\"alg\":\"PS256\"}"), GW_STR(CLAIMS));
  unsigned char signature[256];
  size_t len = sizeof(signature);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_PKEY_CTX *of_key = NULL;
  assert_int_equal(EVP_DigestSignInit(context, &of_key, EVP_sha256(), NULL, key), 1);
  assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING), 1);
  assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, 0), 1);
  assert_int_equal(EVP_DigestSign(context, signature, &len, (const unsigned char *)input.data, input.len), 1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  struct gw_jwk_set *set = jwt_key_set(fixture, GW_JWT_PS256, "", GW_JWK_ANY_ALG);
  assert_int_equal(jwt_judge(fixture, jwt_join(fixture, input, (struct gw_str){(const char *)signature, len}), set),
                   GW_JWT_VERIFICATION_FAILED);
  gw_jwk_set_unref(set);
}

/* ---- which key ---- */

/* A set with a fresh RSA key for each kid, the fixture's last. */
static struct gw_jwk_set *set_of(const struct jwt_fixture *fixture, const char *const *kids, size_t count, const char *fixture_kid) {
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  struct gw_key_pair other;
  gw_errors_init(&errors);
  assert_int_equal(gw_keys_generate_ec_pair("P-256", &other), GW_OK);
  for (size_t i = 0; i < count; i++)
    assert_true(gw_jwk_set_add_pem(set, gw_str_from(other.public_pem), gw_str_from(kids[i]), GW_JWK_ANY_ALG, "keys", &errors));
  assert_true(gw_jwk_set_add_pem(set, gw_str_from(fixture->ec256.public_pem), gw_str_from(fixture_kid), GW_JWK_ANY_ALG, "keys", &errors));
  gw_key_pair_done(&other);
  gw_errors_done(&errors);
  gw_jwk_set_freeze(set);
  return set;
}

static void test_a_kid_picks_its_key_and_those_without(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const others[] = {"one", "two"};
  struct gw_str named = jwt_token(fixture, GW_JWT_ES256, "{\"alg\":\"ES256\",\"kid\":\"three\"}", CLAIMS);
  struct gw_str misnamed = jwt_token(fixture, GW_JWT_ES256, "{\"alg\":\"ES256\",\"kid\":\"two\"}", CLAIMS);
  struct gw_str unknown = jwt_token(fixture, GW_JWT_ES256, "{\"alg\":\"ES256\",\"kid\":\"four\"}", CLAIMS);
  struct gw_jwk_set *set = set_of(fixture, others, 2, "three"), *without = set_of(fixture, others, 2, "");
  assert_int_equal(jwt_judge(fixture, named, set), GW_JWT_OK);
  assert_int_equal(jwt_judge(fixture, misnamed, set), GW_JWT_VERIFICATION_FAILED);
  assert_int_equal(jwt_judge(fixture, unknown, set), GW_JWT_NO_KEY);
  assert_int_equal(jwt_judge(fixture, unknown, without), GW_JWT_OK);
  gw_jwk_set_unref(set);
  gw_jwk_set_unref(without);
}

static void test_without_kid_the_keys_are_tried_up_to_a_bound(void **state) {
  struct jwt_fixture *fixture = *state;
  const char *others[GW_JWT_TRIES_MAX];
  for (size_t i = 0; i < GW_JWT_TRIES_MAX; i++)
    others[i] = gw_arena_printf(&fixture->arena, "k%zu", i);
  struct gw_str token = jwt_token(fixture, GW_JWT_ES256, "{\"alg\":\"ES256\"}", CLAIMS);
  struct gw_jwk_set *within = set_of(fixture, others, GW_JWT_TRIES_MAX - 1, "last");
  struct gw_jwk_set *beyond = set_of(fixture, others, GW_JWT_TRIES_MAX, "last");
  assert_int_equal(jwt_judge(fixture, token, within), GW_JWT_OK);
  assert_int_equal(jwt_judge(fixture, token, beyond), GW_JWT_VERIFICATION_FAILED);
  gw_jwk_set_unref(within);
  gw_jwk_set_unref(beyond);
}

static void test_the_key_that_verified_is_told(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const others[] = {"one"};
  struct gw_jwk_set *set = set_of(fixture, others, 1, "two");
  struct gw_jwt jwt;
  const struct gw_jwk *key = NULL;
  assert_int_equal(gw_jwt_parse(jwt_token(fixture, GW_JWT_ES256, "{\"alg\":\"ES256\"}", CLAIMS), &fixture->arena, &jwt), GW_JWT_OK);
  assert_int_equal(gw_jwt_verify(&jwt, set, &key), GW_JWT_OK);
  assert_true(gw_str_equal(key->kid, GW_STR("two")));
  gw_jwk_set_unref(set);
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS 40

struct shared {
  const struct gw_jwk_set *sets[GW_JWT_ALG_COUNT];
  struct gw_jwt right[GW_JWT_ALG_COUNT], wrong[GW_JWT_ALG_COUNT];
};

/* Returns how many verdicts were wrong. */
static void *verify_all(void *arg) {
  const struct shared *shared = arg;
  uintptr_t mistakes = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
      mistakes += gw_jwt_verify(&shared->right[alg], shared->sets[alg], NULL) != GW_JWT_OK;
      mistakes += gw_jwt_verify(&shared->wrong[alg], shared->sets[alg], NULL) != GW_JWT_VERIFICATION_FAILED;
    }
  }
  return (void *)mistakes;
}

static void test_threads_verify_with_one_set_at_once(void **state) {
  struct jwt_fixture *fixture = *state;
  struct shared shared;
  struct gw_jwk_set *sets[GW_JWT_ALG_COUNT];
  pthread_t threads[THREADS];
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++) {
    shared.sets[alg] = sets[alg] = jwt_key_set(fixture, (enum gw_jwt_alg)alg, "", GW_JWK_ANY_ALG);
    struct gw_str token = jwt_token(fixture, (enum gw_jwt_alg)alg, header_of(fixture, (enum gw_jwt_alg)alg), CLAIMS);
    assert_int_equal(gw_jwt_parse(token, &fixture->arena, &shared.right[alg]), GW_JWT_OK);
    shared.wrong[alg] = shared.right[alg];
    shared.wrong[alg].signing_input.len--;
  }
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, verify_all, &shared), 0);
  for (size_t i = 0; i < THREADS; i++) {
    void *mistakes;
    assert_int_equal(pthread_join(threads[i], &mistakes), 0);
    assert_null(mistakes);
  }
  for (unsigned alg = 0; alg < GW_JWT_ALG_COUNT; alg++)
    gw_jwk_set_unref(sets[alg]);
}

/* ---- the RFCs' examples ---- */

static void assert_example(struct jwt_fixture *fixture, const char *jwk, const char *jws) {
  static const struct gw_jwk_rules rules = {.may_hold_secrets = true};
  struct gw_errors errors;
  struct gw_jwt jwt;
  struct gw_jwk_set *set = gw_jwk_set_new();
  gw_errors_init(&errors);
  assert_true(gw_jwk_set_add_jwks(set, gw_str_from(jwk), &rules, "jwk", &errors));
  gw_errors_done(&errors);
  gw_jwk_set_freeze(set);
  assert_int_equal(gw_jwt_parse_jws(gw_str_from(jws), &fixture->arena, &jwt), GW_JWT_OK);
  assert_int_equal(gw_jwt_verify(&jwt, set, NULL), GW_JWT_OK);
  char *content = (char *)(uintptr_t)jwt.signing_input.data;
  char *changed = gw_strndup(content, jwt.signing_input.len);
  changed[jwt.signing_input.len - 1] = changed[jwt.signing_input.len - 1] == 'A' ? 'B' : 'A';
  jwt.signing_input.data = changed;
  assert_int_equal(gw_jwt_verify(&jwt, set, NULL), GW_JWT_VERIFICATION_FAILED);
  free(changed);
  gw_jwk_set_unref(set);
}

/* What Bilbo says in RFC 7520 section 4. */
#define FRODO                                                                                                                              \
  "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBr"   \
  "ZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
#define BILBOS_RSA                                                                                                                         \
  "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"e\":\"AQAB\",\"n\":\""                                    \
  "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcE"   \
  "e6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg"   \
  "_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\"}"

static void test_rfc_7520_section_4_1_rsa_v1_5(void **state) {
  assert_example(*state, BILBOS_RSA,
                 "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
                 ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX"
                 "-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIr"
                 "DaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg");
}

static void test_rfc_7520_section_4_2_rsa_pss(void **state) {
  assert_example(*state, BILBOS_RSA,
                 "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
                 ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSM"
                 "xbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8"
                 "cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw");
}

static void test_rfc_7520_section_4_3_ecdsa(void **state) {
  assert_example(*state,
                 "{\"kty\":\"EC\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"crv\":\"P-521\","
                 "\"x\":\"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt\","
                 "\"y\":\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1\"}",
                 "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
                 ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0"
                 "lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2");
}

static void test_rfc_7520_section_4_4_hmac(void **state) {
  assert_example(*state,
                 "{\"kty\":\"oct\",\"kid\":\"018c0ae5-4d9b-471b-bfd6-eef314bc7037\",\"use\":\"sig\",\"alg\":\"HS256\","
                 "\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"}",
                 "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9." FRODO
                 ".s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0");
}

static void test_rfc_7515_appendix_a_1_hmac(void **state) {
  assert_example(*state,
                 "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
                 "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
                 "b290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

static void test_rfc_7515_appendix_a_3_ecdsa(void **state) {
  assert_example(*state,
                 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                 "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
                 "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                 "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
}

static void test_rfc_8037_appendix_a_4_ed25519(void **state) {
  assert_example(*state, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
                 "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                 "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_algorithm_verifies_and_is_not_taken_for_another),
      cmocka_unit_test(test_a_changed_byte_anywhere_in_the_signature_fails),
      cmocka_unit_test(test_bytes_behind_or_missing_of_the_signature_fail),
      cmocka_unit_test(test_a_der_signature_of_ecdsa_fails),
      cmocka_unit_test(test_zeros_are_no_ecdsa_signature),
      cmocka_unit_test(test_pss_with_another_salt_length_fails),
      cmocka_unit_test(test_a_kid_picks_its_key_and_those_without),
      cmocka_unit_test(test_without_kid_the_keys_are_tried_up_to_a_bound),
      cmocka_unit_test(test_the_key_that_verified_is_told),
      cmocka_unit_test(test_threads_verify_with_one_set_at_once),
      cmocka_unit_test(test_rfc_7520_section_4_1_rsa_v1_5),
      cmocka_unit_test(test_rfc_7520_section_4_2_rsa_pss),
      cmocka_unit_test(test_rfc_7520_section_4_3_ecdsa),
      cmocka_unit_test(test_rfc_7520_section_4_4_hmac),
      cmocka_unit_test(test_rfc_7515_appendix_a_1_hmac),
      cmocka_unit_test(test_rfc_7515_appendix_a_3_ecdsa),
      cmocka_unit_test(test_rfc_8037_appendix_a_4_ed25519),
  };
  return cmocka_run_group_tests(tests, jwt_fixture_new, jwt_fixture_free);
}
