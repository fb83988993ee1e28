/* Why: `node_groups` of routes and listeners: which nodes they are for, by the cluster that a node says it is of (--node-cluster).
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_NODE_GROUPS_YAML_H
#define GW_CONTROLPLANE_POLICY_NODE_GROUPS_YAML_H

#include "controlplane/policy/reader.h"

struct gw_node_groups {
  const struct gw_str *names; /* sorted, none twice; none: all nodes */
  uint32_t count;
};

/* The value of `node_groups`: a name or a list of them. */
void gw_node_groups_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_node_groups *ret_groups);
/* Whether nodes of that group get it; an empty name: nodes of no group that is named anywhere. */
bool gw_node_groups_take(const struct gw_node_groups *groups, struct gw_str name);
/* Whether some node gets both. */
bool gw_node_groups_meet(const struct gw_node_groups *a, const struct gw_node_groups *b);
/* Whether all nodes that get `b` get `a`. */
bool gw_node_groups_cover(const struct gw_node_groups *a, const struct gw_node_groups *b);
/* All names that routes and listeners of the file say, sorted; too many are a mistake. */
void gw_node_groups_find(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_node_groups *ret_names);

#endif
