#include "dataplane/upstream/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/net/socket.h"

/* Who brings more than this in one read is read at leisure next time, so that answers of a few bytes don't wait for it. */
#define BULK_BYTES 4096u

static void on_free(void *arg) {
  struct gw_upstream_connection *connection = arg;
  close(connection->transport.fd);
  free(connection);
}

/* Attempts are told, and it goes. */
static void break_connection(struct gw_upstream_connection *connection, struct gw_upstream_break why) {
  struct gw_upstream_pool *pool = connection->pool;
  if (connection->transport.tls != NULL && why.tls_failure.len == 0) why.tls_failure = gw_tls_failure(connection->transport.tls);
  if (!connection->is_connected && !why.is_misjudged) pool->options.counts->connect_failures_total++;
  if (connection->speech != NULL) {
    connection->speech->on_broken(connection, &why);
  } else {
    gw_attempt_fail_waiting(pool, &why);
  }
  if (!gw_upstream_connection_is_freed(connection)) gw_upstream_connection_free(connection);
}

/* What ALPN agreed on is what the endpoint speaks from now on. */
static void agree(struct gw_upstream_connection *connection) {
  struct gw_upstream_pool *pool = connection->pool;
  bool is_h2 = gw_str_equal(gw_tls_alpn(connection->transport.tls), GW_STR("h2"));
  pool->options.protocol = is_h2 ? GW_UPSTREAM_HTTP2 : GW_UPSTREAM_HTTP1;
  connection->speech = is_h2 ? &gw_upstream_h2 : &gw_upstream_h1;
  connection->speech->init(connection);
  if (gw_list_is_empty(&pool->waiting)) {
    gw_upstream_pool_put(pool, connection); /* who wanted it has given up */
  } else {
    gw_attempt_begin_waiting(pool, connection);
  }
}

static void set_connected(struct gw_upstream_connection *connection) {
  connection->is_connected = true;
  gw_timer_stop(&connection->connect_timer);
  if (connection->speech == NULL) {
    agree(connection);
  } else {
    connection->speech->on_connected(connection);
  }
}

/* HTTP/2 over TLS is agreed on by ALPN, or not spoken (RFC 9113 section 3.2). */
static bool speaks_otherwise(const struct gw_upstream_connection *connection) {
  const struct gw_tls *tls = connection->transport.tls;
  if (tls == NULL || connection->speech == NULL) return false;
  return gw_str_equal(gw_tls_alpn(tls), GW_STR("h2")) != (connection->speech == &gw_upstream_h2);
}

/* A service that was replaced by one that speaks otherwise is learnt anew. */
static void break_for_speech(struct gw_upstream_connection *connection) {
  struct gw_upstream_pool *pool = connection->pool;
  if (pool->is_auto) {
    pool->options.protocol = GW_UPSTREAM_AUTO;
    break_connection(connection, (struct gw_upstream_break){.is_misjudged = true});
  } else {
    break_connection(connection, (struct gw_upstream_break){.tls_failure = GW_STR("the service does not speak h2")});
  }
}

static void after_progress(struct gw_upstream_connection *connection) {
  if (connection->is_connected || !connection->is_tcp_connected || !gw_transport_is_ready(&connection->transport)) return;
  if (speaks_otherwise(connection)) {
    break_for_speech(connection);
    return;
  }
  set_connected(connection);
  if (!gw_upstream_connection_is_freed(connection)) gw_upstream_connection_flush_soon(connection);
}

static void drop_output(struct gw_upstream_connection *connection) {
  connection->is_write_broken = true;
  gw_out_queue_done(&connection->out);
  gw_out_queue_init(&connection->out);
}

