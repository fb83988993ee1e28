#include "dataplane/downstream/h2_session.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

static void on_pack(void *arg);
static void on_flush(void *arg);
static void on_rest(void *arg);

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
  gw_task_init(&session->rest_task, on_rest, session);
  gw_list_init(&session->exchanges);
  gw_list_init(&session->changed);
  session->progress_ms = session->looked_ms = gw_loop_now_ms(loop_of(session));
  gw_h2_session_pack_soon(session);
  return session;
}

/* Streams that are open end with it. */
static void session_free(void *arg) {
  struct gw_h2_session *session = arg;
  gw_h2_codec_close_streams(session->codec, GW_H2_NO_ERROR);
  gw_h2_codec_free(session->codec);
  gw_task_cancel(&session->pack_task);
  gw_task_cancel(&session->flush_task);
  gw_task_cancel(&session->rest_task);
  gw_out_queue_done(&session->out);
  free(session->unread);
  free(session);
}

void gw_h2_session_pack_soon(struct gw_h2_session *session) {
  gw_loop_after_callback(loop_of(session), &session->pack_task);
}

static void watch(struct gw_h2_session *session) {
  bool wants_input = session->is_lingering || (!session->is_over && session->unread == NULL);
  gw_downstream_connection_watch(session->connection, wants_input, &session->out);
}

static bool has_output(const struct gw_h2_session *session) {
  return gw_transport_has_output(&session->connection->transport, &session->out);
}

/* Each may have a request to a service to take back, so that all at once would be a while. false: more are left, for leisure. */
static bool end_streams(struct gw_h2_session *session) {
  bool is_done = gw_h2_codec_close_some(session->codec, GW_H2_NO_ERROR, GW_H2_ENDS_MAX);
  if (!is_done) gw_loop_at_leisure(loop_of(session), &session->rest_task);
  return is_done;
}

/* A client that still has something on its way (a WINDOW_UPDATE for what it has just read) would be answered by a reset, and lose what it
 * has not read yet; so the socket is kept until it closes, too. */
static void close_connection(struct gw_h2_session *session) {
  if (session->is_lingering || gw_transport_shutdown(&session->connection->transport, loop_of(session)) == GW_ERR_AGAIN) return;
  session->is_lingering = true;
  end_streams(session);
  gw_downstream_connection_start_wait(session->connection);
}

static void count_abuse(struct gw_stats *stats, struct gw_str detail) {
  static const struct {
    const char *detail;
    enum gw_limit limit;
  } rows[] = {
      {"http2.rapid_reset", GW_LIMIT_HTTP2_RESETS},
      {"http2.forced_resets", GW_LIMIT_HTTP2_FORCED_RESETS},
      {"http2.too_many_control_frames", GW_LIMIT_HTTP2_CONTROL_FRAMES},
      {"http2.too_many_empty_frames", GW_LIMIT_HTTP2_EMPTY_FRAMES},
      {"http2.too_many_priority_frames", GW_LIMIT_HTTP2_PRIORITY_FRAMES},
      {"http2.too_many_window_updates", GW_LIMIT_HTTP2_WINDOW_UPDATES},
      {"http2.too_many_continuations", GW_LIMIT_HTTP2_CONTINUATIONS},
      {"http2.head_too_large", GW_LIMIT_HTTP2_HEADER_BLOCK},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++)
    if (gw_str_equal(detail, gw_str_from(rows[i].detail))) stats->limits[rows[i].limit]++;
}

/* Nothing more is wanted of the connection; if it is for what the client did, that is counted and told. */
static void give_up(struct gw_h2_session *session) {
  struct gw_pipeline *pipeline = session->connection->listener->pipeline;
  enum gw_err err = gw_h2_codec_failure(session->codec);
  if (session->is_over) return;
  session->is_over = true;
  if (err == GW_OK) return;
  pipeline->stats->bad_requests_total++;
  if (err == GW_ERR_LIMIT) count_abuse(pipeline->stats, gw_h2_codec_detail(session->codec));
  gw_pipeline_log_client(pipeline, &session->connection->peer, "its HTTP/2 connection is closed", gw_h2_codec_detail(session->codec));
}

static void pack(struct gw_h2_session *session) {
  bool is_packed = gw_h2_codec_pack(session->codec, &session->out, GW_H2_OUT_MAX) == GW_OK;
  if (!is_packed || gw_h2_codec_failure(session->codec) != GW_OK || gw_h2_codec_is_over(session->codec)) give_up(session);
}

/* Resets first, which take back what need not begin. */
static void settle(struct gw_h2_session *session) {
  if (gw_list_is_empty(&session->changed)) return;
  pack(session);
  if (!gw_h2_exchange_settle(session)) gw_loop_at_leisure(loop_of(session), &session->rest_task);
}

static bool is_busy(const struct gw_h2_session *session) {
  const struct gw_stats *stats = session->connection->listener->pipeline->stats;
  return stats->requests_active > GW_H2_CALM_REQUESTS && gw_h2_codec_stream_count(session->codec) > GW_H2_CALM_STREAMS;
}

