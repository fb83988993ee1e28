/* Why: asks data planes over their agent sessions what they remember of a request that failed, and gathers what they say.
 * Life: gw_failure_queries_new … gw_failure_queries_free, once no source and no query is left. A source is embedded in its session (add …
 * remove). A query lives until its answer was told or it is cancelled.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_FAILURE_QUERY_H
#define GW_CONTROLPLANE_API_FAILURE_QUERY_H

#include <gateway/admin/v1/admin.pb-c.h>

#include "common/base/list.h"
#include "common/event/loop.h"
#include "common/rpc/rpc.h"
#include "controlplane/snapshot/node_table.h"

#define GW_FAILURE_REQUEST_ID_MAX 256u /* bytes */
#define GW_FAILURE_QUERIES_MAX 32u     /* at once */
#define GW_FAILURE_QUERY_WAIT_MS 2000u /* for data planes; who has not answered by then is silent */
/* What is kept of an answer, whatever nodes send: so many failures of a node (its newest), so many in all, in so many bytes. What is
 * beyond is counted as left out. */
#define GW_FAILURES_PER_NODE_MAX 32u
#define GW_FAILURES_MAX 256u
#define GW_FAILURES_BYTES_MAX ((size_t)1024 * 1024)
/* And of one failure: longer texts are cut, tries between the first ones and the last are passed over, unknown fields dropped. */
#define GW_FAILURE_TEXT_MAX 1024u /* bytes */
#define GW_FAILURE_ATTEMPTS_MAX 16u

struct gw_failure_queries;
struct gw_failure_queries *gw_failure_queries_new(struct gw_loop *loop);
void gw_failure_queries_free(struct gw_failure_queries *queries);

/* A data plane that can be asked; embedded in its session, zeroed. */
struct gw_failure_query_source {
  struct gw_failure_queries *queries;
  struct gw_list link; /* in no list: not asked */
  struct gw_list asks; /* what it has not answered yet */
  const struct gw_node *node;
  const char *instance_id;
  struct gw_rpc_stream *stream;
};
/* From now on it is asked. What is given is borrowed until remove. An older session of the same process (a connection that was lost and
 * whose end has not been seen) is asked no more. */
void gw_failure_query_source_add(struct gw_failure_queries *queries, struct gw_failure_query_source *source, struct gw_rpc_stream *stream,
                                 const struct gw_node *node, const char *instance_id);
/* Counts as silent where it is still waited for. Harmless on one that was never added. */
void gw_failure_query_source_remove(struct gw_failure_query_source *source);
/* What it says. To a query that it was not asked, or that is over, or a second time: ignored. What is too long is cut in `found`. */
void gw_failure_query_source_on_found(struct gw_failure_query_source *source, Gateway__Agent__V1__FoundFailures *found);

struct gw_failure_query;
/* The answer is gone after the call, and so is the query. */
typedef void (*gw_failure_query_fn)(void *arg, const Gateway__Admin__V1__FindFailuresResponse *answer);
/* Asks all sources; fn is called once, not before this has returned. GW_ERR_INVALID: a request id has 1 to GW_FAILURE_REQUEST_ID_MAX bytes;
 * GW_ERR_LIMIT: GW_FAILURE_QUERIES_MAX are under way. */
enum gw_err gw_failure_query_start(struct gw_failure_queries *queries, const char *request_id, gw_failure_query_fn fn, void *arg,
                                   struct gw_failure_query **ret_query);
/* Without an answer. */
void gw_failure_query_cancel(struct gw_failure_query *query);

#endif
