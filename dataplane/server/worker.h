/* Why: a thread with a loop and an engine on it, and the two mailboxes between it and main.
 * Life: gw_worker_new (starts the thread) … gw_worker_free (closes what is open, joins).
 * Thread: main; the events come on main's loop. */
#ifndef GW_DATAPLANE_SERVER_WORKER_H
#define GW_DATAPLANE_SERVER_WORKER_H

#include <stdatomic.h>

#include "common/base/bytes.h"
#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/observe/log_ring.h"
#include "common/otlp/span_sink.h"
#include "dataplane/listener/engine.h"
#include "dataplane/pipeline/frozen.h"
#include "dataplane/pipeline/stats.h"
#include "dataplane/server/overload.h"

struct gw_worker;

/* Somebody on the traffic port waits for the metrics; answered with gw_worker_answer_metrics. */
struct gw_worker_metrics_ask {
  uint32_t worker_index;
  void (*done)(void *done_arg, struct gw_bytes *text);
  void *done_arg;
};

/* What the agent reports of a worker. */
struct gw_worker_totals {
  uint64_t requests_total;
  uint32_t connections_active;
  uint64_t unknown_keys_total;
};

struct gw_worker_events {
  /* A reference comes back: unref it. */
  void (*on_released)(void *arg, struct gw_frozen *frozen);
  /* The answer to gw_worker_ask_stats of that round; `stats` is the receiver's. `lag`: how long the turns of its loop took. */
  void (*on_stats)(void *arg, uint32_t worker_index, uint64_t round, struct gw_stats *stats, const struct gw_histogram *lag);
  /* The answer to gw_worker_ask_totals. */
  void (*on_totals)(void *arg, uint32_t worker_index, const struct gw_worker_totals *totals);
  void (*on_metrics_asked)(void *arg, const struct gw_worker_metrics_ask *ask);
  /* The answer to gw_worker_find_failures of that search; `list` is the receiver's. */
  void (*on_failures)(void *arg, uint64_t search, struct gw_failure_list *list);
  /* After gw_worker_drain: its last connection has closed. */
  void (*on_drained)(void *arg, uint32_t worker_index);
  /* A token of that provider named a key that is not among its keys. */
  void (*on_unknown_key)(void *arg, const char *provider);
};

struct gw_worker_options {
  struct gw_loop *main_loop;
  struct gw_log *log;
  struct gw_log_ring *access_log;
  uint32_t index;
  const atomic_bool *is_ready; /* main writes it */
  const struct gw_overload *overload;
  struct gw_mailbox *spans; /* on main's loop */
  struct gw_span_budget *span_budget;
  struct gw_client_table *clients;         /* of all workers */
  struct gw_rate_limit_table *rate_limits; /* of all workers */
  const struct gw_worker_events *events;
  void *arg;
};

struct gw_worker *gw_worker_new(const struct gw_worker_options *options);
void gw_worker_free(struct gw_worker *worker);

/* Takes over one reference, and `sockets` (freed with free()). */
void gw_worker_set_frozen(struct gw_worker *worker, struct gw_frozen *frozen, struct gw_engine_socket *sockets, uint32_t socket_count);
/* Takes over one reference. */
void gw_worker_set_keys(struct gw_worker *worker, struct gw_key_table *keys);
void gw_worker_ask_stats(struct gw_worker *worker, uint64_t round);
/* Cheap for the worker, unlike asking for all counters. */
void gw_worker_ask_totals(struct gw_worker *worker);
/* Takes a reference on `text` for itself. */
void gw_worker_answer_metrics(struct gw_worker *worker, const struct gw_worker_metrics_ask *ask, struct gw_bytes *text);
/* Copies `request_id`. */
void gw_worker_find_failures(struct gw_worker *worker, uint64_t search, struct gw_str request_id);
void gw_worker_drain(struct gw_worker *worker, uint64_t spread_ms);

#endif
