#include "dataplane/upstream/attempt.h"

#include <errno.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/upstream/connection.h"

/* ---- how attempts fail ---- */

/* A connection that was closed while idle takes the next request down unread. The request may go again when the server can't have acted
 * on it: it is idempotent, or what left was not yet a whole request. Whether there is still something to send is the owner's affair. */
static bool may_retry(const struct gw_attempt *attempt, bool is_unseen) {
  if (attempt->received_bytes > 0) return false;
  if (is_unseen) return true;
  return attempt->is_reused && (gw_method_is_idempotent(attempt->head->method) || !attempt->has_request_ended || attempt->sent_bytes == 0);
}

static void count_end(struct gw_attempt *attempt) {
  struct gw_upstream_pool *pool = attempt->pool;
  pool->options.counts->requests_active--;
  if (attempt->slots != 0) {
    gw_attempt_give_slot(attempt, GW_CONCURRENCY_PENDING);
    gw_attempt_give_slot(attempt, GW_CONCURRENCY_REQUESTS);
  }
  pool->active_count--;
  gw_upstream_pool_release(pool);
}

/* Of a pool that its owner has freed the sums are the cluster's. */
static void count_answer(const struct gw_attempt *attempt, uint32_t class) {
  struct gw_upstream_pool *pool = attempt->pool;
  (pool->is_retired ? pool->options.counts->departed_answers : pool->answers)[class]++;
}

static void count_failure(const struct gw_attempt *attempt, const struct gw_failure *failure) {
  if (!attempt->is_head_done && failure->side == GW_FAILURE_UPSTREAM) count_answer(attempt, 0);
}

void gw_attempt_give_head(struct gw_attempt *attempt) {
  struct gw_upstream_pool *pool = attempt->pool;
  uint32_t class = attempt->response.status / 100;
  count_answer(attempt, class < GW_ANSWER_CLASSES ? class : 0);
  attempt->answered_us = gw_loop_now_us(pool->options.loop);
  gw_histogram_add(&pool->options.counts->response_times, attempt->answered_us - attempt->started_us);
  attempt->calls->on_head(attempt->arg);
}

void gw_attempt_fail(struct gw_attempt *attempt, const struct gw_failure *failure) {
  count_failure(attempt, failure);
  gw_list_remove(&attempt->waiting);
  attempt->queue = NULL;
  attempt->connection = NULL;
  count_end(attempt);
  attempt->calls->on_failure(attempt->arg, failure);
}

/* "connection_termination", and for a reused connection how long it had been idle: tells a keep-alive race from a crash. */
static struct gw_str reset_detail(const struct gw_attempt *attempt, const char *reason) {
  const char *phase = attempt->is_head_done ? "after" : "before";
  if (!attempt->is_reused) {
    return gw_str_from(gw_arena_printf(attempt->arena, "upstream_reset_%s_response_started{%s}", phase, reason));
  }
  return gw_str_from(gw_arena_printf(attempt->arena, "upstream_reset_%s_response_started{%s,reused,idle_ms=%llu}", phase, reason,
                                     (unsigned long long)attempt->idle_age_ms));
}

void gw_attempt_fail_reset(struct gw_attempt *attempt, const char *reason, bool is_unseen) {
  struct gw_failure failure = {.status = 502,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_TERMINATION,
                               .retry_ok = may_retry(attempt, is_unseen),
                               .detail = reset_detail(attempt, reason),
                               .message = GW_STR("the service closed the connection before it had answered")};
  gw_attempt_fail(attempt, &failure);
}

void gw_attempt_fail_stream(struct gw_attempt *attempt, uint32_t error) {
  bool is_unseen = error == GW_H2_REFUSED_STREAM;
  const char *reason = is_unseen ? "remote_refused_stream_reset" : gw_arena_printf(attempt->arena, "remote_reset,http2_error_%u", error);
  struct gw_failure failure = {.status = 502,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_REMOTE_RESET,
                               .retry_ok = is_unseen, /* any other is no dead connection, but an answer of sorts */
                               .detail = reset_detail(attempt, reason),
                               .message = GW_STR("the service broke the request off before it had answered")};
  gw_attempt_fail(attempt, &failure);
}

void gw_attempt_fail_goaway(struct gw_attempt *attempt) {
  gw_attempt_fail_reset(attempt, "remote_goaway", true);
}

void gw_attempt_fail_protocol(struct gw_attempt *attempt, const char *reason) {
  struct gw_failure failure = {.status = 502,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_PROTOCOL_ERROR,
                               .detail = reset_detail(attempt, gw_arena_printf(attempt->arena, "protocol_error,%s", reason)),
                               .message = GW_STR("the service's answer could not be understood")};
  gw_attempt_fail(attempt, &failure);
}

