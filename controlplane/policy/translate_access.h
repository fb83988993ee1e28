/* Why: what a route asks of who calls it, as RBAC policies of Envoy's.
 * Life: in the arena given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_ACCESS_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_ACCESS_H

#include "common/model/rbac.h"
#include "controlplane/policy/access_yaml.h"

/* Sets access, rbac and rbac_deny of `filters`, where the route asks anything. */
void gw_policy_translate_access(const struct gw_access_rules_of_file *access, const struct gw_route_access *route, struct gw_arena *arena,
                                struct gw_route_filters *filters);

#endif
