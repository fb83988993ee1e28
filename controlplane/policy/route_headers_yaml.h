/* Why: `request_headers` and `response_headers` of a route: what it sets, adds and removes.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ROUTE_HEADERS_YAML_H
#define GW_CONTROLPLANE_POLICY_ROUTE_HEADERS_YAML_H

#include "common/model/route.h"
#include "controlplane/policy/reader.h"

/* `key`: "request_headers" or "response_headers". NULL after a mistake. */
const struct gw_header_changes *gw_header_changes_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *key,
                                                       bool is_response);

/* ASCII lower case, in the arena. */
struct gw_str gw_policy_lower(struct gw_arena *arena, struct gw_str text);

#endif
