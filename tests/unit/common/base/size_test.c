#include "common/base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_numbers_with_and_without_units(void **state) {
  (void)state;
  const struct {
    const char *text;
    uint64_t bytes;
  } cases[] = {{"0", 0},
               {"65536", 65536},
               {"7B", 7},
               {"64KiB", 65536},
               {"2 MiB", 2 << 20},
               {"1GiB", 1 << 30},
               {"17179869183GiB", 17179869183ull << 30}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    uint64_t bytes = 1;
    assert_int_equal(gw_size_parse(gw_str_from(cases[i].text), &bytes), GW_OK);
    assert_int_equal(bytes, cases[i].bytes);
  }
}

static void test_everything_else_is_refused_and_changes_nothing(void **state) {
  (void)state;
  static const char *const cases[] = {"", "KiB", "1KB", "1kib", "-1", "1.5MiB", "0x10", "17179869184GiB", "99999999999999999999"};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    uint64_t bytes = 42;
    assert_int_not_equal(gw_size_parse(gw_str_from(cases[i]), &bytes), GW_OK);
    assert_int_equal(bytes, 42);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_with_and_without_units),
      cmocka_unit_test(test_everything_else_is_refused_and_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
