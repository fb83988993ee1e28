/* Why: asks all workers what they remember of requests with an id, and says it when the last one has answered, or has been silent too long.
 * Life: gw_failure_search_new … gw_failure_search_free (searches under way are dropped).
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_FAILURE_SEARCH_H
#define GW_DATAPLANE_SERVER_FAILURE_SEARCH_H

#include "common/event/loop.h"
#include "dataplane/pipeline/failure_ring.h"
#include "dataplane/xds_client/xds_client.h"

/* A worker that is stuck for so long is counted as silent. */
#define GW_FAILURE_SEARCH_BOUND_MS 1000
/* At once; more are answered with nothing but silent workers. */
#define GW_FAILURE_SEARCHES_MAX 64u

struct gw_failure_search;

struct gw_failure_search_calls {
  /* Answered with gw_failure_search_on_found. */
  void (*ask)(void *arg, uint32_t worker_index, uint64_t search, struct gw_str request_id);
  /* `records` are borrowed, in the order of time. */
  void (*on_done)(void *arg, struct gw_agent_query query, const struct gw_failure_record *const *records, uint32_t count,
                  uint32_t silent_workers);
  void *arg;
};

struct gw_failure_search *gw_failure_search_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_failure_search_calls *calls);
void gw_failure_search_free(struct gw_failure_search *searches);
void gw_failure_search_start(struct gw_failure_search *searches, struct gw_agent_query query, struct gw_str request_id);
/* What one worker answered; `list` is taken over. */
void gw_failure_search_on_found(struct gw_failure_search *searches, uint64_t search, struct gw_failure_list *list);

#endif
