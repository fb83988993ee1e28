/* Why: a service that speaks HTTP/2 on a test's loop, plaintext or TLS (then also a little HTTP/1.1, if ALPN says so): answers by path.
 * Life: h2_backend_start … h2_backend_stop.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_H2_BACKEND_H
#define GW_TESTS_UNIT_DATAPLANE_H2_BACKEND_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/http/h2_codec.h"
#include "common/net/socket.h"
#include "common/net/transport.h"
#include "tests/unit/common/http/h2_frames.h"

struct h2_backend {
  struct gw_loop *loop;
  int fd;
  uint16_t port;
  struct gw_io *io;
  struct gw_tls_context *tls; /* of connections from now on; NULL: plaintext */
  struct gw_h2_options options;
  struct gw_list connections;
  struct gw_list streams; /* of all connections, oldest first */
  uint32_t accepted;
  uint32_t requests; /* heads that came */
  uint32_t refuse;   /* so many streams, the next ones */
  uint32_t resumed;  /* TLS sessions */
  bool is_paused;    /* bodies are not read */
  bool is_mute;      /* nothing is answered, whatever the path */
  uint32_t reset;    /* so many streams, the next ones, are reset once the request is whole */
  uint64_t body_bytes;
};

struct h2_backend_connection {
  struct gw_list node;
  struct h2_backend *backend;
  int fd;
  struct gw_io *io;
  struct gw_transport transport;
  struct gw_h2_codec *codec; /* NULL: not known yet, or HTTP/1.1 */
  bool is_h1;
  bool is_deaf;
  struct gw_strbuf h1_in;
  struct gw_out_queue out;
  struct gw_task pack_task;
};

struct h2_backend_stream {
  struct gw_h2_stream h2;
  struct gw_list node;
  struct h2_backend_connection *connection;
  struct gw_arena arena;
  struct gw_strbuf body;
  uint64_t fill_left;
  bool is_tunnel;
  bool is_answered;
};

static inline struct h2_backend_stream *h2_backend_stream_of(struct gw_h2_stream *h2) {
  return GW_CONTAINER_OF(h2, struct h2_backend_stream, h2);
}

static inline void h2_backend_stream_free(struct h2_backend_stream *stream) {
  gw_list_remove(&stream->node);
  gw_strbuf_done(&stream->body);
  gw_arena_done(&stream->arena);
  free(stream);
}

static inline void h2_backend_connection_free(struct h2_backend_connection *connection) {
  gw_task_cancel(&connection->pack_task);
  GW_LIST_FOR_EACH(node, &connection->backend->streams) {
    struct h2_backend_stream *stream = GW_LIST_ITEM(node, struct h2_backend_stream, node);
    if (stream->connection != connection) continue;
    gw_h2_stream_detach(&stream->h2, GW_H2_CANCEL);
    h2_backend_stream_free(stream);
  }
  gw_h2_codec_free(connection->codec);
  gw_task_cancel(&connection->pack_task);
  gw_list_remove(&connection->node);
  gw_io_free(connection->io);
  gw_transport_done(&connection->transport);
  close(connection->fd);
  gw_strbuf_done(&connection->h1_in);
  gw_out_queue_done(&connection->out);
  free(connection);
}

/* ---- answers ---- */

static inline struct gw_response_head h2_backend_head(struct h2_backend_stream *stream, uint32_t status, int64_t length) {
  struct gw_response_head head = {.status = status, .content_length = length, .declared_length = GW_LENGTH_NONE};
  gw_headers_init(&head.headers, &stream->arena, 2);
  stream->is_answered = status >= 200;
  return head;
}

static inline void h2_backend_respond(struct h2_backend_stream *stream, uint32_t status, int64_t length, const char *body) {
  struct gw_response_head head = h2_backend_head(stream, status, length);
  gw_h2_stream_respond(&stream->h2, &head, true);
  gw_h2_stream_send_body(&stream->h2, gw_str_from(body));
}

static inline void h2_backend_hello(struct h2_backend_stream *stream) {
  h2_backend_respond(stream, 200, 5, "hello");
  gw_h2_stream_send_end(&stream->h2, NULL);
}

static inline void h2_backend_fill(struct h2_backend_stream *stream) {
  static char filler[32 * 1024];
  while (stream->fill_left > 0 && !stream->h2.is_above_watermark && stream->h2.body.len < sizeof(filler)) {
    size_t piece = stream->fill_left < sizeof(filler) ? (size_t)stream->fill_left : sizeof(filler);
    stream->fill_left -= piece;
    gw_h2_stream_send_body(&stream->h2, (struct gw_str){filler, piece});
    if (stream->fill_left == 0) gw_h2_stream_send_end(&stream->h2, NULL);
  }
}

