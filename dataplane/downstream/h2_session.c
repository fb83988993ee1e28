#include "dataplane/downstream/h2_session.h"

#include <stdlib.h>

#include "common/base/mem.h"

static void on_pack(void *arg);
static void on_flush(void *arg);

static struct gw_loop *loop_of(const struct gw_h2_session *session) {
  return gw_downstream_connection_loop(session->connection);
}

static const struct gw_limits *limits_of(const struct gw_h2_session *session) {
  return session->connection->listener->settings->http->limits;
}

struct gw_h2_session *gw_h2_session_new(struct gw_downstream_connection *connection) {
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(connection);
  struct gw_h2_session *session = gw_calloc(1, sizeof(*session));
  session->connection = connection;
  struct gw_h2_options options = {
      .allows_connect = http->has_websocket,
      .hpack_table_size = http->http2.hpack_table_size,
      .max_concurrent_streams = http->http2.max_concurrent_streams,
      .initial_stream_window = http->http2.initial_stream_window,
      .initial_connection_window = http->http2.initial_connection_window,
      .head_bytes = (size_t)http->max_request_headers_kb * 1024,
      .header_count = http->max_headers_count,
      .max_outbound_control_frames = http->http2.max_outbound_control_frames,
      .max_consecutive_empty_frames = http->http2.max_consecutive_empty_frames,
      .max_priority_frames = http->http2.max_priority_frames,
      .max_window_updates = http->http2.max_window_updates,
      .max_resets_per_minute = limits_of(session)->max_stream_resets_per_minute,
  };
  session->codec = gw_h2_codec_new(&options, &gw_h2_exchange_events, session);
  gw_out_queue_init(&session->out);
  gw_task_init(&session->pack_task, on_pack, session);
  gw_task_init(&session->flush_task, on_flush, session);
  gw_list_init(&session->exchanges);
  gw_list_init(&session->changed);
  session->progress_ms = gw_loop_now_ms(loop_of(session));
  gw_h2_session_pack_soon(session);
  return session;
}

/* Streams that are open end with it. */
static void session_free(void *arg) {
  struct gw_h2_session *session = arg;
  gw_task_cancel(&session->pack_task);
  gw_task_cancel(&session->flush_task);
  gw_h2_codec_close_streams(session->codec, GW_H2_NO_ERROR);
  gw_h2_codec_free(session->codec);
  gw_out_queue_done(&session->out);
  free(session);
}

void gw_h2_session_pack_soon(struct gw_h2_session *session) {
  gw_loop_after_callback(loop_of(session), &session->pack_task);
}

static void watch(struct gw_h2_session *session) {
  gw_downstream_connection_watch(session->connection, !session->is_over, &session->out);
}

static void close_connection(struct gw_h2_session *session) {
  gw_transport_shutdown(&session->connection->transport, loop_of(session));
  gw_downstream_connection_free(session->connection);
}

static void on_pack(void *arg) {
  struct gw_h2_session *session = arg;
  gw_h2_exchange_settle(session);
  if (gw_h2_codec_pack(session->codec, &session->out, GW_H2_OUT_MAX) != GW_OK) session->is_over = true;
  if (gw_h2_codec_is_over(session->codec)) session->is_over = true;
  gw_loop_at_turn_end(loop_of(session), &session->flush_task);
}

/* As much as the socket takes; what was packed meanwhile goes with it. */
static enum gw_err flush_all(struct gw_h2_session *session) {
  for (;;) {
    size_t sent = 0;
    enum gw_err err = gw_downstream_connection_flush(session->connection, &session->out, &sent);
    if (sent > 0) session->progress_ms = gw_loop_now_ms(loop_of(session));
    if (err != GW_OK) return err;
    if (gw_h2_codec_pack(session->codec, &session->out, GW_H2_OUT_MAX) != GW_OK) session->is_over = true;
    if (session->out.len == 0) return GW_OK;
  }
}

