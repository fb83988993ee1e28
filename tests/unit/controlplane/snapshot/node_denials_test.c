#include "controlplane/snapshot/node_denials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#define SECOND_US 1000000ull

static bool add(struct gw_node_denials *denials, const char *id, uint64_t now_us) {
  return gw_node_denials_add(denials, gw_str_from(id), GW_STR("edge"), GW_STR("ipv4:127.0.0.1:5"), "why", now_us);
}

static void test_same_node_is_one_entry_that_is_told_of_once_a_minute(void **state) {
  (void)state;
  struct gw_node_denials denials = {.count = 0};
  uint64_t now_us = 5 * SECOND_US;
  assert_true(add(&denials, "a", now_us));
  assert_false(add(&denials, "a", now_us + SECOND_US));
  assert_false(add(&denials, "a", now_us + 59 * SECOND_US));
  assert_true(add(&denials, "a", now_us + 60 * SECOND_US));
  assert_int_equal(denials.count, 1);
  assert_int_equal(denials.items[0].count, 4);
  assert_int_equal(denials.total, 4);
  gw_node_denials_done(&denials);
}

static void test_newest_comes_first_and_the_oldest_makes_room(void **state) {
  (void)state;
  struct gw_node_denials denials = {.count = 0};
  char id[8];
  for (unsigned i = 0; i < GW_NODE_DENIALS_MAX + 3; i++) {
    snprintf(id, sizeof id, "n%u", i);
    assert_true(add(&denials, id, i));
  }
  assert_int_equal(denials.count, GW_NODE_DENIALS_MAX);
  assert_string_equal(denials.items[0].id, "n18");
  assert_string_equal(denials.items[GW_NODE_DENIALS_MAX - 1].id, "n3");
  add(&denials, "n7", 100);
  assert_string_equal(denials.items[0].id, "n7");
  assert_string_equal(denials.items[1].id, "n18");
  assert_int_equal(denials.count, GW_NODE_DENIALS_MAX);
  assert_int_equal(denials.total, GW_NODE_DENIALS_MAX + 4);
  gw_node_denials_done(&denials);
}

static void test_old_ones_are_forgotten(void **state) {
  (void)state;
  struct gw_node_denials denials = {.count = 0};
  add(&denials, "a", 0);
  add(&denials, "b", SECOND_US);
  gw_node_denials_expire(&denials, GW_NODE_DENIAL_AGE_US);
  assert_int_equal(denials.count, 2);
  gw_node_denials_expire(&denials, GW_NODE_DENIAL_AGE_US + 1);
  assert_int_equal(denials.count, 1);
  assert_string_equal(denials.items[0].id, "b");
  gw_node_denials_done(&denials);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_node_is_one_entry_that_is_told_of_once_a_minute),
      cmocka_unit_test(test_newest_comes_first_and_the_oldest_makes_room),
      cmocka_unit_test(test_old_ones_are_forgotten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
