/* Why: one worker's counters: by route, service and code, bounded in number; copied for the scrape, so nothing is shared.
 * Life: gw_stats_new … gw_stats_free.
 * Thread: the worker's; a copy is whoever's got it. */
#ifndef GW_DATAPLANE_PIPELINE_STATS_H
#define GW_DATAPLANE_PIPELINE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/message/failure.h"
#include "common/model/rate_limit.h"
#include "common/observe/metrics.h"
#include "dataplane/pipeline/service_stats.h"

/* Limits on what clients may do, counted each time that one is hit. */
enum gw_limit {
  GW_LIMIT_HEAD_SIZE,
  GW_LIMIT_HEADER_COUNT,
  GW_LIMIT_URI_SIZE,
  GW_LIMIT_HEADERS_TIMEOUT,
  GW_LIMIT_BODY_SIZE,
  GW_LIMIT_BODY_TIMEOUT,
  GW_LIMIT_REQUEST_TIMEOUT,
  GW_LIMIT_STREAM_IDLE,
  GW_LIMIT_STALLED_CLIENT, /* it doesn't take what it asked for */
  GW_LIMIT_CONNECTION_IDLE,
  GW_LIMIT_HANDSHAKE_TIMEOUT,
  GW_LIMIT_REQUESTS, /* of one connection */
  GW_LIMIT_CONNECTIONS,
  GW_LIMIT_CLIENT_CONNECTIONS,
  GW_LIMIT_HTTP2_STREAMS, /* of one connection at once */
  GW_LIMIT_HTTP2_RESETS,
  GW_LIMIT_HTTP2_FORCED_RESETS, /* by frames that make us reset */
  GW_LIMIT_HTTP2_CONTROL_FRAMES,
  GW_LIMIT_HTTP2_EMPTY_FRAMES,
  GW_LIMIT_HTTP2_PRIORITY_FRAMES,
  GW_LIMIT_HTTP2_WINDOW_UPDATES,
  GW_LIMIT_HTTP2_CONTINUATIONS,
  GW_LIMIT_HTTP2_HEADER_BLOCK, /* so large that it is not even refused by an answer */
  GW_LIMIT_OVERLOAD_STREAMS,
  GW_LIMIT_OVERLOAD_CONNECTIONS,
  GW_LIMIT_COUNT,
};

/* Decisions of rate limits. */
enum gw_limit_scope {                                                   /* those of ours by gw_rate_limit_scope */
                      GW_LIMIT_SCOPE_LOCAL = GW_RATE_LIMIT_SCOPE_COUNT, /* Envoy's local ones */
                      GW_LIMIT_SCOPE_COUNT,
};
enum gw_limit_decision {
  GW_LIMIT_ALLOWED,
  GW_LIMIT_REFUSED,
  GW_LIMIT_NOT_ENFORCED, /* would have been refused */
  GW_LIMIT_DECISION_COUNT,
};

/* Who decided about limits that all data planes share. */
enum gw_limit_judge {
  GW_LIMIT_BY_REDIS,
  GW_LIMIT_BY_OURSELVES, /* Redis was away: each for itself, … */
  GW_LIMIT_BY_NOBODY,    /* … nobody, and the request passed, … */
  GW_LIMIT_CLOSED,       /* … or was answered 503 */
  GW_LIMIT_JUDGE_COUNT,
};

/* What became of requests that need, or may have, a token. */
enum gw_jwt_result {
  GW_JWT_RESULT_ALLOWED, /* also without a token, where that is allowed */
  GW_JWT_RESULT_MISSING,
  GW_JWT_RESULT_MALFORMED,
  GW_JWT_RESULT_UNKNOWN_ISSUER,
  GW_JWT_RESULT_UNKNOWN_KEY,
  GW_JWT_RESULT_BAD_SIGNATURE,
  GW_JWT_RESULT_EXPIRED,
  GW_JWT_RESULT_NOT_YET_VALID,
  GW_JWT_RESULT_AUDIENCE,
  GW_JWT_RESULT_CLAIMS,
  GW_JWT_RESULT_NO_KEYS, /* of an issuer whose keys are not there: 503 */
  GW_JWT_RESULT_COUNT,
};

/* What became of requests that need, or may have, an API key. */
enum gw_key_result {
  GW_KEY_RESULT_ALLOWED,
  GW_KEY_RESULT_MISSING,
  GW_KEY_RESULT_SEVERAL,
  GW_KEY_RESULT_UNKNOWN, /* no such key, or not its secret */
  GW_KEY_RESULT_EXPIRED,
  GW_KEY_RESULT_NO_KEYS, /* keys or their pepper are not there: 503 */
  GW_KEY_RESULT_COUNT,
};

