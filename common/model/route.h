/* Why: a route configuration as plain values (envoy.config.route.v3.RouteConfiguration).
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ROUTE_H
#define GW_COMMON_MODEL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/retry.h"
#include "common/model/route_filters.h"

enum gw_string_match_kind {
  GW_STRING_MATCH_EXACT,
  GW_STRING_MATCH_PREFIX,
  GW_STRING_MATCH_SUFFIX,
  GW_STRING_MATCH_CONTAINS,
  GW_STRING_MATCH_REGEX,   /* the whole string must match (RE2 syntax that PCRE2 shares) */
  GW_STRING_MATCH_PRESENT, /* HeaderMatcher.present_match: value unused */
};

/* envoy.type.matcher.v3.StringMatcher: never PRESENT; ignore_case says nothing to a regular expression. */
struct gw_string_match {
  enum gw_string_match_kind kind;
  bool ignore_case;
  struct gw_str value;
};

/* envoy.config.route.v3.HeaderMatcher (string_match, present_match); name is lower case, ":method" is the method. */
struct gw_header_match {
  struct gw_str name;
  enum gw_string_match_kind kind;
  struct gw_str value;
  bool ignore_case;
  bool invert;
  bool takes_missing_as_empty; /* treat_missing_header_as_empty: so that "not x" is also true without the field */
};

/* envoy.config.route.v3.QueryParameterMatcher: the first parameter of that name, both as they are written (nothing is decoded). */
struct gw_query_match {
  struct gw_str name;
  enum gw_string_match_kind kind;
  struct gw_str value;
  bool ignore_case;
  bool invert; /* with PRESENT: must not be there */
};

enum gw_path_match_kind {
  GW_PATH_MATCH_PREFIX, /* bytewise */
  GW_PATH_MATCH_EXACT,
  GW_PATH_MATCH_SEPARATED_PREFIX, /* path_separated_prefix: whole segments */
  GW_PATH_MATCH_REGEX,            /* safe_regex, the whole path */
  GW_PATH_MATCH_TEMPLATE,         /* path_match_policy with envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig */
};

struct gw_route_match {
  enum gw_path_match_kind kind;
  struct gw_str path;
  bool ignore_case; /* case_sensitive: false */
  const struct gw_header_match *headers;
  uint32_t header_count;
  uint32_t query_count;
  const struct gw_query_match *queries;
};

/* HeaderValueOption.HeaderAppendAction, by its numbers: what becomes of a field that is there already. */
enum gw_header_action {
  GW_HEADER_APPEND = 0,             /* stays beside the new one */
  GW_HEADER_ADD_IF_ABSENT = 1,      /* stays alone */
  GW_HEADER_OVERWRITE = 2,          /* goes */
  GW_HEADER_OVERWRITE_IF_EXISTS = 3 /* goes; without it nothing is added */
};

/* envoy.config.core.v3.HeaderValueOption */
struct gw_header_option {
  struct gw_str name;
  struct gw_str value; /* `is_format`: with %OPERATORS% and %%, see header_format.h; else as it goes out */
  enum gw_header_action action;
  bool is_format;
  bool keeps_empty; /* keep_empty_value: a value that turns out empty is no reason to leave the field out */
};

/* What becomes of a head's fields: first these are removed, then those added (Envoy's order). */
struct gw_header_changes {
  const struct gw_str *remove; /* lower case */
  uint32_t remove_count;
  uint32_t add_count;
  const struct gw_header_option *add;
};

enum gw_hash_policy_kind {
  GW_HASH_HEADER, /* name in lower case */
  GW_HASH_COOKIE, /* name as it is */
  GW_HASH_QUERY,  /* the first parameter of that name */
  GW_HASH_CLIENT, /* connection_properties.source_ip: the client's address as far as it can be trusted */
};

/* RouteAction.HashPolicy: what of a request says which endpoint it goes to, in clusters with RING_HASH or MAGLEV. */
struct gw_hash_policy {
  enum gw_hash_policy_kind kind;
  struct gw_str name;
  bool is_terminal;          /* if it was there, those behind do not count */
  bool has_cookie_ttl;       /* a request without the cookie gets one */
  uint64_t cookie_ttl_ms;    /* 0: until the browser is closed; whole seconds go to the client */
  struct gw_str cookie_path; /* empty: not said */
};

/* RouteAction.weighted_clusters: shares of a route's requests. */
struct gw_weighted_cluster {
  struct gw_str name;
  uint32_t weight;
};
struct gw_route_split {
  const struct gw_weighted_cluster *clusters;
  uint32_t count;        /* at least 1 */
  uint32_t total_weight; /* the sum, at least 1 */
  bool by_hash;          /* use_hash_policy: the route's hash policies say which; without what they look at, and else, chance does */
};

