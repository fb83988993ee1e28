/* Why: leads from what a node refuses to the line that an operator wrote: by a name in the refusal, or by the place in the resource.
 * Life: no objects kept.
 * Thread: any; the policy is read only. */
#ifndef GW_CONTROLPLANE_POLICY_REFUSAL_PLACE_H
#define GW_CONTROLPLANE_POLICY_REFUSAL_PLACE_H

#include "controlplane/policy/policy.h"

/* `text`: a node's words for its refusal of a cluster or of endpoints (`is_service`), or of anything else. Those that name a route, such as
 * "…virtual_hosts[0].routes[3]…" or its name, or a service by its name, give "FILE:LINE:COLUMN" in `arena`; NULL: nothing that was written.
 * The files are as the texts were called. */
const char *gw_refusal_place_find(const struct gw_policy *policy, bool is_service, struct gw_str text, const char *routes_file,
                                  const char *services_file, struct gw_arena *arena);

#endif
