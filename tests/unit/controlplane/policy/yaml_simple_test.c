#include "controlplane/policy/yaml_simple.h"

#include "tests/unit/controlplane/policy/policy_fixture.h"

#define TEXTS 30000

static void show(const struct gw_yaml_node *node, struct gw_strbuf *out) {
  gw_strbuf_printf(out, "%u:%u:%d:%d:%u<%.*s>(", node->line, node->column, node->kind, node->is_plain, node->count, GW_STR_ARG(node->text));
  for (uint32_t i = 0; node->kind == GW_YAML_SEQUENCE && i < node->count; i++)
    show(node->items[i], out);
  for (uint32_t i = 0; node->kind == GW_YAML_MAPPING && i < node->count; i++) {
    show(node->pairs[i].key, out);
    show(node->pairs[i].value, out);
  }
  gw_strbuf_append_char(out, ')');
}

/* The tree as text; NULL: not read. The caller frees. */
static char *read_simple(const char *text) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_yaml_tree tree;
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_yaml_tree_init(&tree, "f", &arena, &errors);
  bool is_read = gw_yaml_read_simple(&tree, gw_str_from(text));
  if (is_read) {
    assert_int_equal(tree.node_count, 1);
    assert_int_equal(errors.error_count, 0);
    show(tree.nodes[0], &out);
  }
  gw_yaml_tree_done(&tree);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  char *shown = gw_strbuf_take(&out);
  if (is_read) return shown;
  free(shown);
  return NULL;
}

/* The same by libyaml, which a tab leads to; with mistakes: those. */
static char *read_with_libyaml(const char *text) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_strbuf whole, out;
  gw_strbuf_init(&whole);
  gw_strbuf_init(&out);
  gw_strbuf_printf(&whole, "%s\n# \t\n", text);
  const struct gw_yaml_node *root = NULL;
  char *shown = NULL;
  if (gw_yaml_parse("f", gw_strbuf_str(&whole), &arena, &errors, &root) == GW_OK) {
    if (root != NULL) show(root, &out);
    shown = gw_strbuf_take(&out);
  } else {
    shown = gw_errors_format(&errors);
    gw_strbuf_done(&out);
  }
  gw_strbuf_done(&whole);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  return shown;
}

/* Whether it was read, and then as libyaml reads it. */
static bool reads_alike(const char *text) {
  char *simple = read_simple(text);
  if (simple == NULL) return false;
  char *other = read_with_libyaml(text);
  if (strcmp(simple, other) != 0) fail_msg("%s\nsimple:  %s\nlibyaml: %s", text, simple, other);
  free(simple);
  free(other);
  return true;
}

static void test_what_people_write_is_read(void **state) {
  (void)state;
  static const char *const texts[] = {
      "routes: []\n",
      "routes: [] # none",
      "# \xc3\xa9\na: b # \xe2\x82\xac \xf0\x9f\x98\x80\n  # c \xc3\xa9\nd: [e] # \xc3\xa9",
      "# routes\n\nroutes:\n  - path: /a/{id}\n    service: shop   # of the shop\n    methods: [GET, POST]\n\n  - path: /b/**\n    "
      "service: b\n",
      "routes:\n- path: /a\n  methods:\n  - GET\n  - POST\n  service: a\nauth:\n  keys: true\n",
      "a:\n  b:\n    c: http://127.0.0.1:80/x?y=z#part\n    d: two words, and more\n  e: x\n",
      "a:\n  e: \"x: y # z\"\n  f: x\n",
      "a: {b: c, d: [e, {f: 'g h'}], i: \"\"}\n",
      "a: it's\nb: (x|y)+[^/]*\nc: $1 a#b\nd: 1.5\ne: ~\n",
      "a:\n    - b\n    - c: d\n      e:\n      - f\n      -   g: h\n          i: j\n    - [x]\n",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    if (!reads_alike(texts[i])) fail_msg("not read:\n%s", texts[i]);
}

static void test_all_else_is_left_to_libyaml(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "- a\n",
      "a\n",
      "a: b\n  c\n",
      "a:\n  b\n",
      "a:\n",
      "a: |\n  b\n",
      "a: &x b\n",
      "a: *x\n",
      "a: !t b\n",
      "a: b: c\n",
      "a: 'b\n",
      "a: \"\\n\"\n",
      "a: 'b''c'\n",
      "a: \tb\n",
      "a: b\r\n",
      "---\na: b\n",
      "a: b\n---\n",
      "a: b\nc\n",
      "a: b\na: c\n",
      "a: b\n c: d\n",
      " a: b\n",
      "a: [b\n]\n",
      "a: [b, ]\n",
      "a: {b}\n",
      "a: [b c]\n",
      "a: 'b'c\n",
      "a: [b]c\n",
      "? a\n: b\n",
      "a: b\n...\n",
      "a: -1\n",
      "a : b\n",
      "'a': b\n",
      "a:\n- b\n c: d\n",
      "a: \xc3\xa9\n",
      "a: b # \xc3\n",
      "a: b # \xc2\x85"
      "c: d\n",
      "a: b # \xe2\x80\xa8 c: d\n",
      "a: \"# \xc3\xa9\"\n",
      "a: [b, 'c # \xc3\xa9']\n",
      "a: b# \xc3\xa9\n",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    char *shown = read_simple(texts[i]);
    if (shown != NULL) fail_msg("read:\n%s\n%s", texts[i], shown);
  }
}

/* Texts of pieces that mean something, by chance; few are YAML at all. */
static void test_what_is_read_is_read_as_libyaml_does(void **state) {
  (void)state;
  static const char *const pieces[] = {"a: ",
                                       "b: ",
                                       "c:",
                                       "d:\n  ",
                                       "- ",
                                       "- ",
                                       "  ",
                                       "\n",
                                       "\n",
                                       "\n  ",
                                       "\n    ",
                                       "\n- ",
                                       "\n  - ",
                                       "x",
                                       "y z",
                                       "'q'",
                                       "\"",
                                       "[",
                                       "]",
                                       "{",
                                       "}",
                                       ", ",
                                       ": ",
                                       " # c\n",
                                       "#",
                                       ":",
                                       "-",
                                       "*",
                                       "\n  e: f",
                                       "\ng: h",
                                       "~",
                                       "[i, j]",
                                       "{k: l}",
                                       "\n    - m: n\n      o: p",
                                       " # \xc3\xa9\n",
                                       "\xc3\xa9",
                                       "/r/{s}",
                                       "1.5",
                                       ".",
                                       " ",
                                       "\n\n",
                                       "\n    t:"};
  uint64_t seed = 20261126;
  uint32_t read_count = 0;
  for (uint32_t i = 0; i < TEXTS; i++) {
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    gw_strbuf_append_str(&text, GW_STR("u:"));
    for (uint32_t k = 0, count = 2 + i % 14; k < count; k++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      gw_strbuf_append_str(&text, gw_str_from(pieces[(seed >> 33) % GW_ARRAY_LEN(pieces)]));
    }
    read_count += reads_alike(text.data);
    gw_strbuf_done(&text);
  }
  assert_true(read_count > TEXTS / 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_people_write_is_read),
      cmocka_unit_test(test_all_else_is_left_to_libyaml),
      cmocka_unit_test(test_what_is_read_is_read_as_libyaml_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
