#include "common/routing/prefix_index.h"

#include <stdlib.h>

static int compare_items(const void *a, const void *b) {
  const struct gw_prefix_item *x = a, *y = b;
  int by_prefix = gw_str_compare(x->prefix, y->prefix);
  if (by_prefix != 0) return by_prefix;
  return x->route < y->route ? -1 : x->route > y->route;
}

static uint32_t count_distinct(const struct gw_prefix_item *items, uint32_t count) {
  uint32_t distinct = 0;
  for (uint32_t i = 0; i < count; i++)
    distinct += i == 0 || !gw_str_equal(items[i].prefix, items[i - 1].prefix);
  return distinct;
}

void gw_prefix_index_build(struct gw_prefix_index *index, struct gw_prefix_item *items, uint32_t count, struct gw_route_slot *slots,
                           struct gw_arena *arena) {
  *index = (struct gw_prefix_index){NULL, 0};
  if (count == 0) return;
  qsort(items, count, sizeof *items, compare_items);
  index->entries = gw_arena_alloc(arena, count_distinct(items, count) * sizeof *index->entries);
  for (uint32_t i = 0; i < count; i++) {
    slots[items[i].route].next = GW_ROUTE_NONE;
    if (i > 0 && gw_str_equal(items[i].prefix, items[i - 1].prefix)) {
      slots[items[i - 1].route].next = items[i].route;
      continue;
    }
    uint32_t parent = index->count == 0 ? GW_ROUTE_NONE : index->count - 1;
    while (parent != GW_ROUTE_NONE && !gw_str_has_prefix(items[i].prefix, index->entries[parent].prefix))
      parent = index->entries[parent].parent;
    index->entries[index->count++] = (struct gw_prefix_entry){items[i].prefix, parent, items[i].route};
  }
}

void gw_prefix_index_search(const struct gw_prefix_index *index, struct gw_route_search *search) {
  uint32_t low = 0, high = index->count; /* entries before `low` are not greater than the path, those from `high` on are */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (gw_str_compare(index->entries[middle].prefix, search->path) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (uint32_t at = low == 0 ? GW_ROUTE_NONE : low - 1; at != GW_ROUTE_NONE; at = index->entries[at].parent) {
    if (gw_str_has_prefix(search->path, index->entries[at].prefix)) gw_route_search_chain(search, index->entries[at].first);
  }
}
