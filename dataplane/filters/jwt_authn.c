#include "dataplane/filters/jwt_authn.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/routing/cors_rules.h"
#include "dataplane/filters/jwt_tokens.h"
#include "dataplane/pipeline/failed_credentials.h"
#include "dataplane/pipeline/stream.h"

/* Of a worker: a few thousand users at once, some 15 MB when it is full. */
#define CACHED_TOKENS_MAX 4096u
#define CACHED_BYTES_MAX ((size_t)32 << 20)
#define UNKNOWN_KEY_MS 1000u
#define REALM_PATH_MAX 256u /* as Envoy cuts it */

/* The tokens that were accepted: what they say is used until the request's end. */
struct held {
  struct gw_token_entry *entry;
  struct held *next;
};

struct state {
  struct held *held;
};

/* What each worker has. */
struct worker {
  struct gw_token_cache *cache;
  uint64_t told_ms; /* when an unknown key was told last */
};

/* One request's check. */
struct run {
  struct gw_stream *stream;
  struct state *state;
  struct worker *worker;
  struct gw_token_cache *cache; /* its */
  int64_t now_s;
  bool lacks_keys; /* a token could not be looked at, for its issuer's keys are not there */
};

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  return gw_jwt_settings_build(build, model->settings.jwt_authn);
}

static void free_settings(const void *settings) {
  gw_jwt_settings_free(settings);
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  (void)build;
  return model->jwt;
}

static void *worker_new(struct gw_pipeline *pipeline) {
  (void)pipeline;
  struct worker *worker = gw_calloc(1, sizeof(*worker));
  worker->cache = gw_token_cache_new(CACHED_TOKENS_MAX, CACHED_BYTES_MAX);
  return worker;
}

static void worker_free(void *worker_state) {
  struct worker *worker = worker_state;
  gw_token_cache_free(worker->cache);
  free(worker);
}

/* ---- tokens ---- */

/* Whoever makes up key ids can't make more than one of these a second. */
static void tell_unknown_key(struct run *run, struct gw_str provider) {
  const struct gw_node_status_calls *calls = run->stream->pipeline->options.node_status;
  uint64_t now_ms = gw_loop_now_ms(run->stream->pipeline->loop);
  if (calls->on_unknown_key == NULL || now_ms - run->worker->told_ms < UNKNOWN_KEY_MS) return;
  run->worker->told_ms = now_ms;
  calls->on_unknown_key(calls->arg, provider);
}

/* The issuer first: of several providers only its own does cryptography. */
static enum gw_jwt_status look_at(struct run *run, const struct gw_jwt_demand *demand, struct gw_token_entry *entry) {
  enum gw_jwt_status status = gw_jwt_parse(entry->token, &entry->arena, &entry->jwt);
  if (status != GW_JWT_OK) return status;
  struct gw_str issuer = demand->checks.issuer;
  if (issuer.len > 0 && !(entry->jwt.has_issuer && gw_str_equal(entry->jwt.issuer, issuer))) return GW_JWT_UNKNOWN_ISSUER;
  if (demand->issuer->keys == NULL) {
    run->lacks_keys = true;
    return GW_JWT_NO_KEY;
  }
  status = gw_jwt_verify(&entry->jwt, demand->issuer->keys, NULL);
  if (status == GW_JWT_NO_KEY) tell_unknown_key(run, demand->issuer->model->name);
  if (status == GW_JWT_OK) status = gw_jwt_check(&entry->jwt, &demand->checks, run->now_s);
  if (status == GW_JWT_OK && !gw_jwt_issuer_takes_subject(demand->issuer, entry->jwt.subject, &run->stream->arena))
    status = GW_JWT_REQUIRED_CLAIM;
  return status;
}

static void take_in(struct run *run, const struct gw_jwt_demand *demand, const struct gw_jwt_found *found, struct gw_token_entry *entry) {
  struct held *held = gw_arena_alloc(&run->stream->arena, sizeof(*held));
  *held = (struct held){.entry = entry, .next = run->state->held};
  run->state->held = held;
  run->stream->identity = &entry->identity;
  gw_jwt_fields_add(run->stream, entry, demand->issuer);
  if (!demand->issuer->model->is_forwarded) gw_jwt_tokens_remove(run->stream, found);
}

