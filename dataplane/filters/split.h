/* Why: which of a route's clusters a request goes to.
 * Life: no objects.
 * Thread: any; the random numbers are the worker's. */
#ifndef GW_DATAPLANE_FILTERS_SPLIT_H
#define GW_DATAPLANE_FILTERS_SPLIT_H

#include "common/base/random.h"
#include "common/model/route.h"
#include "dataplane/cluster/lb/balancer.h"

/* Counted from 1. By the key's hash where the split goes by it and the request has one, else by chance; each cluster by its weight, as
 * Envoy: so that both kinds of nodes send a key to one cluster. */
uint32_t gw_split_choose(const struct gw_route_split *split, const struct gw_balancer_key *key, struct gw_random *random);

#endif
