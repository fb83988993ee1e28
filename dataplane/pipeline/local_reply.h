/* Why: the one place where the gateway itself answers: DESIGN's JSON form, or trailers-only for gRPC callers.
 * Life: everything in the stream's arena.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_LOCAL_REPLY_H
#define GW_DATAPLANE_PIPELINE_LOCAL_REPLY_H

#include "dataplane/pipeline/stream.h"

/* {"error": status, "message": …, "request_id": …} for a failure; the stream's answer must not have begun. `grpc_status`: for gRPC callers;
 * 0: as `status` maps. */
void gw_local_reply_failure(struct gw_stream *stream, uint32_t status, uint32_t grpc_status, struct gw_str message);
/* A body of one's own. `content_type` and `body` live as long as the stream or longer. */
void gw_local_reply_text(struct gw_stream *stream, uint32_t status, struct gw_str content_type, struct gw_str body);
/* Only its head: true: a body of `len` bytes is to follow, by gw_stream_respond_body and _end. */
bool gw_local_reply_begin_text(struct gw_stream *stream, uint32_t status, struct gw_str content_type, size_t len);
/* A route's direct response: in local reply form it gets the request id, for gRPC callers its message becomes grpc-message. */
void gw_local_reply_direct(struct gw_stream *stream, const struct gw_route_direct_response *direct);

#endif
