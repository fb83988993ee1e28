#include "common/base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_parse_takes_whole_numbers_with_a_unit_or_seconds(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum gw_err err;
    uint64_t ms;
  } cases[] = {{"30", GW_OK, 30000},         {"30s", GW_OK, 30000},      {"250ms", GW_OK, 250},
               {"5m", GW_OK, 300000},        {"24h", GW_OK, 86400000},   {"0", GW_OK, 0},
               {"365000h", GW_ERR_LIMIT, 0}, {"8761h", GW_ERR_LIMIT, 0}, {"", GW_ERR_INVALID, 0},
               {"s", GW_ERR_INVALID, 0},     {"-1s", GW_ERR_INVALID, 0}, {"1.5s", GW_ERR_INVALID, 0},
               {"1 s", GW_ERR_INVALID, 0},   {"1d", GW_ERR_INVALID, 0},  {"99999999999999999999", GW_ERR_LIMIT, 0},
               {"8760h", GW_OK, 31536000000}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    uint64_t ms = 0;
    if (gw_duration_parse(gw_str_from(cases[i].text), &ms) != cases[i].err || ms != cases[i].ms) fail_msg("%s", cases[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_takes_whole_numbers_with_a_unit_or_seconds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
