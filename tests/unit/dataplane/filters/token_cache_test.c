#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "dataplane/filters/token_cache.h"

static const struct gw_token_scope scope = {1, 2};

static void put(struct gw_token_cache *cache, const char *token, int64_t valid_until_s) {
  struct gw_token_entry *entry = gw_token_cache_new_entry(cache, gw_str_from(token), &scope);
  entry->valid_until_s = valid_until_s;
  gw_token_cache_add(cache, entry);
  gw_token_cache_unref(cache, entry);
}

static bool has(struct gw_token_cache *cache, const char *token, int64_t now_s) {
  struct gw_token_entry *entry = gw_token_cache_find(cache, gw_str_from(token), &scope, now_s);
  bool is_there = entry != NULL && gw_str_equal(entry->token, gw_str_from(token));
  gw_token_cache_unref(cache, entry);
  return is_there;
}

static void test_find_gives_the_very_token_only(void **state) {
  (void)state;
  struct gw_token_cache *cache = gw_token_cache_new(8, 1 << 20);
  /* The same end, which is what is hashed, and another beginning. */
  char a[200], b[200];
  memset(a, 'x', sizeof a);
  memset(b, 'x', sizeof b);
  a[0] = 'a';
  a[199] = b[199] = '\0';
  put(cache, a, 100);
  assert_true(has(cache, a, 1));
  assert_false(has(cache, b, 1));
  assert_false(has(cache, a + 1, 1));
  gw_token_cache_free(cache);
}

static void test_other_keys_or_rules_are_another_scope(void **state) {
  (void)state;
  struct gw_token_cache *cache = gw_token_cache_new(8, 1 << 20);
  put(cache, "token", 100);
  assert_null(gw_token_cache_find(cache, GW_STR("token"), &(struct gw_token_scope){2, 2}, 1));
  assert_null(gw_token_cache_find(cache, GW_STR("token"), &(struct gw_token_scope){1, 1}, 1));
  assert_true(has(cache, "token", 1));
  gw_token_cache_free(cache);
}

static void test_token_is_gone_when_its_time_is_over(void **state) {
  (void)state;
  struct gw_token_cache *cache = gw_token_cache_new(8, 1 << 20);
  put(cache, "token", 100);
  assert_true(has(cache, "token", 99));
  assert_false(has(cache, "token", 100));
  assert_int_equal(gw_token_cache_count(cache), 0);
  gw_token_cache_free(cache);
}

static void test_least_recently_used_goes_first(void **state) {
  (void)state;
  struct gw_token_cache *cache = gw_token_cache_new(3, 1 << 20);
  put(cache, "a", 100);
  put(cache, "b", 100);
  put(cache, "c", 100);
  assert_true(has(cache, "a", 1));
  put(cache, "d", 100);
  assert_int_equal(gw_token_cache_count(cache), 3);
  assert_false(has(cache, "b", 1));
  assert_true(has(cache, "a", 1) && has(cache, "c", 1) && has(cache, "d", 1));
  gw_token_cache_free(cache);
}

static void test_bytes_are_bounded_too(void **state) {
  (void)state;
  size_t one = sizeof(struct gw_token_entry);
  struct gw_token_cache *cache = gw_token_cache_new(1000, 20 * one);
  char text[64];
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof text, "token %d", i);
    put(cache, text, 100);
  }
  assert_true(gw_token_cache_count(cache) <= 20 && gw_token_cache_count(cache) > 0);
  assert_true(has(cache, "token 199", 1));
  gw_token_cache_free(cache);
}

static void test_entry_in_use_outlives_its_place(void **state) {
  (void)state;
  struct gw_token_cache *cache = gw_token_cache_new(1, 1 << 20);
  put(cache, "a", 100);
  struct gw_token_entry *held = gw_token_cache_find(cache, GW_STR("a"), &scope, 1);
  assert_non_null(held);
  put(cache, "b", 100);
  assert_false(has(cache, "a", 1));
  assert_true(gw_str_equal(held->token, GW_STR("a")));
  gw_token_cache_unref(cache, held);
  gw_token_cache_free(cache);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_find_gives_the_very_token_only),
      cmocka_unit_test(test_other_keys_or_rules_are_another_scope),
      cmocka_unit_test(test_token_is_gone_when_its_time_is_over),
      cmocka_unit_test(test_least_recently_used_goes_first),
      cmocka_unit_test(test_bytes_are_bounded_too),
      cmocka_unit_test(test_entry_in_use_outlives_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
