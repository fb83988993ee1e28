#include "common/net/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* What the kernel keeps of an answer that the peer doesn't take, beyond what is on its way: it would keep megabytes, which no watermark of
 * ours sees. */
#define UNSENT_MAX (128 * 1024)

static void set_number(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof(value)); /* fails only for what is no TCP socket */
}

static void set_option(int fd, int level, int name) {
  set_number(fd, level, name, 1);
}

static enum gw_err fail_and_close(int fd) {
  int reason = errno;
  close(fd);
  errno = reason;
  return GW_ERR_IO;
}

enum sharing { ALONE, SHARED, FIRST_OF_SHARED };

static enum gw_err listen_on(const struct gw_address *address, enum sharing sharing, int backlog, int *ret_fd) {
  int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return GW_ERR_IO;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY); /* accepted sockets inherit it, and the next */
  set_number(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
  if (address->any.sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (sharing == SHARED) set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  if (bind(fd, &address->any, gw_address_len(address)) != 0) return fail_and_close(fd);
  if (listen(fd, backlog) != 0) return fail_and_close(fd);
  if (sharing == FIRST_OF_SHARED) set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  *ret_fd = fd;
  return GW_OK;
}

enum gw_err gw_socket_listen(const struct gw_address *address, bool is_shared, int backlog, int *ret_fd) {
  return listen_on(address, is_shared ? SHARED : ALONE, backlog, ret_fd);
}

enum gw_err gw_socket_listen_exclusive(const struct gw_address *address, int backlog, int *ret_fd) {
  return listen_on(address, FIRST_OF_SHARED, backlog, ret_fd);
}

enum gw_err gw_socket_bind_udp(const struct gw_address *address, int *ret_fd) {
  int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return GW_ERR_IO;
  if (bind(fd, &address->any, gw_address_len(address)) != 0) return fail_and_close(fd);
  *ret_fd = fd;
  return GW_OK;
}

enum gw_err gw_socket_accept(int listen_fd, struct gw_address *ret_peer, int *ret_fd) {
  struct gw_address peer = {0};
  for (;;) {
    socklen_t len = sizeof(peer);
    int fd = accept4(listen_fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      *ret_peer = peer;
      *ret_fd = fd;
      return GW_OK;
    }
    switch (errno) {
    case EAGAIN: return GW_ERR_AGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return GW_ERR_LIMIT;
    /* One connection went wrong before we took it: the next may be good (accept(2), "Error handling"). */
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH: break;
    default: return GW_ERR_IO;
    }
  }
}

enum gw_err gw_socket_connect(const struct gw_address *address, int *ret_fd) {
  int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return GW_ERR_IO;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  /* Interrupted, it goes on by itself. */
  if (connect(fd, &address->any, gw_address_len(address)) != 0 && errno != EINPROGRESS && errno != EINTR) return fail_and_close(fd);
  *ret_fd = fd;
  return GW_OK;
}

int gw_socket_take_error(int fd) {
  int error = 0;
  socklen_t len = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

enum gw_err gw_socket_local_address(int fd, struct gw_address *ret_address) {
  struct gw_address address = {0};
  socklen_t len = sizeof(address);
  if (getsockname(fd, &address.any, &len) != 0) return GW_ERR_IO;
  *ret_address = address;
  return GW_OK;
}
