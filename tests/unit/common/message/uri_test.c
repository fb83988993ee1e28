#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/message/uri.h"

static const struct gw_uri_rules all_rules = {true, true, GW_URI_ESCAPED_SLASHES_REJECT};
static const struct gw_uri_rules no_rules = {false, false, GW_URI_ESCAPED_SLASHES_KEEP};

struct example {
  const char *path;
  const char *normal; /* NULL: refused */
};

static void assert_normal(struct gw_str path, const struct gw_uri_rules *rules, const char *expected, bool is_redirect) {
  struct gw_arena arena;
  struct gw_str normal;
  bool must_redirect;
  gw_arena_init(&arena, 1024);
  enum gw_err err = gw_uri_normalize(path, rules, &arena, &normal, &must_redirect);
  if (expected == NULL) {
    if (err != GW_ERR_INVALID) fail_msg("%.*s: accepted", GW_STR_ARG(path));
  } else {
    if (err != GW_OK) fail_msg("%.*s: refused", GW_STR_ARG(path));
    if (!gw_str_equal(normal, gw_str_from(expected))) fail_msg("%.*s: %.*s", GW_STR_ARG(path), GW_STR_ARG(normal));
    assert_int_equal(must_redirect, is_redirect);
    if (gw_str_equal(normal, path)) assert_ptr_equal(normal.data, path.data);
  }
  gw_arena_done(&arena);
}

static void assert_examples(const struct example *examples, size_t count, const struct gw_uri_rules *rules) {
  for (size_t i = 0; i < count; i++)
    assert_normal(gw_str_from(examples[i].path), rules, examples[i].normal, false);
}

