#include "dataplane/filters/access.h"

#include "common/routing/address_rules.h"
#include "dataplane/pipeline/failed_credentials.h"

#define MINUTE_MS 60000u

/* NULL: any number of bad credentials. */
static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  uint32_t most = model->settings.access.max_failed_credentials_per_minute;
  if (most == 0) return NULL;
  struct gw_rate_limit_rate *rate = gw_arena_alloc(build->arena, sizeof(*rate));
  *rate = gw_rate_limit_rate_make(most, MINUTE_MS, most);
  return rate;
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  if (model->access == NULL) return NULL;
  struct gw_address_rules *rules = gw_arena_calloc(build->arena, 1, sizeof(*rules));
  gw_address_rules_build(model->access, build->place, build->arena, build->errors, rules);
  return rules;
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
  const struct gw_address_rules *rules = gw_stream_route_settings(stream, GW_FILTER_ACCESS);
  if (rules != NULL && gw_address_rules_judge(rules, &stream->remote) != GW_ADDRESS_ALLOWED) return refuse_address(stream);
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
