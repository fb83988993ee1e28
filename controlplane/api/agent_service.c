#include "controlplane/api/agent_service.h"

#include <gateway/agent/v1/agent.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"
#include "controlplane/api/fleet.h"
#include "controlplane/api/node_calls.h"
#include "controlplane/snapshot/node_permission.h"

#define AGENT_METHOD "/gateway.agent.v1.Agent/Session"
#define SESSIONS_MAX 10000
#define HELLO_US (10ull * 1000 * 1000) /* sessions are a bounded number: who takes one says soon who it is */
#define FLEET_CHECK_MS 1000            /* nodes without an agent come and go as well, and their streams are others' */

struct gw_agent_service {
  struct gw_loop *loop;
  struct gw_node_table *nodes;
  struct gw_log *log;
  struct gw_list sessions;
  uint32_t session_count;
  struct gw_timer fleet_check; /* runs while there are sessions */
  struct gw_failure_queries *failures;
  struct gw_node_calls *calls;
  struct gw_api_keys *keys;
  const struct gw_fleet *fleet; /* NULL: nobody else */
  uint64_t unknown_keys;
  void (*on_unknown_key)(void *arg, struct gw_str provider); /* NULL: nobody wants to know */
  void *on_unknown_key_arg;
};

struct session {
  struct gw_list node_link;
  struct gw_agent_service *service;
  struct gw_rpc_stream *stream;
  struct gw_node *node; /* NULL before hello */
  uint64_t opened_us;
  char *instance_id;
  uint32_t told_fleet_size; /* 0: not told yet */
  struct gw_failure_query_source failures;
  struct gw_node_session calls;
};

/* A slow reader gets the newest size once it has taken the one before. */
static void tell_fleet(struct session *session) {
  const struct gw_agent_service *service = session->service;
  uint32_t size = service->nodes->count + (service->fleet != NULL ? gw_fleet_others(service->fleet) : 0);
  if (session->node == NULL || session->told_fleet_size == size || gw_rpc_stream_pending(session->stream) > 0) return;
  session->told_fleet_size = size;
  Gateway__Agent__V1__Fleet fleet = GATEWAY__AGENT__V1__FLEET__INIT;
  fleet.size = size;
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FLEET;
  message.fleet = &fleet;
  gw_rpc_message_send(session->stream, &message.base);
}

static void tell_all(struct gw_agent_service *service) {
  GW_LIST_FOR_EACH(item, &service->sessions) {
    tell_fleet(GW_LIST_ITEM(item, struct session, node_link));
  }
}

static void end_silent(struct gw_agent_service *service) {
  uint64_t now_us = gw_loop_now_us(service->loop);
  GW_LIST_FOR_EACH(item, &service->sessions) {
    const struct session *session = GW_LIST_ITEM(item, struct session, node_link);
    if (session->node == NULL && now_us - session->opened_us > HELLO_US)
      gw_rpc_stream_finish(session->stream, GW_RPC_DEADLINE_EXCEEDED, "a hello is wanted within 10 s");
  }
}

static void on_fleet_check(struct gw_timer *timer) {
  struct gw_agent_service *service = GW_CONTAINER_OF(timer, struct gw_agent_service, fleet_check);
  tell_all(service);
  end_silent(service);
  gw_timer_start(service->loop, &service->fleet_check, FLEET_CHECK_MS);
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  struct gw_agent_service *service = arg;
  if (service->session_count >= SESSIONS_MAX) {
    gw_rpc_stream_finish(stream, GW_RPC_RESOURCE_EXHAUSTED, "too many agents are connected");
    return NULL;
  }
  struct session *session = gw_calloc(1, sizeof(*session));
  session->service = service;
  session->stream = stream;
  session->opened_us = gw_loop_now_us(service->loop);
  gw_list_add_last(&service->sessions, &session->node_link);
  if (service->session_count++ == 0) gw_timer_start(service->loop, &service->fleet_check, FLEET_CHECK_MS);
  return session;
}

/* Whether the client may be the node that it says it is. */
static bool admit(struct session *session, const Gateway__Agent__V1__Hello *hello) {
  struct gw_str id = gw_str_from(hello->node_id), cluster = gw_str_from(hello->node_cluster);
  bool may_have_secrets;
  char *reason = NULL;
  if (gw_node_permission_check(session->stream, id, cluster, &may_have_secrets, &reason) == GW_OK) return true;
  struct gw_agent_service *service = session->service;
  struct gw_str peer = gw_rpc_stream_peer(session->stream);
  bool is_worth_telling = gw_node_denials_add(&service->nodes->denials, id, cluster, peer, reason, gw_loop_now_us(service->loop));
  gw_log_write(service->log, is_worth_telling ? GW_LOG_WARNING : GW_LOG_DEBUG, "agent session from %.*s denied: %s", GW_STR_ARG(peer),
               reason);
  gw_rpc_stream_finish(session->stream, GW_RPC_PERMISSION_DENIED, reason);
  free(reason);
  return false;
}

