/* Why: host names to addresses without blocking a loop: getaddrinfo (hosts file, search domains and all) on a few threads.
 * Life: gw_resolver_new … gw_resolver_free; a query until its callback or gw_resolver_cancel.
 * Thread: the loop's own; the callback runs there. */
#ifndef GW_COMMON_NET_RESOLVER_H
#define GW_COMMON_NET_RESOLVER_H

#include "common/event/loop.h"
#include "common/net/address.h"

struct gw_resolver;
struct gw_resolver_query;

#define GW_RESOLVER_ADDRESSES_MAX 64
/* err: GW_OK with count ≥ 1 (sorted, no doubles), GW_ERR_NOT_FOUND (the name has no address), GW_ERR_IO (no answer). The addresses
 * carry the port asked for and are gone after the call. `reason`: for logs. */
typedef void (*gw_resolver_fn)(void *arg, enum gw_err err, const struct gw_address *addresses, uint32_t count, const char *reason);

/* `thread_count`: how many names are looked up at once. */
struct gw_resolver *gw_resolver_new(struct gw_loop *loop, uint32_t thread_count);
/* Forgets open queries (their callbacks don't run); waits for threads that are inside a lookup. */
void gw_resolver_free(struct gw_resolver *resolver);
struct gw_resolver_query *gw_resolver_resolve(struct gw_resolver *resolver, struct gw_str host, uint16_t port, gw_resolver_fn fn,
                                              void *arg);
void gw_resolver_cancel(struct gw_resolver_query *query);

#endif
