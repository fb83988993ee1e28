/* Why: the standard gRPC health service (grpc.health.v1): Check and Watch, without a token.
 * Life: gw_health_service_new … gw_health_service_free (after the rpc server has stopped).
 * Thread: the loop's own. */
#ifndef GW_COMMON_RPC_SERVICES_HEALTH_H
#define GW_COMMON_RPC_SERVICES_HEALTH_H

#include <stdbool.h>

#include "common/base/str.h"
#include "common/rpc_services/service_set.h"

struct gw_health_service;

/* The service "" (the whole server) is there from the start, and is not serving. */
struct gw_health_service *gw_health_service_new(void);
void gw_health_service_free(struct gw_health_service *health);
/* Adds the service or changes it; those who watch it are told. */
void gw_health_service_set(struct gw_health_service *health, struct gw_str service, bool is_serving);
void gw_health_service_add_to(struct gw_health_service *health, struct gw_rpc_service_set *set);

#endif