enum gw_route_action_kind { GW_ROUTE_FORWARD, GW_ROUTE_DIRECT_RESPONSE, GW_ROUTE_REDIRECT };

#define GW_ROUTE_TIMEOUT_DEFAULT_MS 15000 /* Envoy's, when the field is absent */
struct gw_route_forward {
  struct gw_str cluster;              /* empty with `split` */
  const struct gw_route_split *split; /* NULL: all goes to `cluster` */
  uint64_t timeout_ms;                /* RouteAction.timeout; 0: none */
  bool has_idle_timeout;
  bool has_grpc_timeout;               /* max_grpc_timeout is set: gRPC requests have their own grpc-timeout instead of timeout_ms */
  uint64_t idle_timeout_ms;            /* RouteAction.idle_timeout; else the listener's stream_idle_timeout */
  uint64_t max_grpc_timeout_ms;        /* … but no longer than this, also without one; 0: as long as grpc-timeout says, or without end */
  struct gw_str prefix_rewrite;        /* empty: none */
  struct gw_str regex_rewrite_pattern; /* empty: none */
  struct gw_str regex_rewrite_substitution;
  struct gw_str host_rewrite; /* host_rewrite_literal; empty: the request's host goes on */
  const struct gw_hash_policy *hash_policies;
  uint32_t hash_policy_count;
  uint64_t max_duration_ms;            /* RouteAction.max_stream_duration: from the first byte to the last; 0: any */
  const struct gw_retry_policy *retry; /* NULL: none; the very one of the virtual host where the route has none of its own */
  bool tells_attempt_count;            /* the virtual host's */
};

/* DirectResponseAction: the body goes as it is; our control plane writes DESIGN's JSON form into it without a request id,
 * and the data plane's local_reply adds it. */
struct gw_route_direct_response {
  uint32_t status;
  struct gw_str body;
};

/* RedirectAction: the request's URL with what is set here instead. common/routing/redirect.h makes the Location. */
struct gw_route_redirect {
  uint32_t status;                     /* 301, 302, 303, 307 or 308 */
  struct gw_str scheme;                /* "https" for https_redirect; empty: the request's */
  struct gw_str host;                  /* without port; empty: the request's */
  uint32_t port;                       /* 0: the request's */
  struct gw_str path;                  /* path_redirect, perhaps with a query, which then replaces the request's; empty: see below */
  struct gw_str prefix_rewrite;        /* instead of what the match's path matched; empty: see below */
  struct gw_str regex_rewrite_pattern; /* as gw_route_forward's; empty: the request's path */
  struct gw_str regex_rewrite_substitution;
  bool strips_query;
};

struct gw_route {
  struct gw_str name;
  uint32_t index; /* position in its gw_route_config over all virtual hosts: the key of per-route tables */
  struct gw_route_match match;
  enum gw_route_action_kind action;
  struct gw_route_forward forward;
  struct gw_route_direct_response direct;
  const struct gw_route_redirect *redirect;         /* with GW_ROUTE_REDIRECT; few routes have one */
  const struct gw_header_changes *request_headers;  /* NULL: none; on the way to the service */
  const struct gw_header_changes *response_headers; /* NULL: none; of every answer, those of our own too */
  bool has_body_limit;                              /* typed_per_filter_config with gateway.filters.http.v1.LimitsPerRoute … */
  uint64_t max_request_body_bytes;                  /* … instead of the listener's; 0: no limit */
  const struct gw_route_filters *filters;           /* NULL: none says anything of this route */
  uint64_t made_from; /* a hash of all that it was made from, of this process alone: where it is the same, so is the rest; 0: not known */
};

struct gw_virtual_host {
  struct gw_str name;
  const struct gw_str *domains; /* lower case: "*", "*.example.com", "example.*", "example.com" */
  uint32_t domain_count;
  const struct gw_route *routes;
  uint32_t route_count;
  const struct gw_retry_policy *retry; /* of the routes that have none of their own; NULL: none */
  bool tells_attempt_count;            /* include_request_attempt_count: X-Envoy-Attempt-Count goes to the service */
};

struct gw_route_config {
  struct gw_str name;
  const struct gw_virtual_host *virtual_hosts;
  uint32_t virtual_host_count;
  uint32_t route_count; /* over all virtual hosts */
  bool ignores_port;    /* ignore_port_in_host_matching: of a request's host only the name is looked at */
};

/* What may stand in a Set-Cookie behind Path= (RFC 6265 section 4.1.1): ASCII, no ';', no control characters. */
bool gw_route_cookie_path_is_valid(struct gw_str path);

#endif