/* "connection refused" → "connection_refused": a machine word. */
static struct gw_str connect_detail(struct gw_arena *arena, const struct gw_upstream_break *why) {
  if (why->is_timeout) return GW_STR("upstream_reset_before_response_started{connection_timeout}");
  const char *kind = why->tls_failure.len > 0 ? "tls" : "remote_connection_failure";
  const char *reason = why->error_number == 0 ? "closed" : strerror(why->error_number);
  char *text = why->tls_failure.len > 0
                   ? gw_arena_printf(arena, "upstream_reset_before_response_started{%s,%.*s}", kind, GW_STR_ARG(why->tls_failure))
                   : gw_arena_printf(arena, "upstream_reset_before_response_started{%s,%s}", kind, reason);
  for (char *c = text; *c != '\0'; c++)
    if (*c == ' ') *c = '_';
  return gw_str_from(text);
}

static struct gw_failure connect_failure(struct gw_arena *arena, const struct gw_upstream_break *why) {
  return (struct gw_failure){.status = 503,
                             .side = GW_FAILURE_UPSTREAM,
                             .flag = GW_FLAG_UPSTREAM_CONNECT_FAILURE,
                             .retry_ok = true,
                             .detail = connect_detail(arena, why),
                             .message = GW_STR("the service could not be connected to")};
}

void gw_attempt_fail_connect(struct gw_attempt *attempt, const struct gw_upstream_break *why) {
  if (why->is_misjudged) {
    gw_attempt_fail_reset(attempt, "protocol_changed", true);
    return;
  }
  struct gw_failure failure = connect_failure(attempt->arena, why);
  gw_attempt_fail(attempt, &failure);
}

void gw_attempt_fail_waiting(struct gw_upstream_pool *pool, const struct gw_upstream_break *why) {
  while (!gw_list_is_empty(&pool->waiting))
    gw_attempt_fail_connect(GW_LIST_ITEM(pool->waiting.next, struct gw_attempt, waiting), why);
}

static struct gw_failure overflow_failure(const struct gw_attempt *attempt) {
  return (struct gw_failure){
      .status = 503,
      .side = GW_FAILURE_GATEWAY,
      .flag = GW_FLAG_UPSTREAM_OVERFLOW,
      .detail = gw_str_from(
          gw_arena_printf(attempt->arena, "upstream_reset_before_response_started{overflow,%s}", gw_concurrency_name(attempt->overflow))),
      .message = GW_STR("the service has too much to do"),
  };
}

void gw_attempt_finish(struct gw_attempt *attempt) {
  attempt->connection = NULL;
  count_end(attempt);
  attempt->calls->on_end(attempt->arg);
}

/* ---- how they begin ---- */

static struct gw_upstream_connection *find_shared(const struct gw_upstream_pool *pool) {
  GW_LIST_FOR_EACH(node, &pool->shared) {
    struct gw_upstream_connection *connection = GW_LIST_ITEM(node, struct gw_upstream_connection, node);
    if (gw_h2_codec_may_request(connection->h2.codec)) return connection;
  }
  return NULL;
}

/* Stream ids can be used up, or the server's limit can have become 0. */
static bool may_begin_on(const struct gw_upstream_connection *connection) {
  return connection->speech != &gw_upstream_h2 || gw_h2_codec_may_request(connection->h2.codec);
}

/* One that is there, or NULL. */
static struct gw_upstream_connection *find_connection(struct gw_upstream_pool *pool) {
  struct gw_upstream_connection *connection = find_shared(pool);
  if (connection != NULL) return connection;
  while ((connection = gw_upstream_pool_take(pool)) != NULL && !may_begin_on(connection))
    gw_upstream_connection_free(connection);
  return connection;
}

/* GW_ERR_LIMIT: attempt->overflow is reached. */
static enum gw_err refuse(struct gw_attempt *attempt, enum gw_concurrency limit) {
  attempt->overflow = limit;
  attempt->pool->options.counts->overflows_total[limit]++;
  return GW_ERR_LIMIT;
}

static enum gw_err begin_on(struct gw_attempt *attempt, struct gw_upstream_connection *connection) {
  attempt->connection = connection;
  return connection->speech->begin(attempt, connection, attempt->head);
}

static const struct gw_upstream_speech *known_speech(const struct gw_upstream_pool *pool) {
  switch (pool->options.protocol) {
  case GW_UPSTREAM_HTTP1: return &gw_upstream_h1;
  case GW_UPSTREAM_HTTP2: return &gw_upstream_h2;
  default: return NULL;
  }
}

