/* Why: routes.yaml → routes in the order of matching, checked against the services. A route with several hosts is there once for each.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ROUTES_YAML_H
#define GW_CONTROLPLANE_POLICY_ROUTES_YAML_H

#include "controlplane/policy/access_log_yaml.h"
#include "controlplane/policy/access_yaml.h"
#include "controlplane/policy/auth_yaml.h"
#include "controlplane/policy/browser_yaml.h"
#include "controlplane/policy/node_groups_yaml.h"
#include "controlplane/policy/path_pattern.h"
#include "controlplane/policy/rate_limit_yaml.h"
#include "controlplane/policy/route_actions_yaml.h"
#include "controlplane/policy/route_conditions_yaml.h"
#include "controlplane/policy/services_yaml.h"

#define GW_ROUTE_TIMEOUT_DEFAULT_YAML_MS 30000

struct gw_route_entry {
  const struct gw_yaml_node *node; /* of the path: where it stands */
  uint64_t hash;                   /* of all of it as written */
  struct gw_str name;              /* as written; empty: made from the rest */
  struct gw_str host;              /* of `hosts`; empty: any */
  const struct gw_str *hosts;      /* as written, in lower case; none: any */
  uint32_t host_count;
  struct gw_node_groups node_groups;
  struct gw_path_pattern path;
  struct gw_route_conditions conditions;
  struct gw_route_actions actions;
  const struct gw_header_changes *request_headers; /* NULL: none */
  const struct gw_header_changes *response_headers;
  struct gw_str *methods; /* sorted as Allow lists them; none: all */
  uint32_t method_count;
  bool has_implied_head; /* HEAD is there because GET is */
  struct gw_route_auth auth;
  struct gw_route_access access;
  const struct gw_cors_route *cors; /* NULL: none */
  uint64_t timeout_ms;
  bool has_timeout; /* written: long-lived gRPC streams end with it, too */
  struct gw_retries_entry retries;
  struct gw_timeouts_entry timeouts;
  struct gw_limits_entry limits;
  const struct gw_access_log_rule *access_log; /* NULL: the settings' */
};

/* The routes that nodes of one group get. */
struct gw_route_group {
  struct gw_str name;           /* empty: nodes of none of the others */
  struct gw_route_entry *items; /* as below */
  uint32_t count;
};

struct gw_route_list {
  struct gw_route_entry *items; /* sorted: host by host, path by path, in the order of matching */
  uint32_t count;
  const struct gw_route_group *groups; /* the first is the one without a name */
  uint32_t group_count;
};

/* Mistakes go to the reader's errors: also two routes of equal rank, which names both lines. `services` NULL: they could not be read, so
 * that what routes say of them is not judged. */
void gw_routes_read(const struct gw_reader *reader, const struct gw_yaml_node *root, const struct gw_service_list *services,
                    const struct gw_auth_policy *auth, const struct gw_access_rules_of_file *access, const struct gw_settings *settings,
                    struct gw_route_list *ret_routes);

/* Sorts the routes of a list into groups, and adds what is mistaken of routes of one path (route_groups.c). */
void gw_route_groups_make(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_route_list *list);
bool gw_route_has_method(const struct gw_route_entry *route, struct gw_str method);
struct gw_str *gw_route_copy_methods(const struct gw_route_entry *route, struct gw_arena *arena);
/* The same host and path. */
bool gw_routes_share_path(const struct gw_route_entry *a, const struct gw_route_entry *b);

#endif
