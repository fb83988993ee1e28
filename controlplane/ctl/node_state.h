/* Why: the words for a node's state, as status and get nodes show them.
 * Life: constants.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CTL_NODE_STATE_H
#define GW_CONTROLPLANE_CTL_NODE_STATE_H

/* `state`: a gateway.admin.v1.NodeStatus.State. */
const char *gw_node_state_name(int state);

#endif
