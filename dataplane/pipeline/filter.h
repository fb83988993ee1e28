/* Why: what can be plugged into a request's way: one constant table a filter, listed in dataplane/filters/filters.c.
 * Life: tables are constants; settings live in the frozen listener; state (zeroed at first) in the stream's arena.
 * Thread: build: main. The rest: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_FILTER_H
#define GW_DATAPLANE_PIPELINE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/filter.h"
#include "common/model/route_filters.h"

struct gw_pipeline;
struct gw_snapshot;
struct gw_stream;

enum gw_verdict {
  GW_VERDICT_NEXT,    /* go on with the next filter */
  GW_VERDICT_WAIT,    /* the filter calls gw_stream_resume later; request bytes are held back until then */
  GW_VERDICT_REPLIED, /* the filter has answered: the request goes no further */
};

/* What settings are built with. */
struct gw_filter_build {
  struct gw_arena *arena; /* theirs */
  struct gw_errors *errors;
  const char *place;                  /* begins the place of a mistake */
  const struct gw_snapshot *snapshot; /* that they belong to: secrets */
};

/* Hooks that a filter has no use for are NULL. */
struct gw_filter {
  const char *name;
  enum gw_filter_kind kind;
  size_t state_size;
  const char *span; /* what its work on a request is called in a trace; NULL: it is no span */
  /* Checks and prepares the settings; may return NULL when there are none. Mistakes refuse the listener. */
  const void *(*build)(const struct gw_filter_build *build, const struct gw_http_filter *model);
  /* What settings hold beside their arena's memory. */
  void (*free_settings)(const void *settings);
  /* The same for what a route has of its own; NULL: it has nothing for this filter. Found by gw_stream_route_settings. */
  const void *(*build_route)(const struct gw_filter_build *build, const struct gw_route_filters *model);
  void (*free_route_settings)(const void *settings);
  /* What each worker has of the filter, as long as it lives. Found by gw_pipeline_filter_state. */
  void *(*worker_new)(struct gw_pipeline *pipeline);
  void (*worker_free)(void *worker_state);
  enum gw_verdict (*on_request)(struct gw_stream *stream, void *state, const void *settings);
  /* A piece of the request's body, borrowed until the callback's end; the last one may be empty. NEXT or REPLIED. */
  enum gw_verdict (*on_request_body)(struct gw_stream *stream, void *state, const void *settings, struct gw_str data, bool is_last);
  /* stream->response is about to be sent, from the last filter to the first. */
  void (*on_response)(struct gw_stream *stream, void *state, const void *settings);
  void (*on_response_body)(struct gw_stream *stream, void *state, const void *settings, struct gw_str data);
  /* The client takes the answer too slowly, or fast enough again: for the filter that makes the answer. */
  void (*on_response_pause)(struct gw_stream *stream, void *state, bool is_paused);
  /* The stream is over, however it ended; exactly once for each filter of the chain. */
  void (*on_end)(struct gw_stream *stream, void *state, const void *settings);
};

#endif
