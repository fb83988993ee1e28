#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/routing/regex.h"

static const struct gw_regex_options whole = {GW_REGEX_WHOLE, false};

static bool try_match(const char *pattern, const char *text, bool is_fast, bool *has_given_up) {
  char why[GW_REGEX_WHY_SIZE] = "";
  struct gw_regex *regex = NULL;
  if (gw_regex_new(gw_str_from(pattern), (struct gw_regex_options){GW_REGEX_WHOLE, is_fast}, why, &regex) != GW_OK)
    fail_msg("%s: %s", pattern, why);
  struct gw_arena scratch;
  gw_arena_init(&scratch, 1024);
  bool is_match = gw_regex_match(regex, gw_str_from(text), &scratch, has_given_up);
  gw_arena_done(&scratch);
  gw_regex_free(regex);
  return is_match;
}

static bool matches(const char *pattern, const char *text, bool is_fast) {
  bool has_given_up = false;
  bool is_match = try_match(pattern, text, is_fast, &has_given_up);
  assert_false(has_given_up);
  return is_match;
}

static void test_match_is_of_the_whole_text(void **state) {
  (void)state;
  for (int fast = 0; fast < 2; fast++) {
    assert_true(matches("/a/[0-9]+", "/a/12", fast));
    assert_false(matches("/a/[0-9]+", "/a/12/", fast));
    assert_false(matches("/a/[0-9]+", "x/a/12", fast));
    assert_true(matches("a|ab", "ab", fast));
    assert_true(matches("", "", fast));
    assert_true(matches("(?i)get", "GET", fast));
    assert_true(matches("(?P<name>x){2,3}?", "xx", fast));
    assert_true(matches("[[:alpha:]]+\\.\\Qa.b\\E", "xyz.a.b", fast));
  }
}

