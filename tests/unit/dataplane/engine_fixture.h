/* Why: an engine, a backend and raw clients on one loop in one process, so that a test sees every byte and needs no sleep.
 * Life: fixture_start … fixture_stop; clients until client_free.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_ENGINE_FIXTURE_H
#define GW_TESTS_UNIT_DATAPLANE_ENGINE_FIXTURE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/websocket_key.h"
#include "common/net/socket.h"
#include "common/net/tls.h"
#include "common/otlp/span_sink.h"
#include "dataplane/filters/filters.h"
#include "dataplane/listener/engine.h"
#include "dataplane/listener/listen_set.h"
#include "tests/unit/dataplane/model_fixture.h"

#define FIXTURE_WAIT_MS 10000

/* ---- the backend: answers by path ---- */

struct backend {
  struct gw_loop *loop;
  int fd;
  uint16_t port;
  struct gw_io *io;
  struct gw_list connections;
  uint32_t accepted;
  uint32_t requests;
  uint64_t body_bytes;     /* of all requests */
  bool is_paused;          /* bodies are not read */
  bool closes_next_reused; /* a second request on a connection is answered by closing it */
  uint32_t failures_left;  /* so many requests, the next ones, get `failure` instead of an answer */
  const char *failure;     /* as it stands; "": nothing; NULL: the connection is closed */
  char last_head[8192];
  char last_body[8192]; /* its beginning */
};

struct backend_connection {
  struct gw_list node;
  struct backend *backend;
  int fd;
  struct gw_io *io;
  struct gw_strbuf in;
  uint32_t requests;
  uint64_t body_left; /* of the request being read */
  bool is_in_body;
  uint64_t fill_left; /* of a big answer */
  struct gw_strbuf out;
  bool closes_after;
  bool is_tunnel; /* what comes is sent back */
  char head[8192];
  char body[8192]; /* its beginning */
};

static inline void backend_connection_free(struct backend_connection *connection) {
  gw_list_remove(&connection->node);
  gw_io_free(connection->io);
  close(connection->fd);
  gw_strbuf_done(&connection->in);
  gw_strbuf_done(&connection->out);
  free(connection);
}

static inline void backend_reset(struct backend_connection *connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  backend_connection_free(connection);
}

/* false: the connection is gone. */
static inline bool backend_pump(struct backend_connection *connection) {
  static char filler[65536];
  while (connection->out.len > 0 || connection->fill_left > 0) {
    if (connection->out.len == 0) {
      memset(filler, 'x', sizeof(filler));
      size_t piece = connection->fill_left < sizeof(filler) ? (size_t)connection->fill_left : sizeof(filler);
      gw_strbuf_append(&connection->out, filler, piece);
      connection->fill_left -= piece;
    }
    ssize_t sent = send(connection->fd, connection->out.data, connection->out.len, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      gw_io_set(connection->io, GW_IO_READ | GW_IO_WRITE);
      return true;
    }
    if (sent < 0) {
      backend_connection_free(connection);
      return false;
    }
    memmove(connection->out.data, connection->out.data + sent, connection->out.len - (size_t)sent);
    connection->out.len -= (size_t)sent;
  }
  gw_io_set(connection->io, GW_IO_READ);
  if (!connection->closes_after) return true;
  backend_connection_free(connection);
  return false;
}

static inline bool backend_path_is(const char *head, const char *path) {
  const char *space = strchr(head, ' ');
  return space != NULL && strncmp(space + 1, path, strlen(path)) == 0;
}

