#include "dataplane/filters/node_endpoints.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/routing/own_endpoint.h"
#include "dataplane/filters/long_text.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/stream_trace.h"

struct settings {
  const struct gw_node_endpoints *model;
  const struct gw_cidr *metrics_allow;
};

struct state;

/* Lives until the metrics have come, which may be after the stream. */
struct query {
  struct gw_stream *stream; /* NULL: nobody waits any more */
  struct state *state;      /* the stream's */
};

struct state {
  struct query *query;
  struct gw_long_text answer;
};

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  const struct gw_node_endpoints *endpoints = &model->settings.node_endpoints;
  struct settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  struct gw_cidr *cidrs = gw_arena_calloc(build->arena, endpoints->metrics_allow_count, sizeof(*cidrs));
  for (uint32_t i = 0; i < endpoints->metrics_allow_count; i++) {
    if (gw_cidr_parse(endpoints->metrics_allow[i], &cidrs[i]) == GW_OK) continue;
    gw_errors_add(build->errors, build->place, "metrics_allow[%u]: \"%.*s\" is not a range such as 10.0.0.0/8", i,
                  GW_STR_ARG(endpoints->metrics_allow[i]));
  }
  settings->model = endpoints;
  settings->metrics_allow = cidrs;
  return settings;
}

static bool is_allowed(const struct settings *settings, const struct gw_address *address) {
  if (gw_address_is_loopback(address)) return true;
  for (uint32_t i = 0; i < settings->model->metrics_allow_count; i++)
    if (gw_cidr_contains(&settings->metrics_allow[i], address)) return true;
  return false;
}

static void reply_metrics(struct gw_stream *stream, struct gw_long_text *answer, struct gw_bytes *text) {
  if (text->len == 0) {
    stream->detail = GW_STR("metrics_unavailable");
    gw_local_reply_failure(stream, 503, 0, GW_STR("the metrics could not be had"));
    return;
  }
  stream->detail = GW_STR("node_metrics");
  gw_long_text_start(answer, stream, GW_STR("text/plain; version=0.0.4; charset=utf-8"), text);
}

static void on_metrics(void *arg, struct gw_bytes *text) {
  struct query *query = arg;
  struct gw_stream *stream = query->stream;
  if (stream != NULL) {
    struct state *state = query->state;
    state->query = NULL;
    reply_metrics(stream, &state->answer, text);
    gw_stream_resume(stream, GW_VERDICT_REPLIED);
  }
  free(query);
}

static enum gw_verdict metrics(struct gw_stream *stream, struct state *state, const struct settings *settings) {
  /* Both, since X-Forwarded-For may be believed here and a proxy may stand on a range that is allowed. */
  if (!is_allowed(settings, stream->peer) || !is_allowed(settings, &stream->remote)) {
    gw_stream_fail(stream, &(struct gw_failure){.status = 403,
                                                .side = GW_FAILURE_CLIENT,
                                                .detail = GW_STR("metrics_not_allowed"),
                                                .message = GW_STR("metrics are for loopback and the ranges that the operator allows")});
    return GW_VERDICT_REPLIED;
  }
  const struct gw_node_status_calls *calls = stream->pipeline->options.node_status;
  struct query *query = gw_calloc(1, sizeof(*query));
  query->stream = stream;
  query->state = state;
  state->query = query;
  calls->get_metrics(calls->arg, stream->pipeline->options.worker_index, on_metrics, query);
  return stream->is_response_started ? GW_VERDICT_REPLIED : GW_VERDICT_WAIT;
}

static enum gw_verdict ready(struct gw_stream *stream) {
  const struct gw_node_status_calls *calls = stream->pipeline->options.node_status;
  stream->detail = GW_STR("node_ready");
  if (calls->is_ready(calls->arg)) {
    gw_local_reply_text(stream, 200, GW_STR("application/json"), GW_STR("{\"status\":\"ready\"}"));
  } else {
    gw_local_reply_failure(stream, 503, 0, GW_STR("not ready"));
  }
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *arg, const void *settings_arg) {
  const struct settings *settings = settings_arg;
  enum gw_own_endpoint endpoint = gw_own_endpoint_find(settings->model, &stream->request);
  if (endpoint != GW_OWN_ENDPOINT_NONE) gw_stream_trace_drop(stream);
  switch (endpoint) {
  case GW_OWN_ENDPOINT_NONE: return GW_VERDICT_NEXT;
  case GW_OWN_ENDPOINT_READY: return ready(stream);
  case GW_OWN_ENDPOINT_METRICS: return metrics(stream, arg, settings);
  case GW_OWN_ENDPOINT_HEALTH: break;
  }
  stream->detail = GW_STR("node_health");
  gw_local_reply_text(stream, 200, GW_STR("application/json"), GW_STR("{\"status\":\"healthy\"}"));
  return GW_VERDICT_REPLIED;
}

static void on_response_pause(struct gw_stream *stream, void *arg, bool is_paused) {
  (void)stream;
  gw_long_text_set_paused(&((struct state *)arg)->answer, is_paused);
}

static void on_end(struct gw_stream *stream, void *arg, const void *settings) {
  (void)stream, (void)settings;
  struct state *state = arg;
  gw_long_text_done(&state->answer);
  if (state->query != NULL) state->query->stream = NULL;
}

const struct gw_filter gw_filter_node_endpoints = {
    .name = "gateway.filters.http.node_endpoints",
    .kind = GW_FILTER_NODE_ENDPOINTS,
    .state_size = sizeof(struct state),
    .build = build,
    .on_request = on_request,
    .on_response_pause = on_response_pause,
    .on_end = on_end,
};