static void on_flush(void *arg) {
  struct gw_h2_session *session = arg;
  enum gw_err err = flush_all(session);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    gw_downstream_connection_free(session->connection);
  } else if (session->is_over && session->out.len == 0) {
    close_connection(session);
  } else {
    watch(session);
  }
}

static void on_input(void *arg, struct gw_str input) {
  struct gw_h2_session *session = arg;
  struct gw_pipeline *pipeline = session->connection->listener->pipeline;
  enum gw_err err = gw_h2_codec_feed(session->codec, input, gw_loop_now_ms(loop_of(session)));
  if (err == GW_OK) return;
  struct gw_str detail = gw_h2_codec_detail(session->codec);
  if (err == GW_ERR_LIMIT) pipeline->stats->limits[GW_LIMIT_HTTP2_ABUSE]++;
  if (!session->is_over) {
    char peer[GW_ADDRESS_TEXT_SIZE];
    pipeline->stats->bad_requests_total++;
    GW_LOG_INFO(pipeline->options.log, "HTTP/2 connection of %.*s is closed: %.*s",
                GW_STR_ARG(gw_address_format(&session->connection->peer, peer)), GW_STR_ARG(detail));
  }
  session->is_over = true;
  gw_h2_session_pack_soon(session);
}

static void on_writable(void *arg) {
  struct gw_h2_session *session = arg;
  gw_loop_at_turn_end(loop_of(session), &session->flush_task);
}

/* gw_downstream_connection_free ends the streams, each of which is told. */
static void on_client_gone(void *arg) {
  (void)arg;
}

static uint64_t deadline_ms(const void *arg) {
  const struct gw_h2_session *session = arg;
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(session->connection);
  if (session->head_since_ms != 0 && http->request_headers_timeout_ms != 0) {
    return session->head_since_ms + http->request_headers_timeout_ms;
  }
  bool is_waiting_for_client = session->out.len > 0 || gw_h2_codec_is_stalled(session->codec);
  if (is_waiting_for_client) return http->stream_idle_timeout_ms == 0 ? 0 : session->progress_ms + http->stream_idle_timeout_ms;
  if (gw_h2_codec_stream_count(session->codec) > 0 || http->idle_timeout_ms == 0) return 0;
  return session->connection->since_ms + http->idle_timeout_ms;
}

static void on_deadline(void *arg) {
  struct gw_h2_session *session = arg;
  struct gw_stats *stats = session->connection->listener->pipeline->stats;
  bool is_stalled = session->out.len > 0 || gw_h2_codec_is_stalled(session->codec);
  if (session->head_since_ms != 0) stats->limits[GW_LIMIT_HEADERS_TIMEOUT]++;
  if (is_stalled) stats->limits[GW_LIMIT_STALLED_CLIENT]++;
  if (is_stalled || session->is_over) {
    gw_downstream_connection_free(session->connection);
    return;
  }
  gw_h2_codec_terminate(session->codec, session->head_since_ms != 0 ? GW_H2_ENHANCE_YOUR_CALM : GW_H2_NO_ERROR);
  session->is_over = true;
  gw_h2_session_pack_soon(session);
}

/* First a notice, so that requests on their way are still taken, then the end (RFC 9113 section 6.8). Tunnels have no end of their own. */
static bool drain(void *arg) {
  struct gw_h2_session *session = arg;
  if (session->is_over) return false;
  gw_h2_exchange_drop_tunnels(session);
  if (session->drain_calls < 2) gw_h2_codec_start_drain(session->codec, session->drain_calls > 0);
  gw_h2_session_pack_soon(session);
  return session->drain_calls++ < 2;
}

const struct gw_downstream_protocol gw_h2_protocol = {
    .on_input = on_input,
    .on_writable = on_writable,
    .on_client_gone = on_client_gone,
    .deadline_ms = deadline_ms,
    .on_deadline = on_deadline,
    .drain = drain,
    .free = session_free,
};
