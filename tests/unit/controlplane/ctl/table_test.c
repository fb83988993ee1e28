#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "controlplane/ctl/table.h"

static char *print(const struct gw_table *table) {
  char *text = NULL;
  size_t len;
  FILE *out = open_memstream(&text, &len);
  gw_table_print(table, out);
  fclose(out);
  return text;
}

static void test_columns_are_aligned_without_trailing_space(void **state) {
  (void)state;
  static const char *const heads[] = {"A", "LONG", "C"};
  struct gw_table table;
  gw_table_init(&table, heads, 3);
  gw_table_add(&table, "wide cell");
  gw_table_add(&table, "é");
  gw_table_printf(&table, "%d", 7);
  char *text = print(&table);
  assert_string_equal(text, "A          LONG  C\nwide cell  é     7\n");
  free(text);
  gw_table_done(&table);
}

static void test_empty_cell_is_a_dash(void **state) {
  (void)state;
  static const char *const heads[] = {"A", "B"};
  struct gw_table table;
  gw_table_init(&table, heads, 2);
  gw_table_add(&table, "");
  gw_table_add(&table, NULL);
  char *text = print(&table);
  assert_string_equal(text, "A  B\n-  -\n");
  free(text);
  gw_table_done(&table);
}

static void test_control_characters_do_not_reach_the_terminal(void **state) {
  (void)state;
  static const char *const heads[] = {"A"};
  struct gw_table table;
  gw_table_init(&table, heads, 1);
  gw_table_add(&table, "one\ntwo\x1b[2J\n");
  char *text = print(&table);
  assert_string_equal(text, "A\none; two?[2J\n");
  free(text);
  gw_table_done(&table);
}

static void test_durations_show_two_units(void **state) {
  (void)state;
  char text[GW_DURATION_TEXT_SIZE];
  assert_string_equal(gw_duration_format(0, text), "0ms");
  assert_string_equal(gw_duration_format(999, text), "999ms");
  assert_string_equal(gw_duration_format(59999, text), "59s");
  assert_string_equal(gw_duration_format(184000, text), "3m 4s");
  assert_string_equal(gw_duration_format(7500000, text), "2h 5m");
  assert_string_equal(gw_duration_format(273600000, text), "3d 4h");
  gw_duration_format(UINT64_MAX, text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_columns_are_aligned_without_trailing_space),
      cmocka_unit_test(test_empty_cell_is_a_dash),
      cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
      cmocka_unit_test(test_durations_show_two_units),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