/* GW_JWT_OK: with a reference on what is known of it. */
static enum gw_jwt_status verify_token(struct run *run, const struct gw_jwt_demand *demand, struct gw_str token,
                                       struct gw_token_entry **ret_entry) {
  const struct gw_jwt_provider *model = demand->issuer->model;
  struct gw_stats *stats = run->stream->pipeline->stats;
  bool may_be_cached = model->is_cached && token.len <= model->cached_token_bytes;
  struct gw_token_entry *entry = may_be_cached ? gw_token_cache_find(run->cache, token, &demand->scope, run->now_s) : NULL;
  if (entry != NULL) {
    stats->token_cache_hits_total++;
    *ret_entry = entry;
    return GW_JWT_OK;
  }
  entry = gw_token_cache_new_entry(run->cache, token, &demand->scope);
  enum gw_jwt_status status = look_at(run, demand, entry);
  if (status != GW_JWT_OK) {
    gw_token_cache_unref(run->cache, entry);
    return status;
  }
  stats->token_cache_misses_total++;
  gw_jwt_entry_fill(entry, demand->issuer);
  entry->valid_until_s = gw_jwt_valid_until_s(&entry->jwt, &demand->checks);
  if (may_be_cached) gw_token_cache_add(run->cache, entry);
  *ret_entry = entry;
  return GW_JWT_OK;
}

/* Of several tokens each must be good, or the service might look at another one than was looked at here; and before that none counts. From
 * the last place to the first, as Envoy, so that the first one's holder is who asks. */
static enum gw_jwt_status verify_provider(void *arg, const struct gw_jwt_node *node) {
  struct run *run = arg;
  const struct gw_jwt_demand *demand = node->demand;
  struct gw_jwt_found found[GW_JWT_FOUND_MAX];
  struct gw_token_entry *entries[GW_JWT_FOUND_MAX];
  uint32_t count = gw_jwt_tokens_find(run->stream, demand->issuer->model, found);
  if (count == 0) return GW_JWT_MISSING;
  if (count > GW_JWT_FOUND_MAX) return GW_JWT_BAD_FORMAT;
  enum gw_jwt_status status = GW_JWT_OK;
  uint32_t first = count;
  while (first > 0 && status == GW_JWT_OK) {
    status = verify_token(run, demand, found[first - 1].token, &entries[first - 1]);
    if (status == GW_JWT_OK) first--;
  }
  for (uint32_t i = count; i > first; i--) {
    if (status == GW_JWT_OK)
      take_in(run, demand, &found[i - 1], entries[i - 1]);
    else
      gw_token_cache_unref(run->cache, entries[i - 1]);
  }
  return status;
}

/* ---- refusals ---- */

/* What may stand between quotes as it is (RFC 9110 section 5.6.4). Without the query, where tokens may be. */
static struct gw_str realm_of(struct gw_stream *stream) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_str path = gw_path_without_query(stream->request.path);
  if (path.len > REALM_PATH_MAX) path.len = REALM_PATH_MAX;
  gw_strbuf_printf(&buf, "%.*s://%.*s", GW_STR_ARG(stream->request.scheme), GW_STR_ARG(stream->request.authority));
  for (size_t i = 0; i < path.len; i++) {
    if (path.data[i] == '"' || path.data[i] == '\\')
      gw_strbuf_printf(&buf, "%%%02X", (unsigned)path.data[i]);
    else
      gw_strbuf_append_char(&buf, path.data[i]);
  }
  return gw_arena_copy(&stream->arena, gw_strbuf_str(&buf));
}

/* RFC 6750 section 3: a request without a token is not told of an error. */
static void challenge(struct gw_stream *stream, bool is_missing, struct gw_str why) {
  struct gw_str realm = realm_of(stream);
  const char *value = is_missing
                          ? gw_arena_printf(&stream->arena, "Bearer realm=\"%.*s\"", GW_STR_ARG(realm))
                          : gw_arena_printf(&stream->arena, "Bearer realm=\"%.*s\", error=\"invalid_token\", error_description=\"%.*s\"",
                                            GW_STR_ARG(realm), GW_STR_ARG(why));
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("www-authenticate"), gw_str_from(value));
}

static enum gw_verdict refuse(struct gw_stream *stream, uint32_t status, struct gw_str why) {
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = status == 503 ? GW_FAILURE_GATEWAY : GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_UNAUTHORIZED,
                                              .detail = gw_jwt_detail(why, &stream->arena),
                                              .message = why});
  return GW_VERDICT_REPLIED;
}

static enum gw_jwt_result result_of(enum gw_jwt_status status) {
  switch (status) {
  case GW_JWT_OK: return GW_JWT_RESULT_ALLOWED;
  case GW_JWT_MISSING: return GW_JWT_RESULT_MISSING;
  case GW_JWT_UNKNOWN_ISSUER: return GW_JWT_RESULT_UNKNOWN_ISSUER;
  case GW_JWT_NO_KEY: return GW_JWT_RESULT_UNKNOWN_KEY;
  case GW_JWT_SIGNATURE_BAD_LENGTH:
  case GW_JWT_VERIFICATION_FAILED: return GW_JWT_RESULT_BAD_SIGNATURE;
  case GW_JWT_EXPIRED: return GW_JWT_RESULT_EXPIRED;
  case GW_JWT_NOT_YET_VALID: return GW_JWT_RESULT_NOT_YET_VALID;
  case GW_JWT_AUDIENCE_NOT_ALLOWED: return GW_JWT_RESULT_AUDIENCE;
  case GW_JWT_NO_EXPIRATION:
  case GW_JWT_LIFETIME_TOO_LONG:
  case GW_JWT_REQUIRED_CLAIM: return GW_JWT_RESULT_CLAIMS;
  default: return GW_JWT_RESULT_MALFORMED;
  }
}

