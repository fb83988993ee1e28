#include "common/otlp/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_members_are_trimmed_and_decoded(void **state) {
  (void)state;
  struct gw_arena arena;
  const struct gw_otlp_pair *pairs;
  uint32_t count;
  gw_arena_init(&arena, 256);
  assert_int_equal(gw_otlp_pairs_parse(GW_STR("api-key=a%2Cb%3d , x = 1=2,, last="), &arena, &pairs, &count), GW_OK);
  assert_int_equal(count, 3);
  assert_true(gw_str_equal(pairs[0].key, GW_STR("api-key")) && gw_str_equal(pairs[0].value, GW_STR("a,b=")));
  assert_true(gw_str_equal(pairs[1].key, GW_STR("x")) && gw_str_equal(pairs[1].value, GW_STR("1=2")));
  assert_true(gw_str_equal(pairs[2].key, GW_STR("last")) && pairs[2].value.len == 0);
  assert_int_equal(gw_otlp_pairs_parse(GW_STR(""), &arena, &pairs, &count), GW_OK);
  assert_int_equal(count, 0);
  gw_arena_done(&arena);
}

static void test_bad_members_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"a", "=b", " =b", "a=%", "a=%2", "a=%zz", "a=%0d", "a=%ff", "a=b,c"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    struct gw_arena arena;
    const struct gw_otlp_pair *pairs;
    uint32_t count;
    gw_arena_init(&arena, 256);
    if (gw_otlp_pairs_parse(gw_str_from(bad[i]), &arena, &pairs, &count) != GW_ERR_INVALID) fail_msg("%s", bad[i]);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_members_are_trimmed_and_decoded),
      cmocka_unit_test(test_bad_members_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