static void on_hello(struct session *session, const Gateway__Agent__V1__Hello *hello) {
  struct gw_agent_service *service = session->service;
  if (session->node != NULL || hello->node_id[0] == '\0') {
    gw_rpc_stream_finish(session->stream, GW_RPC_INVALID_ARGUMENT, "one hello with a node id is wanted");
    return;
  }
  if (!admit(session, hello)) return;
  struct gw_node *node = gw_node_table_get(service->nodes, gw_str_from(hello->node_id), gw_str_from(hello->node_cluster),
                                           gw_str_from(hello->instance_id), gw_loop_now_us(service->loop));
  const struct gw_node *namesake = gw_node_table_find_namesake(service->nodes, node);
  if (namesake != NULL && node->xds_streams == 0) /* else it was told when its stream came */
    GW_LOG_WARNING(service->log, "two data planes call themselves node %s (from %s and %.*s): give each its own --node-id", node->id,
                   namesake->peer, GW_STR_ARG(gw_rpc_stream_peer(session->stream)));
  node->agent_streams++;
  session->node = node;
  session->instance_id = gw_strdup(hello->instance_id);
  gw_node_set_text(&node->instance_id, gw_str_from(hello->instance_id));
  gw_node_set_text(&node->version, gw_str_from(hello->version));
  gw_node_set_text(&node->peer, gw_rpc_stream_peer(session->stream));
  if (node->kind[0] == '\0') gw_node_set_text(&node->kind, GW_STR("gateway-dataplane"));
  gw_failure_query_source_add(service->failures, &session->failures, session->stream, node, session->instance_id);
  gw_node_session_add(service->calls, &session->calls, session->stream, node);
  tell_all(service);
}

/* "type name: reason" lines, or NULL. */
static char *format_refusals(const Gateway__Agent__V1__Report *report) {
  if (report->n_refusals == 0) return NULL;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < report->n_refusals; i++) {
    const Gateway__Agent__V1__Refusal *refusal = report->refusals[i];
    gw_strbuf_printf(&text, "%s%s %s: %s", i > 0 ? "\n" : "", refusal->type_url, refusal->resource, refusal->reason);
  }
  return gw_strbuf_take(&text);
}

/* Lines, or NULL. What is more or longer than data planes of ours say is cut. */
#define TROUBLE_TEXT_MAX 1000
#define UNKNOWN_KEYS_MAX 100u
static char *format_troubles(const Gateway__Agent__V1__Report *report) {
  if (report->n_troubles == 0) return NULL;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < report->n_troubles && i < GW_NODE_TROUBLES_MAX; i++)
    gw_strbuf_printf(&text, "%s%.*s", i > 0 ? "\n" : "", TROUBLE_TEXT_MAX, report->troubles[i]);
  return gw_strbuf_take(&text);
}

/* Cuts what does not fit: our own versions and sources always do. */
static void copy_word(char *to, size_t size, const char *from) {
  size_t len = strnlen(from, size - 1);
  memcpy(to, from, len);
  to[len] = '\0';
}

static void on_report(struct session *session, const Gateway__Agent__V1__Report *report) {
  struct gw_node *node = session->node;
  if (node == NULL) {
    gw_rpc_stream_finish(session->stream, GW_RPC_FAILED_PRECONDITION, "hello comes first");
    return;
  }
  uint64_t now_us = gw_loop_now_us(session->service->loop);
  uint64_t age_us = report->snapshot_age_ms > now_us / 1000 ? 0 : report->snapshot_age_ms * 1000;
  node->has_report = true;
  copy_word(node->snapshot_version, sizeof(node->snapshot_version), report->snapshot_version);
  copy_word(node->policy_version, sizeof(node->policy_version), report->policy_version);
  copy_word(node->snapshot_source, sizeof(node->snapshot_source), report->snapshot_source);
  node->snapshot_active_us = now_us - age_us;
  node->is_ready = report->ready;
  node->is_draining = report->draining;
  node->requests_total = report->requests_total;
  node->refused_total = report->refused_total;
  free(node->refusals);
  node->refusals = format_refusals(report);
  free(node->troubles);
  node->troubles = format_troubles(report);
  gw_node_table_tell(session->service->nodes, node);
  struct gw_agent_service *service = session->service;
  for (size_t i = 0; i < report->n_unknown_keys && i < UNKNOWN_KEYS_MAX && service->on_unknown_key != NULL; i++)
    service->on_unknown_key(service->on_unknown_key_arg, gw_str_from(report->unknown_keys[i]));
}

static void on_found_failures(struct session *session, Gateway__Agent__V1__FoundFailures *found) {
  if (session->node == NULL) {
    gw_rpc_stream_finish(session->stream, GW_RPC_FAILED_PRECONDITION, "hello comes first");
    return;
  }
  gw_failure_query_source_on_found(&session->failures, found);
}

