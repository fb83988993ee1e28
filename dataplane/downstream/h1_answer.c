/* What a session does for its stream: heads and bodies into the queue, one send when the callback has returned. */
#include "common/base/mem.h"
#include "dataplane/downstream/h1_session.h"

/* Whether the rest of a request that is answered early is little enough to be read and thrown away. */
static bool may_drain(const struct gw_h1_session *session) {
  if (session->stream->request.expects_continue && !session->has_continued && !session->has_body_begun) return false;
  return session->body.kind == GW_H1_BODY_LENGTH && session->body.remaining <= GW_H1_DRAIN_MAX;
}

static void send_head(struct gw_stream *stream, bool has_body) {
  struct gw_h1_session *session = stream->session;
  bool is_tunnel = stream->response.status == 101;
  bool is_1_0 = stream->request.version == GW_HTTP_1_0;
  bool has_length = !has_body || stream->response.content_length != GW_LENGTH_UNKNOWN;
  session->is_answer_chunked = !has_length && !is_1_0 && !is_tunnel;
  session->is_until_close = !has_length && !session->is_answer_chunked;
  if (gw_downstream_connection_is_last_request(session->connection) || session->is_until_close) session->may_keep = false;
  if (session->phase == GW_H1_BODY && !may_drain(session)) session->may_keep = false;
  gw_out_queue_add(&session->out, gw_h1_encode_response(&stream->response, session->is_answer_chunked, !session->may_keep,
                                                        session->may_keep && is_1_0, &stream->arena));
  if (is_tunnel) session->phase = GW_H1_TUNNEL;
  gw_h1_session_flush_soon(session);
}

static void send_body(struct gw_stream *stream, struct gw_str data) {
  struct gw_h1_session *session = stream->session;
  if (data.len == 0) return;
  if (session->is_answer_chunked) {
    char text[GW_H1_CHUNK_HEAD_MAX];
    gw_out_queue_add_copy(&session->out, gw_h1_encode_chunk_head(data.len, text));
  }
  gw_out_queue_add(&session->out, data);
  if (session->is_answer_chunked) gw_out_queue_add(&session->out, GW_STR("\r\n"));
  gw_h1_session_flush_soon(session);
}

static void send_end(struct gw_stream *stream) {
  struct gw_h1_session *session = stream->session;
  /* Who says nothing of trailers may not know them (RFC 9110 section 6.5.1). */
  const struct gw_headers *trailers = stream->takes_trailers ? stream->response_trailers : NULL;
  if (session->is_answer_chunked) gw_out_queue_add(&session->out, gw_h1_encode_last_chunk(trailers, &stream->arena));
  gw_h1_session_flush_soon(session);
}

static void send_continue(struct gw_stream *stream) {
  struct gw_h1_session *session = stream->session;
  if (session->has_continued || session->has_body_begun || stream->is_response_started || stream->request.version == GW_HTTP_1_0) return;
  session->has_continued = true;
  gw_out_queue_add(&session->out, GW_STR("HTTP/1.1 100 Continue\r\n\r\n"));
  gw_h1_session_flush_soon(session);
}

static void abort_answer(struct gw_stream *stream) {
  gw_h1_session_flush_soon(stream->session);
}

static void update_reading(struct gw_stream *stream) {
  struct gw_h1_session *session = stream->session;
  /* What was held back while a filter waited goes on when this callback has returned. */
  gw_h1_session_flush_soon(session);
}

const struct gw_stream_calls gw_h1_stream_calls = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .send_continue = send_continue,
    .abort = abort_answer,
    .update_reading = update_reading,
};
