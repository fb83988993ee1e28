#include "dataplane/pipeline/stream.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/access_log.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/request_rules.h"
#include "dataplane/pipeline/stream_trace.h"

/* Streams kept for reuse: what a worker has open at once in busy times, not what a burst had. */
#define FREE_STREAMS_MAX 256
#define GRPC_DEADLINE_EXCEEDED 4
#define OVERLOAD_RETRY_S "1"

static void on_timer(struct gw_timer *timer);

static struct gw_stream *take_stream(struct gw_pipeline *pipeline) {
  if (gw_list_is_empty(&pipeline->free_streams)) {
    struct gw_stream *stream = gw_malloc(sizeof(*stream));
    gw_arena_init_fixed(&stream->arena, stream->first_block, sizeof(stream->first_block), 4096);
    return stream;
  }
  struct gw_stream *stream = GW_LIST_ITEM(pipeline->free_streams.next, struct gw_stream, free_node);
  gw_list_remove(&stream->free_node);
  pipeline->free_stream_count--;
  return stream;
}

static void recycle(struct gw_pipeline *pipeline, struct gw_stream *stream) {
  if (pipeline->free_stream_count < FREE_STREAMS_MAX) {
    gw_arena_reset(&stream->arena);
    gw_list_add_first(&pipeline->free_streams, &stream->free_node);
    pipeline->free_stream_count++;
  } else {
    gw_arena_done(&stream->arena);
    free(stream);
  }
}

struct gw_stream *gw_stream_new(struct gw_view *view, const struct gw_frozen_listener *listener, const struct gw_address *peer,
                                const struct gw_transport *transport, const struct gw_stream_calls *calls, void *session) {
  struct gw_pipeline *pipeline = view->pipeline;
  struct gw_stream *stream = take_stream(pipeline);
  struct gw_arena arena = stream->arena;
  memset(stream, 0, offsetof(struct gw_stream, first_block));
  stream->arena = arena;
  stream->calls = calls;
  stream->session = session;
  stream->pipeline = pipeline;
  stream->view = gw_view_ref(view);
  stream->listener = listener;
  stream->peer = peer;
  stream->transport = transport;
  stream->remote = *peer;
  stream->started_us = gw_loop_now_us(pipeline->loop);
  stream->wall_us = gw_loop_wall_us(pipeline->loop);
  stream->active_ms = stream->received_ms = stream->started_us / 1000;
  stream->request.content_length = GW_LENGTH_NONE;
  gw_timer_init(&stream->timer, on_timer);
  pipeline->stats->requests_total++;
  pipeline->stats->requests_active++;
  return stream;
}

static void count(struct gw_stream *stream) {
  struct gw_pipeline *pipeline = stream->pipeline;
  uint64_t duration_us = gw_loop_now_us(pipeline->loop) - stream->started_us;
  struct gw_route_stats *stats;
  if (stream->route != NULL) {
    stats = gw_view_get_route_stats(stream->view, stream->listener->binding, stream->route, stream->split_choice);
  } else {
    stats = gw_stats_get_route(pipeline->stats, (struct gw_str){0}, (struct gw_str){0});
  }
  gw_route_stats_count(stats, stream->status, duration_us);
  for (uint32_t i = 0; stream->flags >> i != 0; i++)
    pipeline->stats->flags_total[i] += stream->flags >> i & 1;
}

static void *state_of(const struct gw_stream *stream, const struct gw_chain_item *item) {
  return stream->states + item->state_offset;
}

void gw_stream_free(struct gw_stream *stream) {
  if (stream == NULL) return;
  struct gw_pipeline *pipeline = stream->pipeline;
  const struct gw_chain *chain = &stream->listener->http->chain;
  gw_timer_stop(&stream->timer);
  if (stream->is_in_chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
      const struct gw_chain_item *item = &chain->items[i];
      if (item->filter->on_end != NULL) item->filter->on_end(stream, state_of(stream, item), item->settings);
    }
  }
  count(stream);
  gw_access_log_write(stream, GW_ACCESS_LOG_TYPE_END);
  gw_stream_trace_end(stream);
  gw_failure_ring_look_at(pipeline->failures, stream);
  pipeline->stats->requests_active--;
  gw_view_unref(stream->view);
  recycle(pipeline, stream);
}

