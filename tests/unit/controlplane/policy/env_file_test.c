#include "controlplane/policy/env_file.h"

#include "tests/unit/controlplane/policy/policy_fixture.h"

/* "NAME=VALUE@line:column;" for each entry, or the mistakes. */
static char *parse(const char *text) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_env_file file = {0};
  char *shown;
  if (gw_env_file_parse("f", gw_str_from(text), &arena, &errors, &file) == GW_OK) {
    struct gw_strbuf out;
    gw_strbuf_init(&out);
    for (uint32_t i = 0; i < file.count; i++) {
      const struct gw_env_entry *entry = &file.items[i];
      gw_strbuf_printf(&out, "%.*s=%.*s@%u:%u;", GW_STR_ARG(entry->name), GW_STR_ARG(entry->value), entry->line, entry->column);
    }
    shown = gw_strbuf_take(&out);
  } else {
    shown = gw_errors_format(&errors);
  }
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  return shown;
}

static void test_parse(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *shown;
  } cases[] = {
      {"", ""},
      {"A=1\nB=2", "A=1@1:3;B=2@2:3;"},
      {"A=1\r\nB=2\r\n", "A=1@1:3;B=2@2:3;"},
      {"\n# c\n  A = b c  # d\n", "A=b c@3:7;"},
      {"A=b#c", "A=b#c@1:3;"},
      {"A=", "A=@1:3;"},
      {"A=#c", "A=@1:3;"},
      {"export A=1", "A=1@1:10;"},
      {"A='b \"#\\n c' # d", "A=b \"#\\n c@1:3;"},
      {"A=\"b \\\"c\\\" \\\\ #\"", "A=b \"c\" \\ #@1:3;"},
      {"A=\"b\\nc\"", "A=b\nc@1:3;"},
      {"_A1=x=y", "_A1=x=y@1:5;"},
      {"A", "f:1:1: a line is NAME=VALUE, a # comment, or empty\n"},
      {"  =1", "f:1:3: a line is NAME=VALUE, a # comment, or empty\n"},
      {"1A=1", "f:1:1: a line is NAME=VALUE, a # comment, or empty\n"},
      {"A-B=1\nC", "f:1:1: a line is NAME=VALUE, a # comment, or empty\nf:2:1: a line is NAME=VALUE, a # comment, or empty\n"},
      {"A='b", "f:1:3: the quote is never closed\n"},
      {"A=\"b\\\"", "f:1:3: the quote is never closed\n"},
      {"A='b' c", "f:1:7: nothing but a comment may follow the closing quote\n"},
      {"A=1\n\nA=2", "f:3:1: A stands here twice; the first is in line 1\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *shown = parse(cases[i].text);
    assert_string_equal(shown, cases[i].shown);
    free(shown);
  }
}

static void test_parse_of_too_many_settings_is_refused(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (unsigned i = 0; i <= GW_ENV_FILE_MAX; i++)
    gw_strbuf_printf(&text, "A%u=1\n", i);
  char *shown = parse(text.data);
  assert_string_equal(shown, "f:1001:1: too many settings; 1000 are allowed\n");
  free(shown);
  gw_strbuf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_parse_of_too_many_settings_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
