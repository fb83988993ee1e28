#include "dataplane/server/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/mailbox.h"
#include "common/event/timer.h"
#include "dataplane/filters/filters.h"

#define DRAIN_LOOK_MS 20 /* how often a draining worker counts its connections */

struct gw_worker {
  struct gw_worker_options options;
  pthread_t thread;
  struct gw_loop *loop;
  struct gw_mailbox *in;  /* on the worker's loop */
  struct gw_mailbox *out; /* on main's loop */
  struct gw_node_status_calls node_status;
  /* the thread's own */
  struct gw_engine *engine;
  struct gw_span_sink *spans;
  struct gw_histogram lag;
  struct gw_timer drain_look;
  uint64_t asked_round;  /* of the newest question for counters */
  uint64_t copied_round; /* of the copy that is under way; 0: there is none */
};

/* ---- letters ---- */

enum order_kind {
  ORDER_SET_FROZEN,
  ORDER_SET_KEYS,
  ORDER_GIVE_STATS,
  ORDER_GIVE_TOTALS,
  ORDER_TAKE_METRICS,
  ORDER_FIND_FAILURES,
  ORDER_DRAIN,
  ORDER_STOP
};

/* From main to the worker. */
struct order {
  struct gw_mail mail;
  enum order_kind kind;
  union {
    struct {
      struct gw_frozen *frozen;
      struct gw_engine_socket *sockets;
      uint32_t socket_count;
    } set_frozen;
    struct gw_key_table *keys;
    uint64_t round;
    struct {
      struct gw_worker_metrics_ask ask;
      struct gw_bytes *text;
    } metrics;
    struct {
      uint64_t search;
      char *request_id;
    } find_failures;
    uint64_t spread_ms;
  };
};

enum news_kind { NEWS_RELEASED, NEWS_STATS, NEWS_TOTALS, NEWS_METRICS_ASKED, NEWS_FAILURES, NEWS_DRAINED, NEWS_UNKNOWN_KEY };

/* From the worker to main. */
struct news {
  struct gw_mail mail;
  enum news_kind kind;
  union {
    struct gw_frozen *frozen;
    struct {
      uint64_t round;
      struct gw_stats *stats;
      struct gw_histogram lag;
    } stats;
    struct gw_worker_totals totals;
    struct gw_worker_metrics_ask ask;
    char *provider;
    struct {
      uint64_t search;
      struct gw_failure_list *list;
    } failures;
  };
};

static void post_news(struct gw_worker *worker, struct news news) {
  struct news *letter = gw_malloc(sizeof(*letter));
  *letter = news;
  gw_mailbox_post(worker->out, &letter->mail);
}

static void post_order(struct gw_worker *worker, struct order order) {
  struct order *letter = gw_malloc(sizeof(*letter));
  *letter = order;
  gw_mailbox_post(worker->in, &letter->mail);
}

/* ---- on the worker's thread ---- */

static void release_frozen(void *arg, struct gw_frozen *frozen) {
  post_news(arg, (struct news){.kind = NEWS_RELEASED, .frozen = frozen});
}

static bool is_ready(void *arg) {
  struct gw_worker *worker = arg;
  return atomic_load_explicit(worker->options.is_ready, memory_order_relaxed);
}

static enum gw_overload_level overload_level(void *arg) {
  const struct gw_worker *worker = arg;
  return gw_overload_level(worker->options.overload);
}

static void get_metrics(void *arg, uint32_t worker_index, void (*done)(void *done_arg, struct gw_bytes *text), void *done_arg) {
  post_news(arg, (struct news){.kind = NEWS_METRICS_ASKED, .ask = {worker_index, done, done_arg}});
}

static void on_unknown_key(void *arg, struct gw_str provider) {
  post_news(arg, (struct news){.kind = NEWS_UNKNOWN_KEY, .provider = gw_str_dup(provider)});
}

static void on_turn(void *arg, uint64_t busy_us) {
  struct gw_worker *worker = arg;
  gw_histogram_add(&worker->lag, busy_us);
}

