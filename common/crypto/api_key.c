#include "common/crypto/api_key.h"

#include <openssl/crypto.h>

#include "common/base/random.h"
#include "common/crypto/hmac.h"

#define PREFIX "gwk_"
#define PREFIX_LEN 4u

/* Characters of five random bits each. */
static void append_random(char *at, size_t len) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  uint8_t bytes[GW_API_KEY_SECRET_LEN];
  gw_random_secure(bytes, len);
  for (size_t i = 0; i < len; i++)
    at[i] = alphabet[bytes[i] & 31];
  OPENSSL_cleanse(bytes, sizeof(bytes));
}

void gw_api_key_new(char ret_key[GW_API_KEY_SIZE]) {
  char *at = ret_key;
  memcpy(at, PREFIX, PREFIX_LEN);
  at += PREFIX_LEN;
  append_random(at, GW_API_KEY_ID_LEN);
  at += GW_API_KEY_ID_LEN;
  *at++ = '_';
  append_random(at, GW_API_KEY_SECRET_LEN);
  at[GW_API_KEY_SECRET_LEN] = '\0';
}

static bool is_word(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (!(c >= 'a' && c <= 'z') && !(c >= '2' && c <= '7')) return false;
  }
  return true;
}

bool gw_api_key_is_id(struct gw_str id) {
  return id.len == GW_API_KEY_ID_LEN && is_word(id);
}

bool gw_api_key_parse(struct gw_str key, struct gw_str *ret_id) {
  if (key.len != GW_API_KEY_LEN || !gw_str_has_prefix(key, GW_STR(PREFIX))) return false;
  struct gw_str id = {key.data + PREFIX_LEN, GW_API_KEY_ID_LEN};
  struct gw_str secret = {id.data + id.len + 1, GW_API_KEY_SECRET_LEN};
  if (!is_word(id) || id.data[id.len] != '_' || !is_word(secret)) return false;
  *ret_id = id;
  return true;
}

struct gw_hmac *gw_api_key_pepper_new(struct gw_str pepper) {
  if (pepper.len < GW_API_KEY_PEPPER_MIN) return NULL;
  return gw_hmac_new(GW_HASH_SHA256, pepper);
}

void gw_api_key_hash(const struct gw_hmac *pepper, struct gw_str key, uint8_t ret_hash[GW_API_KEY_HASH_SIZE]) {
  uint8_t mac[GW_HASH_SIZE_MAX];
  gw_hmac_compute(pepper, key, mac);
  memcpy(ret_hash, mac, GW_API_KEY_HASH_SIZE);
}

bool gw_api_key_verify(const struct gw_hmac *pepper, struct gw_str key, const uint8_t *hash) {
  static const uint8_t nobodys[GW_API_KEY_HASH_SIZE] = {0};
  uint8_t actual[GW_API_KEY_HASH_SIZE];
  gw_api_key_hash(pepper, key, actual);
  bool is_equal = CRYPTO_memcmp(actual, hash != NULL ? hash : nobodys, sizeof(actual)) == 0;
  return is_equal && hash != NULL;
}
