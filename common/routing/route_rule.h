/* Why: what a route asks of a request beside the path, compiled: methods as a bit set, headers, the query, and the regular expressions of
 * match and rewrite.
 * Life: in the arena of the route table; gw_route_rule_done frees the regular expressions. Borrows the route.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_ROUTE_RULE_H
#define GW_COMMON_ROUTING_ROUTE_RULE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/routing/text_rule.h"

#define GW_METHODS_ALL ((uint16_t)((1u << GW_METHOD_COUNT) - 1))

struct gw_query_rule {
  const struct gw_query_match *match;
  struct gw_regex *regex; /* GW_STRING_MATCH_REGEX; else NULL */
};

struct gw_route_rule {
  const struct gw_route *route;
  struct gw_regex *path;        /* of a regex, or of a template that is not plain; else NULL */
  struct gw_regex *rewrite;     /* of a forward or a redirect; else NULL */
  struct gw_str rewrite_prefix; /* "^literal" rewrites without an expression: the literal; NULL data: none */
  struct gw_header_rule *headers;
  struct gw_query_rule *queries;
  uint32_t header_count;
  uint32_t query_count;
};

/* Where a route stands in its configuration: what a mistake's place is made from, if there is one. */
struct gw_route_place {
  uint32_t host;
  uint32_t route;
};

/* `methods`: bits of the methods that may match. NULL rule: methods (and the path) say all. `is_fast`: as in regex.h. */
void gw_route_rule_build(const struct gw_route *route, struct gw_route_place place, bool is_fast, struct gw_arena *arena,
                         struct gw_errors *errors, uint16_t *ret_methods, struct gw_route_rule **ret_rule);
void gw_route_rule_done(struct gw_route_rule *rule);
size_t gw_route_rule_regex_bytes(const struct gw_route_rule *rule);

/* All headers, also ":method", and the query; not the path. */
bool gw_route_rule_match_conditions(const struct gw_route_rule *rule, const struct gw_request_head *head, struct gw_route_work *work);
/* The first of these that is not met: one of the two is set, or none when all are. For explain. */
void gw_route_rule_find_failing(const struct gw_route_rule *rule, const struct gw_request_head *head, struct gw_route_work *work,
                                const struct gw_header_match **ret_header, const struct gw_query_match **ret_query);
/* The path (without query) by itself, without any index. `rule` may be NULL when the route needs none. */
bool gw_route_rule_match_path(const struct gw_route *route, const struct gw_route_rule *rule, struct gw_str path,
                              struct gw_route_work *work);

#endif
