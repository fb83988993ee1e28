#include "controlplane/policy/regex_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <regex.h>
#include <stdio.h>

/* Each sample matches, and so the first. */
static void assert_samples(const char *pattern, const char *first) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t variant = 0; variant < GW_REGEX_SAMPLES; variant++) {
    assert_true(gw_regex_sample(gw_str_from(pattern), variant, &text));
    if (variant == 0) assert_string_equal(text.data, first);
    regex_t compiled;
    char whole[256];
    snprintf(whole, sizeof(whole), "^(%s)$", pattern);
    assert_int_equal(regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&compiled, text.data, 0, NULL, 0) != 0) fail_msg("%s: %s", pattern, text.data);
    regfree(&compiled);
  }
  gw_strbuf_done(&text);
}

static void test_samples_match(void **state) {
  (void)state;
  assert_samples("", "");
  assert_samples("/orders", "/orders");
  assert_samples("/v[0-9]+/items", "/v1/items");
  assert_samples("/(a|b)/[a-c]+", "/a/a");
  assert_samples("/a/b.*", "/a/b");
  assert_samples("(x|yy|(z|w)u)*end", "end");
  assert_samples("a{2,3}b{2}c{0,}", "aabb");
  assert_samples("[^a-z]?[]x]", "]");
  assert_samples("1\\.5", "1.5");
}

static void test_branches_and_repeats_take_turns(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  assert_true(gw_regex_sample(GW_STR("(?:one|(?i:two)|three)(?<n>\\d*)"), 1, &text));
  assert_string_equal(text.data, "two1");
  assert_true(gw_regex_sample(GW_STR("(?:one|two|three)(?P<n>\\w+?)"), 2, &text));
  assert_string_equal(text.data, "threea");
  gw_strbuf_done(&text);
}

static void test_what_is_not_understood_is_told(void **state) {
  (void)state;
  static const char *const patterns[] =
      {"(?=a)b", "(?!a)b", "(?<=a)b", "(?i)a", "(a)\\1", "a{2", "(a", "a)", "*", "[a", "[[:alpha:]]", "a{1000}", "((((((((((a))))))))))",
       "\\"};
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
    if (gw_regex_sample(gw_str_from(patterns[i]), 0, &text)) fail_msg("%s: %s", patterns[i], text.data);
    assert_int_equal(text.len, 0);
  }
  gw_strbuf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_samples_match),
      cmocka_unit_test(test_branches_and_repeats_take_turns),
      cmocka_unit_test(test_what_is_not_understood_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
