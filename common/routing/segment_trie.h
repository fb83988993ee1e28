/* Why: routes by the segments of their path: plain templates and separated prefixes. A request walks as many nodes as its path has
 * segments, more only where a literal and a wildcard stand side by side. Life: a builder on the heap, which freeze ends; the trie lies in
 * an arena. Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_SEGMENT_TRIE_H
#define GW_COMMON_ROUTING_SEGMENT_TRIE_H

#include "common/routing/path_template.h"
#include "common/routing/route_search.h"

/* Paths of routes with more segments are not for the trie: a match keeps the segments of the request's path on its stack. */
#define GW_SEGMENT_TRIE_DEPTH_MAX 32u

struct gw_trie_node {
  uint32_t smallest;     /* index of a route here or below: nothing better is to be found when the search has a smaller one */
  uint32_t wildcard;     /* the node behind `*`; 0: none */
  uint32_t literals;     /* how many edges lead on */
  uint32_t first_end;    /* chain of the routes that end here */
  uint32_t first_rest;   /* chain of those that go on with `**` */
  uint32_t first_prefix; /* chain of the separated prefixes */
};
struct gw_trie_edge {
  const char *label;
  uint32_t label_len;
  uint32_t hash; /* of parent and label */
  uint32_t parent;
  uint32_t child;
};
struct gw_segment_trie {
  const struct gw_trie_node *nodes; /* the root first; NULL: no routes */
  const struct gw_trie_edge *edges;
  const uint32_t *table; /* open addressing, at most half full: an edge's number and one; 0: free */
  uint32_t table_mask;
  uint32_t depth;
};

struct gw_segment_trie_builder;

/* `segment_count`: of all routes to come, at least. */
struct gw_segment_trie_builder *gw_segment_trie_builder_new(uint32_t segment_count);
/* Routes come in descending order; `slots[at].next` is set. A plain template. */
void gw_segment_trie_builder_add_template(struct gw_segment_trie_builder *builder, const struct gw_path_template *template,
                                          struct gw_route_slot *slots, uint32_t at);
void gw_segment_trie_builder_add_prefix(struct gw_segment_trie_builder *builder, struct gw_str prefix, struct gw_route_slot *slots,
                                        uint32_t at);
/* Ends the builder. */
void gw_segment_trie_builder_freeze(struct gw_segment_trie_builder *builder, struct gw_arena *arena, struct gw_segment_trie *ret_trie);

void gw_segment_trie_search(const struct gw_segment_trie *trie, struct gw_route_search *search);

#endif
