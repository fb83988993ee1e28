#include "dataplane/filters/token_cache.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"

#define HEAP_BLOCK 4096u
/* The end of a token is its signature, which tells tokens apart as well as all of it. The whole token is compared. */
#define HASHED_BYTES 64u
struct gw_token_cache {
  uint32_t entries_max;
  size_t bytes_max;
  uint32_t count;
  size_t bytes;
  uint32_t mask;
  struct gw_token_entry **buckets;
  struct gw_list recent;
  struct gw_token_entry *spare;
};

struct gw_token_cache *gw_token_cache_new(uint32_t entries_max, size_t bytes_max) {
  struct gw_token_cache *cache = gw_calloc(1, sizeof(*cache));
  uint32_t buckets = 16;
  while (buckets < entries_max)
    buckets *= 2;
  cache->entries_max = entries_max;
  cache->bytes_max = bytes_max;
  cache->mask = buckets - 1;
  cache->buckets = gw_calloc(buckets, sizeof(struct gw_token_entry *));
  gw_list_init(&cache->recent);
  return cache;
}

static size_t size_of(const struct gw_token_entry *entry) {
  return sizeof(*entry) + entry->arena.used_bytes;
}

static void entry_free(struct gw_token_entry *entry) {
  if (entry == NULL) return;
  gw_arena_done(&entry->arena);
  free(entry);
}

static void remove_entry(struct gw_token_cache *cache, struct gw_token_entry *entry) {
  struct gw_token_entry **at = &cache->buckets[entry->hash & cache->mask];
  while (*at != entry)
    at = &(*at)->next;
  *at = entry->next;
  gw_list_remove(&entry->recent);
  cache->count--;
  cache->bytes -= size_of(entry);
  entry->is_cached = false;
  gw_token_cache_unref(cache, entry);
}

void gw_token_cache_free(struct gw_token_cache *cache) {
  if (cache == NULL) return;
  while (!gw_list_is_empty(&cache->recent))
    remove_entry(cache, GW_LIST_ITEM(cache->recent.next, struct gw_token_entry, recent));
  entry_free(cache->spare);
  free(cache->buckets);
  free(cache);
}

static uint64_t hash_token(struct gw_str token) {
  size_t skipped = token.len > HASHED_BYTES ? token.len - HASHED_BYTES : 0;
  return gw_hash_keyed(token.data + skipped, token.len - skipped);
}

static bool is_same(const struct gw_token_entry *entry, uint64_t hash, struct gw_str token, const struct gw_token_scope *scope) {
  return entry->hash == hash && entry->scope.keys == scope->keys && entry->scope.rules == scope->rules && gw_str_equal(entry->token, token);
}

struct gw_token_entry *gw_token_cache_find(struct gw_token_cache *cache, struct gw_str token, const struct gw_token_scope *scope,
                                           int64_t now_s) {
  uint64_t hash = hash_token(token);
  struct gw_token_entry *entry = cache->buckets[hash & cache->mask];
  while (entry != NULL && !is_same(entry, hash, token, scope))
    entry = entry->next;
  if (entry == NULL) return NULL;
  if (now_s >= entry->valid_until_s) {
    remove_entry(cache, entry);
    return NULL;
  }
  gw_list_remove(&entry->recent);
  gw_list_add_first(&cache->recent, &entry->recent);
  entry->refs++;
  return entry;
}

struct gw_token_entry *gw_token_cache_new_entry(struct gw_token_cache *cache, struct gw_str token, const struct gw_token_scope *scope) {
  struct gw_token_entry *entry = cache->spare;
  cache->spare = NULL;
  if (entry == NULL) {
    entry = gw_malloc(sizeof(*entry));
    gw_arena_init_fixed(&entry->arena, entry->first_block, sizeof(entry->first_block), HEAP_BLOCK);
  }
  struct gw_arena arena = entry->arena;
  memset(entry, 0, offsetof(struct gw_token_entry, first_block));
  entry->arena = arena;
  entry->refs = 1;
  entry->scope = *scope;
  entry->hash = hash_token(token);
  entry->token = gw_arena_copy(&entry->arena, token);
  return entry;
}

void gw_token_cache_add(struct gw_token_cache *cache, struct gw_token_entry *entry) {
  if (size_of(entry) > cache->bytes_max || cache->entries_max == 0) return;
  while (cache->count >= cache->entries_max || cache->bytes + size_of(entry) > cache->bytes_max)
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that the list lets go of who is freed */
    remove_entry(cache, GW_LIST_ITEM(cache->recent.prev, struct gw_token_entry, recent));
  entry->refs++;
  entry->is_cached = true;
  entry->next = cache->buckets[entry->hash & cache->mask];
  cache->buckets[entry->hash & cache->mask] = entry;
  gw_list_add_first(&cache->recent, &entry->recent);
  cache->count++;
  cache->bytes += size_of(entry);
}

void gw_token_cache_unref(struct gw_token_cache *cache, struct gw_token_entry *entry) {
  if (entry == NULL || --entry->refs > 0) return;
  if (cache->spare == NULL) {
    gw_arena_reset(&entry->arena);
    cache->spare = entry;
    return;
  }
  entry_free(entry);
}

uint32_t gw_token_cache_count(const struct gw_token_cache *cache) {
  return cache->count;
}
