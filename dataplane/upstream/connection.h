/* Why: one connection to an endpoint, whatever it speaks, and the insides of its pool: shared by the files of this folder only.
 * Life: made by an attempt that finds no other; freed when it can't be used again, at leisure.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_CONNECTION_H
#define GW_DATAPLANE_UPSTREAM_CONNECTION_H

#include <stdbool.h>

#include "common/event/timer.h"
#include "common/http/h2_codec.h"
#include "common/net/out_queue.h"
#include "common/net/transport.h"
#include "dataplane/upstream/attempt.h"
#include "dataplane/upstream/pool.h"

struct gw_upstream_connection;

/* Why a connection broke. */
struct gw_upstream_break {
  bool is_timeout;           /* it did not stand in time */
  bool is_misjudged;         /* the service speaks otherwise than it did; nothing was sent */
  int error_number;          /* 0: closed by the peer in order */
  struct gw_str tls_failure; /* empty: none */
};

/* How often a pool with a queue looks for connections that others gave up. */
#define GW_UPSTREAM_QUEUE_MS 20

/* What each request touches comes first, here and in connections: of 1,000 endpoints each, nothing is in the caches. */
struct gw_upstream_pool {
  struct gw_list idle;   /* connections without an attempt, newest first */
  struct gw_list shared; /* HTTP/2 connections with attempts, which may take more */
  struct gw_list queued; /* attempts that wait for a connection, of which there may be no more; the first comes first */
  uint32_t idle_count;
  uint32_t connection_count; /* idle or not */
  uint32_t active_count;     /* attempts under way, which may have no connection yet, or none any more */
  bool is_retired;           /* freed by its owner: nothing is kept any more */
  bool is_auto;              /* options.protocol is what was learnt, as long as it holds */
  bool is_serving;           /* those who are queued, now */
  bool is_limited;           /* what is used is counted in options.usage */
  uint64_t answers[GW_ANSWER_CLASSES];
  struct gw_concurrency_limits limits;
  struct gw_upstream_pool_options options;
  struct gw_timer idle_timer;
  struct gw_list waiting;    /* attempts that wait to be told what the endpoint speaks */
  struct gw_task serve_task; /* for those who are queued */
  struct gw_timer queue_timer;
  struct gw_tls_session_slot tls_session;
};

/* What is spoken on a connection: one constant table a version of HTTP. None of these frees the connection before it returns but those that
 * say so. */
struct gw_upstream_speech {
  /* Begins to speak on a connection, which may still be connecting. */
  void (*init)(struct gw_upstream_connection *connection);
  void (*done)(struct gw_upstream_connection *connection);
  /* The connection stands, with TLS if it has it. */
  void (*on_connected)(struct gw_upstream_connection *connection);
  /* May free it. */
  void (*on_input)(struct gw_upstream_connection *connection, struct gw_str input);
  /* `sent` bytes left for the socket. May free it. */
  void (*on_flushed)(struct gw_upstream_connection *connection, size_t sent);
  /* Attempts fail; the caller frees the connection. */
  void (*on_broken)(struct gw_upstream_connection *connection, const struct gw_upstream_break *why);
  bool (*wants_input)(const struct gw_upstream_connection *connection);

  /* Sends the head. */
  enum gw_err (*begin)(struct gw_attempt *attempt, struct gw_upstream_connection *connection, const struct gw_request_head *head);
  bool (*send_body)(struct gw_attempt *attempt, struct gw_str data);
  void (*send_end)(struct gw_attempt *attempt, const struct gw_headers *trailers);
  void (*set_paused)(struct gw_attempt *attempt, bool is_paused);
  /* The attempt has let go of the connection, of which it wanted no more. May free it. */
  void (*cancel)(struct gw_attempt *attempt, struct gw_upstream_connection *connection);
};
extern const struct gw_upstream_speech gw_upstream_h1;
extern const struct gw_upstream_speech gw_upstream_h2;

struct gw_upstream_h1_state {
  struct gw_attempt *attempt; /* NULL: idle */
  char *head;                 /* a response head that is not whole yet, on the heap */
  size_t head_len;
  size_t head_scanned;
  bool ends_after_flush; /* a tunnel whose client is done */
};

struct gw_upstream_h2_state {
  struct gw_h2_codec *codec;
  struct gw_task pack_task;
  struct gw_list attempts;
  uint64_t answer_count;               /* how often something came for an attempt */
  struct gw_list changed;              /* attempts that want to be handed what was held back */
  const struct gw_upstream_break *why; /* while the connection breaks */
  bool is_over;                        /* closed once what is packed has left */
  bool is_spoilt;                      /* it ends with the attempts that it has */
};

