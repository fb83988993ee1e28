#include "common/routing/exact_index.h"

#include "common/base/map.h"

void gw_exact_index_init(struct gw_exact_index *index, uint32_t count, struct gw_arena *arena) {
  *index = (struct gw_exact_index){NULL, 0};
  if (count == 0) return;
  uint32_t size = 4;
  while (size < 2 * count)
    size *= 2;
  index->entries = gw_arena_alloc(arena, size * sizeof *index->entries);
  for (uint32_t i = 0; i < size; i++)
    index->entries[i] = (struct gw_exact_entry){0, GW_ROUTE_NONE};
  index->mask = size - 1;
}

/* The entry of that path, or the free one where it belongs. */
static struct gw_exact_entry *find(const struct gw_exact_index *index, const struct gw_route *routes, struct gw_str path, uint32_t hash) {
  uint32_t at = hash & index->mask;
  for (;; at = (at + 1) & index->mask) {
    struct gw_exact_entry *entry = &index->entries[at];
    if (entry->first == GW_ROUTE_NONE) return entry;
    if (entry->hash == hash && gw_str_equal(routes[entry->first].match.path, path)) return entry;
  }
}

void gw_exact_index_add(struct gw_exact_index *index, const struct gw_route *routes, struct gw_route_slot *slots, uint32_t at) {
  struct gw_str path = routes[at].match.path;
  uint32_t hash = (uint32_t)gw_hash_keyed(path.data, path.len);
  struct gw_exact_entry *entry = find(index, routes, path, hash);
  slots[at].next = entry->first;
  *entry = (struct gw_exact_entry){hash, at};
}

void gw_exact_index_search(const struct gw_exact_index *index, struct gw_route_search *search) {
  if (index->entries == NULL) return;
  uint32_t hash = (uint32_t)gw_hash_keyed(search->path.data, search->path.len);
  gw_route_search_chain(search, find(index, search->routes, search->path, hash)->first);
}
