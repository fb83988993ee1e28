#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/crypto/secret.h"

static void test_equal_secrets_are_equal(void **state) {
  (void)state;
  assert_true(gw_secret_equal(GW_STR("token"), GW_STR("token")));
}

static void test_different_secrets_are_not_equal(void **state) {
  (void)state;
  assert_false(gw_secret_equal(GW_STR("token"), GW_STR("tokem")));
  assert_false(gw_secret_equal(GW_STR("token"), GW_STR("toke")));
  assert_false(gw_secret_equal(GW_STR(""), GW_STR("token")));
}

static void test_no_secret_opens_nothing(void **state) {
  (void)state;
  assert_false(gw_secret_equal(GW_STR(""), GW_STR("")));
  assert_false(gw_secret_equal((struct gw_str){NULL, 0}, (struct gw_str){NULL, 0}));
}

static void test_bearer_takes_the_token_in_any_case_of_its_scheme_and_nothing_else(void **state) {
  (void)state;
  assert_true(gw_secret_is_bearer(GW_STR("Bearer token"), GW_STR("token")));
  assert_true(gw_secret_is_bearer(GW_STR("bEARER  token "), GW_STR("token")));
  static const char *const refused[] = {"", "Bearer", "Bearer ", "token", "Basic token", "Bearertoken", "Bearer tokem", "Bearer token x"};
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
    assert_false(gw_secret_is_bearer(gw_str_from(refused[i]), GW_STR("token")));
  assert_false(gw_secret_is_bearer(GW_STR("Bearer "), GW_STR("")));
}

static void test_new_tokens_differ_and_are_base64url(void **state) {
  (void)state;
  char a[GW_SECRET_TOKEN_SIZE], b[GW_SECRET_TOKEN_SIZE];
  gw_secret_new_token(a);
  gw_secret_new_token(b);
  assert_int_equal(strlen(a), GW_SECRET_TOKEN_SIZE - 1);
  assert_string_not_equal(a, b);
  assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), GW_SECRET_TOKEN_SIZE - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_secrets_are_equal),
      cmocka_unit_test(test_different_secrets_are_not_equal),
      cmocka_unit_test(test_no_secret_opens_nothing),
      cmocka_unit_test(test_bearer_takes_the_token_in_any_case_of_its_scheme_and_nothing_else),
      cmocka_unit_test(test_new_tokens_differ_and_are_base64url),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
