/* Why: HMAC (RFC 2104) with a key that is set up once: for tokens and API keys, many messages under one key.
 * Life: new … free, which cleanses it.
 * Thread: compute and verify from any, at once. */
#ifndef GW_COMMON_CRYPTO_HMAC_H
#define GW_COMMON_CRYPTO_HMAC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum gw_hash { GW_HASH_SHA256, GW_HASH_SHA384, GW_HASH_SHA512 };
#define GW_HASH_SIZE_MAX 64
/* 32, 48 or 64 bytes. */
size_t gw_hash_size(enum gw_hash hash);

struct gw_hmac;

/* `key`: at least one byte; who needs a minimum checks it. */
struct gw_hmac *gw_hmac_new(enum gw_hash hash, struct gw_str key);
void gw_hmac_free(struct gw_hmac *hmac);
/* Writes gw_hash_size() bytes. */
void gw_hmac_compute(const struct gw_hmac *hmac, struct gw_str message, uint8_t ret_mac[GW_HASH_SIZE_MAX]);
/* Whether `mac` is the message's, whole, compared in a time that does not tell where they differ. */
bool gw_hmac_verify(const struct gw_hmac *hmac, struct gw_str message, struct gw_str mac);

#endif
