#include "common/http_server/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define HEADER_COUNT_MAX 64
#define LINGER_MS 1000

static const struct gw_h1_limits limits = {.head_bytes = GW_HTTP_SERVER_HEAD_MAX, .header_count = HEADER_COUNT_MAX};

static void advance(struct gw_http_connection *connection);

void gw_http_exchange_free(struct gw_http_exchange *exchange) {
  if (exchange == NULL) return;
  gw_strbuf_done(&exchange->body);
  gw_arena_done(&exchange->arena);
  free(exchange);
}

void gw_http_connection_free(struct gw_http_connection *connection) {
  if (connection->exchange != NULL) {
    connection->exchange->connection = NULL;
    if (connection->state != GW_HTTP_CONNECTION_ASKED) gw_http_exchange_free(connection->exchange);
  }
  gw_list_remove(&connection->node);
  connection->server->connection_count--;
  gw_timer_stop(&connection->timer);
  gw_task_cancel(&connection->advance);
  gw_io_free(connection->io);
  close(connection->fd);
  gw_out_queue_done(&connection->out);
  gw_strbuf_done(&connection->in);
  free(connection);
}

static void set_state(struct gw_http_connection *connection, enum gw_http_connection_state state, uint64_t timeout_ms) {
  connection->state = state;
  if (timeout_ms == 0) {
    gw_timer_stop(&connection->timer);
  } else {
    gw_timer_start(connection->server->loop, &connection->timer, timeout_ms);
  }
}

static void drop_input(struct gw_http_connection *connection, size_t len) {
  if (len == 0) return;
  memmove(connection->in.data, connection->in.data + len, connection->in.len - len);
  connection->in.len -= len;
}

/* GW_ERR_CLOSED and GW_ERR_IO end up as is_broken. */
static void flush(struct gw_http_connection *connection) {
  enum gw_err err = gw_out_queue_flush(&connection->out, connection->fd, NULL);
  if (err != GW_OK && err != GW_ERR_AGAIN) connection->is_broken = true;
}

void gw_http_connection_answer(struct gw_http_connection *connection, uint32_t status, const char *content_type, struct gw_str body,
                               const struct gw_header *extra, uint32_t extra_count) {
  struct gw_http_exchange *exchange = connection->exchange;
  struct gw_response_head head = {.status = status,
                                  .version = GW_HTTP_1_1,
                                  .content_length = (int64_t)body.len,
                                  .declared_length = GW_LENGTH_NONE};
  if (exchange->head.method == GW_METHOD_HEAD) {
    head.declared_length = head.content_length;
    head.content_length = GW_LENGTH_NONE;
    body.len = 0;
  }
  char date[GW_CLOCK_HTTP_DATE_SIZE];
  gw_clock_format_http_date(gw_loop_wall_us(connection->server->loop), date);
  gw_headers_init(&head.headers, &exchange->arena, 3 + extra_count);
  gw_headers_add(&head.headers, &exchange->arena, GW_HEADER_DATE, GW_STR("Date"), gw_str_from(date));
  gw_headers_add(&head.headers, &exchange->arena, GW_HEADER_CONTENT_TYPE, GW_STR("Content-Type"), gw_str_from(content_type));
  gw_headers_add(&head.headers, &exchange->arena, GW_HEADER_OTHER, GW_STR("Cache-Control"), GW_STR("no-store"));
  for (uint32_t i = 0; i < extra_count; i++) {
    gw_headers_add(&head.headers, &exchange->arena, extra[i].id, extra[i].name, extra[i].value);
  }
  connection->closes |= !exchange->keeps_alive || connection->has_eof;
  bool is_1_0 = exchange->head.version == GW_HTTP_1_0;
  gw_out_queue_add(&connection->out,
                   gw_h1_encode_response(&head, false, connection->closes, is_1_0 && !connection->closes, &exchange->arena));
  if (body.len > 0) gw_out_queue_add(&connection->out, body);
  flush(connection);
  connection->exchange = NULL;
  gw_http_exchange_free(exchange);
  set_state(connection, GW_HTTP_CONNECTION_WRITING, GW_HTTP_SERVER_TIMEOUT_MS);
  gw_loop_after_callback(connection->server->loop, &connection->advance);
}

