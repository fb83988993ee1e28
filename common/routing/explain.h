/* Why: says what becomes of a request, and by which rule, without making it: which route wins and why the others don't, what each filter of
 * the listener asks in its order, which service it goes to. The route table, the access rules and the other parts of this folder that the
 * proxy runs are run here.
 * What only time or a service can tell is not looked at: how much is left of limits, circuit breakers, health, bodies; what is taken for
 * granted is said (assumptions).
 * Life: gw_explainer_new … gw_explainer_free; holds a reference on its snapshot, and compiles route configurations when they are first
 * asked for.
 * Thread: one at a time. */
#ifndef GW_COMMON_ROUTING_EXPLAIN_H
#define GW_COMMON_ROUTING_EXPLAIN_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/explanation.h"
#include "common/model/snapshot.h"

struct gw_explainer;

struct gw_explainer *gw_explainer_new(struct gw_snapshot *snapshot);
void gw_explainer_free(struct gw_explainer *explainer);
const struct gw_snapshot *gw_explainer_snapshot(const struct gw_explainer *explainer);

/* The explanation is in `arena`, and points into the snapshot. GW_ERR_INVALID: the question makes no sense; GW_ERR_NOT_FOUND: there is no
 * such listener. *ret_problem is then a sentence in `arena`. */
enum gw_err gw_explainer_run(struct gw_explainer *explainer, const struct gw_explain_request *request, struct gw_arena *arena,
                             struct gw_explanation *ret_explanation, const char **ret_problem);

#endif
