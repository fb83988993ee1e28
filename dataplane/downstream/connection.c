#include "dataplane/downstream/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "dataplane/downstream/h1_session.h"
#include "dataplane/downstream/h2_session.h"

/* When the process has too much in hand, those go first who don't take what they asked for. */
#define OVERLOAD_SEND_TIMEOUT_MS 1000u

/* What ALPN agreed on, or the listener says; without either HTTP/1, whose session knows HTTP/2's preface when it sees it. */
static bool begins_with_h2(const struct gw_downstream_connection *connection) {
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(connection);
  if (http->codec == GW_CODEC_HTTP2) return true;
  return gw_downstream_connection_is_tls(connection) && gw_str_equal(gw_tls_alpn(connection->transport.tls), GW_STR("h2"));
}

static void start_session(struct gw_downstream_connection *connection) {
  if (begins_with_h2(connection)) {
    gw_downstream_connection_set_session(connection, &gw_h2_protocol, gw_h2_session_new(connection));
  } else {
    gw_downstream_connection_set_session(connection, &gw_h1_protocol, gw_h1_session_new(connection));
  }
}

/* What waits for leisure is not asked of the loop: it is known. */
static void set_interest(struct gw_downstream_connection *connection, unsigned interest) {
  connection->interest = (uint8_t)interest;
  connection->waiting &= (uint8_t)interest;
  if (connection->waiting == 0) gw_list_remove(&connection->patient);
  gw_io_set(connection->io, interest & ~(unsigned)connection->waiting);
}

void gw_downstream_connection_drop(struct gw_downstream_connection *connection) {
  if (connection->session == NULL || connection->protocol->on_client_gone(connection->session)) {
    gw_downstream_connection_free(connection);
    return;
  }
  gw_timer_stop(&connection->timer);
  set_interest(connection, 0);
}

/* Who asks in a few bytes and takes what it gets is served first: handshakes, bodies, floods and who is slow have what time is left, one
 * read and one send each in turn. */
static void wait_for_leisure(struct gw_downstream_connection *connection, unsigned ready) {
  struct gw_downstream_listener *listener = connection->listener;
  connection->waiting |= (uint8_t)ready;
  if (!gw_list_is_linked(&connection->patient)) gw_list_add_last(&listener->patient, &connection->patient);
  gw_loop_at_leisure(listener->pipeline->loop, &listener->patient_task);
  set_interest(connection, connection->interest);
}

static bool must_wait(const struct gw_downstream_connection *connection) {
  return connection->is_bulky || connection->is_busy || !gw_transport_is_ready(&connection->transport);
}

/* Before there is a session only TLS itself has something to say. */
static void shake_hands(struct gw_downstream_connection *connection) {
  struct gw_out_queue nothing;
  gw_out_queue_init(&nothing);
  enum gw_err err = gw_transport_flush(&connection->transport, gw_downstream_connection_loop(connection), &nothing, NULL);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    gw_downstream_connection_drop(connection);
    return;
  }
  gw_downstream_connection_watch(connection, true, &nothing);
}

static void on_tls_failure(struct gw_downstream_connection *connection) {
  struct gw_pipeline *pipeline = connection->listener->pipeline;
  pipeline->stats->tls_failures_total++;
  gw_pipeline_log_client(pipeline, &connection->peer, "TLS failed", gw_tls_failure(connection->transport.tls));
  gw_downstream_connection_drop(connection);
}

