/* Why: finds the route of a request: the first that matches in the order of the configuration, as Envoy does, but by hash and trie, so
 * that 10,000 routes cost what 10 do. Pure functions, the proxy's and explain's alike.
 * Life: gw_route_table_build … gw_route_table_free; borrows the route configuration, which must live as long.
 * Thread: frozen after build; any number of threads match at once. */
#ifndef GW_COMMON_ROUTING_ROUTE_TABLE_H
#define GW_COMMON_ROUTING_ROUTE_TABLE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/message/message.h"
#include "common/model/route.h"

struct gw_route_table;

/* Compiles. Adds a mistake ("virtual_hosts[0].routes[3].match.safe_regex: …") for each regex or template that does not compile and each
 * domain that two virtual hosts claim, and then returns GW_ERR_INVALID. Regex: PCRE2, whole string, with match and depth limits. */
enum gw_err gw_route_table_build(const struct gw_route_config *config, struct gw_errors *errors, struct gw_route_table **ret_table);
/* The same mistakes, without what only matching needs, which is most of the work. */
enum gw_err gw_route_table_check(const struct gw_route_config *config, struct gw_errors *errors);
void gw_route_table_free(struct gw_route_table *table);
/* Bytes on the heap, roughly: for reports and tests. */
size_t gw_route_table_bytes(const struct gw_route_table *table);

#define GW_ROUTE_VARIABLES_MAX 16
struct gw_route_variable {
  struct gw_str name;
  struct gw_str value; /* points into the request's path, still percent-encoded */
};
struct gw_route_hit {
  const struct gw_route *route;               /* NULL: none matches */
  const struct gw_virtual_host *virtual_host; /* NULL: no domain matches */
  bool
      is_undecided; /* a regular expression that had to be asked first ran into its limits: no route, so that none is evaded by making it */
};

/* `head->path` is normalised; matching looks at its part before '?'. `scratch` is the request's arena. The virtual host: exact domain, then
 * the longest suffix wildcard, then the longest prefix wildcard, then "*"; case-insensitive; the port is part of the domain, but for
 * `ignores_port`. */
void gw_route_table_match(const struct gw_route_table *table, const struct gw_request_head *head, struct gw_arena *scratch,
                          struct gw_route_hit *ret_hit);
/* The same by a linear scan over the configuration: slow, obviously right. The reference of the property test, and of explain. */
void gw_route_table_match_linear(const struct gw_route_table *table, const struct gw_request_head *head, struct gw_arena *scratch,
                                 struct gw_route_hit *ret_hit);
/* How one route, of the virtual host that was found, takes to a request, by itself: for explain. What fails first, in this order. */
enum gw_route_part {
  GW_ROUTE_PART_NONE, /* all of it matches */
  GW_ROUTE_PART_PATH,
  GW_ROUTE_PART_METHOD,
  GW_ROUTE_PART_HEADER, /* `header` */
  GW_ROUTE_PART_QUERY,  /* `query` */
};
struct gw_route_judgement {
  enum gw_route_part fails;
  bool is_undecided; /* a regular expression of it ran into its limits */
  const struct gw_header_match *header;
  const struct gw_query_match *query;
};
void gw_route_table_judge(const struct gw_route_table *table, const struct gw_route *route, const struct gw_request_head *head,
                          struct gw_arena *scratch, struct gw_route_judgement *ret_judgement);
/* The path variables of a template route that matched; returns how many were written. */
uint32_t gw_route_table_variables(const struct gw_route_table *table, const struct gw_route *route, struct gw_str path,
                                  struct gw_route_variable ret_variables[GW_ROUTE_VARIABLES_MAX]);

/* The path to forward: prefix_rewrite, regex_rewrite, or the path as it is (the query stays). In `arena` when it differs. */
struct gw_str gw_route_table_rewrite(const struct gw_route_table *table, const struct gw_route *route, struct gw_str path,
                                     struct gw_arena *arena);
/* Where a GW_ROUTE_REDIRECT sends the client: see redirect.h. */
enum gw_err gw_route_table_redirect(const struct gw_route_table *table, const struct gw_route *route, const struct gw_request_head *head,
                                    struct gw_arena *arena, struct gw_str *ret_location);

#endif
