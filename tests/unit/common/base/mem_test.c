#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"

static void test_copies_are_whole_and_terminated(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *all = gw_strdup("abc");
  GW_CLEANUP(gw_free_ptr) char *part = gw_strndup("abcdef", 2);
  GW_CLEANUP(gw_free_ptr) char *none = gw_strndup(NULL, 0);
  GW_CLEANUP(gw_free_ptr) char *made = gw_asprintf("%d-%s", 7, "x");
  assert_string_equal(all, "abc");
  assert_string_equal(part, "ab");
  assert_string_equal(none, "");
  assert_string_equal(made, "7-x");
}

static void test_realloc_array_to_nothing_and_back_keeps_working(void **state) {
  (void)state;
  int *items = gw_realloc_array(NULL, 4, sizeof(int));
  items = gw_realloc_array(items, 0, sizeof(int));
  assert_non_null(items);
  items = gw_realloc_array(items, 2, sizeof(int));
  items[1] = 5;
  assert_int_equal(items[1], 5);
  free(items);
}

/* In a child, which must not come back from fn (a sanitizer's own report is an end, too). */
static void assert_ends(void (*fn)(void)) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    close(STDERR_FILENO);
    signal(SIGABRT, SIG_DFL);
    fn();
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void allocate_more_than_there_is(void) {
  volatile size_t count = SIZE_MAX / 2;
  free(gw_realloc_array(NULL, count, 4));
}

static void break_an_invariant(void) {
  volatile int one = 1;
  GW_ASSERT(one == 2);
}

static void test_overflow_and_broken_invariant_end_the_process(void **state) {
  (void)state;
  assert_ends(allocate_more_than_there_is);
  assert_ends(break_an_invariant);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_copies_are_whole_and_terminated),
      cmocka_unit_test(test_realloc_array_to_nothing_and_back_keeps_working),
      cmocka_unit_test(test_overflow_and_broken_invariant_end_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
