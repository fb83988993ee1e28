#include "common/xds/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_split_takes_one_field_out_and_keeps_the_rest_in_order(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  /* 1: "a", 3: "x", 2: 7, 3: "", 1: "b", 3: "yz" */
  const struct gw_str message = GW_STR("\x0a\x01"
                                       "a"
                                       "\x1a\x01"
                                       "x"
                                       "\x10\x07"
                                       "\x1a\x00"
                                       "\x0a\x01"
                                       "b"
                                       "\x1a\x02"
                                       "yz");
  struct gw_wire_parts parts;
  assert_int_equal(gw_wire_split(message, 3, &arena, &parts), GW_OK);
  assert_int_equal(parts.count, 3);
  assert_true(gw_str_equal(parts.items[0], GW_STR("x")));
  assert_int_equal(parts.items[1].len, 0);
  assert_true(gw_str_equal(parts.items[2], GW_STR("yz")));
  assert_true(gw_str_equal(parts.rest, GW_STR("\x0a\x01"
                                              "a"
                                              "\x10\x07"
                                              "\x0a\x01"
                                              "b")));
  gw_arena_done(&arena);
}

static void test_split_of_nothing_is_nothing(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_wire_parts parts;
  assert_int_equal(gw_wire_split((struct gw_str){NULL, 0}, 3, &arena, &parts), GW_OK);
  assert_int_equal(parts.count, 0);
  assert_int_equal(parts.rest.len, 0);
  gw_arena_done(&arena);
}

static void test_split_refuses_what_is_cut_short(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_wire_parts parts;
  assert_int_equal(gw_wire_split(GW_STR("\x1a\x02"
                                        "y"),
                                 3, &arena, &parts),
                   GW_ERR_INVALID);
  gw_arena_done(&arena);
}

static void test_varints_take_seven_bits_a_byte(void **state) {
  (void)state;
  const struct {
    size_t value;
    struct gw_str bytes;
  } cases[] = {{0, GW_STR("\x00")},
               {127, GW_STR("\x7f")},
               {128, GW_STR("\x80\x01")},
               {16383, GW_STR("\xff\x7f")},
               {16384, GW_STR("\x80\x80\x01")}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char bytes[10];
    size_t len = (size_t)(gw_wire_write_varint(bytes, cases[i].value) - bytes);
    assert_int_equal(len, gw_wire_varint_size(cases[i].value));
    assert_true(gw_str_equal((struct gw_str){bytes, len}, cases[i].bytes));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_split_takes_one_field_out_and_keeps_the_rest_in_order),
      cmocka_unit_test(test_split_of_nothing_is_nothing),
      cmocka_unit_test(test_split_refuses_what_is_cut_short),
      cmocka_unit_test(test_varints_take_seven_bits_a_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
