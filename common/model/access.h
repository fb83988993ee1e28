/* Why: which addresses may ask, and what of other origins browsers are told, as plain values (gateway.filters.http.v1.Access,
 * envoy.extensions.filters.http.cors.v3.CorsPolicy).
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ACCESS_H
#define GW_COMMON_MODEL_ACCESS_H

#include "common/model/route.h"

/* Of a listener. */
struct gw_access_limits {
  uint32_t max_failed_credentials_per_minute; /* of an address: an IPv4 one, or the /64 of an IPv6 one; 0: any number */
};

/* Of a route: CIDR ranges. */
struct gw_access_route {
  const struct gw_str *allow; /* none: everybody */
  const struct gw_str *deny;  /* of those, these not */
  uint32_t allow_count;
  uint32_t deny_count;
};

/* Of a route. Texts go out as they are; empty ones don't. */
struct gw_cors_route {
  const struct gw_string_match *origins;
  uint32_t origin_count;
  bool is_disabled; /* filter_enabled: 0 */
  bool allows_credentials;
  bool refuses_other_preflights; /* forward_not_matching_preflights: false */
  struct gw_str allow_methods;
  struct gw_str allow_headers;
  struct gw_str expose_headers;
  struct gw_str max_age;
};

#endif
