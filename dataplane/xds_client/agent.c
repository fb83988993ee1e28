#include "dataplane/xds_client/agent.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/xds/codec.h"
#include "common/xds/wire.h"
#include "gateway/agent/v1/agent.pb-c.h"

struct gw_agent {
  struct gw_rpc_stream *call; /* NULL: closed */
  struct gw_loop *loop;
  struct gw_agent_events events;
  void *arg;
  struct gw_timer period;
  struct gw_task soon;
  bool is_abandoned;
};

static void send(struct gw_agent *agent, const Gateway__Agent__V1__NodeMessage *message) {
  struct gw_bytes *bytes = gw_wire_pack(&message->base);
  gw_rpc_stream_send(agent->call, &bytes, 1);
  gw_bytes_unref(bytes);
}

/* protobuf-c has no const strings; it does not write to them. */
static char *text(const char *constant) {
  return (char *)(uintptr_t)constant;
}

static void send_hello(struct gw_agent *agent, const struct gw_agent_hello *hello) {
  Gateway__Agent__V1__Hello body = GATEWAY__AGENT__V1__HELLO__INIT;
  body.node_id = text(hello->node_id);
  body.node_cluster = text(hello->node_cluster);
  body.version = text(GW_VERSION);
  body.instance_id = text(hello->instance_id);
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_HELLO;
  message.hello = &body;
  send(agent, &message);
}

static uint64_t age_ms(uint64_t now_us, uint64_t since_us) {
  return since_us == 0 || now_us < since_us ? 0 : (now_us - since_us) / 1000;
}

static void send_report(struct gw_agent *agent) {
  struct gw_agent_report report = {.snapshot_source = ""};
  uint64_t refused_total = 0;
  const struct gw_refusals *refusals = NULL;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  agent->events.on_report(agent->arg, &arena, &report, &refused_total, &refusals);
  uint64_t now_us = gw_loop_now_us(agent->loop);

  Gateway__Agent__V1__Refusal items[GW_REFUSALS_MAX];
  Gateway__Agent__V1__Refusal *pointers[GW_REFUSALS_MAX];
  for (uint32_t i = 0; i < refusals->count; i++) {
    gateway__agent__v1__refusal__init(&items[i]);
    items[i].type_url = text(gw_xds_type_url(refusals->items[i].type));
    items[i].resource = refusals->items[i].resource;
    items[i].reason = refusals->items[i].reason;
    pointers[i] = &items[i];
  }
  Gateway__Agent__V1__Report body = GATEWAY__AGENT__V1__REPORT__INIT;
  body.snapshot_version = report.snapshot_version;
  body.policy_version = report.policy_version;
  body.snapshot_age_ms = age_ms(now_us, report.snapshot_active_us);
  body.snapshot_source = text(report.snapshot_source);
  body.ready = report.is_ready;
  body.draining = report.is_draining;
  body.requests_total = report.requests_total;
  body.connections_active = report.connections_active;
  body.refused_total = refused_total;
  body.n_refusals = refusals->count;
  body.refusals = pointers;
  body.uptime_ms = age_ms(now_us, report.started_us);
  body.n_troubles = report.trouble_count;
  body.troubles = report.troubles;
  body.n_unknown_keys = report.unknown_key_count;
  body.unknown_keys = report.unknown_keys;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_REPORT;
  message.report = &body;
  send(agent, &message);
  gw_arena_done(&arena);
}

/* A control plane that does not read gets nothing more. */
#define PENDING_MAX 4u
static bool reads(const struct gw_agent *agent) {
  return gw_rpc_stream_pending(agent->call) < PENDING_MAX;
}

static void report(struct gw_agent *agent) {
  if (agent->call == NULL) return;
  gw_timer_start(agent->loop, &agent->period, GW_AGENT_PERIOD_MS);
  if (reads(agent)) send_report(agent);
}

static void on_period(struct gw_timer *timer) {
  report(GW_CONTAINER_OF(timer, struct gw_agent, period));
}

static void on_soon(void *arg) {
  report(arg);
}

static void take(struct gw_agent *agent, const Gateway__Agent__V1__ControlMessage *message) {
  switch (message->message_case) {
  case GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FLEET: agent->events.on_fleet(agent->arg, message->fleet->size); break;
  case GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FIND_FAILURES:
    agent->events.on_find_failures(agent->arg, message->find_failures->query_id, gw_str_from(message->find_failures->request_id));
    break;
  case GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_CALL:
    agent->events.on_call(agent->arg, message->call->call_id, gw_str_from(message->call->method),
                          (struct gw_str){(const char *)message->call->request.data, message->call->request.len});
    break;
  default: break; /* from a newer control plane */
  }
}

