#include "common/net/out_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/base/mem.h"

#define IOVECS_MAX 32
/* What is kept for a slow reader is allocated as it comes, but not in crumbs. */
#define CHUNK_SIZE_MIN 1024u
/* Frames of many streams are written one behind the other: the largest of HTTP/2's default size, and small ones before it. */
#define CHUNK_SIZE_FRAMES ((size_t)20 * 1024)

struct gw_out_chunk {
  struct gw_out_chunk *next;
  size_t start; /* sent so far */
  size_t end;
  size_t cap;
  char data[];
};

void gw_out_queue_init(struct gw_out_queue *queue) {
  queue->piece_count = 0;
  queue->small_len = 0;
  queue->first = queue->last = NULL;
  queue->len = 0;
}

void gw_out_queue_done(struct gw_out_queue *queue) {
  if (queue == NULL) return;
  while (queue->first != NULL) {
    struct gw_out_chunk *next = queue->first->next;
    free(queue->first);
    queue->first = next;
  }
  gw_out_queue_init(queue);
}

/* Room for `len` more owned bytes, in a chunk of at least `size_min`. */
static void reserve_chunk(struct gw_out_queue *queue, size_t len, size_t size_min) {
  if (queue->last != NULL && queue->last->cap - queue->last->end >= len) return;
  size_t cap = len < size_min ? size_min : len;
  struct gw_out_chunk *chunk = gw_malloc(sizeof(struct gw_out_chunk) + cap);
  *chunk = (struct gw_out_chunk){.cap = cap};
  if (queue->last == NULL) {
    queue->first = chunk;
  } else {
    queue->last->next = chunk;
  }
  queue->last = chunk;
}

void gw_out_queue_keep(struct gw_out_queue *queue) {
  size_t len = 0;
  for (uint32_t i = 0; i < queue->piece_count; i++)
    len += queue->pieces[i].len;
  if (len > 0) reserve_chunk(queue, len, CHUNK_SIZE_MIN);
  for (uint32_t i = 0; len > 0 && i < queue->piece_count; i++) {
    struct gw_out_chunk *chunk = queue->last;
    memcpy(chunk->data + chunk->end, queue->pieces[i].data, queue->pieces[i].len);
    chunk->end += queue->pieces[i].len;
  }
  queue->piece_count = 0;
  queue->small_len = 0;
}

void gw_out_queue_add(struct gw_out_queue *queue, struct gw_str piece) {
  if (piece.len == 0) return;
  if (queue->piece_count == GW_OUT_QUEUE_PIECES) gw_out_queue_keep(queue);
  queue->pieces[queue->piece_count++] = piece;
  queue->len += piece.len;
}

void gw_out_queue_add_copy(struct gw_out_queue *queue, struct gw_str piece) {
  if (piece.len == 0) return;
  bool is_small = piece.len <= GW_OUT_QUEUE_SMALL - queue->small_len && queue->piece_count < GW_OUT_QUEUE_PIECES;
  if (is_small) {
    char *copy = memcpy(queue->small + queue->small_len, piece.data, piece.len);
    queue->small_len += (uint32_t)piece.len;
    gw_out_queue_add(queue, (struct gw_str){copy, piece.len});
    return;
  }
  gw_out_queue_keep(queue);
  reserve_chunk(queue, piece.len, CHUNK_SIZE_MIN);
  memcpy(queue->last->data + queue->last->end, piece.data, piece.len);
  queue->last->end += piece.len;
  queue->len += piece.len;
}

char *gw_out_queue_reserve(struct gw_out_queue *queue, size_t len) {
  if (queue->piece_count > 0) gw_out_queue_keep(queue);
  reserve_chunk(queue, len, CHUNK_SIZE_FRAMES);
  return queue->last->data + queue->last->end;
}

void gw_out_queue_commit(struct gw_out_queue *queue, size_t len) {
  queue->last->end += len;
  queue->len += len;
}

static void add_span(struct iovec *spans, size_t *count, size_t *room, const char *data, size_t len) {
  if (len > *room) len = *room;
  spans[(*count)++] = (struct iovec){(void *)(uintptr_t)data, len};
  *room -= len;
}

