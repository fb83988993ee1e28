/* The streams of an HTTP/2 session: what the codec says becomes requests, and what the pipeline says becomes answers. */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "dataplane/downstream/h2_session.h"

#define SETTLES_A_LOOK 8u

static struct gw_h2_exchange *exchange_of(struct gw_h2_stream *h2) {
  return GW_CONTAINER_OF(h2, struct gw_h2_exchange, h2);
}

static void change(struct gw_h2_exchange *exchange) {
  if (!gw_list_is_linked(&exchange->changed)) gw_list_add_last(&exchange->session->changed, &exchange->changed);
  gw_h2_session_pack_soon(exchange->session);
}

static void end(struct gw_h2_exchange *exchange) {
  struct gw_h2_session *session = exchange->session;
  gw_list_remove(&exchange->node);
  gw_list_remove(&exchange->changed);
  gw_stream_free(exchange->stream); /* the exchange with it */
  if (gw_h2_codec_stream_count(session->codec) == 0) gw_downstream_connection_start_wait(session->connection);
}

/* ---- for the pipeline ---- */

static void send_head(struct gw_stream *stream, bool has_body) {
  struct gw_h2_exchange *exchange = stream->session;
  if (stream->is_tunnel) {
    stream->response.status = 200; /* RFC 8441 section 5 */
    change(exchange);              /* what the client has sent already goes on */
  }
  gw_h2_stream_respond(&exchange->h2, &stream->response, has_body);
}

static void send_body(struct gw_stream *stream, struct gw_str data) {
  struct gw_h2_exchange *exchange = stream->session;
  gw_h2_stream_send_body(&exchange->h2, data);
}

static void send_end(struct gw_stream *stream) {
  struct gw_h2_exchange *exchange = stream->session;
  gw_h2_stream_send_end(&exchange->h2, stream->response_trailers);
}

static void send_continue(struct gw_stream *stream) {
  static const struct gw_response_head interim = {.status = 100, .content_length = GW_LENGTH_NONE, .declared_length = GW_LENGTH_NONE};
  struct gw_h2_exchange *exchange = stream->session;
  if (exchange->has_continued || stream->is_response_started || stream->bytes_received > 0 || exchange->h2.is_peer_ended) return;
  exchange->has_continued = true;
  gw_h2_stream_respond(&exchange->h2, &interim, false);
}

static void abort_answer(struct gw_stream *stream) {
  struct gw_h2_exchange *exchange = stream->session;
  exchange->is_aborted = true;
  change(exchange);
}

static void update_reading(struct gw_stream *stream) {
  struct gw_h2_exchange *exchange = stream->session;
  if (stream->request_pauses != 0) {
    gw_h2_stream_set_paused(&exchange->h2, true);
  } else {
    change(exchange);
  }
}

static const struct gw_stream_calls stream_calls = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .send_continue = send_continue,
    .abort = abort_answer,
    .update_reading = update_reading,
};

/* What is sent before it is known whether there will be a tunnel waits. */
static bool may_read(const struct gw_stream *stream) {
  return stream->request_pauses == 0 && (stream->request.upgrade.len == 0 || stream->is_tunnel);
}

static void start(struct gw_h2_exchange *exchange) {
  if (exchange->is_started || !exchange->h2.is_head_done || exchange->h2.is_broken) return;
  exchange->is_started = true;
  exchange->stream->can_wait = exchange->session->connection->is_busy;
  gw_stream_start(exchange->stream);
}

bool gw_h2_exchange_settle(struct gw_h2_session *session) {
  uint64_t begin_us = gw_list_is_empty(&session->changed) ? 0 : gw_clock_monotonic_us();
  for (uint32_t i = 1; !gw_list_is_empty(&session->changed); i++) {
    struct gw_h2_exchange *exchange = GW_LIST_ITEM(session->changed.next, struct gw_h2_exchange, changed);
    if (i % SETTLES_A_LOOK == 0 && gw_clock_monotonic_us() - begin_us > GW_H2_SETTLE_US) return false;
    gw_list_remove(&exchange->changed);
    start(exchange);
    if (exchange->is_aborted) {
      gw_h2_stream_detach(&exchange->h2, GW_H2_INTERNAL_ERROR);
      end(exchange);
    } else if (may_read(exchange->stream)) {
      gw_h2_stream_set_paused(&exchange->h2, false);
    }
  }
  return true;
}

void gw_h2_exchange_drop_tunnels(struct gw_h2_session *session) {
  GW_LIST_FOR_EACH(node, &session->exchanges) {
    struct gw_h2_exchange *exchange = GW_LIST_ITEM(node, struct gw_h2_exchange, node);
    if (!exchange->stream->is_tunnel) continue;
    exchange->stream->detail = GW_STR("tunnel_drained");
    gw_h2_stream_detach(&exchange->h2, GW_H2_CANCEL);
    end(exchange);
  }
}

void gw_h2_exchange_drop_stalled(struct gw_h2_session *session, uint64_t now_ms, uint64_t timeout_ms) {
  GW_LIST_FOR_EACH(node, &session->exchanges) {
    struct gw_h2_exchange *exchange = GW_LIST_ITEM(node, struct gw_h2_exchange, node);
    struct gw_stream *stream = exchange->stream;
    bool stands_still = exchange->h2.body.len > 0 && exchange->h2.sent_bytes == exchange->sent_at_look;
    exchange->sent_at_look = exchange->h2.sent_bytes;
    if (!stands_still) {
      exchange->stalled_at_ms = 0;
    } else if (exchange->stalled_at_ms == 0) {
      exchange->stalled_at_ms = now_ms;
    } else if (now_ms - exchange->stalled_at_ms >= timeout_ms) {
      stream->pipeline->stats->limits[GW_LIMIT_STALLED_CLIENT]++;
      gw_stream_on_client_gone(stream);
      stream->detail = GW_STR("client_send_timeout");
      gw_h2_stream_detach(&exchange->h2, GW_H2_CANCEL);
      end(exchange);
    }
  }
}

