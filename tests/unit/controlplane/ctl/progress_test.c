#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/ctl/progress.h"

static char *shown(bool is_terminal) {
  char *text = NULL;
  size_t len;
  FILE *out = open_memstream(&text, &len);
  struct gw_progress progress;
  gw_progress_init(&progress, out, is_terminal, 0);
  gw_progress_show(&progress, "job INIT", 0, 0, 0);
  gw_progress_show(&progress, "job INIT", 0, 0, 1500000);
  gw_progress_show(&progress, "job RUN\x1b[1m", 1, 3, 61000000);
  gw_progress_show(&progress, "job DONE", 7, 3, 62000000);
  gw_progress_done(&progress);
  fclose(out);
  return text;
}

static void test_elsewhere_each_step_is_one_line(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *text = shown(false);
  assert_string_equal(text, "job INIT, 0s\n"
                            "job RUN?[1m [######--------------] 1 of 3, 1m 1s\n"
                            "job DONE [####################] 3 of 3, 1m 2s\n");
}

static void test_on_a_terminal_one_line_is_drawn_anew_and_taken_away(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *text = shown(true);
  assert_string_equal(text, "\r\x1b[Kjob INIT, 0s"
                            "\r\x1b[Kjob INIT, 1s"
                            "\r\x1b[Kjob RUN?[1m [######--------------] 1 of 3, 1m 1s"
                            "\r\x1b[Kjob DONE [####################] 3 of 3, 1m 2s"
                            "\r\x1b[K");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_elsewhere_each_step_is_one_line),
      cmocka_unit_test(test_on_a_terminal_one_line_is_drawn_anew_and_taken_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
