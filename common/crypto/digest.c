#include "common/crypto/digest.h"

#include <openssl/evp.h>

#include "common/base/err.h"

void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]) {
  if (EVP_Digest(data.len == 0 ? "" : data.data, data.len, ret_digest, NULL, EVP_sha256(), NULL) != 1) GW_PANIC("SHA-256 is not available");
}
