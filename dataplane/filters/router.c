#include "dataplane/filters/router.h"

#include "common/message/grpc.h"
#include "common/message/status.h"
#include "dataplane/filters/hash_policy.h"
#include "dataplane/filters/router_state.h"
#include "dataplane/filters/split.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/stream_trace.h"

static const struct gw_attempt_calls attempt_calls;

static void fail(struct gw_stream *stream, uint32_t status, uint32_t flag, const char *detail, const char *message) {
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = GW_FAILURE_GATEWAY,
                                              .flag = flag,
                                              .detail = gw_str_from(detail),
                                              .message = gw_str_from(message)});
}

/* RouteAction.timeout counts from here (Envoy: "the entire downstream request has been processed"). gRPC's, if it is heeded, from the
 * beginning: its streams may be long in both directions. It covers all tries. */
static void start_timeout(struct router *router) {
  struct gw_stream *stream = router->stream;
  uint64_t timeout_ms = stream->route->forward.timeout_ms;
  if (timeout_ms == 0 || stream->route_deadline_ms != 0 || router->has_grpc_timeout || stream->is_tunnel) return;
  stream->route_deadline_ms = gw_loop_now_ms(stream->pipeline->loop) + timeout_ms;
}

static void end_request(struct router *router) {
  gw_attempt_send_end(&router->attempt, router->stream->request_trailers);
  start_timeout(router);
  gw_router_retry_start_clock(router);
}

/* RouteAction.max_grpc_timeout: instead of the route's timeout what the caller says, within bounds; who says nothing has all the time that
 * they leave. */
static void heed_grpc_timeout(struct router *router) {
  struct gw_stream *stream = router->stream;
  const struct gw_route_forward *action = &stream->route->forward;
  if (!action->has_grpc_timeout || !gw_stream_is_grpc(stream)) return;
  const struct gw_header *header = gw_headers_find(&stream->request.headers, GW_HEADER_GRPC_TIMEOUT);
  uint64_t timeout_ms = 0;
  router->has_grpc_timeout = true;
  if (header != NULL && gw_grpc_timeout_parse(header->value, &timeout_ms) != GW_OK) timeout_ms = 0;
  uint64_t max_ms = action->max_grpc_timeout_ms;
  if (max_ms != 0 && (timeout_ms == 0 || timeout_ms > max_ms)) timeout_ms = max_ms;
  if (timeout_ms != 0) stream->route_deadline_ms = stream->started_us / 1000 + timeout_ms;
}

/* The gateway answers Expect itself once there is somebody to take the body: a service that is away costs the client no upload. */
static void invite_body(struct router *router) {
  struct gw_stream *stream = router->stream;
  if (stream->is_request_complete || !stream->request.expects_continue || router->has_invited_body) return;
  router->has_invited_body = true;
  stream->calls->send_continue(stream);
}

/* ---- what outlier detection is told: the status of the answer, or of what stands for it ---- */

static void forget_host(struct router *router) {
  gw_host_unref(router->host);
  router->host = NULL;
}

static void tell_host(struct router *router, uint32_t status) {
  if (router->host == NULL) return;
  gw_host_count(router->host, status);
  forget_host(router);
}

/* gRPC's own status counts, which comes last; the answer's tells that there will be one. */
static void tell_host_of_answer(struct router *router, bool is_whole) {
  if (router->host == NULL) return;
  const struct gw_response_head *head = &router->attempt.response;
  if (!gw_stream_is_grpc(router->stream) || head->status != 200) {
    tell_host(router, head->status);
    return;
  }
  const struct gw_headers *fields = router->attempt.trailers.count > 0 ? &router->attempt.trailers : &head->headers;
  const struct gw_header *code = gw_headers_find(fields, GW_HEADER_GRPC_STATUS);
  if (code != NULL) {
    tell_host(router, gw_status_from_grpc(code->value));
  } else if (is_whole) {
    forget_host(router);
  }
}

