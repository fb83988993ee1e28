#include "common/crypto/pem_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/unit/pem_fixture.h"

static void test_certificates_are_counted_and_the_first_is_described(void **state) {
  (void)state;
  struct pem_pair one = pem_make("one", -100, 1000), two = pem_make("two", -100, 9999999);
  char *chain = gw_asprintf("some words before\n%s\n%s", one.certificate, two.certificate);
  struct gw_pem_certificates certificates, alone;
  assert_int_equal(gw_pem_read_certificates(gw_str_from(chain), &certificates), GW_OK);
  assert_int_equal(certificates.count, 2);
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000);
  assert_in_range(certificates.not_after_s, now_s + 900, now_s + 1000);
  assert_in_range(certificates.not_before_s, now_s - 200, now_s - 99);
  assert_int_equal(gw_pem_read_certificates(gw_str_from(one.certificate), &alone), GW_OK);
  assert_string_equal(certificates.sha256, alone.sha256);
  assert_int_equal(strlen(alone.sha256), 64);
  free(chain);
  pem_done(&one);
  pem_done(&two);
}

static void test_what_is_no_certificate_or_a_damaged_one_is_refused(void **state) {
  (void)state;
  struct pem_pair pair = pem_make("one", -100, 1000);
  struct gw_pem_certificates certificates;
  assert_int_equal(gw_pem_read_certificates(GW_STR(""), &certificates), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_pem_read_certificates(GW_STR("hello\n"), &certificates), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_pem_read_certificates(gw_str_from(pair.key), &certificates), GW_ERR_NOT_FOUND);
  char *damaged = gw_asprintf("%s%s", pair.certificate, pair.certificate);
  damaged[strlen(pair.certificate) + 100] = '!'; /* the second, too, must be whole */
  assert_int_equal(gw_pem_read_certificates(gw_str_from(damaged), &certificates), GW_ERR_INVALID);
  struct gw_str cut = {pair.certificate, strlen(pair.certificate) - 40};
  assert_int_equal(gw_pem_read_certificates(cut, &certificates), GW_ERR_INVALID);
  free(damaged);
  pem_done(&pair);
}

static void test_pair_is_good_only_with_its_own_key(void **state) {
  (void)state;
  struct pem_pair one = pem_make("one", -100, 1000), two = pem_make("two", -100, 1000);
  assert_int_equal(gw_pem_check_pair(gw_str_from(one.certificate), gw_str_from(one.key)), GW_OK);
  assert_int_equal(gw_pem_check_pair(gw_str_from(one.certificate), gw_str_from(two.key)), GW_ERR_DENIED);
  assert_int_equal(gw_pem_check_pair(gw_str_from(one.certificate), GW_STR("")), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_pem_check_pair(gw_str_from(one.certificate), gw_str_from(one.certificate)), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_pem_check_pair(GW_STR("nothing"), gw_str_from(one.key)), GW_ERR_DENIED);
  pem_done(&one);
  pem_done(&two);
}

/* Nobody is asked at the terminal. */
static void test_key_with_a_passphrase_is_none(void **state) {
  (void)state;
  struct pem_pair pair = pem_make("one", -100, 1000);
  BIO *in = BIO_new_mem_buf(pair.key, -1), *out = BIO_new(BIO_s_mem());
  EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
  assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "word", 4, NULL, NULL), 1);
  char *sealed = pem_take(out);
  assert_int_equal(gw_pem_check_pair(gw_str_from(pair.certificate), gw_str_from(sealed)), GW_ERR_NOT_FOUND);
  free(sealed);
  EVP_PKEY_free(key);
  BIO_free(in);
  pem_done(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_certificates_are_counted_and_the_first_is_described),
      cmocka_unit_test(test_what_is_no_certificate_or_a_damaged_one_is_refused),
      cmocka_unit_test(test_pair_is_good_only_with_its_own_key),
      cmocka_unit_test(test_key_with_a_passphrase_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