static void on_readable(struct gw_downstream_connection *connection) {
  struct gw_pipeline *pipeline = connection->listener->pipeline;
  char *scratch = gw_loop_scratch(pipeline->loop);
  size_t got = 0;
  bool was_ready = gw_transport_is_ready(&connection->transport);
  bool had_to_wait = must_wait(connection);
  size_t cap = had_to_wait || connection->transport.tls != NULL ? GW_LOOP_SCRATCH_SIZE : GW_DOWNSTREAM_LIGHT_READ_BYTES;
  if (connection->is_busy && connection->transport.tls == NULL) cap = GW_DOWNSTREAM_BUSY_READ_BYTES;
  enum gw_err err = gw_transport_read(&connection->transport, pipeline->loop, scratch, cap, &got);
  if (err == GW_ERR_INVALID) {
    on_tls_failure(connection);
    return;
  }
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    gw_downstream_connection_drop(connection);
    return;
  }
  connection->is_bulky = got > GW_DOWNSTREAM_BULK_BYTES;
  if (connection->is_bulky) {
    wait_for_leisure(connection, GW_IO_READ); /* again, without a look whether there is more */
  } else if (had_to_wait) {
    set_interest(connection, connection->interest);
  }
  bool is_ready = gw_transport_is_ready(&connection->transport);
  if (!was_ready && is_ready) pipeline->stats->tls_handshakes_total++;
  /* HTTP/2 has something to say first. */
  if (connection->session == NULL && is_ready && (err == GW_OK || begins_with_h2(connection))) start_session(connection);
  if (err == GW_ERR_AGAIN) {
    if (!was_ready && connection->session == NULL) shake_hands(connection);
    return;
  }
  pipeline->stats->bytes_received += got;
  connection->protocol->on_input(connection->session, (struct gw_str){scratch, got});
}

void gw_downstream_connection_serve_patient(void *arg) {
  struct gw_downstream_listener *listener = arg;
  if (gw_list_is_empty(&listener->patient)) return;
  struct gw_downstream_connection *connection = GW_LIST_ITEM(listener->patient.next, struct gw_downstream_connection, patient);
  unsigned ready = connection->waiting;
  gw_list_remove(&connection->patient);
  connection->waiting = 0;
  if (!gw_list_is_empty(&listener->patient)) gw_loop_at_leisure(listener->pipeline->loop, &listener->patient_task);
  if ((ready & GW_IO_WRITE) != 0 && connection->session != NULL) connection->protocol->on_writable(connection->session);
  if ((ready & GW_IO_READ) != 0) {
    on_readable(connection);
  } else if (connection->session == NULL) {
    shake_hands(connection);
  }
}

static void on_io(void *arg, unsigned ready) {
  struct gw_downstream_connection *connection = arg;
  /* A socket takes bytes again that was full before. */
  unsigned patient = must_wait(connection) ? ready : ready & GW_IO_WRITE;
  if (patient != 0) wait_for_leisure(connection, patient);
  if ((ready & ~patient & GW_IO_READ) != 0) on_readable(connection);
}

static uint64_t deadline_ms(const struct gw_downstream_connection *connection) {
  if (connection->session != NULL) return connection->protocol->deadline_ms(connection->session);
  const struct gw_http_connection_manager *http = gw_downstream_connection_http(connection);
  bool is_shaking_hands = !gw_transport_is_ready(&connection->transport) && http->request_headers_timeout_ms != 0;
  uint64_t wait_ms = is_shaking_hands ? http->request_headers_timeout_ms : http->idle_timeout_ms;
  return wait_ms == 0 ? 0 : connection->since_ms + wait_ms;
}

static void arm_timer(struct gw_downstream_connection *connection, uint64_t now_ms) {
  uint64_t at_ms = deadline_ms(connection);
  if (at_ms == 0 || (gw_timer_is_running(&connection->timer) && connection->timer.expires_ms <= at_ms)) return;
  gw_timer_start(gw_downstream_connection_loop(connection), &connection->timer, at_ms > now_ms ? at_ms - now_ms : 0);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_downstream_connection *connection = GW_CONTAINER_OF(timer, struct gw_downstream_connection, timer);
  uint64_t now_ms = gw_loop_now_ms(gw_downstream_connection_loop(connection));
  uint64_t at_ms = deadline_ms(connection);
  if (at_ms == 0 || now_ms < at_ms) {
    arm_timer(connection, now_ms);
  } else if (connection->session != NULL) {
    connection->protocol->on_deadline(connection->session);
  } else {
    bool is_ready = gw_transport_is_ready(&connection->transport);
    connection->listener->pipeline->stats->limits[is_ready ? GW_LIMIT_CONNECTION_IDLE : GW_LIMIT_HANDSHAKE_TIMEOUT]++;
    gw_downstream_connection_free(connection);
  }
}

