#include "dataplane/downstream/h1_session.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/mem.h"

static void on_flush(void *arg);
static void on_next(void *arg);

struct gw_h1_session *gw_h1_session_new(struct gw_downstream_connection *connection) {
  struct gw_h1_session *session = gw_malloc(sizeof(*session));
  memset(session, 0, offsetof(struct gw_h1_session, out));
  session->connection = connection;
  gw_task_init(&session->flush_task, on_flush, session);
  gw_task_init(&session->next_task, on_next, session);
  gw_out_queue_init(&session->out);
  return session;
}

void gw_h1_session_free(void *arg) {
  struct gw_h1_session *session = arg;
  gw_task_cancel(&session->flush_task);
  gw_task_cancel(&session->next_task);
  gw_stream_free(session->stream);
  gw_out_queue_done(&session->out);
  gw_h1_session_drop_pending(session);
  free(session);
}

/* What was handed out of it is borrowed until it is sent or kept, when this callback returns. */
void gw_h1_session_drop_pending(struct gw_h1_session *session) {
  if (session->pending != NULL) gw_loop_free_at_turn_end(gw_downstream_connection_loop(session->connection), session->pending);
  session->pending = NULL;
  session->pending_at = session->pending_len = session->pending_cap = 0;
}

void gw_h1_session_flush_soon(struct gw_h1_session *session) {
  gw_loop_after_callback(gw_downstream_connection_loop(session->connection), &session->flush_task);
}

void gw_h1_session_update_interest(struct gw_h1_session *session) {
  size_t pending = session->pending_len - session->pending_at;
  bool is_patient = gw_list_is_linked(&session->next_task.node);
  bool wants_input = true;
  switch (session->phase) {
  case GW_H1_BODY:
  case GW_H1_TUNNEL: wants_input = session->stream != NULL ? session->stream->request_pauses == 0 : pending < GW_H1_PIPELINE_MAX; break;
  case GW_H1_ANSWER: wants_input = pending < GW_H1_PIPELINE_MAX; break;
  /* A head may wait behind an answer that the client doesn't take, or for its turn. */
  case GW_H1_HEAD: wants_input = !gw_h1_session_has_output(session) || pending < GW_H1_PIPELINE_MAX; break;
  default: break;
  }
  gw_downstream_connection_watch(session->connection, wants_input && !is_patient, &session->out);
}

/* ---- after an answer ---- */

/* Closes so that the client gets the answer: closing a socket with unread bytes in it would send a reset after it. */
static void close_connection(struct gw_h1_session *session) {
  struct gw_downstream_connection *connection = session->connection;
  bool has_unread = session->phase != GW_H1_ANSWER || session->pending_len > session->pending_at;
  if (gw_transport_shutdown(&connection->transport, gw_downstream_connection_loop(connection)) == GW_ERR_AGAIN) {
    gw_h1_session_update_interest(session);
    return;
  }
  if (!has_unread) {
    gw_downstream_connection_free(connection);
    return;
  }
  session->phase = GW_H1_LINGER;
  session->discarded = 0;
  gw_h1_session_drop_pending(session);
  gw_h1_session_update_interest(session);
  gw_downstream_connection_start_wait(connection);
}

static void go_idle(struct gw_h1_session *session) {
  struct gw_downstream_connection *connection = session->connection;
  gw_downstream_connection_set_session(connection, NULL, NULL);
  gw_h1_session_free(session);
  if (connection->listener->is_closing || connection->listener->pipeline->is_draining) {
    gw_downstream_connection_free(connection);
    return;
  }
  gw_downstream_connection_watch_idle(connection);
  gw_downstream_connection_start_wait(connection);
}

/* Who has sent many requests, or many small chunks, at once waits for the others in between. */
static void on_next(void *arg) {
  struct gw_h1_session *session = arg;
  gw_h1_session_consume_pending(session);
  gw_h1_session_update_interest(session);
}

/* The answer has left: the connection ends, or goes on with the next request. */
static void after_answer(struct gw_h1_session *session) {
  if (!session->may_keep) {
    close_connection(session);
    return;
  }
  if (session->phase == GW_H1_BODY) {
    session->phase = GW_H1_DRAIN;
    session->discarded = 0;
    gw_downstream_connection_start_wait(session->connection);
  } else if (session->phase == GW_H1_ANSWER) {
    session->phase = GW_H1_HEAD;
  }
  if (session->pending_len > session->pending_at) {
    if (session->phase == GW_H1_HEAD) gw_downstream_connection_start_wait(session->connection);
    gw_loop_at_leisure(gw_downstream_connection_loop(session->connection), &session->next_task);
  } else if (session->phase == GW_H1_HEAD) {
    go_idle(session);
    return;
  }
  gw_h1_session_update_interest(session);
}