/* The handshake of a WebSocket: taken, but for two paths. */
static inline void backend_switch(struct backend_connection *connection) {
  const char *key = strcasestr(connection->head, "sec-websocket-key: ");
  char accept[GW_WEBSOCKET_ACCEPT_SIZE] = "";
  if (key != NULL) gw_websocket_key_accept((struct gw_str){key + 19, strcspn(key + 19, "\r")}, accept);
  if (backend_path_is(connection->head, "/deny")) {
    gw_strbuf_printf(&connection->out, "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied");
    return;
  }
  if (backend_path_is(connection->head, "/liar")) accept[0] = accept[0] == 'A' ? 'B' : 'A';
  connection->is_tunnel = true;
  gw_strbuf_printf(&connection->out,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
}

/* The whole request is there. false: the connection is gone. */
static inline bool backend_answer(struct backend_connection *connection) {
  struct backend *backend = connection->backend;
  const char *head = connection->head;
  memcpy(backend->last_head, connection->head, sizeof(backend->last_head));
  memcpy(backend->last_body, connection->body, sizeof(backend->last_body));
  struct gw_strbuf *out = &connection->out;
  backend->requests++;
  if (connection->requests++ > 0 && backend->closes_next_reused) {
    backend->closes_next_reused = false;
    backend_connection_free(connection);
    return false;
  }
  if (backend->failures_left > 0) {
    backend->failures_left--;
    if (backend->failure == NULL) {
      backend_connection_free(connection);
      return false;
    }
    gw_strbuf_printf(out, "%s", backend->failure);
    return backend_pump(connection);
  }
  if (backend_path_is(head, "/slow")) return true;
  if (backend_path_is(head, "/close")) {
    backend_connection_free(connection);
    return false;
  }
  if (backend_path_is(head, "/reset")) {
    backend_reset(connection);
    return false;
  }
  if (strcasestr(head, "upgrade: websocket") != NULL) {
    backend_switch(connection);
  } else if (backend_path_is(head, "/garbage")) {
    gw_strbuf_printf(out, "BANANA\r\n\r\n");
  } else if (backend_path_is(head, "/upgrade")) {
    gw_strbuf_printf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  } else if (backend_path_is(head, "/partial")) {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
    connection->closes_after = true;
  } else if (backend_path_is(head, "/chunked")) {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  } else if (backend_path_is(head, "/until-close")) {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\n\r\nto the end");
    connection->closes_after = true;
  } else if (backend_path_is(head, "/interim")) {
    gw_strbuf_printf(out, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                          "2\r\n\r\nok");
  } else if (backend_path_is(head, "/status/")) {
    gw_strbuf_printf(out, "HTTP/1.1 %.3s As asked\r\nContent-Length: 0\r\n\r\n", strstr(head, "/status/") + 8);
  } else if (backend_path_is(head, "/empty")) {
    gw_strbuf_printf(out, "HTTP/1.1 204 No Content\r\n\r\n");
  } else if (backend_path_is(head, "/big/")) {
    connection->fill_left = strtoull(strstr(head, "/big/") + 5, NULL, 10);
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)connection->fill_left);
  } else if (strncmp(head, "HEAD ", 5) == 0) {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  } else if (backend_path_is(head, "/echo")) {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(backend->last_body), backend->last_body);
  } else {
    gw_strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nServer: backend\r\nX-Kept: "
                          "yes\r\n\r\nhello");
  }
  return backend_pump(connection);
}

static inline void backend_keep_body(struct backend_connection *connection, const char *data, size_t len) {
  size_t have = strlen(connection->body);
  size_t room = sizeof(connection->body) - 1 - have;
  if (len > room) len = room;
  memcpy(connection->body + have, data, len);
  connection->body[have + len] = '\0';
}

