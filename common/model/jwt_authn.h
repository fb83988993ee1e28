/* Why: authentication by JSON Web Tokens as plain values (envoy.extensions.filters.http.jwt_authn.v3,
 * gateway.filters.http.v1.JwtProviders). Life: in the arena of the resource that holds it; frozen. Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_JWT_AUTHN_H
#define GW_COMMON_MODEL_JWT_AUTHN_H

#include "common/model/route.h"

#define GW_JWT_CLOCK_SKEW_DEFAULT_S 60u /* Envoy's */
#define GW_JWT_CACHE_DEFAULT 100u
#define GW_JWT_CACHED_BYTES_DEFAULT 4096u
/* The keys of a provider that has none (RFC 7517 section 5). */
#define GW_JWT_NO_KEYS "{\"keys\":[]}"

struct gw_jwt_header {
  struct gw_str name;   /* lower case */
  struct gw_str prefix; /* before the token, "Bearer "; may be empty */
};

struct gw_jwt_claim_header {
  struct gw_str header; /* lower case */
  struct gw_str claim;  /* a path: "a.b.c" */
};

/* Where a token says who it is for: paths; empty: nowhere. */
struct gw_jwt_claim_paths {
  struct gw_str user_id;
  struct gw_str user_name;
  struct gw_str roles;
  struct gw_str permissions;
};
#define GW_JWT_DEFAULT_CLAIMS                                                                                                              \
  { GW_STR("sub"), GW_STR("name"), GW_STR("roles"), GW_STR("permissions") }

struct gw_jwt_provider {
  struct gw_str name;
  struct gw_str issuer; /* empty: any */
  const struct gw_str *audiences;
  uint32_t audience_count;               /* 0: not looked at */
  uint32_t clock_skew_s;                 /* of exp, nbf and iat */
  const struct gw_string_match *subject; /* what `sub` must be; NULL: anything */
  bool requires_expiration;
  bool is_forwarded;        /* the token stays in the request */
  bool pads_payload;        /* of payload_header */
  uint64_t max_lifetime_ms; /* 0: any */
  struct gw_str jwks;       /* public keys: a JSON Web Key Set */
  struct gw_str secret;     /* the SDS secret with a key set of symmetric keys; empty: none */
  const struct gw_jwt_header *headers;
  const struct gw_str *params;
  const struct gw_str *cookies;
  uint32_t header_count;
  uint32_t param_count;
  uint32_t cookie_count;
  uint32_t claim_header_count;
  const struct gw_jwt_claim_header *claim_headers;
  struct gw_str payload_header;   /* forward_payload_header, lower case; empty: none */
  struct gw_str payload_metadata; /* payload_in_metadata */
  const struct gw_str *required_claims;
  uint32_t required_claim_count;
  bool is_cached; /* jwt_cache_config is there */
  uint32_t cached_tokens;
  uint32_t cached_token_bytes; /* longer ones are not kept */
  struct gw_jwt_claim_paths claims;
};

enum gw_jwt_requirement_kind {
  GW_JWT_REQUIRES_NOTHING, /* no requirement is set: all pass */
  GW_JWT_REQUIRES_PROVIDER,
  GW_JWT_REQUIRES_ANY,
  GW_JWT_REQUIRES_ALL,
  GW_JWT_ALLOWS_MISSING,           /* beside others of an ANY: also without a token */
  GW_JWT_ALLOWS_MISSING_OR_FAILED, /* … whatever there is */
};

struct gw_jwt_requirement {
  enum gw_jwt_requirement_kind kind;
  uint32_t provider; /* its index */
  uint32_t audience_count;
  const struct gw_str *audiences; /* instead of the provider's; none: the provider's */
  uint32_t child_count;           /* of ANY and ALL */
  const struct gw_jwt_requirement *children;
};

struct gw_jwt_named_requirement {
  struct gw_str name;
  struct gw_jwt_requirement requirement;
};

struct gw_jwt_rule {
  struct gw_route_match match;
  struct gw_str requirement_name;               /* empty: `requirement` */
  const struct gw_jwt_requirement *requirement; /* NULL without a name: all pass */
};

/* Of a listener. */
struct gw_jwt_authn {
  const struct gw_jwt_provider *providers; /* sorted by name */
  uint32_t provider_count;
  uint32_t requirement_count;
  const struct gw_jwt_named_requirement *requirements; /* sorted by name */
  const struct gw_jwt_rule *rules;                     /* in order; of requests whose route says nothing */
  uint32_t rule_count;
  bool passes_cors_preflight;
};

/* Of a route (PerRouteConfig). */
struct gw_jwt_route {
  bool is_disabled;
  struct gw_str requirement; /* the name of one of the listener's; an unknown one is 403, as in Envoy */
};

#endif
