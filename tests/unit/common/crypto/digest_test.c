#include "common/crypto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void assert_digest(struct gw_str data, const char *expected) {
  uint8_t digest[GW_SHA256_SIZE];
  char text[2 * GW_SHA256_SIZE + 1];
  gw_digest_sha256(data, digest);
  for (size_t i = 0; i < GW_SHA256_SIZE; i++)
    snprintf(text + 2 * i, 3, "%02x", digest[i]);
  assert_string_equal(text, expected);
}

static void test_sha256_of_published_inputs(void **state) {
  (void)state;
  assert_digest((struct gw_str){NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_digest(GW_STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 1321 appendix A.5. */
static void test_md5_of_published_inputs(void **state) {
  (void)state;
  char text[GW_MD5_TEXT_SIZE];
  assert_true(gw_digest_md5((struct gw_str){NULL, 0}, text));
  assert_string_equal(text, "d41d8cd98f00b204e9800998ecf8427e");
  assert_true(gw_digest_md5(GW_STR("message digest"), text));
  assert_string_equal(text, "f96b697d7cb7938d525a2f31aaf161d0");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sha256_of_published_inputs), cmocka_unit_test(test_md5_of_published_inputs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