struct gw_upstream_connection {
  struct gw_upstream_pool *pool;
  struct gw_list node; /* in pool->idle or pool->shared */
  struct gw_io *io;
  struct gw_transport transport;
  const struct gw_upstream_speech *speech; /* NULL: not agreed on yet */
  bool is_idle;
  bool is_counted;   /* in options.usage */
  bool is_connected; /* … and ready for what is to be sent */
  bool is_tcp_connected;
  bool is_write_broken; /* what is queued is dropped; why shows in the next read */
  uint64_t idle_since_ms;
  uint8_t waiting;   /* GW_IO_…: what is possible and done at leisure */
  uint8_t unwatched; /* of it, what was told twice and isn't asked for meanwhile */
  bool is_bulky;     /* brings much: what comes next is read at leisure */
  bool can_wait;     /* so is what its attempt waits for */
  struct gw_task flush_task;
  struct gw_timer connect_timer;
  union {
    struct gw_upstream_h1_state h1;
    struct gw_upstream_h2_state h2;
  };
  struct gw_out_queue out;
  struct gw_task leisure_task;
  struct gw_task free_task;
};

/* ---- pool.c ---- */
/* The newest idle connection, or NULL. */
struct gw_upstream_connection *gw_upstream_pool_take(struct gw_upstream_pool *pool);
/* Keeps a connection without an attempt for the next request. May free it. */
void gw_upstream_pool_put(struct gw_upstream_pool *pool, struct gw_upstream_connection *connection);

/* A connection came free, or may be made: who is queued goes on, once the callback that runs now has returned. */
static inline void gw_upstream_pool_serve_soon(struct gw_upstream_pool *pool) {
  if (!gw_list_is_empty(&pool->queued)) gw_loop_after_callback(pool->options.loop, &pool->serve_task);
}

/* Frees a pool that its owner has freed and that has neither connections nor attempts any more. */
void gw_upstream_pool_release(struct gw_upstream_pool *pool);

/* ---- slots.c ---- */
/* false: the limit is reached. */
bool gw_attempt_take_slot(struct gw_attempt *attempt, struct gw_upstream_pool *pool, enum gw_concurrency limit);
/* Harmless when it has none. */
void gw_attempt_give_slot(struct gw_attempt *attempt, enum gw_concurrency limit);
bool gw_upstream_pool_take_connection(struct gw_upstream_pool *pool);

/* ---- connection.c ---- */
/* Starts to connect; `speech` may be NULL. GW_ERR_IO with errno. */
enum gw_err gw_upstream_connection_new(struct gw_upstream_pool *pool, const struct gw_upstream_speech *speech,
                                       struct gw_upstream_connection **ret_connection);
/* Ends at once; the socket and the memory go at leisure, since callbacks of the connection may be on the stack. */
void gw_upstream_connection_free(struct gw_upstream_connection *connection);
static inline bool gw_upstream_connection_is_freed(const struct gw_upstream_connection *connection) {
  return connection->io == NULL;
}
static inline bool gw_upstream_connection_has_output(const struct gw_upstream_connection *connection) {
  return gw_transport_has_output(&connection->transport, &connection->out);
}
/* Sends what is queued: as soon as the callback that runs now has returned, or when all of this turn have. */
void gw_upstream_connection_flush_soon(struct gw_upstream_connection *connection);
void gw_upstream_connection_flush_at_turn_end(struct gw_upstream_connection *connection);
/* Follows what the speech and the queue want. */
void gw_upstream_connection_update_interest(struct gw_upstream_connection *connection);

/* ---- attempt.c ---- */
/* The connection that it is on stands. */
void gw_attempt_on_connected(struct gw_attempt *attempt);
/* Gives those who are queued what there is. */
void gw_attempt_serve_queue(struct gw_upstream_pool *pool);
/* The connection that attempts waited for stands, or failed. */
void gw_attempt_begin_waiting(struct gw_upstream_pool *pool, struct gw_upstream_connection *connection);
void gw_attempt_fail_waiting(struct gw_upstream_pool *pool, const struct gw_upstream_break *why);
/* Ends an attempt and tells its owner; the connection is somebody else's affair. */
void gw_attempt_fail(struct gw_attempt *attempt, const struct gw_failure *failure);
void gw_attempt_fail_connect(struct gw_attempt *attempt, const struct gw_upstream_break *why);
void gw_attempt_fail_protocol(struct gw_attempt *attempt, const char *reason);
/* The connection ended before the answer was whole. `is_unseen`: nothing was sent on it. */
void gw_attempt_fail_reset(struct gw_attempt *attempt, const char *reason, bool is_unseen);
/* The server ended the stream with this error code of HTTP/2; REFUSED_STREAM: without having looked at it. */
void gw_attempt_fail_stream(struct gw_attempt *attempt, uint32_t error);
/* The server ended the connection and has not looked at this stream: as a kept connection of HTTP/1 that closes at the moment of use. */
void gw_attempt_fail_goaway(struct gw_attempt *attempt);
/* The answer's head is there: counted, and handed out. */
void gw_attempt_give_head(struct gw_attempt *attempt);
/* The whole answer was given. */
void gw_attempt_finish(struct gw_attempt *attempt);

#endif