/* Ages, because clocks differ. What is more than data planes of ours say at once is left out. */
static void on_key_uses(struct session *session, const Gateway__Agent__V1__KeyUses *message) {
  struct gw_agent_service *service = session->service;
  if (session->node == NULL) {
    gw_rpc_stream_finish(session->stream, GW_RPC_FAILED_PRECONDITION, "hello comes first");
    return;
  }
  service->unknown_keys += message->unknown;
  uint64_t now_ms = gw_loop_wall_us(service->loop) / 1000;
  uint32_t count = message->n_uses < GW_STORE_USES_MAX ? (uint32_t)message->n_uses : GW_STORE_USES_MAX;
  struct gw_store_use *uses = gw_calloc(count + 1u, sizeof(*uses));
  for (uint32_t i = 0; i < count; i++) {
    const Gateway__Agent__V1__KeyUse *use = message->uses[i];
    uses[i] = (struct gw_store_use){gw_str_from(use->id), use->age_ms < now_ms ? now_ms - use->age_ms : 0};
  }
  if (service->keys != NULL) gw_api_keys_note_uses(service->keys, uses, count);
  free(uses);
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str bytes) {
  struct session *session = state;
  struct gw_arena arena;
  gw_arena_init(&arena, 2048);
  ProtobufCMessage *unpacked;
  if (gw_wire_unpack(&gateway__agent__v1__node_message__descriptor, bytes, &arena, &unpacked) != GW_OK) {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is not a NodeMessage");
    gw_arena_done(&arena);
    return;
  }
  const Gateway__Agent__V1__NodeMessage *message = (const void *)unpacked;
  switch (message->message_case) {
  case GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_HELLO: on_hello(session, message->hello); break;
  case GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_REPORT: on_report(session, message->report); break;
  case GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_FOUND_FAILURES: on_found_failures(session, message->found_failures); break;
  case GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_ANSWER: gw_node_session_on_answer(&session->calls, message->answer); break;
  case GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_KEY_USES: on_key_uses(session, message->key_uses); break;
  default: break; /* from a newer data plane: what we don't know harms nobody */
  }
  gw_arena_done(&arena);
}

static void on_drained(void *state, struct gw_rpc_stream *stream) {
  (void)stream;
  tell_fleet(state);
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)code, (void)reason;
  struct session *session = state;
  struct gw_agent_service *service = session->service;
  gw_list_remove(&session->node_link);
  if (--service->session_count == 0) gw_timer_stop(&service->fleet_check);
  gw_failure_query_source_remove(&session->failures);
  gw_node_session_remove(&session->calls);
  struct gw_node *node = session->node;
  if (node != NULL) {
    node->agent_streams--;
    if (node->agent_streams == 0) node->has_report = false;
    gw_node_table_release(service->nodes, node);
  }
  free(session->instance_id);
  free(session);
  tell_all(service);
}

static const struct gw_rpc_method methods[] = {
    {.path = AGENT_METHOD, .events = {.on_message = on_message, .on_drained = on_drained, .on_closed = on_closed}, .on_open = on_open},
};

struct gw_agent_service *gw_agent_service_new(struct gw_loop *loop, struct gw_node_table *nodes, struct gw_log *log,
                                              struct gw_api_keys *keys) {
  struct gw_agent_service *service = gw_calloc(1, sizeof(*service));
  service->loop = loop;
  service->nodes = nodes;
  service->log = log;
  service->keys = keys;
  gw_list_init(&service->sessions);
  gw_timer_init(&service->fleet_check, on_fleet_check);
  service->failures = gw_failure_queries_new(loop);
  service->calls = gw_node_calls_new(loop);
  return service;
}

void gw_agent_service_free(struct gw_agent_service *service) {
  if (service == NULL) return;
  GW_ASSERT(gw_list_is_empty(&service->sessions));
  gw_timer_stop(&service->fleet_check);
  gw_failure_queries_free(service->failures);
  gw_node_calls_free(service->calls);
  free(service);
}

void gw_agent_service_set_fleet(struct gw_agent_service *service, const struct gw_fleet *fleet) {
  service->fleet = fleet;
}

uint64_t gw_agent_service_unknown_keys(const struct gw_agent_service *service) {
  return service->unknown_keys;
}

void gw_agent_service_on_unknown_key(struct gw_agent_service *service, void (*fn)(void *arg, struct gw_str provider), void *arg) {
  service->on_unknown_key = fn;
  service->on_unknown_key_arg = arg;
}

struct gw_node_calls *gw_agent_service_node_calls(const struct gw_agent_service *service) {
  return service->calls;
}

struct gw_failure_queries *gw_agent_service_failures(const struct gw_agent_service *service) {
  return service->failures;
}

void gw_agent_service_add_to(struct gw_agent_service *service, struct gw_rpc_service_set *set) {
  gw_rpc_service_set_add(set, methods, GW_ARRAY_LEN(methods), service);
}
