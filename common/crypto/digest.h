/* Why: SHA-256, for content versions and checksums (OpenSSL's EVP).
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_DIGEST_H
#define GW_COMMON_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_SHA256_SIZE 32
void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]);

/* The first 8 bytes of SHA-256 as 16 hex digits and NUL: a version. */
#define GW_VERSION_SIZE 17
void gw_digest_version(struct gw_str data, char ret_version[GW_VERSION_SIZE]);

#endif
