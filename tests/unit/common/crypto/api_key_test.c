#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/crypto/api_key.h"
#include "common/crypto/hmac.h"

#define PEPPER "0123456789abcdef0123456789abcdef"
#define KEY "gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567"

static void test_new_keys_differ_and_have_their_form(void **state) {
  (void)state;
  char a[GW_API_KEY_SIZE], b[GW_API_KEY_SIZE];
  struct gw_str id_a, id_b;
  gw_api_key_new(a);
  gw_api_key_new(b);
  assert_int_equal(strlen(a), GW_API_KEY_LEN);
  assert_true(gw_api_key_parse(gw_str_from(a), &id_a));
  assert_true(gw_api_key_parse(gw_str_from(b), &id_b));
  assert_false(gw_str_equal(id_a, id_b));
  assert_string_not_equal(a + 4 + GW_API_KEY_ID_LEN, b + 4 + GW_API_KEY_ID_LEN);
  assert_true(gw_api_key_is_id(id_a));
}

static void test_every_character_of_the_alphabet_comes_and_no_other(void **state) {
  (void)state;
  uint32_t seen = 0;
  for (int i = 0; i < 200; i++) {
    char key[GW_API_KEY_SIZE];
    gw_api_key_new(key);
    for (const char *c = key + 4 + GW_API_KEY_ID_LEN + 1; *c != '\0'; c++)
      seen |= 1u << (*c >= 'a' ? *c - 'a' : *c - '2' + 26);
  }
  assert_int_equal(seen, UINT32_MAX);
}

static void test_parse_gives_the_id(void **state) {
  (void)state;
  struct gw_str id;
  assert_true(gw_api_key_parse(GW_STR(KEY), &id));
  assert_true(gw_str_equal(id, GW_STR("abcdefghijklmnop")));
}

static void test_another_form_is_not_one_of_ours(void **state) {
  (void)state;
  static const char *const others[] = {
      "",
      "gwk_",
      "GWK_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567",
      "gwk_abcdefghijklmno_abcdefghijklmnopqrstuvwxyz2345677",
      "gwk_abcdefghijklmnop-abcdefghijklmnopqrstuvwxyz234567",
      "gwk_abcdefghijklmnoP_abcdefghijklmnopqrstuvwxyz234567",
      "gwk_abcdefghijklmno1_abcdefghijklmnopqrstuvwxyz234567",
      "gwk_abcdefghijklmno8_abcdefghijklmnopqrstuvwxyz234567",
      "gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz23456 ",
      "gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz23456_",
      "gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz23456",
      "gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz2345677",
      "sk_live_1234567890",
  };
  struct gw_str id = GW_STR("untouched");
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++)
    assert_false(gw_api_key_parse(gw_str_from(others[i]), &id));
  assert_true(gw_str_equal(id, GW_STR("untouched")));
  assert_false(gw_api_key_is_id(GW_STR("abcdefghijklmno")));
  assert_false(gw_api_key_is_id(GW_STR("abcdefghijklmnoA")));
}

static void test_a_short_pepper_is_none(void **state) {
  (void)state;
  assert_null(gw_api_key_pepper_new(GW_STR("0123456789abcdef0123456789abcde")));
  assert_null(gw_api_key_pepper_new(GW_STR("")));
}

/* HMAC-SHA-256, computed with `openssl dgst -sha256 -hmac`. */
static void test_hash_is_an_hmac_of_the_whole_text(void **state) {
  (void)state;
  static const uint8_t expected[] = {0x7d, 0x07, 0xdc, 0x70, 0x34, 0xe8, 0xbd, 0xcb, 0x97, 0x31, 0x73, 0x0a, 0x9a, 0xb4, 0x54, 0x6a,
                                     0xa2, 0xcd, 0x68, 0xbe, 0x38, 0xe0, 0xe7, 0x54, 0x12, 0xf8, 0x42, 0x89, 0x42, 0xc5, 0x4e, 0x22};
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  uint8_t hash[GW_API_KEY_HASH_SIZE];
  gw_api_key_hash(pepper, GW_STR(KEY), hash);
  assert_memory_equal(hash, expected, sizeof(hash));
  gw_hmac_free(pepper);
}

static void test_only_the_key_under_its_pepper_verifies(void **state) {
  (void)state;
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER)), *other = gw_api_key_pepper_new(GW_STR(PEPPER "x"));
  uint8_t hash[GW_API_KEY_HASH_SIZE];
  gw_api_key_hash(pepper, GW_STR(KEY), hash);
  assert_true(gw_api_key_verify(pepper, GW_STR(KEY), hash));
  assert_false(gw_api_key_verify(other, GW_STR(KEY), hash));
  assert_false(gw_api_key_verify(pepper, GW_STR("gwk_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234566"), hash));
  assert_false(gw_api_key_verify(pepper, GW_STR(KEY " "), hash));
  hash[31] ^= 1;
  assert_false(gw_api_key_verify(pepper, GW_STR(KEY), hash));
  gw_hmac_free(pepper);
  gw_hmac_free(other);
}

static void test_imported_keys_are_hashed_alike(void **state) {
  (void)state;
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  uint8_t hash[GW_API_KEY_HASH_SIZE];
  gw_api_key_hash(pepper, GW_STR("sk_live_1234567890"), hash);
  assert_true(gw_api_key_verify(pepper, GW_STR("sk_live_1234567890"), hash));
  gw_hmac_free(pepper);
}

static void test_an_unknown_key_verifies_nothing(void **state) {
  (void)state;
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  assert_false(gw_api_key_verify(pepper, GW_STR(KEY), NULL));
  gw_hmac_free(pepper);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_new_keys_differ_and_have_their_form),
      cmocka_unit_test(test_every_character_of_the_alphabet_comes_and_no_other),
      cmocka_unit_test(test_parse_gives_the_id),
      cmocka_unit_test(test_another_form_is_not_one_of_ours),
      cmocka_unit_test(test_a_short_pepper_is_none),
      cmocka_unit_test(test_hash_is_an_hmac_of_the_whole_text),
      cmocka_unit_test(test_only_the_key_under_its_pepper_verifies),
      cmocka_unit_test(test_imported_keys_are_hashed_alike),
      cmocka_unit_test(test_an_unknown_key_verifies_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
