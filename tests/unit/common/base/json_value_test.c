#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"

static const char claims_text[] =
    "{\"sub\":\"u1\",\"n\":7,\"ok\":true,\"half\":0.5,\"none\":null,\"roles\":[\"admin\",\"operator\",[\"deep\"]],"
    "\"realm_access\":{\"roles\":[\"a\"]},\"https://example.com/roles\":[\"x\"],\"a~b\":{\"\":1}}";

struct fixture {
  struct gw_arena arena;
  const struct gw_json_value *claims;
};

static int set_up(void **state) {
  static const struct gw_json_limits limits = {4096, 16, 100};
  struct fixture *fixture = gw_calloc(1, sizeof(*fixture));
  gw_arena_init(&fixture->arena, 1024);
  *state = fixture;
  return gw_json_parse(gw_str_from(claims_text), &limits, &fixture->arena, &fixture->claims) == GW_OK ? 0 : -1;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  gw_arena_done(&fixture->arena);
  free(fixture);
  return 0;
}

static void test_find_looks_at_members_of_objects_only(void **state) {
  const struct fixture *fixture = *state;
  assert_true(gw_json_is_string(gw_json_find(fixture->claims, GW_STR("sub")), GW_STR("u1")));
  assert_null(gw_json_find(fixture->claims, GW_STR("Sub")));
  assert_null(gw_json_find(gw_json_find(fixture->claims, GW_STR("roles")), GW_STR("0")));
  assert_null(gw_json_find(NULL, GW_STR("sub")));
}

static void test_scalars_are_compared_as_they_are_written(void **state) {
  const struct fixture *fixture = *state;
  assert_true(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("sub")), GW_STR("u1")));
  assert_true(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("n")), GW_STR("7")));
  assert_false(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("n")), GW_STR("07")));
  assert_true(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("ok")), GW_STR("true")));
  assert_false(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("none")), GW_STR("null")));
  assert_false(gw_json_is_scalar(gw_json_find(fixture->claims, GW_STR("roles")), GW_STR("admin")));
  assert_false(gw_json_is_string(gw_json_find(fixture->claims, GW_STR("n")), GW_STR("7")));
  assert_false(gw_json_is_scalar(NULL, GW_STR("")));
}

static void test_numbers_of_both_kinds_are_doubles(void **state) {
  const struct fixture *fixture = *state;
  double number = 0;
  assert_true(gw_json_number(gw_json_find(fixture->claims, GW_STR("n")), &number));
  assert_int_equal((int)number, 7);
  assert_true(gw_json_number(gw_json_find(fixture->claims, GW_STR("half")), &number));
  assert_int_equal((int)(number * 10), 5);
  assert_false(gw_json_number(gw_json_find(fixture->claims, GW_STR("sub")), &number));
  assert_false(gw_json_number(NULL, &number));
}

static const struct gw_json_value *walk(struct fixture *fixture, const char *text) {
  struct gw_json_path path;
  assert_int_equal(gw_json_path_parse(gw_str_from(text), &fixture->arena, &path), GW_OK);
  return gw_json_walk(fixture->claims, &path);
}

static void test_dotted_paths_lead_into_objects_and_arrays(void **state) {
  assert_true(gw_json_is_string(walk(*state, "realm_access.roles.0"), GW_STR("a")));
  assert_true(gw_json_is_string(walk(*state, "roles.1"), GW_STR("operator")));
  assert_true(gw_json_is_string(walk(*state, "roles.2.0"), GW_STR("deep")));
  static const char *const nowhere[] = {"roles.3",
                                        "roles.01",
                                        "roles.-1",
                                        "roles.x",
                                        "sub.x",
                                        "none.x",
                                        "missing",
                                        "https://example.com/roles",
                                        "roles.99999999999999999999"};
  for (size_t i = 0; i < GW_ARRAY_LEN(nowhere); i++)
    assert_null(walk(*state, nowhere[i]));
}

static void test_pointers_reach_names_with_dots_slashes_and_tildes(void **state) {
  assert_true(gw_json_is_string(walk(*state, "/https:~1~1example.com~1roles/0"), GW_STR("x")));
  assert_true(gw_json_is_string(walk(*state, "/realm_access/roles/0"), GW_STR("a")));
  assert_true(gw_json_is_scalar(walk(*state, "/a~0b/"), GW_STR("1")));
}

static void test_paths_that_are_none_are_refused(void **state) {
  struct fixture *fixture = *state;
  static const char *const refused[] = {"", ".", "a.", ".a", "a..b", "/~", "/a~2", "/~x/b"};
  struct gw_json_path path;
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++)
    assert_int_equal(gw_json_path_parse(gw_str_from(refused[i]), &fixture->arena, &path), GW_ERR_INVALID);
}

static void test_a_copy_is_whole_and_written_alike(void **state) {
  struct fixture *fixture = *state;
  struct gw_arena own;
  gw_arena_init(&own, 256);
  const struct gw_json_value *copy = gw_json_copy(fixture->claims, &own);
  gw_arena_wipe(&fixture->arena); /* nothing of it is in use */
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_json_append_value(&buf, copy);
  assert_string_equal(buf.data, claims_text);
  gw_strbuf_done(&buf);
  gw_arena_done(&own);
}

static void test_scalars_are_appended_bare(void **state) {
  struct fixture *fixture = *state;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  assert_true(gw_json_append_scalar(&buf, walk(fixture, "sub")));
  assert_true(gw_json_append_scalar(&buf, walk(fixture, "n")));
  assert_true(gw_json_append_scalar(&buf, walk(fixture, "ok")));
  assert_true(gw_json_append_scalar(&buf, walk(fixture, "half")));
  assert_false(gw_json_append_scalar(&buf, walk(fixture, "none")));
  assert_false(gw_json_append_scalar(&buf, walk(fixture, "roles")));
  assert_false(gw_json_append_scalar(&buf, walk(fixture, "realm_access")));
  assert_string_equal(buf.data, "u17true0.5");
  gw_strbuf_done(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_find_looks_at_members_of_objects_only, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_scalars_are_compared_as_they_are_written, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_numbers_of_both_kinds_are_doubles, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_dotted_paths_lead_into_objects_and_arrays, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_pointers_reach_names_with_dots_slashes_and_tildes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_paths_that_are_none_are_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_copy_is_whole_and_written_alike, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_scalars_are_appended_bare, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
