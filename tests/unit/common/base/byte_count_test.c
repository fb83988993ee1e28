#include "common/base/byte_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_parse_takes_units_and_refuses_the_rest(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t bytes;
  } good[] = {{"0", 0}, {"65536", 65536}, {"12B", 12}, {"8KiB", 8192}, {"100MiB", 104857600}, {"2 GiB", UINT64_C(2) << 30}};
  for (size_t i = 0; i < GW_ARRAY_LEN(good); i++) {
    uint64_t bytes = 1;
    assert_int_equal(gw_byte_count_parse(gw_str_from(good[i].text), &bytes), GW_OK);
    assert_int_equal(bytes, good[i].bytes);
  }
  static const char *const bad[] = {"", "MiB", "1MB", "-1", "1.5MiB", "18014398509481984KiB", "1 2"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    uint64_t bytes = 7;
    if (gw_byte_count_parse(gw_str_from(bad[i]), &bytes) != GW_ERR_INVALID) fail_msg("%s", bad[i]);
    assert_int_equal(bytes, 7);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_takes_units_and_refuses_the_rest)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
