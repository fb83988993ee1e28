/* Why: API keys as text: "gwk_ID_SECRET" is made, taken apart, and hashed under the pepper; keys that others issued are hashed alike.
 * Life: a pepper is a key of HMAC, freed with gw_hmac_free, which cleanses it; the rest has no objects.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_API_KEY_H
#define GW_COMMON_CRYPTO_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* Characters of a-z and 2-7 (RFC 4648 section 6 in lower case), five bits each: 80 of the id, 160 of the secret. */
#define GW_API_KEY_ID_LEN 16u
#define GW_API_KEY_SECRET_LEN 32u
#define GW_API_KEY_LEN (4u + GW_API_KEY_ID_LEN + 1u + GW_API_KEY_SECRET_LEN)
#define GW_API_KEY_SIZE (GW_API_KEY_LEN + 1u) /* with NUL */
/* Of keys that others issued. */
#define GW_API_KEY_IMPORTED_LEN_MAX 512u
#define GW_API_KEY_HASH_SIZE 32u
#define GW_API_KEY_PEPPER_MIN 32u /* bytes */

/* A new one; cleansed by the caller once it was shown. */
void gw_api_key_new(char ret_key[GW_API_KEY_SIZE]);
/* True: it has the form of ours, and *ret_id points to the id in it. It says nothing about whether there is such a key. */
bool gw_api_key_parse(struct gw_str key, struct gw_str *ret_id);
/* The same form for an id alone. */
bool gw_api_key_is_id(struct gw_str id);

struct gw_hmac;
/* NULL: shorter than GW_API_KEY_PEPPER_MIN. */
struct gw_hmac *gw_api_key_pepper_new(struct gw_str pepper);

/* HMAC-SHA-256 of the whole text under the pepper, ours and imported ones alike. */
void gw_api_key_hash(const struct gw_hmac *pepper, struct gw_str key, uint8_t ret_hash[GW_API_KEY_HASH_SIZE]);
/* Whether `hash` is the key's; NULL: there is no such key, which takes the same time and is false. */
bool gw_api_key_verify(const struct gw_hmac *pepper, struct gw_str key, const uint8_t *hash);

#endif
