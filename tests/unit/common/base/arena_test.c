#include "common/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_alloc_is_aligned_and_disjoint(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  unsigned char *pieces[500];
  for (size_t i = 0; i < 500; i++) {
    gw_arena_alloc_bytes(&arena, i % 3);
    pieces[i] = gw_arena_alloc(&arena, i + 1);
    assert_int_equal((uintptr_t)pieces[i] % 16, 0);
    memset(pieces[i], (int)(i % 251), i + 1);
  }
  for (size_t i = 0; i < 500; i++) {
    for (size_t k = 0; k <= i; k++)
      assert_int_equal(pieces[i][k], i % 251);
  }
  gw_arena_done(&arena);
}

static void test_alloc_of_more_than_a_block_gets_its_own(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  gw_arena_alloc(&arena, 16);
  memset(gw_arena_alloc(&arena, 1 << 20), 'x', 1 << 20);
  assert_true(arena.used_bytes >= 1 << 20);
  gw_arena_alloc(&arena, 16);
  assert_true(arena.used_bytes < (1 << 20) + 8192);
  gw_arena_done(&arena);
}

static void test_reset_gives_all_blocks_back(void **state) {
  (void)state;
  _Alignas(16) char fixed[128];
  struct gw_arena arena;
  gw_arena_init_fixed(&arena, fixed, sizeof(fixed), 512);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100; i++)
      gw_arena_alloc(&arena, 100);
    assert_true(arena.used_bytes >= 100 * 100 - sizeof(fixed));
    gw_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_int_equal(arena.block_size, 512);
  }
  gw_arena_done(&arena);
  gw_arena_done(NULL);
}

static void test_copies_end_with_nul(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str copy = gw_arena_copy(&arena, (struct gw_str){"abcdef", 3});
  assert_int_equal(copy.len, 3);
  assert_string_equal(copy.data, "abc");
  assert_string_equal(gw_arena_copy(&arena, (struct gw_str){NULL, 0}).data, "");
  assert_string_equal(gw_arena_strdup(&arena, "text"), "text");
  assert_string_equal(gw_arena_printf(&arena, "%s-%d", "a", 5), "a-5");
  gw_arena_done(&arena);
}

static void test_calloc_is_zeroed(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  memset(gw_arena_alloc(&arena, 512), 0xFF, 512);
  gw_arena_reset(&arena);
  const unsigned char *zeroes = gw_arena_calloc(&arena, 64, 8);
  for (size_t i = 0; i < 512; i++)
    assert_int_equal(zeroes[i], 0);
  gw_arena_done(&arena);
}

static bool is_zeroed(const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (bytes[i] != 0) return false;
  return true;
}

static void test_wipe_overwrites_every_block(void **state) {
  (void)state;
  _Alignas(16) unsigned char fixed[64];
  struct gw_arena arena;
  gw_arena_init_fixed(&arena, fixed, sizeof fixed, 256);
  char *small = gw_arena_alloc(&arena, 16), *more = gw_arena_alloc(&arena, 200), *big = gw_arena_alloc(&arena, 5000);
  memset(small, 'k', 16);
  memset(more, 'k', 200);
  memset(big, 'k', 5000);
  gw_arena_wipe(&arena);
  assert_true(is_zeroed(small, 16) && is_zeroed(more, 200) && is_zeroed(big, 5000));
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_alloc_is_aligned_and_disjoint),
      cmocka_unit_test(test_alloc_of_more_than_a_block_gets_its_own),
      cmocka_unit_test(test_reset_gives_all_blocks_back),
      cmocka_unit_test(test_copies_end_with_nul),
      cmocka_unit_test(test_calloc_is_zeroed),
      cmocka_unit_test(test_wipe_overwrites_every_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
