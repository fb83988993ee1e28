#include "controlplane/ctl/text_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"

static char *diff(const char *before, const char *after) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_text_diff(gw_str_from(before), gw_str_from(after), "a", "b", &out);
  return gw_strbuf_take(&out);
}

static void check(const char *before, const char *after, const char *expected) {
  char *told = diff(before, after);
  assert_string_equal(told, expected);
  free(told);
}

static void test_equal_texts_give_nothing(void **state) {
  (void)state;
  check("a\nb\n", "a\nb\n", "");
  check("", "", "");
}

static void test_change_is_told_with_three_lines_around_it(void **state) {
  (void)state;
  check("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

static void test_what_comes_and_goes(void **state) {
  (void)state;
  check("", "x\ny\n", "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
  check("x\ny\n", "", "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-x\n-y\n");
  check("x\n", "y\nx\n", "--- a\n+++ b\n@@ -1 +1,2 @@\n+y\n x\n");
}

static void test_changes_far_apart_are_two_hunks(void **state) {
  (void)state;
  check("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
        "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void test_missing_line_end_is_told(void **state) {
  (void)state;
  check("a\nb", "a\nc\n", "--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n");
}

/* What a diff says, done to the text before: gives the text after, if the diff is right. */
static char *patch(const char *before, const char *told) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  struct gw_str rest = gw_str_from(before), lines = gw_str_from(told), line, old;
  uint64_t at = 1;
  gw_str_split_next(&lines, '\n', &line);
  gw_str_split_next(&lines, '\n', &line);
  while (gw_str_split_next(&lines, '\n', &line)) {
    if (line.len == 0) break;
    if (line.data[0] == '@') {
      uint64_t first = strtoull(line.data + 4, NULL, 10);
      bool is_empty = memmem(line.data, line.len, ",0 +", 4) != NULL;
      while (at < first + (is_empty ? 1 : 0)) {
        assert_true(gw_str_split_next(&rest, '\n', &old));
        gw_strbuf_printf(&out, "%.*s\n", GW_STR_ARG(old));
        at++;
      }
    } else if (line.data[0] == '+') {
      gw_strbuf_printf(&out, "%.*s\n", (int)line.len - 1, line.data + 1);
    } else {
      assert_true(gw_str_split_next(&rest, '\n', &old));
      assert_true(gw_str_equal(old, gw_str_skip(line, 1)));
      if (line.data[0] == ' ') gw_strbuf_printf(&out, "%.*s\n", GW_STR_ARG(old));
      at++;
    }
  }
  gw_strbuf_append_str(&out, rest);
  return gw_strbuf_take(&out);
}

static char *draw(struct gw_random *random, const char *like) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  struct gw_str rest = gw_str_from(like), line;
  for (uint64_t left = like != NULL ? UINT64_MAX : gw_random_below(random, 40); left > 0; left--) {
    if (like != NULL && (!gw_str_split_next(&rest, '\n', &line) || rest.len + line.len == 0)) break;
    uint64_t chance = gw_random_below(random, 8);
    if (like != NULL && chance > 1) gw_strbuf_printf(&out, "%.*s\n", GW_STR_ARG(line));
    if (like == NULL || chance == 0) gw_strbuf_printf(&out, "line %u\n", (unsigned)gw_random_below(random, 12));
  }
  return gw_strbuf_take(&out);
}

static void test_patching_with_the_diff_gives_the_other_text(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 5);
  for (int i = 0; i < 2000; i++) {
    char *before = draw(&random, NULL), *after = draw(&random, before), *told = diff(before, after);
    char *made = patch(before, told);
    if (strcmp(made, after) != 0) fail_msg("%s\n--\n%s\n--\n%s\n--\n%s", before, after, told, made);
    free(before);
    free(after);
    free(told);
    free(made);
  }
}

static void test_texts_that_differ_all_over_are_replaced(void **state) {
  (void)state;
  struct gw_strbuf before, after;
  gw_strbuf_init(&before);
  gw_strbuf_init(&after);
  for (int i = 0; i < 4000; i++) {
    gw_strbuf_printf(&before, "a%d\n", i);
    gw_strbuf_printf(&after, "b%d\n", i);
  }
  char *told = diff(before.data, after.data), *made = patch(before.data, told);
  assert_string_equal(made, after.data);
  free(told);
  free(made);
  gw_strbuf_done(&before);
  gw_strbuf_done(&after);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_texts_give_nothing),
      cmocka_unit_test(test_change_is_told_with_three_lines_around_it),
      cmocka_unit_test(test_what_comes_and_goes),
      cmocka_unit_test(test_changes_far_apart_are_two_hunks),
      cmocka_unit_test(test_missing_line_end_is_told),
      cmocka_unit_test(test_patching_with_the_diff_gives_the_other_text),
      cmocka_unit_test(test_texts_that_differ_all_over_are_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
