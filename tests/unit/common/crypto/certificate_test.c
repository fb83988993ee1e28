#include "common/crypto/certificate.h"

#include "pki_fixture.h"

static void test_text_without_a_certificate_is_invalid(void **state) {
  (void)state;
  struct gw_certificate seen;
  size_t count;
  static const char *const texts[] = {"", "hello", "-----BEGIN CERTIFICATE-----\n",
                                      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    assert_int_equal(gw_certificate_parse(gw_str_from(texts[i]), &seen), GW_ERR_INVALID);
    assert_int_equal(gw_certificate_count(gw_str_from(texts[i]), &count), GW_ERR_INVALID);
    assert_false(gw_private_key_is_usable(gw_str_from(texts[i])));
  }
}

static void test_several_certificates_are_counted_and_a_cut_one_is_invalid(void **state) {
  (void)state;
  struct gw_pki_pair a = pki_make_ca("a"), b = pki_make_ca("b");
  char *both = gw_asprintf("a comment\n%s\nanother\n%s", a.certificate, b.certificate);
  size_t count = 0;
  assert_int_equal(gw_certificate_count(gw_str_from(both), &count), GW_OK);
  assert_int_equal(count, 2);
  /* Wherever the second one is cut behind its first line. */
  size_t first = strlen(both) - strlen(b.certificate) + strlen("-----BEGIN CERTIFICATE-----\n");
  for (size_t len = first; len + 1 < strlen(both); len++)
    assert_int_equal(gw_certificate_count((struct gw_str){both, len}, &count), GW_ERR_INVALID);
  free(both);
  gw_pki_pair_done(&a);
  gw_pki_pair_done(&b);
}

static void test_key_with_a_passphrase_is_not_usable_and_nobody_is_asked(void **state) {
  (void)state;
  static const char key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                            "Proc-Type: 4,ENCRYPTED\n"
                            "DEK-Info: AES-128-CBC,7F0E7A7B5C8E0B3D0F5C0A6B1B2C3D4E\n\n"
                            "mFz0i1c3Bq5m5m2kS0hPqgm8h2sC3mKXz3kVbGQ0cT0=\n"
                            "-----END EC PRIVATE KEY-----\n";
  assert_false(gw_private_key_is_usable(gw_str_from(key)));
}

static void test_key_behind_certificates_is_found(void **state) {
  (void)state;
  struct gw_pki_pair ca = pki_make_ca("a");
  char *both = gw_asprintf("%s%s", ca.certificate, ca.key);
  assert_true(gw_private_key_is_usable(gw_str_from(both)));
  assert_true(gw_private_key_fits(gw_str_from(both), gw_str_from(both)));
  free(both);
  gw_pki_pair_done(&ca);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_without_a_certificate_is_invalid),
      cmocka_unit_test(test_several_certificates_are_counted_and_a_cut_one_is_invalid),
      cmocka_unit_test(test_key_with_a_passphrase_is_not_usable_and_nobody_is_asked),
      cmocka_unit_test(test_key_behind_certificates_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
