#include "common/crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct gw_str secret = {"0123456789abcdef0123456789abcdef", 32};

static void test_unseal_gives_back_what_was_sealed(void **state) {
  (void)state;
  uint8_t key[GW_SEAL_KEY_SIZE];
  assert_int_equal(gw_seal_derive_key(secret, "test", key), GW_OK);
  struct gw_strbuf sealed, plain;
  gw_strbuf_init(&sealed);
  gw_strbuf_init(&plain);
  assert_int_equal(gw_seal(key, GW_STR("head"), GW_STR("the plain text"), &sealed), GW_OK);
  assert_int_equal(sealed.len, 14 + GW_SEAL_OVERHEAD);
  assert_null(memmem(sealed.data, sealed.len, "plain", 5));
  assert_int_equal(gw_unseal(key, GW_STR("head"), gw_strbuf_str(&sealed), &plain), GW_OK);
  assert_string_equal(plain.data, "the plain text");
  gw_strbuf_done(&sealed);
  gw_strbuf_done(&plain);
}

static void test_unseal_of_nothing_gives_nothing(void **state) {
  (void)state;
  uint8_t key[GW_SEAL_KEY_SIZE];
  assert_int_equal(gw_seal_derive_key(secret, "test", key), GW_OK);
  struct gw_strbuf sealed, plain;
  gw_strbuf_init(&sealed);
  gw_strbuf_init(&plain);
  assert_int_equal(gw_seal(key, (struct gw_str){0}, (struct gw_str){0}, &sealed), GW_OK);
  assert_int_equal(gw_unseal(key, (struct gw_str){0}, gw_strbuf_str(&sealed), &plain), GW_OK);
  assert_int_equal(plain.len, 0);
  gw_strbuf_done(&sealed);
  gw_strbuf_done(&plain);
}

static void test_unseal_of_any_changed_byte_is_denied(void **state) {
  (void)state;
  uint8_t key[GW_SEAL_KEY_SIZE];
  assert_int_equal(gw_seal_derive_key(secret, "test", key), GW_OK);
  struct gw_strbuf sealed, plain;
  gw_strbuf_init(&sealed);
  gw_strbuf_init(&plain);
  assert_int_equal(gw_seal(key, GW_STR("head"), GW_STR("text"), &sealed), GW_OK);
  for (size_t i = 0; i < sealed.len; i++) {
    sealed.data[i] = (char)(sealed.data[i] ^ 1);
    assert_int_equal(gw_unseal(key, GW_STR("head"), gw_strbuf_str(&sealed), &plain), GW_ERR_DENIED);
    assert_int_equal(plain.len, 0);
    sealed.data[i] = (char)(sealed.data[i] ^ 1);
  }
  assert_int_equal(gw_unseal(key, GW_STR("Head"), gw_strbuf_str(&sealed), &plain), GW_ERR_DENIED);
  for (size_t len = 0; len < sealed.len; len++) {
    assert_int_equal(gw_unseal(key, GW_STR("head"), (struct gw_str){sealed.data, len}, &plain), GW_ERR_DENIED);
  }
  gw_strbuf_done(&sealed);
  gw_strbuf_done(&plain);
}

static void test_derive_key_depends_on_purpose_and_refuses_a_short_secret(void **state) {
  (void)state;
  uint8_t a[GW_SEAL_KEY_SIZE], b[GW_SEAL_KEY_SIZE];
  assert_int_equal(gw_seal_derive_key(secret, "one", a), GW_OK);
  assert_int_equal(gw_seal_derive_key(secret, "two", b), GW_OK);
  assert_memory_not_equal(a, b, sizeof(a));
  assert_int_equal(gw_seal_derive_key((struct gw_str){secret.data, 31}, "one", a), GW_ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unseal_gives_back_what_was_sealed),
      cmocka_unit_test(test_unseal_of_nothing_gives_nothing),
      cmocka_unit_test(test_unseal_of_any_changed_byte_is_denied),
      cmocka_unit_test(test_derive_key_depends_on_purpose_and_refuses_a_short_secret),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
