/* Why: envoy.service.status.v3.ClientStatusDiscoveryService on the admin port: what each node was told and made of it, for tools of the xDS
 * world. Every call needs what gateway.admin.v1.Admin needs.
 * Life: gw_csds_service_new … gw_csds_service_free (after the rpc server has stopped). The API, nodes and cache are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_CSDS_SERVICE_H
#define GW_CONTROLPLANE_API_CSDS_SERVICE_H

#include "controlplane/api/admin_api.h"

/* What one answer holds: beyond it the call ends with RESOURCE_EXHAUSTED, and says what to ask for instead. */
#define GW_CSDS_CONFIGS_MAX 100000u
#define GW_CSDS_CONTENT_BYTES_MAX ((size_t)3 << 20)

struct gw_csds_service;

struct gw_csds_service *gw_csds_service_new(struct gw_admin_api *api, struct gw_node_table *nodes, struct gw_snapshot_cache *cache);
void gw_csds_service_free(struct gw_csds_service *service);
void gw_csds_service_add_to(struct gw_csds_service *service, struct gw_rpc_service_set *set);

#endif
