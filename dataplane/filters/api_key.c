#include "dataplane/filters/api_key.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/api_key.h"
#include "common/crypto/hmac.h"
#include "common/crypto/secret.h"
#include "common/model/api_key_auth.h"
#include "common/model/secret.h"
#include "common/model/snapshot.h"
#include "dataplane/pipeline/failed_credentials.h"
#include "dataplane/pipeline/key_table.h"
#include "dataplane/pipeline/stream.h"

#define SCHEME "ApiKey "

struct settings {
  const struct gw_api_key_auth *model;
  struct gw_hmac *pepper; /* NULL: the secret is not there (yet) */
};

struct state {
  struct gw_key *key; /* that was accepted; one reference */
};

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  struct settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  settings->model = model->settings.api_key;
  const struct gw_resource *secret = gw_snapshot_find(build->snapshot, GW_RESOURCE_SECRET, GW_STR(GW_SECRET_NAME_PEPPER));
  if (secret != NULL && secret->secret->kind == GW_SECRET_GENERIC) settings->pepper = gw_api_key_pepper_new(secret->secret->content);
  return settings;
}

static void free_settings(const void *settings) {
  gw_hmac_free(((const struct settings *)settings)->pepper);
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  (void)build;
  return model->api_key;
}

/* ---- what the request shows ---- */

/* Keys that stand in it: none, one, or more than may be. */
struct shown {
  uint32_t count;
  struct gw_str key;
  bool is_in_authorization;
};

static bool takes_scheme(struct gw_str value, struct gw_str *ret_key) {
  const struct gw_str scheme = GW_STR(SCHEME);
  if (value.len < scheme.len || !gw_str_equal_nocase((struct gw_str){value.data, scheme.len}, scheme)) return false;
  *ret_key = gw_str_trim(gw_str_skip(value, scheme.len));
  return true;
}

static struct shown look_for_key(const struct gw_stream *stream, const struct gw_api_key_auth *auth) {
  struct shown shown = {0};
  const struct gw_headers *headers = &stream->request.headers;
  for (uint32_t i = 0; i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    struct gw_str key = header->value;
    bool is_authorization = header->id == GW_HEADER_AUTHORIZATION && takes_scheme(header->value, &key);
    if (!is_authorization && !gw_str_equal_nocase(header->name, auth->header)) continue;
    shown.count++;
    shown.key = key;
    shown.is_in_authorization = is_authorization;
  }
  return shown;
}

/* ---- refusals ---- */

/* Whoever could have come with a token is told so, too. */
static void challenge(struct gw_stream *stream, const struct gw_api_key_route *route) {
  struct gw_headers *headers = &stream->response.headers;
  gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, GW_STR("www-authenticate"), GW_STR("ApiKey realm=\"gateway\""));
  if (route->accepts_jwt)
    gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, GW_STR("www-authenticate"), GW_STR("Bearer realm=\"gateway\""));
}

static enum gw_verdict refuse(struct gw_stream *stream, const struct gw_api_key_route *route, enum gw_key_result result) {
  static const struct {
    struct gw_str detail;
    struct gw_str message;
  } words[] = {
      [GW_KEY_RESULT_MISSING] = {GW_STR("api_key_access_denied{missing}"), GW_STR("an API key is needed")},
      [GW_KEY_RESULT_SEVERAL] = {GW_STR("api_key_access_denied{several}"), GW_STR("more than one API key")},
      [GW_KEY_RESULT_UNKNOWN] = {GW_STR("api_key_access_denied{invalid}"), GW_STR("the API key is not valid")},
      [GW_KEY_RESULT_EXPIRED] = {GW_STR("api_key_access_denied{invalid}"), GW_STR("the API key is not valid")},
      [GW_KEY_RESULT_NO_KEYS] = {GW_STR("api_key_access_denied{no_keys}"), GW_STR("API keys can't be checked now")},
  };
  stream->pipeline->stats->key_results[result]++;
  stream->identity = NULL;
  bool is_ours = result == GW_KEY_RESULT_NO_KEYS;
  if (!is_ours && result != GW_KEY_RESULT_MISSING) gw_failed_credentials_note(stream);
  if (!is_ours) challenge(stream, route);
  gw_stream_fail(stream, &(struct gw_failure){.status = is_ours ? 503 : 401,
                                              .side = is_ours ? GW_FAILURE_GATEWAY : GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_UNAUTHORIZED,
                                              .detail = words[result].detail,
                                              .message = words[result].message});
  return GW_VERDICT_REPLIED;
}

/* ---- the check ---- */

