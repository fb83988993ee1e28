/* Why: one listening socket of a worker: takes what waits, a few at a time, and says so when descriptors run out.
 * Life: gw_acceptor_new … gw_acceptor_free, which closes the socket; what had connected before is served, not reset.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_LISTENER_ACCEPTOR_H
#define GW_DATAPLANE_LISTENER_ACCEPTOR_H

#include "common/observe/log.h"
#include "dataplane/downstream/listener.h"

struct gw_acceptor;

/* Takes over fd. */
struct gw_acceptor *gw_acceptor_new(struct gw_downstream_listener *listener, int fd, struct gw_log *log);
void gw_acceptor_free(struct gw_acceptor *acceptor);
/* As free, and ends listening for duplicates of fd too: nobody will accept what still connects there. */
void gw_acceptor_free_and_end(struct gw_acceptor *acceptor);
/* The same socket, whatever the descriptor. */
bool gw_acceptor_has_socket(const struct gw_acceptor *acceptor, int fd);

#endif
