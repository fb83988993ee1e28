#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"

static const struct gw_json_limits limits = {64 * 1024, 16, 4096};

static int set_up(void **state) {
  struct gw_arena *arena = gw_calloc(1, sizeof(*arena));
  gw_arena_init(arena, 1024);
  *state = arena;
  return 0;
}

static int tear_down(void **state) {
  gw_arena_done(*state);
  free(*state);
  return 0;
}

/* The text as a heap block of its own, so that a look beyond its end is found. */
static enum gw_err parse_within(void *state, const struct gw_json_limits *within, struct gw_str text,
                                const struct gw_json_value **ret_value) {
  char *copy = gw_malloc(text.len > 0 ? text.len : 1);
  memcpy(copy, text.data, text.len);
  enum gw_err err = gw_json_parse((struct gw_str){copy, text.len}, within, state, ret_value);
  free(copy);
  return err;
}

static enum gw_err parse(void *state, const char *text, const struct gw_json_value **ret_value) {
  return parse_within(state, &limits, gw_str_from(text), ret_value);
}

static void assert_written(void *state, const char *text, const char *expected) {
  const struct gw_json_value *value;
  assert_int_equal(parse(state, text, &value), GW_OK);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_json_append_value(&buf, value);
  assert_string_equal(buf.data, expected);
  gw_strbuf_done(&buf);
}

static void test_each_kind_is_read(void **state) {
  assert_written(*state, "null", "null");
  assert_written(*state, " true ", "true");
  assert_written(*state, "\t\r\nfalse\n", "false");
  assert_written(*state, "\"text\"", "\"text\"");
  assert_written(*state, "[]", "[]");
  assert_written(*state, "[-0,-0.0,100.0]", "[0,0,100]");
  assert_written(*state, "{}", "{}");
  assert_written(*state, "[ ]", "[]");
  assert_written(*state, "{ }", "{}");
  assert_written(*state, "[1,[2,{\"a\":null}],\"x\"]", "[1,[2,{\"a\":null}],\"x\"]");
  assert_written(*state, " { \"b\" : 1 , \"a\" : [ true , false ] } ", "{\"b\":1,\"a\":[true,false]}");
}

static void test_integers_are_exact(void **state) {
  const struct gw_json_value *value;
  assert_int_equal(parse(*state, "[9223372036854775807,-9223372036854775808,9007199254740993,-0,0]", &value), GW_OK);
  assert_int_equal(value->items[0].kind, GW_JSON_INTEGER);
  assert_true(value->items[0].integer == INT64_MAX);
  assert_true(value->items[1].integer == INT64_MIN);
  assert_true(value->items[2].integer == 9007199254740993);
  assert_true(value->items[3].kind == GW_JSON_INTEGER && value->items[3].integer == 0);
}

static void test_a_point_or_an_exponent_makes_a_real(void **state) {
  static const struct {
    const char *text;
    double value;
  } reals[] =
      {{"1.0", 1.0}, {"1e2", 100.0}, {"-2.5E-1", -0.25}, {"0.1", 0.1}, {"1e-400", 0.0}, {"1E+2", 100.0}, {"1700000000.5", 1700000000.5}};
  const struct gw_json_value *value;
  for (size_t i = 0; i < GW_ARRAY_LEN(reals); i++) {
    assert_int_equal(parse(*state, reals[i].text, &value), GW_OK);
    assert_int_equal(value->kind, GW_JSON_REAL);
    assert_true(!(value->real < reals[i].value) && !(value->real > reals[i].value));
  }
}

