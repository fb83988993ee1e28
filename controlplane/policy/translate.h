/* Why: what was read from the files → model: listener, route configuration, clusters, static endpoints.
 * Life: in the policy's arena.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_H

#include "controlplane/policy/policy.h"
#include "controlplane/policy/routes_yaml.h"
#include "controlplane/policy/services_yaml.h"

/* Fills everything of `policy` but its arena, from input without mistakes. */
void gw_policy_translate(const struct gw_route_list *routes, const struct gw_service_list *services, const struct gw_settings *settings,
                         struct gw_policy *policy);

/* The listener with its HTTP connection manager (translate_listener.c). */
const struct gw_listener *gw_policy_translate_listener(const struct gw_settings *settings, struct gw_arena *arena);

#define GW_POLICY_NAME "gateway" /* of the listener and the route configuration */

#endif
