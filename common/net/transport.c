#include "common/net/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* Ciphertext of one send: what one read of the other side can have brought. */
#define OUT_MAX GW_LOOP_SCRATCH_SIZE
/* What OpenSSL can hold of a record that has not come whole; it comes out with what is read next. */
#define HELD_MAX (GW_TLS_RECORD_MAX + 1024u)
/* Answers to a peer that makes us talk but doesn't listen. */
#define KEPT_MAX ((size_t)256 * 1024)

void gw_transport_init(struct gw_transport *transport, int fd) {
  *transport = (struct gw_transport){.fd = fd};
}

void gw_transport_init_server(struct gw_transport *transport, int fd, struct gw_loop *loop, struct gw_tls_context *context) {
  *transport = (struct gw_transport){.fd = fd, .tls = gw_tls_new(loop, context, GW_STR(""), NULL)};
}

void gw_transport_init_client(struct gw_transport *transport, int fd, struct gw_loop *loop, struct gw_tls_context *context,
                              struct gw_str sni, struct gw_tls_session_slot *slot) {
  *transport = (struct gw_transport){.fd = fd, .tls = gw_tls_new(loop, context, sni, slot)};
}

void gw_transport_done(struct gw_transport *transport) {
  if (transport == NULL) return;
  gw_tls_free(transport->tls);
  transport->tls = NULL;
}

static enum gw_err receive(int fd, char *buf, size_t cap, size_t *ret_len) {
  ssize_t got = recv(fd, buf, cap, 0);
  if (got > 0) {
    *ret_len = (size_t)got;
    return GW_OK;
  }
  if (got == 0) return GW_ERR_CLOSED;
  return errno == EAGAIN || errno == EINTR ? GW_ERR_AGAIN : GW_ERR_IO;
}

static enum gw_err report_end(const struct gw_tls *tls) {
  if (tls->end == GW_ERR_IO) errno = tls->end_errno;
  return tls->end;
}

static enum gw_err report_write(const struct gw_tls *tls) {
  errno = tls->write_errno;
  return errno == EPIPE || errno == ECONNRESET ? GW_ERR_CLOSED : GW_ERR_IO;
}

/* What is left of tls->kept and room->out when `sent` bytes of both have gone. */
static void keep_rest(struct gw_tls *tls, struct gw_tls_room *room, size_t sent) {
  size_t old_len = tls->kept == NULL ? 0 : tls->kept->end - tls->kept->start;
  size_t old_sent = sent < old_len ? sent : old_len;
  size_t rest = room->out_len - (sent - old_sent);
  if (old_len - old_sent + rest > KEPT_MAX) {
    gw_tls_fail(tls, GW_ERR_INVALID, 0, "the peer does not read what it asks for");
    rest = 0;
  }
  if (tls->kept != NULL) tls->kept->start += old_sent;
  if (rest > 0) {
    struct gw_tls_kept *kept = gw_malloc(sizeof(*kept) + old_len - old_sent + rest);
    *kept = (struct gw_tls_kept){.end = old_len - old_sent + rest};
    if (tls->kept != NULL) memcpy(kept->data, tls->kept->data + tls->kept->start, old_len - old_sent);
    memcpy(kept->data + old_len - old_sent, room->out + room->out_len - rest, rest);
    free(tls->kept);
    tls->kept = kept;
  }
  room->out_len = 0;
}

/* Sends what is kept and what is in room->out, in one system call. GW_OK: all gone. */
static enum gw_err send_out(struct gw_tls *tls, int fd, struct gw_tls_room *room) {
  size_t old_len = tls->kept == NULL ? 0 : tls->kept->end - tls->kept->start;
  if (tls->write_errno != 0) room->out_len = 0;
  if (old_len + room->out_len == 0) return tls->write_errno != 0 ? report_write(tls) : GW_OK;
  struct iovec spans[2] = {{NULL, old_len}, {room->out, room->out_len}};
  if (old_len > 0) spans[0].iov_base = tls->kept->data + tls->kept->start;
  struct msghdr message = {.msg_iov = spans, .msg_iovlen = 2};
  ssize_t sent;
  do
    sent = old_len == 0 ? send(fd, room->out, room->out_len, MSG_NOSIGNAL) : sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) sent = 0;
  if (sent >= 0 && (size_t)sent < old_len + room->out_len) {
    keep_rest(tls, room, (size_t)sent);
    tls->wait = GW_TLS_WAIT_SOCKET;
    return GW_ERR_AGAIN;
  }
  if (sent < 0) tls->write_errno = errno;
  free(tls->kept);
  tls->kept = NULL;
  room->out_len = 0;
  return sent < 0 ? report_write(tls) : GW_OK;
}

/* One recv behind what is left of a record. False: nothing came; then tls->end says whether it is the end. */
static bool fill(struct gw_tls *tls, int fd, struct gw_tls_room *room) {
  size_t cap = sizeof(room->in);
  if (tls->ssl != NULL) cap -= HELD_MAX;
  if (tls->tail != NULL) {
    room->in_len = tls->tail->end;
    memcpy(room->in, tls->tail->data, tls->tail->end);
  }
  size_t len = 0;
  enum gw_err err = receive(fd, room->in + room->in_len, cap - room->in_len, &len);
  if (err == GW_ERR_CLOSED) {
    gw_tls_fail(tls, GW_ERR_IO, ECONNRESET, tls->is_ready ? "closed without close_notify" : "closed during the handshake");
  } else if (err == GW_ERR_IO) {
    gw_tls_fail(tls, GW_ERR_IO, errno, tls->is_ready ? NULL : "broken during the handshake");
  }
  if (err != GW_OK) return false;
  free(tls->tail);
  tls->tail = NULL;
  room->in_len += len;
  return true;
}

