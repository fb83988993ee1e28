/* Why: routes.yaml → routes in the order of matching, checked against the services.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ROUTES_YAML_H
#define GW_CONTROLPLANE_POLICY_ROUTES_YAML_H

#include "controlplane/policy/path_pattern.h"
#include "controlplane/policy/services_yaml.h"

#define GW_ROUTE_TIMEOUT_DEFAULT_YAML_MS 30000

struct gw_route_entry {
  const struct gw_yaml_node *node; /* of the path: where it stands */
  struct gw_path_pattern path;
  const struct gw_service_entry *service;
  struct gw_str *methods; /* sorted as Allow lists them; none: all */
  uint32_t method_count;
  bool has_implied_head; /* HEAD is there because GET is */
  bool is_auth_required;
  uint64_t timeout_ms;
  bool has_timeout; /* written: long-lived gRPC streams end with it, too */
  struct gw_retries_entry retries;
  struct gw_timeouts_entry timeouts;
};

struct gw_route_list {
  struct gw_route_entry *items; /* sorted: path by path, in the order of matching */
  uint32_t count;
};

/* Mistakes go to the reader's errors: also two routes of equal rank, which names both lines. `services` NULL: they could not be read, so
 * that what routes say of them is not judged. */
void gw_routes_read(const struct gw_reader *reader, const struct gw_yaml_node *root, const struct gw_service_list *services,
                    struct gw_route_list *ret_routes);

#endif
