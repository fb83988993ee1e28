/* Why: a search for the first route that matches: the indexes offer chains of routes, each in order, and this keeps the smallest.
 * Life: on the stack of one match.
 * Thread: one at a time. */
#ifndef GW_COMMON_ROUTING_ROUTE_SEARCH_H
#define GW_COMMON_ROUTING_ROUTE_SEARCH_H

#include "common/routing/route_rule.h"

/* Also the end of a chain: larger than every index. */
#define GW_ROUTE_NONE UINT32_MAX

/* What a match reads of a route, 16 bytes; the position in the virtual host is the index. */
struct gw_route_slot {
  uint32_t next;    /* the next of its chain: routes with the same path, in order */
  uint16_t methods; /* a bit for each gw_method */
  bool checks_path; /* the index only says that the path may match */
  bool checks_conditions;
  const struct gw_route_rule *rule;
};

struct gw_route_search {
  const struct gw_route *routes;
  const struct gw_route_slot *slots;
  const struct gw_request_head *head;
  struct gw_str path; /* without query */
  struct gw_route_work work;
  uint32_t best;
  uint32_t undecided; /* the first route of which a regular expression gave up; GW_ROUTE_NONE: none */
};

static inline bool gw_route_search_accepts(struct gw_route_search *search, uint32_t at) {
  const struct gw_route_slot *slot = &search->slots[at];
  if (!(slot->methods >> search->head->method & 1u)) return false;
  if (slot->checks_path && !gw_route_rule_match_path(&search->routes[at], slot->rule, search->path, &search->work)) return false;
  return !slot->checks_conditions || gw_route_rule_match_conditions(slot->rule, search->head, &search->work);
}

/* Whether it was taken or not: what gave up may have been meant to decide otherwise. */
static inline void gw_route_search_note(struct gw_route_search *search, uint32_t at) {
  if (!search->work.has_given_up) return;
  search->work.has_given_up = false;
  if (at < search->undecided) search->undecided = at;
}

/* `first`: the head of a chain, or GW_ROUTE_NONE. */
static inline void gw_route_search_chain(struct gw_route_search *search, uint32_t first) {
  for (uint32_t at = first; at < search->best && at < search->undecided; at = search->slots[at].next) {
    bool is_accepted = gw_route_search_accepts(search, at);
    gw_route_search_note(search, at);
    if (is_accepted) search->best = at;
  }
}

#endif
