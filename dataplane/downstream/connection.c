#include "dataplane/downstream/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "dataplane/downstream/h1_session.h"

static void on_gone(struct gw_downstream_connection *connection) {
  if (connection->session != NULL && connection->session->stream != NULL) gw_stream_on_client_gone(connection->session->stream);
  gw_downstream_connection_free(connection);
}

static void on_readable(struct gw_downstream_connection *connection) {
  struct gw_pipeline *pipeline = connection->listener->pipeline;
  char *scratch = gw_loop_scratch(pipeline->loop);
  ssize_t got = recv(connection->fd, scratch, GW_LOOP_SCRATCH_SIZE, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    on_gone(connection);
    return;
  }
  pipeline->stats->bytes_received += (uint64_t)got;
  if (connection->session == NULL) connection->session = gw_h1_session_new(connection);
  gw_h1_session_on_input(connection->session, (struct gw_str){scratch, (size_t)got});
}

static void on_io(void *arg, unsigned ready) {
  struct gw_downstream_connection *connection = arg;
  if ((ready & GW_IO_WRITE) != 0 && connection->session != NULL) gw_h1_session_flush_soon(connection->session);
  if ((ready & GW_IO_READ) != 0) on_readable(connection);
}

static uint64_t deadline_ms(const struct gw_downstream_connection *connection) {
  if (connection->session != NULL) return gw_h1_session_deadline_ms(connection->session);
  uint64_t idle_ms = connection->listener->settings->http->model->http.idle_timeout_ms;
  return idle_ms == 0 ? 0 : connection->since_ms + idle_ms;
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
    gw_h1_session_on_deadline(connection->session);
  } else {
    gw_downstream_connection_free(connection);
  }
}

void gw_downstream_connection_start_wait(struct gw_downstream_connection *connection) {
  connection->since_ms = gw_loop_now_ms(gw_downstream_connection_loop(connection));
  arm_timer(connection, connection->since_ms);
}

struct gw_downstream_connection *gw_downstream_connection_new(struct gw_downstream_listener *listener, int fd,
                                                              const struct gw_address *peer) {
  struct gw_downstream_connection *connection = gw_calloc(1, sizeof(*connection));
  struct gw_stats *stats = listener->pipeline->stats;
  connection->listener = listener;
  connection->fd = fd;
  connection->peer = *peer;
  connection->io = gw_io_new(listener->pipeline->loop, fd, on_io, connection);
  gw_io_set(connection->io, GW_IO_READ);
  gw_list_add_last(&listener->connections, &connection->node);
  listener->connection_count++;
  stats->connections_total++;
  stats->connections_active++;
  gw_timer_init(&connection->timer, on_timer);
  gw_downstream_connection_start_wait(connection);
  return connection;
}

void gw_downstream_connection_free(struct gw_downstream_connection *connection) {
  gw_h1_session_free(connection->session);
  gw_timer_stop(&connection->timer);
  gw_list_remove(&connection->node);
  struct gw_downstream_listener *listener = connection->listener;
  if (--listener->connection_count == 0 && listener->is_closing) gw_loop_at_turn_end(listener->pipeline->loop, &listener->empty_task);
  listener->pipeline->stats->connections_active--;
  gw_io_free(connection->io);
  close(connection->fd);
  free(connection);
}
