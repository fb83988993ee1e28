#include "dataplane/filters/rate_limit.h"

#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "dataplane/filters/limit_check.h"

/* One limit, compiled. */
struct limit {
  const struct gw_rate_limit *model;
  struct gw_rate_limit_rate rate; /* burst 0: only plans are limited */
  struct gw_rate_limit_rate *plans;
  struct gw_json_path *claims; /* of keys that are claims */
};

struct limits {
  const struct limit *items;
  uint32_t count;
};

struct settings {
  const struct gw_shared_limit *model;
  struct limits limits;
};

/* ---- settings ---- */

static struct gw_rate_limit_rate make_rate(const struct gw_rate_limit_numbers *numbers) {
  if (numbers->requests == 0) return (struct gw_rate_limit_rate){0};
  return gw_rate_limit_rate_make(numbers->requests, numbers->per_ms, numbers->burst);
}

static void build_limit(const struct gw_filter_build *build, const struct gw_rate_limit *model, struct limit *out) {
  out->model = model;
  out->rate = make_rate(&model->numbers);
  out->plans = gw_arena_calloc(build->arena, model->plan_count, sizeof(*out->plans));
  out->claims = gw_arena_calloc(build->arena, model->key_count, sizeof(*out->claims));
  for (uint32_t i = 0; i < model->plan_count; i++)
    out->plans[i] = make_rate(&model->plans[i].numbers);
  for (uint32_t i = 0; i < model->key_count; i++) {
    const struct gw_rate_limit_key *key = &model->keys[i];
    if (key->kind == GW_RATE_LIMIT_KEY_CLAIM && gw_json_path_parse(key->name, build->arena, &out->claims[i]) != GW_OK)
      gw_errors_add(build->errors, build->place, "limit \"%.*s\": \"%.*s\" is no way to a claim, such as tenant or org.id",
                    GW_STR_ARG(model->name), GW_STR_ARG(key->name));
  }
}

static struct limits build_limits(const struct gw_filter_build *build, const struct gw_rate_limit *models, uint32_t count) {
  struct limit *items = gw_arena_calloc(build->arena, count, sizeof(*items));
  for (uint32_t i = 0; i < count; i++)
    build_limit(build, &models[i], &items[i]);
  return (struct limits){items, count};
}

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  struct settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  settings->model = &model->settings.shared_limit;
  settings->limits = build_limits(build, settings->model->limits, settings->model->count);
  return settings;
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  if (model->shared_limit == NULL) return NULL;
  struct limits *limits = gw_arena_calloc(build->arena, 1, sizeof(*limits));
  *limits = build_limits(build, model->shared_limit->limits, model->shared_limit->count);
  return limits;
}

/* ---- what a request is counted by ---- */

/* Who calls: with what kind of name, so that a user is not taken for a key of the same name. */
static void add_caller(const struct gw_stream *stream, struct gw_limit_key *key) {
  char client[GW_LIMIT_CLIENT_BYTES];
  if (stream->identity != NULL && stream->identity->user_id.len > 0) {
    gw_limit_key_add(key, GW_STR("user"));
    gw_limit_key_add(key, stream->identity->user_id);
  } else if (stream->plan != NULL && stream->plan->key_id.len > 0) {
    gw_limit_key_add(key, GW_STR("api_key"));
    gw_limit_key_add(key, stream->plan->key_id);
  } else {
    gw_limit_key_add(key, GW_STR("client"));
    gw_limit_key_add(key, gw_limit_client(&stream->remote, client));
  }
}

static void add_claim(struct gw_stream *stream, const struct gw_json_path *path, struct gw_limit_key *key) {
  const struct gw_json_value *value = stream->identity != NULL ? gw_json_walk(stream->identity->claims, path) : NULL;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
  if (value != NULL && value->kind == GW_JSON_STRING) {
    gw_limit_key_add(key, value->string);
    return;
  }
  if (value != NULL) gw_json_append_scalar(&text, value);
  gw_limit_key_add(key, gw_strbuf_str(&text));
}

