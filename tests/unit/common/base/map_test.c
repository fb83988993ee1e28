#include "common/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/random.h"

static void test_put_find_remove_of_one_key(void **state) {
  (void)state;
  int a;
  int b;
  struct gw_map *map = gw_map_new();
  assert_null(gw_map_find(map, GW_STR("k")));
  assert_null(gw_map_put(map, GW_STR("k"), &a));
  assert_ptr_equal(gw_map_put(map, GW_STR("k"), &b), &a);
  assert_ptr_equal(gw_map_find(map, GW_STR("k")), &b);
  assert_int_equal(gw_map_count(map), 1);
  assert_null(gw_map_remove(map, GW_STR("other")));
  assert_ptr_equal(gw_map_remove(map, GW_STR("k")), &b);
  assert_null(gw_map_remove(map, GW_STR("k")));
  assert_int_equal(gw_map_count(map), 0);
  gw_map_free(map);
  gw_map_free(NULL);
}

static void test_put_copies_the_key(void **state) {
  (void)state;
  char key[] = "abc";
  int value;
  struct gw_map *map = gw_map_new();
  gw_map_put(map, gw_str_from(key), &value);
  gw_map_put(map, (struct gw_str){NULL, 0}, &value);
  key[0] = 'x';
  assert_non_null(gw_map_find(map, GW_STR("abc")));
  assert_non_null(gw_map_find(map, GW_STR("")));
  assert_null(gw_map_find(map, gw_str_from(key)));
  gw_map_free(map);
}

#define KEYS 2000

/* Against a plain array, with adds and removes mixed: finds every error in closing a removal's gap. */
static void test_random_operations_agree_with_an_array(void **state) {
  (void)state;
  static int values[2];
  void *expected[KEYS] = {0};
  size_t count = 0;
  struct gw_random random;
  gw_random_init(&random, 5);
  struct gw_map *map = gw_map_new();
  for (int i = 0; i < 200000; i++) {
    size_t k = gw_random_below(&random, KEYS);
    char text[32];
    struct gw_str key = {text, (size_t)snprintf(text, sizeof(text), "key-%zu", k)};
    void *value = &values[gw_random_below(&random, 2)];
    switch (gw_random_below(&random, 3)) {
    case 0:
      assert_ptr_equal(gw_map_put(map, key, value), expected[k]);
      count += expected[k] == NULL;
      expected[k] = value;
      break;
    case 1:
      assert_ptr_equal(gw_map_remove(map, key), expected[k]);
      count -= expected[k] != NULL;
      expected[k] = NULL;
      break;
    default: assert_ptr_equal(gw_map_find(map, key), expected[k]); break;
    }
    assert_int_equal(gw_map_count(map), count);
  }
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(map, &cursor, &key, &value)) {
    size_t k = (size_t)strtoul(key.data + 4, NULL, 10);
    assert_ptr_equal(expected[k], value);
    expected[k] = NULL;
    count--;
  }
  assert_int_equal(count, 0);
  gw_map_free(map);
}

static void test_hash_keyed_depends_on_every_byte(void **state) {
  (void)state;
  unsigned char bytes[40] = {0};
  for (size_t len = 1; len <= sizeof(bytes); len++) {
    uint64_t before = gw_hash_keyed(bytes, len);
    assert_true(before != gw_hash_keyed(bytes, len - 1));
    for (size_t i = 0; i < len; i++) {
      bytes[i] ^= 1;
      assert_true(before != gw_hash_keyed(bytes, len));
      bytes[i] ^= 1;
    }
    assert_true(before == gw_hash_keyed(bytes, len));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_put_find_remove_of_one_key),
      cmocka_unit_test(test_put_copies_the_key),
      cmocka_unit_test(test_random_operations_agree_with_an_array),
      cmocka_unit_test(test_hash_keyed_depends_on_every_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