/* ---- deadlines ---- */

/* A body of which nothing comes, though it would be read; 0: none. */
static uint64_t body_deadline(const struct gw_stream *stream) {
  uint64_t timeout_ms = stream->listener->http->limits->body_timeout_ms;
  bool is_awaited = timeout_ms != 0 && !stream->is_request_complete && stream->request_pauses == 0 && !stream->is_tunnel;
  return is_awaited ? stream->received_ms + timeout_ms : 0;
}

static uint64_t nearest_deadline(const struct gw_stream *stream) {
  uint64_t nearest = UINT64_MAX;
  uint64_t body_ms = body_deadline(stream);
  if (body_ms != 0) nearest = body_ms;
  if (stream->idle_timeout_ms != 0 && stream->active_ms + stream->idle_timeout_ms < nearest) {
    nearest = stream->active_ms + stream->idle_timeout_ms;
  }
  if (stream->route_deadline_ms != 0 && stream->route_deadline_ms < nearest) nearest = stream->route_deadline_ms;
  if (stream->duration_deadline_ms != 0 && stream->duration_deadline_ms < nearest) nearest = stream->duration_deadline_ms;
  if (stream->request_deadline_ms != 0 && !stream->is_request_complete && stream->request_deadline_ms < nearest) {
    nearest = stream->request_deadline_ms;
  }
  return nearest;
}

/* (Re)starts the timer when a deadline is nearer than it. */
static void update_timer(struct gw_stream *stream) {
  uint64_t at_ms = nearest_deadline(stream);
  if (at_ms == UINT64_MAX || stream->is_response_complete) return;
  if (gw_timer_is_running(&stream->timer) && stream->timer.expires_ms <= at_ms) return;
  uint64_t now_ms = gw_loop_now_ms(stream->pipeline->loop);
  gw_timer_start(stream->pipeline->loop, &stream->timer, at_ms > now_ms ? at_ms - now_ms : 0);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_stream *stream = GW_CONTAINER_OF(timer, struct gw_stream, timer);
  uint64_t now_ms = gw_loop_now_ms(stream->pipeline->loop);
  struct gw_failure failure = {.side = GW_FAILURE_GATEWAY};
  if (stream->route_deadline_ms != 0 && now_ms >= stream->route_deadline_ms) {
    failure = (struct gw_failure){.status = 504,
                                  .side = GW_FAILURE_UPSTREAM,
                                  .flag = GW_FLAG_UPSTREAM_TIMEOUT,
                                  .grpc_status = GRPC_DEADLINE_EXCEEDED,
                                  .detail = GW_STR("response_timeout"),
                                  .message = GW_STR("the service did not answer in time")};
  } else if (stream->duration_deadline_ms != 0 && now_ms >= stream->duration_deadline_ms) {
    failure = (struct gw_failure){.status = stream->is_request_complete ? 504 : 408,
                                  .side = GW_FAILURE_GATEWAY,
                                  .flag = GW_FLAG_DURATION_TIMEOUT,
                                  .grpc_status = GRPC_DEADLINE_EXCEEDED,
                                  .detail = GW_STR("max_duration_timeout"),
                                  .message = GW_STR("the request took longer than it may")};
  } else if (stream->request_deadline_ms != 0 && !stream->is_request_complete && now_ms >= stream->request_deadline_ms) {
    stream->pipeline->stats->limits[GW_LIMIT_REQUEST_TIMEOUT]++;
    failure = (struct gw_failure){.status = 408,
                                  .side = GW_FAILURE_CLIENT,
                                  .detail = GW_STR("request_overall_timeout"),
                                  .message = GW_STR("the request did not arrive in time")};
  } else if (body_deadline(stream) != 0 && now_ms >= body_deadline(stream)) {
    stream->pipeline->stats->limits[GW_LIMIT_BODY_TIMEOUT]++;
    failure = (struct gw_failure){.status = 408,
                                  .side = GW_FAILURE_CLIENT,
                                  .detail = GW_STR("request_body_timeout"),
                                  .message = GW_STR("the request's body stopped arriving")};
  } else if (stream->idle_timeout_ms != 0 && now_ms >= stream->active_ms + stream->idle_timeout_ms) {
    stream->pipeline->stats->limits[GW_LIMIT_STREAM_IDLE]++;
    failure = (struct gw_failure){.status = stream->is_request_complete ? 504 : 408,
                                  .side = stream->is_request_complete ? GW_FAILURE_UPSTREAM : GW_FAILURE_CLIENT,
                                  .flag = GW_FLAG_STREAM_IDLE_TIMEOUT,
                                  .detail = GW_STR("stream_idle_timeout"),
                                  .message = GW_STR("nothing moved for too long")};
  }
  if (failure.status != 0) {
    gw_stream_fail(stream, &failure);
  } else {
    update_timer(stream);
  }
}