static void flush(struct gw_upstream_connection *connection) {
  size_t sent = 0;
  enum gw_err err = gw_transport_flush(&connection->transport, connection->pool->options.loop, &connection->out, &sent);
  if (err == GW_ERR_INVALID || (err != GW_OK && err != GW_ERR_AGAIN && !connection->is_connected)) {
    break_connection(connection, (struct gw_upstream_break){.error_number = errno});
    return;
  }
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    /* An answer may lie there already (413, say): reading tells both, it and the cause. */
    drop_output(connection);
  } else if (sent > 0) {
    connection->is_tcp_connected = true;
    after_progress(connection);
    if (gw_upstream_connection_is_freed(connection)) return;
  }
  if (connection->speech != NULL) connection->speech->on_flushed(connection, sent);
}

static void on_flush(void *arg) {
  struct gw_upstream_connection *connection = arg;
  flush(connection);
  if (gw_upstream_connection_is_freed(connection)) return;
  uint64_t timeout_ms = connection->pool->options.connect_timeout_ms;
  if (!connection->is_connected && !gw_timer_is_running(&connection->connect_timer) && timeout_ms != 0) {
    gw_timer_start(connection->pool->options.loop, &connection->connect_timer, timeout_ms);
  }
  gw_upstream_connection_update_interest(connection);
}

/* Most have their turn before the loop looks again, and are watched meanwhile: who is told the same again waits longer. */
static void wait_for_leisure(struct gw_upstream_connection *connection, unsigned ready) {
  connection->unwatched |= (uint8_t)(connection->waiting & ready);
  connection->waiting |= (uint8_t)ready;
  gw_loop_at_leisure(connection->pool->options.loop, &connection->leisure_task);
  if (connection->unwatched != 0) gw_upstream_connection_update_interest(connection);
}

static void on_readable(struct gw_upstream_connection *connection) {
  struct gw_loop *loop = connection->pool->options.loop;
  char *scratch = gw_loop_scratch(loop);
  size_t got = 0;
  enum gw_err err = gw_transport_read(&connection->transport, loop, scratch, GW_LOOP_SCRATCH_SIZE, &got);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    break_connection(connection, (struct gw_upstream_break){.error_number = err == GW_ERR_CLOSED ? 0 : errno});
    return;
  }
  connection->is_bulky = got > BULK_BYTES;
  if (connection->is_bulky) wait_for_leisure(connection, GW_IO_READ); /* again, without a look whether there is more */
  after_progress(connection);
  if (err == GW_OK && !gw_upstream_connection_is_freed(connection) && connection->speech != NULL) {
    connection->speech->on_input(connection, (struct gw_str){scratch, got});
  }
}

/* false: it is broken. */
static bool take_connect(struct gw_upstream_connection *connection) {
  if (connection->is_tcp_connected) return true;
  int error_number = gw_socket_take_error(connection->transport.fd);
  if (error_number != 0) {
    break_connection(connection, (struct gw_upstream_break){.error_number = error_number});
    return false;
  }
  connection->is_tcp_connected = true;
  after_progress(connection);
  return !gw_upstream_connection_is_freed(connection);
}

static void on_leisure(void *arg) {
  struct gw_upstream_connection *connection = arg;
  unsigned ready = connection->waiting;
  bool was_unwatched = connection->unwatched != 0;
  connection->waiting = connection->unwatched = 0;
  if (!take_connect(connection)) return;
  if (was_unwatched) gw_upstream_connection_update_interest(connection);
  if ((ready & GW_IO_WRITE) != 0) gw_upstream_connection_flush_soon(connection);
  if ((ready & GW_IO_READ) != 0) on_readable(connection);
}

/* A connection that is new was wanted by more than there were: it waits as those do that bring much or are slow to take it. */
static void on_io(void *arg, unsigned ready) {
  struct gw_upstream_connection *connection = arg;
  gw_prefetch(connection, offsetof(struct gw_upstream_connection, out.pieces));
  bool is_patient = connection->is_bulky || connection->can_wait || !connection->is_tcp_connected;
  unsigned patient = is_patient ? ready : ready & GW_IO_WRITE;
  if (patient != 0) wait_for_leisure(connection, patient);
  if ((ready & ~patient & GW_IO_READ) != 0) on_readable(connection);
}

