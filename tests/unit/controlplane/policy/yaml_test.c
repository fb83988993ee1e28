#include "controlplane/policy/yaml.h"

#include "tests/unit/controlplane/policy/policy_fixture.h"

static void show(const struct gw_yaml_node *node, struct gw_strbuf *out) {
  gw_strbuf_printf(out, "%u:%u", node->line, node->column);
  switch (node->kind) {
  case GW_YAML_SCALAR: gw_strbuf_printf(out, "%s%.*s", node->is_plain ? "=" : "\"", GW_STR_ARG(node->text)); return;
  case GW_YAML_SEQUENCE:
    gw_strbuf_append_char(out, '[');
    for (uint32_t i = 0; i < node->count; i++) {
      if (i > 0) gw_strbuf_append_char(out, ' ');
      show(node->items[i], out);
    }
    gw_strbuf_append_char(out, ']');
    return;
  case GW_YAML_MAPPING:
    gw_strbuf_append_char(out, '{');
    for (uint32_t i = 0; i < node->count; i++) {
      if (i > 0) gw_strbuf_append_char(out, ' ');
      show(node->pairs[i].key, out);
      gw_strbuf_append_char(out, ':');
      show(node->pairs[i].value, out);
    }
    gw_strbuf_append_char(out, '}');
  }
}

static void assert_parse(const char *text, const char *expected) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  const struct gw_yaml_node *root = NULL;
  char *shown;
  if (gw_yaml_parse("f", gw_str_from(text), &arena, &errors, &root) == GW_OK) {
    struct gw_strbuf out;
    gw_strbuf_init(&out);
    if (root != NULL) show(root, &out);
    shown = gw_strbuf_take(&out);
  } else {
    shown = gw_errors_format(&errors);
  }
  assert_string_equal(shown, expected);
  free(shown);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

static void test_parse_keeps_the_places(void **state) {
  (void)state;
  assert_parse("", "");
  assert_parse("# only a comment\n", "");
  assert_parse("a: 1\nb:\n  - 'x'\n  - {c: d}\n", "1:1{1:1=a:1:4=1 2:1=b:3:3[3:5\"x 4:5{4:6=c:4:9=d}]}");
  assert_parse("a:\nb: ~\n", "1:1{1:1=a:1:3= 2:1=b:2:4=~}");
  assert_parse("a: &anchor b\n", "1:1{1:1=a:1:4=b}");
  assert_parse("\xef\xbb\xbf"
               "a: b\n",
               "1:1{1:1=a:1:4=b}");
}

static void test_parse_refuses_what_could_mean_something_else(void **state) {
  (void)state;
  assert_parse("a: 1\nb: 2\na: 3\n", "f:3:1: key a stands here twice; the first is in line 1\n");
  assert_parse("a: &x [1]\nb: *x\n", "f:2:4: aliases (*…) are not supported; write the value out\n");
  assert_parse("a: !!binary aGk=\n", "f:1:4: tags (!…) are not supported; write the value without one\n");
  assert_parse("a: !mine {}\n", "f:1:4: tags (!…) are not supported; write the value without one\n");
  assert_parse("? [a]\n: b\n", "f:1:3: a key must be a plain word, not a list\n");
  assert_parse("a: 1\n---\nb: 2\n", "f:2:1: a second document (---) is not allowed\n");
  assert_parse("a: [1\n", "f:2:1: not YAML: did not find expected ',' or ']' while parsing a flow sequence\n");
  assert_parse("<<: {a: 1}\n", "1:1{1:1=<<:1:5{1:6=a:1:9=1}}");
}

/* Duplicates among few keys and among many are found in two ways. */
static void test_parse_finds_duplicates_among_many_keys(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (int i = 0; i < 1000; i++)
    gw_strbuf_printf(&text, "key%d: 1\n", i);
  gw_strbuf_append_str(&text, GW_STR("key7: 2\n"));
  assert_parse(text.data, "f:1001:1: key key7 stands here twice; the first is in line 8\n");
  gw_strbuf_done(&text);
}

/* The classic bomb: without aliases there is nothing to blow up. */
static void test_parse_of_alias_bomb_ends_at_once(void **state) {
  (void)state;
  assert_parse("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "f:2:8: aliases (*…) are not supported; write the value out\n");
}

static void test_find_and_null(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  const struct gw_yaml_node *root = NULL;
  assert_int_equal(gw_yaml_parse("f", GW_STR("a: null\nb: 'null'\nc: []\nd: Null\ne:\n"), &arena, &errors, &root), GW_OK);
  assert_true(gw_yaml_is_null(gw_yaml_find(root, "a")));
  assert_false(gw_yaml_is_null(gw_yaml_find(root, "b")));
  assert_false(gw_yaml_is_null(gw_yaml_find(root, "c")));
  assert_true(gw_yaml_is_null(gw_yaml_find(root, "d")));
  assert_true(gw_yaml_is_null(gw_yaml_find(root, "e")));
  assert_null(gw_yaml_find(root, "f"));
  assert_null(gw_yaml_find(gw_yaml_find(root, "c"), "a"));
  assert_null(gw_yaml_find(NULL, "a"));
  assert_string_equal(gw_yaml_place("f", gw_yaml_find(root, "c"), &arena), "f:3:4");
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_keeps_the_places),
      cmocka_unit_test(test_parse_refuses_what_could_mean_something_else),
      cmocka_unit_test(test_parse_finds_duplicates_among_many_keys),
      cmocka_unit_test(test_parse_of_alias_bomb_ends_at_once),
      cmocka_unit_test(test_find_and_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