static inline bool h2_backend_path_is(const struct h2_backend_stream *stream, const char *path) {
  return gw_str_has_prefix(stream->h2.request.path, gw_str_from(path));
}

static inline void h2_backend_echo(struct h2_backend_stream *stream) {
  struct gw_response_head head = h2_backend_head(stream, 200, GW_LENGTH_UNKNOWN);
  gw_h2_stream_respond(&stream->h2, &head, true);
  gw_h2_stream_send_body(&stream->h2, gw_strbuf_str(&stream->body));
  gw_h2_stream_send_end(&stream->h2, &stream->h2.trailers);
}

/* The request is whole. */
static inline void h2_backend_answer(struct h2_backend_stream *stream) {
  if (stream->is_answered || stream->connection->backend->is_mute || h2_backend_path_is(stream, "/slow")) return;
  struct gw_response_head head;
  if (h2_backend_path_is(stream, "/echo")) {
    h2_backend_echo(stream);
  } else if (h2_backend_path_is(stream, "/big/")) {
    struct gw_str size = gw_str_skip(stream->h2.request.path, 5);
    gw_str_parse_u64(size, &stream->fill_left);
    head = h2_backend_head(stream, 200, (int64_t)stream->fill_left);
    gw_h2_stream_respond(&stream->h2, &head, true);
    h2_backend_fill(stream);
  } else if (h2_backend_path_is(stream, "/trailers")) {
    struct gw_headers *trailers = gw_arena_calloc(&stream->arena, 1, sizeof(*trailers));
    gw_headers_init(trailers, &stream->arena, 1);
    gw_headers_add(trailers, &stream->arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), GW_STR("7"));
    h2_backend_respond(stream, 200, GW_LENGTH_UNKNOWN, "data");
    gw_h2_stream_send_end(&stream->h2, trailers);
  } else if (h2_backend_path_is(stream, "/empty/")) {
    /* Its end comes in a frame of its own, as some servers have it. */
    uint64_t status = 204;
    gw_str_parse_u64(gw_str_skip(stream->h2.request.path, 7), &status);
    head = h2_backend_head(stream, (uint32_t)status, GW_LENGTH_NONE);
    gw_h2_stream_respond(&stream->h2, &head, true);
    gw_h2_stream_send_end(&stream->h2, NULL);
  } else if (stream->h2.request.method == GW_METHOD_HEAD) {
    head = h2_backend_head(stream, 200, h2_backend_path_is(stream, "/unsized") ? GW_LENGTH_NONE : 5);
    gw_h2_stream_respond(&stream->h2, &head, true);
    gw_h2_stream_send_end(&stream->h2, NULL);
  } else if (h2_backend_path_is(stream, "/interim")) {
    for (int i = 0; i < 2; i++) {
      head = h2_backend_head(stream, 103, GW_LENGTH_NONE);
      gw_h2_stream_respond(&stream->h2, &head, false);
    }
    h2_backend_hello(stream);
  } else {
    h2_backend_hello(stream);
  }
}

/* ---- the codec's events ---- */

static inline struct gw_h2_stream *h2_backend_on_open(void *arg) {
  struct h2_backend_connection *connection = arg;
  if (connection->backend->refuse > 0) {
    connection->backend->refuse--;
    return NULL;
  }
  struct h2_backend_stream *stream = gw_calloc(1, sizeof(*stream));
  stream->connection = connection;
  gw_arena_init(&stream->arena, 1024);
  gw_h2_stream_init(&stream->h2, &stream->arena);
  gw_list_add_last(&connection->backend->streams, &stream->node);
  return &stream->h2;
}

static inline void h2_backend_on_head(struct gw_h2_stream *h2) {
  struct h2_backend_stream *stream = h2_backend_stream_of(h2);
  struct h2_backend *backend = stream->connection->backend;
  backend->requests++;
  assert_int_equal(h2->refusal, 0);
  if (backend->is_paused) gw_h2_stream_set_paused(h2, true);
  if (h2->request.upgrade.len > 0) {
    stream->is_tunnel = !h2_backend_path_is(stream, "/deny");
    if (h2_backend_path_is(stream, "/slow")) return;
    h2_backend_respond(stream, stream->is_tunnel ? 200 : 403, GW_LENGTH_UNKNOWN, stream->is_tunnel ? "" : "denied");
    if (!stream->is_tunnel) gw_h2_stream_send_end(h2, NULL);
  } else if (h2_backend_path_is(stream, "/partial")) {
    h2_backend_respond(stream, 200, 100, "0123456789");
  } else if (h2_backend_path_is(stream, "/early")) {
    h2_backend_respond(stream, 413, GW_LENGTH_UNKNOWN, "big");
    gw_h2_stream_send_end(h2, NULL);
  }
}

