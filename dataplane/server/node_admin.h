/* Why: what main answers about the node itself: what is in use, what was counted, how much is logged.
 * Life: callbacks of gw_admin_calls; their arg is the struct gw_data_plane.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_NODE_ADMIN_H
#define GW_DATAPLANE_SERVER_NODE_ADMIN_H

#include "dataplane/server/data_plane.h"

void gw_node_get_limits_of(void *arg, struct gw_admin_limits *ret_limits);
void gw_node_get_counters_of(void *arg, void (*done)(void *done_arg, const struct gw_admin_counters *counters), void *done_arg);
bool gw_node_set_log_level_of(void *arg, struct gw_str level, const char **ret_previous);

#endif