uint64_t gw_downstream_connection_send_timeout_ms(const struct gw_downstream_connection *connection) {
  uint64_t timeout_ms = connection->listener->settings->http->limits->send_timeout_ms;
  if (timeout_ms == 0) timeout_ms = gw_downstream_connection_http(connection)->stream_idle_timeout_ms;
  bool is_pressed = gw_pipeline_overload(connection->listener->pipeline) != GW_OVERLOAD_NONE;
  return is_pressed && timeout_ms > OVERLOAD_SEND_TIMEOUT_MS ? OVERLOAD_SEND_TIMEOUT_MS : timeout_ms;
}

void gw_downstream_connection_update_timer(struct gw_downstream_connection *connection) {
  arm_timer(connection, gw_loop_now_ms(gw_downstream_connection_loop(connection)));
}

void gw_downstream_connection_start_wait(struct gw_downstream_connection *connection) {
  connection->since_ms = gw_loop_now_ms(gw_downstream_connection_loop(connection));
  arm_timer(connection, connection->since_ms);
}

void gw_downstream_connection_watch(struct gw_downstream_connection *connection, bool wants_input, const struct gw_out_queue *out) {
  set_interest(connection, (wants_input ? GW_IO_READ : 0) | gw_transport_interest(&connection->transport, out));
}

void gw_downstream_connection_watch_idle(struct gw_downstream_connection *connection) {
  set_interest(connection, GW_IO_READ);
}

enum gw_err gw_downstream_connection_flush(struct gw_downstream_connection *connection, struct gw_out_queue *out, size_t *ret_sent) {
  enum gw_err err = gw_transport_flush(&connection->transport, gw_downstream_connection_loop(connection), out, ret_sent);
  connection->listener->pipeline->stats->bytes_sent += *ret_sent;
  return err;
}

void gw_downstream_connection_set_session(struct gw_downstream_connection *connection, const struct gw_downstream_protocol *protocol,
                                          void *session) {
  connection->protocol = protocol;
  connection->session = session;
}

bool gw_downstream_connection_is_last_request(struct gw_downstream_connection *connection) {
  const struct gw_downstream_listener *listener = connection->listener;
  uint32_t max = gw_downstream_connection_http(connection)->max_requests_per_connection;
  bool is_last = ++connection->request_count >= max && max != 0;
  if (is_last && connection->request_count == max) listener->pipeline->stats->limits[GW_LIMIT_REQUESTS]++;
  return is_last || listener->is_closing || listener->pipeline->is_draining;
}

struct gw_downstream_connection *gw_downstream_connection_new(struct gw_downstream_listener *listener, int fd,
                                                              const struct gw_address *peer, bool is_counted) {
  struct gw_downstream_connection *connection = gw_calloc(1, sizeof(*connection));
  struct gw_stats *stats = listener->pipeline->stats;
  struct gw_tls_context *tls = listener->settings->http->tls;
  connection->listener = listener;
  connection->peer = *peer;
  connection->is_counted = is_counted;
  if (tls != NULL) {
    gw_transport_init_server(&connection->transport, fd, listener->pipeline->loop, tls);
  } else {
    gw_transport_init(&connection->transport, fd);
  }
  connection->io = gw_io_new(listener->pipeline->loop, fd, on_io, connection);
  set_interest(connection, GW_IO_READ);
  gw_list_add_last(&listener->connections, &connection->node);
  listener->connection_count++;
  stats->connections_total++;
  stats->connections_active++;
  gw_timer_init(&connection->timer, on_timer);
  gw_downstream_connection_start_wait(connection);
  return connection;
}

void gw_downstream_connection_free(struct gw_downstream_connection *connection) {
  int fd = connection->transport.fd;
  if (connection->session != NULL) connection->protocol->free(connection->session);
  gw_timer_stop(&connection->timer);
  gw_list_remove(&connection->node);
  gw_list_remove(&connection->patient);
  struct gw_downstream_listener *listener = connection->listener;
  if (--listener->connection_count == 0 && listener->is_closing) gw_loop_at_turn_end(listener->pipeline->loop, &listener->empty_task);
  listener->pipeline->stats->connections_active--;
  if (connection->is_counted) gw_client_table_leave(listener->pipeline->options.clients, &connection->peer);
  gw_io_free(connection->io);
  gw_transport_done(&connection->transport);
  close(fd);
  free(connection);
}
