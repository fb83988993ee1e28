/* Why: gRPC's proxyless clients resolve xds:///SERVICE by a listener of that name. Nobody writes these: each cluster has one, made when
 * it is first asked for, with a route configuration "service/SERVICE" that sends all to the cluster.
 * Life: gw_api_listeners_new … gw_api_listeners_free; what is found is borrowed until gw_api_listeners_trim or free.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_API_LISTENER_H
#define GW_CONTROLPLANE_SNAPSHOT_API_LISTENER_H

#include "common/model/snapshot.h"

struct gw_api_listeners;

struct gw_api_listeners *gw_api_listeners_new(void);
void gw_api_listeners_free(struct gw_api_listeners *listeners);
/* The listener NAME or the route configuration "service/NAME" when the snapshot has a cluster NAME; else NULL. */
struct gw_resource *gw_api_listeners_find(struct gw_api_listeners *listeners, const struct gw_snapshot *snapshot,
                                          enum gw_resource_type type, struct gw_str name);
/* Drops those whose cluster is not in the snapshot. */
void gw_api_listeners_trim(struct gw_api_listeners *listeners, const struct gw_snapshot *snapshot);

#endif
