#include "dataplane/server/scrape.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/mailbox.h"
#include "common/event/timer.h"
#include "common/observe/gzip.h"

struct waiting {
  gw_scrape_fn fn; /* NULL: */
  bool is_packed;
  gw_scrape_counters_fn counters; /* … this instead */
  void *arg;
};

struct waiting_list {
  struct waiting *items;
  uint32_t count;
};

/* One text: made on main, filled by a thread that lives for it, mailed back. */
struct writing {
  struct gw_mail mail;
  struct gw_mailbox *done;
  struct gw_stats **stats; /* by worker; NULL where none came in time */
  struct gw_worker_metrics *workers;
  struct gw_node_metrics metrics;
  bool has_text;         /* somebody waits for it */
  bool has_packed;       /* … packed */
  struct gw_bytes *text; /* NULL without */
  struct gw_bytes *packed;
  struct gw_stats *sum;
  pthread_t thread;
  bool is_joined;
};

enum phase { PHASE_IDLE, PHASE_ASKING, PHASE_WRITING };

struct gw_scrape {
  struct gw_loop *loop;
  struct gw_scrape_calls calls;
  uint32_t worker_count;
  enum phase phase;
  uint64_t round;                    /* of the newest question */
  struct gw_stats **stats;           /* of this round, by worker */
  struct gw_worker_metrics *workers; /* as they answered last */
  uint32_t answered_count;
  uint64_t missed_total;
  struct waiting_list asking; /* they get the text of this round */
  struct waiting_list next;   /* they came later, and share the round after it */
  struct writing *writing;
  struct gw_mailbox *done;
  struct gw_timer bound;
};

static void add_waiting(struct waiting_list *list, struct waiting waiting) {
  list->items = gw_realloc_array(list->items, list->count + 1, sizeof(*list->items));
  list->items[list->count++] = waiting;
}

static bool wants_text(const struct waiting_list *list) {
  for (uint32_t i = 0; i < list->count; i++)
    if (list->items[i].fn != NULL) return true;
  return false;
}

static bool wants_packed(const struct waiting_list *list) {
  for (uint32_t i = 0; i < list->count; i++)
    if (list->items[i].is_packed) return true;
  return false;
}

static void answer_all(const struct waiting_list *list, struct gw_bytes *text, struct gw_bytes *packed, const struct gw_stats *sum) {
  for (uint32_t i = 0; i < list->count; i++) {
    const struct waiting *waiting = &list->items[i];
    if (waiting->fn != NULL)
      waiting->fn(waiting->arg, waiting->is_packed ? packed : text);
    else
      waiting->counters(waiting->arg, sum);
  }
  free(list->items);
}

/* ---- writing ---- */

static void write_text(struct writing *writing) {
  struct gw_stats *sum = writing->sum = gw_stats_new();
  for (uint32_t i = 0; i < writing->metrics.worker_count; i++) {
    if (writing->stats[i] != NULL) gw_stats_merge(sum, writing->stats[i]);
    gw_stats_free(writing->stats[i]);
  }
  if (!writing->has_text) return;
  writing->metrics.stats = sum;
  writing->metrics.workers = writing->workers;
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_node_metrics_write(&writing->metrics, &buf);
  writing->text = gw_bytes_new(buf.data, buf.len);
  gw_strbuf_done(&buf);
  if (writing->has_packed) writing->packed = gw_gzip(gw_bytes_str(writing->text));
}

static void *run_writing(void *arg) {
  struct writing *writing = arg;
  write_text(writing);
  gw_mailbox_post(writing->done, &writing->mail);
  return NULL;
}

static void writing_free(struct writing *writing) {
  gw_bytes_unref(writing->text);
  gw_bytes_unref(writing->packed);
  gw_stats_free(writing->sum);
  gw_bytes_unref(writing->metrics.own_part);
  free(writing->stats);
  free(writing->workers);
  free(writing);
}

/* Takes the round's answers over. */
static struct writing *new_writing(struct gw_scrape *scrape) {
  struct writing *writing = gw_calloc(1, sizeof(*writing));
  writing->done = scrape->done;
  writing->has_text = wants_text(&scrape->asking);
  writing->has_packed = wants_packed(&scrape->asking);
  writing->stats = scrape->stats;
  scrape->stats = NULL;
  writing->workers = gw_calloc(scrape->worker_count, sizeof(*writing->workers));
  memcpy(writing->workers, scrape->workers, scrape->worker_count * sizeof(*writing->workers));
  scrape->missed_total += scrape->worker_count - scrape->answered_count;
  scrape->calls.fill(scrape->calls.arg, &writing->metrics);
  writing->metrics.worker_count = scrape->worker_count;
  writing->metrics.missed_workers_total = scrape->missed_total;
  return writing;
}

