#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message/message.h"

static void assert_str(struct gw_str actual, const char *expected) {
  assert_int_equal(actual.len, strlen(expected));
  assert_memory_equal(actual.data, expected, actual.len);
}

static void test_methods_are_found_by_exact_name(void **state) {
  (void)state;
  for (unsigned method = GW_METHOD_OTHER + 1; method < GW_METHOD_COUNT; method++)
    assert_int_equal(gw_method_find(gw_method_name((enum gw_method)method)), method);
  assert_int_equal(gw_method_find(GW_STR("get")), GW_METHOD_OTHER);
  assert_int_equal(gw_method_find(GW_STR("PROPFIND")), GW_METHOD_OTHER);
  assert_int_equal(gw_method_find(GW_STR("")), GW_METHOD_OTHER);
}

static void test_versions_are_named_as_in_access_logs(void **state) {
  (void)state;
  assert_str(gw_http_version_name(GW_HTTP_1_0), "HTTP/1.0");
  assert_str(gw_http_version_name(GW_HTTP_1_1), "HTTP/1.1");
  assert_str(gw_http_version_name(GW_HTTP_2), "HTTP/2");
}

static void test_path_is_cut_at_the_first_question_mark(void **state) {
  (void)state;
  assert_str(gw_path_without_query(GW_STR("/a?b?c")), "/a");
  assert_str(gw_path_without_query(GW_STR("/a")), "/a");
  assert_str(gw_path_without_query(GW_STR("/a?")), "/a");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_methods_are_found_by_exact_name),
      cmocka_unit_test(test_versions_are_named_as_in_access_logs),
      cmocka_unit_test(test_path_is_cut_at_the_first_question_mark),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
