/* Why: who makes a request, as its credentials say: what authentication finds, and limits, authorization, forwarded headers and the access
 * log look at. Life: in the stream's arena, or in a cache that outlives the stream's turn with a reference of the stream's; NULL on the
 * stream: nobody is known. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_IDENTITY_H
#define GW_DATAPLANE_PIPELINE_IDENTITY_H

#include <stdint.h>

#include "common/base/str.h"

struct gw_json_value;

enum gw_auth_method {
  GW_AUTH_JWT,
  GW_AUTH_API_KEY,
};

struct gw_identity {
  enum gw_auth_method method;
  struct gw_str user_id;   /* `sub`, or the key's owner */
  struct gw_str user_name; /* empty: not said */
  const struct gw_str *roles;
  const struct gw_str *permissions;
  uint32_t role_count;
  uint32_t permission_count;
  const struct gw_json_value *claims; /* an object: the token's payload, or the same of a key */
  struct gw_str claims_key;           /* what RBAC finds them under: the provider's payload_in_metadata; empty: GW_CLAIMS_KEY (rbac.h) */
  struct gw_str provider;             /* of the JWT's issuer; empty: an API key */
};

/* A key beside, or instead of, a token: whose limits count. */
struct gw_plan {
  struct gw_str key_id;
  struct gw_str name; /* empty: none */
};

#endif
