#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/mem.h"
#include "common/crypto/jwk.h"
#include "common/crypto/keys.h"
#include "common/crypto/pki.h"
#include "common/crypto/x509.h"

/* What `make` writes as PEM; `is_private` says which half. */
static char *pem_of(EVP_PKEY *key, bool is_private, const EVP_CIPHER *cipher) {
  BIO *bio = BIO_new(BIO_s_mem());
  char *text, passphrase[] = "secret";
  int written = is_private ? PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, cipher != NULL ? 6 : 0, NULL, NULL)
                           : PEM_write_bio_PUBKEY(bio, key);
  assert_int_equal(written, 1);
  long len = BIO_get_mem_data(bio, &text);
  char *copy = gw_strndup(text, (size_t)len);
  BIO_free(bio);
  EVP_PKEY_free(key);
  return copy;
}

static void assert_halves_match(const struct gw_key_pair *pair) {
  EVP_PKEY *private_key, *public_key;
  assert_int_equal(gw_keys_load_private_key(gw_str_from(pair->private_pem), &private_key), GW_OK);
  assert_int_equal(gw_keys_load_public_key(gw_str_from(pair->public_pem), &public_key), GW_OK);
  assert_int_equal(EVP_PKEY_eq(private_key, public_key), 1);
  EVP_PKEY_free(private_key);
  EVP_PKEY_free(public_key);
}

static void test_an_rsa_pair_has_the_bits_asked_for(void **state) {
  (void)state;
  struct gw_key_pair pair;
  assert_int_equal(gw_keys_generate_rsa_pair(2048, &pair), GW_OK);
  assert_halves_match(&pair);
  EVP_PKEY *key;
  assert_int_equal(gw_keys_load_public_key(gw_str_from(pair.public_pem), &key), GW_OK);
  assert_int_equal(EVP_PKEY_get_bits(key), 2048);
  EVP_PKEY_free(key);
  gw_key_pair_done(&pair);
  assert_null(pair.private_pem);
}

static void test_rsa_sizes_beyond_the_bounds_are_refused(void **state) {
  (void)state;
  struct gw_key_pair pair;
  assert_int_equal(gw_keys_generate_rsa_pair(2047, &pair), GW_ERR_INVALID);
  assert_int_equal(gw_keys_generate_rsa_pair(1024, &pair), GW_ERR_INVALID);
  assert_int_equal(gw_keys_generate_rsa_pair(8193, &pair), GW_ERR_INVALID);
}

static void test_each_curve_has_pairs_and_no_other(void **state) {
  (void)state;
  static const char *const curves[] = {"P-256", "P-384", "P-521", "Ed25519"};
  struct gw_key_pair pair;
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    assert_int_equal(gw_keys_generate_ec_pair(curves[i], &pair), GW_OK);
    assert_halves_match(&pair);
    gw_key_pair_done(&pair);
  }
  assert_int_equal(gw_keys_generate_ec_pair("secp256k1", &pair), GW_ERR_INVALID);
  assert_int_equal(gw_keys_generate_ec_pair("p-256", &pair), GW_ERR_INVALID);
}

static void test_secrets_differ_and_are_long_enough(void **state) {
  (void)state;
  char *a = gw_keys_generate_secret(48), *b = gw_keys_generate_secret(48);
  assert_int_equal(strlen(a), 64);
  assert_string_not_equal(a, b);
  gw_keys_free_secret(a);
  gw_keys_free_secret(b);
  gw_keys_free_secret(NULL);
}

static void test_a_public_key_is_read_out_of_a_certificate(void **state) {
  (void)state;
  struct gw_pki_request request = {.common_name = "issuer", .for_servers = true, .not_before_s = 1, .not_after_s = 2000000000};
  struct gw_pki_pair pair;
  EVP_PKEY *private_key, *public_key;
  assert_int_equal(gw_pki_issue(&request, NULL, &pair), GW_OK);
  assert_int_equal(gw_keys_load_public_key(gw_str_from(pair.certificate), &public_key), GW_OK);
  assert_int_equal(gw_keys_load_private_key(gw_str_from(pair.key), &private_key), GW_OK);
  assert_int_equal(EVP_PKEY_eq(private_key, public_key), 1);
  EVP_PKEY_free(private_key);
  EVP_PKEY_free(public_key);
  gw_pki_pair_done(&pair);
}

static void test_halves_are_not_taken_for_each_other(void **state) {
  (void)state;
  struct gw_key_pair pair;
  EVP_PKEY *key;
  assert_int_equal(gw_keys_generate_ec_pair("P-256", &pair), GW_OK);
  assert_int_equal(gw_keys_load_public_key(gw_str_from(pair.private_pem), &key), GW_ERR_INVALID);
  assert_int_equal(gw_keys_load_private_key(gw_str_from(pair.public_pem), &key), GW_ERR_NOT_FOUND);
  gw_key_pair_done(&pair);
}

static void test_weak_keys_and_other_types_are_denied(void **state) {
  (void)state;
  EVP_PKEY *key;
  char *weak = pem_of(EVP_RSA_gen(1024), true, NULL), *weak_public = pem_of(EVP_RSA_gen(1024), false, NULL);
  char *curve = pem_of(EVP_EC_gen("secp256k1"), true, NULL), *exchange = pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), true, NULL);
  assert_int_equal(gw_keys_load_private_key(gw_str_from(weak), &key), GW_ERR_DENIED);
  assert_int_equal(gw_keys_load_public_key(gw_str_from(weak_public), &key), GW_ERR_DENIED);
  assert_int_equal(gw_keys_load_private_key(gw_str_from(curve), &key), GW_ERR_DENIED);
  assert_int_equal(gw_keys_load_private_key(gw_str_from(exchange), &key), GW_ERR_DENIED);
  free(weak);
  free(weak_public);
  free(curve);
  free(exchange);
}

static void test_what_cannot_be_read_is_not_found(void **state) {
  (void)state;
  EVP_PKEY *key;
  char *sealed = pem_of(EVP_EC_gen("P-256"), true, EVP_aes_256_cbc());
  assert_int_equal(gw_keys_load_private_key(gw_str_from(sealed), &key), GW_ERR_NOT_FOUND);
  free(sealed);
  assert_int_equal(gw_keys_load_private_key(GW_STR(""), &key), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_keys_load_public_key(GW_STR("nothing"), &key), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_keys_load_public_key(GW_STR("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), &key), GW_ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_an_rsa_pair_has_the_bits_asked_for),        cmocka_unit_test(test_rsa_sizes_beyond_the_bounds_are_refused),
      cmocka_unit_test(test_each_curve_has_pairs_and_no_other),         cmocka_unit_test(test_secrets_differ_and_are_long_enough),
      cmocka_unit_test(test_a_public_key_is_read_out_of_a_certificate), cmocka_unit_test(test_halves_are_not_taken_for_each_other),
      cmocka_unit_test(test_weak_keys_and_other_types_are_denied),      cmocka_unit_test(test_what_cannot_be_read_is_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