/* ---- the request's way ---- */

static void run_chain(struct gw_stream *stream) {
  const struct gw_chain *chain = &stream->listener->http->chain;
  while (stream->next_filter < chain->count && !stream->is_response_complete && !stream->is_aborted) {
    const struct gw_chain_item *item = &chain->items[stream->next_filter++];
    if (item->filter->on_request == NULL) continue;
    uint64_t start_us = item->filter->span != NULL ? gw_stream_trace_now_us(stream) : 0;
    stream->does_work = false;
    enum gw_verdict verdict = item->filter->on_request(stream, state_of(stream, item), item->settings);
    if (start_us > 0 && (stream->does_work || verdict != GW_VERDICT_NEXT))
      gw_stream_trace_add_work(stream, item->filter->span, start_us, verdict);
    if (verdict == GW_VERDICT_REPLIED) return;
    if (verdict == GW_VERDICT_WAIT) {
      gw_stream_set_request_paused(stream, GW_PAUSE_FILTER, true);
      return;
    }
  }
}

static void refuse_for_overload(struct gw_stream *stream) {
  stream->pipeline->stats->limits[GW_LIMIT_OVERLOAD_STREAMS]++;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_RETRY_AFTER, GW_STR("retry-after"), GW_STR(OVERLOAD_RETRY_S));
  gw_stream_fail(stream, &(struct gw_failure){.status = 503,
                                              .side = GW_FAILURE_GATEWAY,
                                              .flag = GW_FLAG_OVERLOAD,
                                              .detail = GW_STR("overload"),
                                              .message = GW_STR("the gateway has too much to do")});
}

/* false: the body is larger than the listener, or the route, takes. What gRPC streams and tunnels carry is no body in that sense: it has no
 * end. */
static bool check_body_size(struct gw_stream *stream, uint64_t bytes) {
  uint64_t max = stream->max_request_body_bytes;
  if (max == 0 || bytes <= max || stream->is_tunnel || gw_stream_is_grpc(stream)) return true;
  stream->pipeline->stats->limits[GW_LIMIT_BODY_SIZE]++;
  gw_stream_fail(stream, &(struct gw_failure){.status = 413,
                                              .side = GW_FAILURE_CLIENT,
                                              .detail = GW_STR("request_payload_too_large"),
                                              .message = GW_STR("the request's body is too large")});
  return false;
}

bool gw_stream_check_length(struct gw_stream *stream) {
  int64_t length = stream->request.content_length;
  return check_body_size(stream, length > 0 ? (uint64_t)length : 0);
}

/* As Envoy: with the route, which is looked up for that. */
static void log_new_request(struct gw_stream *stream) {
  (void)gw_stream_get_route(stream);
  gw_access_log_write(stream, GW_ACCESS_LOG_TYPE_START);
}

