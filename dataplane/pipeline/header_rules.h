/* Why: what routes add to heads and remove from them. Values with operators are compiled, each text once; routes without changes cost
 * nothing.
 * Life: gw_header_rules_build … gw_header_rules_free; borrows the route configuration.
 * Thread: built on main, frozen; apply is the stream's worker's. */
#ifndef GW_DATAPLANE_PIPELINE_HEADER_RULES_H
#define GW_DATAPLANE_PIPELINE_HEADER_RULES_H

#include "common/base/err.h"
#include "common/message/headers.h"
#include "common/model/route.h"

struct gw_header_rules;
struct gw_stream;

/* GW_ERR_INVALID with a mistake for each operator that is none; *ret_rules is NULL when no value has operators. */
enum gw_err gw_header_rules_build(const struct gw_route_config *config, struct gw_errors *errors, struct gw_header_rules **ret_rules);
void gw_header_rules_free(struct gw_header_rules *rules);

/* The changes of the stream's route, which has some, to the request's head on its way to the service or to the answer's, in Envoy's order:
 * removed; then all values are worked out by what is there; then overwritten, then added. A value that could not stand in a head (RFC 9110
 * section 5.5) adds nothing. */
void gw_header_rules_apply(struct gw_stream *stream, bool is_response, struct gw_headers *headers);

#endif
