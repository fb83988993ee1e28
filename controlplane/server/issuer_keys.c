#include "controlplane/server/issuer_keys.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/json_value.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "controlplane/fetch/fetch.h"

#define TIMEOUT_MS 10000u
#define BYTES_MAX ((size_t)256 * 1024)
/* How long keys are used before they are asked for again: what Cache-Control says, within bounds; a failure is tried again sooner. */
#define REFRESH_DEFAULT_S 300u
#define REFRESH_MIN_S 30u
#define REFRESH_MAX_S 3600u
#define RETRY_MIN_MS 1000u
#define RETRY_MAX_MS 60000u

struct issuer {
  struct gw_list node;
  struct gw_issuer_keys *owner;
  struct gw_arena arena;
  struct gw_str name;
  struct gw_str url;
  const char *place;
  bool is_discovery;
  bool is_wanted;
  char *jwks_url; /* what discovery said; NULL: not yet, or it is `url` */
  struct gw_fetch *fetch;
  struct gw_timer timer;
  uint64_t fetched_ms; /* the last good one; 0: none */
  uint64_t asked_ms;
  uint64_t retry_ms;
  char *words; /* of the last failure; NULL: there was none since */
};

struct gw_issuer_keys {
  struct gw_loop *loop;
  struct gw_log *log;
  gw_issuer_keys_fn fn;
  void *arg;
  char *ca_file;
  struct gw_fetcher *fetcher;
  struct gw_list issuers;
};

static void ask(struct issuer *issuer);

static void on_timer(struct gw_timer *timer) {
  ask(GW_CONTAINER_OF(timer, struct issuer, timer));
}

static void fail(struct issuer *issuer, const char *words) {
  bool is_news = issuer->words == NULL || strcmp(issuer->words, words) != 0;
  char *copy = gw_strdup(words);
  free(issuer->words);
  issuer->words = copy;
  free(issuer->jwks_url); /* it may have moved */
  issuer->jwks_url = NULL;
  if (is_news)
    GW_LOG_WARNING(issuer->owner->log, "%s: keys of %.*s can't be had: %s%s", issuer->place, GW_STR_ARG(issuer->name), words,
                   issuer->fetched_ms != 0 ? "; the ones before stay" : "");
  issuer->retry_ms = issuer->retry_ms == 0 ? RETRY_MIN_MS : issuer->retry_ms * 2 < RETRY_MAX_MS ? issuer->retry_ms * 2 : RETRY_MAX_MS;
  gw_timer_start(issuer->owner->loop, &issuer->timer, issuer->retry_ms);
}

/* Before they are stale: after nine tenths of that time. */
static uint64_t refresh_ms(const struct gw_fetch_result *result) {
  uint64_t s = result->has_max_age ? result->max_age_s : REFRESH_DEFAULT_S;
  if (s < REFRESH_MIN_S) s = REFRESH_MIN_S;
  if (s > REFRESH_MAX_S) s = REFRESH_MAX_S;
  return s * 900;
}

static void on_jwks(struct issuer *issuer, const struct gw_fetch_result *result) {
  if (!issuer->owner->fn(issuer->owner->arg, issuer->name, result->body)) {
    fail(issuer, "what it says is no key set that could be used");
    return;
  }
  if (issuer->words != NULL) GW_LOG_INFO(issuer->owner->log, "keys of %.*s are there again", GW_STR_ARG(issuer->name));
  free(issuer->words);
  issuer->words = NULL;
  issuer->retry_ms = 0;
  issuer->fetched_ms = gw_loop_now_ms(issuer->owner->loop);
  gw_timer_start(issuer->owner->loop, &issuer->timer, refresh_ms(result));
}

/* OpenID Connect Discovery 1.0, section 3. What came by https must not lead to what goes by http. */
static void on_discovery(struct issuer *issuer, const struct gw_fetch_result *result) {
  const struct gw_json_limits limits = {BYTES_MAX, 16, 4096};
  const struct gw_json_value *document;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  bool is_json = gw_json_parse(result->body, &limits, &arena, &document) == GW_OK;
  const struct gw_json_value *uri = is_json ? gw_json_find(document, GW_STR("jwks_uri")) : NULL;
  bool is_good = uri != NULL && uri->kind == GW_JSON_STRING &&
                 (gw_str_has_prefix(uri->string, GW_STR("https://")) ||
                  (gw_str_has_prefix(uri->string, GW_STR("http://")) && gw_str_has_prefix(issuer->url, GW_STR("http://"))));
  if (is_good) issuer->jwks_url = gw_str_dup(uri->string);
  gw_arena_done(&arena);
  if (is_good)
    ask(issuer);
  else
    fail(issuer, "its configuration has no jwks_uri that can be asked");
}

static void on_fetched(void *arg, const struct gw_fetch_result *result) {
  struct issuer *issuer = arg;
  issuer->fetch = NULL;
  if (!result->is_good)
    fail(issuer, result->words);
  else if (issuer->is_discovery && issuer->jwks_url == NULL)
    on_discovery(issuer, result);
  else
    on_jwks(issuer, result);
}

