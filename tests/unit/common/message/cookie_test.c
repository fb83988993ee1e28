/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "common/message/cookie.h"

#include "common/base/mem.h"

static void test_find_takes_the_first_of_that_name(void **state) {
  (void)state;
  static const struct {
    const char *field;
    const char *name;
    const char *value; /* NULL: none */
  } cases[] = {
      {"a=1", "a", "1"},         {"a=1; b=2;c=3", "b", "2"}, {"a=1; b=2;c=3", "c", "3"}, {" a = 1", "a", NULL}, /* a name has no space */
      {"aa=1; a=2", "a", "2"},   {"a=2; a=3", "a", "2"},     {"A=2", "a", NULL},         {"a", "a", NULL},      {"a=", "a", ""},
      {"a=\"x y\"", "a", "x y"}, {"a=\"", "a", "\""},        {"a=\"\"", "a", ""},        {"a=b=c", "a", "b=c"}, {"", "a", NULL},
      {";;;", "a", NULL},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_header item = {GW_STR("cookie"), gw_str_from(cases[i].field), GW_HEADER_COOKIE, false};
    struct gw_headers headers = {.items = &item, .count = 1};
    struct gw_str value = {NULL, 0};
    enum gw_err err = gw_cookie_find(&headers, gw_str_from(cases[i].name), &value);
    assert_int_equal(err, cases[i].value != NULL ? GW_OK : GW_ERR_NOT_FOUND);
    if (err == GW_OK && !gw_str_equal(value, gw_str_from(cases[i].value))) fail_msg("case %zu: %.*s", i, GW_STR_ARG(value));
  }
}

static void test_remove_leaves_the_others_as_they_are(void **state) {
  (void)state;
  static const struct {
    const char *field;
    const char *left; /* NULL: the field goes */
  } cases[] =
      {{"a=1", NULL},       {"a=1; b=2;c=3", "b=2; c=3"},   {"b=2; a=1", "b=2"}, {"aa=1; A=2", "aa=1; A=2"}, {"a=1; a=2; b=3;a=4", "b=3"},
       {"b=x;;a=;", "b=x"}, {"b=\"a=1\"; a=1", "b=\"a=1\""}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 256);
    struct gw_header items[] = {{GW_STR("x-a"), GW_STR("a=1"), GW_HEADER_OTHER, false},
                                {GW_STR("cookie"), gw_str_from(cases[i].field), GW_HEADER_COOKIE, false}};
    struct gw_headers headers = {.items = items, .count = 2};
    gw_cookie_remove(&headers, &arena, GW_STR("a"));
    assert_int_equal(headers.count, cases[i].left != NULL ? 2 : 1);
    assert_true(gw_str_equal(items[0].value, GW_STR("a=1")));
    if (cases[i].left != NULL && !gw_str_equal(items[1].value, gw_str_from(cases[i].left)))
      fail_msg("case %zu: %.*s", i, GW_STR_ARG(items[1].value));
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_find_takes_the_first_of_that_name),
      cmocka_unit_test(test_remove_leaves_the_others_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
