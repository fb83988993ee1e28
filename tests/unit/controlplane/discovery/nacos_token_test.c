#include "controlplane/discovery/nacos_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_token_is_due_before_it_ends(void **state) {
  (void)state;
  struct gw_nacos_token token = {0};
  assert_true(gw_nacos_token_is_due(&token, 0));
  assert_false(gw_nacos_token_is_good(&token, 0));
  const struct gw_str answer = GW_STR("{\"accessToken\":\"abc.def\",\"tokenTtl\":100,\"globalAdmin\":true,\"username\":\"nacos\"}");
  assert_int_equal(gw_nacos_token_take(&token, answer, 1000), GW_OK);
  assert_string_equal(token.text, "abc.def");
  assert_false(gw_nacos_token_is_due(&token, 1000 + 89999));
  assert_true(gw_nacos_token_is_due(&token, 1000 + 90000));
  assert_true(gw_nacos_token_is_good(&token, 1000 + 99999));
  assert_false(gw_nacos_token_is_good(&token, 1000 + 100000));
  gw_nacos_token_drop(&token);
  assert_null(token.text);
  assert_false(gw_nacos_token_is_good(&token, 1000));
}

static void test_life_of_a_token_has_bounds(void **state) {
  (void)state;
  static const struct {
    const char *ttl;
    uint64_t seconds;
  } cases[] = {{"18000", 18000}, {"0", 300}, {"-5", 300}, {"1e9", 300}, {"999999999", 86400}, {"\"60\"", 300}, {"null", 300}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_nacos_token token = {0};
    char *answer = gw_asprintf("{\"accessToken\":\"t\",\"tokenTtl\":%s}", cases[i].ttl);
    assert_int_equal(gw_nacos_token_take(&token, gw_str_from(answer), 0), GW_OK);
    assert_int_equal(token.expires_at_ms, cases[i].seconds * 1000);
    gw_nacos_token_drop(&token);
    free(answer);
  }
}

static void test_answer_without_a_usable_token_leaves_the_one_before(void **state) {
  (void)state;
  static const char *const answers[] = {"",
                                        "unknown user!",
                                        "{}",
                                        "[]",
                                        "null",
                                        "{\"accessToken\":7}",
                                        "{\"accessToken\":\"\"}",
                                        "{\"accessToken\":\"a b\"}",
                                        "{\"accessToken\":\"a\\r\\nX-Evil: 1\"}",
                                        "{\"accessToken\":\"\xc3\xa9\"}",
                                        "{\"accessToken\":\"a\",\"accessToken\":\"b\"}",
                                        "{\"accessToken\":\"a\"} x"};
  struct gw_nacos_token token = {0};
  assert_int_equal(gw_nacos_token_take(&token, GW_STR("{\"accessToken\":\"good\",\"tokenTtl\":100}"), 0), GW_OK);
  for (size_t i = 0; i < GW_ARRAY_LEN(answers); i++)
    assert_int_equal(gw_nacos_token_take(&token, gw_str_from(answers[i]), 5000), GW_ERR_INVALID);
  struct gw_strbuf long_one;
  gw_strbuf_init(&long_one);
  gw_strbuf_append_str(&long_one, GW_STR("{\"accessToken\":\""));
  for (uint32_t i = 0; i <= GW_NACOS_TOKEN_BYTES_MAX; i++)
    gw_strbuf_append_char(&long_one, 'a');
  gw_strbuf_append_str(&long_one, GW_STR("\"}"));
  assert_int_equal(gw_nacos_token_take(&token, gw_strbuf_str(&long_one), 5000), GW_ERR_INVALID);
  gw_strbuf_done(&long_one);
  assert_string_equal(token.text, "good");
  assert_int_equal(token.expires_at_ms, 100000);
  gw_nacos_token_drop(&token);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_token_is_due_before_it_ends), cmocka_unit_test(test_life_of_a_token_has_bounds),
                                     cmocka_unit_test(test_answer_without_a_usable_token_leaves_the_one_before)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
