/* Why: the one truth of a process about how many requests of a cluster are under way and how many of those are retries, so that a service
 * that fails is not made to fail by retries (CircuitBreakers.Thresholds.RetryBudget).
 * Life: ref-counted: the frozen clusters of one name hand it on from configuration to configuration, workers hold it beside.
 * Thread: any; counting is one uncontended atomic, since each worker has a place of its own. */
#ifndef GW_DATAPLANE_CLUSTER_RETRY_BUDGET_H
#define GW_DATAPLANE_CLUSTER_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/retry.h"

struct gw_retry_budget;

struct gw_retry_budget *gw_retry_budget_new(void);
struct gw_retry_budget *gw_retry_budget_ref(struct gw_retry_budget *budget);
void gw_retry_budget_unref(struct gw_retry_budget *budget);

/* Where one worker counts. */
uint32_t gw_retry_budget_take_place(struct gw_retry_budget *budget);
/* A client's request that may be retried begins, and ends: with all its tries it is one. */
void gw_retry_budget_begin(struct gw_retry_budget *budget, uint32_t place);
void gw_retry_budget_end(struct gw_retry_budget *budget, uint32_t place);
/* One of them becomes a retry, until gw_retry_budget_give_back. Allowed are, at the same time, `min_concurrency` and `percent` of the
 * requests that are none (Envoy's rule, but of the others: a service gets at most 1.2 times what was asked for, not 1.25), and besides
 * over time `percent` of the requests that begin: a quick service has few requests at the same time, and retries that wait for their turn
 * would use them up. `min_concurrency` is not for an outage: after some retries in a row that brought nothing it waits for one that does,
 * unless `percent` is 0. false: none of these. */
bool gw_retry_budget_take(struct gw_retry_budget *budget, const struct gw_retry_budget_limits *limits);
/* What a retry brought: an answer that was wanted, or not. */
void gw_retry_budget_judge(struct gw_retry_budget *budget, bool was_good);
void gw_retry_budget_give_back(struct gw_retry_budget *budget);
uint32_t gw_retry_budget_active(const struct gw_retry_budget *budget);

#endif
