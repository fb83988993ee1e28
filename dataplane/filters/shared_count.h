/* Why: one worker's way to the Redis servers that count for all data planes: a decision is one script on the server, by the server's clock.
 * Life: gw_shared_counts_new … gw_shared_counts_free, with the worker. A question until its callback, or gw_shared_count_cancel.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_SHARED_COUNT_H
#define GW_DATAPLANE_FILTERS_SHARED_COUNT_H

#include "common/model/rate_limit.h"
#include "dataplane/pipeline/pipeline.h"

struct gw_shared_counts;
struct gw_shared_count;

struct gw_shared_counts *gw_shared_counts_new(struct gw_pipeline *pipeline);
void gw_shared_counts_free(struct gw_shared_counts *counts);

/* A server as settings name it; what says the same is the same server. Made on main, with the settings. */
struct gw_shared_server {
  const struct gw_rate_limit_redis *model;
  struct gw_str password;
  struct gw_str identity; /* of all that is said of it */
};

/* What one bucket is known by there, and what it holds. */
#define GW_SHARED_ID_SIZE 192
struct gw_shared_bucket {
  char id[GW_SHARED_ID_SIZE];
  uint32_t requests;
  uint32_t burst;
  uint64_t per_ms;
  uint64_t taken_elsewhere; /* thousandths of tokens: while the server was away; taken here, too, whatever is left */
};

/* How the buckets stand: `refused` is the first that has no token, then nothing was taken of any; UINT32_MAX: a token of each. `used`:
 * thousandths of tokens that are missing. NULL: there is no answer. */
struct gw_shared_answer {
  uint32_t refused;
  uint32_t count;
  int64_t used[GW_RATE_LIMIT_MATCHES_MAX];
};
typedef void (*gw_shared_count_fn)(void *arg, const struct gw_shared_answer *answer);

/* A token of each, or of none. NULL: the server is away, slow, or has too much to answer; fn does not run. Connects with the first question
 * of a server; connections that nobody asks are closed after a while. */
struct gw_shared_count *gw_shared_count_ask(struct gw_shared_counts *counts, const struct gw_shared_server *server,
                                            const struct gw_shared_bucket *buckets, uint32_t count, gw_shared_count_fn fn, void *arg);
/* fn does not run any more. What was asked is done all the same. */
void gw_shared_count_cancel(struct gw_shared_count *count);

#endif
