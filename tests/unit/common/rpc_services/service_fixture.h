/* Why: gRPC services under test: a real server on loopback and a channel to it, in one process on one loop.
 * Life: services_serve (once the set is full) … services_done.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_COMMON_RPC_SERVICES_SERVICE_FIXTURE_H
#define GW_TESTS_UNIT_COMMON_RPC_SERVICES_SERVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/rpc/client.h"
#include "common/rpc_services/service_set.h"
#include "common/xds/wire.h"

#define WAIT_FOR(loop, condition)                                                                                                          \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once(loop, 50);                                                                                                          \
    }                                                                                                                                      \
  } while (0)

struct services {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_rpc_service_set set;
  struct gw_rpc_server *server;
  struct gw_rpc_channel *channel;
  struct gw_arena arena;
  bool is_stopped;
};

static inline void services_init(struct services *s) {
  *s = (struct services){.loop = gw_loop_new()};
  s->rpc = gw_rpc_new(s->loop);
  gw_rpc_service_set_init(&s->set);
  gw_arena_init(&s->arena, 4096);
}

static inline void services_serve(struct services *s) {
  struct gw_rpc_server_options options = {.listen = GW_STR("127.0.0.1:0"),
                                          .max_message_bytes = 1 << 20,
                                          .max_streams_per_connection = 1000};
  assert_int_equal(gw_rpc_server_new(s->rpc, &options, s->set.methods, s->set.count, NULL, &s->server), GW_OK);
  char target[32];
  snprintf(target, sizeof(target), "127.0.0.1:%u", gw_rpc_server_port(s->server));
  struct gw_rpc_channel_options channel = {.target = gw_str_from(target)};
  s->channel = gw_rpc_channel_new(s->rpc, &channel);
}

static inline void services_on_stopped(void *arg) {
  ((struct services *)arg)->is_stopped = true;
}

/* Ends the calls: after it the services under test may be freed. */
static inline void services_stop(struct services *s) {
  gw_rpc_server_stop(s->server, 0, services_on_stopped, s);
  WAIT_FOR(s->loop, s->is_stopped);
  gw_rpc_channel_free(s->channel);
  gw_rpc_server_free(s->server);
}

static inline void services_done(struct services *s) {
  gw_rpc_service_set_done(&s->set);
  gw_rpc_free(s->rpc);
  gw_loop_free(s->loop);
  gw_arena_done(&s->arena);
}

/* A unary call; *ret_reply lives in s->arena. Returns the gRPC code. `token` NULL: none. */
static inline int services_call(struct services *s, const char *method, const char *token, const ProtobufCMessage *request,
                                const ProtobufCMessageDescriptor *reply, ProtobufCMessage **ret_reply) {
  char bearer[128];
  snprintf(bearer, sizeof(bearer), "Bearer %s", token != NULL ? token : "");
  struct gw_rpc_metadata metadata = {.key = "authorization", .value = bearer};
  struct gw_bytes *packed = gw_wire_pack(request), *bytes = NULL;
  char *reason = NULL;
  int code = gw_rpc_call(s->rpc, s->channel, method, 20000, &metadata, token != NULL, packed, &bytes, &reason);
  if (code == GW_RPC_UNAVAILABLE) print_message("%s: %s\n", method, reason);
  if (code == GW_RPC_OK) assert_int_equal(gw_wire_unpack(reply, gw_bytes_str(bytes), &s->arena, ret_reply), GW_OK);
  gw_bytes_unref(bytes);
  gw_bytes_unref(packed);
  free(reason);
  return code;
}

/* A streaming call, as its client sees it. */
struct services_stream {
  struct gw_rpc_stream *stream; /* NULL once closed */
  const ProtobufCMessageDescriptor *reply;
  struct services *services;
  ProtobufCMessage *last; /* in the services' arena */
  uint32_t count;
  bool is_closed;
  int code;
};

static inline void services_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct services_stream *seen = state;
  assert_int_equal(gw_wire_unpack(seen->reply, message, &seen->services->arena, &seen->last), GW_OK);
  seen->count++;
}

static inline void services_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)reason;
  struct services_stream *seen = state;
  seen->stream = NULL;
  seen->is_closed = true;
  seen->code = code;
}

static const struct gw_rpc_events services_events = {.on_message = services_on_message, .on_closed = services_on_closed};

static inline void services_open(struct services *s, const char *method, const ProtobufCMessageDescriptor *reply,
                                 struct services_stream *ret_stream) {
  *ret_stream = (struct services_stream){.reply = reply, .services = s};
  ret_stream->stream = gw_rpc_channel_open(s->channel, method, 20000, true, NULL, 0, &services_events, ret_stream);
}

static inline void services_send(struct services_stream *stream, const ProtobufCMessage *message) {
  struct gw_bytes *bytes = gw_wire_pack(message);
  gw_rpc_stream_send(stream->stream, &bytes, 1);
  gw_bytes_unref(bytes);
}

#endif
