/* Why: what happens to every request and answer at the door, by the listener's settings: path normalisation, underscores, forwarding
 * fields, request id; Server and Date. Life: no objects; what is added lies in the stream's arena. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_REQUEST_RULES_H
#define GW_DATAPLANE_PIPELINE_REQUEST_RULES_H

#include "dataplane/pipeline/stream.h"

/* false: the request was answered (400, 405, 307). */
bool gw_request_rules_apply(struct gw_stream *stream);
/* On every answer, whoever made it. */
void gw_response_rules_apply(struct gw_stream *stream);

#endif
