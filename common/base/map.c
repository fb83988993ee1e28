#include "common/base/map.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/base/siphash.h"

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

/* The key is process-wide, since gw_hash_keyed has no object to keep it in. Written once, before main and so before there are
 * threads. */
static struct gw_siphash_key hash_key;

__attribute__((constructor)) static void choose_hash_key(void) {
  gw_random_secure(&hash_key, sizeof(hash_key));
}

uint64_t gw_hash_keyed(const void *data, size_t len) {
  return gw_siphash(hash_key, data, len, 1, 3);
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

void **gw_map_sorted_values(const struct gw_map *map, int (*compare)(const void *, const void *)) {
  void **values = gw_calloc(gw_map_count(map) + 1, sizeof(void *));
  size_t count = 0;
  size_t cursor = 0;
  struct gw_str key;
  while (gw_map_next(map, &cursor, &key, &values[count]))
    count++;
  values[count] = NULL;
  if (count > 1) qsort(values, count, sizeof(void *), compare);
  return values;
}
