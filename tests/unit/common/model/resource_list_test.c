#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/model/resource_list.h"

static struct gw_resource *make(const char *name, const char *version) {
  struct gw_resource *resource = gw_resource_new(GW_RESOURCE_API_KEY);
  resource->name = gw_arena_copy(&resource->arena, gw_str_from(name));
  snprintf(resource->version, sizeof(resource->version), "%s", version);
  return resource;
}

static struct gw_resource *numbered(uint32_t number, const char *version) {
  char name[16];
  snprintf(name, sizeof(name), "key-%06u", number);
  return make(name, version);
}

static struct gw_resource_list many(uint32_t count) {
  struct gw_resource **items = gw_calloc(count + 1u, sizeof(struct gw_resource *));
  for (uint32_t i = 0; i < count; i++)
    items[i] = numbered(i * 2, "a");
  struct gw_resource_list list = gw_resource_list_new(items, count);
  free(items);
  return list;
}

/* A list's version is that of a list with the same content, however it came to be. */
static void assert_sound(const struct gw_resource_list *list) {
  struct gw_resource_list borrowed = {list->items, list->count, NULL};
  char by_sum[17], by_look[17];
  gw_resource_list_version(list, by_sum);
  gw_resource_list_version(&borrowed, by_look);
  assert_string_equal(by_sum, by_look);
  for (uint32_t i = 1; i < list->count; i++)
    assert_true(gw_str_compare(list->items[i - 1]->name, list->items[i]->name) < 0);
}

static struct gw_resource_list apply(const struct gw_resource_list *list, struct gw_str name, struct gw_resource *resource) {
  const struct gw_resource_change change = {name, resource};
  struct gw_resource_list after = gw_resource_list_change(list, &change, 1);
  gw_resource_unref(resource);
  return after;
}

static void test_change_replaces_adds_and_removes(void **state) {
  (void)state;
  struct gw_resource_list list = many(3);
  struct gw_resource *first = list.items[0];
  struct gw_resource *other = numbered(2, "b"), *more = numbered(3, "a");
  const struct gw_resource_change changes[] = {{other->name, other},
                                               {more->name, more},
                                               {GW_STR("key-000004"), NULL},
                                               {GW_STR("no"), NULL}};
  struct gw_resource_list after = gw_resource_list_change(&list, changes, GW_ARRAY_LEN(changes));
  assert_int_equal(after.count, 3);
  assert_ptr_equal(after.items[0], first);
  assert_ptr_equal(after.items[1], other);
  assert_ptr_equal(after.items[2], more);
  assert_int_equal(list.count, 3); /* as it was */
  assert_sound(&list);
  assert_sound(&after);
  assert_ptr_equal(gw_resource_list_find(&after, GW_STR("key-000003")), more);
  assert_null(gw_resource_list_find(&after, GW_STR("key-000004")));
  gw_resource_unref(other);
  gw_resource_unref(more);
  gw_resource_list_unref(&list);
  gw_resource_list_unref(&after);
}

static void test_list_without_anything_can_grow_and_shrink(void **state) {
  (void)state;
  struct gw_resource_list empty = gw_resource_list_new(NULL, 0);
  struct gw_resource_list one = apply(&empty, GW_STR("x"), make("x", "1"));
  assert_int_equal(one.count, 1);
  struct gw_resource_list none = apply(&one, GW_STR("x"), NULL);
  assert_int_equal(none.count, 0);
  char before[17], after[17];
  gw_resource_list_version(&empty, before);
  gw_resource_list_version(&none, after);
  assert_string_equal(before, after);
  gw_resource_list_unref(&empty);
  gw_resource_list_unref(&one);
  gw_resource_list_unref(&none);
}

static void test_one_change_touches_few_references(void **state) {
  (void)state;
  struct gw_resource_list list = many(100000);
  struct gw_resource_list after = apply(&list, GW_STR("key-100000"), NULL);
  uint32_t touched = 0;
  for (uint32_t i = 0; i < after.count; i++)
    touched += atomic_load(&after.items[i]->refs) > 1;
  assert_in_range(touched, 1, 512);
  gw_resource_list_unref(&list);
  assert_int_equal(after.count, 99999);
  assert_sound(&after);
  gw_resource_list_unref(&after);
}

/* Against a plain array that says for each number which version is there, if any. */
static void test_any_changes_give_what_an_array_would(void **state) {
  (void)state;
  enum { NAMES = 3000, ROUNDS = 300 };
  static const char *const versions[] = {NULL, "a", "b", "c"};
  struct gw_random random;
  gw_random_init(&random, 7);
  uint8_t *expected = gw_calloc(NAMES, 1);
  struct gw_resource_list list = gw_resource_list_new(NULL, 0);
  struct gw_resource_change *changes = gw_calloc(NAMES, sizeof(*changes));
  for (int round = 0; round < ROUNDS; round++) {
    uint32_t share = (uint32_t)gw_random_below(&random, 100), count = 0;
    struct gw_resource *fresh[NAMES];
    for (uint32_t i = 0; i < NAMES; i++) {
      if (gw_random_below(&random, 100) > share / 4) continue;
      uint32_t version = (uint32_t)gw_random_below(&random, share > 50 ? 2 : GW_ARRAY_LEN(versions));
      fresh[count] = numbered(i, versions[version] != NULL ? versions[version] : "");
      changes[count] = (struct gw_resource_change){fresh[count]->name, version > 0 ? fresh[count] : NULL};
      expected[i] = (uint8_t)version;
      count++;
    }
    struct gw_resource_list after = gw_resource_list_change(&list, changes, count);
    gw_resource_list_unref(&list);
    list = after;
    for (uint32_t i = 0; i < count; i++)
      gw_resource_unref(fresh[i]);
  }
  assert_sound(&list);
  uint32_t at = 0;
  for (uint32_t i = 0; i < NAMES; i++) {
    if (expected[i] == 0) continue;
    char name[16];
    snprintf(name, sizeof(name), "key-%06u", i);
    assert_true(at < list.count && gw_str_equal(list.items[at]->name, gw_str_from(name)));
    assert_string_equal(list.items[at]->version, versions[expected[i]]);
    at++;
  }
  assert_int_equal(at, list.count);
  gw_resource_list_unref(&list);
  free(changes);
  free(expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_change_replaces_adds_and_removes),
      cmocka_unit_test(test_list_without_anything_can_grow_and_shrink),
      cmocka_unit_test(test_one_change_touches_few_references),
      cmocka_unit_test(test_any_changes_give_what_an_array_would),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
