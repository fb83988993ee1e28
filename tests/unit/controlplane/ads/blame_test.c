#include "controlplane/ads/blame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* names: sorted, joined by '|'. want: the blamed ones, likewise. */
static void assert_blamed(const char *text, const char *names, const char *want) {
  struct gw_str list[16], rest = gw_str_from(names);
  bool is_blamed[16];
  uint32_t count = 0;
  while (rest.len > 0 && gw_str_split_next(&rest, '|', &list[count]))
    count++;
  uint32_t blamed = gw_blame_find(gw_str_from(text), list, count, is_blamed), shown = 0;
  char got[200] = "";
  for (uint32_t i = 0; i < count; i++) {
    size_t len = strlen(got);
    if (is_blamed[i]) snprintf(got + len, sizeof got - len, "%s%.*s", shown++ > 0 ? "|" : "", GW_STR_ARG(list[i]));
  }
  assert_string_equal(got, want);
  assert_int_equal(blamed, shown);
}

static void test_find_names_as_data_planes_write_them(void **state) {
  (void)state;
  assert_blamed("b: connect_timeout: is negative\nd: lb_policy: is unknown", "a|b|c|d", "b|d");
  assert_blamed("Error adding/updating cluster(s) b: a bad cluster, c: worse", "a|b|c", "b|c");
  assert_blamed("the cluster 'b' is none", "a|b", "b");
  assert_blamed("Error adding/updating listener(s) http_8080: cannot bind", "http|http_8080", "http_8080");
  assert_blamed("b", "a|b", "b");
}

static void test_parts_of_words_blame_nobody(void **state) {
  (void)state;
  assert_blamed("a bad thing", "a|b|bad", "");
  assert_blamed("orders-eu: no", "eu|orders", "");
  assert_blamed("", "a", "");
  assert_blamed("a: no", "", "");
}

static void test_names_that_begin_alike_are_told_apart(void **state) {
  (void)state;
  assert_blamed("ab: no", "a|ab|abc", "ab");
  assert_blamed("abc: no, a: neither", "a|ab|abc", "a|abc");
  assert_blamed("ab: no, ab: still no", "a|ab", "ab");
}

static void test_names_may_hold_what_separates(void **state) {
  (void)state;
  assert_blamed("outbound|80||a.b: no", "x", "");
  assert_blamed("tcp://a:80: no", "tcp|tcp://a:80", "tcp|tcp://a:80"); /* either may be meant */
  assert_blamed("two words: no", "two|two words|words", "two words|words");
}

/* A text of the greatest length whose every byte may begin each of 100,000 names takes no longer than what is served beside it bears. */
static void test_time_of_a_hostile_text_is_bounded(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  struct gw_str *names = gw_malloc(COUNT * sizeof *names);
  bool *is_blamed = gw_malloc(COUNT * sizeof *is_blamed);
  char(*texts)[16] = gw_malloc(COUNT * sizeof *texts);
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(texts[i], sizeof texts[i], ",,,,,,,,%06u", i);
    names[i] = gw_str_from(texts[i]);
  }
  char *text = gw_malloc(GW_BLAME_TEXT_MAX * 4);
  memset(text, ',', GW_BLAME_TEXT_MAX * 4);
  uint64_t start_us = gw_clock_monotonic_us();
  assert_int_equal(gw_blame_find((struct gw_str){text, GW_BLAME_TEXT_MAX * 4}, names, COUNT, is_blamed), 0);
  assert_true(gw_clock_monotonic_us() - start_us < 1000000); /* looking for each name takes minutes */
  free(text);
  free(texts);
  free(is_blamed);
  free(names);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_find_names_as_data_planes_write_them),  cmocka_unit_test(test_parts_of_words_blame_nobody),
      cmocka_unit_test(test_names_that_begin_alike_are_told_apart), cmocka_unit_test(test_names_may_hold_what_separates),
      cmocka_unit_test(test_time_of_a_hostile_text_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
