#include "dataplane/listener/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "dataplane/listener/acceptor.h"
#include "dataplane/pipeline/stats_copying.h"

/* A drain closes idle connections in this many steps, so that their clients don't all come back to others at once. */
#define DRAIN_STEPS 20
/* A connection idle for less may have a request on its way. */
#define DRAIN_GRACE_MS 100

struct named_listener {
  struct gw_list node;
  struct gw_downstream_listener *listener;
  struct gw_acceptor *acceptor; /* NULL: not listening */
  char name[sizeof(((struct gw_engine_socket *)NULL)->listener_name)];
};

struct gw_engine {
  struct gw_engine_options options;
  struct gw_pipeline *pipeline;
  struct gw_list listeners; /* those gone from the configuration too, until their last connection is */
  struct gw_timer drain_timer;
  uint64_t drain_step_ms;
  uint32_t drain_steps_left;
};

static uint32_t count_connections(const struct gw_engine *engine) {
  uint32_t count = 0;
  GW_LIST_FOR_EACH(node, &engine->listeners)
  count += GW_LIST_ITEM(node, struct named_listener, node)->listener->connection_count;
  return count;
}

static void on_drain_step(struct gw_timer *timer) {
  struct gw_engine *engine = GW_CONTAINER_OF(timer, struct gw_engine, drain_timer);
  uint32_t limit = count_connections(engine) / engine->drain_steps_left + 1;
  GW_LIST_FOR_EACH(node, &engine->listeners)
  gw_downstream_listener_drain(GW_LIST_ITEM(node, struct named_listener, node)->listener, limit, DRAIN_GRACE_MS);
  /* After the last step too: what connected just before the end is idle only now. */
  if (engine->drain_steps_left > 1) engine->drain_steps_left--;
  gw_timer_start(engine->options.loop, timer, engine->drain_step_ms);
}

struct gw_engine *gw_engine_new(const struct gw_engine_options *options) {
  struct gw_engine *engine = gw_calloc(1, sizeof(*engine));
  engine->options = *options;
  engine->pipeline = gw_pipeline_new(&(struct gw_pipeline_options){
      .loop = options->loop,
      .log = options->log,
      .access_log = options->access_log,
      .spans = options->spans,
      .worker_index = options->worker_index,
      .node_status = options->node_status,
      .clients = options->clients,
      .rate_limits = options->rate_limits,
      .filters = options->filters,
      .release_frozen = options->release_frozen,
      .release_arg = options->release_arg,
  });
  gw_list_init(&engine->listeners);
  gw_timer_init(&engine->drain_timer, on_drain_step);
  return engine;
}

static void named_listener_free(struct named_listener *named) {
  gw_list_remove(&named->node);
  gw_acceptor_free(named->acceptor);
  gw_downstream_listener_free(named->listener);
  free(named);
}

void gw_engine_free(struct gw_engine *engine) {
  if (engine == NULL) return;
  gw_timer_stop(&engine->drain_timer);
  GW_LIST_FOR_EACH(node, &engine->listeners) named_listener_free(GW_LIST_ITEM(node, struct named_listener, node));
  gw_pipeline_free(engine->pipeline);
  free(engine);
}

static void on_listener_empty(void *arg) {
  named_listener_free(arg);
}

static struct named_listener *find_listener(const struct gw_engine *engine, struct gw_str name) {
  GW_LIST_FOR_EACH(node, &engine->listeners) {
    struct named_listener *named = GW_LIST_ITEM(node, struct named_listener, node);
    if (!named->listener->is_closing && gw_str_equal(gw_str_from(named->name), name)) return named;
  }
  return NULL;
}

static struct named_listener *get_listener(struct gw_engine *engine, struct gw_str name) {
  struct named_listener *named = find_listener(engine, name);
  if (named != NULL) return named;
  named = gw_calloc(1, sizeof(*named));
  named->listener = gw_downstream_listener_new(engine->pipeline, on_listener_empty, named);
  snprintf(named->name, sizeof(named->name), "%.*s", GW_STR_ARG(name));
  gw_list_add_last(&engine->listeners, &named->node);
  return named;
}

static const struct gw_engine_socket *find_socket(const struct gw_engine_socket *sockets, uint32_t count, struct gw_str name) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(gw_str_from(sockets[i].listener_name), name)) return &sockets[i];
  return NULL;
}

