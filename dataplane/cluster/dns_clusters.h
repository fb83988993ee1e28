/* Why: keeps the addresses of STRICT_DNS clusters fresh: resolved asynchronously, again on expiry, the last good ones kept while DNS is
 * away. Life: gw_dns_clusters_new … gw_dns_clusters_free. Thread: main. */
#ifndef GW_DATAPLANE_CLUSTER_DNS_CLUSTERS_H
#define GW_DATAPLANE_CLUSTER_DNS_CLUSTERS_H

#include <stdbool.h>

#include "common/event/loop.h"
#include "common/model/snapshot.h"
#include "common/net/resolver.h"
#include "common/observe/log.h"

struct gw_dns_clusters;
typedef void (*gw_dns_clusters_fn)(void *arg);

/* on_change: addresses of some cluster changed, or the set became warm: build a new gw_frozen. At most once a turn. */
struct gw_dns_clusters *gw_dns_clusters_new(struct gw_loop *loop, struct gw_resolver *resolver, struct gw_log *log,
                                            gw_dns_clusters_fn on_change, void *arg);
void gw_dns_clusters_free(struct gw_dns_clusters *dns);
/* Follows the clusters of `snapshot` (and still those of `active`, which may be NULL, until the next call). */
void gw_dns_clusters_follow(struct gw_dns_clusters *dns, struct gw_snapshot *snapshot, struct gw_snapshot *active);
/* The addresses of a host name that a followed cluster has, with `port`, sorted; how many, 0 while none are known. Borrowed until the next
 * turn of the loop. `dns` may be NULL: none. */
uint32_t gw_dns_clusters_addresses(const struct gw_dns_clusters *dns, struct gw_str host, uint16_t port,
                                   const struct gw_address **ret_addresses);
/* Every name was answered once, well or not. */
bool gw_dns_clusters_are_warm(const struct gw_dns_clusters *dns);

#endif
