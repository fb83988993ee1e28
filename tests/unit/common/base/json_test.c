#include "common/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "common/base/mem.h"

static void assert_escapes(struct gw_str in, const char *expected) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_json_append_string(&buf, in);
  assert_string_equal(buf.data, expected);
  gw_strbuf_done(&buf);
}

static void test_string_with_controls_is_escaped(void **state) {
  (void)state;
  assert_escapes(GW_STR(""), "\"\"");
  assert_escapes(GW_STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
  assert_escapes(GW_STR("\b\t\n\f\r\x01\x1f\0end"), "\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u0000end\"");
  assert_escapes(GW_STR("\x7f\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\"\\u007f\\u0080\\u009b\\u009f\xC2\xA0\"");
}

static void test_string_is_escaped_wherever_it_must_be(void **state) {
  (void)state;
  static const struct {
    char byte;
    const char *escaped;
  } cases[] = {{'"', "\\\""},     {'\\', "\\\\"}, {'\n', "\\n"}, {0, "\\u0000"}, {0x1f, "\\u001f"},
               {0x7f, "\\u007f"}, {' ', " "},     {'~', "~"},    {'!', "!"},     {'#', "#"}};
  static const char all[] = "aaaaaaaaaaaaaaaaaaaa";
  for (size_t len = 1; len <= 20; len++)
    for (size_t at = 0; at < len; at++)
      for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
        char text[20];
        memset(text, 'a', sizeof(text));
        text[at] = cases[i].byte;
        GW_CLEANUP(gw_free_ptr)
        char *expected = gw_asprintf("\"%.*s%s%.*s\"", (int)at, all, cases[i].escaped, (int)(len - at - 1), all);
        assert_escapes((struct gw_str){text, len}, expected);
      }
}

static void test_plain_is_what_escaping_would_not_change(void **state) {
  (void)state;
  for (size_t len = 0; len <= 40; len++)
    for (size_t at = 0; at < len || at == 0; at++)
      for (int byte = 0; byte < 256; byte += len < 20 ? 1 : 5) {
        char text[40], copy[41];
        memset(text, 'a', sizeof(text));
        memset(copy, '#', sizeof(copy));
        if (at < len) text[at] = (char)byte;
        bool is_plain = len == 0 || (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\');
        assert_int_equal(gw_json_copy_plain((struct gw_str){text, len}, copy), is_plain);
        if (is_plain) assert_memory_equal(copy, text, len);
        assert_int_equal(copy[len], '#');
      }
}

static void test_string_with_bytes_that_are_not_utf8_gets_replacements(void **state) {
  (void)state;
  assert_escapes(GW_STR("\xC3\xA4\xF0\x9F\x98\x80"), "\"\xC3\xA4\xF0\x9F\x98\x80\"");
  assert_escapes(GW_STR("a\xFF z\xC3"), "\"a\xEF\xBF\xBD z\xEF\xBF\xBD\"");
}

static void test_writer_puts_commas_between_values_only(void **state) {
  (void)state;
  struct gw_strbuf buf;
  struct gw_json_writer json;
  gw_strbuf_init(&buf);
  gw_json_writer_init(&json, &buf);
  gw_json_object_begin(&json);
  gw_json_key(&json, "a");
  gw_json_array_begin(&json);
  gw_json_u64(&json, UINT64_MAX);
  gw_json_i64(&json, INT64_MIN);
  gw_json_object_begin(&json);
  gw_json_object_end(&json);
  gw_json_array_begin(&json);
  gw_json_array_end(&json);
  gw_json_null(&json);
  gw_json_array_end(&json);
  gw_json_key(&json, "b\n");
  gw_json_bool(&json, true);
  gw_json_key(&json, "c");
  gw_json_string(&json, GW_STR("x"));
  gw_json_key(&json, "d");
  gw_json_bool(&json, false);
  gw_json_object_end(&json);
  assert_string_equal(buf.data, "{\"a\":[18446744073709551615,-9223372036854775808,{},[],null],\"b\\n\":true,\"c\":\"x\",\"d\":false}");
  gw_strbuf_done(&buf);
}

static void test_double_is_short_and_exact(void **state) {
  (void)state;
  struct gw_strbuf buf;
  struct gw_json_writer json;
  gw_strbuf_init(&buf);
  gw_json_writer_init(&json, &buf);
  gw_json_array_begin(&json);
  gw_json_double(&json, 0.1);
  gw_json_double(&json, 0.1 + 0.2);
  gw_json_double(&json, -3);
  gw_json_double(&json, NAN);
  gw_json_double(&json, INFINITY);
  gw_json_array_end(&json);
  assert_string_equal(buf.data, "[0.1,0.30000000000000004,-3,null,null]");
  gw_strbuf_done(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_string_with_controls_is_escaped),
      cmocka_unit_test(test_string_is_escaped_wherever_it_must_be),
      cmocka_unit_test(test_plain_is_what_escaping_would_not_change),
      cmocka_unit_test(test_string_with_bytes_that_are_not_utf8_gets_replacements),
      cmocka_unit_test(test_writer_puts_commas_between_values_only),
      cmocka_unit_test(test_double_is_short_and_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
