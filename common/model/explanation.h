/* Why: what becomes of a request, and why, as plain values: what explain is asked and what it says.
 * Life: in the arena of who asks.
 * Thread: one at a time. */
#ifndef GW_COMMON_MODEL_EXPLANATION_H
#define GW_COMMON_MODEL_EXPLANATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/json_value.h"

struct gw_explain_header {
  struct gw_str name;
  struct gw_str value;
};

struct gw_explain_request {
  struct gw_str method;
  struct gw_str scheme;    /* "http", "https" */
  struct gw_str authority; /* HOST[:PORT] */
  struct gw_str path;      /* with query */
  const struct gw_explain_header *headers;
  uint32_t header_count;
  struct gw_str client;               /* an address, as far as it can be trusted; empty: 127.0.0.1 */
  const struct gw_json_value *claims; /* of a caller that is taken for granted: an object; NULL: nobody is known */
  bool is_api_key;                    /* … who shows an API key; else a token */
  struct gw_str plan;                 /* of that key */
  struct gw_str listener;             /* its name; empty: the one that the scheme and the port suggest */
};

/* What a route that does not win fails by. */
enum gw_explain_part {
  GW_EXPLAIN_BEHIND, /* nothing: it stands behind the one that wins */
  GW_EXPLAIN_PATH,
  GW_EXPLAIN_METHOD,
  GW_EXPLAIN_HEADER,
  GW_EXPLAIN_QUERY,
  GW_EXPLAIN_UNDECIDED, /* a regular expression of it ran into its limits */
};
struct gw_explain_candidate {
  struct gw_str route; /* its name */
  struct gw_str path;  /* what it wants: "/orders/{id}" */
  enum gw_explain_part part;
  struct gw_str words; /* the condition that is not met */
};

enum gw_explain_verdict {
  GW_EXPLAIN_PASSES,  /* looked at, and let through */
  GW_EXPLAIN_MATCHES, /* a rule that the request meets */
  GW_EXPLAIN_DIFFERS, /* a rule that it does not meet */
  GW_EXPLAIN_COUNTS,  /* a limit that it is counted by; how much is left is not looked at */
  GW_EXPLAIN_ANSWERS, /* the request ends here */
};
/* One thing that is looked at, in that order. */
struct gw_explain_step {
  struct gw_str filter; /* "envoy.filters.http.rbac"; "request": what is asked of any; "route": what the route does */
  struct gw_str rule;   /* a policy's, limit's or requirement's name; empty: it has none */
  enum gw_explain_verdict verdict;
  bool is_shadow; /* judged, but not enforced */
  struct gw_str words;
};

struct gw_explain_endpoint {
  struct gw_str address;
  uint32_t port;
  uint32_t weight;
  uint32_t priority;
  bool is_unhealthy;
};
struct gw_explain_service {
  struct gw_str name;
  uint32_t weight; /* of a split; else 1 */
  uint32_t total_weight;
  bool is_known;
  bool has_endpoints; /* false: it is not known which there are */
  const struct gw_explain_endpoint *endpoints;
  uint32_t endpoint_count;
  uint32_t left_out_endpoints;
};

#define GW_EXPLAIN_CANDIDATES_MAX 1000u
#define GW_EXPLAIN_ENDPOINTS_MAX 100u
#define GW_EXPLAIN_STEPS_MAX 400u

struct gw_explanation {
  uint32_t status;      /* what the gateway answers; 0: what the service does */
  struct gw_str detail; /* %RESPONSE_CODE_DETAILS% of it, "via_upstream" with status 0 */
  struct gw_str filter; /* whose step decides */
  struct gw_str rule;   /* … and by which rule; empty: by none in particular */
  struct gw_str location;
  struct gw_str listener;
  struct gw_str path; /* in the form in which it is matched */
  struct gw_str virtual_host;
  struct gw_str route; /* the name of the one that wins; empty with `has_route` false */
  bool has_route;
  struct gw_str route_path;
  const struct gw_explain_candidate *candidates; /* in the order of the configuration */
  uint32_t candidate_count;
  uint32_t left_out_candidates;
  const struct gw_explain_step *steps;
  uint32_t step_count;
  struct gw_str forwarded_path;
  struct gw_str forwarded_host; /* empty: the request's */
  uint64_t timeout_ms;          /* 0: none */
  uint32_t retries;
  const struct gw_explain_service *services;
  uint32_t service_count;
  const struct gw_str *assumptions; /* what is taken for granted, in words */
  uint32_t assumption_count;
  struct gw_str snapshot_version;
};

#endif