/* What an earlier try had of the body. */
static void replay_body(struct router *router) {
  router->owes_body = false;
  bool may_go_on = true;
  for (const struct gw_replay_piece *piece = router->replay.first; piece != NULL; piece = piece->next)
    may_go_on = gw_attempt_send_body(&router->attempt, (struct gw_str){piece->data, piece->len});
  if (!may_go_on) gw_stream_set_request_paused(router->stream, GW_PAUSE_UPSTREAM, true);
}

static void begin_body(struct router *router) {
  struct gw_stream *stream = router->stream;
  if (router->head.upgrade.len > 0) {
    start_timeout(router); /* of the handshake: a tunnel has none */
    gw_router_retry_start_clock(router);
    return;
  }
  bool is_waiting = gw_attempt_is_waiting(&router->attempt);
  if (router->has_sent_body) {
    router->owes_body = is_waiting;
    if (!is_waiting) replay_body(router);
  }
  if (stream->is_request_complete && router->owes_body) {
    gw_router_retry_start_clock(router); /* the rest follows when it is connected */
  } else if (stream->is_request_complete) {
    end_request(router);
  } else if (gw_attempt_is_connected(&router->attempt)) {
    invite_body(router);
  }
}

static enum gw_err pick_endpoint(struct router *router, struct gw_upstream_pick *ret_pick) {
  const struct gw_stream *stream = router->stream;
  const struct gw_retry_policy *policy = router->policy;
  if (policy == NULL || !policy->avoids_previous_hosts || stream->attempts.count == 0)
    return gw_worker_cluster_pick(stream->cluster, &router->key, ret_pick);
  struct gw_tried_endpoints tried = gw_router_tried(router);
  return gw_worker_cluster_pick_other(stream->cluster, &router->key, policy->host_attempts, &tried, ret_pick);
}

/* X-Envoy-Attempt-Count, ours alone. The client's fields are in the same array, in front. */
static void tell_attempt_count(struct router *router) {
  struct gw_stream *stream = router->stream;
  struct gw_headers *headers = &router->head.headers;
  struct gw_str name = GW_STR("x-envoy-attempt-count"), count = GW_STR("1");
  if (stream->attempt_count > 1) count = gw_str_from(gw_arena_printf(&stream->arena, "%u", stream->attempt_count));
  if (router->count_header > 0) {
    headers->items[router->count_header - 1].value = count;
    return;
  }
  if (gw_headers_find_name(headers, name) != NULL) {
    *headers = gw_headers_copy(headers, &stream->arena, 1);
    gw_headers_remove_name(headers, name);
  }
  gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, name, count);
  router->count_header = headers->count;
}

void gw_router_start_attempt(struct router *router, bool is_new) {
  struct gw_stream *stream = router->stream;
  struct gw_upstream_pick pick;
  struct gw_failure failure;
  if (!gw_circuit_guard_enter(&router->circuit, stream)) return;
  if (pick_endpoint(router, &pick) != GW_OK) {
    gw_circuit_guard_on_cancel(&router->circuit, stream);
    fail(stream, 503, GW_FLAG_NO_HEALTHY_UPSTREAM, "no_healthy_upstream", "the service has no usable instance");
    return;
  }
  forget_host(router); /* of a try whose answer nobody wanted */
  router->host = pick.host;
  stream->upstream_host = gw_arena_copy(&stream->arena, pick.endpoint);
  stream->attempt_count++;
  router->try_started_ms = gw_loop_now_ms(stream->pipeline->loop);
  router->span = gw_stream_trace_begin_attempt(stream);
  if (stream->route->forward.tells_attempt_count) tell_attempt_count(router);
  if (router->span != NULL) {
    router->span->path = router->head.path;
    router->span->has_tls = gw_upstream_pool_has_tls(pick.pool);
  }
  if (router->head.authority.len == 0) router->head.authority = stream->upstream_host;
  unsigned flags = (is_new ? GW_ATTEMPT_IS_NEW : 0) | (stream->can_wait ? GW_ATTEMPT_CAN_WAIT : 0);
  if (!gw_attempt_start(&router->attempt, pick.pool, flags, &router->head, &stream->arena, &attempt_calls, router, &failure)) {
    gw_router_on_failure(router, &failure);
    return;
  }
  /* Nobody would take its body, nor what has come of it already. */
  if (gw_attempt_is_waiting(&router->attempt)) gw_stream_set_request_paused(stream, GW_PAUSE_FILTER, true);
  begin_body(router);
}

