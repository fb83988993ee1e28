#include "common/crypto/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/unit/common/crypto/certificates.h"

static struct issued ca;
static struct issued leaf;
static struct gw_arena arena;

static int setup(void **state) {
  (void)state;
  ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  leaf = issue(&(struct issue){.common_name = "web",
                               .names = "DNS:a.example,DNS:*.b.example,URI:spiffe://example/web,IP:192.0.2.1,IP:2001:db8::1",
                               .issuer = &ca});
  gw_arena_init(&arena, 1024);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  issued_done(&ca);
  issued_done(&leaf);
  gw_arena_done(&arena);
  return 0;
}

/* What is told of a pair: "" when nothing; errors first, as gw_errors_format has them. The caller frees. */
static char *check(const char *chain, const char *key, bool expected_good) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  bool is_good = gw_certificate_check_pair(gw_str_from(chain), gw_str_from(key), "here", &errors);
  assert_int_equal(is_good, expected_good);
  assert_int_equal(is_good, errors.error_count == 0);
  char *text = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return text;
}

static void assert_told(const char *chain, const char *key, bool expected_good, const char *part) {
  char *text = check(chain, key, expected_good);
  if (strstr(text, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, text);
  free(text);
}

static void test_certificate_says_what_it_has(void **state) {
  (void)state;
  struct gw_certificate parsed;
  assert_int_equal(gw_certificate_parse(gw_str_from(leaf.chain), &arena, &parsed), GW_OK);
  assert_string_equal(parsed.subject.data, "O=Example,CN=web");
  assert_string_equal(parsed.issuer.data, "O=Example,CN=CA");
  assert_string_equal(parsed.common_name.data, "web");
  assert_int_equal(parsed.serial.len, 4);
  assert_int_equal(parsed.sha256_hex.len, 64);
  static const struct gw_certificate_name names[] = {{GW_CERTIFICATE_DNS, GW_STR("a.example")},
                                                     {GW_CERTIFICATE_DNS, GW_STR("*.b.example")},
                                                     {GW_CERTIFICATE_URI, GW_STR("spiffe://example/web")},
                                                     {GW_CERTIFICATE_IP, GW_STR("192.0.2.1")},
                                                     {GW_CERTIFICATE_IP, GW_STR("2001:db8::1")}};
  assert_int_equal(parsed.name_count, GW_ARRAY_LEN(names));
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    assert_int_equal(parsed.names[i].kind, names[i].kind);
    assert_string_equal(parsed.names[i].value.data, names[i].value.data);
  }
  assert_false(parsed.is_ca);
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000);
  assert_in_range(parsed.not_after_s, now_s + 29 * 86400, now_s + 31 * 86400);
  assert_in_range(parsed.not_before_s, now_s - 300, now_s);
  char *both = gw_asprintf("some words before\n%s%s", ca.chain, leaf.chain);
  assert_int_equal(gw_certificate_parse(gw_str_from(both), &arena, &parsed), GW_OK); /* the first */
  assert_string_equal(parsed.common_name.data, "CA");
  assert_true(parsed.is_ca);
  free(both);
}

