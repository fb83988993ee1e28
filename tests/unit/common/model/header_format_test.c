#include "common/model/header_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_text_without_operators_is_what_goes_out(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str value;
  bool is_format = true;
  const char *why;
  assert_int_equal(gw_header_format_parse(GW_STR("100%% and 5%%"), false, &arena, &value, &is_format, &why), GW_OK);
  assert_false(is_format);
  assert_true(gw_str_equal(value, GW_STR("100% and 5%")));
  assert_int_equal(gw_header_format_parse(GW_STR(""), false, &arena, &value, &is_format, &why), GW_OK);
  assert_int_equal(value.len, 0);
  gw_arena_done(&arena);
}

static void test_operators_are_those_that_both_planes_know(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool is_of_requests;
    bool is_of_answers;
  } cases[] = {
      {"%REQ(X-A)%", true, true},
      {"a %REQ(X-A?:path):10% b %PROTOCOL%", true, true},
      {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", true, true},
      {"%ROUTE_NAME%%UPSTREAM_CLUSTER%", true, true},
      {"%RESP(X-A)%", false, true},
      {"%UPSTREAM_HOST%", false, true},
      {"%RESPONSE_CODE%", false, true},
      {"%REQ(X-A)", false, false},
      {"%REQ(X-A)x%", false, false},
      {"%REQ(X-A):%", false, false},
      {"%REQ()%", false, false},
      {"%REQ(X A)%", false, false},
      {"%RESP(:path)%", false, false},
      {"%HOSTNAME%", false, false},
      {"%", false, false},
      {"a%b", false, false},
      {"%)(%", false, false},
      {"a\r\nb", false, false},
      {"a\x7f", false, false},
  };
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    for (int is_response = 0; is_response < 2; is_response++) {
      struct gw_str value;
      bool is_format = false;
      const char *why = NULL;
      enum gw_err err = gw_header_format_parse(gw_str_from(cases[i].text), is_response == 1, &arena, &value, &is_format, &why);
      bool is_wanted = is_response == 1 ? cases[i].is_of_answers : cases[i].is_of_requests;
      if ((err == GW_OK) != is_wanted) fail_msg("%s", cases[i].text);
      if (is_wanted) assert_true(is_format && gw_str_equal(value, gw_str_from(cases[i].text)));
      if (!is_wanted) assert_non_null(why);
    }
  }
  gw_arena_done(&arena);
}

static void test_fields_that_frame_a_message_are_nobodys(void **state) {
  (void)state;
  static const char *const refused[] = {"host", ":path", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"};
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++) {
    assert_non_null(gw_header_change_refusal(gw_str_from(refused[i]), false));
    assert_non_null(gw_header_change_refusal(gw_str_from(refused[i]), true));
  }
  assert_non_null(gw_header_change_refusal(GW_STR("expect"), false));
  assert_null(gw_header_change_refusal(GW_STR("expect"), true));
  assert_null(gw_header_change_refusal(GW_STR("authorization"), false));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_without_operators_is_what_goes_out),
      cmocka_unit_test(test_operators_are_those_that_both_planes_know),
      cmocka_unit_test(test_fields_that_frame_a_message_are_nobodys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