static void test_strings_are_unescaped(void **state) {
  const struct gw_json_value *value;
  assert_int_equal(parse(*state, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00e9\\u20aC\\uD83d\\ude00 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                         &value),
                   GW_OK);
  assert_true(
      gw_json_is_string(value, GW_STR("\"\\/\b\f\n\r\t A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
  assert_int_equal(value->string.data[value->string.len], '\0');
}

static void test_what_is_no_json_is_refused(void **state) {
  static const char *const refused[] = {
      "",
      " ",
      "nul",
      "nulll",
      "True",
      "tru",
      "{",
      "}",
      "[",
      "]",
      "[1",
      "[1,",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1,}",
      "{a:1}",
      "{'a':1}",
      "{\"a\":1 \"b\":2}",
      "{1:2}",
      "[1]]",
      "1 2",
      "{}{}",
      "{}x",
      "\xef\xbb\xbf{}",
      "[1}",
      "{\"a\":1]",
      /* numbers */
      "01",
      "-",
      "+1",
      "1.",
      ".5",
      "1e",
      "1e+",
      "--1",
      "0x10",
      "NaN",
      "Infinity",
      "-Infinity",
      "1_000",
      "-01",
      "1.e2",
      "00",
      "9223372036854775808",
      "-9223372036854775809",
      "18446744073709551616",
      "123456789012345678901234567890",
      "1e309",
      "-1e999",
      /* strings */
      "\"",
      "\"a",
      "\"\\\"",
      "\"\\",
      "\"\\x\"",
      "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\\u0000\"",
      "\"\\ud800\"",
      "\"\\ud800x\"",
      "\"\\udc00\"",
      "\"\\ud800\\u0041\"",
      "\"\\ud800\\ud800\"",
      "\"\\ud800\\\"",
      "\"\n\"",
      "\"\t\"",
      "\"\x1f\"",
      "\"\x80\"",
      "\"\xc3\"",
      "\"\xc0\xaf\"",
      "\"\xed\xa0\x80\"",
      "\"\xf4\x90\x80\x80\"",
      "\"\xff\"",
      /* comments */
      "/* */ 1",
      "1 // one",
  };
  const struct gw_json_value *value;
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++) {
    print_message("%s\n", refused[i]);
    assert_int_equal(parse(*state, refused[i], &value), GW_ERR_INVALID);
  }
  assert_int_equal(parse_within(*state, &limits, (struct gw_str){"1\0", 2}, &value), GW_ERR_INVALID);
  assert_int_equal(parse_within(*state, &limits, (struct gw_str){"\"a\0\"", 4}, &value), GW_ERR_INVALID);
}

static void test_a_name_twice_is_refused_however_it_is_written(void **state) {
  const struct gw_json_value *value;
  assert_int_equal(parse(*state, "{\"a\":1,\"b\":2,\"a\":1}", &value), GW_ERR_INVALID);
  assert_int_equal(parse(*state, "{\"a\":1,\"\\u0061\":2}", &value), GW_ERR_INVALID);
  assert_int_equal(parse(*state, "[{\"x\":{\"\":1,\"\":2}}]", &value), GW_ERR_INVALID);
  assert_int_equal(parse(*state, "{\"a\":1,\"A\":2,\"b\":{\"a\":1}}", &value), GW_OK);
}

static char *object_of(unsigned count, unsigned last) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  for (unsigned i = 0; i < count; i++)
    gw_strbuf_printf(&buf, "%s\"m%u\":%u", i == 0 ? "{" : ",", i + 1 == count ? last : i, i);
  gw_strbuf_append_char(&buf, '}');
  return gw_strbuf_take(&buf);
}

static void test_a_name_twice_among_many_is_refused(void **state) {
  const struct gw_json_value *value;
  for (unsigned count = 2; count < 600; count += 7) {
    char *fine = object_of(count, count - 1), *twice = object_of(count, count / 2 == count - 1 ? 0 : count / 2);
    assert_int_equal(parse(*state, fine, &value), GW_OK);
    assert_int_equal(value->count, count);
    assert_int_equal(gw_json_find(value, GW_STR("m1")) != NULL, count > 1);
    assert_int_equal(parse(*state, twice, &value), GW_ERR_INVALID);
    free(fine);
    free(twice);
  }
}

static void test_limits_are_exact(void **state) {
  const struct gw_json_value *value;
  const struct gw_json_limits narrow = {20, 3, 5};
  assert_int_equal(parse_within(*state, &narrow, GW_STR("[[{}]]"), &value), GW_OK);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("[[{\"a\":[]}]]"), &value), GW_ERR_LIMIT);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("[[],[],{},[]]"), &value), GW_OK);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("[1,2,3,4]"), &value), GW_OK);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("[1,2,3,4,5]"), &value), GW_ERR_LIMIT);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("\"123456789012345678\""), &value), GW_OK);
  assert_int_equal(parse_within(*state, &narrow, GW_STR("\"1234567890123456789\""), &value), GW_ERR_LIMIT);
}

static void test_brackets_without_end_are_a_limit_not_a_crash(void **state) {
  const struct gw_json_limits deep = {1024 * 1024, GW_JSON_DEPTH_MAX, 1024 * 1024};
  const struct gw_json_value *value;
  char *text = gw_malloc(500000);
  memset(text, '[', 500000);
  assert_int_equal(parse_within(*state, &deep, (struct gw_str){text, 500000}, &value), GW_ERR_LIMIT);
  memset(text + GW_JSON_DEPTH_MAX, ']', GW_JSON_DEPTH_MAX);
  assert_int_equal(parse_within(*state, &deep, (struct gw_str){text, 2 * GW_JSON_DEPTH_MAX}, &value), GW_OK);
  free(text);
}

static void test_long_numbers_are_a_limit(void **state) {
  const struct gw_json_value *value;
  char text[2000];
  memset(text, '1', sizeof(text));
  text[1] = '.';
  assert_int_equal(parse_within(*state, &limits, (struct gw_str){text, 1024}, &value), GW_OK);
  assert_int_equal(parse_within(*state, &limits, (struct gw_str){text, 1025}, &value), GW_ERR_LIMIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_each_kind_is_read, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_integers_are_exact, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_point_or_an_exponent_makes_a_real, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_strings_are_unescaped, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_is_no_json_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_name_twice_is_refused_however_it_is_written, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_name_twice_among_many_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_limits_are_exact, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_brackets_without_end_are_a_limit_not_a_crash, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_long_numbers_are_a_limit, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
