#include "common/net/tls_records.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/tls1.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

#define TAG_BYTES 16u
#define IV_BYTES 12u
#define CIPHERTEXT_MAX (GW_TLS_RECORD_MAX + 256u)
/* AES-GCM's bound on records under one key is 2^24.5 (RFC 8446 section 5.5). */
#define RECORDS_PER_KEY ((uint64_t)1 << 24)

enum content_type { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_DATA = 23 };
#define MESSAGE_KEY_UPDATE 24u
#define KEY_UPDATE_BYTES 5u

struct suite {
  uint16_t id;
  const char *cipher;
  const char *digest;
  uint8_t key_bytes;
  uint8_t secret_bytes;
};

static const struct suite suites[] = {
    {0x1301, "AES-128-GCM", "SHA256", 16, 32},
    {0x1302, "AES-256-GCM", "SHA384", 32, 48},
    {0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32},
};

struct gw_tls_ciphers {
  EVP_CIPHER *ciphers[GW_ARRAY_LEN(suites)];
  EVP_MAC_CTX *macs[GW_ARRAY_LEN(suites)]; /* HMAC with the suite's digest: copied to be used, since looking it up takes longer */
};

struct direction {
  EVP_CIPHER_CTX *cipher;
  uint64_t seq;
  uint8_t iv[IV_BYTES];
  uint8_t secret[GW_TLS_SECRET_MAX];
};

struct gw_tls_records {
  const struct gw_tls_ciphers *ciphers;
  const struct suite *suite;
  struct direction in;
  struct direction out;
  uint8_t message[KEY_UPDATE_BYTES]; /* a handshake message that has not come whole */
  uint8_t message_len;
  uint8_t empty_count;
  bool is_update_due; /* of our key, before the next data */
};

/* None of these calls fails but for want of memory, or because a line here is wrong. */
#define MUST(call)                                                                                                                         \
  do {                                                                                                                                     \
    if ((call) != 1) GW_PANIC("OpenSSL: %s", #call);                                                                                       \
  } while (0)

struct gw_tls_ciphers *gw_tls_ciphers_new(void) {
  struct gw_tls_ciphers *ciphers = gw_calloc(1, sizeof(*ciphers));
  for (size_t i = 0; i < GW_ARRAY_LEN(suites); i++) {
    ciphers->ciphers[i] = EVP_CIPHER_fetch(NULL, suites[i].cipher, NULL);
    if (ciphers->ciphers[i] == NULL) GW_PANIC("OpenSSL has no %s", suites[i].cipher);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    ciphers->macs[i] = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (ciphers->macs[i] == NULL) GW_PANIC("OpenSSL has no HMAC");
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)suites[i].digest, 0),
        OSSL_PARAM_construct_end(),
    };
    MUST(EVP_MAC_CTX_set_params(ciphers->macs[i], params));
  }
  return ciphers;
}

void gw_tls_ciphers_free(struct gw_tls_ciphers *ciphers) {
  if (ciphers == NULL) return;
  for (size_t i = 0; i < GW_ARRAY_LEN(suites); i++) {
    EVP_CIPHER_free(ciphers->ciphers[i]);
    EVP_MAC_CTX_free(ciphers->macs[i]);
  }
  free(ciphers);
}

/* HKDF-Expand-Label(secret, label, "", len) of RFC 8446 section 7.1: one block of HKDF-Expand (RFC 5869) suffices, len is that of the
 * digest at most. */
