#include "common/crypto/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "common/base/err.h"

void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]) {
  if (EVP_Digest(data.len == 0 ? "" : data.data, data.len, ret_digest, NULL, EVP_sha256(), NULL) != 1) GW_PANIC("SHA-256 is not available");
}

bool gw_digest_md5(struct gw_str data, char ret_text[GW_MD5_TEXT_SIZE]) {
  uint8_t digest[16];
  unsigned len = 0;
  if (EVP_Digest(data.len == 0 ? "" : data.data, data.len, digest, &len, EVP_md5(), NULL) != 1 || len != sizeof(digest)) return false;
  for (size_t i = 0; i < sizeof(digest); i++)
    snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
  return true;
}
