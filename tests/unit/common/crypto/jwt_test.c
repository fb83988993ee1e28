#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/crypto/jwt.h"

static int set_up(void **state) {
  struct gw_arena *arena = gw_calloc(1, sizeof(*arena));
  gw_arena_init(arena, 1024);
  *state = arena;
  return 0;
}

static int tear_down(void **state) {
  gw_arena_done(*state);
  free(*state);
  return 0;
}

static struct gw_jwt with_times(int64_t nbf, int64_t exp) {
  static const struct gw_json_value none = {.kind = GW_JSON_OBJECT};
  return (struct gw_jwt){.claims = &none, .not_before = {nbf >= 0, nbf}, .expires_at = {exp >= 0, exp}};
}

static struct gw_jwt with_claims(struct gw_arena *arena, const char *text) {
  static const struct gw_json_limits limits = {4096, 16, 100};
  struct gw_jwt jwt = {0};
  assert_int_equal(gw_json_parse(gw_str_from(text), &limits, arena, &jwt.claims), GW_OK);
  return jwt;
}

static struct gw_json_path path(struct gw_arena *arena, const char *text) {
  struct gw_json_path parsed;
  assert_int_equal(gw_json_path_parse(gw_str_from(text), arena, &parsed), GW_OK);
  return parsed;
}

static void test_a_token_expires_with_the_second_behind_its_leeway(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.leeway_s = 0};
  struct gw_jwt jwt = with_times(-1, 1000);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 999), GW_JWT_OK);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_EXPIRED);
  assert_int_equal(gw_jwt_valid_until_s(&jwt, &checks), 1000);
  checks.leeway_s = 60;
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1059), GW_JWT_OK);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1060), GW_JWT_EXPIRED);
  assert_int_equal(gw_jwt_valid_until_s(&jwt, &checks), 1060);
}

static void test_a_token_is_not_valid_before_its_time(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.leeway_s = 0};
  struct gw_jwt jwt = with_times(1000, -1);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 999), GW_JWT_NOT_YET_VALID);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_OK);
  checks.leeway_s = 60;
  assert_int_equal(gw_jwt_check(&jwt, &checks, 939), GW_JWT_NOT_YET_VALID);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 940), GW_JWT_OK);
}

static void test_times_at_the_ends_of_their_range_do_not_wrap(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.leeway_s = UINT32_MAX};
  struct gw_jwt jwt = with_times(INT64_MAX, INT64_MAX);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_NOT_YET_VALID);
  assert_int_equal(gw_jwt_valid_until_s(&jwt, &checks), INT64_MAX);
  jwt = with_times(0, 0);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_OK);
  checks.leeway_s = 0;
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_EXPIRED);
}

static void test_without_exp_it_never_expires_unless_exp_is_required(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.leeway_s = 60};
  struct gw_jwt jwt = with_times(-1, -1);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_OK);
  assert_int_equal(gw_jwt_valid_until_s(&jwt, &checks), INT64_MAX);
  checks.requires_exp = true;
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_NO_EXPIRATION);
}

static void test_what_is_left_of_a_life_is_bounded_when_asked_for(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.lifetime_max_s = 3600};
  struct gw_jwt jwt = with_times(-1, 4600), endless = with_times(-1, -1);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_OK);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 999), GW_JWT_LIFETIME_TOO_LONG);
  assert_int_equal(gw_jwt_check(&endless, &checks, 1000), GW_JWT_NO_EXPIRATION);
}

static void test_the_issuer_is_compared_whole(void **state) {
  (void)state;
  struct gw_jwt_checks checks = {.issuer = GW_STR("https://issuer.example")};
  struct gw_jwt jwt = with_times(-1, -1);
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_UNKNOWN_ISSUER);
  jwt.has_issuer = true;
  jwt.issuer = GW_STR("https://issuer.example/");
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_UNKNOWN_ISSUER);
  jwt.issuer = GW_STR("https://issuer.example");
  assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), GW_JWT_OK);
}

