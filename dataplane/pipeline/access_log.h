/* Why: access-log lines in Envoy's format language, compiled once a listener.
 * Life: gw_access_log_plan_build … gw_access_log_plan_free; in between frozen.
 * Thread: build and free: main. write: the stream's worker. */
#ifndef GW_DATAPLANE_PIPELINE_ACCESS_LOG_H
#define GW_DATAPLANE_PIPELINE_ACCESS_LOG_H

#include "common/base/err.h"
#include "common/model/listener.h"

struct gw_access_log_plan;
struct gw_log_filter;
struct gw_stream;

/* The operators are in the README of this plane. Of headers that hold credentials (and cookies) a log only says that they were there. NULL
 * with a mistake for each operator that is none of them. */
struct gw_access_log_plan *gw_access_log_plan_build(const struct gw_access_log *model, struct gw_errors *errors, const char *place);
/* Of a header field's value: credentials are not hidden. */
struct gw_access_log_plan *gw_access_log_plan_build_value(struct gw_str format, struct gw_errors *errors, const char *place);
void gw_access_log_plan_free(struct gw_access_log_plan *plan);
/* Appends the line of that type, unless the filter (NULL: the plan's) says that there is none: false. Text ends as its format says, JSON
 * with a newline. What strangers said can't end the line, nor a quotation. */
bool gw_access_log_plan_write(const struct gw_access_log_plan *plan, const struct gw_log_filter *filter, struct gw_stream *stream,
                              enum gw_access_log_type type, struct gw_strbuf *line);
/* Into the worker's ring: the line that each of the listener's access logs has for the stream, by their filters or its route's. */
void gw_access_log_write(struct gw_stream *stream, enum gw_access_log_type type);
/* What a header's value is while the stream goes on; what is absent is left out (Envoy's omit_empty_values). */
void gw_access_log_plan_write_value(const struct gw_access_log_plan *plan, struct gw_stream *stream, struct gw_strbuf *value);

#endif
