#include "dataplane/filters/cors.h"

#include "common/base/mem.h"
#include "common/model/access.h"
#include "common/routing/claim_rule.h"
#include "dataplane/pipeline/local_reply.h"

struct route_settings {
  const struct gw_cors_route *model;
  struct gw_text_rule *origins;
  struct gw_regex_list *regexes;
};

struct state {
  const struct gw_cors_route *policy; /* of an origin that may read the answer; NULL: it has none, or may not */
  struct gw_str origin;
  bool varies; /* the answer depends on who asks */
};

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  if (model->cors == NULL || model->cors->is_disabled) return NULL;
  struct route_settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  struct gw_rule_build rules = {.arena = build->arena, .errors = build->errors, .place = build->place};
  settings->model = model->cors;
  settings->origins = gw_arena_calloc(build->arena, model->cors->origin_count, sizeof(*settings->origins));
  for (uint32_t i = 0; i < model->cors->origin_count; i++)
    gw_rule_build_text(&rules, &model->cors->origins[i], &settings->origins[i]);
  settings->regexes = rules.regexes;
  return settings;
}

static void free_route(const void *arg) {
  gw_regex_list_free(((const struct route_settings *)arg)->regexes);
}

/* A matcher that takes "*" takes all, as in Envoy. */
static bool is_allowed(const struct route_settings *settings, struct gw_str origin, struct gw_arena *scratch) {
  struct gw_route_work work = {.scratch = scratch};
  for (uint32_t i = 0; i < settings->model->origin_count; i++) {
    const struct gw_text_rule *rule = &settings->origins[i];
    if (gw_text_rule_match(rule, GW_STR("*"), &work) || gw_text_rule_match(rule, origin, &work)) return true;
  }
  return false;
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

static bool is_preflight(const struct gw_stream *stream) {
  const struct gw_header *method = gw_headers_find_name(&stream->request.headers, GW_STR("access-control-request-method"));
  return stream->request.method == GW_METHOD_OPTIONS && method != NULL && method->value.len > 0;
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

static enum gw_verdict on_request(struct gw_stream *stream, void *arg, const void *of_listener) {
  (void)of_listener;
  struct state *state = arg;
  const struct route_settings *settings = gw_stream_route_settings(stream, GW_FILTER_CORS);
  if (settings == NULL) return GW_VERDICT_NEXT;
  state->varies = true;
  const struct gw_header *origin = gw_headers_find(&stream->request.headers, GW_HEADER_ORIGIN);
  if (origin == NULL || origin->value.len == 0) return GW_VERDICT_NEXT;
  bool is_asked_before = is_preflight(stream);
  if (is_allowed(settings, origin->value, &stream->arena)) {
    state->policy = settings->model;
    state->origin = origin->value;
    return is_asked_before ? answer_preflight(stream, state) : GW_VERDICT_NEXT;
  }
  if (!is_asked_before || !settings->model->refuses_other_preflights) return GW_VERDICT_NEXT;
  stream->detail = GW_STR("cors_origin_not_allowed");
  stream->response.status = 200;
  stream->response.content_length = 0;
  gw_stream_respond(stream, false);
  return GW_VERDICT_REPLIED;
}

static void on_response(struct gw_stream *stream, void *arg, const void *settings) {
  (void)settings;
  const struct state *state = arg;
  if (!state->varies) return;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("vary"), GW_STR("Origin"));
  if (state->policy == NULL) return;
  set_origin(stream, state);
  if (state->policy->expose_headers.len > 0 && !is_preflight(stream))
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
