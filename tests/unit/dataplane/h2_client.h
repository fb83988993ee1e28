/* Why: an HTTP/2 client on the fixture's loop, plaintext or TLS: our codec on the other side of the wire, and frames by hand beside it.
 * Life: h2_client_new … h2_client_free, with its streams.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_H2_CLIENT_H
#define GW_TESTS_UNIT_DATAPLANE_H2_CLIENT_H

#include "common/net/transport.h"
#include "tests/unit/common/http/h2_frames.h"
#include "tests/unit/dataplane/engine_fixture.h"

struct h2_client {
  struct fixture *fixture;
  int fd;
  struct gw_io *io;
  struct gw_transport transport;
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_task pack_task;
  struct gw_list streams;
  bool is_counting;  /* bodies are only counted */
  bool is_deaf;      /* reads nothing */
  bool is_closed;    /* by the gateway */
  enum gw_err error; /* how it was closed; GW_ERR_CLOSED: in order */
};

struct h2_stream {
  struct gw_h2_stream h2;
  struct gw_list node;
  struct h2_client *client;
  struct gw_arena arena;
  struct gw_request_head head;
  struct gw_strbuf body;
  uint64_t received;
  uint32_t status; /* 0: no answer yet */
  uint32_t interims;
  bool has_ended;
  bool is_closed;
  uint32_t error; /* with is_closed */
};

static inline struct h2_stream *h2_stream_of(struct gw_h2_stream *stream) {
  return GW_CONTAINER_OF(stream, struct h2_stream, h2);
}

static inline void h2_client_on_head(struct gw_h2_stream *h2) {
  struct h2_stream *stream = h2_stream_of(h2);
  if (h2->response.status < 200) {
    stream->interims++;
  } else {
    assert_int_equal(stream->status, 0);
    stream->status = h2->response.status;
  }
}

static inline void h2_client_on_data(struct gw_h2_stream *h2, struct gw_str data) {
  struct h2_stream *stream = h2_stream_of(h2);
  stream->received += data.len;
  if (!stream->client->is_counting) gw_strbuf_append_str(&stream->body, data);
}

static inline void h2_client_on_end(struct gw_h2_stream *h2) {
  assert_false(h2_stream_of(h2)->has_ended);
  h2_stream_of(h2)->has_ended = true;
}

static inline void h2_client_on_pressure(struct gw_h2_stream *h2, bool is_high) {
  (void)h2, (void)is_high;
}

static inline void h2_client_on_close(struct gw_h2_stream *h2, uint32_t error, bool is_by_peer) {
  (void)is_by_peer;
  h2_stream_of(h2)->is_closed = true;
  h2_stream_of(h2)->error = error;
}

static inline void h2_client_on_output(void *arg) {
  struct h2_client *client = arg;
  gw_loop_after_callback(client->fixture->loop, &client->pack_task);
}

static inline void h2_client_on_spent(void *arg, char *bytes) {
  (void)arg;
  free(bytes);
}

static inline void h2_client_watch(struct h2_client *client) {
  unsigned interest = client->is_deaf || client->is_closed ? 0 : GW_IO_READ;
  if (!client->is_closed) interest |= gw_transport_interest(&client->transport, &client->out);
  gw_io_set(client->io, interest);
}

static inline void h2_client_pack(void *arg) {
  struct h2_client *client = arg;
  if (client->is_closed) return;
  gw_h2_codec_pack(client->codec, &client->out, 1024 * 1024);
  gw_transport_flush(&client->transport, client->fixture->loop, &client->out, NULL); /* what breaks shows in the next read */
  h2_client_watch(client);
}

