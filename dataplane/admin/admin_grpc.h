/* Why: the admin gRPC port: gateway.dataplane.v1.DataPlane for who shows the token, health (serving while the node is ready) and
 * reflection. Life: gw_admin_grpc_new … gw_admin_grpc_stop (asynchronous) … gw_admin_grpc_free. Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_ADMIN_GRPC_H
#define GW_DATAPLANE_ADMIN_ADMIN_GRPC_H

#include "common/net/address.h"
#include "common/rpc/rpc.h"
#include "dataplane/admin/node_methods.h"

struct gw_admin_grpc;

/* `token` (borrowed): what every call of DataPlane needs; empty: they are refused. GW_ERR_IO: the address can't be bound. */
enum gw_err gw_admin_grpc_new(struct gw_rpc *rpc, const struct gw_address *listen, struct gw_str token, struct gw_node_methods *methods,
                              struct gw_admin_grpc **ret_grpc);
uint16_t gw_admin_grpc_port(const struct gw_admin_grpc *grpc);
void gw_admin_grpc_set_ready(struct gw_admin_grpc *grpc, bool is_ready);
void gw_admin_grpc_stop(struct gw_admin_grpc *grpc, void (*fn)(void *arg), void *arg);
void gw_admin_grpc_free(struct gw_admin_grpc *grpc);

#endif
