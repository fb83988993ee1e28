#include "dataplane/server/scrape.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"

struct waiting {
  gw_scrape_fn fn;
  void *arg;
};

struct gw_scrape {
  struct gw_loop *loop;
  struct gw_scrape_calls calls;
  uint32_t worker_count;
  struct gw_histogram *lags;
  bool *has_answered;
  uint32_t answered_count;
  uint64_t round;       /* of the newest question */
  struct gw_stats *sum; /* NULL: no round is on */
  struct waiting *waiting;
  uint32_t waiting_count;
  uint64_t missed_total;
  struct gw_timer bound;
};

/* A callback may start the next round. */
static void finish(struct gw_scrape *scrape) {
  gw_timer_stop(&scrape->bound);
  struct gw_stats *sum = scrape->sum;
  struct waiting *waiting = scrape->waiting;
  uint32_t count = scrape->waiting_count;
  scrape->missed_total += scrape->worker_count - scrape->answered_count;
  scrape->sum = NULL;
  scrape->waiting = NULL;
  scrape->waiting_count = 0;
  struct gw_scrape_result result = {sum, scrape->lags, scrape->worker_count, scrape->missed_total};
  for (uint32_t i = 0; i < count; i++)
    waiting[i].fn(waiting[i].arg, &result);
  free(waiting);
  gw_stats_free(sum);
}

static void on_bound(struct gw_timer *timer) {
  finish(GW_CONTAINER_OF(timer, struct gw_scrape, bound));
}

struct gw_scrape *gw_scrape_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_scrape_calls *calls) {
  struct gw_scrape *scrape = gw_calloc(1, sizeof(*scrape));
  scrape->loop = loop;
  scrape->calls = *calls;
  scrape->worker_count = worker_count;
  scrape->lags = gw_calloc(worker_count, sizeof(*scrape->lags));
  scrape->has_answered = gw_calloc(worker_count, sizeof(*scrape->has_answered));
  gw_timer_init(&scrape->bound, on_bound);
  return scrape;
}

void gw_scrape_free(struct gw_scrape *scrape) {
  if (scrape == NULL) return;
  if (scrape->sum != NULL) finish(scrape);
  free(scrape->has_answered);
  free(scrape->lags);
  free(scrape);
}

void gw_scrape_start(struct gw_scrape *scrape, gw_scrape_fn fn, void *arg) {
  scrape->waiting = gw_realloc_array(scrape->waiting, scrape->waiting_count + 1, sizeof(*scrape->waiting));
  scrape->waiting[scrape->waiting_count++] = (struct waiting){fn, arg};
  if (scrape->sum != NULL) return;
  scrape->sum = gw_stats_new();
  scrape->answered_count = 0;
  memset(scrape->has_answered, 0, scrape->worker_count * sizeof(*scrape->has_answered));
  scrape->round++;
  gw_timer_start(scrape->loop, &scrape->bound, GW_SCRAPE_BOUND_MS);
  for (uint32_t i = 0; i < scrape->worker_count; i++)
    scrape->calls.ask_stats(scrape->calls.arg, i, scrape->round);
}

void gw_scrape_on_stats(struct gw_scrape *scrape, uint32_t worker_index, uint64_t round, struct gw_stats *stats,
                        const struct gw_histogram *lag) {
  scrape->lags[worker_index] = *lag;
  bool is_of_this_round = scrape->sum != NULL && round == scrape->round && !scrape->has_answered[worker_index];
  if (is_of_this_round) {
    gw_stats_merge(scrape->sum, stats);
    scrape->has_answered[worker_index] = true;
    scrape->answered_count++;
  }
  gw_stats_free(stats);
  if (is_of_this_round && scrape->answered_count == scrape->worker_count) finish(scrape);
}
