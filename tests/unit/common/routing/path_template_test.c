#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/routing/path_template.h"
#include "common/routing/regex.h"

static enum gw_err parse(const char *text, struct gw_path_template *template, const char **why) {
  *why = NULL;
  return gw_path_template_parse(gw_str_from(text), template, why);
}

/* Each was given to Envoy 1.40 with --mode validate, which accepts it. */
static void test_parse_accepts_what_envoy_accepts(void **state) {
  (void)state;
  static const char *const good[] = {
      "/",
      "/a/",
      "/a/**",
      "/**",
      "/**/b",
      "/**/",
      "/*/",
      "/*b",
      "/**b",
      "/a{x}",
      "/{x}b",
      "/{x=*}b",
      "/{x=**}b",
      "/{x=a/*/b}",
      "/a=b",
      "/a{x=*}b",
      "/a{x=**}",
      "/a{x}/**",
      "/{x=**}/b",
      "/{x=a/*}c/d",
      "/*/{x}b/c",
      "/{x=a}c/d",
      "/{x=**}c/d",
      "/{a}/{b}/{c}/{d}/{e}",
      "/{abcdefghijklmnop}",
      "/a/{x}.json/b",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(good); i++) {
    struct gw_path_template template;
    const char *why;
    if (parse(good[i], &template, &why) != GW_OK) fail_msg("%s: %s", good[i], why);
  }
}

/* Envoy refuses these too, but those with a '*' beside literal bytes, which it reads as part of a regular expression. */
static void test_parse_refuses_with_the_reason(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *why;
  } bad[] = {
      {"", "does not begin with /"},
      {"a", "does not begin with /"},
      {"//", "has an empty segment"},
      {"/a//b", "has an empty segment"},
      {"/{x}//b", "has an empty segment"},
      {"/a*b", "has a * inside a segment"},
      {"/***", "has a * inside a segment"},
      {"/{x}*", "has a * inside a segment"},
      {"/{x=a*}", "has a * inside a segment"},
      {"/{x=*b}", "has a * inside a segment of a variable"},
      {"/a/*.json/b", "has bytes behind a * that is not in the last segment"},
      {"/**b/c", "has bytes behind a * that is not in the last segment"},
      {"/*{x}", "has two variables or wildcards in a segment"},
      {"/{x}{y}", "has two variables or wildcards in a segment"},
      {"/a{x}b{y}c", "has two variables or wildcards in a segment"},
      {"/a{x=b/c}", "has a variable of several segments behind other bytes"},
      {"/{x=a/}", "has a variable with an empty segment"},
      {"/{x=/a}", "has a variable with an empty segment"},
      {"/{x=}", "has a variable with an empty segment"},
      {"/{_x}", "has a variable whose name is not letters, digits and _, a letter first"},
      {"/{x-y}", "has a variable whose name is not letters, digits and _, a letter first"},
      {"/{}", "has a variable whose name is not letters, digits and _, a letter first"},
      {"/{x}/{x}", "has two variables of the same name"},
      {"/{a}/{b}/{c}/{d}/{e}/{f}", "has more than 5 variables"},
      {"/{abcdefghijklmnopq}", "has a variable name of more than 16 characters"},
      {"/a}", "has a } without {"},
      {"/{a", "has a { without }"},
      {"/{x={y}}", "has a variable inside a variable"},
      {"/{x=**}/{y=**}", "has a wildcard behind **"},
      {"/**/*", "has a wildcard behind **"},
      {"/a[b", "has a byte that is not allowed in a path"},
      {"/a b", "has a byte that is not allowed in a path"},
      {"/a?b", "has a byte that is not allowed in a path"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    struct gw_path_template template;
    const char *why;
    if (parse(bad[i].text, &template, &why) != GW_ERR_INVALID) fail_msg("%s was accepted", bad[i].text);
    assert_string_equal(why, bad[i].why);
  }
}

static void test_parse_of_too_long_text_is_refused(void **state) {
  (void)state;
  char text[GW_PATH_TEMPLATE_MAX + 2];
  struct gw_path_template template;
  const char *why;
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = i % 2 == 0 ? '/' : '*';
  assert_int_equal(gw_path_template_parse((struct gw_str){text, GW_PATH_TEMPLATE_MAX}, &template, &why), GW_OK);
  assert_int_equal(template.piece_count, GW_PATH_TEMPLATE_MAX);
  assert_int_equal(gw_path_template_parse((struct gw_str){text, GW_PATH_TEMPLATE_MAX + 1}, &template, &why), GW_ERR_INVALID);
  assert_string_equal(why, "is longer than 256 bytes");
}

/* The plain walk and the regular expression are two readings of the same template: they must say the same of every path. */
static void test_match_plain_is_equal_to_the_regular_expression(void **state) {
  (void)state;
  static const char *const templates[] = {"/", "/a", "/a/", "/*", "/{x}/b", "/a/{x=**}", "/**", "/{x=a/*/b}/c", "/a=b/*/", "/a.b/{x}"};
  static const char *const paths[] = {"/",      "/a",       "/a/",      "/a/b",   "/a/b/",    "/b",        "/a/b/c", "/a/x/b/c", "/axb",
                                      "/a//b",  "/a=b/*/",  "/a=b//",   "/a.b/~", "/axb/~",   "/a/\"",     "/\"/b",  "//",       "/a/b|",
                                      "/a/%20", "/a/$&'()", "/a/b\"/c", "/!/b",   "/a.b/x/y", "/a/[]/b/c", "*",      ""};
  struct gw_arena scratch;
  gw_arena_init(&scratch, 1024);
  for (size_t t = 0; t < GW_ARRAY_LEN(templates); t++) {
    struct gw_path_template template;
    const char *why;
    assert_int_equal(parse(templates[t], &template, &why), GW_OK);
    assert_true(template.is_plain);
    struct gw_strbuf pattern;
    gw_strbuf_init(&pattern);
    gw_path_template_format_regex(&template, &pattern);
    char problem[GW_REGEX_WHY_SIZE] = "";
    struct gw_regex *regex = NULL;
    assert_int_equal(gw_regex_new(gw_strbuf_str(&pattern), (struct gw_regex_options){GW_REGEX_WHOLE, true}, problem, &regex), GW_OK);
    for (size_t p = 0; p < GW_ARRAY_LEN(paths); p++) {
      struct gw_str path = gw_str_from(paths[p]);
      bool plain = gw_path_template_match_plain(&template, path, NULL);
      if (plain != gw_regex_match(regex, path, &scratch, NULL)) fail_msg("%s on %s: plain says %d", templates[t], paths[p], plain);
    }
    gw_regex_free(regex);
    gw_strbuf_done(&pattern);
  }
  gw_arena_done(&scratch);
}

static void test_parse_tells_plain_from_mixed(void **state) {
  (void)state;
  static const char *const mixed[] = {"/**/b", "/*b", "/a{x}", "/{x}b", "/{x=**}/b", "/{x=*}b", "/**b"};
  for (size_t i = 0; i < GW_ARRAY_LEN(mixed); i++) {
    struct gw_path_template template;
    const char *why;
    assert_int_equal(parse(mixed[i], &template, &why), GW_OK);
    assert_false(template.is_plain);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_accepts_what_envoy_accepts),  cmocka_unit_test(test_parse_refuses_with_the_reason),
      cmocka_unit_test(test_parse_of_too_long_text_is_refused), cmocka_unit_test(test_match_plain_is_equal_to_the_regular_expression),
      cmocka_unit_test(test_parse_tells_plain_from_mixed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