/* What does not know the id and what knows it with another secret take the same way: one hash, one comparison. */
static enum gw_key_result check(const struct gw_hmac *pepper, const struct gw_key_table *table, struct gw_str text, int64_t now_s,
                                struct gw_key **ret_key) {
  static const uint8_t nobodys[GW_API_KEY_HASH_SIZE] = {0};
  uint8_t hash[GW_API_KEY_HASH_SIZE];
  struct gw_str id;
  if (text.len == 0 || text.len > GW_API_KEY_IMPORTED_LEN_MAX) return GW_KEY_RESULT_UNKNOWN;
  bool has_id = gw_api_key_parse(text, &id);
  gw_api_key_hash(pepper, text, hash);
  struct gw_key *key = has_id ? gw_key_table_find(table, id) : gw_key_table_find_imported(table, hash);
  const uint8_t *expected = key != NULL ? key->hash : nobodys;
  bool is_equal = gw_secret_equal((struct gw_str){(const char *)hash, sizeof(hash)}, (struct gw_str){(const char *)expected, sizeof(hash)});
  if (!is_equal || key == NULL) return GW_KEY_RESULT_UNKNOWN;
  if (key->expires_at_s != 0 && key->expires_at_s <= now_s) return GW_KEY_RESULT_EXPIRED;
  *ret_key = key;
  return GW_KEY_RESULT_ALLOWED;
}

static void strip(struct gw_stream *stream, const struct gw_api_key_auth *auth, const struct shown *shown) {
  if (auth->is_forwarded) return;
  if (shown->is_in_authorization)
    gw_headers_remove(&stream->request.headers, GW_HEADER_AUTHORIZATION);
  else
    gw_headers_remove_name(&stream->request.headers, auth->header);
}

static enum gw_verdict let_in(struct gw_stream *stream, struct state *state, struct gw_key *key) {
  uint64_t now_s = stream->wall_us / 1000000u;
  /* Once a second: other workers read what lies beside it. */
  if (atomic_load_explicit(&key->used_s, memory_order_relaxed) != now_s) atomic_store_explicit(&key->used_s, now_s, memory_order_relaxed);
  state->key = gw_key_ref(key);
  stream->plan = &key->plan;
  if (stream->identity == NULL) stream->identity = &key->identity; /* else a token's */
  stream->pipeline->stats->key_results[GW_KEY_RESULT_ALLOWED]++;
  return GW_VERDICT_NEXT;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings_arg) {
  const struct settings *settings = settings_arg;
  const struct gw_api_key_route *route = gw_stream_route_settings(stream, GW_FILTER_API_KEY);
  if (route == NULL) return GW_VERDICT_NEXT;
  struct shown shown = look_for_key(stream, settings->model);
  bool may_do_without = gw_api_key_may_be_missing(route, stream->identity != NULL);
  if (shown.count == 0) return may_do_without ? GW_VERDICT_NEXT : refuse(stream, route, GW_KEY_RESULT_MISSING);
  stream->does_work = true;
  if (shown.count > 1) return refuse(stream, route, GW_KEY_RESULT_SEVERAL);
  const struct gw_key_table *table = stream->pipeline->keys;
  if (table == NULL || settings->pepper == NULL) return refuse(stream, route, GW_KEY_RESULT_NO_KEYS);
  struct gw_key *key = NULL;
  enum gw_key_result result = check(settings->pepper, table, shown.key, (int64_t)(stream->wall_us / 1000000u), &key);
  if (result != GW_KEY_RESULT_ALLOWED) return refuse(stream, route, result);
  strip(stream, settings->model, &shown);
  return let_in(stream, state, key);
}

/* What the access log tells outlives the key, which may be revoked meanwhile. */
static void on_end(struct gw_stream *stream, void *state_arg, const void *settings) {
  (void)settings;
  struct gw_key *key = ((struct state *)state_arg)->key;
  if (key == NULL) return;
  struct gw_plan *plan = gw_arena_alloc(&stream->arena, sizeof(*plan));
  *plan =
      (struct gw_plan){.key_id = gw_arena_copy(&stream->arena, key->plan.key_id), .name = gw_arena_copy(&stream->arena, key->plan.name)};
  stream->plan = plan;
  if (stream->identity == &key->identity) {
    struct gw_identity *identity = gw_arena_calloc(&stream->arena, 1, sizeof(*identity));
    identity->method = GW_AUTH_API_KEY;
    identity->user_id = gw_arena_copy(&stream->arena, key->identity.user_id);
    identity->user_name = gw_arena_copy(&stream->arena, key->identity.user_name);
    stream->identity = identity;
  }
  gw_key_unref(key);
}

const struct gw_filter gw_filter_api_key = {
    .name = "gateway.filters.http.api_key",
    .span = "authentication",
    .kind = GW_FILTER_API_KEY,
    .state_size = sizeof(struct state),
    .build = build,
    .free_settings = free_settings,
    .build_route = build_route,
    .on_request = on_request,
    .on_end = on_end,
};
