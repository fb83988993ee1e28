/* The client's bytes: heads, bodies, and what is only thrown away. */
#include <string.h>

#include "common/base/mem.h"
#include "common/http/h2_codec.h"
#include "dataplane/downstream/h1_session.h"
#include "dataplane/downstream/h2_session.h"

static void add_pending(struct gw_h1_session *session, struct gw_str bytes) {
  size_t old_len = session->pending_len - session->pending_at;
  if (session->pending_at > 0) memmove(session->pending, session->pending + session->pending_at, old_len);
  if (old_len + bytes.len > session->pending_cap) {
    /* Doubled, so that a head that comes byte by byte is not copied each time. */
    session->pending_cap = old_len > 0 ? (old_len + bytes.len) * 2 : bytes.len;
    session->pending = gw_realloc_array(session->pending, session->pending_cap, 1);
  }
  memcpy(session->pending + old_len, bytes.data, bytes.len);
  session->pending_at = 0;
  session->pending_len = old_len + bytes.len;
}

static struct gw_h1_limits request_limits(const struct gw_h1_session *session) {
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(session->connection);
  return (struct gw_h1_limits){.head_bytes = (size_t)http->max_request_headers_kb * 1024, .header_count = http->max_headers_count};
}

static void start_stream(struct gw_h1_session *session) {
  struct gw_downstream_connection *connection = session->connection;
  const struct gw_downstream_listener *listener = connection->listener;
  session->stream =
      gw_stream_new(listener->view, listener->settings, &connection->peer, &connection->transport, &gw_h1_stream_calls, session);
  session->stream->is_connection_reused = connection->request_count > 0;
  session->has_continued = session->has_body_begun = session->is_until_close = false;
}

/* Not HTTP as we accept it: where the next request would begin is not known. */
static void refuse(struct gw_h1_session *session, uint32_t status, struct gw_str detail) {
  struct gw_stream *stream = session->stream;
  struct gw_stats *stats = session->connection->listener->pipeline->stats;
  const char *message = status == 431   ? "the request's head is too large"
                        : status == 414 ? "the request's target is too long"
                        : status == 505 ? "this HTTP version is not served"
                        : status == 501 ? "this transfer coding is not served"
                                        : "the request is not valid HTTP";
  stream->request = (struct gw_request_head){.version = GW_HTTP_1_1, .content_length = GW_LENGTH_NONE};
  stats->bad_requests_total++;
  if (status == 414) stats->limits[GW_LIMIT_URI_SIZE]++;
  bool is_count = gw_str_equal(detail, GW_STR("http1.too_many_headers"));
  if (status == 431) stats->limits[is_count ? GW_LIMIT_HEADER_COUNT : GW_LIMIT_HEAD_SIZE]++;
  session->may_keep = false;
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                              .detail = gw_arena_copy(&stream->arena, detail),
                                              .message = gw_str_from(message)});
}

static void start_request(struct gw_h1_session *session, const struct gw_h1_limits *limits, struct gw_str head_bytes) {
  start_stream(session);
  struct gw_stream *stream = session->stream;
  struct gw_str detail = {0};
  uint32_t status = 400;
  head_bytes = gw_arena_copy(&stream->arena, head_bytes);
  enum gw_err err = gw_h1_parse_request(head_bytes, limits, &stream->arena, &stream->request, &session->may_keep, &status, &detail);
  if (err != GW_OK) {
    refuse(session, status, detail);
    return;
  }
  stream->request.scheme = gw_downstream_connection_is_tls(session->connection) ? GW_STR("https") : GW_STR("http");
  if (gw_stream_has_request_body(stream)) {
    session->phase = GW_H1_BODY;
    gw_h1_body_init(&session->body, stream->request.content_length, stream->request.content_length == GW_LENGTH_UNKNOWN);
    gw_h1_body_collect_trailers(&session->body, &stream->arena);
  } else {
    session->phase = GW_H1_ANSWER;
  }
  gw_stream_start(stream);
}

/* The beginning of HTTP/2's preface is a head of HTTP/1, the only one that has no fields (RFC 9113 section 3.4). */
static bool is_h2_preface(const struct gw_h1_session *session, struct gw_str head) {
  const size_t head_len = sizeof("PRI * HTTP/2.0\r\n\r\n") - 1;
  if (head.len != head_len || memcmp(head.data, GW_H2_PREFACE, head_len) != 0) return false;
  return gw_downstream_connection_http(session->connection)->codec == GW_CODEC_AUTO && session->connection->request_count == 0 &&
         !gw_downstream_connection_is_tls(session->connection);
}

/* false: the rest waits for more bytes, or for nothing: the connection speaks HTTP/2, from these bytes on. */
static bool take_head(struct gw_h1_session *session, struct gw_str *input) {
  struct gw_h1_limits limits = request_limits(session);
  size_t head_len = 0;
  enum gw_err err = gw_h1_find_head(input->data, input->len, &limits, &session->head_scanned, &head_len);
  if (err == GW_ERR_AGAIN) return false;
  session->head_scanned = 0;
  if (err != GW_OK) {
    bool has_line = memchr(input->data, '\n', input->len < limits.head_bytes ? input->len : limits.head_bytes) != NULL;
    start_stream(session);
    refuse(session, has_line ? 431 : 414, has_line ? GW_STR("http1.headers_too_large") : GW_STR("http1.target_too_long"));
    return true;
  }
  struct gw_str head_bytes = {input->data, head_len};
  if (is_h2_preface(session, head_bytes)) {
    session->is_h2 = true;
    return false;
  }
  *input = gw_str_skip(*input, head_len);
  start_request(session, &limits, head_bytes);
  return true;
}