static void finish(struct gw_scrape *scrape, struct writing *writing);

static void start_writing(struct gw_scrape *scrape) {
  gw_timer_stop(&scrape->bound);
  struct writing *writing = new_writing(scrape);
  scrape->phase = PHASE_WRITING;
  if (pthread_create(&writing->thread, NULL, run_writing, writing) == 0) {
    scrape->writing = writing;
    return;
  }
  /* No thread to be had: main's own time, then. */
  write_text(writing);
  finish(scrape, writing);
}

/* ---- asking ---- */

static void ask(struct gw_scrape *scrape) {
  scrape->phase = PHASE_ASKING;
  scrape->stats = gw_calloc(scrape->worker_count, sizeof(struct gw_stats *));
  scrape->answered_count = 0;
  scrape->round++;
  gw_timer_start(scrape->loop, &scrape->bound, GW_SCRAPE_BOUND_MS);
  for (uint32_t i = 0; i < scrape->worker_count; i++)
    scrape->calls.ask_stats(scrape->calls.arg, i, scrape->round);
}

static void finish(struct gw_scrape *scrape, struct writing *writing) {
  struct waiting_list answered = scrape->asking;
  scrape->asking = scrape->next;
  scrape->next = (struct waiting_list){0};
  scrape->phase = PHASE_IDLE;
  if (scrape->asking.count > 0) ask(scrape);
  answer_all(&answered, writing->text, writing->packed, writing->sum);
  writing_free(writing);
}

static void on_written(void *arg, struct gw_mail *mail) {
  struct gw_scrape *scrape = arg;
  struct writing *writing = GW_CONTAINER_OF(mail, struct writing, mail);
  if (!writing->is_joined) pthread_join(writing->thread, NULL);
  scrape->writing = NULL;
  finish(scrape, writing);
}

static void on_bound(struct gw_timer *timer) {
  start_writing(GW_CONTAINER_OF(timer, struct gw_scrape, bound));
}

static void start(struct gw_scrape *scrape, struct waiting waiting) {
  /* A worker may have answered the round that is on before what is asked about now happened. */
  bool is_idle = scrape->phase == PHASE_IDLE;
  add_waiting(is_idle ? &scrape->asking : &scrape->next, waiting);
  if (is_idle) ask(scrape);
}

void gw_scrape_start(struct gw_scrape *scrape, bool is_packed, gw_scrape_fn fn, void *arg) {
  start(scrape, (struct waiting){.fn = fn, .is_packed = is_packed, .arg = arg});
}

void gw_scrape_start_counters(struct gw_scrape *scrape, gw_scrape_counters_fn fn, void *arg) {
  start(scrape, (struct waiting){.counters = fn, .arg = arg});
}

void gw_scrape_on_stats(struct gw_scrape *scrape, uint32_t worker_index, uint64_t round, struct gw_stats *stats,
                        const struct gw_histogram *lag) {
  scrape->workers[worker_index] = (struct gw_worker_metrics){.lag = *lag,
                                                             .connections_active = stats->connections_active,
                                                             .requests_active = stats->requests_active,
                                                             .requests_total = stats->requests_total};
  if (scrape->phase != PHASE_ASKING || round != scrape->round || scrape->stats[worker_index] != NULL) {
    gw_stats_free(stats);
    return;
  }
  scrape->stats[worker_index] = stats;
  if (++scrape->answered_count == scrape->worker_count) start_writing(scrape);
}

/* ---- life ---- */

struct gw_scrape *gw_scrape_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_scrape_calls *calls) {
  struct gw_scrape *scrape = gw_calloc(1, sizeof(*scrape));
  scrape->loop = loop;
  scrape->calls = *calls;
  scrape->worker_count = worker_count;
  scrape->workers = gw_calloc(worker_count, sizeof(*scrape->workers));
  scrape->done = gw_mailbox_new(loop, on_written, scrape);
  gw_timer_init(&scrape->bound, on_bound);
  return scrape;
}

void gw_scrape_free(struct gw_scrape *scrape) {
  if (scrape == NULL) return;
  struct waiting_list late = scrape->next;
  scrape->next = (struct waiting_list){0};
  if (scrape->phase == PHASE_ASKING) start_writing(scrape);
  if (scrape->writing != NULL) {
    pthread_join(scrape->writing->thread, NULL);
    scrape->writing->is_joined = true;
  }
  gw_mailbox_free(scrape->done);
  struct gw_bytes *nothing = gw_bytes_new("", 0);
  answer_all(&late, nothing, nothing, NULL);
  gw_bytes_unref(nothing);
  free(scrape->workers);
  free(scrape);
}
