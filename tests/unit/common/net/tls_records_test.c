#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <sys/uio.h>

#include "common/base/mem.h"
#include "common/net/tls_records.h"

/* Records against RFC 8448's trace and against a second, slow implementation that seals whatever a test wants. That OpenSSL's clients get
 * on with them is transport_test's and tls_stranger_test's. */

#define SUITE 0x1301

static struct gw_tls_ciphers *ciphers;

static int setup(void **state) {
  (void)state;
  ciphers = gw_tls_ciphers_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_tls_ciphers_free(ciphers);
  return 0;
}

static size_t from_hex(const char *hex, char *ret_bytes) {
  size_t len = 0;
  for (const char *at = hex; *at != '\0';) {
    if (*at == ' ') {
      at++;
      continue;
    }
    unsigned byte;
    assert_int_equal(sscanf(at, "%2x", &byte), 1);
    ret_bytes[len++] = (char)byte;
    at += 2;
  }
  return len;
}

/* RFC 8448 section 3. */
static const char client_secret_hex[] = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char server_secret_hex[] = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

static struct gw_tls_records *records_of_trace(void) {
  char client[32];
  char server[32];
  assert_int_equal(from_hex(client_secret_hex, client), 32);
  assert_int_equal(from_hex(server_secret_hex, server), 32);
  /* The server had sealed its ticket. */
  struct gw_tls_records *records = gw_tls_records_new(ciphers, SUITE, (struct gw_str){client, 32}, (struct gw_str){server, 32}, 1);
  assert_non_null(records);
  return records;
}

static void test_trace_of_rfc_8448_is_opened_and_sealed(void **state) {
  (void)state;
  struct gw_tls_records *records = records_of_trace();
  char in[256];
  char plain[256];
  char expected[256];
  char payload[50];
  for (unsigned i = 0; i < sizeof(payload); i++)
    payload[i] = (char)i;
  size_t len = from_hex("17030300 43a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2"
                        "977014bd1e3deae63aeebb21694915e4",
                        in);
  len += from_hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", in + len);
  struct gw_tls_opened opened;
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_null(opened.failure);
  assert_int_equal(opened.len, sizeof(payload));
  assert_memory_equal(plain, payload, sizeof(payload));
  assert_int_equal(opened.used, len);
  assert_true(opened.is_closed); /* the second record is the client's close_notify */

  char out[256];
  struct iovec spans[] = {{payload, 7}, {payload + 7, 0}, {payload + 7, sizeof(payload) - 7}};
  size_t expected_len = from_hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c"
                                 "4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
                                 expected);
  assert_int_equal(gw_tls_records_seal(records, spans, 3, out), expected_len);
  assert_memory_equal(out, expected, expected_len);
  expected_len = from_hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9", expected);
  assert_int_equal(gw_tls_records_seal_alert(records, SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY, out), expected_len);
  assert_memory_equal(out, expected, expected_len);
  gw_tls_records_free(records);
}

/* The peer: one that can do wrong. */
struct peer {
  uint8_t secret[48];
  size_t secret_len;
  const EVP_CIPHER *cipher;
  size_t key_len;
  const char *digest;
  uint64_t seq;
};

static void expand(const struct peer *peer, const char *label, uint8_t *ret_bytes, size_t len) {
  /* One block of HKDF-Expand (RFC 5869) over the HkdfLabel of RFC 8446. */
  uint8_t text[64] = {0, (uint8_t)len, (uint8_t)(6 + strlen(label))};
  size_t at = 3;
  memcpy(text + at, "tls13 ", 6);
  memcpy(text + at + 6, label, strlen(label));
  at += 6 + strlen(label);
  text[at++] = 0;
  text[at++] = 1;
  uint8_t block[EVP_MAX_MD_SIZE];
  unsigned block_len;
  const EVP_MD *digest = strcmp(peer->digest, "SHA384") == 0 ? EVP_sha384() : EVP_sha256();
  assert_non_null(HMAC(digest, peer->secret, (int)peer->secret_len, text, at, block, &block_len));
  memcpy(ret_bytes, block, len);
}

