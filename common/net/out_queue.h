/* Why: what waits to be sent on a connection: pieces, some of them borrowed, that leave in one writev.
 * Life: embedded in the connection. A borrowed piece must live until the end of the callback that queued it: then the owner calls
 * gw_out_queue_flush, which copies whatever the socket did not take.
 * Thread: the loop's own. */
#ifndef GW_COMMON_NET_OUT_QUEUE_H
#define GW_COMMON_NET_OUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_OUT_QUEUE_PIECES 8 /* of this callback; the ninth makes all of them be copied */
#define GW_OUT_QUEUE_SMALL 40 /* bytes of small copies without an allocation: the lines around two chunks */

struct gw_out_chunk; /* owned bytes left over from an earlier flush */

struct gw_out_queue {
  size_t len;                 /* bytes waiting, owned and borrowed */
  struct gw_out_chunk *first; /* owned, older than the pieces */
  struct gw_out_chunk *last;
  uint32_t piece_count;
  uint32_t small_len;
  struct gw_str pieces[GW_OUT_QUEUE_PIECES]; /* of this callback, borrowed or in `small` */
  char small[GW_OUT_QUEUE_SMALL];
};

void gw_out_queue_init(struct gw_out_queue *queue);
void gw_out_queue_done(struct gw_out_queue *queue);
/* Queues bytes that stay alive until the flush at the end of this callback. */
void gw_out_queue_add(struct gw_out_queue *queue, struct gw_str piece);
/* Queues a copy (small things without a home: a chunk's head). */
void gw_out_queue_add_copy(struct gw_out_queue *queue, struct gw_str piece);
/* Room for `len` contiguous bytes of the queue's own, behind all that is queued; gw_out_queue_commit says how many of them were written. */
char *gw_out_queue_reserve(struct gw_out_queue *queue, size_t len);
void gw_out_queue_commit(struct gw_out_queue *queue, size_t len);
/* Makes the queue's own what was borrowed in this callback and is still here. */
void gw_out_queue_keep(struct gw_out_queue *queue);
/* Moves `len` bytes, of at least as many that wait, to `to`: for who frames them anew. */
void gw_out_queue_take(struct gw_out_queue *queue, char *to, size_t len);
/* Sends what the socket takes. GW_OK: all gone. GW_ERR_AGAIN: the rest is kept (copied), wait until the fd is writable.
 * GW_ERR_CLOSED or GW_ERR_IO (errno): the connection is broken, and the queue is empty. *ret_sent (may be NULL): bytes that left, also when
 * the rest could not. */
enum gw_err gw_out_queue_flush(struct gw_out_queue *queue, int fd, size_t *ret_sent);

/* For who sends by another way than a socket (TLS): the first bytes that wait, at most `max` spans and `limit` bytes. The count; *ret_len
 * (may be NULL): their bytes. */
struct iovec;
size_t gw_out_queue_spans(const struct gw_out_queue *queue, size_t limit, struct iovec *ret_spans, size_t max, size_t *ret_len);
/* Forgets the first `len` bytes: they are on their way. */
void gw_out_queue_drop(struct gw_out_queue *queue, size_t len);
/* After sending ended with `err`: as gw_out_queue_flush says. errno stays. */
void gw_out_queue_leave(struct gw_out_queue *queue, enum gw_err err);

#endif