/* What RE2 lacks or reads otherwise is refused, so that Envoy and we never differ silently. */
static void test_new_refuses_what_re2_lacks(void **state) {
  (void)state;
  static const struct {
    const char *pattern;
    const char *why;
  } bad[] = {
      {"(a)\\1", "uses a backreference or octal escape; allowed is RE2's syntax"},
      {"(?P<x>a)(?P=x)", "uses a backreference; allowed is RE2's syntax"},
      {"(a)\\g1", "uses a backreference; allowed is RE2's syntax"},
      {"a(?=b)", "uses lookaround; allowed is RE2's syntax"},
      {"a(?!b)", "uses lookaround; allowed is RE2's syntax"},
      {"(?<=a)b", "uses lookaround; allowed is RE2's syntax"},
      {"(?<!a)b", "uses lookaround; allowed is RE2's syntax"},
      {"(?>a)", "uses an atomic group; allowed is RE2's syntax"},
      {"(?|a|b)", "uses a branch reset; allowed is RE2's syntax"},
      {"(?#x)a", "uses a comment; allowed is RE2's syntax"},
      {"(a(?R)?b)", "uses recursion; allowed is RE2's syntax"},
      {"(a)(?1)", "uses a group that RE2 lacks; allowed is RE2's syntax"},
      {"(?(1)a|b)", "uses a condition; allowed is RE2's syntax"},
      {"(?x)a", "uses a group that RE2 lacks; allowed is RE2's syntax"},
      {"(*UTF)a", "uses a verb; allowed is RE2's syntax"},
      {"(*ACCEPT)", "uses a verb; allowed is RE2's syntax"},
      {"a++", "uses a possessive quantifier; allowed is RE2's syntax"},
      {"[ab]*+", "uses a possessive quantifier; allowed is RE2's syntax"},
      {"a{2}+", "uses a possessive quantifier; allowed is RE2's syntax"},
      {"a{1001}", "uses a repetition of more than 1000; allowed is RE2's syntax"},
      {"a{2,1001}", "uses a repetition of more than 1000; allowed is RE2's syntax"},
      {"\\pL", "uses a Unicode class; allowed is RE2's syntax"},
      {"\\K", "uses an escape that RE2 lacks or reads otherwise; allowed is RE2's syntax"},
      {"[\\h]", "uses an escape that RE2 lacks or reads otherwise; allowed is RE2's syntax"},
      {"a(b", "is no regular expression: missing closing parenthesis at byte 3"},
      {"[a", "is no regular expression: missing terminating ] for character class at byte 2"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    char why[GW_REGEX_WHY_SIZE] = "";
    struct gw_regex *regex = NULL;
    if (gw_regex_new(gw_str_from(bad[i].pattern), whole, why, &regex) != GW_ERR_INVALID) fail_msg("%s was accepted", bad[i].pattern);
    assert_string_equal(why, bad[i].why);
  }
}

static void test_new_accepts_what_only_looks_foreign(void **state) {
  (void)state;
  assert_true(matches("[(?=)]+", "?", false));
  assert_true(matches("\\(\\?=", "(?=", false));
  assert_true(matches("a{,3}", "a{,3}", false));
  assert_true(matches("a{x}", "a{x}", false));
  assert_true(matches("[]*+a]+", "]*", false));
  assert_true(matches("(?:a+)+?b", "aab", false));
  assert_true(matches("(?i:A)b", "ab", false));
}

static void test_new_of_long_pattern_is_refused(void **state) {
  (void)state;
  char pattern[GW_REGEX_PATTERN_MAX + 1], why[GW_REGEX_WHY_SIZE] = "";
  memset(pattern, 'a', sizeof pattern);
  struct gw_regex *regex = NULL;
  assert_int_equal(gw_regex_new((struct gw_str){pattern, sizeof pattern}, whole, why, &regex), GW_ERR_INVALID);
  assert_string_equal(why, "has 4097 bytes; at most 4096 are allowed");
  assert_int_equal(gw_regex_new((struct gw_str){pattern, sizeof pattern - 1}, whole, why, &regex), GW_OK);
  gw_regex_free(regex);
}

/* A pattern that would take years ends at the limit, and says so. */
static void test_match_of_exploding_pattern_gives_up(void **state) {
  (void)state;
  for (int fast = 0; fast < 2; fast++) {
    bool has_given_up = false;
    assert_false(
        try_match("(a*)*(a*)*(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b", fast, &has_given_up));
    assert_true(has_given_up);
  }
}

static void test_match_of_long_text_works(void **state) {
  (void)state;
  char text[60001];
  memset(text, 'a', sizeof text);
  text[0] = '/';
  text[sizeof text - 1] = '\0';
  for (int fast = 0; fast < 2; fast++)
    assert_true(matches("/[a-z]+", text, fast));
}

static void test_groups_that_took_no_part_are_null(void **state) {
  (void)state;
  char why[GW_REGEX_WHY_SIZE] = "";
  struct gw_regex *regex = NULL;
  assert_int_equal(gw_regex_new(GW_STR("(a)|(b)"), (struct gw_regex_options){GW_REGEX_ANYWHERE, false}, why, &regex), GW_OK);
  assert_int_equal(gw_regex_group_count(regex), 2);
  struct gw_arena scratch;
  gw_arena_init(&scratch, 1024);
  struct gw_str groups[GW_REGEX_GROUPS_MAX];
  assert_true(gw_regex_match_groups(regex, GW_STR("xxb"), 1, &scratch, groups));
  assert_int_equal(groups[0].len, 1);
  assert_null(groups[1].data);
  assert_int_equal(groups[2].data[0], 'b');
  assert_null(groups[3].data);
  gw_arena_done(&scratch);
  gw_regex_free(regex);
}

static void test_literal_prefix_is_never_more_than_all_matches_share(void **state) {
  (void)state;
  static const struct {
    const char *pattern;
    const char *prefix;
  } cases[] = {
      {"/a/[b]+", "/a/"}, {"^/a/b$", "/a/b"}, {"/a\\.b/.*", "/a.b/"}, {"/ab*", "/a"},     {"/ab?c", "/a"}, {"/ab{2}", "/a"},
      {"/ab+", "/ab"},    {"/a|/b", ""},      {"/a(b|c)", "/a"},      {"(?i)/a", ""},     {"/a\\d", "/a"}, {"", ""},
      {"/a[|]b", "/a"},   {"\\/a", "/a"},     {"/a\\Qb|c\\E", ""},    {"/x\\|y", "/x|y"}, {".*", ""},      {"/a(?:|b)", "/a"},
  };
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_str prefix = gw_regex_literal_prefix(gw_str_from(cases[i].pattern), &arena);
    if (!gw_str_equal(prefix, gw_str_from(cases[i].prefix))) fail_msg("%s: \"%.*s\"", cases[i].pattern, GW_STR_ARG(prefix));
  }
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_match_is_of_the_whole_text),
      cmocka_unit_test(test_new_refuses_what_re2_lacks),
      cmocka_unit_test(test_new_accepts_what_only_looks_foreign),
      cmocka_unit_test(test_new_of_long_pattern_is_refused),
      cmocka_unit_test(test_match_of_exploding_pattern_gives_up),
      cmocka_unit_test(test_match_of_long_text_works),
      cmocka_unit_test(test_groups_that_took_no_part_are_null),
      cmocka_unit_test(test_literal_prefix_is_never_more_than_all_matches_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