static void expand(const struct gw_tls_records *records, const uint8_t *secret, const char *label, uint8_t *ret_bytes, size_t len) {
  const struct suite *suite = records->suite;
  uint8_t text[32];
  uint8_t block[EVP_MAX_MD_SIZE];
  size_t block_len;
  int text_len = snprintf((char *)text, sizeof(text), "%c%c%ctls13 %s%c%c", 0, (int)len, (int)(6 + strlen(label)), label, 0, 1);
  GW_ASSERT(len <= suite->secret_bytes && text_len < (int)sizeof(text));
  EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(records->ciphers->macs[suite - suites]);
  if (mac == NULL) GW_PANIC("out of memory");
  MUST(EVP_MAC_init(mac, secret, suite->secret_bytes, NULL));
  MUST(EVP_MAC_update(mac, text, (size_t)text_len));
  MUST(EVP_MAC_final(mac, block, &block_len, sizeof(block)));
  EVP_MAC_CTX_free(mac);
  memcpy(ret_bytes, block, len);
  OPENSSL_cleanse(block, sizeof(block));
}

static void set_keys(const struct gw_tls_records *records, struct direction *direction, bool is_sealing) {
  const EVP_CIPHER *cipher = records->ciphers->ciphers[records->suite - suites];
  uint8_t key[32];
  expand(records, direction->secret, "key", key, records->suite->key_bytes);
  expand(records, direction->secret, "iv", direction->iv, IV_BYTES);
  if (direction->cipher == NULL) direction->cipher = EVP_CIPHER_CTX_new();
  if (direction->cipher == NULL) GW_PANIC("out of memory");
  MUST(EVP_CipherInit_ex2(direction->cipher, cipher, key, NULL, is_sealing ? 1 : 0, NULL));
  OPENSSL_cleanse(key, sizeof(key));
}

/* The next generation of a direction's keys (RFC 8446 section 7.2). */
static void update_keys(const struct gw_tls_records *records, struct direction *direction, bool is_sealing) {
  uint8_t next[GW_TLS_SECRET_MAX];
  expand(records, direction->secret, "traffic upd", next, records->suite->secret_bytes);
  memcpy(direction->secret, next, records->suite->secret_bytes);
  OPENSSL_cleanse(next, sizeof(next));
  direction->seq = 0;
  set_keys(records, direction, is_sealing);
}

static const struct suite *find_suite(uint16_t id) {
  for (size_t i = 0; i < GW_ARRAY_LEN(suites); i++)
    if (suites[i].id == id) return &suites[i];
  return NULL;
}

struct gw_tls_records *gw_tls_records_new(const struct gw_tls_ciphers *ciphers, uint16_t suite_id, struct gw_str in_secret,
                                          struct gw_str out_secret, uint64_t out_seq) {
  const struct suite *suite = find_suite(suite_id);
  if (suite == NULL || in_secret.len != suite->secret_bytes || out_secret.len != suite->secret_bytes) return NULL;
  struct gw_tls_records *records = gw_calloc(1, sizeof(*records));
  records->ciphers = ciphers;
  records->suite = suite;
  memcpy(records->in.secret, in_secret.data, in_secret.len);
  memcpy(records->out.secret, out_secret.data, out_secret.len);
  set_keys(records, &records->in, false);
  set_keys(records, &records->out, true);
  records->out.seq = out_seq;
  return records;
}

void gw_tls_records_free(struct gw_tls_records *records) {
  if (records == NULL) return;
  EVP_CIPHER_CTX_free(records->in.cipher);
  EVP_CIPHER_CTX_free(records->out.cipher);
  OPENSSL_cleanse(records, sizeof(*records));
  free(records);
}

static void take_nonce(struct direction *direction, uint8_t ret_nonce[IV_BYTES]) {
  memcpy(ret_nonce, direction->iv, IV_BYTES);
  for (unsigned i = 0; i < 8; i++)
    ret_nonce[IV_BYTES - 1 - i] ^= (uint8_t)(direction->seq >> (8 * i));
  direction->seq++;
}