static void look_whether_drained(struct gw_timer *timer) {
  struct gw_worker *worker = GW_CONTAINER_OF(timer, struct gw_worker, drain_look);
  if (gw_engine_connection_count(worker->engine) == 0) {
    post_news(worker, (struct news){.kind = NEWS_DRAINED});
  } else {
    gw_timer_start(worker->loop, &worker->drain_look, DRAIN_LOOK_MS);
  }
}

static void on_copied(void *arg, struct gw_stats *copy);

static void start_copy(struct gw_worker *worker) {
  worker->copied_round = worker->asked_round;
  gw_engine_start_copy(worker->engine, on_copied, worker);
}

/* Who has asked meanwhile wants to know what happened up to then. */
static void on_copied(void *arg, struct gw_stats *copy) {
  struct gw_worker *worker = arg;
  if (worker->copied_round != worker->asked_round) {
    gw_stats_free(copy);
    start_copy(worker);
    return;
  }
  post_news(worker, (struct news){.kind = NEWS_STATS, .stats = {worker->copied_round, copy, worker->lag}});
  worker->copied_round = 0;
}

static void on_order(void *arg, struct gw_mail *mail) {
  struct gw_worker *worker = arg;
  struct order *order = GW_CONTAINER_OF(mail, struct order, mail);
  switch (order->kind) {
  case ORDER_SET_FROZEN:
    gw_engine_set_frozen(worker->engine, order->set_frozen.frozen, order->set_frozen.sockets, order->set_frozen.socket_count);
    free(order->set_frozen.sockets);
    break;
  case ORDER_SET_KEYS: gw_engine_set_keys(worker->engine, order->keys); break;
  case ORDER_GIVE_STATS:
    worker->asked_round = order->round;
    if (worker->copied_round == 0) start_copy(worker);
    break;
  case ORDER_GIVE_TOTALS:
    post_news(worker, (struct news){.kind = NEWS_TOTALS,
                                    .totals = {gw_engine_requests_total(worker->engine), gw_engine_connection_count(worker->engine),
                                               gw_engine_unknown_keys_total(worker->engine)}});
    break;
  case ORDER_TAKE_METRICS:
    order->metrics.ask.done(order->metrics.ask.done_arg, order->metrics.text);
    gw_bytes_unref(order->metrics.text);
    break;
  case ORDER_FIND_FAILURES:
    post_news(worker, (struct news){.kind = NEWS_FAILURES,
                                    .failures = {order->find_failures.search,
                                                 gw_engine_find_failures(worker->engine, gw_str_from(order->find_failures.request_id))}});
    free(order->find_failures.request_id);
    break;
  case ORDER_DRAIN:
    gw_engine_drain(worker->engine, order->spread_ms);
    look_whether_drained(&worker->drain_look);
    break;
  case ORDER_STOP: gw_loop_stop(worker->loop); break;
  }
  free(order);
}

static void *run(void *arg) {
  struct gw_worker *worker = arg;
  worker->spans = gw_span_sink_new(worker->loop, worker->options.spans, worker->options.span_budget);
  struct gw_engine_options options = {
      .loop = worker->loop,
      .log = worker->options.log,
      .access_log = worker->options.access_log,
      .spans = worker->spans,
      .worker_index = worker->options.index,
      .node_status = &worker->node_status,
      .clients = worker->options.clients,
      .rate_limits = worker->options.rate_limits,
      .filters = gw_filters,
      .release_frozen = release_frozen,
      .release_arg = worker,
  };
  worker->engine = gw_engine_new(&options);
  gw_loop_run(worker->loop);
  gw_timer_stop(&worker->drain_look);
  gw_engine_free(worker->engine);
  gw_span_sink_free(worker->spans);
  return NULL;
}

/* ---- on main ---- */