/* `inner`: content, type and padding. */
static size_t peer_seal(struct peer *peer, const void *inner, size_t inner_len, char *out) {
  uint8_t key[32];
  uint8_t nonce[12];
  int len;
  int more;
  expand(peer, "key", key, peer->key_len);
  expand(peer, "iv", nonce, sizeof(nonce));
  for (unsigned i = 0; i < 8; i++)
    nonce[11 - i] ^= (uint8_t)(peer->seq >> (8 * i));
  peer->seq++;
  uint8_t head[5] = {23, 3, 3, (uint8_t)((inner_len + 16) >> 8), (uint8_t)(inner_len + 16)};
  memcpy(out, head, 5);
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
  assert_int_equal(EVP_EncryptInit_ex(cipher, peer->cipher, NULL, key, nonce), 1);
  EVP_EncryptUpdate(cipher, NULL, &len, head, 5);
  EVP_EncryptUpdate(cipher, (uint8_t *)out + 5, &len, inner, (int)inner_len);
  EVP_EncryptFinal_ex(cipher, (uint8_t *)out + 5 + len, &more);
  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, out + 5 + inner_len);
  EVP_CIPHER_CTX_free(cipher);
  return 5 + inner_len + 16;
}

static struct peer peer_of_trace(void) {
  struct peer peer = {.secret_len = 32, .cipher = EVP_aes_128_gcm(), .key_len = 16, .digest = "SHA256"};
  from_hex(client_secret_hex, (char *)peer.secret);
  return peer;
}

static void update(struct peer *peer) {
  uint8_t next[48];
  expand(peer, "traffic upd", next, peer->secret_len);
  memcpy(peer->secret, next, peer->secret_len);
  peer->seq = 0;
}

struct wrong {
  const char *inner; /* of one record, NUL included in len */
  size_t len;
  const char *failure;
  uint8_t alert;
};
#define INNER(text) text, sizeof(text) - 1

static void test_wrong_content_ends_with_the_alert_of_the_rfc(void **state) {
  (void)state;
  static const struct wrong cases[] = {
      {INNER("\0\0\0"), "a record without a type", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\0"), "a record without a type", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x01\x14"), "a record of an unknown type", SSL_AD_UNEXPECTED_MESSAGE}, /* change_cipher_spec, protected */
      {INNER("x\x63"), "a record of an unknown type", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x16"), "an empty handshake record", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x18\0\0\x01\x02\x16"), "a bad key update", SSL_AD_ILLEGAL_PARAMETER},
      {INNER("\x18\0\0\x02\x01\x01\x16"), "an unexpected handshake message", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x18\0\0\x02\x16"), "an unexpected handshake message", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x18\0\0\x01\0\x18\0\0\x01\0\x16"), "an unexpected handshake message", SSL_AD_UNEXPECTED_MESSAGE}, /* not at a record's end */
      {INNER("\x04\0\0\x01\0\x16"), "an unexpected handshake message", SSL_AD_UNEXPECTED_MESSAGE},               /* a server's ticket */
      {INNER("\x01\0\0\x01\0\x16"), "an unexpected handshake message", SSL_AD_UNEXPECTED_MESSAGE},               /* renegotiation */
      {INNER("\x01\x15"), "a bad alert", SSL_AD_DECODE_ERROR},
      {INNER("\x01\0\0\x15"), "a bad alert", SSL_AD_DECODE_ERROR},
      {INNER("\x02\x2f\x15"), "the peer says: illegal parameter", 0},
      {INNER("\x01\x6e\x15"), "the peer ended it with an alert", 0}, /* any but close_notify and user_canceled is fatal */
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_tls_records *records = records_of_trace();
    struct peer peer = peer_of_trace();
    struct gw_tls_opened opened;
    char in[256];
    char plain[256];
    size_t len = peer_seal(&peer, "good\x17", 5, in);
    len += peer_seal(&peer, cases[i].inner, cases[i].len, in + len);
    len += peer_seal(&peer, "late\x17", 5, in + len);
    gw_tls_records_open(records, in, len, plain, &opened);
    assert_non_null(opened.failure);
    assert_string_equal(opened.failure, cases[i].failure);
    assert_int_equal(opened.alert, cases[i].alert);
    assert_int_equal(opened.len, 4); /* what came before is good, what comes after isn't looked at */
    assert_memory_equal(plain, "good", 4);
    gw_tls_records_free(records);
  }
}