static inline void h2_client_on_io(void *arg, unsigned ready) {
  struct h2_client *client = arg;
  struct gw_loop *loop = client->fixture->loop;
  if ((ready & GW_IO_WRITE) != 0) gw_loop_after_callback(loop, &client->pack_task);
  if ((ready & GW_IO_READ) == 0) return;
  size_t got = 0;
  enum gw_err err = gw_transport_read(&client->transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &got);
  gw_loop_after_callback(loop, &client->pack_task);
  if (err == GW_ERR_AGAIN) return;
  if (err == GW_OK) {
    gw_h2_codec_feed(client->codec, (struct gw_str){gw_loop_scratch(loop), got}, gw_loop_now_ms(loop));
    return;
  }
  client->is_closed = true;
  client->error = err;
  gw_h2_codec_close_streams(client->codec, GW_H2_INTERNAL_ERROR);
  gw_io_set(client->io, 0);
}

static const struct gw_h2_events h2_client_events = {.on_head = h2_client_on_head,
                                                     .on_data = h2_client_on_data,
                                                     .on_end = h2_client_on_end,
                                                     .on_pressure = h2_client_on_pressure,
                                                     .on_close = h2_client_on_close,
                                                     .on_output = h2_client_on_output,
                                                     .on_spent = h2_client_on_spent};

static inline struct gw_h2_options h2_client_options(void) {
  return (struct gw_h2_options){.is_client = true,
                                .hpack_table_size = 4096,
                                .max_concurrent_streams = 1000,
                                .initial_stream_window = 65535,
                                .initial_connection_window = 16 * 1024 * 1024,
                                .head_bytes = 64 * 1024,
                                .header_count = 100};
}

/* tls (NULL: plaintext) as gw_transport_init_client has it. */
static inline struct h2_client *h2_client_new_with(struct fixture *fixture, const struct gw_h2_options *options,
                                                   struct gw_tls_context *tls) {
  struct h2_client *client = gw_calloc(1, sizeof(*client));
  client->fixture = fixture;
  assert_int_equal(gw_socket_connect(&fixture->address, &client->fd), GW_OK);
  if (tls != NULL) {
    gw_transport_init_client(&client->transport, client->fd, fixture->loop, tls, GW_STR("a.example"), NULL);
  } else {
    gw_transport_init(&client->transport, client->fd);
  }
  client->io = gw_io_new(fixture->loop, client->fd, h2_client_on_io, client);
  client->codec = gw_h2_codec_new(options, &h2_client_events, client);
  gw_out_queue_init(&client->out);
  gw_task_init(&client->pack_task, h2_client_pack, client);
  gw_list_init(&client->streams);
  gw_io_set(client->io, GW_IO_READ | GW_IO_WRITE);
  return client;
}

static inline struct h2_client *h2_client_new(struct fixture *fixture) {
  struct gw_h2_options options = h2_client_options();
  return h2_client_new_with(fixture, &options, NULL);
}

/* Closes without a word. */
static inline void h2_client_free(struct h2_client *client) {
  gw_task_cancel(&client->pack_task);
  gw_h2_codec_free(client->codec);
  GW_LIST_FOR_EACH(node, &client->streams) {
    struct h2_stream *stream = GW_LIST_ITEM(node, struct h2_stream, node);
    gw_strbuf_done(&stream->body);
    gw_arena_done(&stream->arena);
    free(stream);
  }
  gw_out_queue_done(&client->out);
  gw_io_free(client->io);
  gw_transport_done(&client->transport);
  close(client->fd);
  free(client);
}

/* The head of a request that is not sent yet: fields may be added. */
static inline struct h2_stream *h2_stream_new(struct h2_client *client, const char *method, const char *path, int64_t content_length) {
  struct h2_stream *stream = gw_calloc(1, sizeof(*stream));
  stream->client = client;
  gw_arena_init(&stream->arena, 1024);
  gw_list_add_last(&client->streams, &stream->node);
  gw_h2_stream_init(&stream->h2, &stream->arena);
  stream->head = (struct gw_request_head){.method = gw_method_find(gw_str_from(method)),
                                          .method_name = gw_str_from(method),
                                          .path = gw_str_from(path),
                                          .authority = GW_STR("a.example"),
                                          .scheme = GW_STR("http"),
                                          .content_length = content_length};
  gw_headers_init(&stream->head.headers, &stream->arena, 4);
  return stream;
}