static void on_pack(void *arg) {
  struct gw_h2_session *session = arg;
  if (session->is_lingering) return;
  session->connection->is_busy = is_busy(session);
  if (!session->connection->is_busy) {
    settle(session);
  } else if (!gw_list_is_empty(&session->changed)) {
    gw_loop_at_leisure(loop_of(session), &session->rest_task);
  }
  pack(session);
  if (session->connection->is_busy) {
    gw_loop_at_leisure(loop_of(session), &session->flush_task); /* behind the answers that wait there, to leave with them */
  } else {
    gw_loop_at_turn_end(loop_of(session), &session->flush_task);
  }
}

/* As much as the socket takes; what was packed meanwhile goes with it. */
static enum gw_err flush_all(struct gw_h2_session *session) {
  for (;;) {
    size_t sent = 0;
    enum gw_err err = gw_downstream_connection_flush(session->connection, &session->out, &sent);
    if (sent > 0) session->progress_ms = gw_loop_now_ms(loop_of(session));
    if (err != GW_OK || session->is_lingering) return err;
    pack(session);
    if (session->out.len == 0) return GW_OK;
  }
}

static void on_flush(void *arg) {
  struct gw_h2_session *session = arg;
  bool was_waiting = has_output(session);
  enum gw_err err = flush_all(session);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    gw_downstream_connection_drop(session->connection);
    return;
  }
  if (err == GW_ERR_AGAIN && was_waiting) gw_downstream_connection_update_timer(session->connection);
  if (session->is_over && !has_output(session)) close_connection(session);
  watch(session);
}

/* Takes in as much as may be at once; returns what is left. */
static struct gw_str feed(struct gw_h2_session *session, struct gw_str input) {
  uint64_t now_ms = gw_loop_now_ms(loop_of(session));
  uint64_t begin_us = input.len > GW_H2_SLICE_BYTES ? gw_clock_monotonic_us() : 0;
  uint64_t slice_us = begin_us;
  size_t slice = GW_H2_SLICE_BYTES;
  session->heads = 0;
  while (input.len > 0 && !session->is_over) {
    size_t len = input.len < slice ? input.len : slice;
    bool is_bad = gw_h2_codec_feed(session->codec, (struct gw_str){input.data, len}, now_ms) != GW_OK;
    if (is_bad) give_up(session);
    if (is_bad || gw_h2_codec_is_over(session->codec)) gw_h2_session_pack_soon(session);
    input = gw_str_skip(input, len);
    if (input.len == 0) break;
    uint64_t end_us = gw_clock_monotonic_us();
    if (session->heads > GW_H2_HEADS_MAX || end_us - begin_us > GW_H2_SLICE_US) return input;
    slice = (end_us - slice_us) * GW_H2_CHEAP_SLICE_BYTES < len * GW_H2_SLICE_US ? GW_H2_CHEAP_SLICE_BYTES : GW_H2_SLICE_BYTES;
    slice_us = end_us;
  }
  return (struct gw_str){0};
}

/* Begins the requests that have come, or takes in what may bring more; of a connection that is closed, ends what is left. */
static void on_rest(void *arg) {
  struct gw_h2_session *session = arg;
  if (session->is_lingering) {
    if (end_streams(session) && session->is_gone) gw_downstream_connection_free(session->connection);
    return;
  }
  char *unread = session->unread;
  if (unread != NULL && gw_list_is_empty(&session->changed)) {
    struct gw_str rest = feed(session, (struct gw_str){unread + session->unread_at, session->unread_len - session->unread_at});
    session->unread_at = session->unread_len - rest.len;
    if (rest.len == 0) {
      /* What was handed out is borrowed until it is packed. */
      gw_loop_free_at_turn_end(loop_of(session), unread);
      session->unread = NULL;
      watch(session);
    }
  }
  settle(session);
  if (session->unread != NULL) gw_loop_at_leisure(loop_of(session), &session->rest_task);
  gw_h2_session_pack_soon(session);
}

static void on_input(void *arg, struct gw_str input) {
  struct gw_h2_session *session = arg;
  if (session->is_lingering) {
    session->discarded += input.len;
    gw_downstream_connection_start_wait(session->connection);
    if (session->discarded > GW_DOWNSTREAM_LINGER_MAX) gw_downstream_connection_drop(session->connection);
    return;
  }
  struct gw_str rest = feed(session, input);
  if (rest.len > 0) {
    session->unread = gw_malloc(rest.len);
    memcpy(session->unread, rest.data, rest.len);
    session->unread_at = 0;
    session->unread_len = rest.len;
    gw_loop_at_leisure(loop_of(session), &session->rest_task);
    watch(session);
  }
  gw_downstream_connection_update_timer(session->connection);
}

static void on_writable(void *arg) {
  struct gw_h2_session *session = arg;
  gw_loop_at_turn_end(loop_of(session), &session->flush_task);
}

static bool on_client_gone(void *arg) {
  struct gw_h2_session *session = arg;
  session->is_over = session->is_lingering = session->is_gone = true;
  return end_streams(session);
}

/* ---- deadlines: 0 is none ---- */

