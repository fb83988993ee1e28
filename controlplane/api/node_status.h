/* Why: what the admin API says of nodes, of those that are connected here, and, out of the store, of those of other control planes.
 * Life: in the arena given.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_NODE_STATUS_H
#define GW_CONTROLPLANE_API_NODE_STATUS_H

#include <gateway/admin/v1/admin.pb-c.h>

#include "controlplane/api/admin_reply.h"

/* Without what changes all the time: ages, counters. */
Gateway__Admin__V1__NodeStatus *gw_node_status_brief(struct gw_arena *arena, const struct gw_node *node,
                                                     const struct gw_snapshot_cache *cache);
/* All nodes of the fleet, and its control planes. */
void gw_node_status_add_all(const struct gw_admin_request *request, Gateway__Admin__V1__GetStatusResponse *reply);

/* NULL: "". */
char *gw_node_status_text(struct gw_arena *arena, const char *text);
uint64_t gw_node_status_age_ms(uint64_t now_us, uint64_t since_us);

#endif
