#include "common/base/content_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* From the reference vectors of SipHash-2-4: input 00 01 02 … of the length given. */
static void test_published_vectors_are_met(void **state) {
  (void)state;
  const struct {
    size_t len;
    uint64_t hash;
  } vectors[] = {
      {0, UINT64_C(0x726fdb47dd0e0e31)}, {1, UINT64_C(0x74f839c593dc67fd)},  {7, UINT64_C(0xab0200f58b01d137)},
      {8, UINT64_C(0x93f5f5799a932462)}, {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
  };
  char input[64];
  for (int i = 0; i < 64; i++)
    input[i] = (char)i;
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
    assert_true(gw_content_hash((struct gw_str){input, vectors[i].len}) == vectors[i].hash);
}

static void test_version_is_sixteen_hex_digits(void **state) {
  (void)state;
  char version[GW_CONTENT_VERSION_SIZE];
  gw_content_hash_format(GW_STR(""), version);
  assert_string_equal(version, "726fdb47dd0e0e31");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_vectors_are_met),
      cmocka_unit_test(test_version_is_sixteen_hex_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