size_t gw_out_queue_spans(const struct gw_out_queue *queue, size_t limit, struct iovec *ret_spans, size_t max, size_t *ret_len) {
  size_t count = 0;
  size_t room = limit;
  for (struct gw_out_chunk *chunk = queue->first; chunk != NULL && count < max && room > 0; chunk = chunk->next)
    add_span(ret_spans, &count, &room, chunk->data + chunk->start, chunk->end - chunk->start);
  for (uint32_t i = 0; i < queue->piece_count && count < max && room > 0; i++)
    add_span(ret_spans, &count, &room, queue->pieces[i].data, queue->pieces[i].len);
  if (ret_len != NULL) *ret_len = limit - room;
  return count;
}

/* One system call. *ret_offered: what the socket could have taken; less means that it is full. */
static ssize_t send_some(int fd, const struct gw_out_queue *queue, size_t *ret_offered) {
  struct iovec iovecs[IOVECS_MAX];
  struct msghdr message = {.msg_iov = iovecs, .msg_iovlen = gw_out_queue_spans(queue, SIZE_MAX, iovecs, IOVECS_MAX, ret_offered)};
  ssize_t sent;
  do
    sent = message.msg_iovlen == 1 ? send(fd, iovecs[0].iov_base, iovecs[0].iov_len, MSG_NOSIGNAL) : sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent;
}

void gw_out_queue_drop(struct gw_out_queue *queue, size_t len) {
  queue->len -= len;
  while (queue->first != NULL && len >= queue->first->end - queue->first->start) {
    struct gw_out_chunk *next = queue->first->next;
    len -= queue->first->end - queue->first->start;
    free(queue->first);
    queue->first = next;
  }
  if (queue->first != NULL) {
    queue->first->start += len;
    return;
  }
  queue->last = NULL;
  uint32_t from = 0;
  while (from < queue->piece_count && len >= queue->pieces[from].len)
    len -= queue->pieces[from++].len;
  queue->piece_count -= from;
  memmove(queue->pieces, queue->pieces + from, queue->piece_count * sizeof(queue->pieces[0]));
  if (queue->piece_count > 0) {
    queue->pieces[0] = gw_str_skip(queue->pieces[0], len);
  } else {
    queue->small_len = 0;
  }
}

void gw_out_queue_take(struct gw_out_queue *queue, char *to, size_t len) {
  struct iovec spans[IOVECS_MAX];
  while (len > 0) {
    size_t taken;
    size_t count = gw_out_queue_spans(queue, len, spans, IOVECS_MAX, &taken);
    for (size_t i = 0; i < count; i++) {
      memcpy(to, spans[i].iov_base, spans[i].iov_len);
      to += spans[i].iov_len;
    }
    gw_out_queue_drop(queue, taken);
    len -= taken;
  }
}

/* The queue stays as it is when it fails. */
static enum gw_err flush_some(struct gw_out_queue *queue, int fd, size_t *total) {
  size_t offered;
  ssize_t sent = send_some(fd, queue, &offered);
  if (sent < 0) {
    if (errno == EAGAIN) return GW_ERR_AGAIN;
    return errno == EPIPE || errno == ECONNRESET ? GW_ERR_CLOSED : GW_ERR_IO;
  }
  *total += (size_t)sent;
  /* The usual end, without a look at the pieces: all at once. */
  if ((size_t)sent == queue->len && queue->first == NULL) {
    gw_out_queue_init(queue);
  } else {
    gw_out_queue_drop(queue, (size_t)sent);
  }
  return (size_t)sent < offered ? GW_ERR_AGAIN : GW_OK;
}

void gw_out_queue_leave(struct gw_out_queue *queue, enum gw_err err) {
  if (err == GW_ERR_AGAIN) {
    gw_out_queue_keep(queue);
  } else if (err != GW_OK) {
    int reason = errno;
    gw_out_queue_done(queue);
    errno = reason;
  }
}

enum gw_err gw_out_queue_flush(struct gw_out_queue *queue, int fd, size_t *ret_sent) {
  size_t total = 0;
  enum gw_err err = GW_OK;
  while (queue->len > 0 && err == GW_OK)
    err = flush_some(queue, fd, &total);
  gw_out_queue_leave(queue, err);
  if (ret_sent != NULL) *ret_sent = total;
  return err;
}