/* len: of the encrypted part, tag included. False: not authentic. */
static bool open_record(struct direction *direction, const uint8_t *record, size_t len, uint8_t *buf) {
  uint8_t nonce[IV_BYTES];
  int got;
  take_nonce(direction, nonce);
  const uint8_t *body = record + GW_TLS_RECORD_HEAD;
  int body_len = (int)(len - TAG_BYTES);
  MUST(EVP_CipherInit_ex2(direction->cipher, NULL, NULL, nonce, -1, NULL));
  MUST(EVP_CIPHER_CTX_ctrl(direction->cipher, EVP_CTRL_AEAD_SET_TAG, (int)TAG_BYTES, (void *)(uintptr_t)(body + body_len)));
  MUST(EVP_DecryptUpdate(direction->cipher, NULL, &got, record, (int)GW_TLS_RECORD_HEAD));
  MUST(EVP_DecryptUpdate(direction->cipher, buf, &got, body, body_len));
  bool is_authentic = EVP_DecryptFinal_ex(direction->cipher, buf + got, &got) == 1;
  if (!is_authentic) ERR_clear_error();
  return is_authentic;
}

static bool fail(struct gw_tls_opened *opened, uint8_t alert, const char *failure) {
  opened->alert = alert;
  opened->failure = failure;
  return false;
}

/* The only message that a client sends after its handshake is a key update (certificates are never asked for then). */
static bool take_handshake(struct gw_tls_records *records, const uint8_t *bytes, size_t len, struct gw_tls_opened *opened) {
  if (len == 0) return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "an empty handshake record");
  if (len > KEY_UPDATE_BYTES - records->message_len) return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "an unexpected handshake message");
  memcpy(records->message + records->message_len, bytes, len);
  records->message_len = (uint8_t)(records->message_len + len);
  const uint8_t head[] = {MESSAGE_KEY_UPDATE, 0, 0, 1};
  size_t head_len = records->message_len < sizeof(head) ? records->message_len : sizeof(head);
  if (memcmp(records->message, head, head_len) != 0) return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "an unexpected handshake message");
  if (records->message_len < KEY_UPDATE_BYTES) return true;
  uint8_t is_requested = records->message[KEY_UPDATE_BYTES - 1];
  if (is_requested > 1) return fail(opened, SSL_AD_ILLEGAL_PARAMETER, "a bad key update");
  records->message_len = 0;
  update_keys(records, &records->in, false);
  /* Any number of requests before our next data is answered by one update. */
  if (is_requested == 1) records->is_update_due = true;
  return true;
}

static bool take_alert(const uint8_t *bytes, size_t len, struct gw_tls_opened *opened) {
  if (len != 2) return fail(opened, SSL_AD_DECODE_ERROR, "a bad alert");
  if (bytes[1] == SSL_AD_CLOSE_NOTIFY) {
    opened->is_closed = true;
    return false;
  }
  if (bytes[1] == SSL_AD_USER_CANCELLED) return true;
  return fail(opened, 0, gw_tls_alert_reason(bytes[1]));
}

/* What stands in an opened record. False: the end. */
static bool take_content(struct gw_tls_records *records, const uint8_t *bytes, size_t len, struct gw_tls_opened *opened) {
  while (len > 0 && bytes[len - 1] == 0)
    len--; /* padding */
  if (len == 0) return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "a record without a type");
  uint8_t type = bytes[--len];
  if (len > GW_TLS_RECORD_MAX) return fail(opened, SSL_AD_RECORD_OVERFLOW, "a record that is too long");
  if (type == CONTENT_DATA && len > 0 && records->message_len == 0) {
    opened->len += len;
    records->empty_count = 0;
    return true;
  }
  if (++records->empty_count > GW_TLS_EMPTY_RECORDS_MAX) {
    return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "too many records without data");
  }
  if (type == CONTENT_HANDSHAKE) return take_handshake(records, bytes, len, opened);
  if (records->message_len > 0) return fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "a record inside of a handshake message");
  if (type == CONTENT_ALERT) return take_alert(bytes, len, opened);
  return type == CONTENT_DATA || fail(opened, SSL_AD_UNEXPECTED_MESSAGE, "a record of an unknown type");
}