static void test_one_audience_of_several_suffices(void **state) {
  static const struct gw_str audiences[] = {{"gateway", 7}, {"api", 3}};
  static const struct gw_jwt_checks checks = {.audiences = audiences, .audience_count = 2};
  static const struct {
    const char *claims;
    enum gw_jwt_status status;
  } cases[] = {
      {"{\"aud\":\"gateway\"}", GW_JWT_OK},
      {"{\"aud\":\"api\"}", GW_JWT_OK},
      {"{\"aud\":[\"other\",\"api\"]}", GW_JWT_OK},
      {"{\"aud\":[]}", GW_JWT_AUDIENCE_NOT_ALLOWED},
      {"{\"aud\":[\"other\"]}", GW_JWT_AUDIENCE_NOT_ALLOWED},
      {"{\"aud\":\"Gateway\"}", GW_JWT_AUDIENCE_NOT_ALLOWED},
      {"{\"aud\":\"gateway2\"}", GW_JWT_AUDIENCE_NOT_ALLOWED},
      {"{}", GW_JWT_AUDIENCE_NOT_ALLOWED},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_jwt jwt = with_claims(*state, cases[i].claims);
    assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), cases[i].status);
  }
}

static void test_a_required_claim_is_there_and_not_null(void **state) {
  struct gw_jwt_claim_rule rule = {.path = path(*state, "realm.tenant")};
  struct gw_jwt_checks checks = {.claims = &rule, .claim_count = 1};
  static const struct {
    const char *claims;
    enum gw_jwt_status status;
  } cases[] = {
      {"{\"realm\":{\"tenant\":\"t1\"}}", GW_JWT_OK},           {"{\"realm\":{\"tenant\":false}}", GW_JWT_OK},
      {"{\"realm\":{\"tenant\":null}}", GW_JWT_REQUIRED_CLAIM}, {"{\"realm\":{}}", GW_JWT_REQUIRED_CLAIM},
      {"{\"realm\":\"tenant\"}", GW_JWT_REQUIRED_CLAIM},        {"{}", GW_JWT_REQUIRED_CLAIM},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_jwt jwt = with_claims(*state, cases[i].claims);
    assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), cases[i].status);
  }
}

static void test_a_required_claim_has_one_of_its_values(void **state) {
  static const struct gw_str values[] = {{"t1", 2}, {"7", 1}, {"true", 4}};
  struct gw_jwt_claim_rule rules[] = {{.path = path(*state, "sub")}, {.path = path(*state, "tenant"), .values = values, .value_count = 3}};
  struct gw_jwt_checks checks = {.claims = rules, .claim_count = 2};
  static const struct {
    const char *claims;
    enum gw_jwt_status status;
  } cases[] = {
      {"{\"sub\":\"u\",\"tenant\":\"t1\"}", GW_JWT_OK},
      {"{\"sub\":\"u\",\"tenant\":7}", GW_JWT_OK},
      {"{\"sub\":\"u\",\"tenant\":true}", GW_JWT_OK},
      {"{\"sub\":\"u\",\"tenant\":[\"t0\",\"t1\"]}", GW_JWT_OK},
      {"{\"sub\":\"u\",\"tenant\":[[\"t1\"]]}", GW_JWT_REQUIRED_CLAIM},
      {"{\"sub\":\"u\",\"tenant\":{\"t1\":1}}", GW_JWT_REQUIRED_CLAIM},
      {"{\"sub\":\"u\",\"tenant\":\"t2\"}", GW_JWT_REQUIRED_CLAIM},
      {"{\"tenant\":\"t1\"}", GW_JWT_REQUIRED_CLAIM},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_jwt jwt = with_claims(*state, cases[i].claims);
    assert_int_equal(gw_jwt_check(&jwt, &checks, 1000), cases[i].status);
  }
}

static void test_every_refusal_has_words_that_fit_a_quoted_string(void **state) {
  (void)state;
  for (unsigned i = 0; i < GW_JWT_STATUS_COUNT; i++) {
    const char *text = gw_jwt_status_text((enum gw_jwt_status)i);
    assert_non_null(text);
    assert_null(strpbrk(text, "\"\\\r\n"));
    for (unsigned j = 0; j < i; j++)
      assert_string_not_equal(text, gw_jwt_status_text((enum gw_jwt_status)j));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_token_expires_with_the_second_behind_its_leeway),
      cmocka_unit_test(test_a_token_is_not_valid_before_its_time),
      cmocka_unit_test(test_times_at_the_ends_of_their_range_do_not_wrap),
      cmocka_unit_test(test_without_exp_it_never_expires_unless_exp_is_required),
      cmocka_unit_test(test_what_is_left_of_a_life_is_bounded_when_asked_for),
      cmocka_unit_test(test_the_issuer_is_compared_whole),
      cmocka_unit_test_setup_teardown(test_one_audience_of_several_suffices, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_required_claim_is_there_and_not_null, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_required_claim_has_one_of_its_values, set_up, tear_down),
      cmocka_unit_test(test_every_refusal_has_words_that_fit_a_quoted_string),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
