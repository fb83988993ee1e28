/* Why: what the streams of one worker share: loop, view, counters, random numbers, the date's text, recycled memory.
 * Life: gw_pipeline_new … gw_pipeline_free, after the last stream.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_PIPELINE_H
#define GW_DATAPLANE_PIPELINE_PIPELINE_H

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/observe/log.h"
#include "common/observe/log_ring.h"
#include "dataplane/pipeline/client_log.h"
#include "dataplane/pipeline/client_table.h"
#include "dataplane/pipeline/failure_ring.h"
#include "dataplane/pipeline/filter.h"
#include "dataplane/pipeline/node_status.h"
#include "dataplane/pipeline/rate_limit_table.h"
#include "dataplane/pipeline/view.h"

struct gw_span_sink;

struct gw_pipeline_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_log_ring *access_log; /* NULL: none */
  struct gw_span_sink *spans;     /* NULL: none are exported */
  uint32_t worker_index;
  const struct gw_node_status_calls *node_status;
  struct gw_client_table *clients;         /* of all workers */
  struct gw_rate_limit_table *rate_limits; /* of all workers */
  const struct gw_filter *const *filters;  /* the registry, NULL-terminated; NULL: none has a state */
  /* Gives a reference of a gw_frozen back to the main thread. */
  void (*release_frozen)(void *arg, struct gw_frozen *frozen);
  void *release_arg;
};

struct gw_key_table;
struct gw_stats_copying;

struct gw_pipeline {
  struct gw_pipeline_options options;
  struct gw_loop *loop;
  struct gw_view *view;      /* of new streams; NULL until the first configuration */
  struct gw_key_table *keys; /* API keys; NULL until they are known */
  bool is_draining;          /* answers say Connection: close */
  struct gw_stats *stats;
  struct gw_stats_copying *copying;
  struct gw_client_log client_log;
  struct gw_failure_ring *failures;
  struct gw_random random;
  struct gw_strbuf line;     /* the access-log line, or the spans, being made */
  struct gw_strbuf log_text; /* … and one value of it */
  uint64_t log_time_ms;      /* … and a time that was written last */
  char log_time[GW_CLOCK_RFC3339_SIZE];
  uint64_t date_s;
  char date[GW_CLOCK_HTTP_DATE_SIZE];
  struct gw_list free_streams;
  uint32_t free_stream_count;
  struct gw_timer sweep_timer;
  void *filter_states[GW_FILTER_KIND_COUNT]; /* what this worker has of each filter */
};

struct gw_pipeline *gw_pipeline_new(const struct gw_pipeline_options *options);
void gw_pipeline_free(struct gw_pipeline *pipeline);
/* New streams go by this configuration; takes over one reference. */
void gw_pipeline_set_frozen(struct gw_pipeline *pipeline, struct gw_frozen *frozen);
/* Requests are authenticated by these from now on; takes over one reference. */
void gw_pipeline_set_keys(struct gw_pipeline *pipeline, struct gw_key_table *keys);
static inline enum gw_overload_level gw_pipeline_overload(const struct gw_pipeline *pipeline) {
  const struct gw_node_status_calls *calls = pipeline->options.node_status;
  return calls->overload(calls->arg);
}
/* What the filter's worker_new made; NULL: it has none. */
static inline void *gw_pipeline_filter_state(const struct gw_pipeline *pipeline, enum gw_filter_kind kind) {
  return pipeline->filter_states[kind];
}
/* "Tue, 24 Nov 2026 01:02:03 GMT" of now; made once a second, so it is copied by who keeps it beyond the callback. */
struct gw_str gw_pipeline_get_date(struct gw_pipeline *pipeline);
/* Into the process's log, if there is room (see client_log.h). */
void gw_pipeline_log_client(struct gw_pipeline *pipeline, const struct gw_address *peer, const char *what, struct gw_str why);
/* A new random request id in the arena. */
struct gw_str gw_pipeline_new_request_id(struct gw_pipeline *pipeline, struct gw_arena *arena);
/* Counters of routes that no view has any more are folded into "other" a while later. */
void gw_pipeline_sweep_soon(struct gw_pipeline *pipeline);
/* A step of that, which looks at `limit` routes; true: there are more. */
bool gw_pipeline_sweep(struct gw_pipeline *pipeline, uint32_t limit);

#endif