static void test_text_without_a_certificate_has_none(void **state) {
  (void)state;
  struct gw_certificate parsed;
  uint32_t count;
  const char *const none[] = {"", "hello\n", leaf.key};
  static const char *const damaged[] = {"-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
  for (size_t i = 0; i < GW_ARRAY_LEN(none); i++) {
    assert_int_equal(gw_certificate_parse(gw_str_from(none[i]), &arena, &parsed), GW_ERR_INVALID);
    assert_int_equal(gw_certificate_count(gw_str_from(none[i]), &count), GW_ERR_NOT_FOUND);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(damaged); i++) {
    assert_int_equal(gw_certificate_parse(gw_str_from(damaged[i]), &arena, &parsed), GW_ERR_INVALID);
    assert_int_equal(gw_certificate_count(gw_str_from(damaged[i]), &count), GW_ERR_INVALID);
  }
}

static void test_several_certificates_are_counted_and_a_cut_or_damaged_one_is_invalid(void **state) {
  (void)state;
  char *both = gw_asprintf("a comment\n%s\nanother\n%s", ca.chain, leaf.chain);
  uint32_t count = 0;
  assert_int_equal(gw_certificate_count(gw_str_from(both), &count), GW_OK);
  assert_int_equal(count, 2);
  /* Wherever the second one is cut behind its first line. */
  size_t first = strlen(both) - strlen(leaf.chain) + strlen("-----BEGIN CERTIFICATE-----\n");
  for (size_t len = first; len + 1 < strlen(both); len++)
    assert_int_equal(gw_certificate_count((struct gw_str){both, len}, &count), GW_ERR_INVALID);
  both[first + 100] = '!';
  assert_int_equal(gw_certificate_count(gw_str_from(both), &count), GW_ERR_INVALID);
  free(both);
}

static void test_key_is_matched_with_the_first_certificate(void **state) {
  (void)state;
  struct gw_str chain = gw_str_from(leaf.chain), key = gw_str_from(leaf.key);
  assert_int_equal(gw_certificate_match_key(chain, key), GW_OK);
  assert_int_equal(gw_certificate_match_key(chain, gw_str_from(ca.key)), GW_ERR_DENIED);
  assert_int_equal(gw_certificate_match_key(GW_STR("nothing"), key), GW_ERR_DENIED);
  assert_int_equal(gw_certificate_match_key(chain, GW_STR("")), GW_ERR_NOT_FOUND);
  assert_int_equal(gw_certificate_match_key(chain, chain), GW_ERR_NOT_FOUND);
  char *both = gw_asprintf("%s%s", leaf.chain, leaf.key); /* a key behind certificates is found */
  assert_int_equal(gw_certificate_match_key(gw_str_from(both), gw_str_from(both)), GW_OK);
  free(both);
}

static void test_good_pair_has_nothing_told(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  char *chain = gw_asprintf("%s%s", leaf.chain, ca.chain);
  assert_true(gw_certificate_check_pair(gw_str_from(chain), gw_str_from(leaf.key), "here", &errors));
  assert_int_equal(errors.warning_count, 0);
  free(chain);
  gw_errors_done(&errors);
}

static void test_pairs_that_do_not_serve_are_mistakes(void **state) {
  (void)state;
  assert_told(leaf.chain, ca.key, false, "here: the private key is not that of the first certificate");
  assert_told("", leaf.key, false, "here: certificate chain: no certificate there");
  assert_told(leaf.key, leaf.key, false, "here: certificate chain: no certificate there");
  assert_told(leaf.chain, "", false, "here: the private key cannot be read");
  assert_told(leaf.chain, leaf.chain, false, "here: the private key cannot be read");
  assert_told("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", leaf.key, false, "here: certificate chain: certificate 1");
  char *cut = gw_strndup(leaf.chain, strlen(leaf.chain) / 2);
  char *chain = gw_asprintf("%s%s", leaf.chain, cut);
  assert_told(chain, leaf.key, false, "here: certificate chain: certificate 2 cannot be read");
  free(chain);
  free(cut);
}

static void test_key_with_a_passphrase_is_told_and_nobody_is_asked(void **state) {
  (void)state;
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, leaf.pkey, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
  char *key = take_pem(bio);
  assert_told(leaf.chain, key, false, "here: the private key has a passphrase");
  assert_int_equal(gw_certificate_match_key(gw_str_from(leaf.chain), gw_str_from(key)), GW_ERR_NOT_FOUND);
  free(key);
  bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, leaf.pkey, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL),
                   1);
  key = take_pem(bio);
  assert_told(leaf.chain, key, false, "here: the private key has a passphrase");
  assert_int_equal(gw_certificate_match_key(gw_str_from(leaf.chain), gw_str_from(key)), GW_ERR_NOT_FOUND);
  free(key);
}

