#include "common/net/transport.h"

#include <errno.h>
#include <sys/socket.h>

void gw_transport_init(struct gw_transport *transport, int fd) {
  *transport = (struct gw_transport){.fd = fd};
}

void gw_transport_done(struct gw_transport *transport) {
  if (transport == NULL) return;
}

static enum gw_err read_plain(int fd, char *buf, size_t cap, size_t *ret_len) {
  ssize_t got = recv(fd, buf, cap, 0);
  if (got > 0) {
    *ret_len = (size_t)got;
    return GW_OK;
  }
  if (got == 0) return GW_ERR_CLOSED;
  return errno == EAGAIN || errno == EINTR ? GW_ERR_AGAIN : GW_ERR_IO;
}

enum gw_err gw_transport_read(struct gw_transport *transport, struct gw_loop *loop, char *buf, size_t cap, size_t *ret_len) {
  (void)loop;
  return read_plain(transport->fd, buf, cap, ret_len);
}

enum gw_err gw_transport_flush(struct gw_transport *transport, struct gw_loop *loop, struct gw_out_queue *queue, size_t *ret_sent) {
  (void)loop;
  return gw_out_queue_flush(queue, transport->fd, ret_sent);
}

unsigned gw_transport_interest(const struct gw_transport *transport, const struct gw_out_queue *queue) {
  (void)transport;
  return queue->len > 0 ? GW_IO_WRITE : 0;
}

bool gw_transport_is_ready(const struct gw_transport *transport) {
  (void)transport;
  return true;
}

void gw_transport_shutdown(struct gw_transport *transport, struct gw_loop *loop) {
  (void)loop;
  shutdown(transport->fd, SHUT_WR);
}
