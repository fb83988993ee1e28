/* Why: where a redirect sends the client: what a route's RedirectAction makes of the request's URL.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_REDIRECT_H
#define GW_COMMON_ROUTING_REDIRECT_H

#include "common/routing/route_rule.h"

/* The Location of a GW_ROUTE_REDIRECT, an absolute URL as Envoy makes it, without a port that is the scheme's default (RFC 3986 section
 * 6.2.3). `path` of the request is normalised. GW_ERR_NOT_FOUND: the request names no host, and neither does the route. `rule` may be
 * NULL when the route has no regex_rewrite. */
enum gw_err gw_redirect_location(const struct gw_route *route, const struct gw_route_rule *rule, const struct gw_request_head *head,
                                 struct gw_arena *arena, struct gw_str *ret_location);

#endif