static void test_normalize_with_all_rules(void **state) {
  (void)state;
  const struct example examples[] = {
      {"/", "/"},
      {"/a/b/c", "/a/b/c"},
      {"/a/b/", "/a/b/"},
      {"/a?b=/../c//d%2f", "/a?b=/../c//d%2f"},
      {"/a~b!$&'()*+,;=:@-._", "/a~b!$&'()*+,;=:@-._"},
      {"/%41%7e%2D", "/A~-"},
      {"/%2541", "/%2541"},
      {"/%e2%82%ac", "/%E2%82%AC"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/.", "/a/"},
      {"/.", "/"},
      {"/a/..", "/"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b?x", "/b?x"},
      {"/.well-known/x", "/.well-known/x"},
      {"/.../x", "/.../x"},
      {"/..a/b..", "/..a/b.."},
      {"//", "/"},
      {"//a///b//", "/a/b/"},
      {"/a//../b", "/a/b"},
      {"//../a", "/a"},
      {"/..", NULL},
      {"/../a", NULL},
      {"/a/../../b", NULL},
      {"/%2e%2e/a", NULL},
      {"/a\\b", NULL},
      {"/a%2Fb", NULL},
      {"/a%5cb", NULL},
      {"/a%00", NULL},
      {"/a%", NULL},
      {"/a%4", NULL},
      {"/a%4?1", NULL},
      {"/a%g1", NULL},
      {"/a%-1", NULL},
      {"/a b", NULL},
      {"/a#b", NULL},
      {"/a?b#c", NULL},
      {"/a?b c", NULL},
      {"/\xc3\xa4", NULL},
      {"/a?\xc3\xa4", NULL},
      {"/a\x7f", NULL},
      {"/a\nb", NULL},
      {"/%41/x?y z", NULL},
      {"a", NULL},
      {"", NULL},
      {"*", NULL},
  };
  assert_examples(examples, GW_ARRAY_LEN(examples), &all_rules);
  assert_normal(GW_STR("/a\0b"), &all_rules, NULL, false);
}

static void test_normalize_without_rules_only_refuses(void **state) {
  (void)state;
  const struct example examples[] = {
      {"/a/../%41%2f%5c//b\\c/./", "/a/../%41%2f%5c//b\\c/./"}, {"/..", "/.."}, {"/%00", NULL}, {"/%0", NULL}, {"/ ", NULL}, {"x", NULL},
  };
  assert_examples(examples, GW_ARRAY_LEN(examples), &no_rules);
}

static void test_normalize_merges_slashes_alone(void **state) {
  (void)state;
  const struct gw_uri_rules rules = {false, true, GW_URI_ESCAPED_SLASHES_KEEP};
  const struct example examples[] = {{"//a//../%2f//", "/a/../%2f/"}, {"/a/b", "/a/b"}, {"/a?//", "/a?//"}};
  assert_examples(examples, GW_ARRAY_LEN(examples), &rules);
}

static void test_normalize_keeps_escaped_slashes_in_upper_case(void **state) {
  (void)state;
  const struct gw_uri_rules rules = {true, true, GW_URI_ESCAPED_SLASHES_KEEP};
  const struct example examples[] = {{"/a%2f%5c%2Fb", "/a%2F%5C%2Fb"}, {"/a%2f../b", "/a%2F../b"}};
  assert_examples(examples, GW_ARRAY_LEN(examples), &rules);
}

static void test_normalize_unescapes_slashes_before_all_else(void **state) {
  (void)state;
  const struct gw_uri_rules forward = {true, true, GW_URI_ESCAPED_SLASHES_FORWARD};
  const struct gw_uri_rules redirect = {true, true, GW_URI_ESCAPED_SLASHES_REDIRECT};
  assert_normal(GW_STR("/a%2f..%5cb?%2f"), &forward, "/b?%2f", false);
  assert_normal(GW_STR("/a%2F%2fb"), &redirect, "/a/b", true);
  assert_normal(GW_STR("/a/b"), &redirect, "/a/b", false);
  assert_normal(GW_STR("/a/../b"), &redirect, "/b", false);
  assert_normal(GW_STR("/a%252Fb"), &forward, "/a%252Fb", false);
}

static void test_normalize_twice_is_normalize_once(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 1);
  static const char *const pieces[] = {"/",   "/",   ".", "..", "a",  "%2e", "%2E", "%2f", "%5C",
                                       "%41", "%25", "%", "2",  "\\", "?",   "%00", "%C3"};
  for (unsigned round = 0; round < 20000; round++) {
    struct gw_arena arena;
    struct gw_strbuf path;
    struct gw_str once;
    struct gw_str twice;
    bool must_redirect;
    struct gw_uri_rules rules = {round % 2 == 0, round / 2 % 2 == 0, (enum gw_uri_escaped_slashes)(round / 4 % 4)};
    gw_arena_init(&arena, 1024);
    gw_strbuf_init(&path);
    gw_strbuf_append_char(&path, '/');
    for (uint64_t i = gw_random_below(&random, 12); i > 0; i--)
      gw_strbuf_append_str(&path, gw_str_from(pieces[gw_random_below(&random, GW_ARRAY_LEN(pieces))]));
    if (gw_uri_normalize(gw_strbuf_str(&path), &rules, &arena, &once, &must_redirect) == GW_OK) {
      assert_true(once.len <= path.len);
      assert_int_equal(gw_uri_normalize(once, &rules, &arena, &twice, &must_redirect), GW_OK);
      if (once.data != twice.data) fail_msg("%s: %.*s, then %.*s", path.data, GW_STR_ARG(once), GW_STR_ARG(twice));
      assert_false(must_redirect);
    }
    gw_strbuf_done(&path);
    gw_arena_done(&arena);
  }
}

static void test_authority_validity(void **state) {
  (void)state;
  const char *good[] = {"a",    "example.org", "EXAMPLE.org:80", "127.0.0.1:65535", "[::1]", "[2001:db8::1]:8080", "a_b-c~d", "x:0",
                        "%41b", "a."};
  const char *bad[] = {"",         ":80",     "a:",  "a:65536",   "a:000080",       "a:8x", "a:-1",
                       "user@a",   "a b",     "a/b", "a?b",       "[::1",           "::1",  "[::1]x",
                       "[::1]:",   "[]",      "[a]", "[1.2.3.4]", "[fe80::1%eth0]", "a%4",  "a%zz",
                       "\xc3\xa4", "a:80:80", "a,b", "[::1]:80]"};
  for (size_t i = 0; i < GW_ARRAY_LEN(good); i++) {
    if (!gw_uri_authority_is_valid(gw_str_from(good[i]))) fail_msg("%s: refused", good[i]);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    if (gw_uri_authority_is_valid(gw_str_from(bad[i]))) fail_msg("%s: accepted", bad[i]);
  }
}

static void test_authority_host_is_without_port(void **state) {
  (void)state;
  const struct example examples[] = {{"a:80", "a"}, {"a", "a"}, {"[::1]:80", "[::1]"}, {"[::1]", "[::1]"}, {"", ""}};
  for (size_t i = 0; i < GW_ARRAY_LEN(examples); i++)
    assert_true(gw_str_equal(gw_uri_authority_host(gw_str_from(examples[i].path)), gw_str_from(examples[i].normal)));
}

static void test_query_find_takes_the_first_of_that_name(void **state) {
  (void)state;
  static const struct {
    const char *path;
    const char *value; /* of "q"; NULL: none */
  } cases[] = {{"/a?q=1", "1"}, {"/a?p=0&q=1&q=2", "1"}, {"/a?qq=1", NULL},  {"/q=1", NULL},     {"/a?", NULL},        {"/a?q", ""},
               {"/a?q=", ""},   {"/a?q=a=b", "a=b"},     {"/a?%71=1", NULL}, {"/a?b?q=1", NULL}, {"/a?&&q=%20", "%20"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct gw_str value = {NULL, 0};
    enum gw_err err = gw_uri_query_find(gw_str_from(cases[i].path), GW_STR("q"), &value);
    assert_int_equal(err, cases[i].value != NULL ? GW_OK : GW_ERR_NOT_FOUND);
    if (err == GW_OK && !gw_str_equal(value, gw_str_from(cases[i].value))) fail_msg("%s: %.*s", cases[i].path, GW_STR_ARG(value));
  }
  struct gw_str value;
  assert_int_equal(gw_uri_query_find(GW_STR("/a?q=a=b"), GW_STR("q=a"), &value), GW_ERR_NOT_FOUND); /* no name has a '=' */
}

static void test_query_remove_takes_all_of_that_name(void **state) {
  (void)state;
  static const char *const cases[][2] =
      {{"/a?q=1", "/a"}, {"/a?p=0&q=1&q=2", "/a?p=0"}, {"/a?q=1&p=0", "/a?p=0"}, {"/a?qq=1", "/a?qq=1"},  {"/a", "/a"},
       {"/a?q", "/a"},   {"/a?x&q=&y&q", "/a?x&y"},    {"/q=1?q=1&", "/q=1?"},   {"/a?p=q=1", "/a?p=q=1"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 256);
    struct gw_str left = gw_uri_query_remove(gw_str_from(cases[i][0]), GW_STR("q"), &arena);
    if (!gw_str_equal(left, gw_str_from(cases[i][1]))) fail_msg("%s: %.*s", cases[i][0], GW_STR_ARG(left));
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_normalize_with_all_rules),
      cmocka_unit_test(test_normalize_without_rules_only_refuses),
      cmocka_unit_test(test_normalize_merges_slashes_alone),
      cmocka_unit_test(test_normalize_keeps_escaped_slashes_in_upper_case),
      cmocka_unit_test(test_normalize_unescapes_slashes_before_all_else),
      cmocka_unit_test(test_normalize_twice_is_normalize_once),
      cmocka_unit_test(test_authority_validity),
      cmocka_unit_test(test_authority_host_is_without_port),
      cmocka_unit_test(test_query_find_takes_the_first_of_that_name),
      cmocka_unit_test(test_query_remove_takes_all_of_that_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
