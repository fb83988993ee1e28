/* Why: a client's and a server's codec that feed each other: what one packs, the other gets. Frames by hand go to the server's.
 * Life: setup … teardown of each test.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_COMMON_HTTP_H2_PAIR_H
#define GW_TESTS_UNIT_COMMON_HTTP_H2_PAIR_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/unit/common/http/h2_frames.h"

#define STREAMS 80

struct exchange {
  struct gw_h2_stream h2;
  struct gw_strbuf received;
  uint32_t head_count;
  uint32_t interim_count;
  uint32_t high_count;
  uint32_t low_count;
  bool lets_go; /* at the peer's end */
  bool has_ended;
  bool is_closed;
  bool is_closed_by_peer;
  uint32_t error;
};

struct side {
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_arena arena;
  struct exchange exchanges[STREAMS];
  uint32_t count;
  bool refuses;
};

static struct side client;
static struct side server;
static uint64_t now_ms;

static inline struct exchange *exchange_of(struct gw_h2_stream *stream) {
  return GW_CONTAINER_OF(stream, struct exchange, h2);
}

static inline struct exchange *new_exchange(struct side *side) {
  assert_true(side->count < STREAMS);
  struct exchange *exchange = &side->exchanges[side->count++];
  gw_h2_stream_init(&exchange->h2, &side->arena);
  return exchange;
}

static inline struct gw_h2_stream *on_open(void *arg) {
  struct side *side = arg;
  return side->refuses ? NULL : &new_exchange(side)->h2;
}

static inline void on_head(struct gw_h2_stream *stream) {
  struct exchange *exchange = exchange_of(stream);
  bool is_interim = stream->response.status > 0 && stream->response.status < 200;
  exchange->interim_count += is_interim ? 1 : 0;
  exchange->head_count += is_interim ? 0 : 1;
}

static inline void on_data(struct gw_h2_stream *stream, struct gw_str data) {
  gw_strbuf_append_str(&exchange_of(stream)->received, data);
}

static inline void on_end(struct gw_h2_stream *stream) {
  assert_false(exchange_of(stream)->has_ended);
  exchange_of(stream)->has_ended = true;
  if (!exchange_of(stream)->lets_go) return;
  gw_h2_stream_detach(stream, GW_H2_CANCEL);
  memset(stream, 0xa5, sizeof(*stream)); /* its memory is somebody else's now */
}

static inline void on_pressure(struct gw_h2_stream *stream, bool is_high) {
  struct exchange *exchange = exchange_of(stream);
  exchange->high_count += is_high ? 1 : 0;
  exchange->low_count += is_high ? 0 : 1;
}

static inline void on_close(struct gw_h2_stream *stream, uint32_t error, bool is_by_peer) {
  struct exchange *exchange = exchange_of(stream);
  assert_false(exchange->is_closed);
  exchange->is_closed = true;
  exchange->error = error;
  exchange->is_closed_by_peer = is_by_peer;
}

static inline void on_output(void *arg) {
  (void)arg;
}

static inline void on_spent(void *arg, char *bytes) {
  (void)arg;
  free(bytes);
}

static const struct gw_h2_events events = {.on_open = on_open,
                                           .on_head = on_head,
                                           .on_data = on_data,
                                           .on_end = on_end,
                                           .on_pressure = on_pressure,
                                           .on_close = on_close,
                                           .on_output = on_output,
                                           .on_spent = on_spent};

static inline struct gw_h2_options options_of(bool is_client) {
  return (struct gw_h2_options){.is_client = is_client,
                                .allows_connect = true,
                                .hpack_table_size = 4096,
                                .max_concurrent_streams = 100,
                                .initial_stream_window = 65535,
                                .initial_connection_window = 1024 * 1024,
                                .head_bytes = 8192,
                                .header_count = 50,
                                .max_outbound_control_frames = 100,
                                .max_consecutive_empty_frames = 3,
                                .max_priority_frames = 10,
                                .max_window_updates = 10,
                                .max_resets_per_minute = 60};
}

