#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "dataplane/pipeline/key_table.h"

static struct gw_key *numbered(uint32_t number, bool is_imported) {
  char id[17];
  snprintf(id, sizeof(id), "k%015u", number);
  struct gw_api_key model = {.id = gw_str_from(id), .is_imported = is_imported, .owner = GW_STR("ann")};
  memcpy(model.hash, &number, sizeof(number));
  return gw_key_new(&model, "0123456789abcdef");
}

static struct gw_key *find(const struct gw_key_table *table, uint32_t number, bool is_imported) {
  char id[17];
  uint8_t hash[32] = {0};
  snprintf(id, sizeof(id), "k%015u", number);
  memcpy(hash, &number, sizeof(number));
  return is_imported ? gw_key_table_find_imported(table, hash) : gw_key_table_find(table, gw_str_from(id));
}

static void test_key_says_what_a_token_would(void **state) {
  (void)state;
  const struct gw_str roles[] = {GW_STR("admin"), GW_STR("viewer")}, permissions[] = {GW_STR("projects:*")};
  struct gw_api_key model = {.id = GW_STR("abcdefghij234567"),
                             .owner = GW_STR("ann"),
                             .name = GW_STR("Ann"),
                             .roles = roles,
                             .role_count = 2,
                             .permissions = permissions,
                             .permission_count = 1,
                             .plan = GW_STR("gold")};
  struct gw_key *key = gw_key_new(&model, "0123456789abcdef");
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
  gw_json_append_value(&text, key->identity.claims);
  assert_string_equal(text.data, "{\"sub\":\"ann\",\"name\":\"Ann\",\"roles\":[\"admin\",\"viewer\"],\"permissions\":[\"projects:*\"]}");
  assert_true(gw_str_equal(key->plan.name, GW_STR("gold")) && gw_str_equal(key->plan.key_id, model.id));
  assert_int_equal(key->identity.method, GW_AUTH_API_KEY);
  gw_key_unref(key);
}

static void test_tables_before_an_edit_stay_as_they_were(void **state) {
  (void)state;
  struct gw_key_table *empty = gw_key_table_new(), *one = gw_key_table_edit(empty);
  struct gw_key *key = numbered(1, false);
  gw_key_table_add(one, key);
  struct gw_key_table *none = gw_key_table_edit(one);
  gw_key_table_remove(none, key);
  assert_null(find(empty, 1, false));
  assert_ptr_equal(find(one, 1, false), key);
  assert_null(find(none, 1, false));
  assert_int_equal(gw_key_table_count(one), 1);
  assert_int_equal(gw_key_table_count(none), 0);
  gw_key_table_unref(empty);
  gw_key_table_unref(none);
  assert_int_equal(atomic_load(&key->refs), 2); /* ours and that of `one` */
  gw_key_table_unref(one);
  assert_int_equal(atomic_load(&key->refs), 1);
  gw_key_unref(key);
}

static void test_imported_keys_are_found_by_hash_alone(void **state) {
  (void)state;
  struct gw_key_table *table = gw_key_table_new();
  struct gw_key *own = numbered(1, false), *imported = numbered(2, true);
  gw_key_table_add(table, own);
  gw_key_table_add(table, imported);
  assert_ptr_equal(find(table, 1, false), own);
  assert_null(find(table, 1, true));
  assert_ptr_equal(find(table, 2, true), imported);
  assert_null(find(table, 2, false));
  gw_key_table_unref(table);
  gw_key_unref(own);
  gw_key_unref(imported);
}

/* Against a plain array, over many edits, with older tables alive. */
static void test_any_edits_give_what_an_array_would(void **state) {
  (void)state;
  enum { KEYS = 2000, EDITS = 400, KEPT = 8 };
  struct gw_random random;
  gw_random_init(&random, 3);
  struct gw_key *expected[KEYS] = {NULL};
  struct gw_key_table *kept[KEPT] = {NULL}, *table = gw_key_table_new();
  for (uint32_t edit = 0; edit < EDITS; edit++) {
    struct gw_key_table *next = gw_key_table_edit(table);
    uint32_t changes = (uint32_t)gw_random_below(&random, edit % 50 == 0 ? 500 : 5);
    for (uint32_t i = 0; i < changes; i++) {
      uint32_t number = (uint32_t)gw_random_below(&random, KEYS);
      struct gw_key *before = expected[number];
      expected[number] = gw_random_below(&random, 3) > 0 ? numbered(number, number % 5 == 0) : NULL;
      if (before != NULL) gw_key_table_remove(next, before);
      if (expected[number] != NULL) gw_key_table_add(next, expected[number]);
      gw_key_unref(before);
    }
    gw_key_table_unref(kept[edit % KEPT]);
    kept[edit % KEPT] = table;
    table = next;
  }
  uint32_t count = 0;
  for (uint32_t i = 0; i < KEYS; i++) {
    assert_ptr_equal(find(table, i, i % 5 == 0), expected[i]);
    count += expected[i] != NULL;
  }
  assert_int_equal(gw_key_table_count(table), count);
  for (uint32_t i = 0; i < KEPT; i++)
    gw_key_table_unref(kept[i]);
  gw_key_table_unref(table);
  for (uint32_t i = 0; i < KEYS; i++)
    gw_key_unref(expected[i]); /* nobody else has them: else the sanitizer tells */
}

static void test_one_edit_of_100000_leaves_the_rest_alone(void **state) {
  (void)state;
  enum { KEYS = 100000 };
  struct gw_key **keys = gw_calloc(KEYS, sizeof(struct gw_key *));
  struct gw_key_table *table = gw_key_table_new();
  for (uint32_t i = 0; i < KEYS; i++) {
    keys[i] = numbered(i, false);
    gw_key_table_add(table, keys[i]);
  }
  uint64_t begun_us = gw_clock_monotonic_us();
  struct gw_key_table *after = gw_key_table_edit(table);
  gw_key_table_remove(after, keys[KEYS / 2]);
  print_message("one of %d keys: edited in %u us\n", KEYS, (unsigned)(gw_clock_monotonic_us() - begun_us));
  uint32_t touched = 0;
  for (uint32_t i = 0; i < KEYS; i++)
    touched += atomic_load(&keys[i]->refs) > 2;
  assert_true(touched < 200);
  gw_key_table_unref(table);
  gw_key_table_unref(after);
  for (uint32_t i = 0; i < KEYS; i++)
    gw_key_unref(keys[i]);
  free(keys);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_key_says_what_a_token_would),
      cmocka_unit_test(test_tables_before_an_edit_stay_as_they_were),
      cmocka_unit_test(test_imported_keys_are_found_by_hash_alone),
      cmocka_unit_test(test_any_edits_give_what_an_array_would),
      cmocka_unit_test(test_one_edit_of_100000_leaves_the_rest_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
