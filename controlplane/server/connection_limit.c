#include "controlplane/server/connection_limit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Both are process-wide (one of them a thread), because accept4 is called by libraries, which know nothing of us. */
static atomic_uint_fast64_t refused;
static _Thread_local bool is_loop;

uint64_t gw_connection_limit_refused(void) {
  return atomic_load(&refused);
}

void gw_connection_limit_start(void) {
  is_loop = true;
  struct rlimit limit;
  const rlim_t wanted = GW_CONNECTIONS_MAX + GW_CONNECTION_RESERVE;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* The lowest free descriptor is the next one's (POSIX), so a high one says that so many are open. */
static int find_bound(void) {
  struct rlimit limit;
  rlim_t bound = GW_CONNECTIONS_MAX;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < GW_CONNECTIONS_MAX + GW_CONNECTION_RESERVE)
    bound = limit.rlim_cur > (rlim_t)2 * GW_CONNECTION_RESERVE ? limit.rlim_cur - GW_CONNECTION_RESERVE : limit.rlim_cur / 2;
  return (int)bound + (is_loop ? (int)GW_CONNECTION_PROBES : 0);
}

/* In place of the C library's. What is too much is closed, and the next one is taken. */
int accept4(int listener, struct sockaddr *address, socklen_t *address_len, int flags) {
  socklen_t room = address_len != NULL ? *address_len : 0;
  for (;;) {
    if (address_len != NULL) *address_len = room;
    int connection = (int)syscall(SYS_accept4, listener, address, address_len, flags);
    if (connection < 0 && (errno == EMFILE || errno == ENFILE)) errno = EAGAIN; /* gRPC would never listen again */
    if (connection < find_bound()) return connection;
    atomic_fetch_add(&refused, 1);
    close(connection);
  }
}
