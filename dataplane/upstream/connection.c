#include "dataplane/upstream/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/net/socket.h"

static void on_free(void *arg) {
  free(arg);
}

static void report_broken(struct gw_upstream_connection *connection, int error_number) {
  if (connection->attempt != NULL) {
    gw_attempt_on_broken(connection->attempt, error_number);
  } else {
    gw_upstream_connection_free(connection);
  }
}

static void set_connected(struct gw_upstream_connection *connection) {
  connection->is_connected = true;
  gw_timer_stop(&connection->connect_timer);
  if (connection->attempt != NULL) gw_attempt_on_connected(connection->attempt);
}

static void flush(struct gw_upstream_connection *connection) {
  size_t sent = 0;
  enum gw_err err = gw_out_queue_flush(&connection->out, connection->fd, &sent);
  if (err != GW_OK && err != GW_ERR_AGAIN && !connection->is_connected) {
    report_broken(connection, errno);
    return;
  }
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    /* An answer may lie there already (413, say): reading tells both, it and the cause. */
    connection->is_write_broken = true;
    gw_out_queue_done(&connection->out);
    gw_out_queue_init(&connection->out);
  } else if (!connection->is_connected && sent > 0) {
    set_connected(connection);
  }
  if (connection->attempt != NULL) gw_attempt_on_sent(connection->attempt, sent);
}

static void on_flush(void *arg) {
  struct gw_upstream_connection *connection = arg;
  flush(connection);
  if (connection->fd < 0) return;
  if (!connection->is_connected && !gw_timer_is_running(&connection->connect_timer) && connection->pool->connect_timeout_ms != 0) {
    gw_timer_start(connection->pool->loop, &connection->connect_timer, connection->pool->connect_timeout_ms);
  }
  gw_upstream_connection_update_interest(connection);
}

static void on_readable(struct gw_upstream_connection *connection) {
  char *scratch = gw_loop_scratch(connection->pool->loop);
  ssize_t got = recv(connection->fd, scratch, GW_LOOP_SCRATCH_SIZE, 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) report_broken(connection, errno);
  } else if (got == 0) {
    report_broken(connection, 0);
  } else if (connection->attempt == NULL) {
    /* An answer that nobody asked for. */
    gw_upstream_connection_free(connection);
  } else {
    gw_attempt_on_input(connection->attempt, (struct gw_str){scratch, (size_t)got});
  }
}

static void on_io(void *arg, unsigned ready) {
  struct gw_upstream_connection *connection = arg;
  if (!connection->is_connected) {
    int error_number = gw_socket_take_error(connection->fd);
    if (error_number != 0) {
      report_broken(connection, error_number);
      return;
    }
    set_connected(connection);
    if (connection->fd < 0) return;
  }
  if ((ready & GW_IO_WRITE) != 0) gw_upstream_connection_flush_soon(connection);
  if ((ready & GW_IO_READ) != 0) on_readable(connection);
}

static void on_connect_timer(struct gw_timer *timer) {
  struct gw_upstream_connection *connection = GW_CONTAINER_OF(timer, struct gw_upstream_connection, connect_timer);
  if (connection->attempt != NULL) {
    gw_attempt_on_connect_timeout(connection->attempt);
  } else {
    gw_upstream_connection_free(connection);
  }
}

enum gw_err gw_upstream_connection_new(struct gw_upstream_pool *pool, struct gw_upstream_connection **ret_connection) {
  int fd;
  enum gw_err err = gw_socket_connect(&pool->address, &fd);
  if (err != GW_OK) return err;
  struct gw_upstream_connection *connection = gw_calloc(1, sizeof(*connection));
  connection->pool = pool;
  connection->fd = fd;
  gw_task_init(&connection->flush_task, on_flush, connection);
  gw_task_init(&connection->free_task, on_free, connection);
  gw_timer_init(&connection->connect_timer, on_connect_timer);
  gw_out_queue_init(&connection->out);
  connection->io = gw_io_new(pool->loop, fd, on_io, connection);
  gw_io_set(connection->io, GW_IO_READ);
  pool->connection_count++;
  pool->counts->connections_active++;
  pool->counts->connections_total++;
  *ret_connection = connection;
  return GW_OK;
}

void gw_upstream_connection_free(struct gw_upstream_connection *connection) {
  struct gw_upstream_pool *pool = connection->pool;
  if (gw_list_is_linked(&connection->node)) {
    gw_list_remove(&connection->node);
    pool->idle_count--;
  }
  gw_timer_stop(&connection->connect_timer);
  gw_task_cancel(&connection->flush_task);
  gw_io_free(connection->io);
  close(connection->fd);
  connection->fd = -1;
  gw_out_queue_done(&connection->out);
  free(connection->head);
  connection->head = NULL;
  gw_loop_at_turn_end(pool->loop, &connection->free_task);
  pool->connection_count--;
  pool->counts->connections_active--;
  if (pool->is_retired && pool->connection_count == 0) free(pool);
}

void gw_upstream_connection_flush_soon(struct gw_upstream_connection *connection) {
  gw_loop_after_callback(connection->pool->loop, &connection->flush_task);
}

void gw_upstream_connection_update_interest(struct gw_upstream_connection *connection) {
  unsigned interest = 0;
  if (connection->attempt == NULL || gw_attempt_wants_input(connection->attempt)) interest |= GW_IO_READ;
  if (!connection->is_write_broken && (!connection->is_connected || connection->out.len > 0)) interest |= GW_IO_WRITE;
  gw_io_set(connection->io, interest);
}