/* GW_ERR_AGAIN: there may be no more connections. GW_ERR_IO with errno. */
static enum gw_err start_new(struct gw_attempt *attempt, struct gw_upstream_pool *pool) {
  const struct gw_upstream_speech *speech = known_speech(pool);
  bool is_awaited = speech == NULL && !gw_list_is_empty(&pool->waiting);
  if (!is_awaited && !gw_upstream_pool_take_connection(pool)) return GW_ERR_AGAIN;
  enum gw_err err = gw_attempt_take_slot(attempt, pool, GW_CONCURRENCY_PENDING) ? GW_OK : refuse(attempt, GW_CONCURRENCY_PENDING);
  if (is_awaited) {
    if (err == GW_OK) gw_list_add_last(&pool->waiting, &attempt->waiting);
    return err;
  }
  struct gw_upstream_connection *connection;
  if (err == GW_OK) err = gw_upstream_connection_new(pool, speech, &connection);
  if (err != GW_OK) {
    if (pool->is_limited) gw_upstream_usage_give(pool->options.usage, GW_CONCURRENCY_CONNECTIONS);
    return err;
  }
  if (speech != NULL || connection->speech != NULL) return begin_on(attempt, connection);
  gw_list_add_last(&pool->waiting, &attempt->waiting);
  return GW_OK;
}

static bool has_room(const struct gw_upstream_pool *pool) {
  return !gw_list_is_empty(&pool->idle) || find_shared(pool) != NULL || pool->connection_count == 0 ||
         gw_upstream_usage_get(pool->options.usage, GW_CONCURRENCY_CONNECTIONS) < pool->limits.max_connections;
}

/* GW_ERR_AGAIN: it needs a connection, and there may be no more. GW_ERR_LIMIT: it is one too many. GW_ERR_IO with errno. */
static enum gw_err start(struct gw_attempt *attempt, struct gw_upstream_pool *pool, bool is_new) {
  if (!gw_attempt_take_slot(attempt, pool, GW_CONCURRENCY_REQUESTS))
    return has_room(pool) ? refuse(attempt, GW_CONCURRENCY_REQUESTS) : GW_ERR_AGAIN;
  struct gw_upstream_connection *connection = is_new ? NULL : find_connection(pool);
  if (connection == NULL) {
    enum gw_err err = start_new(attempt, pool);
    if (err == GW_ERR_AGAIN) gw_attempt_give_slot(attempt, GW_CONCURRENCY_REQUESTS);
    return err;
  }
  if (!connection->is_connected && !gw_attempt_take_slot(attempt, pool, GW_CONCURRENCY_PENDING))
    return refuse(attempt, GW_CONCURRENCY_PENDING);
  attempt->is_reused = attempt->was_connected = connection->is_connected;
  if (connection->idle_since_ms != 0) attempt->idle_age_ms = gw_loop_now_ms(pool->options.loop) - connection->idle_since_ms;
  connection->idle_since_ms = 0;
  return begin_on(attempt, connection);
}

static enum gw_err enqueue(struct gw_attempt *attempt, struct gw_upstream_pool *pool) {
  attempt->pool->options.counts->overflows_total[GW_CONCURRENCY_CONNECTIONS]++;
  if (!gw_attempt_take_slot(attempt, pool, GW_CONCURRENCY_PENDING)) return refuse(attempt, GW_CONCURRENCY_PENDING);
  attempt->queue = pool;
  gw_list_add_last(&pool->queued, &attempt->waiting);
  if (!gw_timer_is_running(&pool->queue_timer)) gw_timer_start(pool->options.loop, &pool->queue_timer, GW_UPSTREAM_QUEUE_MS);
  return GW_OK;
}

/* What starting came to. */
static struct gw_failure start_failure(struct gw_attempt *attempt, enum gw_err err) {
  if (err == GW_ERR_LIMIT) return overflow_failure(attempt);
  struct gw_failure failure = connect_failure(attempt->arena, &(struct gw_upstream_break){.error_number = errno});
  attempt->pool->options.counts->connections_total++;
  attempt->pool->options.counts->connect_failures_total++;
  failure.retry_ok = attempt->body_bytes == 0;
  return failure;
}

bool gw_attempt_start(struct gw_attempt *attempt, struct gw_upstream_pool *pool, unsigned flags, const struct gw_request_head *head,
                      struct gw_arena *arena, const struct gw_attempt_calls *calls, void *arg, struct gw_failure *ret_failure) {
  memset(attempt, 0, offsetof(struct gw_attempt, response));
  attempt->calls = calls;
  attempt->arg = arg;
  attempt->arena = arena;
  attempt->pool = pool;
  attempt->head = head;
  attempt->can_wait = (flags & GW_ATTEMPT_CAN_WAIT) != 0;
  attempt->started_us = gw_loop_now_us(pool->options.loop);
  pool->options.counts->requests_active++;
  pool->active_count++;
  enum gw_err err = start(attempt, pool, (flags & GW_ATTEMPT_IS_NEW) != 0);
  if (err == GW_ERR_AGAIN) err = enqueue(attempt, pool);
  if (err == GW_OK) return true;
  *ret_failure = start_failure(attempt, err);
  count_failure(attempt, ret_failure);
  attempt->connection = NULL;
  count_end(attempt);
  return false;
}

