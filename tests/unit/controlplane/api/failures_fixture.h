/* Why: data planes that are asked for failures, under test: their sessions with a real agent service, and the admin API beside it, on one
 * server and one loop.
 * Life: failures_setup … failures_teardown, as cmocka's.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_API_FAILURES_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_API_FAILURES_FIXTURE_H

#include <gateway/agent/v1/agent.pb-c.h>

#include "controlplane/api/admin_api.h"
#include "controlplane/api/agent_service.h"
#include "tests/unit/common/rpc_services/service_fixture.h"

#define AGENTS_MAX 3

/* A data plane's end of its session. */
struct agent {
  struct services *services;
  struct gw_rpc_stream *stream; /* NULL once closed */
  int code;
  uint32_t fleet_count;
  uint32_t asked_count;
  uint64_t query_id; /* the newest */
  char request_id[GW_FAILURE_REQUEST_ID_MAX + 1];
  uint32_t called_count;
  uint64_t call_id; /* the newest */
  char method[32];
};

struct failures {
  struct services services;
  struct gw_node_table *nodes;
  struct gw_snapshot_cache *cache;
  struct gw_agent_service *service;
  struct gw_failure_queries *queries;
  struct gw_admin_api *admin;
  struct agent agents[AGENTS_MAX];
};

static inline int failures_setup(void **state) {
  struct failures *f = gw_calloc(1, sizeof(*f));
  services_init(&f->services);
  f->nodes = gw_node_table_new();
  f->cache = gw_snapshot_cache_new();
  f->service = gw_agent_service_new(f->services.loop, f->nodes, NULL, NULL);
  f->queries = gw_agent_service_failures(f->service);
  struct gw_admin_api_options admin = {.loop = f->services.loop,
                                       .cache = f->cache,
                                       .nodes = f->nodes,
                                       .token = GW_STR("secret"),
                                       .failures = f->queries};
  f->admin = gw_admin_api_new(&admin);
  gw_agent_service_add_to(f->service, &f->services.set);
  gw_admin_api_add_to(f->admin, &f->services.set);
  services_serve(&f->services);
  *state = f;
  return 0;
}

static inline int failures_teardown(void **state) {
  struct failures *f = *state;
  services_stop(&f->services);
  gw_admin_api_free(f->admin);
  gw_agent_service_free(f->service); /* asserts that no session and no query is left */
  gw_snapshot_cache_free(f->cache);
  gw_node_table_free(f->nodes);
  services_done(&f->services);
  free(f);
  return 0;
}

static inline void agent_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str bytes) {
  (void)stream;
  struct agent *agent = state;
  ProtobufCMessage *unpacked;
  assert_int_equal(gw_wire_unpack(&gateway__agent__v1__control_message__descriptor, bytes, &agent->services->arena, &unpacked), GW_OK);
  const Gateway__Agent__V1__ControlMessage *message = (const void *)unpacked;
  if (message->message_case == GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FLEET) agent->fleet_count++;
  if (message->message_case == GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_CALL) {
    agent->call_id = message->call->call_id;
    snprintf(agent->method, sizeof(agent->method), "%s", message->call->method);
    agent->called_count++;
  }
  if (message->message_case != GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FIND_FAILURES) return;
  agent->asked_count++;
  agent->query_id = message->find_failures->query_id;
  snprintf(agent->request_id, sizeof(agent->request_id), "%s", message->find_failures->request_id);
}

static inline void agent_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)reason;
  struct agent *agent = state;
  agent->stream = NULL;
  agent->code = code;
}

static const struct gw_rpc_events agent_events = {.on_message = agent_on_message, .on_closed = agent_on_closed};

static inline struct agent *agent_open(struct failures *f, uint32_t index) {
  struct agent *agent = &f->agents[index];
  *agent = (struct agent){.services = &f->services};
  agent->stream = gw_rpc_channel_open(f->services.channel, "/gateway.agent.v1.Agent/Session", 60000, true, NULL, 0, &agent_events, agent);
  return agent;
}

static inline void agent_say(struct agent *agent, const Gateway__Agent__V1__NodeMessage *message) {
  struct gw_bytes *bytes = gw_wire_pack(&message->base);
  gw_rpc_stream_send(agent->stream, &bytes, 1);
  gw_bytes_unref(bytes);
}

/* A session that has said hello. */
static inline struct agent *agent_hello(struct failures *f, uint32_t index, const char *node_id, const char *instance_id) {
  struct agent *agent = agent_open(f, index);
  Gateway__Agent__V1__Hello hello = GATEWAY__AGENT__V1__HELLO__INIT;
  hello.node_id = (char *)node_id;
  hello.node_cluster = (char *)"edge";
  hello.instance_id = (char *)instance_id;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_HELLO;
  message.hello = &hello;
  agent_say(agent, &message);
  WAIT_FOR(f->services.loop, agent->fleet_count > 0);
  return agent;
}

static inline void agent_say_found(struct agent *agent, Gateway__Agent__V1__FoundFailures *found) {
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_FOUND_FAILURES;
  message.found_failures = found;
  agent_say(agent, &message);
}

/* That one failure, of that time, or none for 0. */
static inline void agent_answer(struct agent *agent, uint64_t query_id, uint64_t at_ms) {
  Gateway__Agent__V1__Failure failure = GATEWAY__AGENT__V1__FAILURE__INIT;
  Gateway__Agent__V1__Failure *failures[] = {&failure};
  failure.at_ms = at_ms;
  Gateway__Agent__V1__FoundFailures found = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  found.query_id = query_id;
  found.failures = failures;
  found.n_failures = at_ms != 0;
  agent_say_found(agent, &found);
}
/* To a call: with `text` as the answer's bytes, or with a gRPC status and `text` as its words. */
static inline void agent_answer_call(struct agent *agent, uint64_t call_id, uint32_t code, const char *text) {
  Gateway__Agent__V1__Answer answer = GATEWAY__AGENT__V1__ANSWER__INIT;
  answer.call_id = call_id;
  answer.code = code;
  if (code == 0)
    answer.response = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
  else
    answer.message = (char *)(uintptr_t)text;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_ANSWER;
  message.answer = &answer;
  agent_say(agent, &message);
}

#endif
