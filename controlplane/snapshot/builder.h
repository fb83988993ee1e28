/* Why: turns the wanted state (model) into a snapshot; what did not change keeps its very resource.
 * Life: no objects kept; the wanted state is the caller's.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_BUILDER_H
#define GW_CONTROLPLANE_SNAPSHOT_BUILDER_H

#include "common/base/err.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"
#include "common/model/snapshot.h"

struct gw_wanted {
  const struct gw_secret *secrets;
  uint32_t secret_count;
  const struct gw_listener *listeners;
  uint32_t listener_count;
  const struct gw_route_config *route_configs;
  uint32_t route_config_count;
  const struct gw_cluster *clusters;
  uint32_t cluster_count;
  const struct gw_endpoints *endpoints;
  uint32_t endpoints_count;
  const struct gw_resource_list *api_keys; /* holds; NULL: not known */
};

/* Encodes, checks consistency (with clusters of routes). GW_ERR_INVALID with mistakes. `previous` may be NULL. */
enum gw_err gw_wanted_freeze(const struct gw_wanted *wanted, struct gw_snapshot *previous, struct gw_errors *errors,
                             struct gw_snapshot **ret_snapshot);

#endif
