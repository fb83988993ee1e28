/* Why: what nodes of one cluster (--node-cluster) get in place of the listeners and routes of all others.
 * Life: a value; borrows.
 * Thread: any. */
#ifndef GW_COMMON_MODEL_NODE_GROUP_H
#define GW_COMMON_MODEL_NODE_GROUP_H

#include "common/model/listener.h"
#include "common/model/route.h"

/* A snapshot is made for each, and a set of them fits into 64 bits. */
#define GW_NODE_GROUPS_MAX 32u

struct gw_node_group {
  struct gw_str name; /* of the cluster */
  const struct gw_listener *listeners;
  uint32_t listener_count;
  const struct gw_route_config *route_configs;
  uint32_t route_config_count;
};

#endif