static void on_news(void *arg, struct gw_mail *mail) {
  struct gw_worker *worker = arg;
  const struct gw_worker_events *events = worker->options.events;
  struct news *news = GW_CONTAINER_OF(mail, struct news, mail);
  switch (news->kind) {
  case NEWS_RELEASED: events->on_released(worker->options.arg, news->frozen); break;
  case NEWS_STATS:
    events->on_stats(worker->options.arg, worker->options.index, news->stats.round, news->stats.stats, &news->stats.lag);
    break;
  case NEWS_TOTALS: events->on_totals(worker->options.arg, worker->options.index, &news->totals); break;
  case NEWS_METRICS_ASKED: events->on_metrics_asked(worker->options.arg, &news->ask); break;
  case NEWS_FAILURES: events->on_failures(worker->options.arg, news->failures.search, news->failures.list); break;
  case NEWS_DRAINED: events->on_drained(worker->options.arg, worker->options.index); break;
  case NEWS_UNKNOWN_KEY:
    events->on_unknown_key(worker->options.arg, news->provider);
    free(news->provider);
    break;
  }
  free(news);
}

struct gw_worker *gw_worker_new(const struct gw_worker_options *options) {
  struct gw_worker *worker = gw_calloc(1, sizeof(*worker));
  worker->options = *options;
  worker->loop = gw_loop_new();
  worker->in = gw_mailbox_new(worker->loop, on_order, worker);
  worker->out = gw_mailbox_new(options->main_loop, on_news, worker);
  worker->node_status = (struct gw_node_status_calls){.arg = worker,
                                                      .is_ready = is_ready,
                                                      .overload = overload_level,
                                                      .get_metrics = get_metrics,
                                                      .on_unknown_key = on_unknown_key};
  gw_timer_init(&worker->drain_look, look_whether_drained);
  gw_loop_set_turn_observer(worker->loop, on_turn, worker);
  int failure = pthread_create(&worker->thread, NULL, run, worker);
  if (failure != 0) GW_PANIC("a worker's thread cannot be started: %s", strerror(failure));
  char name[16];
  snprintf(name, sizeof(name), "worker-%u", options->index);
  pthread_setname_np(worker->thread, name);
  return worker;
}

void gw_worker_free(struct gw_worker *worker) {
  if (worker == NULL) return;
  post_order(worker, (struct order){.kind = ORDER_STOP});
  pthread_join(worker->thread, NULL);
  gw_mailbox_free(worker->in);
  gw_mailbox_free(worker->out);
  gw_loop_free(worker->loop);
  free(worker);
}

void gw_worker_set_frozen(struct gw_worker *worker, struct gw_frozen *frozen, struct gw_engine_socket *sockets, uint32_t socket_count) {
  post_order(worker, (struct order){.kind = ORDER_SET_FROZEN, .set_frozen = {frozen, sockets, socket_count}});
}

void gw_worker_set_keys(struct gw_worker *worker, struct gw_key_table *keys) {
  post_order(worker, (struct order){.kind = ORDER_SET_KEYS, .keys = keys});
}

void gw_worker_ask_stats(struct gw_worker *worker, uint64_t round) {
  post_order(worker, (struct order){.kind = ORDER_GIVE_STATS, .round = round});
}

void gw_worker_ask_totals(struct gw_worker *worker) {
  post_order(worker, (struct order){.kind = ORDER_GIVE_TOTALS});
}

void gw_worker_answer_metrics(struct gw_worker *worker, const struct gw_worker_metrics_ask *ask, struct gw_bytes *text) {
  post_order(worker, (struct order){.kind = ORDER_TAKE_METRICS, .metrics = {*ask, gw_bytes_ref(text)}});
}

void gw_worker_find_failures(struct gw_worker *worker, uint64_t search, struct gw_str request_id) {
  post_order(worker, (struct order){.kind = ORDER_FIND_FAILURES, .find_failures = {search, gw_str_dup(request_id)}});
}

void gw_worker_drain(struct gw_worker *worker, uint64_t spread_ms) {
  post_order(worker, (struct order){.kind = ORDER_DRAIN, .spread_ms = spread_ms});
}