static void end_body(struct gw_h1_session *session) {
  session->phase = GW_H1_ANSWER;
  gw_stream_on_request_end(session->stream, &session->body.trailers);
}

/* false: the rest waits until the service takes it. */
static bool take_tunnelled(struct gw_h1_session *session, struct gw_str *input) {
  struct gw_stream *stream = session->stream;
  if (stream == NULL || stream->is_response_complete || stream->is_aborted) return false;
  struct gw_str data = *input;
  *input = gw_str_skip(*input, input->len);
  gw_stream_on_request_body(stream, data);
  return true;
}

/* false: the rest waits until a filter lets it go on. */
static bool take_body(struct gw_h1_session *session, struct gw_str *input) {
  struct gw_stream *stream = session->stream;
  if ((stream->request_pauses & GW_PAUSE_FILTER) != 0) return false;
  struct gw_str data;
  size_t used = 0;
  if (gw_h1_body_decode(&session->body, *input, &data, &used) != GW_OK) {
    session->may_keep = false;
    session->connection->listener->pipeline->stats->bad_requests_total++;
    gw_stream_fail(stream, &(struct gw_failure){.status = 400,
                                                .side = GW_FAILURE_CLIENT,
                                                .flag = GW_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                                .detail = GW_STR("http1.bad_chunk"),
                                                .message = GW_STR("the request's body is not valid HTTP")});
    *input = gw_str_skip(*input, input->len);
    return true;
  }
  *input = gw_str_skip(*input, used);
  if (data.len > 0) {
    session->has_body_begun = true;
    gw_stream_on_request_body(stream, data);
  }
  if (session->body.is_complete) {
    end_body(session);
  } else if (used == 0) {
    return false;
  }
  return true;
}

/* The answer was given before the request was whole, or the connection only waits for its end. */
static void discard(struct gw_h1_session *session, struct gw_str *input) {
  struct gw_str data;
  size_t used = input->len;
  bool is_broken = false;
  if (session->phase == GW_H1_DRAIN) is_broken = gw_h1_body_decode(&session->body, *input, &data, &used) != GW_OK;
  session->discarded += used;
  *input = gw_str_skip(*input, used);
  if (session->phase == GW_H1_DRAIN && session->body.is_complete) {
    session->phase = GW_H1_HEAD;
    gw_h1_session_flush_soon(session); /* idle, unless more came */
  } else if (is_broken || session->discarded > GW_DOWNSTREAM_LINGER_MAX) {
    *input = gw_str_skip(*input, input->len);
    session->is_over = true;
    gw_h1_session_flush_soon(session);
  }
}

static bool take(struct gw_h1_session *session, struct gw_str *input) {
  switch (session->phase) {
  case GW_H1_HEAD:
    /* One request after the other: not while an answer, whole or in the queue, is still there. */
    return session->stream == NULL && !gw_h1_session_has_output(session) && take_head(session, input);
  case GW_H1_BODY:
    if (session->stream == NULL) return false;
    if (session->stream->is_response_complete || session->stream->is_aborted) return false;
    return take_body(session, input);
  case GW_H1_ANSWER: return false;
  case GW_H1_TUNNEL: return take_tunnelled(session, input);
  default: discard(session, input); return true;
  }
}

/* Bodies are borrowed from `input` until the callback's output is flushed. What `take` leaves, or what is left for later, since others
 * wait. */
static struct gw_str consume(struct gw_h1_session *session, struct gw_str input) {
  for (uint32_t i = 0; input.len > 0 && take(session, &input); i++) {
    if (i < GW_H1_PIECES_MAX || input.len == 0) continue;
    gw_loop_at_leisure(gw_downstream_connection_loop(session->connection), &session->next_task);
    break;
  }
  return input;
}

void gw_h1_session_consume_pending(struct gw_h1_session *session) {
  struct gw_str bytes = {session->pending + session->pending_at, session->pending_len - session->pending_at};
  struct gw_str rest = consume(session, bytes);
  session->pending_at = session->pending_len - rest.len;
  if (rest.len == 0) gw_h1_session_drop_pending(session);
}

/* Goes on with HTTP/2, which gets all bytes so far. */
static void become_h2(struct gw_h1_session *session, struct gw_str bytes) {
  struct gw_downstream_connection *connection = session->connection;
  struct gw_h2_session *h2 = gw_h2_session_new(connection);
  gw_downstream_connection_set_session(connection, &gw_h2_protocol, h2);
  gw_h2_protocol.on_input(h2, bytes);
  gw_h1_session_free(session);
}

void gw_h1_session_on_input(void *arg, struct gw_str input) {
  struct gw_h1_session *session = arg;
  enum gw_h1_phase phase = session->phase;
  if (session->pending_len > session->pending_at) {
    add_pending(session, input);
    gw_h1_session_consume_pending(session);
    input = (struct gw_str){session->pending + session->pending_at, session->pending_len - session->pending_at};
  } else {
    input = consume(session, input);
    if (input.len > 0 && !session->is_h2) add_pending(session, input);
    /* The wait for the rest of a head begins with its first byte. */
    if (input.len > 0 && session->phase == GW_H1_HEAD && phase == GW_H1_HEAD && session->stream == NULL) {
      gw_downstream_connection_start_wait(session->connection);
    }
  }
  if (session->is_h2) {
    become_h2(session, input);
  } else {
    gw_h1_session_update_interest(session);
  }
}
