/* Why: binds the listeners' addresses once for all workers: port 0 is chosen once and reused, other processes' ports are an error.
 * Life: gw_listen_set_new … gw_listen_set_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_LISTENER_LISTEN_SET_H
#define GW_DATAPLANE_LISTENER_LISTEN_SET_H

#include "common/base/err.h"
#include "common/model/snapshot.h"
#include "common/net/address.h"
#include "dataplane/listener/engine.h"

struct gw_listen_set;

/* `traffic_override` (may be NULL): replaces the address of the listener called "gateway", or if there is none, of
 * the first by name (--listen). */
struct gw_listen_set *gw_listen_set_new(uint32_t worker_count, const struct gw_address *traffic_override);
void gw_listen_set_free(struct gw_listen_set *set);
/* Binds what `snapshot` adds or moves, one socket a worker; forgets what it dropped. An address that can't be bound is a mistake ("listener
 * NAME: …") and that listener stays where it was (or closed); the others go on. */
void gw_listen_set_update(struct gw_listen_set *set, const struct gw_snapshot *snapshot, struct gw_errors *errors);
/* New duplicates of the sockets of one worker for gw_engine_set_frozen; freed with free(). Where the process is out of descriptors the
 * duplicate is -1: call again later. */
struct gw_engine_socket *gw_listen_set_sockets(struct gw_listen_set *set, uint32_t worker_index, uint32_t *ret_count);
/* The address that a listener is bound to; GW_ERR_NOT_FOUND. */
enum gw_err gw_listen_set_address(const struct gw_listen_set *set, struct gw_str listener_name, struct gw_address *ret_address);

#endif
