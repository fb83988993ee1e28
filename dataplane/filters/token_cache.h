/* Why: tokens that were verified, so that a token costs its signature once: bounded, by the token's bytes, for the keys and rules that it
 * was verified with, and never beyond its time.
 * Life: gw_token_cache_new … free, with the worker; an entry lives while somebody holds it, in the cache or not.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_TOKEN_CACHE_H
#define GW_DATAPLANE_FILTERS_TOKEN_CACHE_H

#include "common/base/list.h"
#include "common/crypto/jwt.h"
#include "dataplane/pipeline/identity.h"

/* What a token was verified with: other keys (a rotation) or other rules, another scope. */
struct gw_token_scope {
  uint64_t keys;  /* gw_jwk_set_generation */
  uint64_t rules; /* hash of what else is asked of it */
};

/* Most tokens with their claims fit: then a new one costs one allocation, or none. */
#define GW_TOKEN_FIRST_BLOCK 3072

struct gw_token_entry {
  struct gw_list recent; /* of the cache, newest first */
  struct gw_token_entry *next;
  uint32_t refs;
  bool is_cached;
  uint64_t hash;
  struct gw_token_scope scope;
  int64_t valid_until_s;
  struct gw_str token;
  struct gw_jwt jwt;
  struct gw_identity identity;
  const struct gw_str *field_values; /* of the claims that go to the service as fields; empty: none */
  struct gw_str payload;             /* base64url, as it goes to the service */
  struct gw_arena arena;             /* of all of it */
  _Alignas(16) unsigned char first_block[GW_TOKEN_FIRST_BLOCK];
};

struct gw_token_cache;

/* `bytes_max`: of tokens with what was made of them. */
struct gw_token_cache *gw_token_cache_new(uint32_t entries_max, size_t bytes_max);
void gw_token_cache_free(struct gw_token_cache *cache);
/* A reference; NULL: not there, or over. */
struct gw_token_entry *gw_token_cache_find(struct gw_token_cache *cache, struct gw_str token, const struct gw_token_scope *scope,
                                           int64_t now_s);
/* A new one with a copy of the token, not in the cache yet: to be filled. One reference. */
struct gw_token_entry *gw_token_cache_new_entry(struct gw_token_cache *cache, struct gw_str token, const struct gw_token_scope *scope);
/* Keeps it for others; the least recently used go. */
void gw_token_cache_add(struct gw_token_cache *cache, struct gw_token_entry *entry);
void gw_token_cache_unref(struct gw_token_cache *cache, struct gw_token_entry *entry);
uint32_t gw_token_cache_count(const struct gw_token_cache *cache);

#endif
