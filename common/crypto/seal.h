/* Why: encrypts and authenticates what is kept on disk (AES-256-GCM), such as the last known good configuration.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_SEAL_H
#define GW_COMMON_CRYPTO_SEAL_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_SEAL_KEY_SIZE 32
#define GW_SEAL_SECRET_MIN 32 /* bytes that a key file must hold */
#define GW_SEAL_OVERHEAD 28   /* nonce and tag */
#define GW_SEAL_PLAIN_MAX (1u << 30)

/* A key for one purpose out of a long secret (HKDF-SHA256, RFC 5869; `purpose` is its info). GW_ERR_INVALID: the secret is shorter than
 * GW_SEAL_SECRET_MIN. */
enum gw_err gw_seal_derive_key(struct gw_str secret, const char *purpose, uint8_t ret_key[GW_SEAL_KEY_SIZE]);
/* Appends nonce, ciphertext and tag. `open` is authenticated too, but not contained. GW_ERR_LIMIT: `plain` is too big. */
enum gw_err gw_seal(const uint8_t key[GW_SEAL_KEY_SIZE], struct gw_str open, struct gw_str plain, struct gw_strbuf *buf);
/* Appends the plain text. GW_ERR_DENIED: another key, or changed bytes; nothing is appended then. */
enum gw_err gw_unseal(const uint8_t key[GW_SEAL_KEY_SIZE], struct gw_str open, struct gw_str sealed, struct gw_strbuf *buf);

#endif