static void ask(struct issuer *issuer) {
  if (issuer->fetch != NULL) return;
  const struct gw_fetch_request request = {.url = issuer->jwks_url != NULL ? issuer->jwks_url : issuer->url.data,
                                           .ca_file = issuer->owner->ca_file,
                                           .timeout_ms = TIMEOUT_MS,
                                           .bytes_max = BYTES_MAX};
  gw_timer_stop(&issuer->timer);
  issuer->asked_ms = gw_loop_now_ms(issuer->owner->loop);
  issuer->fetch = gw_fetch_start(issuer->owner->fetcher, &request, on_fetched, issuer);
}

static void issuer_free(struct issuer *issuer) {
  gw_list_remove(&issuer->node);
  gw_timer_stop(&issuer->timer);
  gw_fetch_cancel(issuer->fetch);
  gw_arena_done(&issuer->arena);
  free(issuer->jwks_url);
  free(issuer->words);
  free(issuer);
}

static struct issuer *find(struct gw_issuer_keys *keys, struct gw_str name) {
  GW_LIST_FOR_EACH(node, &keys->issuers) {
    struct issuer *issuer = GW_LIST_ITEM(node, struct issuer, node);
    if (gw_str_equal(issuer->name, name)) return issuer;
  }
  return NULL;
}

static void add(struct gw_issuer_keys *keys, const struct gw_policy_secret *source) {
  struct issuer *issuer = gw_calloc(1, sizeof(*issuer));
  gw_arena_init(&issuer->arena, 256);
  issuer->owner = keys;
  issuer->name = gw_arena_copy(&issuer->arena, source->name);
  issuer->url = gw_arena_copy(&issuer->arena, source->keys->url);
  issuer->place = gw_arena_strdup(&issuer->arena, source->place);
  issuer->is_discovery = source->keys->is_discovery;
  issuer->is_wanted = true;
  gw_timer_init(&issuer->timer, on_timer);
  gw_list_add_last(&keys->issuers, &issuer->node);
  ask(issuer);
}

void gw_issuer_keys_follow(struct gw_issuer_keys *keys, const struct gw_policy_secret *sources, uint32_t count, const char *ca_file) {
  free(keys->ca_file);
  keys->ca_file = gw_strdup(ca_file);
  GW_LIST_FOR_EACH(node, &keys->issuers) GW_LIST_ITEM(node, struct issuer, node)->is_wanted = false;
  for (uint32_t i = 0; i < count; i++) {
    if (sources[i].keys == NULL || sources[i].keys->kind != GW_KEYS_REMOTE) continue;
    struct issuer *same = find(keys, sources[i].name);
    bool is_same = same != NULL && gw_str_equal(same->url, sources[i].keys->url) && same->is_discovery == sources[i].keys->is_discovery;
    if (same != NULL) same->is_wanted = is_same;
    if (same != NULL && !is_same) issuer_free(same);
    if (!is_same) add(keys, &sources[i]);
  }
  GW_LIST_FOR_EACH(node, &keys->issuers)
    if (!GW_LIST_ITEM(node, struct issuer, node)->is_wanted) issuer_free(GW_LIST_ITEM(node, struct issuer, node));
}

void gw_issuer_keys_on_unknown(struct gw_issuer_keys *keys, struct gw_str name) {
  struct issuer *issuer = find(keys, name);
  if (issuer == NULL || gw_loop_now_ms(keys->loop) - issuer->asked_ms < GW_ISSUER_KEYS_UNKNOWN_MS) return;
  ask(issuer);
}

void gw_issuer_keys_append_warnings(const struct gw_issuer_keys *keys, struct gw_errors *errors) {
  GW_LIST_FOR_EACH(node, (struct gw_list *)(uintptr_t)&keys->issuers) {
    const struct issuer *issuer = GW_LIST_ITEM(node, struct issuer, node);
    uint64_t age_s = (gw_loop_now_ms(keys->loop) - issuer->fetched_ms) / 1000;
    if (issuer->words == NULL) continue;
    if (issuer->fetched_ms == 0)
      gw_errors_warn(errors, issuer->place, "keys can't be had: %s", issuer->words);
    else
      gw_errors_warn(errors, issuer->place, "keys are %" PRIu64 " s old, and newer ones can't be had: %s", age_s, issuer->words);
  }
}

struct gw_issuer_keys *gw_issuer_keys_new(struct gw_loop *loop, struct gw_log *log, gw_issuer_keys_fn fn, void *arg) {
  struct gw_issuer_keys *keys = gw_calloc(1, sizeof(*keys));
  keys->loop = loop;
  keys->log = log;
  keys->fn = fn;
  keys->arg = arg;
  keys->fetcher = gw_fetcher_new(loop);
  gw_list_init(&keys->issuers);
  return keys;
}

void gw_issuer_keys_free(struct gw_issuer_keys *keys) {
  if (keys == NULL) return;
  GW_LIST_FOR_EACH(node, &keys->issuers) issuer_free(GW_LIST_ITEM(node, struct issuer, node));
  gw_fetcher_free(keys->fetcher);
  free(keys->ca_file);
  free(keys);
}
