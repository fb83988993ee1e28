/* Why: a node as both protocols' requests carry it.
 * Life: decoded strings stay where protobuf-c put them; what is encoded lives in the arena given.
 * Thread: any; no state. */
#ifndef GW_COMMON_XDS_DISCOVERY_NODE_H
#define GW_COMMON_XDS_DISCOVERY_NODE_H

#include "common/base/arena.h"
#include "common/xds/discovery.h"
#include "envoy/config/core/v3/base.pb-c.h"

void gw_xds_node_decode(const Envoy__Config__Core__V3__Node *message, struct gw_xds_node *ret_node);
Envoy__Config__Core__V3__Node *gw_xds_node_encode(struct gw_arena *arena, const struct gw_xds_node *node);

#endif
