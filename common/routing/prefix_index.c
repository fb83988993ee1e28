#include "common/routing/prefix_index.h"

#include <stdlib.h>

#include "common/base/mem.h"

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

/* A byte has nine bits, the first of which says that it is there: "/a" and "/ab" differ in it. Bit 16 * at + n is bit n of byte `at`. */
static bool has_bit(struct gw_str text, uint32_t bit) {
  uint32_t at = bit / 16;
  uint32_t value = at < text.len ? (unsigned char)text.data[at] | 256u : 0;
  return (value >> (8 - bit % 16) & 1) != 0;
}

/* The first bit in which two differ. */
static uint32_t find_difference(struct gw_str a, struct gw_str b) {
  uint32_t at = 0;
  while (at < a.len && at < b.len && a.data[at] == b.data[at])
    at++;
  uint32_t bit = at * 16;
  while (has_bit(a, bit) == has_bit(b, bit))
    bit++;
  return bit;
}

struct range {
  uint32_t begin;
  uint32_t end;
  uint32_t *place; /* where its root is written */
};

/* All of a sorted range that have the bit set stand behind all that have not. */
static uint32_t find_split(const struct gw_prefix_entry *entries, uint32_t begin, uint32_t end, uint32_t bit) {
  while (begin < end) {
    uint32_t middle = begin + (end - begin) / 2;
    if (has_bit(entries[middle].prefix, bit))
      end = middle;
    else
      begin = middle + 1;
  }
  return begin;
}

/* Without recursion: a tree of prefixes of each other is as deep as it is large. */
static void build_tree(struct gw_prefix_index *index) {
  struct range *ranges = gw_calloc(index->count, sizeof *ranges);
  uint32_t range_count = 1, node_count = 0;
  ranges[0] = (struct range){0, index->count, &index->root};
  while (range_count > 0) {
    struct range range = ranges[--range_count];
    if (range.end - range.begin == 1) {
      *range.place = range.begin | GW_PREFIX_LEAF;
      continue;
    }
    struct gw_prefix_node *node = &index->nodes[node_count];
    *range.place = node_count++;
    node->bit = find_difference(index->entries[range.begin].prefix, index->entries[range.end - 1].prefix);
    uint32_t split = find_split(index->entries, range.begin, range.end, node->bit);
    ranges[range_count++] = (struct range){range.begin, split, &node->children[0]};
    ranges[range_count++] = (struct range){split, range.end, &node->children[1]};
  }
  free(ranges);
}

void gw_prefix_index_build(struct gw_prefix_index *index, struct gw_prefix_item *items, uint32_t count, struct gw_route_slot *slots,
                           struct gw_arena *arena) {
  *index = (struct gw_prefix_index){.first = GW_ROUTE_NONE};
  if (count == 0) return;
  qsort(items, count, sizeof *items, compare_items);
  index->entries = gw_arena_alloc(arena, count_distinct(items, count) * sizeof *index->entries);
  for (uint32_t i = 0; i < count; i++) {
    slots[items[i].route].next = GW_ROUTE_NONE;
    if (items[i].route < index->first) index->first = items[i].route;
    if (i > 0 && gw_str_equal(items[i].prefix, items[i - 1].prefix)) {
      slots[items[i - 1].route].next = items[i].route;
      continue;
    }
    uint32_t parent = index->count == 0 ? GW_ROUTE_NONE : index->count - 1;
    while (parent != GW_ROUTE_NONE && !gw_str_has_prefix(items[i].prefix, index->entries[parent].prefix))
      parent = index->entries[parent].parent;
    index->entries[index->count++] = (struct gw_prefix_entry){items[i].prefix, parent, items[i].route};
  }
  index->nodes = gw_arena_alloc(arena, index->count * sizeof *index->nodes);
  build_tree(index);
}

/* As long as the tree parts prefixes within a prefix of the path, the path's bits lead to that one; from then on all begin with it. So the
 * entry that is found is, or begins with, every prefix of the path. */
static uint32_t find_entry(const struct gw_prefix_index *index, struct gw_str path) {
  uint32_t at = index->root;
  while ((at & GW_PREFIX_LEAF) == 0)
    at = index->nodes[at].children[has_bit(path, index->nodes[at].bit)];
  return at & ~GW_PREFIX_LEAF;
}

void gw_prefix_index_search(const struct gw_prefix_index *index, struct gw_route_search *search) {
  /* None of it could be better: of many routes, which are in no cache, that is known without a look at them. */
  if (index->first >= search->best) return;
  for (uint32_t at = find_entry(index, search->path); at != GW_ROUTE_NONE; at = index->entries[at].parent)
    if (gw_str_has_prefix(search->path, index->entries[at].prefix)) gw_route_search_chain(search, index->entries[at].first);
}
