/* Why: which requests an access log tells of (AccessLogFilter), compiled.
 * Life: in the arena it is built in; gw_log_filter_done gives up what it holds beside that. NULL: every request.
 * Thread: build and done: main. match: the stream's worker. */
#ifndef GW_DATAPLANE_PIPELINE_LOG_FILTER_H
#define GW_DATAPLANE_PIPELINE_LOG_FILTER_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/access_log.h"

struct gw_log_filter;
struct gw_stream;

/* Mistakes: flags that we don't have, regular expressions that are none. Never NULL. */
const struct gw_log_filter *gw_log_filter_build(const struct gw_access_log_filter *model, struct gw_arena *arena, struct gw_errors *errors,
                                                const char *place);
void gw_log_filter_done(const struct gw_log_filter *filter);
bool gw_log_filter_match(const struct gw_log_filter *filter, struct gw_stream *stream, enum gw_access_log_type type);

#endif
