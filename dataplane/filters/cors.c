#include "dataplane/filters/cors.h"

#include "common/routing/cors_rules.h"
#include "dataplane/pipeline/local_reply.h"

struct state {
  const struct gw_cors_route *policy; /* of an origin that may read the answer; NULL: it has none, or may not */
  struct gw_str origin;
  bool varies; /* the answer depends on who asks */
};

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  if (model->cors == NULL || model->cors->is_disabled) return NULL;
  struct gw_cors_rules *rules = gw_arena_calloc(build->arena, 1, sizeof(*rules));
  gw_cors_rules_build(model->cors, build->place, build->arena, build->errors, rules);
  return rules;
}

static void free_route(const void *rules) {
  gw_cors_rules_done(rules);
}

static void set(struct gw_stream *stream, const char *name, struct gw_str value) {
  struct gw_headers *headers = &stream->response.headers;
  gw_headers_remove_name(headers, gw_str_from(name));
  if (value.len > 0) gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, gw_str_from(name), value);
}

static void set_origin(struct gw_stream *stream, const struct state *state) {
  set(stream, "access-control-allow-origin", state->origin);
  set(stream, "access-control-allow-credentials", state->policy->allows_credentials ? GW_STR("true") : (struct gw_str){NULL, 0});
}

static enum gw_verdict answer_preflight(struct gw_stream *stream, const struct state *state) {
  stream->detail = GW_STR("cors_response");
  stream->response.status = 200;
  stream->response.content_length = 0;
  set(stream, "access-control-allow-methods", state->policy->allow_methods);
  set(stream, "access-control-allow-headers", state->policy->allow_headers);
  set(stream, "access-control-max-age", state->policy->max_age);
  gw_stream_respond(stream, false);
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict refuse_preflight(struct gw_stream *stream) {
  stream->detail = GW_STR("cors_origin_not_allowed");
  stream->response.status = 200;
  stream->response.content_length = 0;
  gw_stream_respond(stream, false);
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *arg, const void *of_listener) {
  (void)of_listener;
  struct state *state = arg;
  const struct gw_cors_rules *rules = gw_stream_route_settings(stream, GW_FILTER_CORS);
  if (rules == NULL) return GW_VERDICT_NEXT;
  state->varies = true;
  enum gw_cors_verdict verdict = gw_cors_rules_judge(rules, &stream->request, &stream->arena);
  if (verdict == GW_CORS_PREFLIGHT_REFUSED) return refuse_preflight(stream);
  if (verdict != GW_CORS_ALLOWED && verdict != GW_CORS_PREFLIGHT) return GW_VERDICT_NEXT;
  state->policy = rules->model;
  state->origin = gw_headers_find(&stream->request.headers, GW_HEADER_ORIGIN)->value;
  return verdict == GW_CORS_PREFLIGHT ? answer_preflight(stream, state) : GW_VERDICT_NEXT;
}

static void on_response(struct gw_stream *stream, void *arg, const void *settings) {
  (void)settings;
  const struct state *state = arg;
  if (!state->varies) return;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("vary"), GW_STR("Origin"));
  if (state->policy == NULL) return;
  set_origin(stream, state);
  if (state->policy->expose_headers.len > 0 && !gw_cors_is_preflight(&stream->request))
    set(stream, "access-control-expose-headers", state->policy->expose_headers);
}

const struct gw_filter gw_filter_cors = {
    .name = "envoy.filters.http.cors",
    .kind = GW_FILTER_CORS,
    .state_size = sizeof(struct state),
    .build_route = build_route,
    .free_route_settings = free_route,
    .on_request = on_request,
    .on_response = on_response,
};
