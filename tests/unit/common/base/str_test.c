#include "common/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/base/mem.h"

static void test_equal_nocase_folds_ascii_only(void **state) {
  (void)state;
  assert_true(gw_str_equal_nocase(GW_STR("Content-TYPE"), GW_STR("content-type")));
  assert_false(gw_str_equal_nocase(GW_STR("content-type"), GW_STR("content-typ")));
  assert_false(gw_str_equal_nocase(GW_STR("\xC3\x84"), GW_STR("\xC3\xA4")));
  assert_false(gw_str_equal_nocase(GW_STR("[@"), GW_STR("{`"))); /* neighbours of the letters */
  assert_true(gw_str_equal_nocase((struct gw_str){NULL, 0}, GW_STR("")));
}

static void test_compare_of_prefix_sorts_before_what_it_begins(void **state) {
  (void)state;
  assert_true(gw_str_compare(GW_STR("ab"), GW_STR("abc")) < 0);
  assert_true(gw_str_compare(GW_STR("b"), GW_STR("abc")) > 0);
  assert_true(gw_str_compare(GW_STR("a\xFF"), GW_STR("ab")) > 0);
  assert_int_equal(gw_str_compare(GW_STR("abc"), GW_STR("abc")), 0);
  assert_int_equal(gw_str_compare((struct gw_str){NULL, 0}, GW_STR("")), 0);
}

static void test_prefix_and_suffix_of_shorter_string_are_false(void **state) {
  (void)state;
  assert_true(gw_str_has_prefix(GW_STR("/api/x"), GW_STR("/api")));
  assert_false(gw_str_has_prefix(GW_STR("/ap"), GW_STR("/api")));
  assert_true(gw_str_has_suffix(GW_STR("a.yaml"), GW_STR(".yaml")));
  assert_false(gw_str_has_suffix(GW_STR("yaml"), GW_STR(".yaml")));
  assert_true(gw_str_has_suffix((struct gw_str){NULL, 0}, GW_STR("")));
}

static void test_find_char_absent_says_minus_one(void **state) {
  (void)state;
  assert_int_equal(gw_str_find_char(GW_STR("a:b:c"), ':'), 1);
  assert_int_equal(gw_str_find_char(GW_STR("abc"), ':'), -1);
  assert_int_equal(gw_str_find_char((struct gw_str){NULL, 0}, ':'), -1);
}

static void test_trim_removes_blanks_at_both_ends(void **state) {
  (void)state;
  assert_true(gw_str_equal(gw_str_trim(GW_STR(" \t a b\t ")), GW_STR("a b")));
  assert_int_equal(gw_str_trim(GW_STR(" \t ")).len, 0);
}

static void assert_splits(const char *text, const char *const *pieces, size_t count) {
  struct gw_str rest = gw_str_from(text);
  struct gw_str piece;
  for (size_t i = 0; i < count; i++) {
    assert_true(gw_str_split_next(&rest, ',', &piece));
    assert_true(gw_str_equal(piece, gw_str_from(pieces[i])));
  }
  assert_false(gw_str_split_next(&rest, ',', &piece));
}

static void test_split_next_gives_empty_pieces_too(void **state) {
  (void)state;
  assert_splits("a,,b", (const char *[]){"a", "", "b"}, 3);
  assert_splits("a,", (const char *[]){"a", ""}, 2);
  assert_splits("", (const char *[]){""}, 1);
  assert_splits(NULL, NULL, 0);
}

static void test_format_u64_has_all_digits_and_no_more(void **state) {
  (void)state;
  const char *texts[] = {"0", "9", "10", "99", "100", "101", "999", "1000", "9999", "10000", "65535", "100000", "18446744073709551615"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    char digits[GW_U64_DIGITS_MAX];
    uint64_t value = strtoull(texts[i], NULL, 10);
    assert_true(gw_str_equal(gw_str_format_u64(value, digits), gw_str_from(texts[i])));
  }
}

static void test_parse_u64_at_the_limit_and_beyond(void **state) {
  (void)state;
  uint64_t value = 42;
  assert_int_equal(gw_str_parse_u64(GW_STR("18446744073709551615"), &value), GW_OK);
  assert_true(value == UINT64_MAX);
  value = 42;
  assert_int_equal(gw_str_parse_u64(GW_STR("18446744073709551616"), &value), GW_ERR_LIMIT);
  assert_int_equal(gw_str_parse_u64(GW_STR("99999999999999999999999999"), &value), GW_ERR_LIMIT);
  assert_int_equal(gw_str_parse_u64(GW_STR("99999999999999999999999999x"), &value), GW_ERR_INVALID);
  for (size_t i = 0; i < 5; i++) {
    static const char *const bad[] = {"", "+1", "-1", " 1", "1a"};
    assert_int_equal(gw_str_parse_u64(gw_str_from(bad[i]), &value), GW_ERR_INVALID);
  }
  assert_true(value == 42);
  assert_int_equal(gw_str_parse_u64(GW_STR("007"), &value), GW_OK);
  assert_true(value == 7);
}