/* ---- for the codec ---- */

static struct gw_h2_stream *on_open(void *arg) {
  struct gw_h2_session *session = arg;
  struct gw_downstream_connection *connection = session->connection;
  const struct gw_downstream_listener *listener = connection->listener;
  struct gw_stream *stream =
      gw_stream_new(listener->view, listener->settings, &connection->peer, &connection->transport, &stream_calls, NULL);
  stream->is_connection_reused = connection->request_count > 0;
  struct gw_h2_exchange *exchange = gw_arena_alloc(&stream->arena, sizeof(*exchange));
  exchange->stream = stream;
  exchange->session = session;
  exchange->changed = (struct gw_list){0};
  gw_list_add_last(&session->exchanges, &exchange->node);
  exchange->is_started = exchange->is_aborted = exchange->has_continued = false;
  exchange->sent_at_look = exchange->stalled_at_ms = 0;
  gw_h2_stream_init(&exchange->h2, &stream->arena);
  stream->session = exchange;
  session->heads++;
  session->head_since_ms = gw_loop_now_ms(gw_downstream_connection_loop(connection));
  if (gw_downstream_connection_is_last_request(connection)) gw_h2_session_begin_drain(session);
  return &exchange->h2;
}

static void refuse(struct gw_h2_exchange *exchange) {
  struct gw_stream *stream = exchange->stream;
  struct gw_stats *stats = stream->pipeline->stats;
  bool is_too_large = exchange->h2.refusal == 431;
  bool is_count = gw_str_equal(exchange->h2.detail, GW_STR("http2.too_many_headers"));
  stats->bad_requests_total++;
  if (is_too_large) stats->limits[is_count ? GW_LIMIT_HEADER_COUNT : GW_LIMIT_HEAD_SIZE]++;
  gw_stream_fail(stream, &(struct gw_failure){.status = exchange->h2.refusal,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                              .detail = exchange->h2.detail,
                                              .message = is_too_large ? GW_STR("the request's head is too large")
                                                                      : GW_STR("the request is not valid HTTP")});
}

static void on_head(struct gw_h2_stream *h2) {
  struct gw_h2_exchange *exchange = exchange_of(h2);
  struct gw_stream *stream = exchange->stream;
  exchange->session->head_since_ms = 0;
  stream->request = h2->request;
  stream->request.scheme = gw_downstream_connection_is_tls(exchange->session->connection) ? GW_STR("https") : GW_STR("http");
  stream->takes_trailers = true;
  if (h2->refusal != 0) {
    exchange->is_started = true;
    refuse(exchange);
  } else {
    /* A request that is taken back in the bytes that brought it costs no more than its head. */
    if (gw_stream_has_request_body(stream) || !may_read(stream)) gw_h2_stream_set_paused(h2, true);
    change(exchange);
  }
}

static void on_data(struct gw_h2_stream *h2, struct gw_str data) {
  struct gw_stream *stream = exchange_of(h2)->stream;
  if (!stream->is_response_complete && !stream->is_aborted) gw_stream_on_request_body(stream, data);
}

static void on_end(struct gw_h2_stream *h2) {
  struct gw_stream *stream = exchange_of(h2)->stream;
  if (stream->is_response_complete || stream->is_aborted) return;
  if (gw_stream_has_request_body(stream) || stream->is_tunnel) gw_stream_on_request_end(stream, &h2->trailers);
}

static void on_pressure(struct gw_h2_stream *h2, bool is_high) {
  struct gw_stream *stream = exchange_of(h2)->stream;
  if (!stream->is_response_complete && !stream->is_aborted) gw_stream_set_response_paused(stream, is_high);
}

static void on_close(struct gw_h2_stream *h2, uint32_t error, bool is_by_peer) {
  struct gw_h2_exchange *exchange = exchange_of(h2);
  struct gw_stream *stream = exchange->stream;
  if (!h2->is_head_done) exchange->session->head_since_ms = 0;
  if (error != GW_H2_NO_ERROR && !is_by_peer) {
    stream->pipeline->stats->bad_requests_total++;
    stream->flags |= GW_FLAG_DOWNSTREAM_PROTOCOL_ERROR;
    stream->detail = GW_STR("http2.malformed_request");
    stream->is_aborted = true;
  } else {
    gw_stream_on_client_gone(stream);
  }
  end(exchange);
}

static void on_excess(void *arg) {
  struct gw_h2_session *session = arg;
  session->connection->listener->pipeline->stats->limits[GW_LIMIT_HTTP2_STREAMS]++;
}

static void on_output(void *arg) {
  gw_h2_session_pack_soon(arg);
}

static void on_spent(void *arg, char *bytes) {
  struct gw_h2_session *session = arg;
  gw_loop_free_at_turn_end(gw_downstream_connection_loop(session->connection), bytes);
}

const struct gw_h2_events gw_h2_exchange_events = {
    .on_open = on_open,
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_pressure = on_pressure,
    .on_close = on_close,
    .on_excess = on_excess,
    .on_output = on_output,
    .on_spent = on_spent,
};
