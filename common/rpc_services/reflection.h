/* Why: gRPC server reflection (grpc.reflection v1 and v1alpha), so that grpcurl and the like need no .proto files.
 * Life: gw_reflection_service_new … gw_reflection_service_free (after the rpc server has stopped).
 * Thread: the loop's own. */
#ifndef GW_COMMON_RPC_SERVICES_REFLECTION_H
#define GW_COMMON_RPC_SERVICES_REFLECTION_H

#include "common/rpc_services/service_set.h"

struct gw_reflection_service;

/* Tells of the services in `set` and of its own, which it adds there: make it last. */
struct gw_reflection_service *gw_reflection_service_new(struct gw_rpc_service_set *set);
void gw_reflection_service_free(struct gw_reflection_service *reflection);

#endif