static void add_key(struct gw_stream *stream, const struct limit *limit, uint32_t index, struct gw_limit_key *key) {
  const struct gw_rate_limit_key *by = &limit->model->keys[index];
  const struct gw_header *header;
  char client[GW_LIMIT_CLIENT_BYTES];
  switch (by->kind) {
  case GW_RATE_LIMIT_KEY_CALLER: add_caller(stream, key); return;
  case GW_RATE_LIMIT_KEY_USER: gw_limit_key_add(key, stream->identity != NULL ? stream->identity->user_id : GW_STR("")); return;
  case GW_RATE_LIMIT_KEY_API_KEY: gw_limit_key_add(key, stream->plan != NULL ? stream->plan->key_id : GW_STR("")); return;
  case GW_RATE_LIMIT_KEY_CLIENT: gw_limit_key_add(key, gw_limit_client(&stream->remote, client)); return;
  case GW_RATE_LIMIT_KEY_HEADER:
    header = gw_headers_find_name(&stream->request.headers, by->name);
    gw_limit_key_add(key, header != NULL ? header->value : GW_STR(""));
    return;
  case GW_RATE_LIMIT_KEY_CLAIM: add_claim(stream, &limit->claims[index], key); return;
  }
}

/* By the caller's plan; burst 0: it has no limit here. */
static const struct gw_rate_limit_rate *rate_of(const struct gw_stream *stream, const struct limit *limit) {
  const struct gw_rate_limit *model = limit->model;
  if (stream->plan == NULL || stream->plan->name.len == 0) return &limit->rate;
  for (uint32_t i = 0; i < model->plan_count; i++)
    if (gw_str_equal(model->plans[i].name, stream->plan->name)) return &limit->plans[i];
  return &limit->rate;
}

static uint32_t find_buckets(struct gw_stream *stream, const struct limits *limits, struct gw_limit_bucket *buckets) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < limits->count; i++) {
    const struct limit *limit = &limits->items[i];
    const struct gw_rate_limit_rate *rate = rate_of(stream, limit);
    if (rate->burst == 0) continue;
    struct gw_limit_key key;
    gw_limit_key_init(&key, limit->model->name);
    for (uint32_t k = 0; k < limit->model->key_count; k++)
      add_key(stream, limit, k, &key);
    buckets[count++] = (struct gw_limit_bucket){gw_limit_key_hash(&key), *rate, limit->model->scope};
  }
  return count;
}

/* ---- requests ---- */

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings_arg) {
  (void)state;
  const struct settings *settings = settings_arg;
  const struct limits *of_route = gw_stream_route_settings(stream, GW_FILTER_SHARED_LIMIT);
  struct gw_limit_bucket buckets[GW_RATE_LIMIT_MATCHES_MAX];
  struct gw_rate_limit_outcome outcome;
  uint32_t index, count = of_route != NULL ? find_buckets(stream, of_route, buckets) : 0;
  count += find_buckets(stream, &settings->limits, buckets + count);
  if (count == 0) return GW_VERDICT_NEXT;
  bool is_allowed = gw_limit_take(stream, buckets, count, &index, &outcome);
  gw_limit_report(stream, &buckets[index].rate, &outcome, settings->model->headers == GW_RATE_LIMIT_HEADERS_ALWAYS, false);
  if (is_allowed) return GW_VERDICT_NEXT;
  gw_limit_refuse(stream, &outcome, 429, 8, GW_STR("request_rate_limited"));
  return GW_VERDICT_REPLIED;
}

static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  gw_limit_report_write(stream);
}

const struct gw_filter gw_filter_rate_limit = {
    .name = "gateway.filters.http.rate_limit",
    .kind = GW_FILTER_SHARED_LIMIT,
    .build = build,
    .build_route = build_route,
    .on_request = on_request,
    .on_response = on_response,
};
