/* Why: routes by what their path begins with: plain prefixes, and regular expressions by the literal that they begin with.
 * Life: built in an arena from routes given in descending order.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_PREFIX_INDEX_H
#define GW_COMMON_ROUTING_PREFIX_INDEX_H

#include "common/routing/route_search.h"

/* The prefixes, each once, in byte order. The greatest that is not greater than a path is, or descends from, every prefix of that path. */
struct gw_prefix_entry {
  struct gw_str prefix;
  uint32_t parent; /* the longest other prefix that this one begins with; GW_ROUTE_NONE: none */
  uint32_t first;  /* of the chain */
};
struct gw_prefix_index {
  struct gw_prefix_entry *entries;
  uint32_t count;
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