static void test_wrong_heads_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
    const char *failure;
    uint8_t alert;
  } cases[] = {
      {INNER("\x14\x03\x03\0\x01\x01"), "a record that is not protected", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x15\x03\x03\0\x02\x01\0"), "a record that is not protected", SSL_AD_UNEXPECTED_MESSAGE}, /* a close_notify of anybody's */
      {INNER("GET / HTTP/1.1\r\n"), "a record that is not protected", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x17\x04\x03\0\x20"), "a record that is not protected", SSL_AD_UNEXPECTED_MESSAGE},
      {INNER("\x17\x03\x03\x41\x01"), "a record that is too long", SSL_AD_RECORD_OVERFLOW},
      {INNER("\x17\x03\x03\0\0"), "a record that is not authentic", SSL_AD_BAD_RECORD_MAC},
      {INNER("\x17\x03\x03\0\x10zzzzzzzzzzzzzzzz"), "a record that is not authentic", SSL_AD_BAD_RECORD_MAC},
      {INNER("\x17\x03\x03\0\x11zzzzzzzzzzzzzzzzz"), "a record that is not authentic", SSL_AD_BAD_RECORD_MAC},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_tls_records *records = records_of_trace();
    struct gw_tls_opened opened;
    char plain[256];
    gw_tls_records_open(records, cases[i].bytes, cases[i].len, plain, &opened);
    assert_non_null(opened.failure);
    assert_string_equal(opened.failure, cases[i].failure);
    assert_int_equal(opened.alert, cases[i].alert);
    assert_int_equal(opened.len, 0);
    gw_tls_records_free(records);
  }
}

static void test_padding_is_taken_off_and_the_longest_record_fits(void **state) {
  (void)state;
  static char inner[GW_TLS_RECORD_MAX + 2];
  static char in[sizeof(inner) + 64];
  static char plain[sizeof(in)];
  struct gw_tls_records *records = records_of_trace();
  struct peer peer = peer_of_trace();
  struct gw_tls_opened opened;
  size_t len = peer_seal(&peer, "padded\x17\0\0\0\0", 11, in);
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_int_equal(opened.len, 6);
  memset(inner, 'x', GW_TLS_RECORD_MAX);
  inner[GW_TLS_RECORD_MAX] = 0x17;
  len = peer_seal(&peer, inner, GW_TLS_RECORD_MAX + 1, in);
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_null(opened.failure);
  assert_int_equal(opened.len, GW_TLS_RECORD_MAX);
  inner[GW_TLS_RECORD_MAX] = 'x';
  inner[GW_TLS_RECORD_MAX + 1] = 0x17;
  len = peer_seal(&peer, inner, GW_TLS_RECORD_MAX + 2, in);
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_int_equal(opened.alert, SSL_AD_RECORD_OVERFLOW);
  gw_tls_records_free(records);
}

static void test_part_of_a_record_is_left_alone(void **state) {
  (void)state;
  struct gw_tls_records *records = records_of_trace();
  struct peer peer = peer_of_trace();
  struct gw_tls_opened opened;
  char in[64];
  char plain[64];
  size_t len = peer_seal(&peer, "whole\x17", 6, in);
  for (size_t part = 0; part < len; part++) {
    gw_tls_records_open(records, in, part, plain, &opened);
    assert_null(opened.failure);
    assert_int_equal(opened.used, 0);
  }
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_int_equal(opened.len, 5);
  gw_tls_records_open(records, in, len, plain, &opened); /* a second time: replayed */
  assert_int_equal(opened.alert, SSL_AD_BAD_RECORD_MAC);
  gw_tls_records_free(records);
}

static void test_key_update_may_come_in_two_records_but_not_around_others(void **state) {
  (void)state;
  struct gw_tls_records *records = records_of_trace();
  struct peer peer = peer_of_trace();
  struct gw_tls_opened opened;
  char in[256];
  char plain[256];
  size_t len = peer_seal(&peer, "\x18\0\x16", 3, in);
  len += peer_seal(&peer, "\0\x01\0\x16", 4, in + len);
  update(&peer);
  len += peer_seal(&peer, "new key\x17", 8, in + len);
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_null(opened.failure);
  assert_int_equal(opened.len, 7);
  len = peer_seal(&peer, "\x18\0\x16", 3, in);
  len += peer_seal(&peer, "x\x17", 2, in + len);
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_string_equal(opened.failure, "a record inside of a handshake message");
  assert_int_equal(opened.len, 0);
  gw_tls_records_free(records);
}

/* However many were asked for, one update goes before the next data; both suites' secrets. */
static void test_requested_key_updates_are_answered_once(void **state) {
  (void)state;
  struct gw_tls_records *records = records_of_trace();
  struct peer peer = peer_of_trace();
  struct gw_tls_opened opened;
  char in[512];
  char out[256];
  size_t len = 0;
  for (int i = 0; i < 3; i++) {
    len += peer_seal(&peer, "\x18\0\0\x01\x01\x16", 6, in + len);
    update(&peer);
  }
  char plain[512];
  gw_tls_records_open(records, in, len, plain, &opened);
  assert_null(opened.failure);
  struct peer mirror = {.secret_len = 32, .cipher = EVP_aes_128_gcm(), .key_len = 16, .digest = "SHA256", .seq = 1};
  from_hex(server_secret_hex, (char *)mirror.secret);
  struct iovec span = {(char *)(uintptr_t) "data", 4};
  size_t out_len = gw_tls_records_seal(records, &span, 1, out);
  len = peer_seal(&mirror, "\x18\0\0\x01\0\x16", 6, in); /* update_not_requested */
  update(&mirror);
  len += peer_seal(&mirror, "data\x17", 5, in + len);
  assert_int_equal(out_len, len);
  assert_memory_equal(out, in, len);
  out_len = gw_tls_records_seal(records, &span, 1, out);
  len = peer_seal(&mirror, "data\x17", 5, in);
  assert_int_equal(out_len, len);
  assert_memory_equal(out, in, len);
  gw_tls_records_free(records);
}

static void test_records_without_data_are_counted(void **state) {
  (void)state;
  static const struct {
    const char *inner;
    size_t len;
  } cases[] = {{INNER("\x17")}, {INNER("\x18\0\0\x01\x01\x16")}, {INNER("\x01\x5a\x15")}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_tls_records *records = records_of_trace();
    struct peer peer = peer_of_trace();
    struct gw_tls_opened opened;
    char in[64];
    char plain[64];
    unsigned count = 0;
    do {
      if (count == 20) { /* data between them counts from the beginning */
        size_t len = peer_seal(&peer, "x\x17", 2, in);
        gw_tls_records_open(records, in, len, plain, &opened);
        assert_null(opened.failure);
      }
      size_t len = peer_seal(&peer, cases[i].inner, cases[i].len, in);
      if (cases[i].len > 3) update(&peer);
      gw_tls_records_open(records, in, len, plain, &opened);
    } while (opened.failure == NULL && ++count < 1000);
    assert_int_equal(count, 20 + GW_TLS_EMPTY_RECORDS_MAX);
    assert_string_equal(opened.failure, "too many records without data");
    gw_tls_records_free(records);
  }
}

static void test_each_suite_opens_what_the_slow_one_seals(void **state) {
  (void)state;
  const struct {
    uint16_t id;
    struct peer peer;
  } cases[] = {
      {0x1301, {.secret_len = 32, .cipher = EVP_aes_128_gcm(), .key_len = 16, .digest = "SHA256"}},
      {0x1302, {.secret_len = 48, .cipher = EVP_aes_256_gcm(), .key_len = 32, .digest = "SHA384"}},
      {0x1303, {.secret_len = 32, .cipher = EVP_chacha20_poly1305(), .key_len = 32, .digest = "SHA256"}},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct peer peer = cases[i].peer;
    struct gw_tls_opened opened;
    char in[128];
    char out[128];
    char plain[128];
    memset(peer.secret, 'c', sizeof(peer.secret));
    struct gw_str secret = {(const char *)peer.secret, peer.secret_len};
    struct gw_tls_records *records = gw_tls_records_new(ciphers, cases[i].id, secret, secret, 0);
    assert_non_null(records);
    for (int round = 0; round < 3; round++) {
      size_t len = peer_seal(&peer, "twelve bytes\x17", 13, in);
      gw_tls_records_open(records, in, len, plain, &opened);
      assert_null(opened.failure);
      assert_int_equal(opened.len, 12);
      assert_memory_equal(plain, "twelve bytes", 12);
      struct iovec span = {plain, 12};
      assert_int_equal(gw_tls_records_seal(records, &span, 1, out), len);
      assert_memory_equal(out, in, len);
    }
    gw_tls_records_free(records);
  }
  struct gw_str short_secret = {client_secret_hex, 31};
  struct gw_str good_secret = {client_secret_hex, 32};
  assert_null(gw_tls_records_new(ciphers, 0x1301, good_secret, short_secret, 0));
  assert_null(gw_tls_records_new(ciphers, 0x1302, good_secret, good_secret, 0));
  assert_null(gw_tls_records_new(ciphers, 0x1305, good_secret, good_secret, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trace_of_rfc_8448_is_opened_and_sealed),
      cmocka_unit_test(test_wrong_content_ends_with_the_alert_of_the_rfc),
      cmocka_unit_test(test_wrong_heads_are_refused),
      cmocka_unit_test(test_padding_is_taken_off_and_the_longest_record_fits),
      cmocka_unit_test(test_part_of_a_record_is_left_alone),
      cmocka_unit_test(test_key_update_may_come_in_two_records_but_not_around_others),
      cmocka_unit_test(test_requested_key_updates_are_answered_once),
      cmocka_unit_test(test_records_without_data_are_counted),
      cmocka_unit_test(test_each_suite_opens_what_the_slow_one_seals),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
