/* The router's other half: whether, when and how a request is sent once more, and what a try may take. */
#include "dataplane/filters/router_state.h"
#include "dataplane/pipeline/stream_trace.h"

#define GRPC_DEADLINE_EXCEEDED 4

_Static_assert(GW_TRIED_MAX >= GW_ATTEMPT_RECORDS_MAX, "whatever is recorded was tried");

static struct gw_loop *loop_of(const struct router *router) {
  return router->stream->pipeline->loop;
}

/* ---- the clock of a try ---- */

static void on_timer(struct gw_timer *timer);

/* 0: none. */
static uint64_t try_deadline(const struct router *router) {
  uint64_t timeout_ms = router->policy->per_try_timeout_ms, idle_ms = router->policy->per_try_idle_timeout_ms;
  uint64_t deadline = timeout_ms != 0 ? router->clock_ms + timeout_ms : 0;
  if (idle_ms != 0 && (deadline == 0 || router->try_moved_ms + idle_ms < deadline)) deadline = router->try_moved_ms + idle_ms;
  return deadline;
}

static void start_timer(struct router *router, uint64_t at_ms) {
  uint64_t now_ms = gw_loop_now_ms(loop_of(router));
  gw_timer_start(loop_of(router), &router->timer, at_ms > now_ms ? at_ms - now_ms : 0);
}

void gw_router_retry_start_clock(struct router *router) {
  if (router->policy == NULL || router->is_answering || router->stream->is_tunnel) return;
  router->clock_ms = router->try_moved_ms = gw_loop_now_ms(loop_of(router));
  uint64_t deadline = try_deadline(router);
  if (deadline != 0) start_timer(router, deadline);
}

static void fail_try(struct router *router, uint64_t now_ms) {
  bool is_idle = router->policy->per_try_timeout_ms == 0 || now_ms < router->clock_ms + router->policy->per_try_timeout_ms;
  struct gw_failure failure = {.status = 504,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_TIMEOUT,
                               .grpc_status = GRPC_DEADLINE_EXCEEDED,
                               .detail = is_idle ? GW_STR("upstream_per_try_idle_timeout") : GW_STR("upstream_per_try_timeout"),
                               .message = GW_STR("the service did not answer in time")};
  gw_worker_cluster_counts(router->stream->cluster)->try_timeouts_total++;
  gw_attempt_time_out(&router->attempt);
  gw_router_on_failure(router, &failure);
}

static void start_next(struct router *router) {
  router->is_waiting = false;
  gw_stream_trace_end_attempt(router->stream, (struct gw_str){0});
  gw_attempt_cancel(&router->attempt); /* an answer that nobody wanted may still be coming */
  gw_router_start_attempt(router, false);
  if (!router->is_waiting && !gw_attempt_is_waiting(&router->attempt)) gw_stream_set_request_paused(router->stream, GW_PAUSE_FILTER, false);
}

static void on_timer(struct gw_timer *timer) {
  struct router *router = GW_CONTAINER_OF(timer, struct router, timer);
  uint64_t now_ms = gw_loop_now_ms(loop_of(router));
  if (router->is_waiting) {
    start_next(router);
  } else if (now_ms >= try_deadline(router)) {
    fail_try(router, now_ms);
  } else {
    start_timer(router, try_deadline(router));
  }
}

/* ---- the policy ---- */

void gw_router_retry_init(struct router *router, const struct gw_retry_policy *policy) {
  struct gw_stream *stream = router->stream;
  bool has_body = !stream->is_request_complete && stream->request.upgrade.len == 0;
  router->policy = policy;
  gw_timer_init(&router->timer, on_timer);
  gw_replay_buffer_init(&router->replay, loop_of(router), policy->buffer_bytes, has_body ? stream->request.content_length : 0);
  if (policy->count == 0) router->replay.limit = 0;
  gw_worker_cluster_begin_request(stream->cluster);
}

static void give_back(struct router *router, int outcome) {
  if (!router->holds_retry) return;
  router->holds_retry = false;
  gw_worker_cluster_give_back_retry(router->stream->cluster, outcome);
}

