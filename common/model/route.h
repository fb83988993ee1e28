/* Why: a route configuration as plain values (envoy.config.route.v3.RouteConfiguration).
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ROUTE_H
#define GW_COMMON_MODEL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum gw_string_match_kind {
  GW_STRING_MATCH_EXACT,
  GW_STRING_MATCH_PREFIX,
  GW_STRING_MATCH_SUFFIX,
  GW_STRING_MATCH_CONTAINS,
  GW_STRING_MATCH_REGEX,   /* the whole string must match (RE2 syntax that PCRE2 shares) */
  GW_STRING_MATCH_PRESENT, /* HeaderMatcher.present_match: value unused */
};

/* envoy.config.route.v3.HeaderMatcher (string_match, present_match); name is lower case, ":method" is the method. */
struct gw_header_match {
  struct gw_str name;
  enum gw_string_match_kind kind;
  struct gw_str value;
  bool ignore_case;
  bool invert;
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
};

/* envoy.config.core.v3.HeaderValueOption */
struct gw_header_option {
  struct gw_str name;
  struct gw_str value;
  bool is_append; /* else overwrite if there, or add */
};

enum gw_route_action_kind { GW_ROUTE_FORWARD, GW_ROUTE_DIRECT_RESPONSE, GW_ROUTE_REDIRECT };

#define GW_ROUTE_TIMEOUT_DEFAULT_MS 15000 /* Envoy's, when the field is absent */
struct gw_route_forward {
  struct gw_str cluster;
  uint64_t timeout_ms; /* RouteAction.timeout; 0: none */
  bool has_idle_timeout;
  bool has_grpc_timeout;               /* max_grpc_timeout is set: gRPC requests have their own grpc-timeout instead of timeout_ms */
  uint64_t idle_timeout_ms;            /* RouteAction.idle_timeout; else the listener's stream_idle_timeout */
  uint64_t max_grpc_timeout_ms;        /* … but no longer than this, also without one; 0: as long as grpc-timeout says, or without end */
  struct gw_str prefix_rewrite;        /* empty: none */
  struct gw_str regex_rewrite_pattern; /* empty: none */
  struct gw_str regex_rewrite_substitution;
};

/* DirectResponseAction: the body goes as it is; our control plane writes DESIGN's JSON form into it without a request id,
 * and the data plane's local_reply adds it. */
struct gw_route_direct_response {
  uint32_t status;
  struct gw_str body;
};

/* RedirectAction: the request's URL with what is set here instead. common/routing/redirect.h makes the Location. */
struct gw_route_redirect {
  uint32_t status;              /* 301, 302, 303, 307 or 308 */
  struct gw_str scheme;         /* "https" for https_redirect; empty: the request's */
  struct gw_str host;           /* without port; empty: the request's */
  uint32_t port;                /* 0: the request's */
  struct gw_str path;           /* path_redirect, perhaps with a query, which then replaces the request's; empty: see prefix_rewrite */
  struct gw_str prefix_rewrite; /* instead of what the match's path matched; empty: the request's path */
  bool strips_query;
};

struct gw_route {
  struct gw_str name;
  uint32_t index; /* position in its gw_route_config over all virtual hosts: the key of per-route tables */
  uint32_t response_headers_to_add_count;
  struct gw_route_match match;
  enum gw_route_action_kind action;
  struct gw_route_forward forward;
  struct gw_route_direct_response direct;
  const struct gw_route_redirect *redirect; /* with GW_ROUTE_REDIRECT; few routes have one */
  const struct gw_header_option *response_headers_to_add;
};

struct gw_virtual_host {
  struct gw_str name;
  const struct gw_str *domains; /* lower case: "*", "*.example.com", "example.*", "example.com" */
  uint32_t domain_count;
  const struct gw_route *routes;
  uint32_t route_count;
};

struct gw_route_config {
  struct gw_str name;
  const struct gw_virtual_host *virtual_hosts;
  uint32_t virtual_host_count;
  uint32_t route_count; /* over all virtual hosts */
};

#endif
