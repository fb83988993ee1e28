/* Why: the socket to which Nacos sends word of changes (UDP). Whatever comes is a hint and no more: anybody can forge a datagram, so what
 * it says of instances is not looked at, and the service that it names is asked for again. Life: gw_nacos_push_new … gw_nacos_push_free.
 * Thread: the loop's. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_PUSH_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_PUSH_H

#include "common/event/loop.h"
#include "common/net/address.h"

/* Datagrams that are looked at within a second; more are read and dropped, so that a flood costs little. Lists are asked for again after
 * cacheMillis in any case. */
#define GW_NACOS_PUSHES_PER_S_MAX 200u

struct gw_nacos_push;

/* `name`: "GROUP@@SERVICE"; empty: some service has changed, and it is not known which. */
typedef void (*gw_nacos_push_fn)(void *arg, struct gw_str name);

/* On a free port of that address, which is the one by which Nacos reaches us. GW_ERR_IO with errno. */
enum gw_err gw_nacos_push_new(struct gw_loop *loop, const struct gw_address *local, gw_nacos_push_fn fn, void *arg,
                              struct gw_nacos_push **ret_push);
void gw_nacos_push_free(struct gw_nacos_push *push);
/* With its port. */
const struct gw_address *gw_nacos_push_address(const struct gw_nacos_push *push);

struct gw_nacos_push_stats {
  uint64_t received;
  uint64_t invalid; /* that told of no change */
  uint64_t dropped; /* beyond what is looked at */
};
const struct gw_nacos_push_stats *gw_nacos_push_stats(const struct gw_nacos_push *push);

#endif