/* Listens on `socket` (NULL: not at all), which may be the socket it listens on already. Main holds the socket too, so that the kernel
 * would go on to give it connections if we closed ours for want of a descriptor. */
static void set_socket(struct gw_engine *engine, struct named_listener *named, const struct gw_engine_socket *socket) {
  if (socket != NULL && socket->fd < 0) return;
  if (socket != NULL && named->acceptor != NULL && gw_acceptor_has_socket(named->acceptor, socket->fd)) {
    close(socket->fd);
    return;
  }
  gw_acceptor_free(named->acceptor);
  named->acceptor = socket != NULL ? gw_acceptor_new(named->listener, socket->fd, engine->options.log) : NULL;
}

static void start_closing(struct named_listener *named) {
  gw_acceptor_free(named->acceptor);
  named->acceptor = NULL;
  gw_downstream_listener_start_closing(named->listener);
}

void gw_engine_set_frozen(struct gw_engine *engine, struct gw_frozen *frozen, const struct gw_engine_socket *sockets,
                          uint32_t socket_count) {
  struct gw_pipeline *pipeline = engine->pipeline;
  uint64_t started_us = gw_clock_monotonic_us();
  gw_pipeline_set_frozen(pipeline, frozen);
  GW_LIST_FOR_EACH(node, &engine->listeners) {
    struct named_listener *named = GW_LIST_ITEM(node, struct named_listener, node);
    bool is_gone = gw_frozen_find_listener(frozen, gw_str_from(named->name)) == NULL;
    if (is_gone && !named->listener->is_closing) start_closing(named);
  }
  for (uint32_t i = 0; i < frozen->listener_count; i++) {
    struct gw_str name = frozen->listeners[i].http->model->name;
    struct named_listener *named = get_listener(engine, name);
    gw_downstream_listener_set_view(named->listener, pipeline->view, &frozen->listeners[i]);
    if (!pipeline->is_draining) set_socket(engine, named, find_socket(sockets, socket_count, name));
  }
  for (uint32_t i = 0; i < socket_count; i++) {
    bool is_unused = pipeline->is_draining || gw_frozen_find_listener(frozen, gw_str_from(sockets[i].listener_name)) == NULL;
    if (is_unused && sockets[i].fd >= 0) close(sockets[i].fd);
  }
  pipeline->stats->view_swaps_total++;
  gw_histogram_add(&pipeline->stats->view_swap, gw_clock_monotonic_us() - started_us);
}

void gw_engine_set_keys(struct gw_engine *engine, struct gw_key_table *keys) {
  gw_pipeline_set_keys(engine->pipeline, keys);
}

uint64_t gw_engine_unknown_keys_total(const struct gw_engine *engine) {
  return engine->pipeline->stats->key_results[GW_KEY_RESULT_UNKNOWN];
}

void gw_engine_drain(struct gw_engine *engine, uint64_t spread_ms) {
  if (engine->pipeline->is_draining) return;
  engine->pipeline->is_draining = true;
  GW_LIST_FOR_EACH(node, &engine->listeners) {
    struct named_listener *named = GW_LIST_ITEM(node, struct named_listener, node);
    gw_acceptor_free_and_end(named->acceptor);
    named->acceptor = NULL;
  }
  engine->drain_steps_left = DRAIN_STEPS;
  engine->drain_step_ms = spread_ms / DRAIN_STEPS + 1;
  gw_timer_start(engine->options.loop, &engine->drain_timer, engine->drain_step_ms);
}

uint32_t gw_engine_connection_count(const struct gw_engine *engine) {
  return count_connections(engine);
}

struct gw_stats *gw_engine_copy_stats(const struct gw_engine *engine) {
  return gw_stats_copying_run(engine->pipeline->copying);
}

void gw_engine_start_copy(const struct gw_engine *engine, void (*done)(void *arg, struct gw_stats *copy), void *arg) {
  gw_stats_copying_start(engine->pipeline->copying, done, arg);
}

struct gw_failure_list *gw_engine_find_failures(const struct gw_engine *engine, struct gw_str request_id) {
  return gw_failure_ring_find(engine->pipeline->failures, request_id);
}

uint64_t gw_engine_requests_total(const struct gw_engine *engine) {
  return engine->pipeline->stats->requests_total;
}