static void test_weak_keys_and_signatures_are_mistakes(void **state) {
  (void)state;
  struct issued weak = issue(&(struct issue){.common_name = "weak", .is_rsa = true, .rsa_bits = 1024});
  struct issued sha1 = issue(&(struct issue){.common_name = "old", .issuer = &ca, .digest = EVP_sha1()});
  assert_told(weak.chain, weak.key, false, "here: certificate 1: its key is too weak");
  assert_told(sha1.chain, sha1.key, false, "here: certificate 1: its signature is too weak");
  issued_done(&weak);
  issued_done(&sha1);
}

static void test_age_and_order_are_warnings(void **state) {
  (void)state;
  struct issued expired = issue(&(struct issue){.common_name = "old", .issuer = &ca, .from_days = -10, .to_days = -1});
  struct issued future = issue(&(struct issue){.common_name = "new", .issuer = &ca, .from_days = 5});
  struct issued other = issue(&(struct issue){.common_name = "Other CA", .is_authority = true});
  assert_told(expired.chain, expired.key, true, "here: the certificate expired at 20");
  assert_told(future.chain, future.key, true, "here: the certificate is not valid before 20");
  char *chain = gw_asprintf("%s%s", leaf.chain, other.chain);
  assert_told(chain, leaf.key, true, "here: certificate 2 is not the issuer of certificate 1");
  free(chain);
  issued_done(&expired);
  issued_done(&future);
  issued_done(&other);
}

static void test_trusted_ca_is_one_certificate_or_more(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  char *both = gw_asprintf("# a comment\n%s\n%s", ca.chain, ca.chain);
  assert_true(gw_certificate_check_trusted_ca(gw_str_from(both), "ca", &errors));
  assert_int_equal(errors.error_count + errors.warning_count, 0);
  assert_false(gw_certificate_check_trusted_ca(GW_STR("nothing"), "ca", &errors));
  assert_int_equal(errors.error_count, 1);
  struct issued expired = issue(&(struct issue){.common_name = "Old CA", .is_authority = true, .from_days = -10, .to_days = -1});
  assert_true(gw_certificate_check_trusted_ca(gw_str_from(expired.chain), "ca", &errors));
  assert_int_equal(errors.warning_count, 1);
  issued_done(&expired);
  free(both);
  gw_errors_done(&errors);
}

/* Private keys must not show in what is told. */
static void test_mistakes_do_not_show_key_material(void **state) {
  (void)state;
  char *text = check(leaf.key, ca.key, false);
  char *other = check(leaf.chain, ca.key, false);
  for (const char *line = ca.key; (line = strchr(line, '\n')) != NULL && line[1] != '\0'; line++) {
    char piece[17];
    snprintf(piece, sizeof(piece), "%.16s", line + 1);
    assert_null(strstr(text, piece));
    assert_null(strstr(other, piece));
  }
  free(text);
  free(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_certificate_says_what_it_has),
      cmocka_unit_test(test_text_without_a_certificate_has_none),
      cmocka_unit_test(test_several_certificates_are_counted_and_a_cut_or_damaged_one_is_invalid),
      cmocka_unit_test(test_key_is_matched_with_the_first_certificate),
      cmocka_unit_test(test_good_pair_has_nothing_told),
      cmocka_unit_test(test_pairs_that_do_not_serve_are_mistakes),
      cmocka_unit_test(test_key_with_a_passphrase_is_told_and_nobody_is_asked),
      cmocka_unit_test(test_weak_keys_and_signatures_are_mistakes),
      cmocka_unit_test(test_age_and_order_are_warnings),
      cmocka_unit_test(test_trusted_ca_is_one_certificate_or_more),
      cmocka_unit_test(test_mistakes_do_not_show_key_material),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
