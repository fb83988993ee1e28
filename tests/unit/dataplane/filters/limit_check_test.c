/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/filters/limit_check.h"

static uint64_t hash_of(const char *const *parts) {
  struct gw_limit_key key;
  gw_limit_key_init(&key, GW_STR("limit"));
  for (; *parts != NULL; parts++)
    gw_limit_key_add(&key, gw_str_from(*parts));
  return gw_limit_key_hash(&key);
}

static void test_parts_can_not_be_confused_with_one_another(void **unused) {
  (void)unused;
  static const char *const lists[][4] = {{"ab", "c"}, {"a", "bc"}, {"abc"}, {"", "abc"}, {"abc", ""}, {"a", "b", "c"}, {"\x01", "bc"}};
  for (size_t i = 0; i < GW_ARRAY_LEN(lists); i++)
    for (size_t k = 0; k < i; k++)
      assert_true(hash_of(lists[i]) != hash_of(lists[k]));
  assert_true(hash_of(lists[0]) == hash_of(lists[0]));
}

static void test_long_parts_and_many_parts_count_to_their_last_byte(void **unused) {
  (void)unused;
  char text[3][2001];
  for (size_t i = 0; i < 3; i++) {
    memset(text[i], 'x', 2000);
    text[i][2000] = '\0';
  }
  text[1][1999] = 'y';
  const char *one[] = {text[0], "a", NULL}, *other[] = {text[1], "a", NULL}, *same[] = {text[2], "a", NULL};
  assert_true(hash_of(one) != hash_of(other));
  assert_true(hash_of(one) == hash_of(same));
  const char *many[41] = {NULL}, *more[41] = {NULL};
  for (size_t i = 0; i < 40; i++)
    many[i] = more[i] = "0123456789abcdef";
  more[0] = "0123456789abcdeg";
  assert_true(hash_of(many) != hash_of(more));
}

/* Data planes of other versions find the same bucket by it. */
static void test_digest_is_the_same_in_every_process(void **unused) {
  (void)unused;
  struct gw_limit_key key;
  char digest[GW_LIMIT_DIGEST_SIZE], long_digest[GW_LIMIT_DIGEST_SIZE];
  gw_limit_key_init(&key, GW_STR("route/GET /a/0"));
  gw_limit_key_add(&key, GW_STR("alice"));
  gw_limit_key_format_digest(&key, digest);
  assert_string_equal(digest, "8e25bc0aa4572ae89ca948a4421b49e4");
  char text[1000];
  memset(text, 'z', sizeof(text));
  gw_limit_key_add(&key, (struct gw_str){text, sizeof(text)});
  gw_limit_key_add(&key, (struct gw_str){text, 200});
  gw_limit_key_format_digest(&key, long_digest);
  assert_string_equal(long_digest, "692564f00265d65b87b40700bc4052b9");
}

static void test_client_is_an_address_or_a_network_of_64_bits(void **unused) {
  (void)unused;
  static const struct {
    const char *a, *b;
    bool is_same;
  } cases[] = {
      {"10.0.0.1", "10.0.0.1", true},       {"10.0.0.1", "10.0.0.2", false},           {"10.0.0.1", "::ffff:10.0.0.1", true},
      {"2001:db8::1", "2001:db8::2", true}, {"2001:db8::1", "2001:db8:0:1::1", false}, {"1.2.3.4", "2001:db8::1.2.3.4", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_address a, b;
    char a_bytes[GW_LIMIT_CLIENT_BYTES], b_bytes[GW_LIMIT_CLIENT_BYTES];
    assert_int_equal(gw_address_parse_ip(gw_str_from(cases[i].a), 1, &a), GW_OK);
    assert_int_equal(gw_address_parse_ip(gw_str_from(cases[i].b), 2, &b), GW_OK);
    assert_int_equal(gw_str_equal(gw_limit_client(&a, a_bytes), gw_limit_client(&b, b_bytes)), cases[i].is_same);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts_can_not_be_confused_with_one_another),
      cmocka_unit_test(test_long_parts_and_many_parts_count_to_their_last_byte),
      cmocka_unit_test(test_digest_is_the_same_in_every_process),
      cmocka_unit_test(test_client_is_an_address_or_a_network_of_64_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
