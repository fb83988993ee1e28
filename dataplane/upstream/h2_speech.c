/* HTTP/2 on an upstream connection: many attempts at once, which share its sends. */
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/handshake.h"

#define INTERIM_MAX 16
/* As for HTTP/1.1. */
#define HEAD_BYTES_MAX ((size_t)64 * 1024)
#define HEADER_COUNT_MAX 256
/* Frames are packed while less than this waits for the socket. */
#define OUT_MAX ((size_t)256 * 1024)

static const struct gw_h2_events events;
static void on_pack(void *arg);

static struct gw_attempt *attempt_of(struct gw_h2_stream *stream) {
  return GW_CONTAINER_OF(stream, struct gw_attempt, h2.stream);
}

static void pack_soon(struct gw_upstream_connection *connection) {
  gw_loop_after_callback(connection->pool->options.loop, &connection->h2.pack_task);
}

static void init(struct gw_upstream_connection *connection) {
  const struct gw_http2_options *http2 = &connection->pool->options.http2;
  memset(&connection->h2, 0, sizeof(connection->h2));
  struct gw_h2_options options = {
      .is_client = true,
      .hpack_table_size = http2->hpack_table_size,
      .max_concurrent_streams = http2->max_concurrent_streams,
      .initial_stream_window = http2->initial_stream_window,
      .initial_connection_window = http2->initial_connection_window,
      .head_bytes = HEAD_BYTES_MAX,
      .header_count = HEADER_COUNT_MAX,
      .max_outbound_control_frames = http2->max_outbound_control_frames,
  };
  gw_task_init(&connection->h2.pack_task, on_pack, connection);
  gw_list_init(&connection->h2.attempts);
  gw_list_init(&connection->h2.changed);
  connection->h2.codec = gw_h2_codec_new(&options, &events, connection);
  pack_soon(connection);
}

static void done(struct gw_upstream_connection *connection) {
  gw_task_cancel(&connection->h2.pack_task);
  gw_h2_codec_free(connection->h2.codec);
  connection->h2.codec = NULL;
}

static void leave(struct gw_attempt *attempt) {
  gw_list_remove(&attempt->h2.node);
  gw_list_remove(&attempt->h2.changed);
}

/* Without attempts it waits for the next one, or goes once what is packed is sent. True: it goes. May free it. */
static bool is_going(struct gw_upstream_connection *connection) {
  if (gw_h2_codec_stream_count(connection->h2.codec) > 0 || connection->is_idle) return false;
  if (gw_h2_codec_is_draining(connection->h2.codec) || connection->h2.is_spoilt) connection->h2.is_over = true;
  if (connection->h2.is_over) return true;
  gw_upstream_pool_put(connection->pool, connection);
  return false;
}

/* Who broke the rules on one stream, or answers nobody any more, gets no more of them. */
static void spoil(struct gw_upstream_connection *connection) {
  connection->h2.is_spoilt = true;
  gw_list_remove(&connection->node); /* no attempt that is made now finds it */
}

static void settle(struct gw_upstream_connection *connection) {
  gw_upstream_pool_serve_soon(connection->pool); /* a stream may have ended, or more be allowed */
  if (is_going(connection)) pack_soon(connection);
}

static void hand_out_held(struct gw_upstream_connection *connection) {
  while (!gw_list_is_empty(&connection->h2.changed)) {
    struct gw_attempt *attempt = GW_LIST_ITEM(connection->h2.changed.next, struct gw_attempt, h2.changed);
    gw_list_remove(&attempt->h2.changed);
    if (!attempt->is_paused) gw_h2_stream_set_paused(&attempt->h2.stream, false);
  }
}

/* What the peer has done wrong takes down everybody who waits for it; it has been told, or is. May free the connection. */
static void give_up(struct gw_upstream_connection *connection) {
  if (connection->is_idle) {
    gw_upstream_connection_free(connection);
    return;
  }
  connection->h2.is_over = true;
  gw_list_remove(&connection->node); /* no attempt that is made now finds it */
  gw_h2_codec_close_streams(connection->h2.codec, GW_H2_PROTOCOL_ERROR);
}

static void on_pack(void *arg) {
  struct gw_upstream_connection *connection = arg;
  hand_out_held(connection);
  (void)is_going(connection);
  if (gw_upstream_connection_is_freed(connection)) return;
  bool is_packed = gw_h2_codec_pack(connection->h2.codec, &connection->out, OUT_MAX) == GW_OK;
  if (!is_packed || gw_h2_codec_failure(connection->h2.codec) != GW_OK) {
    give_up(connection);
  } else {
    (void)is_going(connection); /* a stream that was reset is closed now, perhaps the last */
  }
  if (!gw_upstream_connection_is_freed(connection)) gw_upstream_connection_flush_at_turn_end(connection);
}