static enum gw_verdict refuse_token(struct run *run, enum gw_jwt_status status) {
  struct gw_stats *stats = run->stream->pipeline->stats;
  run->stream->identity = NULL; /* a token of several was good */
  if (status == GW_JWT_NO_KEY && run->lacks_keys) {
    stats->jwt_results[GW_JWT_RESULT_NO_KEYS]++;
    return refuse(run->stream, 503, GW_STR("the keys of the token's issuer are not available"));
  }
  stats->jwt_results[result_of(status)]++;
  if (status != GW_JWT_MISSING) gw_failed_credentials_note(run->stream);
  struct gw_str why = gw_str_from(gw_jwt_status_text(status));
  challenge(run->stream, status == GW_JWT_MISSING, why);
  return refuse(run->stream, gw_jwt_status_code(status), why);
}

/* ---- the filter ---- */

/* NULL: nothing is required; with an answer, if that could not be found out. */
static const struct gw_jwt_node *find_requirement(struct gw_stream *stream, const struct gw_jwt_settings *settings,
                                                  enum gw_verdict *ret_verdict) {
  const struct gw_jwt_route *route = gw_stream_route_settings(stream, GW_FILTER_JWT_AUTHN);
  *ret_verdict = GW_VERDICT_NEXT;
  if (route != NULL) {
    const struct gw_jwt_node *node = route->is_disabled ? NULL : gw_jwt_settings_find(settings, route->requirement);
    if (node == NULL && !route->is_disabled) *ret_verdict = refuse(stream, 403, GW_STR("the route's requirement is not known"));
    return node;
  }
  bool is_undecided;
  const struct gw_jwt_node *node = gw_jwt_settings_match(settings, &stream->request, &stream->arena, &is_undecided);
  if (is_undecided) *ret_verdict = refuse(stream, 403, GW_STR("what the request requires could not be found out"));
  return node;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings_arg) {
  const struct gw_jwt_settings *settings = settings_arg;
  if (settings->model->passes_cors_preflight && gw_cors_is_whole_preflight(&stream->request)) return GW_VERDICT_NEXT;
  enum gw_verdict verdict;
  const struct gw_jwt_node *node = find_requirement(stream, settings, &verdict);
  if (node == NULL) return verdict;
  stream->does_work = true;
  struct worker *worker = gw_pipeline_filter_state(stream->pipeline, GW_FILTER_JWT_AUTHN);
  struct run run = {.stream = stream,
                    .state = state,
                    .worker = worker,
                    .cache = worker->cache,
                    .now_s = (int64_t)(stream->wall_us / 1000000u)};
  enum gw_jwt_status status = gw_jwt_tree_judge(node, verify_provider, &run);
  if (status != GW_JWT_OK) return refuse_token(&run, status);
  stream->pipeline->stats->jwt_results[GW_JWT_RESULT_ALLOWED]++;
  return GW_VERDICT_NEXT;
}

/* What the access log tells of the identity outlives its token, if nobody else holds that. */
static void keep_identity(struct gw_stream *stream) {
  struct gw_identity *copy = gw_arena_calloc(&stream->arena, 1, sizeof(*copy));
  copy->method = stream->identity->method;
  copy->user_id = gw_arena_copy(&stream->arena, stream->identity->user_id);
  copy->user_name = gw_arena_copy(&stream->arena, stream->identity->user_name);
  copy->provider = gw_arena_copy(&stream->arena, stream->identity->provider);
  stream->identity = copy;
}

static void on_end(struct gw_stream *stream, void *state_arg, const void *settings) {
  (void)settings;
  struct state *state = state_arg;
  const struct worker *worker = gw_pipeline_filter_state(stream->pipeline, GW_FILTER_JWT_AUTHN);
  for (struct held *held = state->held; held != NULL; held = held->next) {
    if (stream->identity == &held->entry->identity && held->entry->refs == 1) keep_identity(stream);
    gw_token_cache_unref(worker->cache, held->entry);
  }
}

const struct gw_filter gw_filter_jwt_authn = {
    .name = "envoy.filters.http.jwt_authn",
    .span = "authentication",
    .kind = GW_FILTER_JWT_AUTHN,
    .state_size = sizeof(struct state),
    .build = build,
    .free_settings = free_settings,
    .build_route = build_route,
    .worker_new = worker_new,
    .worker_free = worker_free,
    .on_request = on_request,
    .on_end = on_end,
};
