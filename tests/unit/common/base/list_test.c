#include "common/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
  int value;
  struct gw_list node;
};

static int sum(struct gw_list *head) {
  int digits = 0;
  GW_LIST_FOR_EACH(node, head) digits = digits * 10 + GW_LIST_ITEM(node, struct item, node)->value;
  return digits;
}

static void test_add_and_remove_keep_the_order(void **state) {
  (void)state;
  struct gw_list head;
  struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
  gw_list_init(&head);
  assert_true(gw_list_is_empty(&head));
  gw_list_add_last(&head, &items[1].node);
  gw_list_add_last(&head, &items[2].node);
  gw_list_add_first(&head, &items[0].node);
  assert_int_equal(sum(&head), 123);
  gw_list_remove(&items[1].node);
  gw_list_remove(&items[1].node);
  assert_false(gw_list_is_linked(&items[1].node));
  assert_int_equal(sum(&head), 13);
}

static void test_for_each_may_remove_the_current_node(void **state) {
  (void)state;
  struct gw_list head;
  struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
  gw_list_init(&head);
  for (size_t i = 0; i < 3; i++)
    gw_list_add_last(&head, &items[i].node);
  GW_LIST_FOR_EACH(node, &head) gw_list_remove(node);
  assert_true(gw_list_is_empty(&head));
}

static void test_take_first_gives_them_in_order_until_none_is_left(void **state) {
  (void)state;
  struct gw_list head;
  struct item items[2] = {{.value = 1}, {.value = 2}};
  gw_list_init(&head);
  for (size_t i = 0; i < 2; i++)
    gw_list_add_last(&head, &items[i].node);
  for (size_t i = 0; i < 2; i++) {
    assert_ptr_equal(gw_list_take_first(&head), &items[i].node);
    assert_false(gw_list_is_linked(&items[i].node));
  }
  assert_true(gw_list_is_empty(&head));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_add_and_remove_keep_the_order),
      cmocka_unit_test(test_for_each_may_remove_the_current_node),
      cmocka_unit_test(test_take_first_gives_them_in_order_until_none_is_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