/* By the request as the client sent it. */
static void choose_cluster(struct router *router) {
  struct gw_stream *stream = router->stream;
  const struct gw_route_forward *action = &stream->route->forward;
  if (action->split->by_hash) router->key = gw_hash_policy_key(stream, action, &router->cookies);
  gw_stream_choose_cluster(stream, gw_split_choose(action->split, &router->key, &stream->pipeline->random));
}

/* The request as the service is to see it; its fields are the stream's too, as in Envoy: what is said of the request from here on, in the
 * answer's fields or in the log, is what became of it. */
static void rewrite(struct router *router) {
  struct gw_stream *stream = router->stream;
  const struct gw_route *route = stream->route;
  if (route->request_headers != NULL) gw_header_rules_apply(stream, false, &stream->request.headers);
  router->head = stream->request;
  if (route->forward.host_rewrite.len > 0) router->head.authority = route->forward.host_rewrite;
  router->head.path = gw_route_table_rewrite(gw_stream_find_routes(stream)->table, route, stream->request.path, &stream->arena);
}

static enum gw_verdict forward(struct router *router) {
  struct gw_stream *stream = router->stream;
  const struct gw_route_forward *action = &stream->route->forward;
  if (gw_stream_find_routes(stream)->has_body_limits && !gw_stream_check_length(stream)) return GW_VERDICT_REPLIED;
  if (action->split != NULL) choose_cluster(router);
  if (stream->cluster == NULL) {
    fail(stream, 503, GW_FLAG_NO_CLUSTER, "cluster_not_found", "the service is not known");
    return GW_VERDICT_REPLIED;
  }
  if (action->has_idle_timeout) stream->idle_timeout_ms = action->idle_timeout_ms;
  if (action->max_duration_ms != 0) stream->duration_deadline_ms = stream->started_us / 1000 + action->max_duration_ms;
  if (action->retry != NULL) gw_router_retry_init(router, action->retry);
  heed_grpc_timeout(router);
  rewrite(router);
  /* Made once: it may make up a cookie. */
  if (action->hash_policy_count > 0 && !router->key.has_hash && gw_worker_cluster_wants_hash(stream->cluster))
    router->key = gw_hash_policy_key(stream, action, &router->cookies);
  gw_router_start_attempt(router, false);
  return GW_VERDICT_NEXT;
}

