#include "dataplane/listener/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/net/socket.h"

/* A burst of connections shares the turn with the requests of those that are here already. */
#define ACCEPTS_A_TURN 8
/* Without descriptors nothing is gained by trying again at once. */
#define PAUSE_MS 100

struct gw_acceptor {
  struct gw_downstream_listener *listener;
  struct gw_log *log;
  int fd;
  struct gw_io *io;
  struct gw_timer pause_timer;
  bool is_complaining; /* said already that descriptors are out */
};

static enum gw_err accept_one(struct gw_acceptor *acceptor) {
  struct gw_address peer;
  int fd;
  enum gw_err err = gw_socket_accept(acceptor->fd, &peer, &fd);
  if (err == GW_OK) gw_downstream_listener_accept(acceptor->listener, fd, &peer);
  return err;
}

static void on_io(void *arg, unsigned ready) {
  (void)ready;
  struct gw_acceptor *acceptor = arg;
  enum gw_err err = GW_OK;
  for (uint32_t i = 0; i < ACCEPTS_A_TURN && err == GW_OK; i++)
    err = accept_one(acceptor);
  if (err == GW_OK || err == GW_ERR_AGAIN) {
    acceptor->is_complaining = false;
    return;
  }
  if (!acceptor->is_complaining) GW_LOG_ERROR(acceptor->log, "connections can't be accepted: %s", strerror(errno));
  acceptor->is_complaining = true;
  gw_io_set(acceptor->io, 0);
  gw_timer_start(acceptor->listener->pipeline->loop, &acceptor->pause_timer, PAUSE_MS);
}

static void on_pause_end(struct gw_timer *timer) {
  struct gw_acceptor *acceptor = GW_CONTAINER_OF(timer, struct gw_acceptor, pause_timer);
  gw_io_set(acceptor->io, GW_IO_READ);
}

struct gw_acceptor *gw_acceptor_new(struct gw_downstream_listener *listener, int fd, struct gw_log *log) {
  struct gw_acceptor *acceptor = gw_calloc(1, sizeof(*acceptor));
  acceptor->listener = listener;
  acceptor->log = log;
  acceptor->fd = fd;
  acceptor->io = gw_io_new(listener->pipeline->loop, fd, on_io, acceptor);
  gw_timer_init(&acceptor->pause_timer, on_pause_end);
  gw_io_set(acceptor->io, GW_IO_READ);
  return acceptor;
}

void gw_acceptor_free(struct gw_acceptor *acceptor) {
  if (acceptor == NULL) return;
  gw_timer_stop(&acceptor->pause_timer);
  while (accept_one(acceptor) == GW_OK)
    continue;
  gw_io_free(acceptor->io);
  close(acceptor->fd);
  free(acceptor);
}

void gw_acceptor_free_and_end(struct gw_acceptor *acceptor) {
  if (acceptor == NULL) return;
  while (accept_one(acceptor) == GW_OK)
    continue;
  shutdown(acceptor->fd, SHUT_RD);
  gw_acceptor_free(acceptor);
}

bool gw_acceptor_has_socket(const struct gw_acceptor *acceptor, int fd) {
  struct stat ours;
  struct stat theirs;
  if (fstat(acceptor->fd, &ours) != 0 || fstat(fd, &theirs) != 0) return false;
  return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}
