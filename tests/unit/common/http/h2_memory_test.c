#include "common/http/h2_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/sanitizers.h"

static void test_blocks_hold_what_is_written_and_grow_with_it(void **state) {
  (void)state;
  struct gw_h2_memory memory = {0};
  nghttp2_mem calls = gw_h2_memory_calls(&memory);
  for (size_t size = 0; size < 2000; size += 7) {
    unsigned char *block = calls.malloc(size, &memory);
    assert_int_equal((uintptr_t)block % 16, 0);
    memset(block, (int)(size % 251), size);
    block = calls.realloc(block, 2 * size + 100, &memory);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(block[i], size % 251);
    memset(block, 0xff, 2 * size + 100);
    calls.free(block, &memory);
  }
  unsigned char *zeroed = calls.calloc(10, 30, &memory);
  for (size_t i = 0; i < 300; i++)
    assert_int_equal(zeroed[i], 0);
  calls.free(zeroed, &memory);
  calls.free(NULL, &memory);
  gw_h2_memory_done(&memory);
  assert_int_equal(memory.kept_bytes, 0);
}

static void test_sizes_beyond_memory_give_nothing(void **state) {
  (void)state;
  struct gw_h2_memory memory = {0};
  nghttp2_mem calls = gw_h2_memory_calls(&memory);
  assert_null(calls.malloc(SIZE_MAX - 4, &memory));
  assert_null(calls.calloc(SIZE_MAX / 8, 16, &memory));
  gw_h2_memory_done(&memory);
}

static void test_what_is_kept_has_a_bound_and_less_is_kept_without_streams(void **state) {
  (void)state;
  struct gw_h2_memory memory = {0};
  nghttp2_mem calls = gw_h2_memory_calls(&memory);
  void *blocks[400];
  for (size_t i = 0; i < 400; i++)
    blocks[i] = calls.malloc(20 + i, &memory);
  for (size_t i = 0; i < 400; i++) {
    calls.free(blocks[i], &memory);
    assert_true(memory.kept_bytes <= GW_H2_MEMORY_KEPT_MAX);
  }
  if (!GW_HAS_ASAN) {
    size_t kept_bytes = memory.kept_bytes;
    assert_true(kept_bytes > GW_H2_MEMORY_KEPT_MAX / 2);
    void *again = calls.malloc(20, &memory);
    assert_true(memory.kept_bytes < kept_bytes);
    calls.free(again, &memory);
  }
  gw_h2_memory_trim(&memory);
  assert_true(memory.kept_bytes <= GW_H2_MEMORY_KEPT_IDLE);
  gw_h2_memory_done(&memory);
  assert_int_equal(memory.kept_bytes, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blocks_hold_what_is_written_and_grow_with_it),
      cmocka_unit_test(test_sizes_beyond_memory_give_nothing),
      cmocka_unit_test(test_what_is_kept_has_a_bound_and_less_is_kept_without_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
