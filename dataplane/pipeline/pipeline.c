#include "dataplane/pipeline/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/key_table.h"
#include "dataplane/pipeline/stats_copying.h"
#include "dataplane/pipeline/stream.h"

/* Twice the longest gap that a reload may leave between a route and the same route again. */
#define SWEEP_AFTER_MS 30000

/* A few at a time: requests wait meanwhile. */
#define SWEEP_ROUTES 100
#define SWEEP_AGAIN_MS 10

static void on_sweep(struct gw_timer *timer) {
  struct gw_pipeline *pipeline = GW_CONTAINER_OF(timer, struct gw_pipeline, sweep_timer);
  if (gw_pipeline_sweep(pipeline, SWEEP_ROUTES)) gw_timer_start(pipeline->loop, timer, SWEEP_AGAIN_MS);
}

static void start_filters(struct gw_pipeline *pipeline) {
  const struct gw_filter *const *filter = pipeline->options.filters;
  for (; filter != NULL && *filter != NULL; filter++)
    if ((*filter)->worker_new != NULL) pipeline->filter_states[(*filter)->kind] = (*filter)->worker_new(pipeline);
}

static void stop_filters(struct gw_pipeline *pipeline) {
  const struct gw_filter *const *filter = pipeline->options.filters;
  for (; filter != NULL && *filter != NULL; filter++)
    if ((*filter)->worker_new != NULL) (*filter)->worker_free(pipeline->filter_states[(*filter)->kind]);
}

struct gw_pipeline *gw_pipeline_new(const struct gw_pipeline_options *options) {
  struct gw_pipeline *pipeline = gw_calloc(1, sizeof(*pipeline));
  pipeline->options = *options;
  pipeline->loop = options->loop;
  pipeline->stats = gw_stats_new();
  pipeline->failures = gw_failure_ring_new();
  gw_random_init(&pipeline->random, 0);
  gw_strbuf_init(&pipeline->line);
  gw_list_init(&pipeline->free_streams);
  gw_timer_init(&pipeline->sweep_timer, on_sweep);
  pipeline->copying = gw_stats_copying_new(pipeline);
  start_filters(pipeline);
  return pipeline;
}

void gw_pipeline_free(struct gw_pipeline *pipeline) {
  if (pipeline == NULL) return;
  gw_stats_copying_free(pipeline->copying);
  gw_view_unref(pipeline->view);
  gw_key_table_unref(pipeline->keys);
  stop_filters(pipeline);
  gw_timer_stop(&pipeline->sweep_timer);
  gw_stats_free(pipeline->stats);
  gw_failure_ring_free(pipeline->failures);
  gw_strbuf_done(&pipeline->line);
  gw_strbuf_done(&pipeline->log_text);
  GW_LIST_FOR_EACH(node, &pipeline->free_streams) {
    struct gw_stream *stream = GW_LIST_ITEM(node, struct gw_stream, free_node);
    gw_arena_done(&stream->arena);
    free(stream);
  }
  free(pipeline);
}

void gw_pipeline_set_frozen(struct gw_pipeline *pipeline, struct gw_frozen *frozen) {
  struct gw_view *previous = pipeline->view;
  pipeline->stats->max_series = gw_frozen_max_series(frozen);
  pipeline->view = gw_view_new(pipeline, frozen, previous);
  gw_view_unref(previous);
}

void gw_pipeline_set_keys(struct gw_pipeline *pipeline, struct gw_key_table *keys) {
  gw_key_table_unref(pipeline->keys);
  pipeline->keys = keys;
}

struct gw_str gw_pipeline_get_date(struct gw_pipeline *pipeline) {
  uint64_t now_us = gw_loop_wall_us(pipeline->loop);
  if (now_us / 1000000 != pipeline->date_s) {
    pipeline->date_s = now_us / 1000000;
    gw_clock_format_http_date(now_us, pipeline->date);
  }
  return (struct gw_str){pipeline->date, GW_CLOCK_HTTP_DATE_SIZE - 1};
}

void gw_pipeline_log_client(struct gw_pipeline *pipeline, const struct gw_address *peer, const char *what, struct gw_str why) {
  gw_client_log_write(&pipeline->client_log, pipeline->options.log, gw_loop_now_ms(pipeline->loop), peer, what, why);
}

struct gw_str gw_pipeline_new_request_id(struct gw_pipeline *pipeline, struct gw_arena *arena) {
  char *text = gw_arena_alloc_bytes(arena, GW_UUID_SIZE);
  gw_random_uuid(&pipeline->random, text);
  return (struct gw_str){text, GW_UUID_SIZE - 1};
}

bool gw_pipeline_sweep(struct gw_pipeline *pipeline, uint32_t limit) {
  if (gw_list_is_empty(&pipeline->stats->unused_routes)) return false;
  if (pipeline->view != NULL && gw_view_keep_counted_routes(pipeline->view, limit)) return true;
  return gw_stats_sweep(pipeline->stats, limit);
}

void gw_pipeline_sweep_soon(struct gw_pipeline *pipeline) {
  if (!gw_timer_is_running(&pipeline->sweep_timer)) gw_timer_start(pipeline->loop, &pipeline->sweep_timer, SWEEP_AFTER_MS);
}
