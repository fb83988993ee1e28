#include "dataplane/pipeline/request_rules.h"

#include "common/routing/request_form.h"
#include "dataplane/pipeline/forwarded.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/stream_trace.h"

static bool give(struct gw_stream *stream, const struct gw_form_answer *answer) {
  struct gw_headers *headers = &stream->response.headers;
  if (answer->status == 414) stream->pipeline->stats->limits[GW_LIMIT_URI_SIZE]++;
  if (answer->allow.len > 0) gw_headers_add(headers, &stream->arena, GW_HEADER_ALLOW, GW_STR("allow"), answer->allow);
  if (answer->location.len == 0) {
    gw_stream_fail(stream, &(struct gw_failure){.status = answer->status,
                                                .side = GW_FAILURE_CLIENT,
                                                .detail = answer->detail,
                                                .message = answer->message});
    return false;
  }
  gw_headers_add(headers, &stream->arena, GW_HEADER_LOCATION, GW_STR("location"), answer->location);
  stream->detail = answer->detail;
  gw_local_reply_failure(stream, answer->status, 0, answer->message);
  return false;
}

/* A client at the edge doesn't choose the id, unless the listener keeps what comes from outside. */
static void set_request_id(struct gw_stream *stream, const struct gw_http_connection_manager *http) {
  struct gw_headers *headers = &stream->request.headers;
  bool must_replace = http->use_remote_address && !http->preserve_external_request_id;
  const struct gw_header *sent = gw_headers_find(headers, GW_HEADER_X_REQUEST_ID);
  if (sent != NULL && sent->value.len > 0 && (!must_replace || !http->generate_request_id)) {
    stream->request_id = sent->value;
    return;
  }
  stream->request_id = gw_pipeline_new_request_id(stream->pipeline, &stream->arena);
  if (http->generate_request_id) gw_headers_set(headers, &stream->arena, GW_HEADER_X_REQUEST_ID, stream->request_id);
}

/* TE: trailers is for this connection only, so it says what may be sent here before it goes. */
static bool takes_trailers(const struct gw_headers *headers) {
  const struct gw_header *te = gw_headers_find(headers, GW_HEADER_TE);
  return te != NULL && gw_str_equal(te->value, GW_STR("trailers"));
}

bool gw_request_rules_apply(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  struct gw_request_head *request = &stream->request;
  set_request_id(stream, http);
  const struct gw_frozen_http *frozen = stream->listener->http;
  struct gw_form_answer answer;
  if (!gw_request_form_apply(http, frozen->limits->max_uri_bytes, &frozen->reserved, request, &stream->arena, &answer))
    return give(stream, &answer);
  gw_headers_remove_hop_by_hop(&request->headers);
  stream->takes_trailers |= takes_trailers(&request->headers);
  gw_headers_remove(&request->headers, GW_HEADER_EXPECT);
  gw_forwarded_apply(stream);
  return true;
}

void gw_response_rules_apply(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  struct gw_headers *headers = &stream->response.headers;
  if (stream->route != NULL && stream->route->response_headers != NULL) gw_header_rules_apply(stream, true, headers);
  gw_headers_set(headers, &stream->arena, GW_HEADER_SERVER, http->server_name.len > 0 ? http->server_name : GW_STR("gateway"));
  if (gw_headers_find(headers, GW_HEADER_DATE) == NULL) {
    gw_headers_add(headers, &stream->arena, GW_HEADER_DATE, GW_STR("date"), gw_pipeline_get_date(stream->pipeline));
  }
  if (http->always_set_request_id_in_response) gw_headers_set(headers, &stream->arena, GW_HEADER_X_REQUEST_ID, stream->request_id);
  gw_stream_trace_tell_client(stream);
}
