/* Why: serves the snapshot cache with ADS, state-of-the-world and incremental: nonces, ACK, NACK, re-requests, make-before-break order,
 * slow readers coalesced. Life: gw_ads_server_new … gw_ads_server_free (after the rpc server has stopped). Thread: the control plane's
 * loop. */
#ifndef GW_CONTROLPLANE_ADS_ADS_SERVER_H
#define GW_CONTROLPLANE_ADS_ADS_SERVER_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/rpc/server.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"

struct gw_ads_server;

struct gw_ads_server *gw_ads_server_new(struct gw_loop *loop, struct gw_snapshot_cache *cache, struct gw_node_table *nodes,
                                        struct gw_log *log);
void gw_ads_server_free(struct gw_ads_server *server);
/* The methods to put on the xDS port; on_open's arg is the gw_ads_server. */
const struct gw_rpc_method *gw_ads_server_methods(size_t *ret_count);

#endif