/* A cut-off answer must not look like a whole one. */
static void abort_connection(struct gw_h1_session *session) {
  if (session->is_until_close) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(session->connection->transport.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  gw_downstream_connection_free(session->connection);
}

static bool on_client_gone(void *arg) {
  struct gw_h1_session *session = arg;
  if (session->stream != NULL) gw_stream_on_client_gone(session->stream);
  return true;
}

static void follow_watermarks(struct gw_h1_session *session, size_t sent) {
  struct gw_stream *stream = session->stream;
  if (sent > 0) stream->active_ms = gw_loop_now_ms(gw_downstream_connection_loop(session->connection));
  if (!session->is_paused && session->out.len > GW_H1_HIGH_WATERMARK) {
    session->is_paused = true;
    gw_stream_set_response_paused(stream, true);
  } else if (session->is_paused && session->out.len < GW_H1_LOW_WATERMARK) {
    session->is_paused = false;
    gw_stream_set_response_paused(stream, false);
  }
}

static void on_flush(void *arg) {
  struct gw_h1_session *session = arg;
  size_t sent = 0;
  if (session->is_over) {
    gw_downstream_connection_free(session->connection);
    return;
  }
  enum gw_err err = gw_downstream_connection_flush(session->connection, &session->out, &sent);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    gw_downstream_connection_drop(session->connection);
    return;
  }
  struct gw_stream *stream = session->stream;
  if (stream != NULL && stream->is_aborted) {
    abort_connection(session);
    return;
  }
  /* The wait for a client that is slow to take what it asked for begins anew with each byte that it takes. */
  bool is_waiting = gw_h1_session_has_output(session);
  if (is_waiting && (sent > 0 || !session->is_out_waiting)) gw_downstream_connection_start_wait(session->connection);
  session->is_out_waiting = is_waiting;
  if (stream != NULL && stream->is_response_complete) {
    session->stream = NULL;
    gw_stream_free(stream);
    session->is_paused = false;
  } else if (stream != NULL) {
    follow_watermarks(session, sent);
    /* What was held back while a filter waited. */
    bool may_go_on = session->phase == GW_H1_BODY || session->phase == GW_H1_TUNNEL;
    if (may_go_on && session->pending_len > session->pending_at) gw_h1_session_consume_pending(session);
  }
  if (session->stream == NULL && !gw_h1_session_has_output(session) && session->phase != GW_H1_LINGER) {
    after_answer(session);
  } else {
    gw_h1_session_update_interest(session);
  }
}

/* ---- deadlines of what no stream has a timer for ---- */

static uint64_t deadline_ms(const void *arg) {
  const struct gw_h1_session *session = arg;
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(session->connection);
  uint64_t wait_ms = 0;
  if (gw_h1_session_has_output(session)) {
    wait_ms = gw_downstream_connection_send_timeout_ms(session->connection);
  } else if (session->stream != NULL) {
    return 0;
  } else if (session->phase == GW_H1_HEAD) {
    wait_ms = http->request_headers_timeout_ms != 0 ? http->request_headers_timeout_ms : http->idle_timeout_ms;
  } else {
    wait_ms = GW_DOWNSTREAM_LINGER_MS;
  }
  return wait_ms == 0 ? 0 : session->connection->since_ms + wait_ms;
}

static void on_deadline(void *arg) {
  struct gw_h1_session *session = arg;
  struct gw_downstream_connection *connection = session->connection;
  uint64_t *hits = connection->listener->pipeline->stats->limits;
  if (gw_h1_session_has_output(session)) {
    hits[GW_LIMIT_STALLED_CLIENT]++;
    on_client_gone(session);
    if (session->stream != NULL) session->stream->detail = GW_STR("client_send_timeout");
  }
  if (session->phase != GW_H1_HEAD || gw_h1_session_has_output(session)) {
    gw_downstream_connection_free(connection);
    return;
  }
  session->may_keep = false;
  hits[GW_LIMIT_HEADERS_TIMEOUT]++;
  session->stream = gw_stream_new(connection->listener->view, connection->listener->settings, &connection->peer, &connection->transport,
                                  &gw_h1_stream_calls, session);
  gw_stream_fail(session->stream, &(struct gw_failure){.status = 408,
                                                       .side = GW_FAILURE_CLIENT,
                                                       .detail = GW_STR("request_header_timeout"),
                                                       .message = GW_STR("the request's head did not arrive in time")});
}

static void on_writable(void *arg) {
  gw_h1_session_flush_soon(arg);
}

/* Whatever the connection has become, there is no telling its ends that they should part: the client will come back to another node. */
static bool drain(void *arg) {
  struct gw_h1_session *session = arg;
  if (session->phase != GW_H1_TUNNEL) return false;
  session->stream->detail = GW_STR("tunnel_drained");
  gw_downstream_connection_free(session->connection);
  return true;
}

const struct gw_downstream_protocol gw_h1_protocol = {
    .on_input = gw_h1_session_on_input,
    .on_writable = on_writable,
    .on_client_gone = on_client_gone,
    .deadline_ms = deadline_ms,
    .on_deadline = on_deadline,
    .drain = drain,
    .free = gw_h1_session_free,
};
