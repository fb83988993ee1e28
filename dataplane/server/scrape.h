/* Why: asks every worker for its counters and adds them up; who asks meanwhile joins in.
 * Life: gw_scrape_new … gw_scrape_free (those who wait get what is there).
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_SCRAPE_H
#define GW_DATAPLANE_SERVER_SCRAPE_H

#include "dataplane/server/worker.h"

/* A worker that is stuck for so long is left out, and counted. */
#define GW_SCRAPE_BOUND_MS 1000

struct gw_scrape;

/* The sum over those that answered. */
struct gw_scrape_result {
  const struct gw_stats *stats;
  const struct gw_histogram *lags; /* by worker; that of a worker that did not answer is its last one */
  uint32_t worker_count;
  uint64_t missed_total; /* answers that did not come in time, since start */
};
typedef void (*gw_scrape_fn)(void *arg, const struct gw_scrape_result *result);

struct gw_scrape_calls {
  void (*ask_stats)(void *arg, uint32_t worker_index, uint64_t round);
  void *arg;
};

struct gw_scrape *gw_scrape_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_scrape_calls *calls);
void gw_scrape_free(struct gw_scrape *scrape);
void gw_scrape_start(struct gw_scrape *scrape, gw_scrape_fn fn, void *arg);
/* What a worker answered; `stats` is taken over. */
void gw_scrape_on_stats(struct gw_scrape *scrape, uint32_t worker_index, uint64_t round, struct gw_stats *stats,
                        const struct gw_histogram *lag);

#endif
