#include "common/base/map.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"

/* Open addressing with linear probing: an entry lies at or after its hash's place with no gap between, and a removal closes the gap
 * that it makes, so there are no tombstones. */
struct entry {
  uint64_t hash;
  char *key;
  size_t key_len;
  void *value; /* NULL: free */
};

struct gw_map {
  struct entry *entries;
  size_t mask; /* the number of entries, a power of two, minus one */
  size_t count;
};

#define ENTRIES_MIN 8u

/* Written once, before main and so before there are threads. */
static uint64_t hash_key[2];

__attribute__((constructor)) static void choose_hash_key(void) {
  gw_random_secure(hash_key, sizeof(hash_key));
}

struct sip {
  uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

static inline void sip_round(struct sip *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = rotate_left(s->v1, 13) ^ s->v0;
  s->v3 = rotate_left(s->v3, 16) ^ s->v2;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = rotate_left(s->v1, 17) ^ s->v2;
  s->v3 = rotate_left(s->v3, 21) ^ s->v0;
  s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word) {
  s->v3 ^= word;
  sip_round(s);
  s->v0 ^= word;
}

static inline uint64_t load_le64(const unsigned char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

uint64_t gw_hash_siphash13(const uint64_t key[2], const void *data, size_t len) {
  struct sip s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  const unsigned char *at = data;
  size_t left = len;
  for (; left >= 8; left -= 8, at += 8)
    sip_word(&s, load_le64(at));
  uint64_t last = (uint64_t)len << 56;
  for (size_t i = 0; i < left; i++)
    last |= (uint64_t)at[i] << (8 * i);
  sip_word(&s, last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 3; i++)
    sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t gw_hash_keyed(const void *data, size_t len) {
  return gw_hash_siphash13(hash_key, data, len);
}

struct gw_map *gw_map_new(void) {
  struct gw_map *map = gw_calloc(1, sizeof(*map));
  map->entries = gw_calloc(ENTRIES_MIN, sizeof(map->entries[0]));
  map->mask = ENTRIES_MIN - 1;
  return map;
}

void gw_map_free(struct gw_map *map) {
  if (map == NULL) return;
  for (size_t i = 0; i <= map->mask; i++)
    free(map->entries[i].key);
  free(map->entries);
  free(map);
}

size_t gw_map_count(const struct gw_map *map) {
  return map->count;
}

/* The entry that holds the key, or the free one where it belongs. */
static struct entry *locate(const struct gw_map *map, uint64_t hash, struct gw_str key) {
  for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
    struct entry *entry = &map->entries[i];
    if (entry->value == NULL) return entry;
    if (entry->hash == hash && gw_str_equal((struct gw_str){entry->key, entry->key_len}, key)) return entry;
  }
}

void *gw_map_find(const struct gw_map *map, struct gw_str key) {
  return locate(map, gw_hash_keyed(key.data, key.len), key)->value;
}

static void grow(struct gw_map *map) {
  struct entry *old = map->entries;
  size_t old_count = map->mask + 1;
  map->entries = gw_calloc(old_count * 2, sizeof(map->entries[0]));
  map->mask = old_count * 2 - 1;
  for (size_t i = 0; i < old_count; i++) {
    if (old[i].value == NULL) continue;
    size_t at = old[i].hash & map->mask;
    while (map->entries[at].value != NULL)
      at = (at + 1) & map->mask;
    map->entries[at] = old[i];
  }
  free(old);
}

void *gw_map_put(struct gw_map *map, struct gw_str key, void *value) {
  GW_ASSERT(value != NULL);
  uint64_t hash = gw_hash_keyed(key.data, key.len);
  struct entry *entry = locate(map, hash, key);
  void *before = entry->value;
  if (before == NULL) {
    if ((map->count + 1) * 4 > (map->mask + 1) * 3) {
      grow(map);
      entry = locate(map, hash, key);
    }
    entry->hash = hash;
    entry->key = gw_strndup(key.data, key.len);
    entry->key_len = key.len;
    map->count++;
  }
  entry->value = value;
  return before;
}

void *gw_map_remove(struct gw_map *map, struct gw_str key) {
  struct entry *entry = locate(map, gw_hash_keyed(key.data, key.len), key);
  void *value = entry->value;
  if (value == NULL) return NULL;
  free(entry->key);
  map->count--;
  size_t gap = (size_t)(entry - map->entries);
  for (size_t i = (gap + 1) & map->mask; map->entries[i].value != NULL; i = (i + 1) & map->mask) {
    size_t home = map->entries[i].hash & map->mask;
    /* Only what was pushed at or beyond the gap may move back into it. */
    if (((i - home) & map->mask) < ((i - gap) & map->mask)) continue;
    map->entries[gap] = map->entries[i];
    gap = i;
  }
  map->entries[gap] = (struct entry){0};
  return value;
}

bool gw_map_next(const struct gw_map *map, size_t *cursor, struct gw_str *ret_key, void **ret_value) {
  while (*cursor <= map->mask) {
    const struct entry *entry = &map->entries[(*cursor)++];
    if (entry->value == NULL) continue;
    *ret_key = (struct gw_str){entry->key, entry->key_len};
    *ret_value = entry->value;
    return true;
  }
  return false;
}
