/* Why: the admin gRPC port: health (serving while the node is ready) and reflection.
 * Life: gw_admin_grpc_new … gw_admin_grpc_stop (asynchronous) … gw_admin_grpc_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_ADMIN_GRPC_H
#define GW_DATAPLANE_ADMIN_ADMIN_GRPC_H

#include "common/net/address.h"
#include "common/rpc/rpc.h"

struct gw_admin_grpc;

/* GW_ERR_IO: the address can't be bound. */
enum gw_err gw_admin_grpc_new(struct gw_rpc *rpc, const struct gw_address *listen, struct gw_admin_grpc **ret_grpc);
uint16_t gw_admin_grpc_port(const struct gw_admin_grpc *grpc);
void gw_admin_grpc_set_ready(struct gw_admin_grpc *grpc, bool is_ready);
void gw_admin_grpc_stop(struct gw_admin_grpc *grpc, void (*fn)(void *arg), void *arg);
void gw_admin_grpc_free(struct gw_admin_grpc *grpc);

#endif