static inline void start(struct side *side, const struct gw_h2_options *options) {
  memset(side, 0, sizeof(*side));
  gw_out_queue_init(&side->out);
  gw_arena_init(&side->arena, 4096);
  side->codec = gw_h2_codec_new(options, &events, side);
}

static inline void stop(struct side *side) {
  gw_h2_codec_free(side->codec);
  for (uint32_t i = 0; i < side->count; i++)
    gw_strbuf_done(&side->exchanges[i].received);
  gw_out_queue_done(&side->out);
  gw_arena_done(&side->arena);
}

static inline int setup(void **state) {
  (void)state;
  struct gw_h2_options of_client = options_of(true);
  struct gw_h2_options of_server = options_of(false);
  now_ms = 1000;
  start(&client, &of_client);
  start(&server, &of_server);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  stop(&client);
  stop(&server);
  return 0;
}

/* One side's bytes to the other, `step` at a time. */
static inline enum gw_err carry(struct side *from, struct side *to, size_t step) {
  char bytes[512];
  assert_int_equal(gw_h2_codec_pack(from->codec, &from->out, SIZE_MAX), GW_OK);
  while (from->out.len > 0) {
    size_t len = from->out.len < step ? from->out.len : step;
    gw_out_queue_take(&from->out, bytes, len);
    enum gw_err err = gw_h2_codec_feed(to->codec, (struct gw_str){bytes, len}, now_ms);
    if (err != GW_OK) return err;
  }
  return GW_OK;
}

static inline void talk(size_t step) {
  for (int turn = 0; turn < 8; turn++) {
    assert_int_equal(carry(&client, &server, step), GW_OK);
    assert_int_equal(carry(&server, &client, step), GW_OK);
  }
}

static inline struct gw_request_head request_head(const char *path) {
  return (struct gw_request_head){.method = GW_METHOD_GET,
                                  .method_name = GW_STR("GET"),
                                  .path = gw_str_from(path),
                                  .authority = GW_STR("a.test"),
                                  .scheme = GW_STR("http"),
                                  .content_length = GW_LENGTH_NONE};
}

static inline struct exchange *ask(const struct gw_request_head *head, bool has_body) {
  struct exchange *exchange = new_exchange(&client);
  assert_int_equal(gw_h2_stream_request(client.codec, &exchange->h2, head, has_body), GW_OK);
  return exchange;
}

static inline struct gw_response_head response_head(uint32_t status, int64_t length) {
  return (struct gw_response_head){.status = status, .content_length = length, .declared_length = GW_LENGTH_NONE};
}

static inline void assert_str(struct gw_str s, const char *expected) {
  if (!gw_str_equal(s, gw_str_from(expected))) fail_msg("\"%.*s\" is not \"%s\"", GW_STR_ARG(s), expected);
}

static inline void assert_received(const struct exchange *exchange, const char *expected) {
  assert_str(gw_strbuf_str(&exchange->received), expected);
}

static inline void answer_hello(struct exchange *of_server) {
  struct gw_response_head head = response_head(200, 5);
  gw_h2_stream_respond(&of_server->h2, &head, true);
  gw_h2_stream_send_body(&of_server->h2, GW_STR("hello"));
  gw_h2_stream_send_end(&of_server->h2, NULL);
}

/* ---- frames written by hand ---- */

static inline enum gw_err feed_all(struct gw_strbuf *bytes) {
  enum gw_err err = gw_h2_codec_feed(server.codec, gw_strbuf_str(bytes), now_ms);
  gw_strbuf_done(bytes);
  return err;
}

static inline void assert_abuse(struct gw_strbuf *bytes, const char *detail) {
  assert_int_equal(feed_all(bytes), GW_ERR_LIMIT);
  assert_str(gw_h2_codec_detail(server.codec), detail);
  /* It is told, and nothing more is taken. */
  assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
  assert_true(server.out.len > 0);
  assert_int_equal(gw_h2_codec_feed(server.codec, GW_STR("x"), now_ms), GW_ERR_LIMIT);
}

#endif
