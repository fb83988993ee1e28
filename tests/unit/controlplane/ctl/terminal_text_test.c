#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "controlplane/ctl/terminal_text.h"

static void assert_shown(struct gw_str text, const char *wanted) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, GW_STR(">"));
  gw_terminal_text_append(&out, text);
  assert_string_equal(out.data + 1, wanted);
  gw_strbuf_done(&out);
}

static void test_text_is_shown_as_it_is(void **state) {
  (void)state;
  assert_shown(GW_STR(""), "");
  assert_shown(GW_STR("GET /a?b=c \"d\" \\"), "GET /a?b=c \"d\" \\");
  assert_shown(GW_STR("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xC2\xA0"), "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xC2\xA0");
}

static void test_control_characters_are_shown_as_question_marks(void **state) {
  (void)state;
  assert_shown(GW_STR("a\x1b[2Jb\x07\t\r\x7f"), "a?[2Jb????");
  assert_shown(GW_STR("a\0b"), "a?b");
  assert_shown(GW_STR("\xC2\x80\xC2\x9B\x31m\xC2\x9F"), "??1m?"); /* C1, the one-character CSI among them */
}

static void test_line_ends_within_a_text_become_semicolons(void **state) {
  (void)state;
  assert_shown(GW_STR("one\ntwo\n"), "one; two");
  assert_shown(GW_STR("one\xE2\x80\xA8two\xE2\x80\xA9"), "one?two?");
}

static void test_marks_that_turn_the_order_of_text_are_taken_out(void **state) {
  (void)state;
  assert_shown(GW_STR("a\xE2\x80\xAE"
                      "b\xE2\x81\xA6"
                      "c\xE2\x80\x8F"
                      "d\xD8\x9C"),
               "a?b?c?d?");
}

static void test_bytes_that_are_not_utf8_are_shown_as_question_marks(void **state) {
  (void)state;
  assert_shown(GW_STR("a\xFF\xC3z\x9B"), "a??z?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_is_shown_as_it_is),
      cmocka_unit_test(test_control_characters_are_shown_as_question_marks),
      cmocka_unit_test(test_line_ends_within_a_text_become_semicolons),
      cmocka_unit_test(test_marks_that_turn_the_order_of_text_are_taken_out),
      cmocka_unit_test(test_bytes_that_are_not_utf8_are_shown_as_question_marks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