/* The input is broken, so where the next request begins is not known. */
static void refuse(struct gw_http_connection *connection, uint32_t status, const char *message) {
  connection->closes = true;
  gw_http_exchange_reply_error(connection->exchange, status, message);
}

static void start_exchange(struct gw_http_connection *connection) {
  struct gw_http_exchange *exchange = gw_calloc(1, sizeof(*exchange));
  exchange->connection = connection;
  exchange->head.version = GW_HTTP_1_1;
  gw_arena_init(&exchange->arena, 2048);
  gw_strbuf_init(&exchange->body);
  connection->exchange = exchange;
}

static void on_head(struct gw_http_connection *connection, size_t head_len) {
  start_exchange(connection);
  struct gw_http_exchange *exchange = connection->exchange;
  struct gw_str bytes = gw_arena_copy(&exchange->arena, (struct gw_str){connection->in.data, head_len});
  drop_input(connection, head_len);
  connection->scanned = 0;
  uint32_t status = 0;
  struct gw_str detail;
  enum gw_err err = gw_h1_parse_request(bytes, &limits, &exchange->arena, &exchange->head, &exchange->keeps_alive, &status, &detail);
  if (err != GW_OK) {
    exchange->head.method = GW_METHOD_OTHER;
    refuse(connection, status, "the request is not valid HTTP/1.1");
    return;
  }
  int64_t length = exchange->head.content_length;
  if (length > (int64_t)GW_HTTP_SERVER_BODY_MAX) {
    refuse(connection, 413, "the body is too large");
    return;
  }
  gw_h1_body_init(&exchange->body_decoder, length, length == GW_LENGTH_UNKNOWN);
  if (exchange->head.expects_continue && connection->in.len == 0) {
    gw_out_queue_add(&connection->out, GW_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    flush(connection);
  }
  connection->state = GW_HTTP_CONNECTION_BODY; /* the timer goes on: a request has its time as a whole */
}

/* False: more bytes are needed. */
static bool read_head(struct gw_http_connection *connection) {
  size_t head_len;
  enum gw_err err = gw_h1_find_head(connection->in.data, connection->in.len, &limits, &connection->scanned, &head_len);
  if (err == GW_ERR_AGAIN || connection->in.len == 0) return false;
  if (err != GW_OK) {
    start_exchange(connection);
    refuse(connection, 431, "the head is too large");
    return true;
  }
  on_head(connection, head_len);
  return true;
}

static bool read_body(struct gw_http_connection *connection) {
  struct gw_http_exchange *exchange = connection->exchange;
  size_t used = 1;
  while (!exchange->body_decoder.is_complete && used > 0) {
    struct gw_str data;
    enum gw_err err = gw_h1_body_decode(&exchange->body_decoder, gw_strbuf_str(&connection->in), &data, &used);
    if (err != GW_OK) {
      refuse(connection, 400, "the body is not valid");
      return true;
    }
    if (exchange->body.len + data.len > GW_HTTP_SERVER_BODY_MAX) {
      refuse(connection, 413, "the body is too large");
      return true;
    }
    gw_strbuf_append_str(&exchange->body, data);
    drop_input(connection, used);
  }
  if (!exchange->body_decoder.is_complete) return false;
  set_state(connection, GW_HTTP_CONNECTION_ASKED, 0);
  gw_http_server_route(connection->server, exchange);
  return true;
}

/* True: the answer is out, and the connection goes on to the next request. */
static bool end_answer(struct gw_http_connection *connection) {
  if (connection->out.len > 0) return false;
  if (connection->closes) {
    shutdown(connection->fd, SHUT_WR);
    set_state(connection, GW_HTTP_CONNECTION_LINGER, LINGER_MS);
  } else {
    set_state(connection, GW_HTTP_CONNECTION_HEAD, GW_HTTP_SERVER_TIMEOUT_MS);
  }
  return true;
}

static bool step(struct gw_http_connection *connection) {
  switch (connection->state) {
  case GW_HTTP_CONNECTION_HEAD: return read_head(connection);
  case GW_HTTP_CONNECTION_BODY: return read_body(connection);
  case GW_HTTP_CONNECTION_WRITING: return end_answer(connection);
  case GW_HTTP_CONNECTION_LINGER: drop_input(connection, connection->in.len); return false;
  case GW_HTTP_CONNECTION_ASKED: return false;
  }
  return false;
}

static bool is_reading(const struct gw_http_connection *connection) {
  return connection->state == GW_HTTP_CONNECTION_HEAD || connection->state == GW_HTTP_CONNECTION_BODY ||
         connection->state == GW_HTTP_CONNECTION_LINGER;
}

/* The only place that frees a connection while the server lives; never on a route's stack. */
static void advance(struct gw_http_connection *connection) {
  while (!connection->is_broken && step(connection)) {}
  if (connection->is_broken || (connection->has_eof && is_reading(connection))) {
    gw_http_connection_free(connection);
    return;
  }
  unsigned interest = is_reading(connection) ? GW_IO_READ : 0;
  if (connection->out.len > 0) interest |= GW_IO_WRITE;
  gw_io_set(connection->io, interest);
}

static void on_advance(void *arg) {
  advance(arg);
}

static void read_input(struct gw_http_connection *connection) {
  char *scratch = gw_loop_scratch(connection->server->loop);
  ssize_t len = recv(connection->fd, scratch, (size_t)GW_LOOP_SCRATCH_SIZE, 0);
  if (len > 0) {
    bool is_first = connection->state == GW_HTTP_CONNECTION_HEAD && connection->in.len == 0;
    if (is_first) set_state(connection, GW_HTTP_CONNECTION_HEAD, GW_HTTP_SERVER_TIMEOUT_MS);
    gw_strbuf_append(&connection->in, scratch, (size_t)len);
  } else if (len == 0) {
    connection->has_eof = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    connection->is_broken = true;
  }
}

static void on_io(void *arg, unsigned ready) {
  struct gw_http_connection *connection = arg;
  if ((ready & GW_IO_WRITE) != 0) flush(connection);
  if ((ready & GW_IO_READ) != 0 && !connection->is_broken) read_input(connection);
  advance(connection);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_http_connection *connection = GW_CONTAINER_OF(timer, struct gw_http_connection, timer);
  bool is_late = connection->state == GW_HTTP_CONNECTION_BODY || (connection->state == GW_HTTP_CONNECTION_HEAD && connection->in.len > 0);
  if (!is_late) {
    gw_http_connection_free(connection);
    return;
  }
  if (connection->exchange == NULL) start_exchange(connection);
  refuse(connection, 408, "the request took too long to arrive");
}

void gw_http_connection_new(struct gw_http_server *server, int fd) {
  struct gw_http_connection *connection = gw_calloc(1, sizeof(*connection));
  connection->server = server;
  connection->fd = fd;
  connection->io = gw_io_new(server->loop, fd, on_io, connection);
  gw_timer_init(&connection->timer, on_timer);
  gw_task_init(&connection->advance, on_advance, connection);
  gw_out_queue_init(&connection->out);
  gw_strbuf_init(&connection->in);
  gw_list_add_last(&server->connections, &connection->node);
  server->connection_count++;
  set_state(connection, GW_HTTP_CONNECTION_HEAD, GW_HTTP_SERVER_TIMEOUT_MS);
  gw_io_set(connection->io, GW_IO_READ);
}
