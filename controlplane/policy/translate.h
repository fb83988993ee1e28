/* Why: what was read from the files → model: listener, route configuration, clusters, static endpoints.
 * Life: in the policy's arena.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_H

#include "controlplane/policy/auth_yaml.h"
#include "controlplane/policy/listeners_yaml.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/routes_yaml.h"
#include "controlplane/policy/services_yaml.h"

/* What was read of both files. */
struct gw_policy_parts {
  struct gw_secret_list secrets;
  struct gw_service_list services;
  struct gw_auth_policy auth;
  struct gw_access_rules_of_file access;
  struct gw_route_list routes;
  struct gw_listener_list listeners;
  struct gw_common_limits limits;
  uint64_t surroundings; /* a hash of all that is written but routes, and of the settings */
};

/* Fills everything of `policy` but its arena, from input without mistakes. */
void gw_policy_translate(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy);

/* Clusters and static endpoints; secrets (translate_services.c). */
void gw_policy_translate_services(const struct gw_service_list *services, const struct gw_settings *settings, struct gw_policy *policy);
void gw_policy_translate_secrets(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy);
/* Listeners with their HTTP connection managers (translate_listener.c). */
const struct gw_listener *gw_policy_translate_listeners(const struct gw_policy_parts *parts, const struct gw_settings *settings,
                                                        struct gw_arena *arena);
struct gw_http2_options gw_policy_translate_http2(const struct gw_settings *settings);
/* What routes ask of tokens, once for each of them that differs (translate_auth.c). */
const struct gw_jwt_authn *gw_policy_translate_jwt(const struct gw_policy_parts *parts, struct gw_arena *arena);
/* The name of what this one asks; empty: nothing that a token could answer. */
struct gw_str gw_policy_jwt_requirement(const struct gw_auth_policy *auth, const struct gw_route_auth *route, struct gw_arena *arena);
/* The routes of a listener that redirects. */
struct gw_route_config gw_policy_translate_redirect(const struct gw_listener_entry *listener, struct gw_arena *arena);

#define GW_POLICY_NAME "gateway" /* of the listener that is there when none is written, and of the route configuration */

#endif