/* Naive on purpose: chunked bodies are taken as they are, up to the last chunk. false: the connection is gone. */
static inline bool backend_consume(struct backend_connection *connection) {
  struct backend *backend = connection->backend;
  while (connection->in.len > 0) {
    struct gw_strbuf *in = &connection->in;
    size_t used;
    if (connection->is_tunnel) {
      used = in->len;
      gw_strbuf_append(&connection->out, in->data, in->len);
      connection->closes_after = used == 3 && memcmp(in->data, "bye", 3) == 0;
      if (!backend_pump(connection)) return false;
    } else if (!connection->is_in_body) {
      char *end = memmem(in->data, in->len, "\r\n\r\n", 4);
      if (end == NULL) return true;
      used = (size_t)(end - in->data) + 4;
      snprintf(connection->head, sizeof(connection->head), "%.*s", (int)used, in->data);
      connection->body[0] = '\0';
      const char *length = strcasestr(connection->head, "content-length:");
      connection->body_left = length != NULL ? strtoull(length + 15, NULL, 10) : 0;
      if (strcasestr(connection->head, "transfer-encoding: chunked") != NULL) connection->body_left = UINT64_MAX;
      connection->is_in_body = connection->body_left > 0;
      if (backend_path_is(connection->head, "/early")) {
        gw_strbuf_printf(&connection->out, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
        connection->closes_after = true;
        return backend_pump(connection);
      }
      if (!connection->is_in_body && !backend_answer(connection)) return false;
    } else if (connection->body_left == UINT64_MAX) {
      char *end = memmem(in->data, in->len, "0\r\n\r\n", 5);
      used = end != NULL ? (size_t)(end - in->data) + 5 : in->len;
      if (end == NULL && in->len < 5) return true;
      if (end == NULL) used = in->len - 4;
      backend->body_bytes += used;
      backend_keep_body(connection, in->data, used);
      connection->is_in_body = end == NULL;
      if (end != NULL && !backend_answer(connection)) return false;
    } else {
      used = in->len < connection->body_left ? in->len : (size_t)connection->body_left;
      connection->body_left -= used;
      backend->body_bytes += used;
      backend_keep_body(connection, in->data, used);
      connection->is_in_body = connection->body_left > 0;
      if (!connection->is_in_body && !backend_answer(connection)) return false;
    }
    memmove(in->data, in->data + used, in->len - used);
    in->len -= used;
  }
  return true;
}

static inline void backend_on_io(void *arg, unsigned ready) {
  struct backend_connection *connection = arg;
  static char buffer[65536];
  if ((ready & GW_IO_WRITE) != 0 && !backend_pump(connection)) return;
  if ((ready & GW_IO_READ) == 0) return;
  if (connection->backend->is_paused && connection->is_in_body) {
    gw_io_set(connection->io, 0);
    return;
  }
  ssize_t got = recv(connection->fd, buffer, sizeof(buffer), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got == 0 && connection->is_tunnel && !connection->closes_after) {
    gw_strbuf_printf(&connection->out, "[end]");
    connection->closes_after = true;
    backend_pump(connection);
    return;
  }
  if (got <= 0) {
    backend_connection_free(connection);
    return;
  }
  gw_strbuf_append(&connection->in, buffer, (size_t)got);
  backend_consume(connection);
}

static inline void backend_resume(struct backend *backend) {
  backend->is_paused = false;
  GW_LIST_FOR_EACH(node, &backend->connections)
  gw_io_set(GW_LIST_ITEM(node, struct backend_connection, node)->io, GW_IO_READ);
}

static inline void backend_on_accept(void *arg, unsigned ready) {
  (void)ready;
  struct backend *backend = arg;
  struct gw_address peer;
  int fd;
  while (gw_socket_accept(backend->fd, &peer, &fd) == GW_OK) {
    struct backend_connection *connection = gw_calloc(1, sizeof(*connection));
    connection->backend = backend;
    connection->fd = fd;
    connection->io = gw_io_new(backend->loop, fd, backend_on_io, connection);
    gw_io_set(connection->io, GW_IO_READ);
    gw_list_add_last(&backend->connections, &connection->node);
    backend->accepted++;
  }
}

static inline void backend_start(struct backend *backend, struct gw_loop *loop) {
  struct gw_address address;
  memset(backend, 0, sizeof(*backend));
  backend->loop = loop;
  gw_list_init(&backend->connections);
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &address), GW_OK);
  assert_int_equal(gw_socket_listen(&address, false, 128, &backend->fd), GW_OK);
  assert_int_equal(gw_socket_local_address(backend->fd, &address), GW_OK);
  backend->port = gw_address_port(&address);
  backend->io = gw_io_new(loop, backend->fd, backend_on_accept, backend);
  gw_io_set(backend->io, GW_IO_READ);
}

