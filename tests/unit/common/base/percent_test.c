#include "common/base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_shares_are_read_to_four_decimals(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint32_t millionths;
  } cases[] = {{"0", 0},          {"100", 1000000}, {"100%", 1000000}, {"1", 10000},       {"0.5", 5000},
               {"12.5%", 125000}, {"0.0001", 1},    {"0.01", 100},     {"100.0", 1000000}, {"99.9999", 999999}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    uint32_t millionths = 7;
    assert_int_equal(gw_percent_parse(gw_str_from(cases[i].text), &millionths), GW_OK);
    assert_int_equal(millionths, cases[i].millionths);
  }
}

static void test_what_is_no_share_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"", "%", "101", "100.1", "-1", "1e2", ".5", "1.", "0.00001", "half", "1 %", "4294967297"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    uint32_t millionths = 7;
    if (gw_percent_parse(gw_str_from(texts[i]), &millionths) == GW_OK) fail_msg("\"%s\" was taken", texts[i]);
    assert_int_equal(millionths, 7);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares_are_read_to_four_decimals),
      cmocka_unit_test(test_what_is_no_share_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