static void on_connected(struct gw_upstream_connection *connection) {
  GW_LIST_FOR_EACH(node, &connection->h2.attempts) {
    gw_attempt_on_connected(GW_LIST_ITEM(node, struct gw_attempt, h2.node));
  }
}

static void on_input(struct gw_upstream_connection *connection, struct gw_str input) {
  struct gw_h2_codec *codec = connection->h2.codec;
  if (gw_h2_codec_feed(codec, input, gw_loop_now_ms(connection->pool->options.loop)) != GW_OK) {
    give_up(connection);
  } else if (connection->is_idle && gw_h2_codec_is_draining(codec)) {
    gw_upstream_connection_free(connection);
  }
  if (!gw_upstream_connection_is_freed(connection)) settle(connection);
}

static void on_flushed(struct gw_upstream_connection *connection, size_t sent) {
  (void)sent;
  if (connection->h2.is_over && !gw_upstream_connection_has_output(connection)) {
    gw_upstream_connection_free(connection);
  } else if (connection->out.len < OUT_MAX && gw_h2_codec_has_output(connection->h2.codec)) {
    pack_soon(connection);
  }
}

static void on_broken(struct gw_upstream_connection *connection, const struct gw_upstream_break *why) {
  connection->h2.why = why;
  connection->h2.is_over = true;
  gw_list_remove(&connection->node);
  gw_h2_codec_close_streams(connection->h2.codec, GW_H2_CANCEL);
}

static bool wants_input(const struct gw_upstream_connection *connection) {
  return !connection->h2.is_over;
}

/* ---- the attempt's side ---- */

static enum gw_err begin(struct gw_attempt *attempt, struct gw_upstream_connection *connection, const struct gw_request_head *head) {
  bool is_tunnel = head->upgrade.len > 0;
  bool has_body = is_tunnel || (head->content_length != GW_LENGTH_NONE && head->content_length != 0);
  gw_h2_stream_init(&attempt->h2.stream, attempt->arena);
  attempt->h2.node = attempt->h2.changed = (struct gw_list){0};
  attempt->h2.answer_count = connection->h2.answer_count;
  struct gw_request_head sent = is_tunnel ? gw_handshake_without_key(head, attempt->arena) : *head;
  sent.scheme = connection->transport.tls != NULL ? GW_STR("https") : GW_STR("http");
  if (gw_h2_stream_request(connection->h2.codec, &attempt->h2.stream, &sent, has_body) != GW_OK) return GW_ERR_IO;
  gw_list_add_last(&connection->h2.attempts, &attempt->h2.node);
  if (!gw_list_is_linked(&connection->node)) gw_list_add_first(&connection->pool->shared, &connection->node);
  return GW_OK;
}

static bool send_body(struct gw_attempt *attempt, struct gw_str data) {
  attempt->sent_bytes += data.len;
  gw_h2_stream_send_body(&attempt->h2.stream, data);
  return !attempt->is_above_watermark;
}

static void send_end(struct gw_attempt *attempt, const struct gw_headers *trailers) {
  attempt->sent_bytes++; /* the head, at least */
  gw_h2_stream_send_end(&attempt->h2.stream, trailers);
}

static void set_paused(struct gw_attempt *attempt, bool is_paused) {
  struct gw_upstream_connection *connection = attempt->connection;
  if (is_paused) {
    gw_h2_stream_set_paused(&attempt->h2.stream, true);
  } else if (!gw_list_is_linked(&attempt->h2.changed)) {
    gw_list_add_last(&connection->h2.changed, &attempt->h2.changed);
    pack_soon(connection);
  }
}

static void cancel(struct gw_attempt *attempt, struct gw_upstream_connection *connection) {
  if (attempt->is_out_of_time && attempt->h2.answer_count == connection->h2.answer_count) spoil(connection);
  leave(attempt);
  gw_h2_stream_detach(&attempt->h2.stream, GW_H2_CANCEL);
  settle(connection);
}

/* ---- the codec's side ---- */

static void fail_protocol(struct gw_attempt *attempt, const char *reason) {
  spoil(attempt->connection);
  leave(attempt);
  gw_h2_stream_detach(&attempt->h2.stream, GW_H2_PROTOCOL_ERROR);
  gw_attempt_fail_protocol(attempt, reason);
}

