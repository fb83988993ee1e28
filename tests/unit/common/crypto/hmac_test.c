#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/crypto/hmac.h"

static void assert_mac(enum gw_hash hash, struct gw_str key, struct gw_str message, const char *hex) {
  struct gw_hmac *hmac = gw_hmac_new(hash, key);
  uint8_t mac[GW_HASH_SIZE_MAX];
  char text[2 * GW_HASH_SIZE_MAX + 1];
  for (int round = 0; round < 2; round++) { /* a key serves again and again */
    gw_hmac_compute(hmac, message, mac);
    for (size_t i = 0; i < gw_hash_size(hash); i++)
      snprintf(text + 2 * i, 3, "%02x", mac[i]);
    assert_string_equal(text, hex);
    assert_true(gw_hmac_verify(hmac, message, (struct gw_str){(const char *)mac, gw_hash_size(hash)}));
  }
  gw_hmac_free(hmac);
}

/* RFC 4231 section 4.3: a short key. */
static void test_macs_are_the_rfcs(void **state) {
  (void)state;
  const struct gw_str key = GW_STR("Jefe"), message = GW_STR("what do ya want for nothing?");
  assert_mac(GW_HASH_SHA256, key, message, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert_mac(GW_HASH_SHA384, key, message,
             "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  assert_mac(GW_HASH_SHA512, key, message,
             "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce"
             "737");
}

/* RFC 4231 section 4.7: a key longer than a block. */
static void test_long_keys_are_hashed_first(void **state) {
  (void)state;
  char key[131];
  memset(key, 0xaa, sizeof(key));
  const struct gw_str long_key = {key, sizeof(key)}, message = GW_STR("Test Using Larger Than Block-Size Key - Hash Key First");
  assert_mac(GW_HASH_SHA256, long_key, message, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  assert_mac(GW_HASH_SHA512, long_key, message,
             "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786"
             "598");
}

static void test_nothing_but_the_whole_mac_is_taken(void **state) {
  (void)state;
  struct gw_hmac *hmac = gw_hmac_new(GW_HASH_SHA256, GW_STR("key"));
  uint8_t mac[GW_HASH_SIZE_MAX + 1] = {0};
  gw_hmac_compute(hmac, GW_STR(""), mac);
  assert_true(gw_hmac_verify(hmac, GW_STR(""), (struct gw_str){(const char *)mac, 32}));
  assert_false(gw_hmac_verify(hmac, GW_STR(""), (struct gw_str){(const char *)mac, 31}));
  assert_false(gw_hmac_verify(hmac, GW_STR(""), (struct gw_str){(const char *)mac, 33}));
  assert_false(gw_hmac_verify(hmac, GW_STR(""), GW_STR("")));
  assert_false(gw_hmac_verify(hmac, GW_STR("x"), (struct gw_str){(const char *)mac, 32}));
  for (size_t i = 0; i < 32; i++) {
    mac[i] ^= 1;
    assert_false(gw_hmac_verify(hmac, GW_STR(""), (struct gw_str){(const char *)mac, 32}));
    mac[i] ^= 1;
  }
  gw_hmac_free(hmac);
  gw_hmac_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_macs_are_the_rfcs),
      cmocka_unit_test(test_long_keys_are_hashed_first),
      cmocka_unit_test(test_nothing_but_the_whole_mac_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