static inline void backend_drop_connections(struct backend *backend) {
  while (!gw_list_is_empty(&backend->connections))
    backend_connection_free(GW_LIST_ITEM(backend->connections.next, struct backend_connection, node));
}

static inline void backend_stop(struct backend *backend) {
  backend_drop_connections(backend);
  gw_io_free(backend->io);
  if (backend->fd >= 0) close(backend->fd);
}

/* ---- the gateway ---- */

struct fixture {
  struct gw_loop *loop;
  struct gw_engine *engine;
  struct gw_listen_set *listen_set;
  struct gw_frozen *frozen; /* ours */
  struct backend backend;
  struct gw_address address;
  struct gw_node_status_calls node_status;
  bool is_ready;
  enum gw_overload_level overload;
  struct gw_client_table *clients;
  struct gw_rate_limit_table *rate_limits;
  unsigned version;
  struct gw_log_writer *log_writer;
  char log_path[64];
  uint32_t released;
  struct gw_mailbox *span_mailbox;
  struct gw_span_budget span_budget;
  struct gw_span_sink *spans;
  struct gw_strbuf span_text; /* of the batches that came */
  uint32_t span_count;
  const struct gw_filter *const *filters; /* gw_filters, or a test's own */
  const char *listener_name;              /* NULL: "traffic" */
  /* Puts what a test's file needs besides into `resources`, at most FIXTURE_MORE. */
  void (*add_resources)(struct fixture *fixture, struct gw_resource **resources);
};

#define FIXTURE_MORE 10

static inline struct gw_str fixture_ticket_key(void) {
  static const char key[GW_TLS_TICKET_KEY_BYTES] = "a key for tickets that every run of the tests has";
  return (struct gw_str){key, sizeof(key)};
}

static inline void fixture_release(void *arg, struct gw_frozen *frozen) {
  struct fixture *fixture = arg;
  fixture->released++;
  gw_frozen_unref(frozen);
}

static inline void fixture_on_spans(void *arg, struct gw_mail *mail) {
  struct fixture *fixture = arg;
  struct gw_span_batch *batch = GW_CONTAINER_OF(mail, struct gw_span_batch, mail);
  gw_strbuf_append_str(&fixture->span_text, gw_bytes_str(batch->spans));
  fixture->span_count += batch->count;
  gw_span_batch_free(batch, &fixture->span_budget);
}

static inline enum gw_overload_level fixture_overload(void *arg) {
  return ((struct fixture *)arg)->overload;
}

static inline bool fixture_is_ready(void *arg) {
  return ((struct fixture *)arg)->is_ready;
}

static inline void fixture_metrics(void *arg, uint32_t worker, void (*done)(void *, struct gw_bytes *), void *done_arg) {
  (void)arg, (void)worker;
  struct gw_bytes *text = gw_bytes_new("gateway_up 1\n", strlen("gateway_up 1\n"));
  done(done_arg, text);
  gw_bytes_unref(text);
}

/* Serves `routes` with one cluster "backend", and "nowhere" without endpoints, "refused" at a closed port. */
static inline void fixture_serve(struct fixture *fixture, const struct fixture_route *routes, uint32_t count,
                                 void (*change)(struct gw_http_connection_manager *)) {
  struct gw_http_connection_manager *http;
  unsigned version = ++fixture->version;
  struct fixture_endpoint endpoint = {.address = "127.0.0.1", .port = fixture->backend.port};
  struct fixture_endpoint refused = {.address = "127.0.0.1", .port = 1};
  const char *name = fixture->listener_name != NULL ? fixture->listener_name : "traffic";
  struct gw_resource *resources[7 + FIXTURE_MORE] = {
      fixture_cluster("backend", 1, GW_CLUSTER_STATIC, &endpoint, 1),
      fixture_cluster("nowhere", 1, GW_CLUSTER_EDS, NULL, 0),
      fixture_assignment("nowhere", 1, NULL, 0),
      fixture_cluster("refused", 1, GW_CLUSTER_STATIC, &refused, 1),
      fixture_routes("routes", version, routes, count),
      fixture_listener(name, version, "routes", &http),
  };
  if (fixture->add_resources != NULL) fixture->add_resources(fixture, resources + 6);
  if (change != NULL) change(http);
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen *frozen = NULL;
  enum gw_err err = gw_frozen_build(snapshot, NULL, NULL, fixture->filters, fixture_ticket_key(), fixture->frozen, &errors, &frozen);
  if (err != GW_OK) {
    GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
    fail_msg("%s", text);
  }
  gw_listen_set_update(fixture->listen_set, snapshot, &errors);
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  uint32_t socket_count;
  struct gw_engine_socket *sockets = gw_listen_set_sockets(fixture->listen_set, 0, &socket_count);
  gw_engine_set_frozen(fixture->engine, gw_frozen_ref(frozen), sockets, socket_count);
  free(sockets);
  gw_frozen_unref(fixture->frozen);
  fixture->frozen = frozen;
  gw_snapshot_unref(snapshot);
  assert_int_equal(gw_listen_set_address(fixture->listen_set, gw_str_from(name), &fixture->address), GW_OK);
}

