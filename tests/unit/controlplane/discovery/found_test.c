#include "controlplane/discovery/found.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

static struct gw_arena arena;

static int setup(void **state) {
  (void)state;
  gw_arena_init(&arena, 1024);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_arena_done(&arena);
  return 0;
}

static struct gw_endpoints clean(const struct gw_found_instance *instances, uint32_t count, const char **ret_words) {
  return gw_found_clean(GW_STR("s"), instances, count, &arena, ret_words);
}

static void test_clean_sorts_spells_and_drops_doubles(void **state) {
  (void)state;
  const struct gw_found_instance found[] = {{.address = GW_STR("2001:DB8:0::1"), .port = 80, .weight = 1},
                                            {.address = GW_STR("10.0.0.2"), .port = 80, .weight = 1, .priority = 1},
                                            {.address = GW_STR("10.0.0.1"), .port = 81, .weight = 1},
                                            {.address = GW_STR("10.0.0.1"), .port = 80, .weight = 1},
                                            {.address = GW_STR("2001:db8::1"), .port = 80, .weight = 1},
                                            {.address = GW_STR("10.0.0.9"), .port = 80, .weight = 1, .is_off = true},
                                            {.address = GW_STR("10.0.0.8"), .port = 80, .weight = 0}};
  const char *words;
  struct gw_endpoints endpoints = clean(found, GW_ARRAY_LEN(found), &words);
  assert_string_equal(words, "");
  assert_int_equal(endpoints.count, 4);
  assert_true(gw_str_equal(endpoints.items[0].address, GW_STR("10.0.0.1")));
  assert_int_equal(endpoints.items[0].port, 80);
  assert_int_equal(endpoints.items[1].port, 81);
  assert_true(gw_str_equal(endpoints.items[2].address, GW_STR("2001:db8::1")));
  assert_int_equal(endpoints.items[3].priority, 1);
}

static void test_clean_keeps_proportions_of_weights(void **state) {
  (void)state;
  const struct gw_found_instance whole[] = {{.address = GW_STR("10.0.0.1"), .port = 1, .weight = 3},
                                            {.address = GW_STR("10.0.0.1"), .port = 2, .weight = 1}};
  const struct gw_found_instance parts[] = {{.address = GW_STR("10.0.0.1"), .port = 1, .weight = 2.5},
                                            {.address = GW_STR("10.0.0.1"), .port = 2, .weight = 1},
                                            {.address = GW_STR("10.0.0.1"), .port = 3, .weight = 0.0001}};
  const char *words;
  struct gw_endpoints endpoints = clean(whole, 2, &words);
  assert_int_equal(endpoints.items[0].weight, 3);
  assert_int_equal(endpoints.items[1].weight, 1);
  endpoints = clean(parts, 3, &words);
  assert_int_equal(endpoints.items[0].weight, 250);
  assert_int_equal(endpoints.items[1].weight, 100);
  assert_int_equal(endpoints.items[2].weight, 1);
}

static void test_clean_leaves_the_bad_out_and_says_which(void **state) {
  (void)state;
  const struct gw_found_instance found[] = {{.address = GW_STR("10.0.0.1"), .port = 80, .weight = 1},
                                            {.address = GW_STR("shop\n\x1b[31m"), .port = 80, .weight = 1},
                                            {.address = GW_STR(""), .port = 80, .weight = 1},
                                            {.address = GW_STR("10.0.0.2"), .port = 80, .weight = NAN}};
  const char *words;
  struct gw_endpoints endpoints = clean(found, GW_ARRAY_LEN(found), &words);
  assert_int_equal(endpoints.count, 1);
  assert_string_equal(words, "3 of 4 instances were left out: \"shop??[31m\", port 80: its address is not numeric");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_clean_sorts_spells_and_drops_doubles, setup, teardown),
      cmocka_unit_test_setup_teardown(test_clean_keeps_proportions_of_weights, setup, teardown),
      cmocka_unit_test_setup_teardown(test_clean_leaves_the_bad_out_and_says_which, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
