#include "common/base/content_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* SipHash-1-3 of 00 01 02 … of the length given, as other implementations have it. */
static void test_published_vectors_are_met(void **state) {
  (void)state;
  const struct {
    size_t len;
    uint64_t hash;
  } vectors[] = {
      {0, UINT64_C(0xabac0158050fc4dc)}, {1, UINT64_C(0xc9f49bf37d57ca93)},  {7, UINT64_C(0xd3927d989bb11140)},
      {8, UINT64_C(0x369095118d299a8e)}, {15, UINT64_C(0xd320d86d2a519956)}, {63, UINT64_C(0x9d199062b7bbb3a8)},
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
  assert_string_equal(version, "abac0158050fc4dc");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_vectors_are_met),
      cmocka_unit_test(test_version_is_sixteen_hex_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