static inline void fixture_start(struct fixture *fixture) {
  memset(fixture, 0, sizeof(*fixture));
  fixture->loop = gw_loop_new();
  backend_start(&fixture->backend, fixture->loop);
  fixture->is_ready = true;
  fixture->filters = gw_filters;
  fixture->node_status = (struct gw_node_status_calls){.arg = fixture,
                                                       .is_ready = fixture_is_ready,
                                                       .overload = fixture_overload,
                                                       .get_metrics = fixture_metrics};
  fixture->clients = gw_client_table_new();
  fixture->rate_limits = gw_rate_limit_table_new(1024);
  snprintf(fixture->log_path, sizeof(fixture->log_path), "/tmp/gw-engine-test-XXXXXX");
  close(mkstemp(fixture->log_path));
  assert_int_equal(gw_log_writer_new(fixture->log_path, &fixture->log_writer), GW_OK);
  gw_strbuf_init(&fixture->span_text);
  gw_span_budget_init(&fixture->span_budget, GW_SPAN_BUDGET_BYTES);
  fixture->span_mailbox = gw_mailbox_new(fixture->loop, fixture_on_spans, fixture);
  fixture->spans = gw_span_sink_new(fixture->loop, fixture->span_mailbox, &fixture->span_budget);
  fixture->engine = gw_engine_new(&(struct gw_engine_options){
      .loop = fixture->loop,
      .spans = fixture->spans,
      .access_log = gw_log_writer_add_ring(fixture->log_writer, 1 << 16),
      .node_status = &fixture->node_status,
      .clients = fixture->clients,
      .rate_limits = fixture->rate_limits,
      .filters = fixture->filters,
      .release_frozen = fixture_release,
      .release_arg = fixture,
  });
  fixture->listen_set = gw_listen_set_new(1, NULL);
}

/* The access log is complete in `ret_log` (when not NULL) after this. */
static inline void fixture_stop(struct fixture *fixture, struct gw_strbuf *ret_log) {
  gw_engine_free(fixture->engine);
  gw_span_sink_free(fixture->spans);
  gw_mailbox_free(fixture->span_mailbox);
  gw_strbuf_done(&fixture->span_text);
  assert_int_equal(gw_client_table_count(fixture->clients), 0);
  gw_client_table_free(fixture->clients);
  gw_rate_limit_table_free(fixture->rate_limits);
  gw_listen_set_free(fixture->listen_set);
  gw_frozen_unref(fixture->frozen);
  backend_stop(&fixture->backend);
  gw_loop_free(fixture->loop);
  gw_log_writer_free(fixture->log_writer);
  FILE *file = fopen(fixture->log_path, "r");
  assert_non_null(file);
  char buffer[4096];
  size_t got;
  while (ret_log != NULL && (got = fread(buffer, 1, sizeof(buffer), file)) > 0)
    gw_strbuf_append(ret_log, buffer, got);
  fclose(file);
  unlink(fixture->log_path);
}

/* ---- a raw client ---- */