static enum gw_err read_tls(struct gw_tls *tls, int fd, struct gw_loop *loop, char *buf, size_t *ret_len) {
  if (tls->end != GW_OK) return report_end(tls);
  struct gw_tls_room *room = gw_tls_room_enter(loop, tls);
  if (!fill(tls, fd, room)) return tls->end == GW_OK ? GW_ERR_AGAIN : report_end(tls);
  bool was_ready = tls->is_ready;
  size_t len = gw_tls_open(tls, room, buf);
  /* The last words of a handshake leave with what answers them or follows them, instead of in a send of their own. */
  bool is_last_word = !was_ready && tls->is_ready && tls->end == GW_OK && room->out_len > 0 && tls->kept == NULL;
  if (is_last_word && (len > 0 || !tls->context->is_server)) {
    keep_rest(tls, room, 0);
    tls->wait = tls->context->is_server ? GW_TLS_WAIT_ANY : GW_TLS_WAIT_COMPANY;
  } else if (room->out_len > 0) {
    send_out(tls, fd, room);
  }
  if (len == 0) return tls->end == GW_OK ? GW_ERR_AGAIN : report_end(tls);
  /* The end came with data: the socket shall say so again. */
  if (tls->end != GW_OK) shutdown(fd, SHUT_RD);
  *ret_len = len;
  return GW_OK;
}

enum gw_err gw_transport_read(struct gw_transport *transport, struct gw_loop *loop, char *buf, size_t cap, size_t *ret_len) {
  if (transport->tls == NULL) return receive(transport->fd, buf, cap, ret_len);
  GW_ASSERT(cap >= GW_LOOP_SCRATCH_SIZE);
  return read_tls(transport->tls, transport->fd, loop, buf, ret_len);
}

static enum gw_err seal_and_send(struct gw_tls *tls, int fd, struct gw_tls_room *room, struct gw_out_queue *queue, size_t *taken) {
  while (queue->len > 0 && room->out_len < OUT_MAX) {
    size_t len = gw_tls_seal(tls, room, queue);
    if (len == 0) return tls->end;
    gw_out_queue_drop(queue, len);
    *taken += len;
  }
  return send_out(tls, fd, room);
}

static enum gw_err flush_tls(struct gw_tls *tls, int fd, struct gw_loop *loop, struct gw_out_queue *queue, size_t *taken) {
  if (tls->end == GW_ERR_INVALID) return GW_ERR_INVALID;
  if (tls->write_errno != 0) return report_write(tls);
  struct gw_tls_room *room = gw_tls_room_enter(loop, tls);
  enum gw_err err = GW_OK;
  if (!tls->is_ready && !tls->context->is_server && !tls->has_begun) gw_tls_begin(tls);
  if (!tls->is_ready || (tls->kept != NULL && tls->wait == GW_TLS_WAIT_SOCKET)) err = send_out(tls, fd, room);
  if (tls->end == GW_ERR_INVALID) return GW_ERR_INVALID;
  if (err == GW_OK && !tls->is_ready) return queue->len > 0 ? GW_ERR_AGAIN : GW_OK;
  do {
    if (err == GW_OK) err = seal_and_send(tls, fd, room, queue, taken);
  } while (err == GW_OK && queue->len > 0);
  return err;
}

/* Of what has been taken over, that whose ciphertext has gone. */
static size_t count_sent(struct gw_tls *tls, size_t taken) {
  size_t kept = tls->kept == NULL ? 0 : tls->kept->end - tls->kept->start;
  size_t all = tls->unsent + taken;
  tls->unsent = kept < all ? kept : all;
  return all - tls->unsent;
}

enum gw_err gw_transport_flush(struct gw_transport *transport, struct gw_loop *loop, struct gw_out_queue *queue, size_t *ret_sent) {
  if (transport->tls == NULL) return gw_out_queue_flush(queue, transport->fd, ret_sent);
  size_t taken = 0;
  enum gw_err err = flush_tls(transport->tls, transport->fd, loop, queue, &taken);
  size_t sent = count_sent(transport->tls, taken);
  gw_out_queue_leave(queue, err);
  if (ret_sent != NULL) *ret_sent = sent;
  return err;
}

bool gw_transport_has_kept(const struct gw_transport *transport) {
  const struct gw_tls *tls = transport->tls;
  return tls->kept != NULL && tls->wait != GW_TLS_WAIT_ANY;
}

unsigned gw_transport_interest(const struct gw_transport *transport, const struct gw_out_queue *queue) {
  const struct gw_tls *tls = transport->tls;
  if (tls == NULL) return queue->len > 0 ? GW_IO_WRITE : 0;
  if (tls->end == GW_ERR_INVALID || tls->write_errno != 0) return 0;
  unsigned interest = tls->is_ready ? 0 : GW_IO_READ;
  bool has_begun = tls->context->is_server || tls->has_begun;
  if (gw_transport_has_kept(transport) || !has_begun || (tls->is_ready && queue->len > 0)) interest |= GW_IO_WRITE;
  return interest;
}

bool gw_transport_is_ready(const struct gw_transport *transport) {
  return transport->tls == NULL || transport->tls->is_ready;
}

enum gw_err gw_transport_shutdown(struct gw_transport *transport, struct gw_loop *loop) {
  struct gw_tls *tls = transport->tls;
  if (tls != NULL && tls->is_ready && tls->end != GW_ERR_INVALID) {
    struct gw_tls_room *room = gw_tls_room_enter(loop, tls);
    if (!tls->has_ended) gw_tls_seal_close(tls, room);
    tls->has_ended = true;
    if (send_out(tls, transport->fd, room) == GW_ERR_AGAIN) return GW_ERR_AGAIN;
  }
  shutdown(transport->fd, SHUT_WR);
  return GW_OK;
}
