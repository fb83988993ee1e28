#include "controlplane/ctl/yaml_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_yaml(const char *json, const char *expected) {
  static const struct gw_json_limits limits = {.bytes_max = 10000, .depth_max = 20, .values_max = 1000};
  const struct gw_json_value *value;
  struct gw_arena arena;
  struct gw_strbuf out = {0};
  gw_arena_init(&arena, 1024);
  assert_int_equal(gw_json_parse(gw_str_from(json), &limits, &arena, &value), GW_OK);
  gw_yaml_append_value(&out, value);
  assert_string_equal(out.data, expected);
  gw_strbuf_done(&out);
  gw_arena_done(&arena);
}

static void test_members_and_items_stand_below_each_other(void **state) {
  (void)state;
  assert_yaml("{\"a\":1,\"b\":{\"c\":[\"x\",\"z\"],\"d\":true},\"e\":null}", "a: 1\nb:\n  c:\n    - x\n    - z\n  d: true\ne: null\n");
  assert_yaml("[{\"a\":1,\"b\":[]},{\"a\":2,\"b\":{}}]", "- a: 1\n  b: []\n- a: 2\n  b: {}\n");
  assert_yaml("[[1,2],[3]]", "- - 1\n  - 2\n- - 3\n");
  assert_yaml("\"text\"", "text\n");
  assert_yaml("{}", "{}\n");
}

static void test_texts_that_could_be_something_else_are_quoted(void **state) {
  (void)state;
  assert_yaml("[\"true\",\"No\",\"null\",\"7\",\"1.5\",\"\",\"a: b\",\"- x\",\"#c\",\"a \",\"~\",\"line\\nend\",\"@x\",\"ä\",\"y\"]",
              "- \"true\"\n- \"No\"\n- \"null\"\n- \"7\"\n- \"1.5\"\n- \"\"\n- \"a: b\"\n- \"- x\"\n- \"#c\"\n- \"a \"\n- \"~\"\n"
              "- \"line\\nend\"\n- \"@x\"\n- \"ä\"\n- \"y\"\n");
  assert_yaml("[\"plain text\",\"/orders/7\",\"a-b_c.d\",\"node-1\"]", "- plain text\n- /orders/7\n- a-b_c.d\n- node-1\n");
  assert_yaml("{\"yes\":1,\"7\":2}", "\"yes\": 1\n\"7\": 2\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_members_and_items_stand_below_each_other),
      cmocka_unit_test(test_texts_that_could_be_something_else_are_quoted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
