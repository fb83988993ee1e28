/* Why: one question on its way through explain.c, explain_filters.c and explain_route.c.
 * Life: on the stack of gw_explainer_run; what it points to lies in its arena.
 * Thread: one at a time. */
#ifndef GW_COMMON_ROUTING_EXPLAIN_RUN_H
#define GW_COMMON_ROUTING_EXPLAIN_RUN_H

#include "common/model/listener.h"
#include "common/net/address.h"
#include "common/routing/explain.h"
#include "common/routing/route_table.h"

#define GW_EXPLAIN_ASSUMPTIONS_MAX 16u

struct gw_explain_run {
  const struct gw_explain_request *request;
  const struct gw_snapshot *snapshot;
  const struct gw_listener *listener;
  const struct gw_route_table *table; /* NULL: the listener has no routes */
  struct gw_arena *arena;
  struct gw_request_head head;
  struct gw_address client;
  struct gw_route_hit hit;
  const struct gw_json_value *claims; /* of who was let in; NULL: nobody is known (yet) */
  struct gw_str claims_key;           /* where access rules find them */
  struct gw_str plan;
  struct gw_explain_step *steps;
  struct gw_str *assumptions;
  struct gw_explanation *out;
};

/* The step's words are kept; steps beyond GW_EXPLAIN_STEPS_MAX are not, but for the last one. */
void gw_explain_add(struct gw_explain_run *run, struct gw_str filter, struct gw_str rule, enum gw_explain_verdict verdict,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* It ends here, with that status and detail. Returns true. */
bool gw_explain_answer(struct gw_explain_run *run, struct gw_str filter, struct gw_str rule, uint32_t status, struct gw_str detail,
                       const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Said once. */
void gw_explain_assume(struct gw_explain_run *run, const char *sentence);

/* What the filter asks. True: the request is answered. The router is not among them. */
bool gw_explain_filter(struct gw_explain_run *run, const struct gw_http_filter *filter);
/* The routes that do not win. */
void gw_explain_candidates(struct gw_explain_run *run);
/* What the route does, or what becomes of who has none: the end. */
void gw_explain_route(struct gw_explain_run *run);

#endif
