/* Why: what the tests of this folder share: a real server and a channel to it on loopback, in one process on one loop.
 * Life: setup and teardown of each test.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_COMMON_RPC_RPC_FIXTURE_H
#define GW_TESTS_UNIT_COMMON_RPC_RPC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"

/* Turns the loop until the condition holds; fails the test after 20 s. */
#define WAIT_FOR(loop, condition)                                                                                                          \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once(loop, 50);                                                                                                          \
    }                                                                                                                                      \
  } while (0)

/* What happened to one stream, on either side. */
struct seen {
  struct gw_rpc_stream *stream; /* NULL once closed */
  uint32_t messages;
  size_t last_len;
  char last[64];
  uint32_t half_closes;
  uint32_t drains;
  uint32_t closes;
  int code;
  char reason[256];
};

static inline void seen_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct seen *seen = state;
  assert_int_equal(seen->closes, 0);
  seen->messages++;
  seen->last_len = message.len;
  size_t len = message.len < sizeof seen->last - 1 ? message.len : sizeof seen->last - 1;
  if (len > 0) memcpy(seen->last, message.data, len);
  seen->last[len] = '\0';
}
static inline void seen_on_half_close(void *state, struct gw_rpc_stream *stream) {
  (void)stream;
  ((struct seen *)state)->half_closes++;
}
static inline void seen_on_drained(void *state, struct gw_rpc_stream *stream) {
  (void)stream;
  ((struct seen *)state)->drains++;
}
static inline void seen_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  struct seen *seen = state;
  assert_ptr_equal(stream, seen->stream);
  seen->closes++;
  seen->stream = NULL;
  seen->code = code;
  size_t len = reason.len < sizeof seen->reason - 1 ? reason.len : sizeof seen->reason - 1;
  if (len > 0) memcpy(seen->reason, reason.data, len);
  seen->reason[len] = '\0';
}
static const struct gw_rpc_events seen_events = {seen_on_message, seen_on_half_close, seen_on_drained, seen_on_closed};

static inline void send_text(struct gw_rpc_stream *stream, const char *text) {
  struct gw_bytes *bytes = gw_bytes_new(text, strlen(text));
  gw_rpc_stream_send(stream, &bytes, 1);
  gw_bytes_unref(bytes);
}

#define ACCEPTED_MAX 128
struct fixture {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_rpc_server *server;
  struct gw_rpc_channel *channel;
  struct seen accepted[ACCEPTED_MAX]; /* calls of /test.Test/Watch, in order */
  uint32_t accepted_count;
  struct seen opened[ACCEPTED_MAX]; /* for the client's side: what is still open is closed by the teardown */
  bool is_stopped;
};

static inline void echo_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)state;
  struct gw_bytes *parts[2] = {gw_bytes_new("echo ", 5), gw_bytes_new(message.data, message.len)};
  gw_rpc_stream_send(stream, parts, 2);
  gw_bytes_unref(parts[0]);
  gw_bytes_unref(parts[1]);
}
static inline void echo_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)state, (void)stream, (void)code, (void)reason;
}
static inline void *echo_on_open(void *arg, struct gw_rpc_stream *stream) {
  (void)stream;
  return arg;
}
static inline void *watch_on_open(void *arg, struct gw_rpc_stream *stream) {
  struct fixture *fixture = arg;
  assert_true(fixture->accepted_count < ACCEPTED_MAX);
  struct seen *seen = &fixture->accepted[fixture->accepted_count++];
  seen->stream = stream;
  return seen;
}
/* Wants the metadata "authorization: Bearer good". */
static inline void *guarded_on_open(void *arg, struct gw_rpc_stream *stream) {
  if (gw_str_equal(gw_rpc_stream_metadata(stream, "authorization"), GW_STR("Bearer good"))) return arg;
  gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED, "a token is needed");
  return NULL;
}

static const struct gw_rpc_method fixture_methods[] = {
    {.path = "/test.Test/Echo", .events = {.on_message = echo_on_message, .on_closed = echo_on_closed}, .on_open = echo_on_open},
    {.path = "/test.Test/Watch",
     .events = {seen_on_message, seen_on_half_close, seen_on_drained, seen_on_closed},
     .on_open = watch_on_open},
    {.path = "/test.Test/Guarded", .events = {.on_message = echo_on_message, .on_closed = echo_on_closed}, .on_open = guarded_on_open},
};

#define FIXTURE_MESSAGE_MAX (64u * 1024)

static inline enum gw_err fixture_serve(struct fixture *fixture, uint16_t port, struct gw_rpc_server **ret_server) {
  char listen[32];
  snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
  struct gw_rpc_server_options options = {.listen = gw_str_from(listen),
                                          .max_message_bytes = FIXTURE_MESSAGE_MAX,
                                          .max_streams_per_connection = 1000};
  return gw_rpc_server_new(fixture->rpc, &options, fixture_methods, GW_ARRAY_LEN(fixture_methods), fixture, ret_server);
}

static inline struct gw_rpc_channel *fixture_connect(struct fixture *fixture, uint16_t port) {
  char target[32];
  snprintf(target, sizeof target, "127.0.0.1:%u", port);
  struct gw_rpc_channel_options options = {.target = gw_str_from(target)};
  return gw_rpc_channel_new(fixture->rpc, &options);
}

static inline int fixture_setup(void **state) {
  struct fixture *fixture = gw_calloc(1, sizeof *fixture);
  fixture->loop = gw_loop_new();
  fixture->rpc = gw_rpc_new(fixture->loop);
  if (fixture_serve(fixture, 0, &fixture->server) != GW_OK) return -1;
  fixture->channel = fixture_connect(fixture, gw_rpc_server_port(fixture->server));
  *state = fixture;
  return 0;
}

static inline void fixture_on_stopped(void *arg) {
  ((struct fixture *)arg)->is_stopped = true;
}
static inline void fixture_stop_server(struct fixture *fixture, uint64_t grace_ms) {
  if (fixture->server == NULL) return;
  fixture->is_stopped = false;
  gw_rpc_server_stop(fixture->server, grace_ms, fixture_on_stopped, fixture);
  WAIT_FOR(fixture->loop, fixture->is_stopped);
  gw_rpc_server_free(fixture->server);
  fixture->server = NULL;
}

static inline int fixture_teardown(void **state) {
  struct fixture *fixture = *state;
  gw_rpc_channel_free(fixture->channel);
  fixture_stop_server(fixture, 0);
  gw_rpc_free(fixture->rpc);
  gw_loop_free(fixture->loop);
  free(fixture);
  return 0;
}

static inline struct gw_rpc_stream *fixture_open(struct fixture *fixture, const char *method, struct seen *seen) {
  *seen = (struct seen){0};
  seen->stream = gw_rpc_channel_open(fixture->channel, method, 0, true, NULL, 0, &seen_events, seen);
  return seen->stream;
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