static inline void h2_backend_on_data(struct gw_h2_stream *h2, struct gw_str data) {
  struct h2_backend_stream *stream = h2_backend_stream_of(h2);
  stream->connection->backend->body_bytes += data.len;
  if (stream->body.len < 65536) gw_strbuf_append_str(&stream->body, data);
  if (!stream->is_tunnel) return;
  gw_h2_stream_send_body(h2, gw_arena_copy(&stream->arena, data));
  if (gw_str_equal(data, GW_STR("fail"))) gw_h2_codec_terminate(stream->connection->codec, GW_H2_INTERNAL_ERROR);
  if (gw_str_equal(data, GW_STR("bye"))) gw_h2_stream_send_end(h2, NULL);
}

static inline void h2_backend_on_end(struct gw_h2_stream *h2) {
  struct h2_backend_stream *stream = h2_backend_stream_of(h2);
  struct h2_backend *backend = stream->connection->backend;
  if (!stream->is_tunnel && backend->reset > 0) {
    backend->reset--;
    gw_h2_stream_detach(h2, GW_H2_INTERNAL_ERROR);
    h2_backend_stream_free(stream);
    return;
  }
  if (!stream->is_tunnel) {
    h2_backend_answer(stream);
    return;
  }
  gw_h2_stream_send_body(h2, GW_STR("[end]"));
  gw_h2_stream_send_end(h2, NULL);
}

static inline void h2_backend_on_pressure(struct gw_h2_stream *h2, bool is_high) {
  if (!is_high) h2_backend_fill(h2_backend_stream_of(h2));
}

static inline void h2_backend_on_close(struct gw_h2_stream *h2, uint32_t error, bool is_by_peer) {
  (void)error, (void)is_by_peer;
  h2_backend_stream_free(h2_backend_stream_of(h2));
}

static inline void h2_backend_pack_soon(void *arg) {
  struct h2_backend_connection *connection = arg;
  gw_loop_at_turn_end(connection->backend->loop, &connection->pack_task);
}

static inline void h2_backend_on_spent(void *arg, char *bytes) {
  (void)arg;
  free(bytes);
}

static const struct gw_h2_events h2_backend_events = {.on_open = h2_backend_on_open,
                                                      .on_head = h2_backend_on_head,
                                                      .on_data = h2_backend_on_data,
                                                      .on_end = h2_backend_on_end,
                                                      .on_pressure = h2_backend_on_pressure,
                                                      .on_close = h2_backend_on_close,
                                                      .on_output = h2_backend_pack_soon,
                                                      .on_spent = h2_backend_on_spent};

/* ---- connections ---- */

static inline void h2_backend_watch(struct h2_backend_connection *connection) {
  unsigned interest = gw_transport_interest(&connection->transport, &connection->out);
  gw_io_set(connection->io, interest | (connection->is_deaf ? 0 : GW_IO_READ));
}

static inline void h2_backend_on_pack(void *arg) {
  struct h2_backend_connection *connection = arg;
  if (connection->codec != NULL) gw_h2_codec_pack(connection->codec, &connection->out, 256 * 1024);
  gw_transport_flush(&connection->transport, connection->backend->loop, &connection->out, NULL);
  GW_LIST_FOR_EACH(node, &connection->backend->streams) {
    struct h2_backend_stream *stream = GW_LIST_ITEM(node, struct h2_backend_stream, node);
    if (stream->connection == connection) h2_backend_fill(stream);
  }
  h2_backend_watch(connection);
}

/* As little as a test of what was agreed on needs: "hello" for each request of which all came. */
static inline void h2_backend_take_h1(struct h2_backend_connection *connection, struct gw_str input) {
  gw_strbuf_append_str(&connection->h1_in, input);
  gw_strbuf_append(&connection->h1_in, "", 1);
  connection->h1_in.len--;
  const char *end = strstr(connection->h1_in.data, "\r\n\r\n");
  if (end == NULL) return;
  const char *length = strcasestr(connection->h1_in.data, "content-length:");
  size_t whole = (size_t)(end - connection->h1_in.data) + 4 + (length != NULL ? strtoul(length + 15, NULL, 10) : 0);
  if (connection->h1_in.len < whole) return;
  connection->backend->requests++;
  connection->backend->body_bytes += whole - (size_t)(end + 4 - connection->h1_in.data);
  gw_strbuf_clear(&connection->h1_in);
  gw_out_queue_add_copy(&connection->out, GW_STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
  h2_backend_pack_soon(connection);
}

static inline void h2_backend_start_speech(struct h2_backend_connection *connection) {
  struct gw_tls *tls = connection->transport.tls;
  if (tls != NULL && gw_tls_is_resumed(tls)) connection->backend->resumed++;
  connection->is_h1 = tls != NULL && !gw_str_equal(gw_tls_alpn(tls), GW_STR("h2"));
  if (connection->is_h1) return;
  connection->codec = gw_h2_codec_new(&connection->backend->options, &h2_backend_events, connection);
  h2_backend_pack_soon(connection);
}

static inline void h2_backend_on_io(void *arg, unsigned ready) {
  struct h2_backend_connection *connection = arg;
  struct gw_loop *loop = connection->backend->loop;
  if ((ready & GW_IO_WRITE) != 0) h2_backend_pack_soon(connection);
  if ((ready & GW_IO_READ) == 0) return;
  size_t got = 0;
  enum gw_err err = gw_transport_read(&connection->transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &got);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    h2_backend_connection_free(connection);
    return;
  }
  bool is_ready = gw_transport_is_ready(&connection->transport);
  if (is_ready && connection->codec == NULL && !connection->is_h1) h2_backend_start_speech(connection);
  h2_backend_pack_soon(connection);
  if (err == GW_ERR_AGAIN) return;
  struct gw_str input = {gw_loop_scratch(loop), got};
  if (connection->is_h1) {
    h2_backend_take_h1(connection, input);
  } else {
    gw_h2_codec_feed(connection->codec, input, gw_loop_now_ms(loop));
  }
}