void gw_router_retry_settle(struct router *router) {
  router->is_answering = true;
  router->is_waiting = false;
  if (router->policy == NULL) return;
  gw_timer_stop(&router->timer);
  gw_replay_buffer_done(&router->replay);
  give_back(router, router->attempt.is_head_done ? 1 : 0);
}

void gw_router_retry_done(struct router *router) {
  if (router->policy == NULL) return;
  gw_router_retry_settle(router);
  gw_worker_cluster_end_request(router->stream->cluster);
  router->policy = NULL;
}

/* Before the answer begins, within policy and budget, of what can be sent again. */
static bool may_retry(struct router *router) {
  struct gw_stream *stream = router->stream;
  give_back(router, -1);
  if (!gw_router_may_replay(router)) return false;
  if (router->retry_count >= router->policy->count) {
    stream->flags |= GW_FLAG_UPSTREAM_RETRY_LIMIT;
    gw_worker_cluster_counts(stream->cluster)->retries_exhausted_total++;
    return false;
  }
  router->holds_retry = gw_worker_cluster_take_retry(stream->cluster);
  if (!router->holds_retry) stream->flags |= GW_FLAG_UPSTREAM_OVERFLOW;
  return router->holds_retry;
}

static void schedule(struct router *router) {
  struct gw_stream *stream = router->stream;
  uint64_t wait_ms = gw_retry_backoff_ms(router->policy, ++router->retry_count, &stream->pipeline->random);
  gw_worker_cluster_counts(stream->cluster)->retries_total++;
  router->is_waiting = true;
  gw_timer_start(loop_of(router), &router->timer, wait_ms);
  if (!stream->is_request_complete) gw_stream_set_request_paused(stream, GW_PAUSE_FILTER, true);
}

bool gw_router_retry_after_failure(struct router *router, const struct gw_failure *failure) {
  if (router->policy == NULL) return false;
  gw_timer_stop(&router->timer);
  if (router->is_answering || !gw_retry_wants_failure(router->policy, failure) || !may_retry(router)) return false;
  schedule(router);
  return true;
}

/* The connection may serve the next request if the answer's rest comes in the time that is waited anyway. */
bool gw_router_retry_after_head(struct router *router) {
  const struct gw_response_head *response = &router->attempt.response;
  if (router->policy == NULL || router->attempt.is_tunnel || !gw_retry_wants_answer(router->policy, response) || !may_retry(router))
    return false;
  gw_router_record(router, NULL);
  schedule(router);
  return true;
}

/* ---- records ---- */

void gw_router_record(struct router *router, const struct gw_failure *failure) {
  const struct gw_attempt *attempt = &router->attempt;
  struct gw_stream *stream = router->stream;
  bool is_sent = attempt->has_request_ended || attempt->is_head_done;
  struct gw_attempt_record record = {
      .number = stream->attempt_count,
      .endpoint = stream->upstream_host,
      .phase = !attempt->was_connected ? GW_ATTEMPT_CONNECT
               : is_sent               ? GW_ATTEMPT_RESPONSE
                                       : GW_ATTEMPT_REQUEST,
      .is_reused = attempt->is_reused,
      .idle_ms = attempt->idle_age_ms,
      .duration_ms = gw_loop_now_ms(loop_of(router)) - router->try_started_ms,
      .status = failure == NULL ? attempt->response.status : 0,
      .flag = failure != NULL ? failure->flag : 0,
      .detail = failure != NULL ? failure->detail : GW_STR("via_upstream"),
  };
  gw_attempt_records_add(&stream->attempts, &stream->arena, &record);
}

void gw_router_record_end(struct router *router) {
  const struct gw_stream *stream = router->stream;
  if (router->is_waiting || !gw_attempt_is_open(&router->attempt) || stream->flags == 0) return;
  gw_router_record(router, &(struct gw_failure){.flag = stream->flags, .detail = stream->detail});
}

struct gw_tried_endpoints gw_router_tried(const struct router *router) {
  const struct gw_attempt_records *records = &router->stream->attempts;
  struct gw_tried_endpoints tried = {.count = records->count};
  for (uint32_t i = 0; i < records->count; i++)
    tried.items[i] = records->items[i].endpoint;
  return tried;
}
