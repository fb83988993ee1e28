#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "controlplane/policy/yaml.h"

static void assert_same(const struct gw_yaml_node *got, const struct gw_yaml_node *want) {
  assert_int_equal(got->kind, want->kind);
  assert_int_equal(got->is_plain, want->is_plain);
  assert_int_equal(got->line, want->line);
  assert_int_equal(got->column, want->column);
  assert_int_equal(got->count, want->count);
  assert_true(got->hash == want->hash);
  if (want->kind == GW_YAML_SCALAR) assert_true(gw_str_equal(got->text, want->text));
  for (uint32_t i = 0; i < want->count; i++) {
    if (want->kind == GW_YAML_SEQUENCE) {
      assert_same(got->items[i], want->items[i]);
    } else {
      assert_same(got->pairs[i].key, want->pairs[i].key);
      assert_same(got->pairs[i].value, want->pairs[i].value);
    }
  }
}

/* NULL: there are mistakes, which *ret_told says. */
static const struct gw_yaml_node *parse(const struct gw_yaml_document *before, const char *text, struct gw_arena *arena, char **ret_told) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  const struct gw_yaml_node *root = NULL;
  gw_yaml_parse_changed(before, "file", gw_str_from(text), arena, &errors, &root);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return root;
}

/* Parses `now` after `before`, and anew: the outcome has to be the same. Returns whether the quick way was taken. */
static bool check(const char *before, const char *now) {
  struct gw_arena old, arena;
  gw_arena_init(&old, 4096);
  gw_arena_init(&arena, 4096);
  char *told, *told_anew;
  struct gw_yaml_document document = {.text = gw_str_from(before), .root = parse(NULL, before, &old, &told)};
  free(told);
  const struct gw_yaml_node *unused;
  bool is_quick = document.root != NULL && gw_yaml_splice(&document, gw_str_from(now), &arena, &unused) == GW_OK;
  const struct gw_yaml_node *got = parse(document.root != NULL ? &document : NULL, now, &arena, &told);
  gw_arena_done(&old); /* nothing of it is in the new tree */
  const struct gw_yaml_node *want = parse(NULL, now, &arena, &told_anew);
  assert_string_equal(told, told_anew);
  assert_int_equal(got == NULL, want == NULL);
  if (want != NULL) assert_same(got, want);
  free(told);
  free(told_anew);
  gw_arena_done(&arena);
  return is_quick;
}

#define ROUNDS 5000
#define HEAD "auth:\n  issuer: x\nroutes:\n"
#define ONE "  - path: /one\n    methods: [GET, PUT]\n"
#define TWO "  - path: /two # why\n\n    service: b\n"
#define THREE "  - path: \"/three\"\n    respond:\n      body: |\n        text\n\n"
#define TAIL "listeners:\n  - port: 1\n  - port: 2\n"

