/* Why: SHA-256, for checksums (OpenSSL's EVP).
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_DIGEST_H
#define GW_COMMON_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_SHA256_SIZE 32
void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]);

#endif
