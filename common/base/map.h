/* Why: a hash map from byte strings to pointers, with a random seed so that strangers can't choose collisions.
 * Life: gw_map_new … gw_map_free; keys are copied, values stay the caller's.
 * Thread: one at a time; a map that nobody changes may be read by all. */
#ifndef GW_COMMON_BASE_MAP_H
#define GW_COMMON_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct gw_map;

struct gw_map *gw_map_new(void);
void gw_map_free(struct gw_map *map);
size_t gw_map_count(const struct gw_map *map);
/* NULL: absent. */
void *gw_map_find(const struct gw_map *map, struct gw_str key);
/* Adds or replaces; value is not NULL. Returns the value that was there before, or NULL. */
void *gw_map_put(struct gw_map *map, struct gw_str key, void *value);
/* Returns the value removed, or NULL. */
void *gw_map_remove(struct gw_map *map, struct gw_str key);
/* Iterates in no particular order: start with *cursor = 0; false at the end. The map must not change meanwhile. */
bool gw_map_next(const struct gw_map *map, size_t *cursor, struct gw_str *ret_key, void **ret_value);

/* All values in the order of `compare` (as qsort's), NULL behind the last; freed with free(). */
void **gw_map_sorted_values(const struct gw_map *map, int (*compare)(const void *, const void *));

/* 64-bit keyed hash (SipHash-1-3) for hash tables; process-wide random key. */
uint64_t gw_hash_keyed(const void *data, size_t len);

#endif