static inline void h2_add(struct h2_stream *stream, const char *name, const char *value) {
  struct gw_str header = gw_str_from(name);
  gw_headers_add(&stream->head.headers, &stream->arena, gw_header_id_find(header), header, gw_str_from(value));
}

static inline struct h2_stream *h2_send(struct h2_stream *stream) {
  bool has_body = stream->head.upgrade.len > 0 || stream->head.content_length != GW_LENGTH_NONE;
  assert_int_equal(gw_h2_stream_request(stream->client->codec, &stream->h2, &stream->head, has_body), GW_OK);
  return stream;
}

/* A GET. */
static inline struct h2_stream *h2_get(struct h2_client *client, const char *path) {
  return h2_send(h2_stream_new(client, "GET", path, GW_LENGTH_NONE));
}

/* A POST without an end yet. */
static inline struct h2_stream *h2_post(struct h2_client *client, const char *path) {
  return h2_send(h2_stream_new(client, "POST", path, GW_LENGTH_UNKNOWN));
}

static inline struct h2_stream *h2_tunnel(struct h2_client *client, const char *path) {
  struct h2_stream *stream = h2_stream_new(client, "GET", path, GW_LENGTH_NONE);
  stream->head.upgrade = GW_STR("websocket");
  h2_add(stream, "sec-websocket-version", "13");
  return h2_send(stream);
}

static inline void h2_say(struct h2_stream *stream, const char *text) {
  gw_h2_stream_send_body(&stream->h2, gw_str_from(text));
}

static inline void h2_end(struct h2_stream *stream) {
  gw_h2_stream_send_end(&stream->h2, NULL);
}

/* As bytes on the wire, behind all that the codec has to say; plaintext only. */
static inline void h2_send_raw(struct h2_client *client, struct gw_strbuf *bytes) {
  h2_client_pack(client);
  assert_int_equal(client->out.len, 0);
  assert_int_equal(send(client->fd, bytes->data, bytes->len, MSG_NOSIGNAL), (ssize_t)bytes->len);
  gw_strbuf_done(bytes);
}

static inline void h2_wait_ended(struct h2_stream *stream) {
  uint64_t until_us = gw_clock_monotonic_us() + FIXTURE_WAIT_MS * 1000;
  while (!stream->has_ended) {
    if (stream->is_closed || gw_clock_monotonic_us() > until_us) {
      fail_msg("%.*s has no end: status %u, closed %d, error %u, body: %.*s", GW_STR_ARG(stream->head.path), stream->status,
               stream->is_closed, stream->error, GW_STR_ARG(gw_strbuf_str(&stream->body)));
    }
    gw_loop_run_once(stream->client->fixture->loop, 20);
  }
}

static inline void h2_assert_answer(struct h2_stream *stream, uint32_t status, const char *body) {
  h2_wait_ended(stream);
  assert_int_equal(stream->status, status);
  struct gw_str got = gw_strbuf_str(&stream->body);
  if (*body != '\0' && (got.len == 0 || memmem(got.data, got.len, body, strlen(body)) == NULL))
    fail_msg("\"%s\" is not in: %.*s", body, GW_STR_ARG(got));
}

static inline struct gw_str h2_answer_header(const struct h2_stream *stream, const char *name) {
  const struct gw_header *header = gw_headers_find_name(&stream->h2.response.headers, gw_str_from(name));
  return header != NULL ? header->value : (struct gw_str){0};
}

/* Until nothing moves at once. */
static inline void h2_settle(struct fixture *fixture) {
  for (int i = 0; i < 10; i++)
    gw_loop_run_once(fixture->loop, 2);
}

#endif
