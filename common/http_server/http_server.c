#include "common/http_server/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/crypto/secret.h"
#include "common/http_server/http_connection.h"
#include "common/net/socket.h"

#define BACKLOG 128
#define ACCEPT_PAUSE_MS 100

struct gw_str gw_http_exchange_path(const struct gw_http_exchange *exchange) {
  return gw_path_without_query(exchange->head.path);
}
struct gw_str gw_http_exchange_body(const struct gw_http_exchange *exchange) {
  return gw_strbuf_str(&exchange->body);
}

void gw_http_exchange_reply(struct gw_http_exchange *exchange, uint32_t status, const char *content_type, struct gw_str body) {
  if (exchange->connection == NULL) {
    gw_http_exchange_free(exchange);
    return;
  }
  gw_http_connection_answer(exchange->connection, status, content_type, body, NULL, 0);
}

/* "gzip", "gzip;q=0.5" and not "gzip;q=0". */
static bool allows_gzip(struct gw_str coding) {
  struct gw_str name, weight;
  bool has_name = gw_str_split_next(&coding, ';', &name) && gw_str_equal_nocase(gw_str_trim(name), GW_STR("gzip"));
  if (!has_name || !gw_str_split_next(&coding, ';', &weight)) return has_name;
  weight = gw_str_trim(weight);
  if (!gw_str_has_prefix(weight, GW_STR("q=0"))) return true;
  for (size_t i = 3; i < weight.len; i++)
    if (weight.data[i] >= '1' && weight.data[i] <= '9') return true;
  return false;
}

bool gw_http_exchange_takes_gzip(const struct gw_http_exchange *exchange) {
  const struct gw_header *header = gw_headers_find(&exchange->head.headers, GW_HEADER_ACCEPT_ENCODING);
  struct gw_str rest = header != NULL ? header->value : GW_STR(""), coding;
  while (gw_str_split_next(&rest, ',', &coding))
    if (allows_gzip(coding)) return true;
  return false;
}

void gw_http_exchange_reply_gzip(struct gw_http_exchange *exchange, uint32_t status, const char *content_type, struct gw_str body) {
  if (exchange->connection == NULL) {
    gw_http_exchange_free(exchange);
    return;
  }
  const struct gw_header extra = {.id = GW_HEADER_CONTENT_ENCODING, .name = GW_STR("Content-Encoding"), .value = GW_STR("gzip")};
  gw_http_connection_answer(exchange->connection, status, content_type, body, &extra, 1);
}

static void reply_error(struct gw_http_exchange *exchange, uint32_t status, const char *message, const struct gw_header *extra,
                        uint32_t extra_count) {
  if (exchange->connection == NULL) {
    gw_http_exchange_free(exchange);
    return;
  }
  struct gw_strbuf body;
  gw_strbuf_init(&body);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &body);
  gw_json_object_begin(&json);
  gw_json_key(&json, "error");
  gw_json_u64(&json, status);
  gw_json_key(&json, "message");
  gw_json_string(&json, gw_str_from(message));
  gw_json_object_end(&json);
  gw_http_connection_answer(exchange->connection, status, "application/json", gw_strbuf_str(&body), extra, extra_count);
  gw_strbuf_done(&body);
}

void gw_http_exchange_reply_error(struct gw_http_exchange *exchange, uint32_t status, const char *message) {
  reply_error(exchange, status, message, NULL, 0);
}

static bool has_token(const struct gw_http_server *server, const struct gw_http_exchange *exchange) {
  const struct gw_header *header = gw_headers_find(&exchange->head.headers, GW_HEADER_AUTHORIZATION);
  return header != NULL && gw_secret_is_bearer(header->value, server->options.token);
}

static bool fits_method(const struct gw_http_server_route *route, const struct gw_http_exchange *exchange) {
  if (gw_str_equal(exchange->head.method_name, gw_str_from(route->method))) return true;
  return exchange->head.method == GW_METHOD_HEAD && gw_str_equal(gw_str_from(route->method), GW_STR("GET"));
}

