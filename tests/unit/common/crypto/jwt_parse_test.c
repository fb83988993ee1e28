#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jwt_fixture.h"

/* What becomes of a token with this header and payload; the signature is right. */
static enum gw_jwt_status parse_hs256(struct jwt_fixture *fixture, const char *header, const char *payload, struct gw_jwt *ret_jwt) {
  struct gw_jwt unused;
  return gw_jwt_parse(jwt_token(fixture, GW_JWT_HS256, header, payload), &fixture->arena, ret_jwt != NULL ? ret_jwt : &unused);
}

struct expectation {
  const char *text;
  enum gw_jwt_status status;
};

static void assert_payloads(struct jwt_fixture *fixture, const struct expectation *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    print_message("%s\n", cases[i].text);
    assert_int_equal(parse_hs256(fixture, "{\"alg\":\"HS256\"}", cases[i].text, NULL), cases[i].status);
  }
}

static void assert_headers(struct jwt_fixture *fixture, const struct expectation *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    print_message("%s\n", cases[i].text);
    assert_int_equal(parse_hs256(fixture, cases[i].text, CLAIMS, NULL), cases[i].status);
  }
}

static void test_a_token_is_taken_apart(void **state) {
  struct gw_jwt jwt;
  assert_int_equal(parse_hs256(*state, "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS, &jwt), GW_JWT_OK);
  assert_int_equal(jwt.alg, GW_JWT_HS256);
  assert_true(jwt.has_kid && gw_str_equal(jwt.kid, GW_STR("k1")));
  assert_true(gw_str_equal(jwt.typ, GW_STR("JWT")));
  assert_true(jwt.has_issuer && gw_str_equal(jwt.issuer, GW_STR("issuer")));
  assert_true(gw_str_equal(jwt.subject, GW_STR("u1")));
  assert_true(gw_str_equal(jwt.content, GW_STR(CLAIMS)));
  assert_true(jwt.issued_at.is_present && jwt.issued_at.s == 1700000000);
  assert_true(jwt.not_before.is_present && jwt.not_before.s == 1700000000);
  assert_true(jwt.expires_at.is_present && jwt.expires_at.s == 1700003600);
  assert_int_equal(jwt.signature.len, 32);
  assert_true(gw_json_is_string(gw_json_find(jwt.claims, GW_STR("aud")), GW_STR("gateway")));
}

static void test_what_is_left_out_is_absent(void **state) {
  struct gw_jwt jwt;
  assert_int_equal(parse_hs256(*state, "{\"alg\":\"HS256\"}", "{}", &jwt), GW_JWT_OK);
  assert_false(jwt.has_kid || jwt.has_issuer || jwt.issued_at.is_present || jwt.not_before.is_present || jwt.expires_at.is_present);
  assert_int_equal(jwt.typ.len, 0);
  assert_int_equal(jwt.subject.len, 0);
}

static void test_three_sections_or_none(void **state) {
  struct jwt_fixture *fixture = *state;
  static const char *const malformed[] = {"",     ".",    "..",     "...",    "a",       "a.b",      "a.b.",
                                          ".b.c", "a..c", "a.b.c.", ".a.b.c", "a.b.c.d", "a.b.c.d.e"};
  struct gw_jwt jwt;
  for (size_t i = 0; i < GW_ARRAY_LEN(malformed); i++)
    assert_int_equal(gw_jwt_parse(gw_str_from(malformed[i]), &fixture->arena, &jwt), GW_JWT_BAD_FORMAT);
}

static void test_padding_white_space_and_left_over_bits_are_refused_in_each_section(void **state) {
  struct jwt_fixture *fixture = *state;
  static const enum gw_jwt_status bad[] = {GW_JWT_HEADER_BAD_BASE64, GW_JWT_PAYLOAD_BAD_BASE64, GW_JWT_SIGNATURE_BAD_BASE64};
  static const char *const surplus[] = {"=", "==", " ", "\n", "\r\n", "\t", "A=", "+", "/", "\xc3\xa9"};
  struct gw_str token = jwt_token(fixture, GW_JWT_HS256, "{\"alg\":\"HS256\"}", "{\"sub\":\"u1\"}");
  struct gw_str rest = token, sections[3];
  for (size_t i = 0; i < 3; i++)
    gw_str_split_next(&rest, '.', &sections[i]);
  struct gw_jwt jwt;
  for (size_t section = 0; section < 3; section++) {
    for (size_t i = 0; i < GW_ARRAY_LEN(surplus); i++) {
      const char *before[] = {"", "", ""}, *behind[] = {"", "", ""};
      behind[section] = surplus[i];
      for (int side = 0; side < 2; side++) {
        const char *changed = gw_arena_printf(&fixture->arena, "%s%.*s%s.%s%.*s%s.%s%.*s%s", before[0], GW_STR_ARG(sections[0]), behind[0],
                                              before[1], GW_STR_ARG(sections[1]), behind[1], before[2], GW_STR_ARG(sections[2]), behind[2]);
        assert_int_equal(gw_jwt_parse(gw_str_from(changed), &fixture->arena, &jwt), bad[section]);
        before[section] = surplus[i];
        behind[section] = "";
      }
    }
  }
  /* 32 bytes are 43 characters; the last one carries four bits, and two that are zero. */
  char *last = gw_strndup(token.data, token.len);
  unsigned right = 0;
  for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; *c != '\0'; c++) {
    last[token.len - 1] = *c;
    right += gw_jwt_parse((struct gw_str){last, token.len}, &fixture->arena, &jwt) == GW_JWT_OK;
  }
  free(last);
  assert_int_equal(right, 16);
}

static void test_headers(void **state) {
  static const struct expectation cases[] = {
      {"{\"alg\":\"HS256\"}", GW_JWT_OK},
      {" {\"alg\" : \"HS256\"}\n", GW_JWT_OK},
      {"{}", GW_JWT_HEADER_BAD_ALG},
      {"{\"alg\":null}", GW_JWT_HEADER_BAD_ALG},
      {"{\"alg\":256}", GW_JWT_HEADER_BAD_ALG},
      {"{\"alg\":[\"HS256\"]}", GW_JWT_HEADER_BAD_ALG},
      {"{\"ALG\":\"HS256\"}", GW_JWT_HEADER_BAD_ALG},
      {"{\"alg\":\"\"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"hs256\"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"HS256 \"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"HS1\"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"ES256K\"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"RSA-OAEP\"}", GW_JWT_HEADER_UNSUPPORTED_ALG},
      {"{\"alg\":\"HS256\",\"kid\":7}", GW_JWT_HEADER_BAD_KID},
      {"{\"alg\":\"HS256\",\"kid\":null}", GW_JWT_HEADER_BAD_KID},
      {"{\"alg\":\"HS256\",\"kid\":[\"k1\"]}", GW_JWT_HEADER_BAD_KID},
      {"{\"alg\":\"HS256\",\"typ\":1}", GW_JWT_HEADER_BAD_TYP},
      {"[]", GW_JWT_HEADER_BAD_JSON},
      {"\"HS256\"", GW_JWT_HEADER_BAD_JSON},
      {"null", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"HS256\"", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"HS256\"}x", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"none\",\"alg\":\"HS256\"}", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"HS256\",\"x\":\"\xff\"}", GW_JWT_HEADER_BAD_JSON},
      {"{\"alg\":\"HS256\",\"kid\":\"a\\u0000b\"}", GW_JWT_HEADER_BAD_JSON},
  };
  assert_headers(*state, cases, GW_ARRAY_LEN(cases));
}

static void test_payloads_that_are_no_claims(void **state) {
  static const struct expectation cases[] = {
      {"{}", GW_JWT_OK},
      {"[]", GW_JWT_PAYLOAD_BAD_JSON},
      {"\"sub\"", GW_JWT_PAYLOAD_BAD_JSON},
      {"null", GW_JWT_PAYLOAD_BAD_JSON},
      {"true", GW_JWT_PAYLOAD_BAD_JSON},
      {"sub", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"sub\":\"u1\"}}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"sub\":\"u1\",}", GW_JWT_PAYLOAD_BAD_JSON},
  };
  assert_payloads(*state, cases, GW_ARRAY_LEN(cases));
}

static void test_claims_twice_are_refused(void **state) {
  static const struct expectation cases[] = {
      {"{\"sub\":\"u1\",\"sub\":\"admin\"}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"sub\":\"u1\",\"s\\u0075b\":\"admin\"}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"exp\":1,\"exp\":9999999999}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"a\":{\"roles\":[],\"roles\":[\"admin\"]}}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"sub\":\"u1\",\"Sub\":\"u2\"}", GW_JWT_OK},
  };
  assert_payloads(*state, cases, GW_ARRAY_LEN(cases));
}

static void test_claims_of_wrong_types_are_refused(void **state) {
  static const struct expectation cases[] = {
      {"{\"iss\":1}", GW_JWT_ISS_NOT_STRING},
      {"{\"iss\":[\"issuer\"]}", GW_JWT_ISS_NOT_STRING},
      {"{\"iss\":null}", GW_JWT_ISS_NOT_STRING},
      {"{\"sub\":{\"$ne\":null}}", GW_JWT_SUB_NOT_STRING},
      {"{\"sub\":7}", GW_JWT_SUB_NOT_STRING},
      {"{\"jti\":7}", GW_JWT_JTI_NOT_STRING},
      {"{\"aud\":7}", GW_JWT_AUD_NOT_STRING},
      {"{\"aud\":{\"gateway\":true}}", GW_JWT_AUD_NOT_STRING},
      {"{\"aud\":[\"gateway\",7]}", GW_JWT_AUD_NOT_STRING},
      {"{\"aud\":[[\"gateway\"]]}", GW_JWT_AUD_NOT_STRING},
      {"{\"aud\":null}", GW_JWT_AUD_NOT_STRING},
      {"{\"aud\":[]}", GW_JWT_OK},
      {"{\"aud\":[\"a\",\"b\"]}", GW_JWT_OK},
      {"{\"exp\":\"1700003600\"}", GW_JWT_EXP_NOT_NUMBER},
      {"{\"exp\":true}", GW_JWT_EXP_NOT_NUMBER},
      {"{\"exp\":null}", GW_JWT_EXP_NOT_NUMBER},
      {"{\"exp\":[1700003600]}", GW_JWT_EXP_NOT_NUMBER},
      {"{\"exp\":-1}", GW_JWT_EXP_OUT_OF_RANGE},
      {"{\"exp\":-0.5}", GW_JWT_EXP_OUT_OF_RANGE},
      {"{\"exp\":1e300}", GW_JWT_EXP_OUT_OF_RANGE},
      {"{\"exp\":9223372036854775807}", GW_JWT_OK},
      {"{\"exp\":9223372036854775808}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"exp\":1e999}", GW_JWT_PAYLOAD_BAD_JSON},
      {"{\"nbf\":\"0\"}", GW_JWT_NBF_NOT_NUMBER},
      {"{\"nbf\":-5}", GW_JWT_NBF_OUT_OF_RANGE},
      {"{\"iat\":\"now\"}", GW_JWT_IAT_NOT_NUMBER},
      {"{\"iat\":-9223372036854775808}", GW_JWT_IAT_OUT_OF_RANGE},
      {"{\"exp\":1700003600.9,\"nbf\":1.7e9,\"iat\":1700000000.0}", GW_JWT_OK},
  };
  assert_payloads(*state, cases, GW_ARRAY_LEN(cases));
}

static void test_fractions_of_seconds_never_make_a_token_live_longer(void **state) {
  struct gw_jwt jwt;
  assert_int_equal(parse_hs256(*state, "{\"alg\":\"HS256\"}", "{\"exp\":100.9,\"nbf\":50.1}", &jwt), GW_JWT_OK);
  assert_true(jwt.expires_at.s == 100 && jwt.not_before.s == 51);
}

/* A payload of `depth` arrays in its object. */
static const char *nested(struct jwt_fixture *fixture, unsigned depth) {
  char *open = gw_arena_alloc_bytes(&fixture->arena, depth + 1), *close = gw_arena_alloc_bytes(&fixture->arena, depth + 1);
  memset(open, '[', depth);
  memset(close, ']', depth);
  open[depth] = close[depth] = '\0';
  return gw_arena_printf(&fixture->arena, "{\"a\":%s%s}", open, close);
}

static void test_depth_and_number_of_values_are_bounded(void **state) {
  struct jwt_fixture *fixture = *state;
  assert_int_equal(parse_hs256(fixture, "{\"alg\":\"HS256\"}", nested(fixture, GW_JWT_DEPTH_MAX - 1), NULL), GW_JWT_OK);
  assert_int_equal(parse_hs256(fixture, "{\"alg\":\"HS256\"}", nested(fixture, GW_JWT_DEPTH_MAX), NULL), GW_JWT_PAYLOAD_BAD_JSON);
  assert_int_equal(parse_hs256(fixture, "{\"alg\":\"HS256\"}", nested(fixture, 5000), NULL), GW_JWT_PAYLOAD_BAD_JSON);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_strbuf_printf(&buf, "{\"a\":[0");
  for (unsigned i = 0; i < GW_JWT_VALUES_MAX; i++)
    gw_strbuf_printf(&buf, ",0");
  gw_strbuf_printf(&buf, "]}");
  assert_int_equal(parse_hs256(fixture, "{\"alg\":\"HS256\"}", buf.data, NULL), GW_JWT_PAYLOAD_BAD_JSON);
  gw_strbuf_done(&buf);
}

static void test_size_is_bounded_to_the_byte(void **state) {
  struct jwt_fixture *fixture = *state;
  struct gw_jwt jwt;
  char *text = gw_malloc(GW_JWT_BYTES_MAX + 1);
  memset(text, 'A', GW_JWT_BYTES_MAX + 1);
  assert_int_equal(gw_jwt_parse((struct gw_str){text, GW_JWT_BYTES_MAX + 1}, &fixture->arena, &jwt), GW_JWT_TOO_LARGE);
  assert_int_equal(gw_jwt_parse((struct gw_str){text, GW_JWT_BYTES_MAX}, &fixture->arena, &jwt), GW_JWT_BAD_FORMAT);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_token_is_taken_apart),
      cmocka_unit_test(test_what_is_left_out_is_absent),
      cmocka_unit_test(test_three_sections_or_none),
      cmocka_unit_test(test_padding_white_space_and_left_over_bits_are_refused_in_each_section),
      cmocka_unit_test(test_headers),
      cmocka_unit_test(test_payloads_that_are_no_claims),
      cmocka_unit_test(test_claims_twice_are_refused),
      cmocka_unit_test(test_claims_of_wrong_types_are_refused),
      cmocka_unit_test(test_fractions_of_seconds_never_make_a_token_live_longer),
      cmocka_unit_test(test_depth_and_number_of_values_are_bounded),
      cmocka_unit_test(test_size_is_bounded_to_the_byte),
  };
  return cmocka_run_group_tests(tests, jwt_fixture_new, jwt_fixture_free);
}