static uint64_t after(uint64_t since_ms, uint64_t timeout_ms) {
  return since_ms == 0 || timeout_ms == 0 ? 0 : since_ms + timeout_ms;
}
static uint64_t nearer(uint64_t a_ms, uint64_t b_ms) {
  return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static uint64_t head_deadline(const struct gw_h2_session *session) {
  return after(session->head_since_ms, gw_downstream_connection_http(session->connection)->request_headers_timeout_ms);
}
static uint64_t grace_deadline(const struct gw_h2_session *session) {
  return session->is_final ? 0 : after(session->noticed_ms, GW_H2_GRACE_MS);
}
/* The socket takes nothing. */
static uint64_t send_deadline(const struct gw_h2_session *session) {
  return has_output(session) ? after(session->progress_ms, gw_downstream_connection_send_timeout_ms(session->connection)) : 0;
}
static uint64_t look_deadline(const struct gw_h2_session *session) {
  uint64_t timeout_ms = gw_downstream_connection_send_timeout_ms(session->connection);
  bool is_watched = timeout_ms != 0 && gw_h2_codec_stream_count(session->codec) > 0;
  uint64_t wait_ms = timeout_ms / 4 + 1 < GW_H2_LOOK_MS ? timeout_ms / 4 + 1 : GW_H2_LOOK_MS;
  return is_watched ? after(session->looked_ms, wait_ms) : 0;
}
static uint64_t idle_deadline(const struct gw_h2_session *session) {
  bool is_idle = !has_output(session) && gw_h2_codec_stream_count(session->codec) == 0;
  return is_idle ? after(session->connection->since_ms, gw_downstream_connection_http(session->connection)->idle_timeout_ms) : 0;
}

static uint64_t deadline_ms(const void *arg) {
  const struct gw_h2_session *session = arg;
  if (session->is_lingering) return session->connection->since_ms + GW_DOWNSTREAM_LINGER_MS;
  uint64_t at_ms = nearer(nearer(head_deadline(session), grace_deadline(session)), send_deadline(session));
  return nearer(nearer(at_ms, look_deadline(session)), idle_deadline(session));
}

/* The node drains, or the listener goes. */
static bool is_leaving(const struct gw_h2_session *session) {
  const struct gw_downstream_listener *listener = session->connection->listener;
  return listener->is_closing || listener->pipeline->is_draining;
}

static void end_grace(struct gw_h2_session *session) {
  session->is_final = true;
  if (is_leaving(session)) gw_h2_exchange_drop_tunnels(session);
  gw_h2_codec_start_drain(session->codec, true);
}

static void terminate(struct gw_h2_session *session, enum gw_h2_error error) {
  gw_h2_codec_terminate(session->codec, error);
  session->is_over = true;
}

static void on_deadline(void *arg) {
  struct gw_h2_session *session = arg;
  struct gw_stats *stats = session->connection->listener->pipeline->stats;
  uint64_t now_ms = gw_loop_now_ms(loop_of(session));
  uint64_t send_ms = send_deadline(session);
  bool is_stuck = send_ms != 0 && send_ms <= now_ms;
  if (is_stuck) stats->limits[GW_LIMIT_STALLED_CLIENT]++;
  if (is_stuck || session->is_lingering) {
    gw_downstream_connection_drop(session->connection);
    return;
  }
  uint64_t head_ms = head_deadline(session);
  uint64_t grace_ms = grace_deadline(session);
  uint64_t look_ms = look_deadline(session);
  uint64_t idle_ms = idle_deadline(session);
  if (head_ms != 0 && head_ms <= now_ms) {
    stats->limits[GW_LIMIT_HEADERS_TIMEOUT]++;
    terminate(session, GW_H2_ENHANCE_YOUR_CALM);
  } else if (idle_ms != 0 && idle_ms <= now_ms) {
    stats->limits[GW_LIMIT_CONNECTION_IDLE]++;
    terminate(session, GW_H2_NO_ERROR);
  } else if (grace_ms != 0 && grace_ms <= now_ms) {
    end_grace(session);
  } else if (look_ms != 0 && look_ms <= now_ms) {
    session->looked_ms = now_ms;
    gw_h2_exchange_drop_stalled(session, now_ms, gw_downstream_connection_send_timeout_ms(session->connection));
  }
  gw_h2_session_pack_soon(session);
  gw_downstream_connection_update_timer(session->connection);
}

void gw_h2_session_begin_drain(struct gw_h2_session *session) {
  if (session->noticed_ms != 0) return;
  session->noticed_ms = gw_loop_now_ms(loop_of(session));
  gw_h2_codec_start_drain(session->codec, false);
  gw_h2_session_pack_soon(session);
  gw_downstream_connection_update_timer(session->connection);
}

/* Tunnels have no end of their own. */
static bool drain(void *arg) {
  struct gw_h2_session *session = arg;
  if (session->is_over) return false;
  gw_h2_exchange_drop_tunnels(session);
  gw_h2_session_pack_soon(session);
  if (session->noticed_ms != 0) return false;
  gw_h2_session_begin_drain(session);
  return true;
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
