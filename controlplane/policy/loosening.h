/* Why: says where one configuration protects less than another, route by route, so that nobody takes a protection away without having read
 * so: authentication, roles, permissions, rules, limits, addresses, CORS.
 * Life: findings are in the caller's arena and borrow from neither policy.
 * Thread: any; pure. */
#ifndef GW_CONTROLPLANE_POLICY_LOOSENING_H
#define GW_CONTROLPLANE_POLICY_LOOSENING_H

#include "controlplane/policy/policy.h"

enum gw_loosening_kind {
  GW_LOOSENING_AUTHENTICATION,
  GW_LOOSENING_ROLES,
  GW_LOOSENING_PERMISSIONS,
  GW_LOOSENING_RULES, /* of `rules` and `require` */
  GW_LOOSENING_LIMITS,
  GW_LOOSENING_ADDRESSES,
  GW_LOOSENING_CORS,
};
/* "authentication", "roles", … */
const char *gw_loosening_kind_name(enum gw_loosening_kind kind);

struct gw_loosening {
  enum gw_loosening_kind kind;
  struct gw_str route; /* as it is called before */
  const char *words;   /* what has become less */
  uint32_t line;       /* of the route that answers its requests after; 0: none does */
  uint32_t column;
};

/* Requests of every route of either policy are asked of both, and what protects them is compared: so a route that comes before a protected
 * one is found as well as one whose own lines have changed; for each group of nodes. Returns how many loosenings there are. */
uint32_t gw_loosening_find(const struct gw_policy *before, const struct gw_policy *after, struct gw_arena *arena,
                           const struct gw_loosening **ret_loosenings);

#endif
