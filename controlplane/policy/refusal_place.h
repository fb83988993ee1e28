/* Why: leads from what a node refuses to the line that an operator wrote: by a name in the refusal, or by the place in the resource.
 * Life: no objects kept.
 * Thread: any; the policy is read only. */
#ifndef GW_CONTROLPLANE_POLICY_REFUSAL_PLACE_H
#define GW_CONTROLPLANE_POLICY_REFUSAL_PLACE_H

#include "controlplane/policy/policy.h"

enum gw_refused { GW_REFUSED_SERVICE, GW_REFUSED_LISTENER, GW_REFUSED_ROUTE };

/* A node's words for its refusal. */
struct gw_refusal {
  enum gw_refused what;
  struct gw_str text;
  struct gw_str cluster; /* of the node: it has the routes of its group */
};

/* Words that name a service, a listener or a route by its name, or a route by its place ("…virtual_hosts[0].routes[3]…"), give
 * "FILE:LINE:COLUMN" in `arena`; NULL: nothing that was written. The files are as the texts were called. */
const char *gw_refusal_place_find(const struct gw_policy *policy, const struct gw_refusal *refusal, const char *routes_file,
                                  const char *services_file, struct gw_arena *arena);

#endif
