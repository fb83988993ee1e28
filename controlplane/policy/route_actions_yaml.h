/* Why: what a route does with a request beside sending it to one service: `split`, `rewrite`, `redirect`, `respond`, `max_request_body`.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ROUTE_ACTIONS_YAML_H
#define GW_CONTROLPLANE_POLICY_ROUTE_ACTIONS_YAML_H

#include "common/model/route.h"
#include "controlplane/policy/path_pattern.h"
#include "controlplane/policy/services_yaml.h"

struct gw_route_share {
  const struct gw_service_entry *service;
  uint32_t weight;
};

/* What becomes of a path; at most one of prefix, path and pattern is there. */
struct gw_path_change {
  struct gw_str prefix; /* instead of the literal beginning of the route's path; "" for "/" */
  bool has_prefix;
  struct gw_str path; /* instead of all of it; with the path's {variables} */
  struct gw_str pattern;
  struct gw_str substitution;
};

struct gw_route_actions {
  const struct gw_service_entry *service; /* NULL: one of the others */
  const struct gw_route_share *shares;
  uint32_t share_count; /* 0: no split */
  bool is_sticky;
  const struct gw_hash_policy *hash_policies; /* of `sticky`; without it those of the services */
  uint32_t hash_policy_count;
  struct gw_path_change rewrite;
  struct gw_str host_rewrite;
  const struct gw_route_redirect *redirect; /* its path is in `rewrite` */
  const struct gw_route_direct_response *respond;
  struct gw_str content_type; /* of `respond`; empty: the default */
  bool has_body_limit;
  uint64_t max_request_body_bytes;
};

/* Where it forwards to, of a split the first of the services; NULL: it does not forward, or to nobody who is known. */
static inline const struct gw_service_entry *gw_route_actions_service(const struct gw_route_actions *actions) {
  return actions->share_count > 0 ? actions->shares[0].service : actions->service;
}

/* Every mistake is told; `services` NULL: they could not be read. `path` has a count of 0 when it could not. */
void gw_route_actions_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_path_pattern *path,
                           const struct gw_service_list *services, struct gw_route_actions *ret_actions);

#endif
