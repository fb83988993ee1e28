/* Why: access-log lines in Envoy's format language, compiled once a listener.
 * Life: gw_access_log_plan_build … gw_access_log_plan_free; in between frozen.
 * Thread: build and free: main. write: the stream's worker. */
#ifndef GW_DATAPLANE_PIPELINE_ACCESS_LOG_H
#define GW_DATAPLANE_PIPELINE_ACCESS_LOG_H

#include "common/base/err.h"
#include "common/model/listener.h"

struct gw_access_log_plan;
struct gw_stream;

/* Operators: START_TIME, REQ(NAME?ALTERNATIVE):LENGTH (also :METHOD, :PATH, :AUTHORITY, :SCHEME), REQ_WITHOUT_QUERY(:PATH),
 * PATH(NQ|WQ[:PATH|:ORIG|:ORIG_OR_PATH]), RESP(NAME), PROTOCOL, RESPONSE_CODE, RESPONSE_CODE_DETAILS, RESPONSE_FLAGS, BYTES_RECEIVED,
 * BYTES_SENT, DURATION, UPSTREAM_HOST, UPSTREAM_CLUSTER, ROUTE_NAME, DOWNSTREAM_REMOTE_ADDRESS, DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, and
 * %% for a percent sign. NULL with a mistake for each one that is none of them. */
struct gw_access_log_plan *gw_access_log_plan_build(const struct gw_access_log *model, struct gw_errors *errors, const char *place);
void gw_access_log_plan_free(struct gw_access_log_plan *plan);
/* Appends one line of a stream that is over; text ends as its format says, JSON with a newline. */
void gw_access_log_plan_write(const struct gw_access_log_plan *plan, const struct gw_stream *stream, struct gw_strbuf *line);
/* Of a text: what a header's value is while the stream goes on; what is absent is left out (Envoy's omit_empty_values). */
void gw_access_log_plan_write_value(const struct gw_access_log_plan *plan, const struct gw_stream *stream, struct gw_strbuf *value);

#endif
