/* Why: explain's question and answer, from the wire and onto it.
 * Life: results lie in the arena given, and point into what was given.
 * Thread: any.
 * Source: gateway.dataplane.v1.ExplainRequest, ExplainResponse. */
#ifndef GW_COMMON_XDS_EXPLANATION_H
#define GW_COMMON_XDS_EXPLANATION_H

#include <gateway/dataplane/v1/explain.pb-c.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/explanation.h"

#define GW_EXPLAIN_CLAIMS_BYTES_MAX ((size_t)64 * 1024)

/* GW_ERR_INVALID: the identity's claims are no JSON object; *ret_problem says so. */
enum gw_err gw_xds_decode_explain_request(const Gateway__Dataplane__V1__ExplainRequest *message, struct gw_arena *arena,
                                          struct gw_explain_request *ret_request, const char **ret_problem);
Gateway__Dataplane__V1__ExplainResponse *gw_xds_encode_explanation(const struct gw_explanation *explanation, struct gw_arena *arena);
/* Says of which nodes it is: those of `cluster`, if it is among `groups`, whose nodes have routes of their own; else those of no group. */
void gw_xds_explanation_set_nodes(Gateway__Dataplane__V1__ExplainResponse *answer, struct gw_str cluster, const struct gw_str *groups,
                                  uint32_t count, struct gw_arena *arena);

#endif
