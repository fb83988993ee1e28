/* Why: what of a request says which endpoint it goes to (RouteAction.hash_policy), as Envoy works it out.
 * Life: called once a request; what it gives lives in the stream's arena.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_HASH_POLICY_H
#define GW_DATAPLANE_FILTERS_HASH_POLICY_H

#include "dataplane/cluster/lb/balancer.h"
#include "dataplane/pipeline/stream.h"

/* Without any of what the policies ask for, the key has no hash. A cookie that is asked for with a ttl and is not there is made up: its
 * Set-Cookie is added to `cookies`, for the answer. */
struct gw_balancer_key gw_hash_policy_key(struct gw_stream *stream, const struct gw_route_forward *forward, struct gw_headers *cookies);

#endif
