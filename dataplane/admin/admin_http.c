#include "dataplane/admin/admin_http.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/http_server/http_server.h"
#include "dataplane/admin/dump.h"

struct gw_admin_http {
  struct gw_loop *loop;
  struct gw_admin_calls calls;
  struct gw_http_server *status;
  struct gw_http_server *admin;
};

static const char text_plain[] = "text/plain; charset=utf-8";
static const char text_metrics[] = "text/plain; version=0.0.4; charset=utf-8";
static const char text_json[] = "application/json";

static void on_health(void *arg, struct gw_http_exchange *exchange) {
  (void)arg;
  gw_http_exchange_reply(exchange, 200, text_plain, GW_STR("ok\n"));
}

static void on_ready(void *arg, struct gw_http_exchange *exchange) {
  struct gw_admin_http *http = arg;
  struct gw_admin_state state = {0};
  http->calls.get_state(http->calls.arg, &state);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_json_writer json;
  gw_json_writer_init(&json, &buf);
  gw_dump_ready(&state, gw_loop_now_us(http->loop), &json);
  gw_strbuf_append_char(&buf, '\n');
  gw_http_exchange_reply(exchange, state.is_ready ? 200 : 503, text_json, gw_strbuf_str(&buf));
}

static void send_metrics(void *done_arg, struct gw_str text) {
  gw_http_exchange_reply(done_arg, 200, text_metrics, text);
}

static void send_packed_metrics(void *done_arg, struct gw_str text) {
  gw_http_exchange_reply_gzip(done_arg, 200, text_metrics, text);
}

static void on_metrics(void *arg, struct gw_http_exchange *exchange) {
  struct gw_admin_http *http = arg;
  bool takes_gzip = gw_http_exchange_takes_gzip(exchange);
  http->calls.get_metrics(http->calls.arg, takes_gzip, takes_gzip ? send_packed_metrics : send_metrics, exchange);
}

typedef void (*dump_fn)(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us,
                        struct gw_json_writer *json);

static void reply_dump(struct gw_admin_http *http, struct gw_http_exchange *exchange, dump_fn dump) {
  struct gw_admin_state state = {0};
  http->calls.get_state(http->calls.arg, &state);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &buf);
  dump(&state, &http->calls, gw_loop_now_us(http->loop), &json);
  gw_strbuf_append_char(&buf, '\n');
  gw_http_exchange_reply(exchange, 200, text_json, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
}

static void on_config_dump(void *arg, struct gw_http_exchange *exchange) {
  reply_dump(arg, exchange, gw_dump_config);
}

static void on_clusters(void *arg, struct gw_http_exchange *exchange) {
  reply_dump(arg, exchange, gw_dump_clusters);
}

static void on_listeners(void *arg, struct gw_http_exchange *exchange) {
  reply_dump(arg, exchange, gw_dump_listeners);
}

static void on_drain(void *arg, struct gw_http_exchange *exchange) {
  struct gw_admin_http *http = arg;
  gw_http_exchange_reply(exchange, 200, text_plain, GW_STR("draining\n"));
  http->calls.drain(http->calls.arg);
}

static const struct gw_http_server_route status_routes[] = {
    {"GET", "/health", false, on_health},
    {"GET", "/ready", false, on_ready},
    {"GET", "/metrics", false, on_metrics},
};

static const struct gw_http_server_route admin_routes[] = {
    {"GET", "/health", false, on_health},           {"GET", "/ready", false, on_ready},
    {"GET", "/metrics", false, on_metrics},         {"GET", "/stats", false, on_metrics},
    {"GET", "/config_dump", false, on_config_dump}, {"GET", "/clusters", false, on_clusters},
    {"GET", "/listeners", false, on_listeners},     {"POST", "/drain", true, on_drain},
};

enum gw_err gw_admin_http_new(struct gw_loop *loop, const struct gw_address *status_listen, const struct gw_address *admin_listen,
                              struct gw_str token, const struct gw_admin_calls *calls, const char **ret_flag,
                              struct gw_admin_http **ret_http) {
  struct gw_admin_http *http = gw_calloc(1, sizeof(*http));
  http->loop = loop;
  http->calls = *calls;
  struct gw_http_server_options status = {.listen = *status_listen,
                                          .routes = status_routes,
                                          .route_count = GW_ARRAY_LEN(status_routes),
                                          .arg = http};
  struct gw_http_server_options admin = {.listen = *admin_listen,
                                         .routes = admin_routes,
                                         .route_count = GW_ARRAY_LEN(admin_routes),
                                         .arg = http,
                                         .token = token};
  *ret_flag = "status-http";
  enum gw_err err = gw_http_server_new(loop, &status, &http->status);
  if (err == GW_OK) {
    *ret_flag = "admin-http";
    err = gw_http_server_new(loop, &admin, &http->admin);
  }
  if (err == GW_OK) {
    *ret_http = http;
    return GW_OK;
  }
  int failure = errno;
  gw_admin_http_free(http);
  errno = failure;
  return err;
}

void gw_admin_http_free(struct gw_admin_http *http) {
  if (http == NULL) return;
  gw_http_server_free(http->status);
  gw_http_server_free(http->admin);
  free(http);
}

uint16_t gw_admin_http_status_port(const struct gw_admin_http *http) {
  return gw_http_server_port(http->status);
}

uint16_t gw_admin_http_admin_port(const struct gw_admin_http *http) {
  return gw_http_server_port(http->admin);
}
