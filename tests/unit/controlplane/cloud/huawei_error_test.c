#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_error.h"

static char *words_of(uint32_t status, const char *body) {
  const struct gw_json_limits limits = {65536, 16, 1000};
  const struct gw_json_value *json = NULL;
  struct gw_arena arena;
  struct gw_huawei_error error;
  struct gw_strbuf out;
  gw_arena_init(&arena, 1024);
  gw_strbuf_init(&out);
  if (gw_json_parse(gw_str_from(body), &limits, &arena, &json) != GW_OK) json = NULL;
  bool has_error = gw_huawei_error_find(json, &arena, &error);
  gw_huawei_error_append_words(&out, status, has_error ? &error : NULL, GW_STR("req-1"));
  gw_arena_done(&arena);
  return gw_strbuf_take(&out);
}

static void assert_words(uint32_t status, const char *body, const char *wanted) {
  GW_CLEANUP(gw_free_ptr) char *words = words_of(status, body);
  assert_string_equal(words, wanted);
}

static void test_all_four_forms_become_sentences(void **state) {
  (void)state;
  assert_words(401, "{\"error_code\":\"APIGW.0301\",\"error_msg\":\"Incorrect IAM authentication information\",\"request_id\":\"x\"}",
               "the cloud does not accept the credentials: Incorrect IAM authentication information (401 APIGW.0301, request req-1)");
  assert_words(403, "{\"errorCode\":\"PAP5.0012\",\"errorMsg\":\"Forbidden.\"}",
               "the cloud says that these credentials may not do that: Forbidden (403 PAP5.0012, request req-1)");
  assert_words(400, "{\"code\":\"Ecs.0005\",\"message\":\"Invalid limit.\"}",
               "the cloud refuses it: Invalid limit (400 Ecs.0005, request req-1)");
  assert_words(404, "{\"error\":{\"code\":\"Ecs.0114\",\"message\":\"Instance could not be found.\"}}",
               "the cloud knows nothing of that name: Instance could not be found (404 Ecs.0114, request req-1)");
}

static void test_members_of_any_name_and_codes_that_are_numbers_are_found(void **state) {
  (void)state;
  assert_words(413, "{\"overLimit\":{\"code\":413,\"message\":\"Quota exceeded\",\"retryAfter\":0}}",
               "the cloud refuses it: Quota exceeded (413, request req-1)");
  assert_words(500, "{\"outer\":{\"inner\":{\"error_msg\":\"deep\"}}}", "the cloud has a fault: deep (500, request req-1)");
}

static void test_what_is_no_error_of_the_cloud_is_told_by_its_status(void **state) {
  (void)state;
  assert_words(502, "<html>Bad Gateway</html>", "the cloud has a fault (502, request req-1)");
  assert_words(429, "{}", "the cloud throttles our requests (429, request req-1)");
  assert_words(409, "[1]", "the cloud says that something else stands against it (409, request req-1)");
  assert_words(400, "{\"error\":\"just a word\"}", "the cloud refuses it (400, request req-1)");
  assert_words(400, "{\"a\":{\"b\":{\"c\":{\"message\":\"too deep\"}}}}", "the cloud refuses it (400, request req-1)");
}

static void test_messages_are_one_line_of_bounded_length(void **state) {
  (void)state;
  assert_words(400, "{\"code\":\"E\\n1\",\"message\":\"one\\ntwo\\u001b[31m\"}",
               "the cloud refuses it: one two [31m (400 E 1, request req-1)");
  char body[2048] = "{\"code\":\"E\",\"message\":\"";
  size_t len = strlen(body);
  for (int i = 0; i < 300; i++)
    memcpy(body + len + 2 * (size_t)i, "ä", 2);
  memcpy(body + len + 600, "\"}", 3);
  GW_CLEANUP(gw_free_ptr) char *words = words_of(400, body);
  assert_true(strlen(words) < 600);
  assert_non_null(strstr(words, "ä… (400 E, request req-1)"));
}

static void assert_clock(const char *date, uint64_t wall_s, const char *wanted) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, GW_STR("x"));
  gw_huawei_error_append_clock(&out, gw_str_from(date), wall_s * 1000000);
  assert_string_equal(out.data + 1, wanted);
  gw_strbuf_done(&out);
}

static void test_a_clock_that_differs_is_told(void **state) {
  (void)state;
  const char *date = "Fri, 15 Nov 2019 03:36:55 GMT"; /* 1573789015 */
  assert_clock(date, 1573789015 - 1200, "; this machine's clock is 20 minutes behind the cloud's");
  assert_clock(date, 1573789015 + 3600, "; this machine's clock is 60 minutes ahead of the cloud's");
  assert_clock(date, 1573789015 + 300, "");
  assert_clock("", 0, "");
  assert_clock("yesterday", 0, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_four_forms_become_sentences),
      cmocka_unit_test(test_members_of_any_name_and_codes_that_are_numbers_are_found),
      cmocka_unit_test(test_what_is_no_error_of_the_cloud_is_told_by_its_status),
      cmocka_unit_test(test_messages_are_one_line_of_bounded_length),
      cmocka_unit_test(test_a_clock_that_differs_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
