/* Why: routes by their whole path: one hash, one compare.
 * Life: built in an arena from routes given in descending order.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_EXACT_INDEX_H
#define GW_COMMON_ROUTING_EXACT_INDEX_H

#include "common/routing/route_search.h"

struct gw_exact_entry {
  uint32_t hash;
  uint32_t first; /* of the chain; GW_ROUTE_NONE: free */
};
struct gw_exact_index {
  struct gw_exact_entry *entries; /* open addressing, at most half full; NULL: no routes */
  uint32_t mask;
};

/* Room for `count` routes. */
void gw_exact_index_init(struct gw_exact_index *index, uint32_t count, struct gw_arena *arena);
/* Routes come in descending order; `slots[at].next` is set. */
void gw_exact_index_add(struct gw_exact_index *index, const struct gw_route *routes, struct gw_route_slot *slots, uint32_t at);
void gw_exact_index_search(const struct gw_exact_index *index, struct gw_route_search *search);

#endif
