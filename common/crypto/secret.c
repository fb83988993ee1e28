#include "common/crypto/secret.h"

#include <openssl/crypto.h>
#include <stdint.h>

#include "common/base/random.h"

bool gw_secret_equal(struct gw_str a, struct gw_str b) {
  return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

bool gw_secret_is_bearer(struct gw_str value, struct gw_str token) {
  const struct gw_str scheme = GW_STR("Bearer ");
  if (value.len < scheme.len || !gw_str_equal_nocase((struct gw_str){value.data, scheme.len}, scheme)) return false;
  return gw_secret_equal(gw_str_trim(gw_str_skip(value, scheme.len)), token);
}

void gw_secret_new_token(char ret_token[GW_SECRET_TOKEN_SIZE]) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint8_t bytes[33]; /* the last one only fills the last group of three */
  gw_random_secure(bytes, 32);
  bytes[32] = 0;
  for (size_t i = 0, out = 0; out < GW_SECRET_TOKEN_SIZE - 1; i += 3) {
    uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0 && out < GW_SECRET_TOKEN_SIZE - 1; shift -= 6)
      ret_token[out++] = alphabet[group >> shift & 63];
  }
  ret_token[GW_SECRET_TOKEN_SIZE - 1] = '\0';
  OPENSSL_cleanse(bytes, sizeof(bytes));
}
