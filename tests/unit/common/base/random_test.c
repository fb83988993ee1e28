#include "common/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_next_with_known_state_gives_the_reference_sequence(void **state) {
  (void)state;
  struct gw_random random = {.state = {1, 2, 3, 4}};
  /* From the authors' xoshiro256starstar.c. */
  static const uint64_t expected[] = {11520u, 0u, 1509978240u, 1215971899390074240u, 1216172134540287360u};
  for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
    assert_true(gw_random_next(&random) == expected[i]);
}

static void test_init_with_equal_seeds_gives_equal_sequences(void **state) {
  (void)state;
  struct gw_random a;
  struct gw_random b;
  struct gw_random c;
  gw_random_init(&a, 7);
  gw_random_init(&b, 7);
  gw_random_init(&c, 0);
  for (int i = 0; i < 100; i++) {
    uint64_t x = gw_random_next(&a);
    assert_true(x == gw_random_next(&b));
    assert_true(x != gw_random_next(&c));
  }
}

static void test_below_is_uniform_and_in_bounds(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 1);
  unsigned counts[7] = {0};
  for (int i = 0; i < 70000; i++)
    counts[gw_random_below(&random, 7)]++;
  for (size_t i = 0; i < 7; i++)
    assert_in_range(counts[i], 9500, 10500);
  for (int i = 0; i < 100; i++)
    assert_int_equal(gw_random_below(&random, 1), 0);
  for (int i = 0; i < 1000; i++)
    assert_true(gw_random_below(&random, ((uint64_t)1 << 63) + 1) <= (uint64_t)1 << 63);
}

static void test_uuid_has_the_form_of_version_4(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 0);
  char before[GW_UUID_SIZE] = "";
  for (int round = 0; round < 1000; round++) {
    char uuid[GW_UUID_SIZE];
    gw_random_uuid(&random, uuid);
    assert_int_equal(strlen(uuid), 36);
    for (size_t i = 0; i < 36; i++) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        assert_int_equal(uuid[i], '-');
      } else {
        assert_non_null(strchr("0123456789abcdef", uuid[i]));
      }
    }
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_string_not_equal(uuid, before);
    memcpy(before, uuid, sizeof(before));
  }
}

static void test_secure_fills_all_bytes(void **state) {
  (void)state;
  unsigned char bytes[1024];
  unsigned char seen = 0;
  gw_random_secure(bytes, sizeof(bytes));
  for (size_t i = 0; i < 64; i++)
    seen |= bytes[sizeof(bytes) - 64 + i];
  assert_int_equal(seen, 0xFF);
  gw_random_secure(NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_next_with_known_state_gives_the_reference_sequence),
      cmocka_unit_test(test_init_with_equal_seeds_gives_equal_sequences),
      cmocka_unit_test(test_below_is_uniform_and_in_bounds),
      cmocka_unit_test(test_uuid_has_the_form_of_version_4),
      cmocka_unit_test(test_secure_fills_all_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
