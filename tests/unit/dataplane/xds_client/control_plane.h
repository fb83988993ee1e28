/* Why: a control plane in the test's own process: a real gRPC server with ADS and agent, which the test answers for by hand.
 * Life: control_plane_start … control_plane_done.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_CONTROL_PLANE_H
#define GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_CONTROL_PLANE_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/rpc/server.h"
#include "common/xds/discovery.h"
#include "common/xds/wire.h"
#include "dataplane/xds_client/agent.h"
#include "gateway/agent/v1/agent.pb-c.h"
#include "tests/unit/dataplane/xds_client/samples.h"

/* Turns the loop until the condition holds; fails the test after 20 s. */
#define WAIT_FOR(loop, condition)                                                                                                          \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once(loop, 50);                                                                                                          \
    }                                                                                                                                      \
  } while (0)

/* The last request of one type. */
struct last_request {
  uint32_t count;
  char version[64];
  char nonce[64];
  char names[256]; /* "a,b"; incremental: "a,b,-c" with what is unsubscribed from */
  char held[256];  /* "a=1,b=2", sorted */
  char error[1024];
};

struct control_plane {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_rpc_server *server;
  uint16_t port;
  struct gw_rpc_stream *ads;   /* the newest open one */
  struct gw_rpc_stream *agent; /* likewise */
  uint32_t ads_count;          /* of either protocol */
  uint32_t delta_count;        /* incremental ones among them */
  uint32_t agent_count;
  char reported_trouble[64]; /* the first */
  uint32_t found_count;      /* FoundFailures; of the last one: */
  uint64_t found_query;
  uint32_t found_failures;
  char found_path[64];
  uint32_t answer_count; /* to calls; of the last one: */
  uint32_t answer_code;
  char answer_text[64];
  struct last_request last[GW_RESOURCE_TYPE_COUNT];
  char node_id[64];
  char hello_id[64];
  uint32_t report_count;
  char reported_version[32];
  uint32_t reported_refusals;
  bool has_no_delta; /* the method is there, and fails */
  bool is_stopped;
};

static inline void copy_text(char *to, size_t size, struct gw_str from) {
  size_t len = from.len < size - 1 ? from.len : size - 1;
  if (len > 0) memcpy(to, from.data, len);
  to[len] = '\0';
}

static inline void ads_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct control_plane *plane = state;
  if (stream != plane->ads) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_discovery_request request;
  enum gw_resource_type type;
  assert_int_equal(gw_discovery_request_decode(message, &arena, &request), GW_OK);
  assert_int_equal(gw_xds_parse_type_url(request.type_url, &type), GW_OK);
  if (request.has_node) copy_text(plane->node_id, sizeof(plane->node_id), request.node.id);
  struct last_request *last = &plane->last[type];
  last->count++;
  copy_text(last->version, sizeof(last->version), request.version_info);
  copy_text(last->nonce, sizeof(last->nonce), request.response_nonce);
  copy_text(last->error, sizeof(last->error), request.error_message);
  last->names[0] = '\0';
  for (uint32_t i = 0; i < request.resource_name_count; i++) {
    size_t len = strlen(last->names);
    snprintf(last->names + len, sizeof(last->names) - len, "%s%.*s", i > 0 ? "," : "", GW_STR_ARG(request.resource_names[i]));
  }
  gw_arena_done(&arena);
}

static inline void append_name(char *text, size_t size, const char *before, struct gw_str name) {
  size_t len = strlen(text);
  snprintf(text + len, size - len, "%s%s%.*s", len > 0 ? "," : "", before, GW_STR_ARG(name));
}

static inline void delta_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct control_plane *plane = state;
  if (stream != plane->ads) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_delta_request request;
  enum gw_resource_type type;
  assert_int_equal(gw_delta_request_decode(message, &arena, &request), GW_OK);
  assert_int_equal(gw_xds_parse_type_url(request.type_url, &type), GW_OK);
  if (request.has_node) copy_text(plane->node_id, sizeof(plane->node_id), request.node.id);
  struct last_request *last = &plane->last[type];
  last->count++;
  copy_text(last->nonce, sizeof(last->nonce), request.response_nonce);
  copy_text(last->error, sizeof(last->error), request.error_message);
  last->names[0] = last->held[0] = '\0';
  for (uint32_t i = 0; i < request.subscribe_count; i++)
    append_name(last->names, sizeof(last->names), "", request.subscribe[i]);
  for (uint32_t i = 0; i < request.unsubscribe_count; i++)
    append_name(last->names, sizeof(last->names), "-", request.unsubscribe[i]);
  for (uint32_t i = 0; i < request.held_count; i++)
    append_name(last->held, sizeof(last->held), "",
                gw_str_from(gw_arena_printf(&arena, "%.*s=%.*s", GW_STR_ARG(request.held_names[i]), GW_STR_ARG(request.held_versions[i]))));
  gw_arena_done(&arena);
}

