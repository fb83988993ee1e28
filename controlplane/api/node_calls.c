#include "controlplane/api/node_calls.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/xds/wire.h"

/* A session that does not read what it is sent is not sent more. */
#define SESSION_PENDING_MAX ((size_t)2 * GW_NODE_CALLS_MAX)

struct gw_node_calls {
  struct gw_loop *loop;
  struct gw_list sessions; /* newest first */
  uint32_t running_count;
  uint64_t last_id;
};

struct gw_node_call {
  struct gw_list link; /* of its session's waiting */
  struct gw_node_calls *calls;
  uint64_t id;
  struct gw_timer timer;
  gw_node_call_fn fn;
  void *arg;
};

struct gw_node_calls *gw_node_calls_new(struct gw_loop *loop) {
  struct gw_node_calls *calls = gw_calloc(1, sizeof(*calls));
  calls->loop = loop;
  gw_list_init(&calls->sessions);
  return calls;
}

void gw_node_calls_free(struct gw_node_calls *calls) {
  if (calls == NULL) return;
  GW_ASSERT(gw_list_is_empty(&calls->sessions) && calls->running_count == 0);
  free(calls);
}

/* ---- calls ---- */

void gw_node_call_cancel(struct gw_node_call *call) {
  if (call == NULL) return;
  gw_timer_stop(&call->timer);
  gw_list_remove(&call->link);
  call->calls->running_count--;
  free(call);
}

static void finish(struct gw_node_call *call, int code, const char *message, struct gw_str response) {
  call->fn(call->arg, code, message, response);
  gw_node_call_cancel(call);
}

static void on_time_over(struct gw_timer *timer) {
  struct gw_node_call *call = GW_CONTAINER_OF(timer, struct gw_node_call, timer);
  finish(call, GW_RPC_DEADLINE_EXCEEDED, "the data plane did not answer in time", (struct gw_str){NULL, 0});
}

static struct gw_node_session *find_session(const struct gw_node_calls *calls, struct gw_str node_id) {
  GW_LIST_FOR_EACH(item, &calls->sessions) {
    struct gw_node_session *session = GW_LIST_ITEM(item, struct gw_node_session, link);
    if (gw_str_equal(gw_str_from(session->node->id), node_id)) return session;
  }
  return NULL;
}

static void send(struct gw_node_session *session, uint64_t id, const char *method, struct gw_str request) {
  Gateway__Agent__V1__Call call = GATEWAY__AGENT__V1__CALL__INIT;
  call.call_id = id;
  call.method = (char *)(uintptr_t)method;
  call.request = (ProtobufCBinaryData){.len = request.len, .data = (uint8_t *)(uintptr_t)request.data};
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_CALL;
  message.call = &call;
  struct gw_bytes *bytes = gw_wire_pack(&message.base);
  gw_rpc_stream_send(session->stream, &bytes, 1);
  gw_bytes_unref(bytes);
}

enum gw_err gw_node_call_start(struct gw_node_calls *calls, struct gw_str node_id, const char *method, struct gw_str request,
                               gw_node_call_fn fn, void *arg, struct gw_node_call **ret_call) {
  struct gw_node_session *session = find_session(calls, node_id);
  if (session == NULL) return GW_ERR_NOT_FOUND;
  if (calls->running_count >= GW_NODE_CALLS_MAX) return GW_ERR_LIMIT;
  return gw_node_session_call(session, method, request, GW_NODE_CALL_WAIT_MS, fn, arg, ret_call);
}

enum gw_err gw_node_session_call(struct gw_node_session *session, const char *method, struct gw_str request, uint64_t wait_ms,
                                 gw_node_call_fn fn, void *arg, struct gw_node_call **ret_call) {
  struct gw_node_calls *calls = session->calls;
  if (gw_rpc_stream_pending(session->stream) >= SESSION_PENDING_MAX) return GW_ERR_LIMIT;
  struct gw_node_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_node_call){.calls = calls, .id = ++calls->last_id, .fn = fn, .arg = arg};
  gw_timer_init(&call->timer, on_time_over);
  gw_timer_start(calls->loop, &call->timer, wait_ms);
  gw_list_add_last(&session->waiting, &call->link);
  calls->running_count++;
  send(session, call->id, method, request);
  *ret_call = call;
  return GW_OK;
}

/* ---- sessions ---- */

struct gw_node_session *gw_node_calls_next(const struct gw_node_calls *calls, const struct gw_node_session *session) {
  const struct gw_list *head = &calls->sessions;
  for (const struct gw_list *at = session != NULL ? session->link.next : head->next; at != head; at = at->next) {
    struct gw_node_session *one = GW_LIST_ITEM(at, struct gw_node_session, link);
    if (!one->is_replaced) return one;
  }
  return NULL;
}

void gw_node_session_add(struct gw_node_calls *calls, struct gw_node_session *session, struct gw_rpc_stream *stream,
                         const struct gw_node *node) {
  *session = (struct gw_node_session){.calls = calls, .stream = stream, .node = node};
  gw_list_init(&session->waiting);
  GW_LIST_FOR_EACH(item, &calls->sessions) {
    struct gw_node_session *older = GW_LIST_ITEM(item, struct gw_node_session, link);
    if (older->node == node) older->is_replaced = true;
  }
  gw_list_add_first(&calls->sessions, &session->link);
}

/* Of several data planes with one id the newest that is left is the one that is called. */
static void hand_over(const struct gw_node_session *gone) {
  GW_LIST_FOR_EACH(item, &gone->calls->sessions) {
    struct gw_node_session *other = GW_LIST_ITEM(item, struct gw_node_session, link);
    if (other->node != gone->node) continue;
    other->is_replaced = false;
    return;
  }
}

void gw_node_session_remove(struct gw_node_session *session) {
  if (!gw_list_is_linked(&session->link)) return;
  gw_list_remove(&session->link);
  if (!session->is_replaced) hand_over(session);
  GW_LIST_FOR_EACH(item, &session->waiting) {
    finish(GW_LIST_ITEM(item, struct gw_node_call, link), GW_RPC_UNAVAILABLE, "the data plane has left", (struct gw_str){NULL, 0});
  }
}

void gw_node_session_on_answer(struct gw_node_session *session, const Gateway__Agent__V1__Answer *answer) {
  if (!gw_list_is_linked(&session->link)) return;
  GW_LIST_FOR_EACH(item, &session->waiting) {
    struct gw_node_call *call = GW_LIST_ITEM(item, struct gw_node_call, link);
    if (call->id != answer->call_id) continue;
    int code = answer->code <= GW_RPC_UNAUTHENTICATED ? (int)answer->code : GW_RPC_UNKNOWN;
    finish(call, code, answer->message, (struct gw_str){(const char *)answer->response.data, answer->response.len});
    return;
  }
}