static void redirect(struct gw_stream *stream, const struct gw_route *route) {
  struct gw_str location;
  const struct gw_route_table *table = gw_stream_find_routes(stream)->table;
  if (gw_route_table_redirect(table, route, &stream->request, &stream->arena, &location) != GW_OK) {
    gw_stream_fail(stream, &(struct gw_failure){.status = 400,
                                                .side = GW_FAILURE_CLIENT,
                                                .detail = GW_STR("redirect_without_host"),
                                                .message = GW_STR("a request that is sent elsewhere needs a host")});
    return;
  }
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_LOCATION, GW_STR("location"), location);
  stream->detail = GW_STR("redirect");
  gw_local_reply_text(stream, route->redirect->status, (struct gw_str){0}, (struct gw_str){0});
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)settings;
  struct router *router = state;
  router->stream = stream;
  if (gw_stream_find_routes(stream) == NULL) {
    fail(stream, 503, GW_FLAG_NO_ROUTE, "route_configuration_missing", "this listener has no routes yet");
    return GW_VERDICT_REPLIED;
  }
  const struct gw_route *route = gw_stream_get_route(stream);
  if (route == NULL && stream->is_route_undecided) {
    fail(stream, 500, GW_FLAG_NO_ROUTE, "route_regex_limit", "a regular expression took too long to say which route this is");
    return GW_VERDICT_REPLIED;
  }
  if (route == NULL) {
    fail(stream, 404, GW_FLAG_NO_ROUTE, "route_not_found", "no route matches");
    return GW_VERDICT_REPLIED;
  }
  if (route->action == GW_ROUTE_FORWARD) return forward(router);
  if (route->action == GW_ROUTE_REDIRECT) {
    redirect(stream, route);
    return GW_VERDICT_REPLIED;
  }
  stream->detail = GW_STR("direct_response");
  gw_local_reply_direct(stream, &route->direct);
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict on_request_body(struct gw_stream *stream, void *state, const void *settings, struct gw_str data, bool is_last) {
  (void)settings;
  struct router *router = state;
  /* The service may have answered before it had the whole request: the rest goes nowhere. */
  if (router->is_waiting) {
    if (is_last) start_timeout(router); /* the next try takes it */
    gw_replay_buffer_add(&router->replay, data);
    return GW_VERDICT_NEXT;
  }
  if (!gw_attempt_is_open(&router->attempt)) return GW_VERDICT_NEXT;
  if (data.len > 0) {
    router->has_sent_body = true;
    if (router->policy != NULL) gw_replay_buffer_add(&router->replay, data);
  }
  if (data.len > 0 && !gw_attempt_send_body(&router->attempt, data)) gw_stream_set_request_paused(stream, GW_PAUSE_UPSTREAM, true);
  if (is_last) end_request(router);
  return GW_VERDICT_NEXT;
}

/* An answer of our own (a timeout, a body that is too large) is the only one: HTTP/2 may keep the stream for a while after it. */
static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)settings;
  struct router *router = state;
  if (router->is_answering) return;
  gw_router_record_end(router);
  gw_stream_trace_end_attempt(stream, stream->detail);
  if ((stream->flags & GW_FLAG_UPSTREAM_TIMEOUT) != 0) {
    tell_host(router, 504);
    gw_attempt_time_out(&router->attempt);
  }
  gw_attempt_cancel(&router->attempt);
  gw_circuit_guard_on_cancel(&router->circuit, stream);
  gw_router_retry_settle(router);
}

static void on_response_pause(struct gw_stream *stream, void *state, bool is_paused) {
  (void)stream;
  struct router *router = state;
  gw_attempt_set_paused(&router->attempt, is_paused);
}

static void on_end(struct gw_stream *stream, void *state, const void *settings) {
  (void)settings;
  struct router *router = state;
  stream->is_upstream_reused = router->attempt.is_reused;
  gw_router_record_end(router);
  gw_stream_trace_end_attempt(stream, stream->flags != 0 ? stream->detail : (struct gw_str){0});
  gw_attempt_cancel(&router->attempt);
  gw_circuit_guard_on_cancel(&router->circuit, stream);
  gw_router_retry_done(router);
  forget_host(router);
}

/* ---- the attempt's side ---- */

void gw_router_resume_request(struct router *router) {
  gw_stream_set_request_paused(router->stream, GW_PAUSE_FILTER | GW_PAUSE_UPSTREAM, false);
}

static void on_connected(void *arg) {
  struct router *router = arg;
  router->try_moved_ms = gw_loop_now_ms(router->stream->pipeline->loop);
  invite_body(router);
  if (router->owes_body) {
    replay_body(router);
    if (router->stream->is_request_complete) end_request(router);
  }
  gw_router_resume_request(router);
}

/* What the trace tells of an answer. */
static void note_answer(struct router *router) {
  if (router->span == NULL) return;
  router->span->status = router->attempt.response.status;
  router->span->version = router->attempt.response.version;
  router->span->is_reused = router->attempt.is_reused;
}

