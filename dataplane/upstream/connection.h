/* Why: one HTTP/1.1 connection to an endpoint, and the insides of its pool: shared by the files of this folder only.
 * Life: made by an attempt that finds no idle one; freed when it can't be used again, after the turn in which that is known.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_CONNECTION_H
#define GW_DATAPLANE_UPSTREAM_CONNECTION_H

#include <stdbool.h>

#include "common/event/timer.h"
#include "common/net/out_queue.h"
#include "dataplane/upstream/pool.h"

struct gw_attempt;

struct gw_upstream_pool {
  struct gw_loop *loop;
  struct gw_address address;
  uint64_t connect_timeout_ms;
  uint64_t idle_timeout_ms;
  struct gw_upstream_counts *counts;
  struct gw_list idle; /* newest first */
  uint32_t idle_count;
  uint32_t connection_count; /* idle or not */
  bool is_retired;           /* freed by its owner: nothing is kept any more */
  struct gw_timer idle_timer;
};

struct gw_upstream_connection {
  struct gw_upstream_pool *pool;
  struct gw_list node; /* in pool->idle */
  struct gw_io *io;
  int fd;
  bool is_connected;
  bool is_write_broken; /* what is queued is dropped; why shows in the next read */
  uint64_t idle_since_ms;
  struct gw_attempt *attempt; /* NULL: idle */
  struct gw_task flush_task;
  struct gw_task free_task;
  struct gw_timer connect_timer;
  struct gw_out_queue out;
  char *head; /* a response head that is not whole yet, on the heap */
  size_t head_len;
  size_t head_scanned;
};

/* The newest idle connection, or NULL. */
struct gw_upstream_connection *gw_upstream_pool_take(struct gw_upstream_pool *pool);
/* Keeps a connection for the next request. */
void gw_upstream_pool_put(struct gw_upstream_pool *pool, struct gw_upstream_connection *connection);

/* Starts to connect. GW_ERR_IO with errno. */
enum gw_err gw_upstream_connection_new(struct gw_upstream_pool *pool, struct gw_upstream_connection **ret_connection);
/* Closes at once; the memory goes at the end of the turn, since callbacks of the connection may be on the stack. */
void gw_upstream_connection_free(struct gw_upstream_connection *connection);
/* Flushes what is queued when the callback that runs now has returned. */
void gw_upstream_connection_flush_soon(struct gw_upstream_connection *connection);
/* Follows what the attempt and the queue want. */
void gw_upstream_connection_update_interest(struct gw_upstream_connection *connection);

/* What the connection tells its attempt (attempt.c). */
void gw_attempt_on_connected(struct gw_attempt *attempt);
void gw_attempt_on_input(struct gw_attempt *attempt, struct gw_str input);
/* error_number: 0 when the peer closed in order. */
void gw_attempt_on_broken(struct gw_attempt *attempt, int error_number);
void gw_attempt_on_connect_timeout(struct gw_attempt *attempt);
/* `sent` bytes left for the socket. */
void gw_attempt_on_sent(struct gw_attempt *attempt, size_t sent);
bool gw_attempt_wants_input(const struct gw_attempt *attempt);

#endif
