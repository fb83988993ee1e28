/* Why: routes by what their path begins with: plain prefixes, and regular expressions by the literal that they begin with.
 * Life: built in an arena from routes given in descending order.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_PREFIX_INDEX_H
#define GW_COMMON_ROUTING_PREFIX_INDEX_H

#include "common/routing/route_search.h"

/* The prefixes, each once, in byte order. */
struct gw_prefix_entry {
  struct gw_str prefix;
  uint32_t parent; /* the longest other prefix that this one begins with; GW_ROUTE_NONE: none */
  uint32_t first;  /* of the chain */
};
/* Where the prefixes of a range part: a crit-bit tree, small enough for the processor's caches where the prefixes themselves are not. */
struct gw_prefix_node {
  uint32_t bit;         /* 16 a byte: those from there on that have it set are children[1] */
  uint32_t children[2]; /* of the nodes, or with GW_PREFIX_LEAF of the entries */
};
#define GW_PREFIX_LEAF 0x80000000u
struct gw_prefix_index {
  struct gw_prefix_entry *entries;
  struct gw_prefix_node *nodes;
  uint32_t count;
  uint32_t root;  /* as children are */
  uint32_t first; /* of all routes in it */
};

/* One route and its prefix. */
struct gw_prefix_item {
  struct gw_str prefix;
  uint32_t route;
};
/* Sorts `items`; sets `slots[…].next`. */
void gw_prefix_index_build(struct gw_prefix_index *index, struct gw_prefix_item *items, uint32_t count, struct gw_route_slot *slots,
                           struct gw_arena *arena);
void gw_prefix_index_search(const struct gw_prefix_index *index, struct gw_route_search *search);

#endif
