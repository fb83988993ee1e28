#include "common/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What CPython 3.11, whose bytes hash is SipHash-1-3, says with PYTHONHASHSEED=0. */
static void test_siphash13_agrees_with_another_implementation(void **state) {
  (void)state;
  const struct gw_siphash_key key = {0, 0};
  static const struct {
    const char *text;
    uint64_t hash;
  } vectors[] = {
      {"a", 0x407448d2b89b1813u},
      {"abcdefg", 0x6db12aae9070f506u},
      {"abcdefgh", 0x3f7b849c0b8e35eau},
      {"/api/projects/{id}/tasks", 0x938f1678f98dd460u},
  };
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    assert_true(gw_siphash(key, vectors[i].text, strlen(vectors[i].text), 1, 3) == vectors[i].hash);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_siphash13_agrees_with_another_implementation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