void gw_stream_start(struct gw_stream *stream) {
  const struct gw_http_connection_manager *http = &stream->listener->http->model->http;
  stream->idle_timeout_ms = http->stream_idle_timeout_ms;
  stream->max_request_body_bytes = stream->listener->http->limits->max_request_body_bytes;
  stream->is_request_complete = !gw_stream_has_request_body(stream);
  gw_stream_trace_begin(stream);
  if (http->request_timeout_ms != 0) stream->request_deadline_ms = stream->active_ms + http->request_timeout_ms;
  if (gw_pipeline_overload(stream->pipeline) != GW_OVERLOAD_NONE) {
    refuse_for_overload(stream);
    return;
  }
  if (!gw_request_rules_apply(stream)) return;
  if (http->logs_new_requests) log_new_request(stream);
  const struct gw_frozen_routes *routes = gw_stream_find_routes(stream);
  if ((routes == NULL || !routes->has_body_limits) && !gw_stream_check_length(stream)) return;
  stream->states = gw_arena_calloc(&stream->arena, 1, stream->listener->http->chain.state_size);
  stream->is_in_chain = true;
  run_chain(stream);
  update_timer(stream);
}

void gw_stream_resume(struct gw_stream *stream, enum gw_verdict verdict) {
  gw_stream_trace_end_work(stream, verdict);
  gw_stream_set_request_paused(stream, GW_PAUSE_FILTER, false);
  if (verdict != GW_VERDICT_NEXT) return;
  run_chain(stream);
  update_timer(stream);
}

static void run_request_body(struct gw_stream *stream, struct gw_str data, bool is_last) {
  const struct gw_chain *chain = &stream->listener->http->chain;
  stream->active_ms = stream->received_ms = gw_loop_now_ms(stream->pipeline->loop);
  for (uint32_t i = 0; i < stream->next_filter && !stream->is_response_complete; i++) {
    const struct gw_chain_item *item = &chain->items[i];
    if (item->filter->on_request_body == NULL) continue;
    if (item->filter->on_request_body(stream, state_of(stream, item), item->settings, data, is_last) == GW_VERDICT_REPLIED) return;
  }
}

void gw_stream_on_request_body(struct gw_stream *stream, struct gw_str data) {
  stream->bytes_received += data.len;
  if (check_body_size(stream, stream->bytes_received)) run_request_body(stream, data, false);
}

void gw_stream_on_request_end(struct gw_stream *stream, const struct gw_headers *trailers) {
  stream->is_request_complete = true;
  stream->request_trailers = trailers->count > 0 ? trailers : NULL;
  run_request_body(stream, (struct gw_str){0}, true);
  update_timer(stream);
}

bool gw_stream_is_grpc(const struct gw_stream *stream) {
  const struct gw_header *type = gw_headers_find(&stream->request.headers, GW_HEADER_CONTENT_TYPE);
  struct gw_str prefix = GW_STR("application/grpc");
  if (type == NULL || !gw_str_has_prefix(type->value, prefix)) return false;
  return type->value.len == prefix.len || type->value.data[prefix.len] == '+' || type->value.data[prefix.len] == ';';
}

const struct gw_frozen_routes *gw_stream_find_routes(const struct gw_stream *stream) {
  if (stream->listener->binding == GW_NO_BINDING) return NULL;
  return stream->view->frozen->bindings[stream->listener->binding].routes;
}

const struct gw_route *gw_stream_get_route(struct gw_stream *stream) {
  if (stream->is_route_known) return stream->route;
  stream->is_route_known = true;
  const struct gw_frozen_routes *routes = gw_stream_find_routes(stream);
  if (routes == NULL) return NULL;
  struct gw_route_hit hit = {0};
  gw_route_table_match(routes->table, &stream->request, &stream->arena, &hit);
  stream->route = hit.route;
  stream->is_route_undecided = hit.is_undecided;
  if (hit.route == NULL) return NULL;
  if (hit.route->has_body_limit) stream->max_request_body_bytes = hit.route->max_request_body_bytes;
  if (hit.route->action == GW_ROUTE_FORWARD && hit.route->forward.split == NULL) {
    stream->cluster = gw_view_find_cluster(stream->view, stream->listener->binding, hit.route, 0);
  }
  return stream->route;
}

const void *gw_stream_route_settings(struct gw_stream *stream, enum gw_filter_kind kind) {
  const struct gw_route *route = gw_stream_get_route(stream);
  if (route == NULL || route->filters == NULL) return NULL;
  return gw_route_settings_find(gw_stream_find_routes(stream)->settings, route, kind);
}

