/* Why: non-blocking sockets: TCP's listen, accept, connect; and UDP.
 * Life: file descriptors are the caller's to close. All are close-on-exec.
 * Thread: any. */
#ifndef GW_COMMON_NET_SOCKET_H
#define GW_COMMON_NET_SOCKET_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/net/address.h"

/* Binds and listens; port 0 takes a free one. is_shared: SO_REUSEPORT, for further workers of this process on a port that is ours. An
 * IPv6 address takes IPv6 only, "::" too.
 * GW_ERR_IO with errno (EADDRINUSE, EACCES, …). */
enum gw_err gw_socket_listen(const struct gw_address *address, bool is_shared, int backlog, int *ret_fd);
/* The first socket of a port that our workers will share (they use gw_socket_listen, shared): binds and listens without SO_REUSEPORT, so
 * that an address on which anybody listens, even with SO_REUSEPORT, is GW_ERR_IO with EADDRINUSE, and sets SO_REUSEPORT only then (Linux
 * looks at the sockets' options of the moment). Of two that start at once one gets the port. A process of the same user that asks for
 * SO_REUSEPORT on its own can still join later: the kernel knows no group narrower than the user. */
enum gw_err gw_socket_listen_exclusive(const struct gw_address *address, int backlog, int *ret_fd);
/* Non-blocking, TCP_NODELAY. GW_ERR_AGAIN when none waits; GW_ERR_LIMIT when descriptors are out; GW_ERR_IO else. */
enum gw_err gw_socket_accept(int listen_fd, struct gw_address *ret_peer, int *ret_fd);
/* Starts to connect, TCP_NODELAY; the result shows when the fd becomes writable (gw_socket_take_error). GW_ERR_IO with errno. */
enum gw_err gw_socket_connect(const struct gw_address *address, int *ret_fd);
/* A UDP socket on that address; port 0 takes a free one. GW_ERR_IO with errno. */
enum gw_err gw_socket_bind_udp(const struct gw_address *address, int *ret_fd);
/* SO_ERROR: 0 or an errno. */
int gw_socket_take_error(int fd);
enum gw_err gw_socket_local_address(int fd, struct gw_address *ret_address);

#endif
