/* Why: what a connection reads from and writes to: a socket, or TLS over it, by the same calls.
 * Life: embedded in the connection: init … done. The fd stays the connection's to close, after done.
 * Thread: that of the loop which is passed in. */
#ifndef GW_COMMON_NET_TRANSPORT_H
#define GW_COMMON_NET_TRANSPORT_H

#include "common/event/loop.h"
#include "common/net/out_queue.h"
#include "common/net/tls.h"

struct gw_transport {
  int fd;
  struct gw_tls *tls; /* NULL: plaintext */
};

/* Plaintext. */
void gw_transport_init(struct gw_transport *transport, int fd);
/* TLS as the server: the handshake runs inside gw_transport_read. Takes a reference of its own on the context. */
void gw_transport_init_server(struct gw_transport *transport, int fd, struct gw_loop *loop, struct gw_tls_context *context);
/* TLS as the client: the handshake begins with the first gw_transport_flush, also of an empty queue. sni: as the server is to be asked for
 * (a host name; empty or an IP address: not sent); with the context's `checks_host` also what its certificate must be for. slot (may be
 * NULL): where sessions are taken from and kept; it outlives the transport. */
void gw_transport_init_client(struct gw_transport *transport, int fd, struct gw_loop *loop, struct gw_tls_context *context,
                              struct gw_str sni, struct gw_tls_session_slot *slot);
void gw_transport_done(struct gw_transport *transport);

/* One system call's worth of bytes into buf, which has room for GW_LOOP_SCRATCH_SIZE (cap; for plaintext any). All that was received
 * is in buf or waits in the kernel: nothing stays behind that no event would tell of.
 * GW_OK: *ret_len > 0 bytes. GW_ERR_AGAIN: none now (a handshake may have gone on: see below). GW_ERR_CLOSED: the end, in order (for TLS:
 * said by close_notify). GW_ERR_IO with errno: broken; ECONNRESET too when TLS ended without close_notify, so that a body which ends with
 * the connection may have been cut. GW_ERR_INVALID: TLS failed; gw_tls_failure says why, and the peer has been told. Later reads say the
 * same again. */
enum gw_err gw_transport_read(struct gw_transport *transport, struct gw_loop *loop, char *buf, size_t cap, size_t *ret_len);

/* As gw_out_queue_flush: *ret_sent (may be NULL) counts bytes that have left, also those that an earlier call had taken from the queue.
 * GW_ERR_AGAIN: the socket is full, or the handshake isn't through; the rest is kept, with TLS as ciphertext, so that the queue may be
 * empty (see gw_transport_has_output). GW_ERR_INVALID: TLS failed, the queue is empty. */
enum gw_err gw_transport_flush(struct gw_transport *transport, struct gw_loop *loop, struct gw_out_queue *queue, size_t *ret_sent);

/* With TLS only: ciphertext waits for the socket. */
bool gw_transport_has_kept(const struct gw_transport *transport);

/* Something waits to be sent, in the queue or as ciphertext: who is to close, or to forget the queue, waits until it has left. */
static inline bool gw_transport_has_output(const struct gw_transport *transport, const struct gw_out_queue *queue) {
  return queue->len > 0 || (transport->tls != NULL && gw_transport_has_kept(transport));
}

/* What the transport itself needs to be told of, besides what the connection wants to read: GW_IO_READ while a handshake waits for
 * the peer, GW_IO_WRITE when a flush can get something on. After a read or flush that ended the handshake (gw_transport_is_ready), what
 * the connection has queued wants a flush: with that the handshake's last words leave in the same send. */
unsigned gw_transport_interest(const struct gw_transport *transport, const struct gw_out_queue *queue);

/* Bytes can be written: always for plaintext; for TLS once the handshake is through. */
bool gw_transport_is_ready(const struct gw_transport *transport);

/* Says in order that no more comes: close_notify and SHUT_WR. Nothing may wait to be sent. Reading goes on. GW_ERR_AGAIN: the socket is
 * full before it is said (TLS only): call again when a flush has found everything gone. */
enum gw_err gw_transport_shutdown(struct gw_transport *transport, struct gw_loop *loop);

#endif
