#include "common/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

static void test_errors_format_puts_errors_before_warnings(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_errors_warn(&errors, "routes.yaml:1:1", "%s is deprecated", "old");
  gw_errors_add(&errors, "routes.yaml:3:5", "port %d is out of range", 70000);
  gw_errors_add(&errors, "", "no routes");
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
  assert_string_equal(text, "routes.yaml:3:5: port 70000 is out of range\nno routes\nroutes.yaml:1:1: old is deprecated\n");
  assert_int_equal(errors.error_count, 2);
  assert_int_equal(errors.warning_count, 1);
  GW_CLEANUP(gw_free_ptr) char *line = gw_errors_format_line(&errors);
  assert_string_equal(line, "routes.yaml:3:5: port 70000 is out of range; no routes; routes.yaml:1:1: old is deprecated");
  gw_errors_done(&errors);
  assert_int_equal(errors.count, 0);
}

static void test_errors_format_without_mistakes_is_empty(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
  assert_string_equal(text, "");
  GW_CLEANUP(gw_free_ptr) char *line = gw_errors_format_line(&errors);
  assert_string_equal(line, "");
  gw_errors_done(&errors);
  gw_errors_done(NULL);
}

static void test_errors_add_beyond_the_limit_counts_the_rest(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (int i = 0; i < GW_ERRORS_MAX + 7; i++)
    gw_errors_add(&errors, "here", "mistake %d", i);
  assert_int_equal(errors.count, GW_ERRORS_MAX);
  assert_int_equal(errors.error_count, GW_ERRORS_MAX + 7);
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
  assert_non_null(strstr(text, "here: mistake 199\nand 7 more\n"));
  gw_errors_done(&errors);
}

static void test_errors_add_when_full_of_warnings_keeps_the_error(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (int i = 0; i < GW_ERRORS_MAX; i++)
    gw_errors_warn(&errors, "here", "advice %d", i);
  gw_errors_add(&errors, "there", "fatal");
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
  assert_int_equal(strncmp(text, "there: fatal\nhere: advice 0\n", 28), 0);
  assert_null(strstr(text, "advice 199\n"));
  assert_non_null(strstr(text, "and 1 more\n"));
  gw_errors_done(&errors);
}

static void test_errors_append_prefixes_places_and_adds_counts(void **state) {
  (void)state;
  struct gw_errors inner;
  struct gw_errors outer;
  gw_errors_init(&inner);
  gw_errors_init(&outer);
  for (int i = 0; i < GW_ERRORS_MAX + 2; i++)
    gw_errors_add(&inner, "match", "mistake %d", i);
  gw_errors_append(&outer, "routes[3].", &inner);
  assert_string_equal(outer.items[0].place, "routes[3].match");
  assert_int_equal(outer.error_count, GW_ERRORS_MAX + 2);
  gw_errors_done(&inner);
  gw_errors_done(&outer);
}

static void test_err_name_of_each_is_distinct(void **state) {
  (void)state;
  for (int a = GW_OK; a <= GW_ERR_DENIED; a++) {
    for (int b = a + 1; b <= GW_ERR_DENIED; b++)
      assert_string_not_equal(gw_err_name((enum gw_err)a), gw_err_name((enum gw_err)b));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors_format_puts_errors_before_warnings),
      cmocka_unit_test(test_errors_format_without_mistakes_is_empty),
      cmocka_unit_test(test_errors_add_beyond_the_limit_counts_the_rest),
      cmocka_unit_test(test_errors_add_when_full_of_warnings_keeps_the_error),
      cmocka_unit_test(test_errors_append_prefixes_places_and_adds_counts),
      cmocka_unit_test(test_err_name_of_each_is_distinct),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
