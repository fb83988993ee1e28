/* Why: model values as fields of a JSON object.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_DATAPLANE_ADMIN_DUMP_MODEL_H
#define GW_DATAPLANE_ADMIN_DUMP_MODEL_H

#include "common/base/json.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"

/* One field of the object that is open. */
void gw_dump_text(struct gw_json_writer *json, const char *key, struct gw_str value);
void gw_dump_number(struct gw_json_writer *json, const char *key, uint64_t value);
void gw_dump_bool(struct gw_json_writer *json, const char *key, bool value);

/* All fields of the value, into the object that is open; names are left to the caller. */
void gw_dump_listener(struct gw_json_writer *json, const struct gw_listener *listener);
void gw_dump_listener_address(struct gw_json_writer *json, const struct gw_listener *listener);
void gw_dump_route_config(struct gw_json_writer *json, const struct gw_route_config *config);
void gw_dump_cluster(struct gw_json_writer *json, const struct gw_cluster *cluster);
void gw_dump_endpoints(struct gw_json_writer *json, const struct gw_endpoints *endpoints);
void gw_dump_endpoint(struct gw_json_writer *json, const struct gw_endpoint *endpoint);
/* "STATIC", "STRICT_DNS", "EDS" */
struct gw_str gw_dump_cluster_kind(const struct gw_cluster *cluster);

/* Name, kind and sizes: nothing of a key. */
void gw_dump_secret(struct gw_json_writer *json, const struct gw_secret *secret);

#endif