void gw_stream_choose_cluster(struct gw_stream *stream, uint32_t choice) {
  stream->split_choice = choice;
  stream->cluster = gw_view_find_cluster(stream->view, stream->listener->binding, stream->route, choice);
}

struct gw_str gw_stream_cluster_name(const struct gw_stream *stream) {
  if (stream->route == NULL || stream->route->action != GW_ROUTE_FORWARD) return (struct gw_str){0};
  if (stream->split_choice > 0) return stream->route->forward.split->clusters[stream->split_choice - 1].name;
  return stream->route->forward.cluster;
}

void gw_stream_set_request_paused(struct gw_stream *stream, unsigned reason, bool is_paused) {
  unsigned pauses = is_paused ? stream->request_pauses | reason : stream->request_pauses & ~reason;
  if (pauses == stream->request_pauses) return;
  stream->request_pauses = pauses;
  if (pauses == 0) {
    stream->received_ms = gw_loop_now_ms(stream->pipeline->loop);
    update_timer(stream);
  }
  stream->calls->update_reading(stream);
}

/* ---- the answer's way ---- */

void gw_stream_respond(struct gw_stream *stream, bool has_body) {
  const struct gw_chain *chain = &stream->listener->http->chain;
  stream->active_ms = gw_loop_now_ms(stream->pipeline->loop);
  if (stream->is_in_chain) {
    for (uint32_t i = chain->count; i-- > 0;) {
      const struct gw_chain_item *item = &chain->items[i];
      if (item->filter->on_response != NULL) item->filter->on_response(stream, state_of(stream, item), item->settings);
    }
  }
  stream->status = stream->response.status;
  gw_response_rules_apply(stream);
  stream->is_response_started = true;
  stream->is_tunnel = stream->status == 101;
  if (stream->is_tunnel) {
    stream->route_deadline_ms = stream->request_deadline_ms = 0;
    stream->pipeline->stats->tunnels_total++;
  }
  stream->is_response_complete = !has_body;
  stream->calls->send_head(stream, has_body);
}

void gw_stream_respond_body(struct gw_stream *stream, struct gw_str data) {
  const struct gw_chain *chain = &stream->listener->http->chain;
  stream->active_ms = gw_loop_now_ms(stream->pipeline->loop);
  if (stream->is_in_chain) {
    for (uint32_t i = chain->count; i-- > 0;) {
      const struct gw_chain_item *item = &chain->items[i];
      if (item->filter->on_response_body != NULL) item->filter->on_response_body(stream, state_of(stream, item), item->settings, data);
    }
  }
  stream->bytes_sent += data.len;
  stream->calls->send_body(stream, data);
}

void gw_stream_respond_end(struct gw_stream *stream) {
  stream->is_response_complete = true;
  stream->calls->send_end(stream);
}

void gw_stream_set_response_paused(struct gw_stream *stream, bool is_paused) {
  const struct gw_chain *chain = &stream->listener->http->chain;
  if (!stream->is_in_chain) return;
  stream->active_ms = gw_loop_now_ms(stream->pipeline->loop);
  for (uint32_t i = 0; i < chain->count; i++) {
    const struct gw_chain_item *item = &chain->items[i];
    if (item->filter->on_response_pause != NULL) item->filter->on_response_pause(stream, state_of(stream, item), is_paused);
  }
}

void gw_stream_fail(struct gw_stream *stream, const struct gw_failure *failure) {
  if (stream->is_response_complete || stream->is_aborted) return;
  stream->pipeline->stats->failures_total[failure->side]++;
  stream->flags |= failure->flag;
  stream->detail = failure->detail;
  if (!stream->is_response_started) {
    gw_local_reply_failure(stream, failure->status, failure->grpc_status, failure->message);
    return;
  }
  stream->is_aborted = true;
  stream->calls->abort(stream);
}

void gw_stream_on_client_gone(struct gw_stream *stream) {
  if (stream->is_response_complete || stream->is_aborted) return;
  stream->is_aborted = true;
  if (stream->is_tunnel) return; /* that is how they end */
  stream->flags |= GW_FLAG_DOWNSTREAM_TERMINATION;
  stream->detail = GW_STR("downstream_remote_disconnect");
}