void gw_attempt_on_connected(struct gw_attempt *attempt) {
  attempt->was_connected = true;
  if (attempt->slots != 0) gw_attempt_give_slot(attempt, GW_CONCURRENCY_PENDING);
  attempt->calls->on_connected(attempt->arg);
}

/* An attempt that has waited goes on, or waits for the connection that it is on, or for what is spoken there. */
static void catch_up(struct gw_attempt *attempt, enum gw_err err) {
  struct gw_upstream_connection *connection = attempt->connection;
  if (err != GW_OK) {
    struct gw_failure failure = start_failure(attempt, err);
    gw_attempt_fail(attempt, &failure);
  } else if (connection != NULL) {
    if (attempt->has_request_ended) connection->speech->send_end(attempt, attempt->request_trailers);
    if (connection->is_connected) gw_attempt_on_connected(attempt);
  }
}

void gw_attempt_begin_waiting(struct gw_upstream_pool *pool, struct gw_upstream_connection *connection) {
  struct gw_list waiting;
  gw_list_init(&waiting);
  while (!gw_list_is_empty(&pool->waiting)) {
    struct gw_list *node = pool->waiting.next;
    gw_list_remove(node);
    gw_list_add_last(&waiting, node);
  }
  while (!gw_list_is_empty(&waiting)) {
    struct gw_attempt *attempt = GW_LIST_ITEM(waiting.next, struct gw_attempt, waiting);
    gw_list_remove(&attempt->waiting);
    enum gw_err err = connection != NULL ? begin_on(attempt, connection) : start(attempt, pool, false);
    connection = NULL; /* the others find it, or make their own */
    if (err == GW_ERR_AGAIN) err = enqueue(attempt, pool);
    catch_up(attempt, err);
  }
}

void gw_attempt_serve_queue(struct gw_upstream_pool *pool) {
  while (!gw_list_is_empty(&pool->queued)) {
    struct gw_attempt *attempt = GW_LIST_ITEM(pool->queued.next, struct gw_attempt, waiting);
    gw_list_remove(&attempt->waiting);
    enum gw_err err = start(attempt, pool, false);
    if (err == GW_ERR_AGAIN) {
      gw_list_add_first(&pool->queued, &attempt->waiting);
      break;
    }
    attempt->queue = NULL;
    catch_up(attempt, err);
  }
  if (!gw_list_is_empty(&pool->queued)) gw_timer_start(pool->options.loop, &pool->queue_timer, GW_UPSTREAM_QUEUE_MS);
}

bool gw_attempt_send_body(struct gw_attempt *attempt, struct gw_str data) {
  attempt->body_bytes += data.len;
  if (data.len == 0) return true;
  return attempt->connection->speech->send_body(attempt, data);
}

void gw_attempt_send_end(struct gw_attempt *attempt, const struct gw_headers *trailers) {
  attempt->has_request_ended = true;
  attempt->request_trailers = trailers;
  if (attempt->connection != NULL) attempt->connection->speech->send_end(attempt, trailers);
}

void gw_attempt_set_paused(struct gw_attempt *attempt, bool is_paused) {
  if (attempt->is_paused == is_paused) return;
  attempt->is_paused = is_paused;
  if (attempt->connection != NULL) attempt->connection->speech->set_paused(attempt, is_paused);
}

void gw_attempt_cancel(struct gw_attempt *attempt) {
  if (!gw_attempt_is_open(attempt)) return;
  struct gw_upstream_connection *connection = attempt->connection;
  struct gw_upstream_pool *queue = attempt->queue;
  gw_list_remove(&attempt->waiting);
  attempt->queue = NULL;
  attempt->connection = NULL;
  count_end(attempt);
  if (connection != NULL) connection->speech->cancel(attempt, connection);
  if (queue != NULL) gw_upstream_pool_release(queue);
}

void gw_attempt_time_out(struct gw_attempt *attempt) {
  attempt->is_out_of_time = true;
  if (gw_attempt_is_open(attempt) && !attempt->is_head_done) count_answer(attempt, 0);
  gw_attempt_cancel(attempt);
}

bool gw_attempt_is_open(const struct gw_attempt *attempt) {
  return attempt->connection != NULL || gw_attempt_is_waiting(attempt);
}

bool gw_attempt_is_waiting(const struct gw_attempt *attempt) {
  return gw_list_is_linked(&attempt->waiting);
}

bool gw_attempt_is_connected(const struct gw_attempt *attempt) {
  return attempt->connection != NULL && attempt->connection->is_connected;
}
