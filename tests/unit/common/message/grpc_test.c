#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/message/grpc.h"

static void test_timeouts_are_read_in_every_unit(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t ms;
  } rows[] = {{"2H", 7200000}, {"1M", 60000}, {"99999999S", 99999999000}, {"0m", 0}, {"15m", 15}, {"1u", 1}, {"1001u", 2}, {"1n", 1}};
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    uint64_t ms = 77;
    assert_int_equal(gw_grpc_timeout_parse(gw_str_from(rows[i].text), &ms), GW_OK);
    assert_int_equal(ms, rows[i].ms);
  }
}

static void test_other_timeouts_are_invalid(void **state) {
  (void)state;
  static const char *const rows[] = {"", "1", "S", "123456789S", "1s", "-1S", " 1S", "1.5S", "1 S"};
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    uint64_t ms = 77;
    assert_int_equal(gw_grpc_timeout_parse(gw_str_from(rows[i]), &ms), GW_ERR_INVALID);
    assert_int_equal(ms, 77);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_timeouts_are_read_in_every_unit),
      cmocka_unit_test(test_other_timeouts_are_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
