#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/websocket_key.h"

/* The example of RFC 6455 section 1.3. */
static void test_accept_is_the_rfcs(void **state) {
  (void)state;
  char accept[GW_WEBSOCKET_ACCEPT_SIZE];
  gw_websocket_key_accept(GW_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_keys_are_sixteen_bytes_in_base64_and_differ(void **state) {
  (void)state;
  struct gw_random random;
  char first[GW_WEBSOCKET_KEY_SIZE];
  char second[GW_WEBSOCKET_KEY_SIZE];
  gw_random_init(&random, 1);
  gw_websocket_key_new(&random, first);
  gw_websocket_key_new(&random, second);
  assert_int_equal(strlen(first), GW_WEBSOCKET_KEY_SIZE - 1);
  assert_string_equal(first + 22, "==");
  assert_string_not_equal(first, second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept_is_the_rfcs),
      cmocka_unit_test(test_keys_are_sixteen_bytes_in_base64_and_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
