/* Why: a client's connection: kept small, because most are idle; a session with buffers exists only while there is something to do.
 * Life: gw_downstream_connection_new … gw_downstream_connection_free, when the client is gone or a timeout says so.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_DOWNSTREAM_CONNECTION_H
#define GW_DATAPLANE_DOWNSTREAM_CONNECTION_H

#include "common/event/timer.h"
#include "common/net/address.h"
#include "dataplane/downstream/listener.h"

struct gw_h1_session;

struct gw_downstream_connection {
  struct gw_downstream_listener *listener;
  struct gw_list node;
  struct gw_io *io;
  struct gw_h1_session *session; /* NULL: idle */
  struct gw_timer timer;         /* of what no stream has a timer for; restarted only when it is too late, not at each request */
  uint64_t since_ms;             /* when the wait that the timer is about began */
  struct gw_address peer;
  int fd;
};

struct gw_downstream_connection *gw_downstream_connection_new(struct gw_downstream_listener *listener, int fd,
                                                              const struct gw_address *peer);
/* Closes at once, with the session and its stream. */
void gw_downstream_connection_free(struct gw_downstream_connection *connection);
/* A new wait begins now. */
void gw_downstream_connection_start_wait(struct gw_downstream_connection *connection);

static inline struct gw_loop *gw_downstream_connection_loop(const struct gw_downstream_connection *connection) {
  return connection->listener->pipeline->loop;
}

#endif