static void on_message(void *state, struct gw_rpc_stream *call, struct gw_str bytes) {
  (void)call;
  struct gw_agent *agent = state;
  if (agent->is_abandoned) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  ProtobufCMessage *message;
  if (gw_wire_unpack(&gateway__agent__v1__control_message__descriptor, bytes, &arena, &message) == GW_OK) {
    take(agent, (const Gateway__Agent__V1__ControlMessage *)message);
  }
  gw_arena_done(&arena);
}

static void on_closed(void *state, struct gw_rpc_stream *call, int code, struct gw_str reason) {
  (void)call;
  struct gw_agent *agent = state;
  agent->call = NULL;
  gw_timer_stop(&agent->period);
  gw_task_cancel(&agent->soon);
  if (agent->is_abandoned) {
    free(agent);
    return;
  }
  agent->events.on_closed(agent->arg, code, reason);
}

static const struct gw_rpc_events rpc_events = {.on_message = on_message, .on_closed = on_closed};

struct gw_agent *gw_agent_new(struct gw_loop *loop, struct gw_rpc_channel *channel, const struct gw_agent_hello *hello,
                              const struct gw_agent_events *events, void *arg) {
  struct gw_agent *agent = gw_calloc(1, sizeof(*agent));
  agent->loop = loop;
  agent->events = *events;
  agent->arg = arg;
  gw_timer_init(&agent->period, on_period);
  gw_task_init(&agent->soon, on_soon, agent);
  agent->call = gw_rpc_channel_open(channel, GW_AGENT_METHOD, 0, false, NULL, 0, &rpc_events, agent);
  send_hello(agent, hello);
  gw_agent_report_soon(agent);
  return agent;
}

void gw_agent_free(struct gw_agent *agent) {
  if (agent == NULL) return;
  gw_timer_stop(&agent->period);
  gw_task_cancel(&agent->soon);
  if (agent->call == NULL) {
    free(agent);
    return;
  }
  agent->is_abandoned = true;
  gw_rpc_stream_cancel(agent->call);
}

void gw_agent_report_soon(struct gw_agent *agent) {
  if (agent == NULL || agent->call == NULL || agent->is_abandoned) return;
  gw_loop_at_turn_end(agent->loop, &agent->soon);
}

bool gw_agent_tell_key_uses(struct gw_agent *agent, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown) {
  if (agent == NULL || agent->call == NULL || agent->is_abandoned || !reads(agent)) return false;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Gateway__Agent__V1__KeyUses body = GATEWAY__AGENT__V1__KEY_USES__INIT;
  Gateway__Agent__V1__KeyUse *items = gw_arena_calloc(&arena, count, sizeof(*items));
  body.uses = gw_arena_calloc(&arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    gateway__agent__v1__key_use__init(&items[i]);
    items[i].id = (char *)(uintptr_t)gw_arena_copy(&arena, uses[i].id).data;
    items[i].age_ms = uses[i].age_ms;
    body.uses[i] = &items[i];
  }
  body.n_uses = count;
  body.unknown = unknown;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_KEY_USES;
  message.key_uses = &body;
  send(agent, &message);
  gw_arena_done(&arena);
  return true;
}

void gw_agent_tell_failures(struct gw_agent *agent, uint64_t query_id, const struct gw_failure_record *const *records, uint32_t count,
                            uint32_t silent_workers) {
  if (agent == NULL || agent->call == NULL || agent->is_abandoned || !reads(agent)) return;
  struct gw_bytes *bytes = gw_agent_encode_failures(query_id, records, count, silent_workers);
  gw_rpc_stream_send(agent->call, &bytes, 1);
  gw_bytes_unref(bytes);
}

/* As many as a control plane of ours may have asked at once: what it asks in one turn is answered in one. */
#define ANSWERS_PENDING_MAX 96u

void gw_agent_tell_answer(struct gw_agent *agent, uint64_t call_id, int code, const char *problem, struct gw_str answer) {
  if (agent == NULL || agent->call == NULL || agent->is_abandoned) return;
  if (gw_rpc_stream_pending(agent->call) >= ANSWERS_PENDING_MAX) return;
  Gateway__Agent__V1__Answer body = GATEWAY__AGENT__V1__ANSWER__INIT;
  body.call_id = call_id;
  body.code = (uint32_t)code;
  if (problem != NULL) body.message = text(problem);
  body.response = (ProtobufCBinaryData){.len = answer.len, .data = (uint8_t *)(uintptr_t)answer.data};
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_ANSWER;
  message.answer = &body;
  send(agent, &message);
}