static void test_utf8_len_of_malformed_sequences_is_zero(void **state) {
  (void)state;
  assert_int_equal(gw_str_utf8_len(GW_STR("a")), 1);
  assert_int_equal(gw_str_utf8_len(GW_STR("\xC3\xA4")), 2);
  assert_int_equal(gw_str_utf8_len(GW_STR("\xE2\x82\xAC")), 3);
  assert_int_equal(gw_str_utf8_len(GW_STR("\xF0\x9F\x98\x80")), 4);
  assert_int_equal(gw_str_utf8_len(GW_STR("\xF4\x8F\xBF\xBF")), 4);
  static const struct gw_str bad[] = {
      {"", 0},
      {"\x80", 1},
      {"\xC0\x80", 2},
      {"\xC1\xBF", 2},
      {"\xC3", 1},
      {"\xC3(", 2},
      {"\xE0\x9F\xBF", 3},
      {"\xED\xA0\x80", 3},
      {"\xF0\x8F\xBF\xBF", 4},
      {"\xF4\x90\x80\x80", 4},
      {"\xF5\x80\x80\x80", 4},
      {"\xE2\x82", 2},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++)
    assert_int_equal(gw_str_utf8_len(bad[i]), 0);
}

static void test_strbuf_append_of_many_stays_terminated(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  for (size_t i = 0; i < 1000; i++) {
    gw_strbuf_append_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.len, i + 1);
    assert_int_equal(buf.data[buf.len], '\0');
    assert_true(buf.len < buf.cap);
  }
  gw_strbuf_clear(&buf);
  assert_string_equal(buf.data, "");
  gw_strbuf_append_u64(&buf, 0);
  gw_strbuf_append_char(&buf, ' ');
  gw_strbuf_append_u64(&buf, UINT64_MAX);
  gw_strbuf_append_str(&buf, (struct gw_str){NULL, 0});
  assert_string_equal(buf.data, "0 18446744073709551615");
  gw_strbuf_done(&buf);
  gw_strbuf_done(NULL);
}

static void test_strbuf_printf_longer_than_the_room_is_whole(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  char text[501];
  memset(text, 'x', 500);
  text[500] = '\0';
  for (int i = 0; i < 20; i++)
    gw_strbuf_printf(&buf, "%d:%s;", i % 10, text);
  assert_int_equal(buf.len, 20 * 503);
  assert_int_equal(buf.data[503 * 19], '9');
  gw_strbuf_done(&buf);
}

static void test_has_name_of_part_of_a_longer_name_is_false(void **state) {
  (void)state;
  assert_true(gw_str_has_name(GW_STR("orders"), GW_STR("orders")));
  assert_true(gw_str_has_name(GW_STR("route 'orders': no"), GW_STR("orders")));
  assert_true(gw_str_has_name(GW_STR("orders-v2, then orders"), GW_STR("orders")));
  assert_true(gw_str_has_name(GW_STR("aab.a a.a"), GW_STR("a.a")));
  assert_false(gw_str_has_name(GW_STR("orders-v2"), GW_STR("orders")));
  assert_false(gw_str_has_name(GW_STR("my.orders"), GW_STR("orders")));
  assert_false(gw_str_has_name(GW_STR("order"), GW_STR("orders")));
  assert_false(gw_str_has_name(GW_STR("orders"), GW_STR("")));
  assert_false(gw_str_has_name(GW_STR(""), GW_STR("orders")));
}

static void test_strbuf_take_of_empty_is_an_empty_string(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  GW_CLEANUP(gw_free_ptr) char *empty = gw_strbuf_take(&buf);
  assert_string_equal(empty, "");
  gw_strbuf_append(&buf, "abc", 3);
  GW_CLEANUP(gw_free_ptr) char *full = gw_strbuf_take(&buf);
  assert_string_equal(full, "abc");
  assert_null(buf.data);
}

static void test_strbuf_wipe_leaves_nothing_to_append_to(void **state) {
  (void)state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_strbuf_wipe(&buf); /* also of nothing */
  gw_strbuf_append_str(&buf, GW_STR("key"));
  gw_strbuf_wipe(&buf);
  assert_null(buf.data);
  assert_int_equal(buf.len, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_nocase_folds_ascii_only),
      cmocka_unit_test(test_compare_of_prefix_sorts_before_what_it_begins),
      cmocka_unit_test(test_prefix_and_suffix_of_shorter_string_are_false),
      cmocka_unit_test(test_find_char_absent_says_minus_one),
      cmocka_unit_test(test_has_name_of_part_of_a_longer_name_is_false),
      cmocka_unit_test(test_trim_removes_blanks_at_both_ends),
      cmocka_unit_test(test_split_next_gives_empty_pieces_too),
      cmocka_unit_test(test_format_u64_has_all_digits_and_no_more),
      cmocka_unit_test(test_parse_u64_at_the_limit_and_beyond),
      cmocka_unit_test(test_utf8_len_of_malformed_sequences_is_zero),
      cmocka_unit_test(test_strbuf_append_of_many_stays_terminated),
      cmocka_unit_test(test_strbuf_printf_longer_than_the_room_is_whole),
      cmocka_unit_test(test_strbuf_take_of_empty_is_an_empty_string),
      cmocka_unit_test(test_strbuf_wipe_leaves_nothing_to_append_to),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