static inline void h2_backend_on_accept(void *arg, unsigned ready) {
  (void)ready;
  struct h2_backend *backend = arg;
  struct gw_address peer;
  int fd;
  while (gw_socket_accept(backend->fd, &peer, &fd) == GW_OK) {
    struct h2_backend_connection *connection = gw_calloc(1, sizeof(*connection));
    connection->backend = backend;
    connection->fd = fd;
    if (backend->tls != NULL) {
      gw_transport_init_server(&connection->transport, fd, backend->loop, backend->tls);
    } else {
      gw_transport_init(&connection->transport, fd);
    }
    gw_out_queue_init(&connection->out);
    gw_task_init(&connection->pack_task, h2_backend_on_pack, connection);
    connection->io = gw_io_new(backend->loop, fd, h2_backend_on_io, connection);
    gw_list_add_last(&backend->connections, &connection->node);
    backend->accepted++;
    if (backend->tls == NULL) h2_backend_start_speech(connection);
    gw_io_set(connection->io, GW_IO_READ);
  }
}

static inline struct h2_backend_connection *h2_backend_last(struct h2_backend *backend) {
  return GW_LIST_ITEM(backend->connections.prev, struct h2_backend_connection, node);
}

static inline struct h2_backend_stream *h2_backend_first_stream(struct h2_backend *backend) {
  assert_false(gw_list_is_empty(&backend->streams));
  return GW_LIST_ITEM(backend->streams.next, struct h2_backend_stream, node);
}

/* Bytes that no server would send, on the newest connection; plaintext only. */
static inline void h2_backend_send_raw(struct h2_backend *backend, struct gw_strbuf *bytes) {
  struct h2_backend_connection *connection = h2_backend_last(backend);
  gw_task_cancel(&connection->pack_task);
  h2_backend_on_pack(connection);
  assert_int_equal(send(connection->fd, bytes->data, bytes->len, MSG_NOSIGNAL), (ssize_t)bytes->len);
  gw_strbuf_done(bytes);
}

static inline void h2_backend_resume(struct h2_backend *backend) {
  backend->is_paused = false;
  GW_LIST_FOR_EACH(node, &backend->streams)
  gw_h2_stream_set_paused(&GW_LIST_ITEM(node, struct h2_backend_stream, node)->h2, false);
}

static inline void h2_backend_start(struct h2_backend *backend, struct gw_loop *loop) {
  struct gw_address address;
  memset(backend, 0, sizeof(*backend));
  backend->loop = loop;
  backend->options = (struct gw_h2_options){.allows_connect = true,
                                            .hpack_table_size = 4096,
                                            .max_concurrent_streams = 100,
                                            .initial_stream_window = 65535,
                                            .initial_connection_window = 1024 * 1024,
                                            .head_bytes = 64 * 1024,
                                            .header_count = 100};
  gw_list_init(&backend->connections);
  gw_list_init(&backend->streams);
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &address), GW_OK);
  assert_int_equal(gw_socket_listen(&address, false, 128, &backend->fd), GW_OK);
  assert_int_equal(gw_socket_local_address(backend->fd, &address), GW_OK);
  backend->port = gw_address_port(&address);
  backend->io = gw_io_new(loop, backend->fd, h2_backend_on_accept, backend);
  gw_io_set(backend->io, GW_IO_READ);
}

static inline void h2_backend_drop_connections(struct h2_backend *backend) {
  while (!gw_list_is_empty(&backend->connections))
    h2_backend_connection_free(h2_backend_last(backend));
}

static inline void h2_backend_stop(struct h2_backend *backend) {
  h2_backend_drop_connections(backend);
  gw_io_free(backend->io);
  close(backend->fd);
}

#endif