/* The other end has taken the tunnel: to the client's side that is a switch of protocols. */
static void become_tunnel(struct gw_attempt *attempt) {
  attempt->is_tunnel = true;
  attempt->response.status = 101;
  attempt->response.content_length = GW_LENGTH_UNKNOWN;
  gw_handshake_add_answer(&attempt->response, attempt->head, attempt->arena);
}

/* Whether a body can follow does not depend on the frame that the end comes in (RFC 9110 section 6.4.1). */
static void settle_length(struct gw_attempt *attempt) {
  struct gw_response_head *response = &attempt->response;
  bool is_without = attempt->head->method == GW_METHOD_HEAD || response->status == 204 || response->status == 304;
  if (!is_without || response->content_length == GW_LENGTH_NONE) return;
  if (response->content_length >= 0 && response->status != 204) response->declared_length = response->content_length;
  response->content_length = GW_LENGTH_NONE;
}

static void count_answer(struct gw_attempt *attempt) {
  attempt->connection->h2.answer_count++;
  attempt->h2.answer_count++; /* its own is no sign that others get any */
}

static void on_head(struct gw_h2_stream *stream) {
  struct gw_attempt *attempt = attempt_of(stream);
  count_answer(attempt);
  uint32_t status = stream->response.status;
  attempt->received_bytes++;
  if (stream->refusal != 0) {
    fail_protocol(attempt, "head_too_large");
  } else if (status == 101 || (status < 200 && ++attempt->interim_count > INTERIM_MAX)) {
    fail_protocol(attempt, status == 101 ? "unrequested_upgrade" : "too_many_interim_answers");
  } else if (status >= 200) {
    attempt->response = stream->response;
    attempt->is_head_done = true;
    settle_length(attempt);
    if (attempt->head->upgrade.len > 0 && status < 300) become_tunnel(attempt);
    gw_attempt_give_head(attempt);
  }
}

static void on_data(struct gw_h2_stream *stream, struct gw_str data) {
  struct gw_attempt *attempt = attempt_of(stream);
  count_answer(attempt);
  attempt->received_bytes += data.len;
  attempt->calls->on_body(attempt->arg, data);
}

static void on_end(struct gw_h2_stream *stream) {
  struct gw_attempt *attempt = attempt_of(stream);
  attempt->trailers = stream->trailers;
  leave(attempt);
  gw_h2_stream_detach(stream, GW_H2_CANCEL);
  gw_attempt_finish(attempt);
}

static void on_pressure(struct gw_h2_stream *stream, bool is_high) {
  struct gw_attempt *attempt = attempt_of(stream);
  attempt->is_above_watermark = is_high;
  if (!is_high) attempt->calls->on_drained(attempt->arg);
}

static void on_close(struct gw_h2_stream *stream, uint32_t error, bool is_by_peer) {
  struct gw_attempt *attempt = attempt_of(stream);
  struct gw_upstream_connection *connection = attempt->connection;
  const struct gw_upstream_break *why = connection->h2.why;
  leave(attempt);
  if (why != NULL && !connection->is_connected) {
    gw_attempt_fail_connect(attempt, why);
  } else if (why != NULL) {
    gw_attempt_fail_reset(attempt, why->error_number == 0 ? "connection_termination" : "remote_reset", false);
  } else if (!is_by_peer) {
    spoil(connection);
    gw_attempt_fail_protocol(attempt, "http2");
  } else if (error == GW_H2_REFUSED_STREAM && gw_h2_codec_is_draining(connection->h2.codec)) {
    gw_attempt_fail_goaway(attempt);
  } else {
    gw_attempt_fail_stream(attempt, error);
  }
}

static void on_output(void *arg) {
  pack_soon(arg);
}

static void on_spent(void *arg, char *bytes) {
  struct gw_upstream_connection *connection = arg;
  gw_loop_free_at_turn_end(connection->pool->options.loop, bytes);
}

static const struct gw_h2_events events = {
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_pressure = on_pressure,
    .on_close = on_close,
    .on_output = on_output,
    .on_spent = on_spent,
};

const struct gw_upstream_speech gw_upstream_h2 = {
    .init = init,
    .done = done,
    .on_connected = on_connected,
    .on_input = on_input,
    .on_flushed = on_flushed,
    .on_broken = on_broken,
    .wants_input = wants_input,
    .begin = begin,
    .send_body = send_body,
    .send_end = send_end,
    .set_paused = set_paused,
    .cancel = cancel,
};
