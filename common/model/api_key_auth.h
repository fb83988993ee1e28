/* Why: settings of the filter that authenticates by API keys (gateway.filters.http.v1.ApiKeyAuth).
 * Life: in the arena of the resource that holds them; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_API_KEY_AUTH_H
#define GW_COMMON_MODEL_API_KEY_AUTH_H

#include <stdbool.h>

#include "common/base/str.h"

/* Of a listener. */
struct gw_api_key_auth {
  struct gw_str header; /* lower case */
  bool is_forwarded;    /* the service gets the key, too */
};

/* Of a route (ApiKeyAuthPerRoute). A key that is there must be good in any case. */
struct gw_api_key_route {
  bool is_required;
  bool accepts_jwt; /* a token that was accepted before does as well */
};
/* `is_known`: by such a token. */
static inline bool gw_api_key_may_be_missing(const struct gw_api_key_route *route, bool is_known) {
  return !route->is_required || (route->accepts_jwt && is_known);
}

#endif
