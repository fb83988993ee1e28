#include "common/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void test_every_byte_becomes_its_two_digits(void **state) {
  (void)state;
  for (unsigned first = 0; first < 256; first += 8) {
    unsigned char bytes[8];
    char digits[16], expected[3];
    for (unsigned i = 0; i < 8; i++)
      bytes[i] = (unsigned char)(first + i);
    gw_hex_format_8(bytes, digits);
    for (unsigned i = 0; i < 8; i++) {
      snprintf(expected, sizeof(expected), "%02x", (unsigned)bytes[i]);
      assert_memory_equal(digits + (size_t)2 * i, expected, 2);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_byte_becomes_its_two_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
