#include "dataplane/filters/rate_limit.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/secret.h"
#include "common/model/snapshot.h"
#include "dataplane/filters/limit_check.h"
#include "dataplane/filters/shared_count.h"

#define TOO_MANY_REQUESTS 429
#define GRPC_RESOURCE_EXHAUSTED 8
#define NAME_BYTES 150 /* of a limit, in Redis' keys, for people; the digest behind it says which it is */

/* What one limit has for one plan, or for none. */
struct numbers {
  struct gw_rate_limit_numbers model;
  struct gw_rate_limit_rate rate; /* burst 0: no limit */
};

/* One limit, compiled. */
struct limit {
  const struct gw_rate_limit *model;
  struct numbers numbers;
  struct numbers *plans;
  struct gw_json_path *claims; /* of keys that are claims */
  struct gw_str *key_words;    /* what claims and headers are called in the log */
};

struct limits {
  const struct limit *items;
  uint32_t count;
};

struct settings {
  const struct gw_shared_limit *model;
  struct limits limits;
  const struct gw_shared_server *server; /* NULL: each data plane counts alone */
};

/* A limit that all data planes share, as one request meets it. */
struct shared_bucket {
  struct gw_limit_bucket own; /* this data plane's share of it, for when nobody counts for all */
  uint64_t taken_key;         /* of the bucket that lacks what was taken then, until Redis has been told */
  struct gw_rate_limit_rate rate;
  struct gw_shared_bucket there;
};

/* A request that waits for an answer; in its arena. */
struct wait {
  struct gw_stream *stream;
  const struct settings *settings;
  struct gw_shared_count *count; /* NULL: answered */
  uint32_t local_count;
  uint32_t shared_count;
  struct gw_limit_bucket *locals; /* a token of each is taken */
  struct shared_bucket *shared;
};

struct state {
  struct wait *wait;
};

/* ---- settings ---- */

static struct numbers make_numbers(const struct gw_rate_limit_numbers *model) {
  struct numbers numbers = {.model = *model};
  if (model->requests > 0) numbers.rate = gw_rate_limit_rate_make(model->requests, model->per_ms, model->burst);
  return numbers;
}