static void on_connect_timer(struct gw_timer *timer) {
  struct gw_upstream_connection *connection = GW_CONTAINER_OF(timer, struct gw_upstream_connection, connect_timer);
  break_connection(connection, (struct gw_upstream_break){.is_timeout = true});
}

enum gw_err gw_upstream_connection_new(struct gw_upstream_pool *pool, const struct gw_upstream_speech *speech,
                                       struct gw_upstream_connection **ret_connection) {
  const struct gw_upstream_pool_options *options = &pool->options;
  int fd;
  enum gw_err err = gw_socket_connect(&options->address, &fd);
  if (err != GW_OK) return err;
  struct gw_upstream_connection *connection = gw_calloc(1, sizeof(*connection));
  connection->pool = pool;
  connection->speech = speech;
  connection->is_counted = pool->is_limited;
  if (options->tls != NULL) {
    gw_transport_init_client(&connection->transport, fd, options->loop, options->tls, options->sni, &pool->tls_session);
  } else {
    gw_transport_init(&connection->transport, fd);
  }
  gw_task_init(&connection->flush_task, on_flush, connection);
  gw_task_init(&connection->leisure_task, on_leisure, connection);
  connection->is_bulky = true;
  gw_task_init(&connection->free_task, on_free, connection);
  gw_timer_init(&connection->connect_timer, on_connect_timer);
  gw_out_queue_init(&connection->out);
  connection->io = gw_io_new(options->loop, fd, on_io, connection);
  gw_io_set(connection->io, GW_IO_READ);
  pool->connection_count++;
  options->counts->connections_active++;
  options->counts->connections_total++;
  if (speech != NULL) speech->init(connection);
  gw_upstream_connection_flush_soon(connection);
  *ret_connection = connection;
  return GW_OK;
}

void gw_upstream_connection_free(struct gw_upstream_connection *connection) {
  struct gw_upstream_pool *pool = connection->pool;
  if (connection->is_idle) pool->idle_count--;
  gw_list_remove(&connection->node);
  gw_timer_stop(&connection->connect_timer);
  gw_task_cancel(&connection->flush_task);
  gw_task_cancel(&connection->leisure_task);
  if (connection->speech != NULL) connection->speech->done(connection);
  gw_io_free(connection->io);
  connection->io = NULL;
  gw_transport_done(&connection->transport);
  gw_out_queue_done(&connection->out);
  /* Closing takes the kernel a while, and those of a client's many streams come all at once. */
  gw_loop_at_leisure(pool->options.loop, &connection->free_task);
  pool->connection_count--;
  pool->options.counts->connections_active--;
  if (connection->is_counted) gw_upstream_usage_give(pool->options.usage, GW_CONCURRENCY_CONNECTIONS);
  gw_upstream_pool_serve_soon(pool);
  gw_upstream_pool_release(pool);
}

void gw_upstream_connection_flush_soon(struct gw_upstream_connection *connection) {
  if (!gw_list_is_linked(&connection->flush_task.node)) gw_loop_after_callback(connection->pool->options.loop, &connection->flush_task);
}

void gw_upstream_connection_flush_at_turn_end(struct gw_upstream_connection *connection) {
  gw_loop_at_turn_end(connection->pool->options.loop, &connection->flush_task);
}

void gw_upstream_connection_update_interest(struct gw_upstream_connection *connection) {
  unsigned interest = 0;
  if (connection->speech == NULL || connection->speech->wants_input(connection)) interest |= GW_IO_READ;
  if (!connection->is_write_broken) interest |= gw_transport_interest(&connection->transport, &connection->out);
  if (!connection->is_tcp_connected) interest |= GW_IO_WRITE;
  connection->waiting &= (uint8_t)interest;
  if (connection->waiting == 0) gw_task_cancel(&connection->leisure_task);
  connection->unwatched &= connection->waiting;
  interest &= ~(unsigned)connection->unwatched;
  gw_io_set(connection->io, interest);
}