static void test_edits_of_items_are_quick(void **state) {
  (void)state;
  static const char *const quick[][2] = {
      {HEAD ONE TWO THREE, HEAD ONE TWO THREE},
      {HEAD ONE TWO THREE TAIL, HEAD ONE "  - path: /twice # why\n\n    service: b\n" THREE TAIL},
      {HEAD ONE TWO THREE TAIL, HEAD ONE THREE TAIL},
      {HEAD ONE THREE TAIL, HEAD ONE TWO THREE TAIL},
      {HEAD ONE TWO THREE, HEAD ONE TWO THREE "  - path: /four\n"},
      {HEAD ONE TWO THREE TAIL, HEAD ONE TWO THREE "  - path: /four\n" TAIL},
      {HEAD ONE TWO THREE TAIL, HEAD ONE TWO TAIL},
      {HEAD ONE TWO TAIL, HEAD ONE TWO "listeners:\n  - port: 1\n  - port: 3\n"},
      {HEAD "  - path: |\n      a\n" TWO, HEAD "  - path: |\n      a\n      b\n\n\n" TWO},
      {"routes:\n- path: /a\n  x: 1\n- path: /b\n", "routes:\n- path: /a\n  x: 2\n- path: /b\n"},
      {"routes:\n  - path: /a\r\n    x: 1\r\n  - path: /b\r\n", "routes:\n  - path: /a\r\n    x: 2\r\n  - path: /b\r\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(quick); i++)
    if (!check(quick[i][0], quick[i][1])) fail_msg("not quick: %zu", i);
}

static void test_other_edits_are_seen_too(void **state) {
  (void)state;
  static const char *const slow[][2] = {
      {HEAD ONE TWO TAIL, HEAD "  - path: /uno\n    methods: [GET, PUT]\n" TWO TAIL}, /* no item is before it */
      {HEAD ONE TWO TAIL, "auth:\n  issuer: y\nroutes:\n" ONE TWO TAIL},
      {HEAD ONE TWO THREE, HEAD ONE "  - path: \"/two\n" THREE}, /* a quote that is left open */
      {HEAD ONE TWO THREE, HEAD ONE "  - path: [a,\n" THREE},    /* a bracket */
      {HEAD ONE TWO THREE, HEAD ONE TWO "other:\n" THREE},       /* another list */
      {HEAD ONE TWO THREE, HEAD ONE TWO "---\n" THREE},          /* another document */
      {HEAD ONE TWO THREE, HEAD ONE TWO "...\n" THREE},
      {HEAD ONE TWO THREE, HEAD ONE "  - path: *x\n" THREE},
      {HEAD ONE TWO THREE, HEAD ONE "  - path: /two\n    path: /two\n" THREE},
      {HEAD ONE TWO THREE, HEAD ONE "   - path: /two\n" THREE},
      {HEAD ONE TWO THREE, HEAD ONE " - path: /two\n" THREE},
      {HEAD ONE TWO THREE, ""},
      {"# \xc2\x85\n" HEAD ONE TWO THREE, "# \xc2\x85\n" HEAD ONE TWO "    x: 1\n" THREE},
      {"{routes: [{path: a},\n{path: b},\n{path: c}]}", "{routes: [{path: a},\n{path: d},\n{path: c}]}"},
      {"routes:\n  - a\n  - b\n  - c\n", "routes:\n  - a\n  - d\n  - c\n"},
      {"routes:\n  - - a: 1\n  - - a: 2\n  - - a: 3\n", "routes:\n  - - a: 1\n  - - a: 5\n  - - a: 3\n"},
      {"routes: 1\n", "routes: 2\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(slow); i++)
    if (check(slow[i][0], slow[i][1])) fail_msg("quick: %zu", i);
}

static void test_depth_is_that_of_the_whole_file(void **state) {
  (void)state;
  char *texts[2];
  for (int extra = 0; extra < 2; extra++) {
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    gw_strbuf_append_str(&text, GW_STR(HEAD ONE TWO "  - path: "));
    for (int i = 0; i < 29 + extra; i++) /* beside the root, the list and the item */
      gw_strbuf_append_char(&text, '[');
    for (int i = 0; i < 29 + extra; i++)
      gw_strbuf_append_char(&text, ']');
    gw_strbuf_append_char(&text, '\n');
    texts[extra] = text.data;
  }
  assert_true(check(HEAD ONE TWO, texts[0]));
  assert_false(check(HEAD ONE TWO, texts[1]));
  free(texts[0]);
  free(texts[1]);
}

/* Pieces that begin, end and break things, put anywhere, many times; most of it is no good YAML. */
static void test_any_edit_gives_the_same_tree(void **state) {
  (void)state;
  static const char *const pieces[] = {"  - path: /x\n",
                                       "    service: y\n",
                                       "- ",
                                       "  - ",
                                       "    ",
                                       "\n",
                                       "\"",
                                       "'",
                                       "[",
                                       "]",
                                       "{",
                                       "}",
                                       ": ",
                                       "#",
                                       "|\n",
                                       ">-\n",
                                       "? ",
                                       "listeners:\n",
                                       "&a ",
                                       "\r\n",
                                       "\t",
                                       "---\n",
                                       "...\n",
                                       "%",
                                       ", ",
                                       "x",
                                       "é",
                                       "\xe2\x80\xa8",
                                       "\xc2\x85",
                                       "\r"};
  struct gw_random random;
  gw_random_init(&random, 7);
  uint32_t quick = 0;
  for (int round = 0; round < ROUNDS; round++) {
    char *before =
        gw_strdup(round % 2 == 0 ? HEAD ONE TWO THREE ONE TWO THREE TAIL : "routes:\n- path: /a\n  x: 1\n- path: /b\n- path: /c\n");
    for (int edit = 0; edit < 6; edit++) {
      size_t len = strlen(before), at = gw_random_below(&random, len + 1);
      size_t gone = gw_random_below(&random, 3) == 0 ? gw_random_below(&random, len - at + 1) % 24 : 0;
      const char *piece = pieces[gw_random_below(&random, GW_ARRAY_LEN(pieces))];
      char *now = gw_asprintf("%.*s%s%s", (int)at, before, piece, before + at + gone);
      quick += check(before, now);
      free(before);
      before = now;
    }
    free(before);
  }
  assert_true(quick > ROUNDS / 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_edits_of_items_are_quick),
      cmocka_unit_test(test_other_edits_are_seen_too),
      cmocka_unit_test(test_depth_is_that_of_the_whole_file),
      cmocka_unit_test(test_any_edit_gives_the_same_tree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
