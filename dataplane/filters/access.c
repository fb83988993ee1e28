#include "dataplane/filters/access.h"

#include "common/model/access.h"
#include "common/net/cidr_set.h"
#include "dataplane/pipeline/failed_credentials.h"

#define MINUTE_MS 60000u

struct route_settings {
  bool allows_all;
  struct gw_cidr_set allow;
  struct gw_cidr_set deny;
};

/* NULL: any number of bad credentials. */
static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  uint32_t most = model->settings.access.max_failed_credentials_per_minute;
  if (most == 0) return NULL;
  struct gw_rate_limit_rate *rate = gw_arena_alloc(build->arena, sizeof(*rate));
  *rate = gw_rate_limit_rate_make(most, MINUTE_MS, most);
  return rate;
}

static void build_ranges(const struct gw_filter_build *build, const struct gw_str *texts, uint32_t count, struct gw_cidr_set *ret_set) {
  struct gw_str bad;
  if (gw_cidr_set_build(texts, count, build->arena, ret_set, &bad) != GW_OK)
    gw_errors_add(build->errors, build->place, "\"%.*s\" is no CIDR range, or has bits set behind its prefix", GW_STR_ARG(bad));
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  const struct gw_access_route *route = model->access;
  if (route == NULL) return NULL;
  struct route_settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  settings->allows_all = route->allow_count == 0;
  build_ranges(build, route->allow, route->allow_count, &settings->allow);
  build_ranges(build, route->deny, route->deny_count, &settings->deny);
  return settings;
}

static bool is_allowed(const struct route_settings *settings, const struct gw_address *client) {
  if (!settings->allows_all && !gw_cidr_set_contains(&settings->allow, client)) return false;
  return !gw_cidr_set_contains(&settings->deny, client);
}

static enum gw_verdict refuse_address(struct gw_stream *stream) {
  stream->pipeline->stats->addresses_refused_total++;
  gw_stream_fail(stream, &(struct gw_failure){.status = 403,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_UNAUTHORIZED,
                                              .detail = GW_STR("address_not_allowed"),
                                              .message = GW_STR("access denied")});
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict refuse_guessing(struct gw_stream *stream, uint32_t wait_s) {
  stream->pipeline->stats->guesses_refused_total++;
  struct gw_str text = gw_str_from(gw_arena_printf(&stream->arena, "%u", wait_s));
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_RETRY_AFTER, GW_STR("retry-after"), text);
  gw_stream_fail(stream, &(struct gw_failure){.status = 429,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_RATE_LIMITED,
                                              .detail = GW_STR("too_many_failed_credentials"),
                                              .message = GW_STR("too many credentials were refused; try again later")});
  return GW_VERDICT_REPLIED;
}

static bool looks_at_credentials(struct gw_stream *stream) {
  return gw_stream_route_settings(stream, GW_FILTER_JWT_AUTHN) != NULL || gw_stream_route_settings(stream, GW_FILTER_API_KEY) != NULL;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *of_listener) {
  (void)state;
  uint32_t wait_s;
  stream->failed_credentials = of_listener;
  const struct route_settings *route = gw_stream_route_settings(stream, GW_FILTER_ACCESS);
  if (route != NULL && !is_allowed(route, &stream->remote)) return refuse_address(stream);
  if (looks_at_credentials(stream) && gw_failed_credentials_are_used_up(stream, &wait_s)) return refuse_guessing(stream, wait_s);
  return GW_VERDICT_NEXT;
}

const struct gw_filter gw_filter_access = {
    .name = "gateway.filters.http.access",
    .kind = GW_FILTER_ACCESS,
    .build = build,
    .build_route = build_route,
    .on_request = on_request,
};
