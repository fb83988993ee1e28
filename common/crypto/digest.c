#include "common/crypto/digest.h"

#include <openssl/evp.h>

#include "common/base/err.h"

void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]) {
  if (EVP_Digest(data.len == 0 ? "" : data.data, data.len, ret_digest, NULL, EVP_sha256(), NULL) != 1) GW_PANIC("SHA-256 is not available");
}

void gw_digest_version(struct gw_str data, char ret_version[GW_VERSION_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t digest[GW_SHA256_SIZE];
  gw_digest_sha256(data, digest);
  for (size_t i = 0; i < 8; i++) {
    ret_version[2 * i] = digits[digest[i] >> 4];
    ret_version[2 * i + 1] = digits[digest[i] & 15u];
  }
  ret_version[16] = '\0';
}
