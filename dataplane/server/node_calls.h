/* Why: what main answers when others ask: workers, admin ports, the agent, the xDS client, the compiler, the cache.
 * Life: tables of callbacks whose arg is the struct gw_data_plane.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_NODE_CALLS_H
#define GW_DATAPLANE_SERVER_NODE_CALLS_H

#include "dataplane/server/data_plane.h"

extern const struct gw_worker_events gw_node_worker_events;
struct gw_admin_calls gw_node_admin_calls(struct gw_data_plane *plane);
struct gw_scrape_calls gw_node_scrape_calls(struct gw_data_plane *plane);
struct gw_last_good_calls gw_node_last_good_calls(struct gw_data_plane *plane);
struct gw_keys_options gw_node_keys_options(struct gw_data_plane *plane);
/* Of plane->keep_keys. */
void gw_node_keep_keys(struct gw_timer *timer);
struct gw_agent_calls gw_node_agent_calls(struct gw_data_plane *plane);
struct gw_failure_search_calls gw_node_failure_search_calls(struct gw_data_plane *plane);

/* Of gw_compiler_options. */
void gw_node_publish(void *arg, uint32_t worker_index, struct gw_frozen *frozen, struct gw_engine_socket *sockets, uint32_t socket_count);
void gw_node_on_active(void *arg);
/* Of gw_xds_client_options. */
void gw_node_on_snapshot(void *arg, struct gw_snapshot *snapshot, bool is_complete);
void gw_node_on_check(void *arg, const struct gw_resource *resource, struct gw_errors *errors);

/* Of gw_scrape_calls (node_metrics.c). */
void gw_node_fill_metrics(void *arg, struct gw_node_metrics *metrics);

/* Workers' counters for the report, every now and then; starts over by itself. */
void gw_node_tally(struct gw_timer *timer);
/* After anything that readiness hangs on: tells workers, probes and the control plane. */
void gw_node_update_ready(struct gw_data_plane *plane);

#endif
