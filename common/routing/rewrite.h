/* Why: the path that goes upstream, or into a redirect: what a route's prefix_rewrite or regex_rewrite makes of the request's.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_REWRITE_H
#define GW_COMMON_ROUTING_REWRITE_H

#include "common/routing/route_rule.h"

/* The bytes that a regex_rewrite may make a path longer by; matches beyond are left as they are. */
#define GW_REWRITE_GROWTH_MAX 65536u

/* NULL, or what is wrong with a substitution of a pattern with so many groups: \0 to \9 and \\ may be there (RE2's rule). */
#define GW_REWRITE_SUBSTITUTION_MAX 1024u
const char *gw_rewrite_check_substitution(struct gw_str substitution, size_t group_count);

/* The path itself when nothing changes; the query stays. `rule` may be NULL. Of a redirect only its regex_rewrite. */
struct gw_str gw_rewrite_path(const struct gw_route *route, const struct gw_route_rule *rule, struct gw_str path, struct gw_arena *arena);
/* The path with `replacement` instead of what the match has matched; the query stays. */
struct gw_str gw_rewrite_prefix(const struct gw_route_match *match, struct gw_str replacement, struct gw_str path, struct gw_arena *arena);

#endif