static void reply_no_method(struct gw_http_exchange *exchange, const struct gw_http_server *server, struct gw_str path) {
  struct gw_strbuf allow;
  gw_strbuf_init(&allow);
  for (size_t i = 0; i < server->options.route_count; i++) {
    const struct gw_http_server_route *route = &server->options.routes[i];
    if (!gw_str_equal(path, gw_str_from(route->path))) continue;
    gw_strbuf_printf(&allow, "%s%s%s", allow.len > 0 ? ", " : "", route->method, strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
  }
  struct gw_header extra = {.id = GW_HEADER_ALLOW, .name = GW_STR("Allow"), .value = gw_strbuf_str(&allow)};
  reply_error(exchange, 405, "method not allowed", &extra, 1);
  gw_strbuf_done(&allow);
}

void gw_http_server_route(struct gw_http_server *server, struct gw_http_exchange *exchange) {
  struct gw_str path = gw_http_exchange_path(exchange);
  bool is_known = false;
  for (size_t i = 0; i < server->options.route_count; i++) {
    const struct gw_http_server_route *route = &server->options.routes[i];
    if (!gw_str_equal(path, gw_str_from(route->path))) continue;
    is_known = true;
    if (!fits_method(route, exchange)) continue;
    if (route->needs_token && server->options.token.len == 0) {
      gw_http_exchange_reply_error(exchange, 403, "there is no admin token here, so changes are refused");
    } else if (route->needs_token && !has_token(server, exchange)) {
      struct gw_header extra = {.id = GW_HEADER_OTHER, .name = GW_STR("WWW-Authenticate"), .value = GW_STR("Bearer")};
      reply_error(exchange, 401, "an admin token is needed: Authorization: Bearer TOKEN", &extra, 1);
    } else {
      route->fn(server->options.arg, exchange);
    }
    return;
  }
  if (is_known) {
    reply_no_method(exchange, server, path);
  } else {
    gw_http_exchange_reply_error(exchange, 404, "not found");
  }
}

static void on_accept(void *arg, unsigned ready) {
  (void)ready;
  struct gw_http_server *server = arg;
  for (;;) {
    struct gw_address peer;
    int fd;
    enum gw_err err = gw_socket_accept(server->fd, &peer, &fd);
    if (err == GW_ERR_LIMIT) {
      /* The listening socket stays ready, so that the loop would spin. */
      gw_io_set(server->io, 0);
      gw_timer_start(server->loop, &server->pause, ACCEPT_PAUSE_MS);
    }
    if (err != GW_OK) return;
    if (server->connection_count >= GW_HTTP_SERVER_CONNECTIONS_MAX) {
      close(fd);
    } else {
      gw_http_connection_new(server, fd);
    }
  }
}

static void on_pause_end(struct gw_timer *timer) {
  struct gw_http_server *server = GW_CONTAINER_OF(timer, struct gw_http_server, pause);
  gw_io_set(server->io, GW_IO_READ);
}

enum gw_err gw_http_server_new(struct gw_loop *loop, const struct gw_http_server_options *options, struct gw_http_server **ret_server) {
  int fd;
  enum gw_err err = gw_socket_listen(&options->listen, false, BACKLOG, &fd);
  if (err != GW_OK) return err;
  struct gw_http_server *server = gw_calloc(1, sizeof(*server));
  server->loop = loop;
  server->options = *options;
  server->token = gw_str_dup(options->token);
  server->options.token.data = server->token;
  server->fd = fd;
  server->io = gw_io_new(loop, fd, on_accept, server);
  gw_timer_init(&server->pause, on_pause_end);
  gw_list_init(&server->connections);
  gw_io_set(server->io, GW_IO_READ);
  *ret_server = server;
  return GW_OK;
}

void gw_http_server_free(struct gw_http_server *server) {
  if (server == NULL) return;
  GW_LIST_FOR_EACH(node, &server->connections) {
    gw_http_connection_free(GW_LIST_ITEM(node, struct gw_http_connection, node));
  }
  gw_timer_stop(&server->pause);
  gw_io_free(server->io);
  close(server->fd);
  free(server->token);
  free(server);
}

uint16_t gw_http_server_port(const struct gw_http_server *server) {
  struct gw_address local;
  return gw_socket_local_address(server->fd, &local) == GW_OK ? gw_address_port(&local) : 0;
}