void gw_tls_records_open(struct gw_tls_records *records, const char *in, size_t in_len, char *buf, struct gw_tls_opened *ret_opened) {
  *ret_opened = (struct gw_tls_opened){.used = 0};
  bool goes_on = true;
  while (goes_on && in_len - ret_opened->used >= GW_TLS_RECORD_HEAD) {
    const uint8_t *record = (const uint8_t *)in + ret_opened->used;
    size_t len = (size_t)record[3] << 8 | record[4];
    if (record[0] != CONTENT_DATA || record[1] != 3) {
      fail(ret_opened, SSL_AD_UNEXPECTED_MESSAGE, "a record that is not protected");
      return;
    }
    if (len > CIPHERTEXT_MAX) {
      fail(ret_opened, SSL_AD_RECORD_OVERFLOW, "a record that is too long");
      return;
    }
    if (len > in_len - ret_opened->used - GW_TLS_RECORD_HEAD) return;
    ret_opened->used += GW_TLS_RECORD_HEAD + len;
    uint8_t *plain = (uint8_t *)buf + ret_opened->len;
    if (len <= TAG_BYTES || !open_record(&records->in, record, len, plain)) {
      fail(ret_opened, SSL_AD_BAD_RECORD_MAC, "a record that is not authentic");
      return;
    }
    goes_on = take_content(records, plain, len - TAG_BYTES, ret_opened);
  }
}

/* One piece more of a record's content; where the next one goes. */
static uint8_t *encrypt(const struct direction *direction, const void *bytes, size_t len, uint8_t *at) {
  int got;
  MUST(EVP_EncryptUpdate(direction->cipher, at, &got, bytes, (int)len));
  return at + got;
}

static size_t seal(struct gw_tls_records *records, enum content_type type, const struct iovec *spans, size_t span_count, char *out) {
  struct direction *direction = &records->out;
  uint8_t nonce[IV_BYTES];
  int got;
  size_t plain_len = 0;
  for (size_t i = 0; i < span_count; i++)
    plain_len += spans[i].iov_len;
  size_t len = plain_len + 1 + TAG_BYTES;
  uint8_t *at = (uint8_t *)out;
  uint8_t head[GW_TLS_RECORD_HEAD] = {CONTENT_DATA, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
  memcpy(at, head, sizeof(head));
  at += sizeof(head);
  take_nonce(direction, nonce);
  MUST(EVP_CipherInit_ex2(direction->cipher, NULL, NULL, nonce, -1, NULL));
  MUST(EVP_EncryptUpdate(direction->cipher, NULL, &got, head, (int)sizeof(head)));
  for (size_t i = 0; i < span_count; i++)
    at = encrypt(direction, spans[i].iov_base, spans[i].iov_len, at);
  uint8_t inner_type = (uint8_t)type;
  at = encrypt(direction, &inner_type, 1, at);
  MUST(EVP_EncryptFinal_ex(direction->cipher, at, &got));
  MUST(EVP_CIPHER_CTX_ctrl(direction->cipher, EVP_CTRL_AEAD_GET_TAG, (int)TAG_BYTES, at));
  return (size_t)(at - (uint8_t *)out) + TAG_BYTES;
}

size_t gw_tls_records_seal(struct gw_tls_records *records, const struct iovec *spans, size_t span_count, char *out) {
  size_t len = 0;
  if (records->is_update_due || records->out.seq >= RECORDS_PER_KEY) {
    uint8_t message[KEY_UPDATE_BYTES] = {MESSAGE_KEY_UPDATE, 0, 0, 1, 0}; /* update_not_requested */
    struct iovec span = {message, sizeof(message)};
    len = seal(records, CONTENT_HANDSHAKE, &span, 1, out);
    update_keys(records, &records->out, true);
    records->is_update_due = false;
  }
  return len + seal(records, CONTENT_DATA, spans, span_count, out + len);
}

size_t gw_tls_records_seal_alert(struct gw_tls_records *records, uint8_t level, uint8_t description, char *out) {
  uint8_t alert[2] = {level, description};
  struct iovec span = {alert, sizeof(alert)};
  return seal(records, CONTENT_ALERT, &span, 1, out);
}
