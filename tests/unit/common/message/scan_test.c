#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/message/scan.h"

static bool is_alnum(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(int c, const char *set) {
  return c != 0 && strchr(set, c) != NULL;
}

static void test_classes_are_those_of_the_rfcs(void **state) {
  (void)state;
  for (int c = 0; c < 256; c++) {
    bool is_visible = c > 0x20 && c < 0x7f;
    bool is_unreserved = is_alnum(c) || is_one_of(c, "-._~");
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_TOKEN), is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~"));
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_VALUE), c == '\t' || (c >= 0x20 && c != 0x7f));
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_TARGET), is_visible && c != '#');
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_UNRESERVED), is_unreserved);
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_HOST), is_unreserved || is_one_of(c, "!$&'()*+;="));
    assert_int_equal(gw_scan_is((char)c, GW_SCAN_PLAIN_PATH), is_visible && !is_one_of(c, "#%\\/?"));
    assert_int_equal(gw_scan_hex((char)c) >= 0, c < 128 && isxdigit(c));
  }
}

/* Each byte at each place of inputs of several lengths, in memory that ends where the input ends. */
static void test_searches_find_each_byte_at_each_place(void **state) {
  (void)state;
  for (size_t len = 1; len < 50; len += 7) {
    char *text = gw_malloc(len);
    for (size_t place = 0; place < len; place++) {
      for (int c = 0; c < 256; c++) {
        memset(text, 'a', len);
        text[place] = (char)c;
        const char *end = text + len;
        assert_ptr_equal(gw_scan_find_not_value(text, end), gw_scan_is((char)c, GW_SCAN_VALUE) ? end : text + place);
        const char *skipped = gw_scan_skip_common(text, end);
        bool is_common = is_alnum(c) || c == '-' || c == '.';
        assert_true(is_common || skipped <= text + place);
        assert_ptr_equal(gw_scan_find_not_target(text, end), gw_scan_is((char)c, GW_SCAN_TARGET) ? end : text + place);
      }
    }
    free(text);
  }
}

static void test_equal_lower_is_exact_for_any_byte(void **state) {
  (void)state;
  const char *words[] =
      {"te", "host", "date", "allow", "expect", "x-api-key", "http2-settings", "x-forwarded-proto", "proxy-authorization"};
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++) {
    size_t len = strlen(words[i]);
    char *text = gw_malloc(len);
    for (size_t place = 0; place < len; place++) {
      for (int c = 0; c < 256; c++) {
        memcpy(text, words[i], len);
        text[place] = (char)c;
        bool is_same = c == words[i][place] || (c >= 'A' && c <= 'Z' && c + 32 == words[i][place]);
        assert_int_equal(gw_scan_equal_lower(text, words[i], len), is_same);
      }
    }
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_classes_are_those_of_the_rfcs),
      cmocka_unit_test(test_searches_find_each_byte_at_each_place),
      cmocka_unit_test(test_equal_lower_is_exact_for_any_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