struct client {
  struct fixture *fixture;
  int fd;
  struct gw_io *io;
  struct gw_strbuf in;
  uint64_t received;
  bool is_counting; /* bytes are only counted */
  bool is_closed;
  int error; /* errno of the end, 0: in order */
};

static inline void client_on_io(void *arg, unsigned ready) {
  (void)ready;
  struct client *client = arg;
  static char buffer[65536];
  ssize_t got = recv(client->fd, buffer, sizeof(buffer), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    client->is_closed = true;
    client->error = got < 0 ? errno : 0;
    gw_io_set(client->io, 0);
    return;
  }
  client->received += (uint64_t)got;
  if (!client->is_counting) gw_strbuf_append(&client->in, buffer, (size_t)got);
}

static inline struct client *client_new(struct fixture *fixture) {
  struct client *client = gw_calloc(1, sizeof(*client));
  client->fixture = fixture;
  assert_int_equal(gw_socket_connect(&fixture->address, &client->fd), GW_OK);
  client->io = gw_io_new(fixture->loop, client->fd, client_on_io, client);
  gw_io_set(client->io, GW_IO_READ);
  return client;
}

static inline void client_free(struct client *client) {
  gw_io_free(client->io);
  close(client->fd);
  gw_strbuf_done(&client->in);
  free(client);
}

/* Small enough for the socket's buffer. */
static inline void client_send(struct client *client, const char *text) {
  size_t len = strlen(text);
  assert_int_equal(send(client->fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Turns until `count` times `text` has come, or everything until now is thrown away with client_clear. */
static inline uint32_t client_count(const struct client *client, const char *text) {
  uint32_t count = 0;
  const char *at = client->in.data;
  while (at != NULL && (at = strstr(at, text)) != NULL) {
    count++;
    at += strlen(text);
  }
  return count;
}

#define FIXTURE_UNTIL(fixture, condition)                                                                                                  \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + FIXTURE_WAIT_MS * 1000;                                                                  \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > until_us) fail_msg("waited in vain for %s", #condition);                                               \
      gw_loop_run_once((fixture)->loop, 20);                                                                                               \
    }                                                                                                                                      \
  } while (0)

/* For what must not happen meanwhile. */
static inline void fixture_turn_for(struct fixture *fixture, uint64_t ms) {
  uint64_t end_us = gw_clock_monotonic_us() + ms * 1000;
  while (gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(fixture->loop, 5);
}

static inline void client_wait(struct client *client, const char *text) {
  uint64_t until_us = gw_clock_monotonic_us() + FIXTURE_WAIT_MS * 1000;
  while (client_count(client, text) == 0) {
    if (gw_clock_monotonic_us() > until_us || client->is_closed) {
      fail_msg("waited in vain for \"%s\"; closed %d, error %d, got: %s", text, client->is_closed, client->error,
               client->in.data != NULL ? client->in.data : "");
    }
    gw_loop_run_once(client->fixture->loop, 20);
  }
}

static inline void client_wait_closed(struct client *client) {
  FIXTURE_UNTIL(client->fixture, client->is_closed);
}

static inline void client_clear(struct client *client) {
  gw_strbuf_clear(&client->in);
  if (client->in.data != NULL) client->in.data[0] = '\0';
}

/* One request on a connection of its own; what came back, until `text` and then until nothing more comes at once. */
static inline void fixture_get(struct fixture *fixture, const char *path, const char *text) {
  struct client *client = client_new(fixture);
  char request[512];
  snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n", path);
  client_send(client, request);
  client_wait(client, text);
  client_free(client);
  gw_loop_run_once(fixture->loop, 0);
}

#define FIXTURE_HAS(text, piece)                                                                                                           \
  do {                                                                                                                                     \
    if (strstr((text), (piece)) == NULL) fail_msg("\"%s\" is not in: %s", (piece), (text));                                                \
  } while (0)
#define FIXTURE_LACKS(text, piece)                                                                                                         \
  do {                                                                                                                                     \
    if (strcasestr((text), (piece)) != NULL) fail_msg("\"%s\" is in: %s", (piece), (text));                                                \
  } while (0)

#endif
