/* Why: turns the wanted state (model) into a snapshot; what did not change keeps its very resource.
 * Life: no objects kept; the wanted state is the caller's.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_BUILDER_H
#define GW_CONTROLPLANE_SNAPSHOT_BUILDER_H

#include "common/base/err.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/node_group.h"
#include "common/model/secret.h"
#include "common/model/snapshot.h"

struct gw_wanted {
  const struct gw_secret *secrets;
  uint32_t secret_count;
  const struct gw_listener *listeners;
  uint32_t listener_count;
  const struct gw_route_config *route_configs;
  uint32_t route_config_count;
  const struct gw_resource_list *kept_route_configs; /* instead of `route_configs`: made before, of the same; NULL: none */
  const struct gw_cluster *clusters;
  uint32_t cluster_count;
  const struct gw_endpoints *endpoints;
  uint32_t endpoints_count;
  const struct gw_resource_list *api_keys; /* holds; NULL: not known */
};

/* Encodes, checks consistency (with clusters of routes). GW_ERR_INVALID with mistakes. `previous` may be NULL. */
enum gw_err gw_wanted_freeze(const struct gw_wanted *wanted, struct gw_snapshot *previous, struct gw_errors *errors,
                             struct gw_snapshot **ret_snapshot);
/* Takes over `fresh`, unless the previous snapshot (may be NULL) has the very same: then that one goes on living. */
void gw_wanted_add(struct gw_snapshot_builder *builder, const struct gw_snapshot *previous, struct gw_resource *fresh);
/* Routes that are the same as in the previous snapshot (may be NULL) are not encoded again. */
struct gw_resource *gw_wanted_encode_routes(const struct gw_route_config *config, const struct gw_snapshot *previous);

/* What nodes of each group get out of `everything`, in which listeners and routes are those of all other nodes; ret_snapshots[0] is for
 * those. Clusters that only other groups' routes name are left out, and so is what only those clusters name. `previous` (count + 1; each
 * may be NULL) are the snapshots of before. GW_ERR_INVALID with mistakes, and none is made (group_builder.c). */
enum gw_err gw_groups_freeze(struct gw_snapshot *everything, const struct gw_node_group *groups, uint32_t count,
                             struct gw_snapshot *const *previous, struct gw_errors *errors, struct gw_snapshot **ret_snapshots);

#endif