static void on_head(void *arg) {
  struct router *router = arg;
  struct gw_stream *stream = router->stream;
  note_answer(router);
  gw_circuit_guard_on_head(&router->circuit, stream, &router->attempt.response);
  tell_host_of_answer(router, false);
  if (gw_router_retry_after_head(router)) return;
  if (stream->attempts.count > 0) gw_router_record(router, NULL);
  gw_router_retry_settle(router);
  stream->response = router->attempt.response;
  gw_headers_remove_hop_by_hop(&stream->response.headers);
  for (uint32_t i = 0; i < router->cookies.count; i++) {
    const struct gw_header *cookie = &router->cookies.items[i];
    gw_headers_add(&stream->response.headers, &stream->arena, cookie->id, cookie->name, cookie->value);
  }
  stream->detail = GW_STR("via_upstream");
  stream->answered_us = router->attempt.answered_us;
  router->has_body = stream->response.content_length != GW_LENGTH_NONE && stream->response.content_length != 0;
  gw_stream_respond(stream, router->has_body);
}

static void on_body(void *arg, struct gw_str data) {
  struct router *router = arg;
  if (!router->is_waiting) gw_stream_respond_body(router->stream, data);
}

static void on_answered(void *arg) {
  struct router *router = arg;
  gw_circuit_guard_on_end(&router->circuit, router->stream, &router->attempt.trailers);
  tell_host_of_answer(router, true);
  gw_stream_trace_end_attempt(router->stream, (struct gw_str){0});
  if (router->is_waiting) return;
  if (router->attempt.trailers.count > 0) router->stream->response_trailers = &router->attempt.trailers;
  if (router->has_body) gw_stream_respond_end(router->stream);
  gw_router_resume_request(router);
}

/* The race of keep-alive, when the connection was dead as the request was sent on it: whatever the policy, at once, and nobody's fault that
 * a budget would have to bear. What HTTP/2 says was not looked at is like it where no policy says more. */
static bool is_race(const struct router *router, const struct gw_failure *failure) {
  if (!failure->retry_ok || router->has_raced || !gw_router_may_replay(router)) return false;
  if (failure->flag == GW_FLAG_UPSTREAM_REMOTE_RESET) return router->policy == NULL;
  return failure->flag != GW_FLAG_UPSTREAM_CONNECT_FAILURE;
}

void gw_router_on_failure(struct router *router, const struct gw_failure *failure) {
  struct gw_stream *stream = router->stream;
  gw_circuit_guard_on_failure(&router->circuit, stream, failure);
  gw_stream_trace_end_attempt(stream, failure->detail);
  if (router->is_waiting) return; /* of the last try nothing was wanted any more */
  gw_router_record(router, failure);
  if (is_race(router, failure)) {
    router->has_raced = true;
    forget_host(router); /* that it closed an idle connection says nothing of its health */
    gw_worker_cluster_counts(stream->cluster)->retries_total++;
    gw_router_start_attempt(router, true);
    return;
  }
  if (failure->side == GW_FAILURE_UPSTREAM) tell_host(router, failure->flag == GW_FLAG_UPSTREAM_TIMEOUT ? 504 : 503);
  forget_host(router);
  if (gw_router_retry_after_failure(router, failure)) return;
  gw_stream_fail(stream, failure);
  gw_router_resume_request(router);
}

static void on_failure(void *arg, const struct gw_failure *failure) {
  gw_router_on_failure(arg, failure);
}

static void on_drained(void *arg) {
  struct router *router = arg;
  router->try_moved_ms = gw_loop_now_ms(router->stream->pipeline->loop);
  if (!router->is_waiting) gw_router_resume_request(router);
}

static const struct gw_attempt_calls attempt_calls = {
    .on_connected = on_connected,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_answered,
    .on_failure = on_failure,
    .on_drained = on_drained,
};

const struct gw_filter gw_filter_router = {
    .name = "envoy.filters.http.router",
    .kind = GW_FILTER_ROUTER,
    .state_size = sizeof(struct router),
    .on_request = on_request,
    .on_request_body = on_request_body,
    .on_response = on_response,
    .on_response_pause = on_response_pause,
    .on_end = on_end,
};