static inline void ads_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)code, (void)reason;
  struct control_plane *plane = state;
  if (plane->ads == stream) plane->ads = NULL;
}

static inline void *ads_on_open(void *arg, struct gw_rpc_stream *stream) {
  struct control_plane *plane = arg;
  plane->ads = stream;
  plane->ads_count++;
  memset(plane->last, 0, sizeof(plane->last));
  return plane;
}

static inline void *delta_on_open(void *arg, struct gw_rpc_stream *stream) {
  struct control_plane *plane = arg;
  plane->delta_count++;
  if (!plane->has_no_delta) return ads_on_open(arg, stream);
  gw_rpc_stream_finish(stream, GW_RPC_UNKNOWN, "unknown method");
  return NULL;
}

static inline void agent_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct control_plane *plane = state;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  ProtobufCMessage *unpacked;
  assert_int_equal(gw_wire_unpack(&gateway__agent__v1__node_message__descriptor, message, &arena, &unpacked), GW_OK);
  const Gateway__Agent__V1__NodeMessage *node = (const Gateway__Agent__V1__NodeMessage *)unpacked;
  if (node->message_case == GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_HELLO) {
    copy_text(plane->hello_id, sizeof(plane->hello_id), gw_str_from(node->hello->node_id));
  } else if (node->message_case == GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_FOUND_FAILURES) {
    plane->found_count++;
    plane->found_query = node->found_failures->query_id;
    plane->found_failures = (uint32_t)node->found_failures->n_failures;
    if (plane->found_failures > 0)
      copy_text(plane->found_path, sizeof(plane->found_path), gw_str_from(node->found_failures->failures[0]->path));
  } else if (node->message_case == GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_ANSWER) {
    const Gateway__Agent__V1__Answer *answer = node->answer;
    struct gw_str text =
        answer->code == 0 ? (struct gw_str){(const char *)answer->response.data, answer->response.len} : gw_str_from(answer->message);
    plane->answer_count++;
    plane->answer_code = answer->code;
    copy_text(plane->answer_text, sizeof(plane->answer_text), text);
  } else {
    plane->report_count++;
    copy_text(plane->reported_trouble, sizeof(plane->reported_trouble),
              gw_str_from(node->report->n_troubles > 0 ? node->report->troubles[0] : ""));
    plane->reported_refusals = (uint32_t)node->report->n_refusals;
    copy_text(plane->reported_version, sizeof(plane->reported_version), gw_str_from(node->report->snapshot_version));
  }
  gw_arena_done(&arena);
}

static inline void agent_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)code, (void)reason;
  struct control_plane *plane = state;
  if (plane->agent == stream) plane->agent = NULL;
}

static inline void *agent_on_open(void *arg, struct gw_rpc_stream *stream) {
  struct control_plane *plane = arg;
  plane->agent = stream;
  plane->agent_count++;
  return plane;
}

static const struct gw_rpc_method control_plane_methods[] = {
    {.path = GW_XDS_ADS_METHOD, .events = {.on_message = ads_on_message, .on_closed = ads_on_closed}, .on_open = ads_on_open},
    {.path = GW_AGENT_METHOD, .events = {.on_message = agent_on_message, .on_closed = agent_on_closed}, .on_open = agent_on_open},
    {.path = GW_XDS_DELTA_METHOD, .events = {.on_message = delta_on_message, .on_closed = ads_on_closed}, .on_open = delta_on_open},
};

static inline void control_plane_serve(struct control_plane *plane, struct gw_loop *loop, struct gw_rpc *rpc, uint16_t port,
                                       size_t method_count) {
  *plane = (struct control_plane){.loop = loop, .rpc = rpc};
  char listen[32];
  snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
  struct gw_rpc_server_options options = {.listen = gw_str_from(listen),
                                          .max_message_bytes = 1024 * 1024,
                                          .max_streams_per_connection = 100};
  assert_int_equal(gw_rpc_server_new(rpc, &options, control_plane_methods, method_count, plane, &plane->server), GW_OK);
  plane->port = gw_rpc_server_port(plane->server);
}

