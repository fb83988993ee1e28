/* Why: calls of data planes' own admin API (gateway.dataplane.v1.DataPlane) over their agent sessions: the control plane never dials one.
 * Life: gw_node_calls_new … gw_node_calls_free, once no session and no call is left. A session is embedded in who owns its stream (add …
 * remove). A call lives until its answer was told or it is cancelled.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_NODE_CALLS_H
#define GW_CONTROLPLANE_API_NODE_CALLS_H

#include <gateway/agent/v1/agent.pb-c.h>

#include "common/base/list.h"
#include "common/event/loop.h"
#include "common/rpc/rpc.h"
#include "controlplane/snapshot/node_table.h"

#define GW_NODE_CALLS_MAX 64u     /* at once */
#define GW_NODE_CALL_WAIT_MS 5000 /* for the data plane */

struct gw_node_calls;
struct gw_node_calls *gw_node_calls_new(struct gw_loop *loop);
void gw_node_calls_free(struct gw_node_calls *calls);

/* A data plane that can be called; embedded, zeroed. */
struct gw_node_session {
  struct gw_node_calls *calls;
  struct gw_list link; /* in no list: not called */
  struct gw_list waiting;
  bool is_replaced; /* by a newer one of the same node */
  const struct gw_node *node;
  struct gw_rpc_stream *stream;
};
/* From now on it can be called. What is given is borrowed until remove. Of several with one id the newest is. */
void gw_node_session_add(struct gw_node_calls *calls, struct gw_node_session *session, struct gw_rpc_stream *stream,
                         const struct gw_node *node);
/* Its calls end with UNAVAILABLE. Harmless on one that was never added. */
void gw_node_session_remove(struct gw_node_session *session);
/* What it says. To a call that it was not asked, or that is over: ignored. */
void gw_node_session_on_answer(struct gw_node_session *session, const Gateway__Agent__V1__Answer *answer);

/* Each node's newest session: from NULL on until NULL. */
struct gw_node_session *gw_node_calls_next(const struct gw_node_calls *calls, const struct gw_node_session *session);

struct gw_node_call;
/* `code`: a gw_rpc_code; with GW_RPC_OK `response` has the answer's bytes, else `message` is a sentence. All is gone after the call. */
typedef void (*gw_node_call_fn)(void *arg, int code, const char *message, struct gw_str response);
/* fn is called once, not before this has returned. GW_ERR_NOT_FOUND: no such node has an agent session here; GW_ERR_LIMIT:
 * GW_NODE_CALLS_MAX are under way, or the node does not read. */
enum gw_err gw_node_call_start(struct gw_node_calls *calls, struct gw_str node_id, const char *method, struct gw_str request,
                               gw_node_call_fn fn, void *arg, struct gw_node_call **ret_call);
/* The same of one session, however many are under way: for who bounds that. GW_ERR_LIMIT: the node does not read. */
enum gw_err gw_node_session_call(struct gw_node_session *session, const char *method, struct gw_str request, uint64_t wait_ms,
                                 gw_node_call_fn fn, void *arg, struct gw_node_call **ret_call);
/* Without an answer. */
void gw_node_call_cancel(struct gw_node_call *call);

#endif
