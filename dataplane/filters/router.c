#include "dataplane/filters/router.h"

#include "common/message/grpc.h"
#include "common/routing/redirect.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/stream.h"
#include "dataplane/upstream/attempt.h"

struct router {
  struct gw_stream *stream;
  bool has_retried;
  bool has_body;               /* of the answer */
  bool has_grpc_timeout;       /* the caller's deadline, or none, instead of the route's */
  struct gw_request_head head; /* as it goes to the service */
  struct gw_attempt attempt;
};

static const struct gw_attempt_calls attempt_calls;

static void fail(struct gw_stream *stream, uint32_t status, uint32_t flag, const char *detail, const char *message) {
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = GW_FAILURE_GATEWAY,
                                              .flag = flag,
                                              .detail = gw_str_from(detail),
                                              .message = gw_str_from(message)});
}

/* RouteAction.timeout counts from here (Envoy: "the entire downstream request has been processed"). gRPC's, if it is heeded, from the
 * beginning: its streams may be long in both directions. */
static void start_timeout(struct router *router) {
  struct gw_stream *stream = router->stream;
  uint64_t timeout_ms = stream->route->forward.timeout_ms;
  if (timeout_ms == 0 || router->has_grpc_timeout || stream->is_tunnel) return;
  stream->route_deadline_ms = gw_loop_now_ms(stream->pipeline->loop) + timeout_ms;
}

static void end_request(struct router *router) {
  gw_attempt_send_end(&router->attempt, router->stream->request_trailers);
  start_timeout(router);
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
  if (!stream->is_request_complete && stream->request.expects_continue) stream->calls->send_continue(stream);
}

static void start_attempt(struct router *router, bool is_new) {
  struct gw_stream *stream = router->stream;
  struct gw_upstream_pick pick;
  struct gw_failure failure;
  if (gw_worker_cluster_pick(stream->cluster, &pick) != GW_OK) {
    fail(stream, 503, GW_FLAG_NO_HEALTHY_UPSTREAM, "no_healthy_upstream", "the service has no usable instance");
    return;
  }
  stream->upstream_host = gw_arena_copy(&stream->arena, pick.endpoint);
  if (router->head.authority.len == 0) router->head.authority = stream->upstream_host;
  unsigned flags = (is_new ? GW_ATTEMPT_IS_NEW : 0) | (stream->can_wait ? GW_ATTEMPT_CAN_WAIT : 0);
  if (!gw_attempt_start(&router->attempt, pick.pool, flags, &router->head, &stream->arena, &attempt_calls, router, &failure)) {
    gw_stream_fail(stream, &failure);
    return;
  }
  /* Nobody would take its body, nor what has come of it already. */
  if (gw_attempt_is_waiting(&router->attempt)) gw_stream_set_request_paused(stream, GW_PAUSE_FILTER, true);
  if (router->head.upgrade.len > 0) {
    start_timeout(router); /* of the handshake: a tunnel has none */
  } else if (stream->is_request_complete) {
    end_request(router);
  } else if (gw_attempt_is_connected(&router->attempt)) {
    invite_body(router);
  }
}

static enum gw_verdict forward(struct router *router) {
  struct gw_stream *stream = router->stream;
  const struct gw_route_forward *action = &stream->route->forward;
  if (stream->cluster == NULL) {
    fail(stream, 503, GW_FLAG_NO_CLUSTER, "cluster_not_found", "the service is not known");
    return GW_VERDICT_REPLIED;
  }
  if (action->has_idle_timeout) stream->idle_timeout_ms = action->idle_timeout_ms;
  router->head = stream->request;
  heed_grpc_timeout(router);
  router->head.path = gw_route_table_rewrite(gw_stream_find_routes(stream)->table, stream->route, stream->request.path, &stream->arena);
  start_attempt(router, false);
  return GW_VERDICT_NEXT;
}

static void redirect(struct gw_stream *stream, const struct gw_route *route) {
  struct gw_str location;
  if (gw_redirect_location(route, &stream->request, &stream->arena, &location) != GW_OK) {
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
  if (!gw_attempt_is_open(&router->attempt)) return GW_VERDICT_NEXT;
  if (data.len > 0 && !gw_attempt_send_body(&router->attempt, data)) gw_stream_set_request_paused(stream, GW_PAUSE_UPSTREAM, true);
  if (is_last) end_request(router);
  return GW_VERDICT_NEXT;
}

/* An answer of our own (a timeout, a body that is too large) is the only one: HTTP/2 may keep the stream for a while after it. */
static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)stream, (void)settings;
  struct router *router = state;
  if (!router->attempt.is_head_done) gw_attempt_cancel(&router->attempt);
}

static void on_response_pause(struct gw_stream *stream, void *state, bool is_paused) {
  (void)stream;
  struct router *router = state;
  gw_attempt_set_paused(&router->attempt, is_paused);
}

static void on_end(struct gw_stream *stream, void *state, const void *settings) {
  (void)stream, (void)settings;
  struct router *router = state;
  gw_attempt_cancel(&router->attempt);
}

/* ---- the attempt's side ---- */

static void resume_request(struct router *router) {
  gw_stream_set_request_paused(router->stream, GW_PAUSE_FILTER | GW_PAUSE_UPSTREAM, false);
}

static void on_connected(void *arg) {
  struct router *router = arg;
  invite_body(router);
  resume_request(router);
}

static void on_head(void *arg) {
  struct router *router = arg;
  struct gw_stream *stream = router->stream;
  stream->response = router->attempt.response;
  gw_headers_remove_hop_by_hop(&stream->response.headers);
  stream->detail = GW_STR("via_upstream");
  router->has_body = stream->response.content_length != GW_LENGTH_NONE && stream->response.content_length != 0;
  gw_stream_respond(stream, router->has_body);
}

static void on_body(void *arg, struct gw_str data) {
  struct router *router = arg;
  gw_stream_respond_body(router->stream, data);
}

static void on_answered(void *arg) {
  struct router *router = arg;
  if (router->attempt.trailers.count > 0) router->stream->response_trailers = &router->attempt.trailers;
  if (router->has_body) gw_stream_respond_end(router->stream);
  resume_request(router);
}

static void on_failure(void *arg, const struct gw_failure *failure) {
  struct router *router = arg;
  struct gw_stream *stream = router->stream;
  /* Only the race of keep-alive, when the connection was dead as the request was sent on it, and what HTTP/2 says was not looked at. */
  bool was_connected = failure->flag != GW_FLAG_UPSTREAM_CONNECT_FAILURE;
  if (failure->retry_ok && was_connected && !router->has_retried) {
    router->has_retried = true;
    gw_worker_cluster_counts(stream->cluster)->retries_total++;
    start_attempt(router, true);
    return;
  }
  gw_stream_fail(stream, failure);
  resume_request(router);
}

static void on_drained(void *arg) {
  resume_request(arg);
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
