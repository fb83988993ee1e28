#include "dataplane/upstream/pool.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/upstream/connection.h"

struct gw_upstream_counts *gw_upstream_counts_new(void) {
  struct gw_upstream_counts *counts = gw_calloc(1, sizeof(*counts));
  counts->refs = 1;
  return counts;
}

struct gw_upstream_counts *gw_upstream_counts_ref(struct gw_upstream_counts *counts) {
  counts->refs++;
  return counts;
}

void gw_upstream_counts_unref(struct gw_upstream_counts *counts) {
  if (counts != NULL && --counts->refs == 0) free(counts);
}

static void arm_idle_timer(struct gw_upstream_pool *pool, uint64_t now_ms) {
  if (pool->options.idle_timeout_ms == 0 || gw_list_is_empty(&pool->idle)) return;
  struct gw_upstream_connection *oldest = GW_LIST_ITEM(pool->idle.prev, struct gw_upstream_connection, node);
  uint64_t until_ms = oldest->idle_since_ms + pool->options.idle_timeout_ms;
  gw_timer_start(pool->options.loop, &pool->idle_timer, until_ms > now_ms ? until_ms - now_ms : 0);
}

static void drop_oldest(struct gw_upstream_pool *pool) {
  gw_upstream_connection_free(GW_LIST_ITEM(pool->idle.prev, struct gw_upstream_connection, node));
}

/* Runs once an idle timeout, not once a request: connections that were used meanwhile have just moved to the front. */
static void on_idle_timer(struct gw_timer *timer) {
  struct gw_upstream_pool *pool = GW_CONTAINER_OF(timer, struct gw_upstream_pool, idle_timer);
  uint64_t now_ms = gw_loop_now_ms(pool->options.loop);
  while (!gw_list_is_empty(&pool->idle)) {
    struct gw_upstream_connection *oldest = GW_LIST_ITEM(pool->idle.prev, struct gw_upstream_connection, node);
    if (oldest->idle_since_ms + pool->options.idle_timeout_ms > now_ms) break;
    gw_upstream_connection_free(oldest);
  }
  arm_idle_timer(pool, now_ms);
}

static void serve(struct gw_upstream_pool *pool) {
  pool->is_serving = true;
  gw_attempt_serve_queue(pool);
  pool->is_serving = false;
  gw_upstream_pool_release(pool);
}

static void on_serve(void *arg) {
  serve(arg);
}

/* What other pools and workers have given up shows here only by looking. */
static void on_queue_timer(struct gw_timer *timer) {
  serve(GW_CONTAINER_OF(timer, struct gw_upstream_pool, queue_timer));
}

struct gw_upstream_pool *gw_upstream_pool_new(const struct gw_upstream_pool_options *options) {
  struct gw_upstream_pool *pool = gw_calloc(1, sizeof(*pool));
  pool->options = *options;
  if (pool->options.tls != NULL) pool->options.tls = gw_tls_context_ref(pool->options.tls);
  pool->options.sni = (struct gw_str){gw_strndup(options->sni.data, options->sni.len), options->sni.len};
  pool->is_auto = options->protocol == GW_UPSTREAM_AUTO;
  gw_list_init(&pool->idle);
  gw_list_init(&pool->shared);
  gw_list_init(&pool->waiting);
  gw_list_init(&pool->queued);
  gw_task_init(&pool->serve_task, on_serve, pool);
  gw_timer_init(&pool->queue_timer, on_queue_timer);
  gw_upstream_counts_ref(options->counts);
  if (options->usage != NULL) gw_upstream_usage_ref(options->usage);
  gw_upstream_pool_set_limits(pool, options->limits);
  gw_tls_session_slot_init(&pool->tls_session);
  gw_timer_init(&pool->idle_timer, on_idle_timer);
  return pool;
}

void gw_upstream_pool_release(struct gw_upstream_pool *pool) {
  if (!pool->is_retired || pool->connection_count > 0 || pool->active_count > 0 || pool->is_serving) return;
  gw_task_cancel(&pool->serve_task);
  gw_timer_stop(&pool->queue_timer);
  gw_upstream_counts_unref(pool->options.counts);
  gw_upstream_usage_unref(pool->options.usage);
  gw_tls_session_slot_done(&pool->tls_session);
  gw_tls_context_unref(pool->options.tls);
  free((char *)(uintptr_t)pool->options.sni.data);
  free(pool);
}

void gw_upstream_pool_free(struct gw_upstream_pool *pool) {
  if (pool == NULL) return;
  uint32_t idle_count = pool->idle_count;
  gw_timer_stop(&pool->idle_timer);
  for (size_t i = 0; i < GW_ANSWER_CLASSES; i++)
    pool->options.counts->departed_answers[i] += pool->answers[i];
  pool->connection_count++; /* the pool stays while the idle ones go */
  pool->is_retired = true;
  while (idle_count-- > 0)
    drop_oldest(pool);
  pool->connection_count--;
  gw_upstream_pool_release(pool);
}

void gw_upstream_pool_prefetch(const struct gw_upstream_pool *pool) {
  gw_prefetch(pool, offsetof(struct gw_upstream_pool, waiting));
}

bool gw_upstream_pool_has_tls(const struct gw_upstream_pool *pool) {
  return pool->options.tls != NULL;
}

uint32_t gw_upstream_pool_count_active(const struct gw_upstream_pool *pool) {
  return pool != NULL ? pool->active_count : 0;
}

const uint64_t *gw_upstream_pool_answers(const struct gw_upstream_pool *pool) {
  return pool->answers;
}

void gw_upstream_pool_set_timeouts(struct gw_upstream_pool *pool, uint64_t connect_timeout_ms, uint64_t idle_timeout_ms) {
  pool->options.connect_timeout_ms = connect_timeout_ms;
  if (idle_timeout_ms == pool->options.idle_timeout_ms) return;
  pool->options.idle_timeout_ms = idle_timeout_ms;
  gw_timer_stop(&pool->idle_timer);
  arm_idle_timer(pool, gw_loop_now_ms(pool->options.loop));
}

struct gw_upstream_connection *gw_upstream_pool_take(struct gw_upstream_pool *pool) {
  if (gw_list_is_empty(&pool->idle)) return NULL;
  struct gw_upstream_connection *connection = GW_LIST_ITEM(pool->idle.next, struct gw_upstream_connection, node);
  gw_prefetch(connection, offsetof(struct gw_upstream_connection, out.pieces[2]));
  gw_list_remove(&connection->node);
  connection->is_idle = false;
  pool->idle_count--;
  return connection;
}

void gw_upstream_pool_put(struct gw_upstream_pool *pool, struct gw_upstream_connection *connection) {
  if (pool->is_retired) {
    gw_upstream_connection_free(connection);
    return;
  }
  uint64_t now_ms = gw_loop_now_ms(pool->options.loop);
  gw_list_remove(&connection->node);
  connection->idle_since_ms = now_ms;
  connection->is_idle = true;
  gw_list_add_first(&pool->idle, &connection->node);
  pool->idle_count++;
  gw_upstream_pool_serve_soon(pool);
  if (pool->idle_count > GW_UPSTREAM_IDLE_MAX) drop_oldest(pool);
  if (!gw_timer_is_running(&pool->idle_timer)) arm_idle_timer(pool, now_ms);
}
