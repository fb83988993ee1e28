/* Why: one try of a request on one upstream connection: sends head and body, receives the answer, and says what went wrong.
 * Life: embedded in its owner's stream state; from a gw_attempt_start that succeeds until on_end, on_failure or gw_attempt_cancel. In
 * on_end and on_failure the attempt is over already, so that the same memory may start the next one.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_ATTEMPT_H
#define GW_DATAPLANE_UPSTREAM_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/http/h1_codec.h"
#include "common/http/h2_codec.h"
#include "common/message/failure.h"
#include "common/message/message.h"
#include "dataplane/upstream/pool.h"

struct gw_upstream_connection;

/* Bytes that wait for an upstream connection: above the first, stop sending; below the second, go on. */
#define GW_ATTEMPT_HIGH_WATERMARK ((size_t)256 * 1024)
#define GW_ATTEMPT_LOW_WATERMARK ((size_t)64 * 1024)

struct gw_attempt_calls {
  void (*on_connected)(void *arg);                /* a new connection stands; not called for a reused one */
  void (*on_head)(void *arg);                     /* attempt->response is there; 1xx answers are skipped but 101 */
  void (*on_body)(void *arg, struct gw_str data); /* borrowed until the end of the loop's callback */
  void (*on_end)(void *arg);                      /* the whole answer was given; attempt->trailers */
  void (*on_failure)(void *arg, const struct gw_failure *failure);
  void (*on_drained)(void *arg); /* the queue fell below the low watermark after it was above the high one */
};

struct gw_attempt {
  const struct gw_attempt_calls *calls;
  void *arg;
  struct gw_arena *arena;                    /* the stream's */
  struct gw_upstream_connection *connection; /* NULL: over, or waiting */
  struct gw_upstream_pool *pool;             /* stays as long as the attempt is open */
  const struct gw_request_head *head;
  struct gw_upstream_usage *usage; /* with slots */
  struct gw_upstream_pool *queue;  /* while it waits in the pool's queue for a connection */
  struct gw_list waiting;          /* there, or until it is known what the endpoint speaks */
  bool is_reused;
  bool was_connected;     /* its connection stands, or stood */
  bool can_wait;          /* the answers to others come first */
  bool has_request_ended; /* its last byte is queued */
  bool is_head_done;      /* response's */
  bool is_tunnel;         /* the answer was a switch of protocols */
  bool may_keep;          /* the connection, by what the response says */
  bool is_paused;
  bool is_out_of_time;
  bool is_above_watermark;
  enum gw_concurrency overflow; /* the limit that was reached, when it was */
  uint8_t slots;                /* of the cluster's limits: a bit each */
  uint32_t interim_count;       /* 1xx answers skipped */
  uint64_t answered_us;         /* when the answer's head came */
  uint64_t started_us;
  uint64_t idle_age_ms; /* how long a reused connection had been idle */
  uint64_t body_bytes;  /* of the request, queued */
  uint64_t sent_bytes;
  uint64_t received_bytes;
  const struct gw_headers *request_trailers; /* while it waits */
  struct gw_headers trailers;                /* of the answer; count 0: none */
  struct gw_response_head response;
  union {
    struct {
      bool is_request_chunked;
      struct gw_str websocket_key; /* set with an upgrade: made by us; empty: the client's */
      struct gw_h1_body body;      /* of the answer */
    } h1;
    struct {
      struct gw_list node;    /* in the connection's attempts */
      struct gw_list changed; /* … and in those that were held back */
      uint64_t answer_count;  /* the connection's when it began, and what came for it since */
      struct gw_h2_stream stream;
    } h2;
  };
};

#define GW_ATTEMPT_IS_NEW 1u   /* only a new connection will do */
#define GW_ATTEMPT_CAN_WAIT 2u /* the answers to others come first */
/* Sends `head`, which lives in `arena` as long as the attempt, on a connection that is there or a new one. `flags`: GW_ATTEMPT_….
 * false: there was no way even to start; *ret_failure says why, and no callback follows. */
bool gw_attempt_start(struct gw_attempt *attempt, struct gw_upstream_pool *pool, unsigned flags, const struct gw_request_head *head,
                      struct gw_arena *arena, const struct gw_attempt_calls *calls, void *arg, struct gw_failure *ret_failure);
/* `data` is borrowed until the end of the loop's callback. false: the queue is above the high watermark, wait for on_drained. Not while the
 * attempt waits. */
bool gw_attempt_send_body(struct gw_attempt *attempt, struct gw_str data);
/* The request is complete. `trailers` (may be NULL) live as long as the attempt. */
void gw_attempt_send_end(struct gw_attempt *attempt, const struct gw_headers *trailers);
/* Back-pressure: while paused nothing of the answer is handed out. */
void gw_attempt_set_paused(struct gw_attempt *attempt, bool is_paused);
/* Gives up; no callback follows. Harmless when the attempt is over or was zeroed and never started. */
void gw_attempt_cancel(struct gw_attempt *attempt);
/* … because it has taken too long: a connection on which nobody else was answered since it began is taken for dead, and gets no other. */
void gw_attempt_time_out(struct gw_attempt *attempt);
/* It has begun and is not over. */
bool gw_attempt_is_open(const struct gw_attempt *attempt);
/* It waits for a connection, or to be told what the endpoint speaks: on_connected says when its body can be sent. */
bool gw_attempt_is_waiting(const struct gw_attempt *attempt);
/* Body bytes can be sent without waiting for a connection. */
bool gw_attempt_is_connected(const struct gw_attempt *attempt);

#endif
