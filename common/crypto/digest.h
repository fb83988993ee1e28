/* Why: SHA-256, for checksums; MD5, where others' protocols want it for theirs (OpenSSL's EVP).
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_DIGEST_H
#define GW_COMMON_CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_SHA256_SIZE 32
void gw_digest_sha256(struct gw_str data, uint8_t ret_digest[GW_SHA256_SIZE]);

/* In lower-case hex, with NUL. Anybody can make two texts with the same, so it protects nothing. False: OpenSSL has been told to do
 * without. */
#define GW_MD5_TEXT_SIZE 33
bool gw_digest_md5(struct gw_str data, char ret_text[GW_MD5_TEXT_SIZE]);

#endif
