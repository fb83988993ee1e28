/* Why: several gRPC services on one port: their methods, each with the object that it belongs to, in one table for gw_rpc_server_new.
 * Life: embedded (init/done); outlives the server that was given its table. What is added is copied.
 * Thread: one at a time. */
#ifndef GW_COMMON_RPC_SERVICES_SERVICE_SET_H
#define GW_COMMON_RPC_SERVICES_SERVICE_SET_H

#include "common/rpc/server.h"

struct gw_rpc_service_set {
  struct gw_rpc_method *methods;
  size_t count;
};

void gw_rpc_service_set_init(struct gw_rpc_service_set *set);
void gw_rpc_service_set_done(struct gw_rpc_service_set *set);
/* `arg` is what on_open of these methods gets. */
void gw_rpc_service_set_add(struct gw_rpc_service_set *set, const struct gw_rpc_method *methods, size_t count, void *arg);

#endif
