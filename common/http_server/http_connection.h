/* Why: one client's connection of the small HTTP server: bytes in, one exchange at a time, bytes out.
 * Life: gw_http_connection_new … it frees itself (or gw_http_connection_free); an exchange outlives its connection until the reply.
 * Thread: the loop's own. */
#ifndef GW_COMMON_HTTP_SERVER_HTTP_CONNECTION_H
#define GW_COMMON_HTTP_SERVER_HTTP_CONNECTION_H

#include "common/base/arena.h"
#include "common/event/timer.h"
#include "common/http/h1_codec.h"
#include "common/http_server/http_server.h"
#include "common/net/out_queue.h"

enum gw_http_connection_state {
  GW_HTTP_CONNECTION_HEAD,    /* receives a head, or waits for one */
  GW_HTTP_CONNECTION_BODY,    /* receives a body */
  GW_HTTP_CONNECTION_ASKED,   /* a route has the exchange */
  GW_HTTP_CONNECTION_WRITING, /* the answer leaves */
  GW_HTTP_CONNECTION_LINGER,  /* nothing more is said; what still comes is dropped, so that no reset overtakes the answer */
};

struct gw_http_connection {
  struct gw_list node; /* in the server's connections */
  struct gw_http_server *server;
  int fd;
  struct gw_io *io;
  struct gw_timer timer;
  struct gw_task advance; /* goes on after a reply, outside the route's call */
  struct gw_out_queue out;
  struct gw_strbuf in;
  size_t scanned; /* of in: see gw_h1_find_head */
  enum gw_http_connection_state state;
  bool is_broken;
  bool has_eof;
  bool closes; /* after this answer */
  struct gw_http_exchange *exchange;
};

struct gw_http_exchange {
  struct gw_http_connection *connection; /* NULL: gone */
  struct gw_arena arena;
  struct gw_request_head head;
  struct gw_h1_body body_decoder;
  struct gw_strbuf body;
  bool keeps_alive;
};

void gw_http_connection_new(struct gw_http_server *server, int fd);
void gw_http_connection_free(struct gw_http_connection *connection);
/* Sends the answer to the connection's exchange, which it frees. `extra` are further fields of the head. */
void gw_http_connection_answer(struct gw_http_connection *connection, uint32_t status, const char *content_type, struct gw_str body,
                               const struct gw_header *extra, uint32_t extra_count);
void gw_http_exchange_free(struct gw_http_exchange *exchange);

/* What the server gives its connections. */
struct gw_http_server {
  struct gw_loop *loop;
  struct gw_http_server_options options;
  char *token;
  int fd;
  struct gw_io *io;
  struct gw_timer pause; /* of accepting, while descriptors are out */
  struct gw_list connections;
  uint32_t connection_count;
};

/* Asks the route that fits, or answers that there is none. */
void gw_http_server_route(struct gw_http_server *server, struct gw_http_exchange *exchange);

#endif
