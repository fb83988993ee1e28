/* Why: who may do what, as plain values (envoy.config.rbac.v3.RBAC): policies of conditions on a request and on who makes it.
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_RBAC_H
#define GW_COMMON_MODEL_RBAC_H

#include "common/model/route.h"

/* Where the claims of a request are found: metadata of this filter, below the key that the JWT's provider says (payload_in_metadata). API
 * keys' claims, and those of our control plane's providers, lie below GW_CLAIMS_KEY. */
#define GW_CLAIMS_FILTER "envoy.filters.http.jwt_authn"
#define GW_CLAIMS_KEY "jwt"

/* The filter that allows, and the one before it that denies. */
#define GW_RBAC_FILTER "envoy.filters.http.rbac"
#define GW_RBAC_DENY_FILTER "envoy.filters.http.rbac_deny"

enum gw_value_match_kind {
  GW_VALUE_MATCH_NULL,
  GW_VALUE_MATCH_EXACT_NUMBER,
  GW_VALUE_MATCH_RANGE, /* from ≤ number < to */
  GW_VALUE_MATCH_STRING,
  GW_VALUE_MATCH_BOOL,
  GW_VALUE_MATCH_PRESENT, /* with `boolean` false: never */
  GW_VALUE_MATCH_LIST,    /* a list with an item that matches values[0] */
  GW_VALUE_MATCH_OR,
};

/* envoy.type.matcher.v3.ValueMatcher */
struct gw_value_match {
  enum gw_value_match_kind kind;
  bool boolean;
  uint32_t value_count;
  const struct gw_value_match *values;
  struct gw_string_match string;
  double from; /* of EXACT_NUMBER: the number */
  double to;
};

/* envoy.type.matcher.v3.MetadataMatcher on GW_CLAIMS_FILTER. A claim that is not there matches nothing; inverted, it matches. */
struct gw_claim_match {
  const struct gw_str *path; /* names of members: the payload's key, then the claim's */
  uint32_t path_count;
  bool invert;
  struct gw_value_match value;
};

/* gateway.filters.http.v1.PathParameterMatcher: a variable of the route's path, decoded, is the claim, or one of it when that is a list. */
struct gw_parameter_match {
  struct gw_str name;
  const struct gw_str *path; /* as above */
  uint32_t path_count;
};

enum gw_rbac_rule_kind {
  GW_RBAC_ANY,
  GW_RBAC_AND,
  GW_RBAC_OR,
  GW_RBAC_NOT, /* of one */
  GW_RBAC_HEADER,
  GW_RBAC_PATH,             /* without the query */
  GW_RBAC_AUTHENTICATED,    /* by TLS: a URI or DNS name of the client's certificate, else its subject */
  GW_RBAC_REMOTE_IP,        /* the client as far as it can be trusted */
  GW_RBAC_DIRECT_REMOTE_IP, /* the connection's peer */
  GW_RBAC_CLAIM,
  GW_RBAC_PARAMETER,
};

/* envoy.config.rbac.v3.Permission and Principal, which differ in what they may say, not in how it is judged. */
struct gw_rbac_rule {
  enum gw_rbac_rule_kind kind;
  uint32_t child_count; /* AND, OR, NOT */
  union {
    const struct gw_rbac_rule *children;
    const struct gw_header_match *header;
    const struct gw_string_match *text; /* PATH, AUTHENTICATED; NULL: any TLS connection */
    struct gw_str cidr;                 /* "10.0.0.0/8" */
    const struct gw_claim_match *claim;
    const struct gw_parameter_match *parameter;
  };
};

/* Matches when one of its permissions and one of its principals do. */
struct gw_rbac_policy {
  struct gw_str name;
  struct gw_rbac_rule permissions; /* OR */
  struct gw_rbac_rule principals;  /* OR */
};

enum gw_rbac_action { GW_RBAC_ALLOW, GW_RBAC_DENY };

/* envoy.config.rbac.v3.RBAC: ALLOW lets through what a policy matches, DENY what none does. */
struct gw_rbac {
  enum gw_rbac_action action;
  uint32_t policy_count;
  const struct gw_rbac_policy *policies; /* by name; the first that matches decides */
};

/* envoy.extensions.filters.http.rbac.v3.RBAC. */
struct gw_rbac_rules {
  const struct gw_rbac *rules;  /* NULL: everything passes */
  const struct gw_rbac *shadow; /* shadow_rules: judged, counted and logged, but not enforced; NULL: none */
};

/* RBACPerRoute, instead of the listener's. */
struct gw_rbac_route {
  struct gw_rbac_rules rules;
};

/* Whether a rule of that kind stands anywhere in it. NULL has none. */
bool gw_rbac_route_uses(const struct gw_rbac_route *route, enum gw_rbac_rule_kind kind);

#endif
