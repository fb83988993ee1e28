/* Why: which addresses a route is for (allow_from, deny_from), compiled. Pure functions, the proxy's and explain's alike.
 * Life: embedded; its sets lie in the arena given.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_ADDRESS_RULES_H
#define GW_COMMON_ROUTING_ADDRESS_RULES_H

#include "common/base/err.h"
#include "common/model/access.h"
#include "common/net/cidr_set.h"

struct gw_address_rules {
  bool allows_all;
  struct gw_cidr_set allow;
  struct gw_cidr_set deny;
};

/* A mistake at `place` for each text that is no CIDR range. */
void gw_address_rules_build(const struct gw_access_route *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                            struct gw_address_rules *ret_rules);

enum gw_address_verdict {
  GW_ADDRESS_ALLOWED,
  GW_ADDRESS_NOT_AMONG_ALLOWED,
  GW_ADDRESS_DENIED,
};
enum gw_address_verdict gw_address_rules_judge(const struct gw_address_rules *rules, const struct gw_address *client);

#endif
