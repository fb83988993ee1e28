/* Why: how many requests may come, and what they are counted by: Envoy's local limits of a route or listener, and ours, which may be shared
 * over all data planes.
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_RATE_LIMIT_H
#define GW_COMMON_MODEL_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct gw_header_option;

/* ---- envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit ---- */

/* envoy.type.v3.TokenBucket, which is filled evenly, not at once: Envoy does so, too. */
struct gw_token_bucket {
  uint32_t max_tokens;
  uint32_t tokens_per_fill;
  uint64_t fill_interval_ms;
};
#define GW_TOKEN_BUCKET_INTERVAL_MIN_MS 50
/* An empty bucket that takes longer to fill is refused. */
#define GW_TOKEN_BUCKET_FILL_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)
static inline bool gw_token_bucket_is_too_slow(const struct gw_token_bucket *bucket) {
  return bucket->fill_interval_ms > GW_TOKEN_BUCKET_FILL_MAX_MS ||
         (double)bucket->fill_interval_ms * bucket->max_tokens / bucket->tokens_per_fill > (double)GW_TOKEN_BUCKET_FILL_MAX_MS;
}

/* envoy.config.route.v3.RateLimit.Action: what gives a descriptor one entry. */
enum gw_rate_limit_action_kind {
  GW_RATE_LIMIT_GENERIC_KEY,    /* value */
  GW_RATE_LIMIT_REMOTE_ADDRESS, /* the client's, as far as it can be trusted */
  GW_RATE_LIMIT_MASKED_ADDRESS, /* the same, of which so many bits: "10.0.0.0/8" */
  GW_RATE_LIMIT_HEADER,         /* of the request; `from` in lower case */
  GW_RATE_LIMIT_METADATA,       /* dynamic: `from` is the filter's name, then `path` */
};
struct gw_rate_limit_action {
  enum gw_rate_limit_action_kind kind;
  uint8_t v4_bits;
  uint8_t v6_bits;
  bool is_skipped_if_absent; /* the entry is left out; else a descriptor without that entry does not come about */
  struct gw_str key;         /* the entry's */
  struct gw_str value;       /* of GENERIC_KEY; of METADATA instead of what is absent, empty: none */
  struct gw_str from;
  const struct gw_str *path;
  uint32_t path_count;
};
/* RateLimit: a descriptor that a request may have. */
struct gw_rate_limit_actions {
  const struct gw_rate_limit_action *items;
  uint32_t count;
};

struct gw_rate_limit_entry {
  struct gw_str key;
  struct gw_str value; /* empty: any, and each has a bucket of its own */
};
/* LocalRateLimitDescriptor */
struct gw_rate_limit_descriptor {
  const struct gw_rate_limit_entry *entries;
  uint32_t count;
  struct gw_token_bucket bucket;
};

#define GW_RATE_LIMIT_DESCRIPTORS_MAX 32
/* Of what is counted for one request at the same time. */
#define GW_RATE_LIMIT_MATCHES_MAX 16
struct gw_local_limit {
  struct gw_str stat_prefix;
  uint32_t status; /* of refused requests */
  bool has_bucket; /* without one nothing is limited: settings of a listener whose routes have limits */
  bool always_consumes_bucket;
  bool is_resource_exhausted; /* gRPC callers get RESOURCE_EXHAUSTED, else UNAVAILABLE */
  bool tells_x_headers;       /* X-RateLimit-Limit, -Remaining, -Reset */
  uint32_t enabled_millionths;
  uint32_t enforced_millionths;
  struct gw_token_bucket bucket;    /* of requests that no descriptor matches */
  uint32_t max_dynamic_descriptors; /* of our table, which is one for all limits, it is no bound */
  const struct gw_rate_limit_descriptor *descriptors;
  uint32_t descriptor_count;
  uint32_t rate_limit_count;
  const struct gw_rate_limit_actions *rate_limits;
  const struct gw_header_option *response_headers; /* of refused requests */
  uint32_t response_header_count;
};
#define GW_LOCAL_LIMIT_DYNAMIC_DEFAULT 20
/* A route's. */
struct gw_local_limit_route {
  struct gw_local_limit limit;
};

/* ---- gateway.filters.http.v1.SharedRateLimit ---- */

