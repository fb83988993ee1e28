/* Why: the admin gRPC API (gateway.admin.v1) with bearer token, gRPC health and reflection; and the agent service on the xDS port.
 * Life: gw_admin_api_new … gw_admin_api_free (after the rpc servers have stopped).
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_API_H
#define GW_CONTROLPLANE_API_ADMIN_API_H

#include "common/rpc/server.h"

struct gw_admin_api;

#endif
