/* Why: who may be which node. A node's client certificate says it, by a URI among its subject alternative names:
 * spiffe://DOMAIN/gateway/CLUSTER/NODE, where * stands for any. On plaintext nobody proves anything, and so gets no secrets.
 * Life: no objects. Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_NODE_PERMISSION_H
#define GW_CONTROLPLANE_SNAPSHOT_NODE_PERMISSION_H

#include <stdbool.h>

#include "common/rpc/server.h"

/* Whether the holder of that URI may be that node. Any trust domain: whose certificates count is for the CA to decide. CLUSTER and NODE
 * are compared byte by byte, nothing is decoded. */
bool gw_node_permission_covers(struct gw_str uri, struct gw_str id, struct gw_str cluster);

/* For a stream whose first message says so. GW_ERR_DENIED: *ret_reason is a sentence that says what is wanted, freed by the caller. */
enum gw_err gw_node_permission_check(const struct gw_rpc_stream *stream, struct gw_str id, struct gw_str cluster,
                                     bool *ret_may_have_secrets, char **ret_reason);

#endif
