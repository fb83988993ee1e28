/* Why: the metrics text: asks every worker for its counters, then a thread adds them up and writes them out, which takes a while when
 * there are ten thousand routes. Who asks before a round begins shares its text.
 * Life: gw_scrape_new … gw_scrape_free (those who wait get what is there).
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_SCRAPE_H
#define GW_DATAPLANE_SERVER_SCRAPE_H

#include "common/base/bytes.h"
#include "common/event/loop.h"
#include "dataplane/server/metrics.h"

/* A worker that is stuck for so long is left out, and counted. */
#define GW_SCRAPE_BOUND_MS 1000

struct gw_scrape;

/* `text`: borrowed. */
typedef void (*gw_scrape_fn)(void *arg, struct gw_bytes *text);

/* `stats`: of all workers together, borrowed; NULL: it is not to be had any more. */
typedef void (*gw_scrape_counters_fn)(void *arg, const struct gw_stats *stats);

struct gw_scrape_calls {
  /* Answered with gw_scrape_on_stats. */
  void (*ask_stats)(void *arg, uint32_t worker_index, uint64_t round);
  /* Everything but the workers' part. */
  void (*fill)(void *arg, struct gw_node_metrics *metrics);
  void *arg;
};

struct gw_scrape *gw_scrape_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_scrape_calls *calls);
void gw_scrape_free(struct gw_scrape *scrape);
/* `is_packed`: the text comes packed with gzip. */
void gw_scrape_start(struct gw_scrape *scrape, bool is_packed, gw_scrape_fn fn, void *arg);
/* The counters themselves: where nobody waits for the text none is written. */
void gw_scrape_start_counters(struct gw_scrape *scrape, gw_scrape_counters_fn fn, void *arg);
/* What a worker answered; `stats` is taken over. */
void gw_scrape_on_stats(struct gw_scrape *scrape, uint32_t worker_index, uint64_t round, struct gw_stats *stats,
                        const struct gw_histogram *lag);

#endif
