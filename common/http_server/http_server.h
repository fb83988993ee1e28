/* Why: a small read-only HTTP/1.1 server for probes, scrapers and status pages: `/health`, `/metrics`, `/config_dump`.
 * Life: gw_http_server_new … gw_http_server_free (closes all connections). An exchange lives until gw_http_exchange_reply, which every
 * route calls exactly once, at once or later; when the client or the server has gone by then, the reply is dropped.
 * Thread: the loop's own. */
#ifndef GW_COMMON_HTTP_SERVER_HTTP_SERVER_H
#define GW_COMMON_HTTP_SERVER_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/event/loop.h"
#include "common/net/address.h"

/* What a stranger can make big. Beyond: a new connection is closed, 431, 413, 408. */
#define GW_HTTP_SERVER_CONNECTIONS_MAX 256
#define GW_HTTP_SERVER_HEAD_MAX ((size_t)8 * 1024)
#define GW_HTTP_SERVER_BODY_MAX ((size_t)64 * 1024)
#define GW_HTTP_SERVER_TIMEOUT_MS 10000 /* to receive a request, to take an answer, and between two requests */

struct gw_http_server;
struct gw_http_exchange;

typedef void (*gw_http_server_fn)(void *arg, struct gw_http_exchange *exchange);

struct gw_http_server_route {
  const char *method; /* "GET" (answers HEAD too) or "POST"; another method of a known path gets 405 */
  const char *path;   /* exact, without query; else 404 */
  bool needs_token;   /* 401 without `Authorization: Bearer TOKEN` */
  gw_http_server_fn fn;
};

struct gw_http_server_options {
  struct gw_address listen;                  /* port 0: a free one */
  const struct gw_http_server_route *routes; /* outlives the server */
  size_t route_count;
  void *arg;           /* to each route's fn */
  struct gw_str token; /* copied; empty: routes with needs_token answer 403 */
};

/* GW_ERR_IO with errno: the address can't be bound (another process holds it). */
enum gw_err gw_http_server_new(struct gw_loop *loop, const struct gw_http_server_options *options, struct gw_http_server **ret_server);
void gw_http_server_free(struct gw_http_server *server);
uint16_t gw_http_server_port(const struct gw_http_server *server);

/* Of the request; valid until the reply. The path is without the query, the body whole. */
struct gw_str gw_http_exchange_path(const struct gw_http_exchange *exchange);
struct gw_str gw_http_exchange_body(const struct gw_http_exchange *exchange);
/* Answers and ends the exchange; `body` is copied. */
void gw_http_exchange_reply(struct gw_http_exchange *exchange, uint32_t status, const char *content_type, struct gw_str body);
/* It takes gzip (RFC 9110, 12.5.3). */
bool gw_http_exchange_takes_gzip(const struct gw_http_exchange *exchange);
/* The same with a body that is packed so. */
void gw_http_exchange_reply_gzip(struct gw_http_exchange *exchange, uint32_t status, const char *content_type, struct gw_str body);
/* The same with {"error": STATUS, "message": TEXT} as body. */
void gw_http_exchange_reply_error(struct gw_http_exchange *exchange, uint32_t status, const char *message);

#endif