/* Of very many routes none is in a cache: what each request touches lies close together. */
struct gw_route_stats {
  struct gw_histogram duration; /* of whole requests */
  struct {
    uint64_t count;
    uint32_t code;
  } codes[GW_STATS_CODES];
  struct gw_str route;   /* owned by gw_stats, as all names */
  struct gw_str service; /* empty for local answers */
};

struct gw_stats {
  struct gw_map *routes;   /* "route\0service" → gw_route_stats */
  struct gw_map *services; /* name → gw_service_stats */
  struct gw_route_stats overflow;
  uint32_t max_series;
  uint32_t overflow_holds; /* routes that views hold and that are counted as overflow */
  uint64_t connections_total;
  uint64_t connections_active;
  uint64_t requests_total;
  uint64_t requests_active;
  uint64_t bytes_received; /* bodies and heads from clients */
  uint64_t bytes_sent;
  uint64_t bad_requests_total; /* refused by the codec */
  uint64_t failures_total[GW_FAILURE_SIDE_COUNT];
  uint64_t flags_total[GW_FLAG_BITS]; /* by bit of gw_response_flag */
  uint64_t redis_failures_total;      /* questions that it did not answer */
  struct gw_histogram redis_times;    /* of those that it did */
  uint64_t tls_handshakes_total;
  uint64_t tls_failures_total;
  uint64_t tunnels_total;
  uint64_t limits[GW_LIMIT_COUNT];
  uint64_t rbac_total[2][2]; /* in shadow, allowed */
  uint64_t addresses_refused_total;
  uint64_t guesses_refused_total; /* of addresses with too many failed credentials */
  uint64_t rate_limits[GW_LIMIT_SCOPE_COUNT][GW_LIMIT_DECISION_COUNT];
  uint64_t rate_limit_judges[GW_LIMIT_JUDGE_COUNT];
  uint64_t jwt_results[GW_JWT_RESULT_COUNT];
  uint64_t key_results[GW_KEY_RESULT_COUNT];
  uint64_t token_cache_hits_total;
  uint64_t token_cache_misses_total;
  uint64_t view_swaps_total;
  struct gw_histogram view_swap; /* how long gw_engine_set_frozen took */
  struct gw_list entries;        /* of routes, the oldest first */
  struct gw_list unused_routes;  /* held by no view */
  size_t names_len;              /* of all routes */
  struct gw_list *copy_at;       /* how far a copy has come */
  /* The routes of a copy, in one piece, until somebody looks for one: a worker makes copies between requests. */
  struct gw_route_stats *folded;
  uint32_t folded_count;
  uint32_t folded_size;
  char *folded_text;
  size_t folded_text_len;
  size_t folded_text_size;
};

struct gw_stats *gw_stats_new(void); /* with GW_SERIES_MAX_DEFAULT */
void gw_stats_free(struct gw_stats *stats);
/* Found or made. */
struct gw_route_stats *gw_stats_get_route(struct gw_stats *stats, struct gw_str route, struct gw_str service);
struct gw_service_stats *gw_stats_get_service(struct gw_stats *stats, struct gw_str service);
/* As get_route, for a view that keeps the pointer until gw_stats_release_route. */
struct gw_route_stats *gw_stats_hold_route(struct gw_stats *stats, struct gw_str route, struct gw_str service);
/* The same of one that has been counted before; NULL: it has not. */
struct gw_route_stats *gw_stats_hold_counted_route(struct gw_stats *stats, struct gw_str route, struct gw_str service);
void gw_stats_release_route(struct gw_stats *stats, struct gw_route_stats *route);
/* Adds at most `limit` routes that are held by nobody any more to "other", so that sums never go back, and frees them. true: there are
 * more. */
bool gw_stats_sweep(struct gw_stats *stats, uint32_t limit);
void gw_route_stats_count(struct gw_route_stats *stats, uint32_t code, uint64_t duration_us);
/* A copy with all but the routes, which come in steps: at most `limit` of them, true: there are more. One copy at a time. */
struct gw_stats *gw_stats_begin_copy(struct gw_stats *stats);
bool gw_stats_copy_routes(struct gw_stats *stats, struct gw_stats *copy, uint32_t limit);
/* Both at once. */
struct gw_stats *gw_stats_copy(struct gw_stats *stats);
/* Adds `from` to `stats`. */
void gw_stats_merge(struct gw_stats *stats, const struct gw_stats *from);
/* What README.md's table says of requests, clients, services and instances. */
void gw_stats_write(const struct gw_stats *stats, struct gw_metrics_writer *writer);

#endif