static void build_limit(const struct gw_filter_build *build, const struct gw_rate_limit *model, struct limit *out) {
  out->model = model;
  out->numbers = make_numbers(&model->numbers);
  out->plans = gw_arena_calloc(build->arena, model->plan_count, sizeof(*out->plans));
  out->claims = gw_arena_calloc(build->arena, model->key_count, sizeof(*out->claims));
  out->key_words = gw_arena_calloc(build->arena, model->key_count, sizeof(*out->key_words));
  for (uint32_t i = 0; i < model->plan_count; i++)
    out->plans[i] = make_numbers(&model->plans[i].numbers);
  for (uint32_t i = 0; i < model->key_count; i++) {
    const struct gw_rate_limit_key *key = &model->keys[i];
    const char *kind = key->kind == GW_RATE_LIMIT_KEY_HEADER ? GW_LIMIT_HEADER_KEY : "claim ";
    out->key_words[i] = gw_str_from(gw_arena_printf(build->arena, "%s%.*s", kind, GW_STR_ARG(key->name)));
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

/* Without it Redis will not let us in, which is as if it was away. */
static struct gw_str find_password(const struct gw_filter_build *build, struct gw_str name) {
  if (name.len == 0) return GW_STR("");
  const struct gw_resource *secret = gw_snapshot_find(build->snapshot, GW_RESOURCE_SECRET, name);
  if (secret != NULL && secret->secret->kind == GW_SECRET_GENERIC) return secret->secret->content;
  gw_errors_warn(build->errors, build->place, "the password of Redis is missing (secret \"%.*s\"): it counts as away", GW_STR_ARG(name));
  return GW_STR("");
}

static const struct gw_shared_server *build_server(const struct gw_filter_build *build, const struct gw_rate_limit_redis *model) {
  if (model == NULL) return NULL;
  struct gw_shared_server *server = gw_arena_calloc(build->arena, 1, sizeof(*server));
  server->model = model;
  server->password = find_password(build, model->password_secret);
  server->identity = gw_str_from(
      gw_arena_printf(build->arena, "%.*s %u %u %.*s %.*s %llu %llx", GW_STR_ARG(model->host), model->port, model->database,
                      GW_STR_ARG(model->user), GW_STR_ARG(model->prefix), (unsigned long long)model->timeout_ms,
                      (unsigned long long)gw_hash_keyed(server->password.data != NULL ? server->password.data : "", server->password.len)));
  return server;
}

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  struct settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  settings->model = &model->settings.shared_limit;
  settings->limits = build_limits(build, settings->model->limits, settings->model->count);
  settings->server = build_server(build, settings->model->redis);
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
static const struct numbers *numbers_of(const struct gw_stream *stream, const struct limit *limit) {
  const struct gw_rate_limit *model = limit->model;
  if (stream->plan == NULL || stream->plan->name.len == 0) return &limit->numbers;
  for (uint32_t i = 0; i < model->plan_count; i++)
    if (gw_str_equal(model->plans[i].name, stream->plan->name)) return &limit->plans[i];
  return &limit->numbers;
}

/* This data plane's share, for when it counts alone. */
static struct gw_rate_limit_rate scale(const struct gw_rate_limit_numbers *numbers, uint32_t fleet) {
  uint64_t per_ms = numbers->per_ms * fleet, most_ms = GW_RATE_LIMIT_MAX_FILL_MS * numbers->requests;
  uint32_t burst = numbers->burst / fleet > 0 ? numbers->burst / fleet : 1;
  return gw_rate_limit_rate_make(numbers->requests, per_ms < most_ms ? per_ms : most_ms, burst);
}

/* What a key is, and for ours its value, copied: credentials are gone when the log is written. */
static struct gw_rate_limit_entry describe_key(struct gw_stream *stream, const struct limit *limit, uint32_t index) {
  const struct gw_rate_limit_key *by = &limit->model->keys[index];
  struct gw_str user = stream->identity != NULL ? stream->identity->user_id : GW_STR("");
  struct gw_str api_key = stream->plan != NULL ? stream->plan->key_id : GW_STR("");
  bool is_caller = by->kind == GW_RATE_LIMIT_KEY_CALLER;
  if (by->kind == GW_RATE_LIMIT_KEY_USER || (is_caller && user.len > 0))
    return (struct gw_rate_limit_entry){GW_STR("user"), gw_arena_copy(&stream->arena, user)};
  if (by->kind == GW_RATE_LIMIT_KEY_API_KEY || (is_caller && api_key.len > 0))
    return (struct gw_rate_limit_entry){GW_STR("api_key"), gw_arena_copy(&stream->arena, api_key)};
  if (by->kind == GW_RATE_LIMIT_KEY_HEADER) {
    const struct gw_header *header = gw_headers_find_name(&stream->request.headers, by->name);
    return (struct gw_rate_limit_entry){limit->key_words[index], header != NULL ? header->value : GW_STR("")};
  }
  if (by->kind == GW_RATE_LIMIT_KEY_CLAIM) {
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
    const struct gw_json_value *value = stream->identity != NULL ? gw_json_walk(stream->identity->claims, &limit->claims[index]) : NULL;
    if (value != NULL) gw_json_append_scalar(&text, value);
    return (struct gw_rate_limit_entry){limit->key_words[index], gw_arena_copy(&stream->arena, gw_strbuf_str(&text))};
  }
  return (struct gw_rate_limit_entry){GW_STR(GW_LIMIT_CLIENT_KEY), GW_STR("")};
}

static struct gw_limit_words describe(struct gw_stream *stream, const struct limit *limit) {
  if (!gw_limit_wants_words(stream)) return (struct gw_limit_words){0};
  uint32_t count = limit->model->key_count;
  struct gw_rate_limit_entry *entries = gw_arena_alloc(&stream->arena, count * sizeof(*entries));
  for (uint32_t i = 0; i < count; i++)
    entries[i] = describe_key(stream, limit, i);
  return (struct gw_limit_words){limit->model->name, entries, count};
}

static void add_shared(struct gw_stream *stream, const struct limit *limit, const struct numbers *numbers, struct gw_limit_key *key,
                       struct shared_bucket *out) {
  struct gw_str name = limit->model->name;
  char digest[GW_LIMIT_DIGEST_SIZE];
  gw_limit_key_format_digest(key, digest);
  *out = (struct shared_bucket){.rate = numbers->rate,
                                .there = {.requests = numbers->model.requests,
                                          .burst = numbers->model.burst,
                                          .per_ms = numbers->model.per_ms}};
  snprintf(out->there.id, sizeof(out->there.id), "%.*s:%s", name.len < NAME_BYTES ? (int)name.len : NAME_BYTES, name.data, digest);
  gw_limit_key_add(key, GW_STR("share"));
  out->own.key = gw_limit_key_hash(key);
  gw_limit_key_add(key, GW_STR("taken"));
  out->taken_key = gw_limit_key_hash(key);
  out->own.rate = scale(&numbers->model, gw_rate_limit_table_fleet(stream->pipeline->options.rate_limits));
  out->own.scope = limit->model->scope;
  out->own.words = describe(stream, limit);
}

/* Those of `limits` that the request meets, behind those that are there. */
static void find_buckets(struct gw_stream *stream, const struct limits *limits, struct wait *found) {
  for (uint32_t i = 0; i < limits->count; i++) {
    const struct limit *limit = &limits->items[i];
    const struct numbers *numbers = numbers_of(stream, limit);
    if (numbers->rate.burst == 0) continue;
    struct gw_limit_key key;
    gw_limit_key_init(&key, limit->model->name);
    gw_limit_key_add_rate(&key, &numbers->rate);
    for (uint32_t k = 0; k < limit->model->key_count; k++)
      add_key(stream, limit, k, &key);
    if (limit->model->is_shared && found->settings->server != NULL) {
      add_shared(stream, limit, numbers, &key, &found->shared[found->shared_count++]);
    } else {
      found->locals[found->local_count++] =
          (struct gw_limit_bucket){gw_limit_key_hash(&key), numbers->rate, limit->model->scope, describe(stream, limit)};
    }
  }
}

/* ---- decisions ---- */

static void report(const struct wait *wait, const struct gw_limit_bucket *bucket, const struct gw_rate_limit_rate *rate,
                   const struct gw_rate_limit_outcome *outcome) {
  gw_limit_report(wait->stream, bucket, rate, outcome, wait->settings->model->headers == GW_RATE_LIMIT_HEADERS_ALWAYS, false);
}

static enum gw_verdict refuse(const struct wait *wait, const struct gw_rate_limit_outcome *outcome) {
  gw_limit_refuse(wait->stream, outcome, TOO_MANY_REQUESTS, GRPC_RESOURCE_EXHAUSTED, GW_STR("request_rate_limited"));
  return GW_VERDICT_REPLIED;
}

/* What is counted here; true: a token of each. */
static bool take_locals(const struct wait *wait, struct gw_rate_limit_outcome *ret_outcome) {
  uint32_t index;
  if (wait->local_count == 0) return true;
  bool is_allowed = gw_limit_take(wait->stream, wait->locals, wait->local_count, &index, ret_outcome);
  report(wait, &wait->locals[index], &wait->locals[index].rate, ret_outcome);
  return is_allowed;
}

/* ---- limits that all data planes share ---- */

static void note_taken(const struct wait *wait, uint32_t index, uint64_t thousandths) {
  struct gw_pipeline *pipeline = wait->stream->pipeline;
  const struct shared_bucket *bucket = &wait->shared[index];
  if (thousandths > 0)
    gw_rate_limit_table_add_used(pipeline->options.rate_limits, bucket->taken_key, &bucket->rate, thousandths,
                                 gw_loop_now_us(pipeline->loop));
}

static enum gw_verdict count_alone(const struct wait *wait) {
  struct gw_stream *stream = wait->stream;
  struct gw_limit_bucket shares[GW_RATE_LIMIT_MATCHES_MAX];
  struct gw_rate_limit_outcome outcome;
  uint32_t index;
  gw_rate_limit_table_note_alone(stream->pipeline->options.rate_limits, gw_loop_now_us(stream->pipeline->loop));
  for (uint32_t i = 0; i < wait->shared_count; i++)
    shares[i] = wait->shared[i].own;
  bool is_allowed = gw_limit_take(stream, shares, wait->shared_count, &index, &outcome);
  report(wait, &shares[index], &shares[index].rate, &outcome);
  if (!is_allowed) {
    gw_limit_give_back(stream, wait->locals, wait->local_count);
    return refuse(wait, &outcome);
  }
  for (uint32_t i = 0; i < wait->shared_count; i++)
    note_taken(wait, i, 1000);
  return GW_VERDICT_NEXT;
}

static enum gw_verdict decide_without(const struct wait *wait) {
  struct gw_stream *stream = wait->stream;
  uint64_t *judges = stream->pipeline->stats->rate_limit_judges;
  switch (wait->settings->server->model->on_failure) {
  case GW_RATE_LIMIT_FAIL_OPEN: judges[GW_LIMIT_BY_NOBODY]++; return GW_VERDICT_NEXT;
  case GW_RATE_LIMIT_FAIL_CLOSED:
    judges[GW_LIMIT_CLOSED]++;
    gw_limit_give_back(stream, wait->locals, wait->local_count);
    gw_stream_fail(stream, &(struct gw_failure){.status = 503,
                                                .side = GW_FAILURE_GATEWAY,
                                                .detail = GW_STR("rate_limit_unavailable"),
                                                .message = GW_STR("requests can't be counted at the moment")});
    return GW_VERDICT_REPLIED;
  case GW_RATE_LIMIT_FAIL_LOCAL: break;
  }
  judges[GW_LIMIT_BY_OURSELVES]++;
  return count_alone(wait);
}

/* As the table would say it. */
static struct gw_rate_limit_outcome outcome_of(const struct gw_shared_bucket *bucket, bool is_allowed, int64_t used) {
  double interval_us = (double)bucket->per_ms * 1000 / bucket->requests, tokens = (double)used / 1000, left = bucket->burst - tokens;
  return (struct gw_rate_limit_outcome){
      .is_allowed = is_allowed,
      .remaining = left > 0 ? (uint32_t)left : 0,
      .wait_us = is_allowed || left >= 1 ? 0 : (uint64_t)((1 - left) * interval_us),
      .full_us = tokens > 0 ? (uint64_t)(tokens * interval_us) : 0,
  };
}

/* This data plane's share lacks as large a part as the whole: so it goes on from there when it has to count alone. */
static void follow(const struct wait *wait, const struct gw_shared_answer *answer) {
  struct gw_pipeline *pipeline = wait->stream->pipeline;
  for (uint32_t i = 0; i < wait->shared_count; i++) {
    const struct shared_bucket *bucket = &wait->shared[i];
    uint64_t used = answer->used[i] > 0 ? (uint64_t)answer->used[i] : 0;
    gw_rate_limit_table_set_used(pipeline->options.rate_limits, bucket->own.key, &bucket->own.rate,
                                 used * bucket->own.rate.burst / bucket->rate.burst, gw_loop_now_us(pipeline->loop));
  }
}

static enum gw_verdict decide(const struct wait *wait, const struct gw_shared_answer *answer) {
  struct gw_stream *stream = wait->stream;
  stream->pipeline->stats->rate_limit_judges[GW_LIMIT_BY_REDIS]++;
  follow(wait, answer);
  for (uint32_t i = 0; i < answer->count; i++) {
    const struct shared_bucket *bucket = &wait->shared[i];
    bool is_allowed = answer->refused == UINT32_MAX;
    if (!is_allowed && i != answer->refused) continue;
    struct gw_rate_limit_outcome outcome = outcome_of(&bucket->there, is_allowed, answer->used[i]);
    stream->pipeline->stats->rate_limits[bucket->own.scope][is_allowed ? GW_LIMIT_ALLOWED : GW_LIMIT_REFUSED]++;
    report(wait, &bucket->own, &bucket->rate, &outcome);
    if (is_allowed) continue;
    gw_limit_give_back(stream, wait->locals, wait->local_count);
    return refuse(wait, &outcome);
  }
  return GW_VERDICT_NEXT;
}

/* Redis has not been told, as far as we know. */
static void take_back(const struct wait *wait) {
  for (uint32_t i = 0; i < wait->shared_count; i++)
    note_taken(wait, i, wait->shared[i].there.taken_elsewhere);
}

static void on_answer(void *arg, const struct gw_shared_answer *answer) {
  struct wait *wait = arg;
  wait->count = NULL;
  if (answer == NULL) take_back(wait);
  gw_stream_resume(wait->stream, answer != NULL ? decide(wait, answer) : decide_without(wait));
}

/* What was taken here while nobody counted for all is told with the first question afterwards; later those buckets would be full again. */
static void tell_taken(const struct wait *wait) {
  struct gw_pipeline *pipeline = wait->stream->pipeline;
  uint64_t alone_us = gw_rate_limit_table_alone_us(pipeline->options.rate_limits), now_us = gw_loop_now_us(pipeline->loop);
  for (uint32_t i = 0; alone_us != 0 && i < wait->shared_count; i++) {
    struct shared_bucket *bucket = &wait->shared[i];
    const struct gw_shared_bucket *there = &bucket->there;
    if (now_us - alone_us > there->per_ms * 1000 * there->burst / there->requests) continue;
    bucket->there.taken_elsewhere = gw_rate_limit_table_claim_used(pipeline->options.rate_limits, bucket->taken_key, &bucket->rate, now_us);
  }
}

static enum gw_verdict ask(struct wait *wait) {
  struct gw_shared_bucket buckets[GW_RATE_LIMIT_MATCHES_MAX];
  tell_taken(wait);
  for (uint32_t i = 0; i < wait->shared_count; i++)
    buckets[i] = wait->shared[i].there;
  wait->count = gw_shared_count_ask(gw_pipeline_filter_state(wait->stream->pipeline, GW_FILTER_SHARED_LIMIT), wait->settings->server,
                                    buckets, wait->shared_count, on_answer, wait);
  if (wait->count != NULL) return GW_VERDICT_WAIT;
  take_back(wait);
  return decide_without(wait);
}

/* ---- requests ---- */

/* What waits stays behind when the callback has returned. */
static struct wait *keep(const struct wait *found, struct state *state) {
  struct gw_arena *arena = &found->stream->arena;
  struct wait *wait = gw_arena_alloc(arena, sizeof(*wait));
  *wait = *found;
  wait->locals = gw_arena_alloc(arena, found->local_count * sizeof(*wait->locals));
  wait->shared = gw_arena_alloc(arena, found->shared_count * sizeof(*wait->shared));
  memcpy(wait->locals, found->locals, found->local_count * sizeof(*wait->locals));
  memcpy(wait->shared, found->shared, found->shared_count * sizeof(*wait->shared));
  state->wait = wait;
  return wait;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings_arg) {
  const struct settings *settings = settings_arg;
  const struct limits *of_route = gw_stream_route_settings(stream, GW_FILTER_SHARED_LIMIT);
  struct gw_limit_bucket locals[GW_RATE_LIMIT_MATCHES_MAX];
  struct shared_bucket shared[GW_RATE_LIMIT_MATCHES_MAX];
  struct gw_rate_limit_outcome outcome;
  struct wait found = {.stream = stream, .settings = settings, .locals = locals, .shared = shared};
  if (of_route != NULL) find_buckets(stream, of_route, &found);
  find_buckets(stream, &settings->limits, &found);
  if (!take_locals(&found, &outcome)) return refuse(&found, &outcome);
  return found.shared_count > 0 ? ask(keep(&found, state)) : GW_VERDICT_NEXT;
}

static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  gw_limit_report_write(stream);
}

static void on_end(struct gw_stream *stream, void *arg, const void *settings) {
  (void)stream, (void)settings;
  const struct state *state = arg;
  if (state->wait != NULL) gw_shared_count_cancel(state->wait->count);
}

/* ---- the worker's ---- */

static void *worker_new(struct gw_pipeline *pipeline) {
  return gw_shared_counts_new(pipeline);
}

static void worker_free(void *counts) {
  gw_shared_counts_free(counts);
}

const struct gw_filter gw_filter_rate_limit = {
    .name = "gateway.filters.http.rate_limit",
    .span = "rate limit",
    .kind = GW_FILTER_SHARED_LIMIT,
    .state_size = sizeof(struct state),
    .build = build,
    .build_route = build_route,
    .worker_new = worker_new,
    .worker_free = worker_free,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
