/* Why: which fields tell a service who makes the request (gateway.filters.http.v1.ForwardedIdentity).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_FORWARDED_IDENTITY_H
#define GW_COMMON_MODEL_FORWARDED_IDENTITY_H

#include <stdint.h>

#include "common/base/str.h"

/* Names in lower case; empty: not told. */
struct gw_forwarded_identity {
  struct gw_str user_id;
  struct gw_str user_name;
  struct gw_str roles;
  struct gw_str permissions;
  struct gw_str method;
  struct gw_str request_id;
  struct gw_str trace_id;
  struct gw_str span_id; /* of the request's span, where requests are traced */
  struct gw_str client_address;
  struct gw_str route;
  struct gw_str path_parameter_prefix; /* "x-path-" */
};

#endif