enum gw_rate_limit_key_kind {
  GW_RATE_LIMIT_KEY_CALLER,  /* the user, else the API key, else the client */
  GW_RATE_LIMIT_KEY_USER,    /* nobody is one, too */
  GW_RATE_LIMIT_KEY_API_KEY, /* none is one, too */
  GW_RATE_LIMIT_KEY_CLIENT,  /* an IPv4 address, or the /64 of an IPv6 one, which is what one host gets */
  GW_RATE_LIMIT_KEY_HEADER,  /* missing is as empty */
  GW_RATE_LIMIT_KEY_CLAIM,   /* missing is as empty */
};
struct gw_rate_limit_key {
  enum gw_rate_limit_key_kind kind;
  struct gw_str name; /* HEADER: in lower case; CLAIM: "tenant", "org.id" */
};

/* `requests` in `per_ms`, at most `burst` at once. */
struct gw_rate_limit_numbers {
  uint32_t requests;
  uint32_t burst;
  uint64_t per_ms;
};
static inline bool gw_rate_limit_numbers_are_too_slow(const struct gw_rate_limit_numbers *numbers) {
  return numbers->per_ms > GW_TOKEN_BUCKET_FILL_MAX_MS ||
         (double)numbers->per_ms * numbers->burst / numbers->requests > (double)GW_TOKEN_BUCKET_FILL_MAX_MS;
}
/* For requests whose API key has that plan. */
struct gw_rate_limit_plan {
  struct gw_str name;
  struct gw_rate_limit_numbers numbers;
};

enum gw_rate_limit_scope {
  GW_RATE_LIMIT_SCOPE_ROUTE,
  GW_RATE_LIMIT_SCOPE_SERVICE,
  GW_RATE_LIMIT_SCOPE_GLOBAL,
  GW_RATE_LIMIT_SCOPE_PLAN,
};
#define GW_RATE_LIMIT_SCOPE_COUNT 4
/* "route", "service", "global", "plan" */
struct gw_str gw_rate_limit_scope_name(enum gw_rate_limit_scope scope);

struct gw_rate_limit {
  struct gw_str name; /* what its buckets are known by, here and in Redis: numbers may change, the name is the limit */
  enum gw_rate_limit_scope scope;
  bool is_shared;                       /* over all data planes, if there is a Redis */
  struct gw_rate_limit_numbers numbers; /* requests 0: only who has one of the plans is limited */
  const struct gw_rate_limit_plan *plans;
  uint32_t plan_count;
  uint32_t key_count;                   /* 0: all requests together */
  const struct gw_rate_limit_key *keys; /* together */
};

/* A route's, beside the listener's: its own and its service's. */
struct gw_shared_limit_route {
  const struct gw_rate_limit *limits;
  uint32_t count;
};

enum gw_rate_limit_failure {
  GW_RATE_LIMIT_FAIL_LOCAL,  /* buckets of each data plane's own, with its share of the limit */
  GW_RATE_LIMIT_FAIL_OPEN,   /* no limit */
  GW_RATE_LIMIT_FAIL_CLOSED, /* 503 */
};
struct gw_rate_limit_redis {
  struct gw_str host; /* a name or an address */
  uint16_t port;
  uint32_t database;
  struct gw_str user;            /* of the ACL; empty: the default user */
  struct gw_str password_secret; /* the name of a secret; empty: none is sent */
  struct gw_str prefix;          /* of its keys */
  uint64_t timeout_ms;           /* of one decision */
  enum gw_rate_limit_failure on_failure;
};
/* What tells clients how they stand: RateLimit-Limit, -Remaining, -Reset. */
enum gw_rate_limit_headers {
  GW_RATE_LIMIT_HEADERS_ALWAYS,
  GW_RATE_LIMIT_HEADERS_REFUSED, /* of 429 only */
};
struct gw_shared_limit {
  const struct gw_rate_limit *limits; /* of all routes */
  uint32_t count;
  enum gw_rate_limit_headers headers;
  uint64_t max_keys;                       /* of the data plane's table of buckets, of all filters; 0: the default */
  const struct gw_rate_limit_redis *redis; /* NULL: every data plane counts alone */
};

#endif