/* State of the world only. Without an agent it is a stranger. `port` 0: a free one. */
static inline void control_plane_start(struct control_plane *plane, struct gw_loop *loop, struct gw_rpc *rpc, uint16_t port,
                                       bool has_agent) {
  control_plane_serve(plane, loop, rpc, port, has_agent ? 2 : 1);
}
/* Both protocols and the agent. */
static inline void control_plane_start_delta(struct control_plane *plane, struct gw_loop *loop, struct gw_rpc *rpc, uint16_t port) {
  control_plane_serve(plane, loop, rpc, port, 3);
}

static inline void control_plane_on_stopped(void *arg) {
  ((struct control_plane *)arg)->is_stopped = true;
}

static inline void control_plane_done(struct control_plane *plane) {
  if (plane->server == NULL) return;
  gw_rpc_server_stop(plane->server, 0, control_plane_on_stopped, plane);
  WAIT_FOR(plane->loop, plane->is_stopped);
  gw_rpc_server_free(plane->server);
  plane->server = NULL;
}

/* Takes the reference of each resource. */
static inline void control_plane_send(struct control_plane *plane, enum gw_resource_type type, const char *version, const char *nonce,
                                      struct gw_resource **resources, uint32_t count) {
  struct gw_bytes *anys[16];
  for (uint32_t i = 0; i < count; i++)
    anys[i] = resources[i]->any;
  struct gw_bytes *parts[] = {
      gw_discovery_response_encode_head(gw_str_from(version), gw_str_from(gw_xds_type_url(type)), gw_str_from(nonce)),
      gw_discovery_resources_encode(anys, count),
  };
  assert_non_null(plane->ads);
  gw_rpc_stream_send(plane->ads, parts, 2);
  for (size_t i = 0; i < 2; i++)
    gw_bytes_unref(parts[i]);
  for (uint32_t i = 0; i < count; i++)
    gw_resource_unref(resources[i]);
}

/* Takes the reference of each resource. `versions`: of each, or NULL for their own. removed: "" or one name. */
static inline void control_plane_send_changes(struct control_plane *plane, enum gw_resource_type type, const char *nonce,
                                              struct gw_resource **resources, const char *const *versions, uint32_t count,
                                              const char *removed) {
  struct gw_delta_resource changed[16];
  struct gw_str gone = gw_str_from(removed);
  for (uint32_t i = 0; i < count; i++)
    changed[i] = (struct gw_delta_resource){resources[i]->name, gw_str_from(versions != NULL ? versions[i] : resources[i]->version),
                                            resources[i]->any};
  struct gw_bytes *parts[] = {
      gw_delta_response_encode_head(GW_STR("system"), gw_str_from(gw_xds_type_url(type)), gw_str_from(nonce), NULL, 0),
      gw_delta_changes_encode(changed, count, &gone, gone.len > 0),
  };
  assert_non_null(plane->ads);
  gw_rpc_stream_send(plane->ads, parts, 2);
  for (size_t i = 0; i < 2; i++)
    gw_bytes_unref(parts[i]);
  for (uint32_t i = 0; i < count; i++)
    gw_resource_unref(resources[i]);
}

static inline void control_plane_tell_agent(struct control_plane *plane, const Gateway__Agent__V1__ControlMessage *message) {
  struct gw_bytes *bytes = gw_wire_pack(&message->base);
  gw_rpc_stream_send(plane->agent, &bytes, 1);
  gw_bytes_unref(bytes);
}

static inline void control_plane_send_fleet(struct control_plane *plane, uint32_t size) {
  Gateway__Agent__V1__Fleet fleet = GATEWAY__AGENT__V1__FLEET__INIT;
  fleet.size = size;
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FLEET;
  message.fleet = &fleet;
  control_plane_tell_agent(plane, &message);
}

static inline void control_plane_ask_failures(struct control_plane *plane, uint64_t query_id, char *request_id) {
  Gateway__Agent__V1__FindFailures find = GATEWAY__AGENT__V1__FIND_FAILURES__INIT;
  find.query_id = query_id;
  find.request_id = request_id;
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FIND_FAILURES;
  message.find_failures = &find;
  control_plane_tell_agent(plane, &message);
}
static inline void control_plane_call(struct control_plane *plane, uint64_t call_id, char *method, const char *request) {
  Gateway__Agent__V1__Call call = GATEWAY__AGENT__V1__CALL__INIT;
  call.call_id = call_id;
  call.method = method;
  call.request = (ProtobufCBinaryData){.len = strlen(request), .data = (uint8_t *)(uintptr_t)request};
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_CALL;
  message.call = &call;
  control_plane_tell_agent(plane, &message);
}

#endif
