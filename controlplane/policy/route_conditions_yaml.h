/* Why: what a route asks of a request beside path and method: hosts, and `match` with headers, query parameters and cookies.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ROUTE_CONDITIONS_YAML_H
#define GW_CONTROLPLANE_POLICY_ROUTE_CONDITIONS_YAML_H

#include "common/model/route.h"
#include "controlplane/policy/reader.h"

enum gw_condition_kind { GW_CONDITION_HEADER, GW_CONDITION_QUERY, GW_CONDITION_COOKIE };

/* One condition as it is written: what routes of one path are ranked and told apart by. */
struct gw_condition {
  enum gw_condition_kind kind;
  struct gw_str name;
  struct gw_str value;
  bool is_exact; /* it must be this value: another exact one of the same name is of other requests */
};

struct gw_route_conditions {
  const struct gw_condition *items; /* by kind, name and value */
  uint32_t count;
  /* The same for the wire; a cookie is a header. */
  const struct gw_header_match *headers;
  uint32_t header_count;
  uint32_t query_count;
  const struct gw_query_match *queries;
  struct gw_str text; /* "header x-canary, query page": names only, for a value may be a secret */
};

/* The value of `match`. */
void gw_conditions_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_conditions *ret_conditions);
/* No request meets both. */
bool gw_conditions_exclude(const struct gw_route_conditions *a, const struct gw_route_conditions *b);
/* More conditions first; equal numbers in some order that does not depend on where they stand. */
int gw_conditions_compare(const struct gw_route_conditions *a, const struct gw_route_conditions *b);

/* The value of `hosts`: one or a list of example.com, *.example.com, example.* and *; in lower case, sorted. "*" is "". */
void gw_hosts_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_str **ret_hosts, uint32_t *ret_count);

/* Says at `node` what is wrong with a regular expression; false then. `what`: "path_regex". */
bool gw_reader_regex(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_pattern);

#endif
