/* Why: which requests the gateway answers itself, before routes are looked for. Pure, the proxy's and explain's alike.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_OWN_ENDPOINT_H
#define GW_COMMON_ROUTING_OWN_ENDPOINT_H

#include "common/message/message.h"
#include "common/model/filter.h"

enum gw_own_endpoint { GW_OWN_ENDPOINT_NONE, GW_OWN_ENDPOINT_HEALTH, GW_OWN_ENDPOINT_READY, GW_OWN_ENDPOINT_METRICS };
enum gw_own_endpoint gw_own_endpoint_find(const struct gw_node_endpoints *model, const struct gw_request_head *head);

#endif
