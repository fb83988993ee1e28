/* Why: answers with a long text in pieces, between which the worker serves others, and no faster than the client takes it.
 * Life: embedded in its filter's state, from gw_long_text_start to the last piece or gw_long_text_done.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_LONG_TEXT_H
#define GW_DATAPLANE_FILTERS_LONG_TEXT_H

#include "common/base/bytes.h"
#include "dataplane/pipeline/stream.h"

struct gw_long_text {
  struct gw_stream *stream;
  struct gw_bytes *text; /* NULL: there is nothing to send */
  size_t sent;
  bool is_paused;
  struct gw_task task;
};

/* The answer's head goes out now, with 200. Takes its own reference on `text`. */
void gw_long_text_start(struct gw_long_text *answer, struct gw_stream *stream, struct gw_str content_type, struct gw_bytes *text);
/* As a filter's on_response_pause says. */
void gw_long_text_set_paused(struct gw_long_text *answer, bool is_paused);
/* Harmless when it was zeroed and never started. */
void gw_long_text_done(struct gw_long_text *answer);

#endif
