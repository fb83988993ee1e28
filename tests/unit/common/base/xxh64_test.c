/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "common/base/xxh64.h"

#include "common/base/mem.h"

/* Made with the reference implementation: every way through the function (stripes of 32, words of 8 and 4, single bytes). */
static void test_hash_is_that_of_the_reference(void **state) {
  (void)state;
  char counting[100];
  for (size_t i = 0; i < sizeof(counting); i++)
    counting[i] = (char)i;
  const struct {
    struct gw_str data;
    uint64_t seed;
    uint64_t hash;
  } cases[] = {
      {GW_STR(""), 0, UINT64_C(0xef46db3751d8e999)},
      {GW_STR(""), 1, UINT64_C(0xd5afba1336a3be4b)},
      {GW_STR("a"), 0, UINT64_C(0xd24ec4f1a98c6e5b)},
      {GW_STR("a"), 1, UINT64_C(0xdec2bc81c3cd46c6)},
      {GW_STR("abc"), 0, UINT64_C(0x44bc2cf5ad770999)},
      {GW_STR("abc"), 1, UINT64_C(0xbea9ca8199328908)},
      {GW_STR("127.0.0.1:80_0"), 0, UINT64_C(0x4bb2f57cda42c065)},
      {GW_STR("127.0.0.1:80_0"), 1, UINT64_C(0xbbbac2881432d35c)},
      {{counting, 32}, 0, UINT64_C(0xcbf59c5116ff32b4)},
      {{counting, 32}, 1, UINT64_C(0xd74e6766ce9dba94)},
      {{counting, sizeof(counting)}, 0, UINT64_C(0x6ac1e58032166597)},
      {{counting, sizeof(counting)}, 1, UINT64_C(0x3d19a3a2098a7023)},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    assert_int_equal(gw_xxh64(cases[i].data, cases[i].seed), cases[i].hash);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hash_is_that_of_the_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
