/* Why: what serves, as JSON for people: resources with their versions, clusters with their endpoints, listeners with their addresses.
 * Life: no objects kept.
 * Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_DUMP_H
#define GW_DATAPLANE_ADMIN_DUMP_H

#include "dataplane/admin/admin_http.h"

/* {"node", "version", "source", "age_ms", "updated", "listeners", "route_configs", "clusters", "endpoints", "secrets", "refused"}. */
void gw_dump_config(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us, struct gw_json_writer *json);
/* {"clusters": [{"name", "kind", …, "endpoints": [{"address", "weight", "priority", "healthy"}]}]}; names with what they resolve to. */
void gw_dump_clusters(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us, struct gw_json_writer *json);
/* {"message", "node", "ready", "draining", "version", …, "complete", "dependencies": [{"name", "address", "up", "needed", "latency_ms",
 * "trouble"}]}; with "error": 503 while it is not ready. */
void gw_dump_ready(const struct gw_admin_state *state, uint64_t now_us, struct gw_json_writer *json);
/* {"listeners": [{"name", "address", "bound"}]}. */
void gw_dump_listeners(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us,
                       struct gw_json_writer *json);

#endif
