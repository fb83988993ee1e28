#include "controlplane/server/secrets.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/file_watch.h"
#include "common/event/timer.h"
#include "controlplane/policy/secret_file.h"

/* Certificate and key come as two writes. */
#define WATCH_SETTLE_MS 10
#define SETTLE_MS 20

/* A secret and where it comes from. */
struct known {
  struct gw_arena names; /* of source */
  struct gw_policy_secret source;
  struct gw_arena content; /* of secret */
  struct gw_secret secret;
  bool has_secret;
  char *fetched; /* of published keys, what was fetched last; NULL: nothing yet */
  char *words; /* what is wrong or odd; NULL: nothing */
};

struct watched {
  struct gw_secrets *owner;
  char *path;
  struct gw_file_watch *watch; /* NULL: can't be */
};

struct gw_secrets {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_catalog *catalog;
  void (*on_change)(void *arg);
  void *arg;
  struct known *items;
  uint32_t count;
  struct gw_secret *published; /* what the catalog borrows: secrets, and behind them issuers' public keys */
  struct watched *watches;
  uint32_t watch_count;
  bool is_watching;
  struct gw_timer settle;
  struct gw_secrets_stats stats;
};

static void known_done(struct known *known) {
  gw_arena_wipe(&known->content);
  gw_arena_done(&known->content);
  gw_arena_wipe(&known->names); /* a setting's text */
  gw_arena_done(&known->names);
  free(known->words);
  free(known->fetched);
}

static void copy_source(struct known *known, const struct gw_policy_secret *source) {
  gw_arena_init(&known->names, 256);
  gw_arena_init(&known->content, 4096);
  const char **paths = gw_arena_calloc(&known->names, source->path_count, sizeof(*paths));
  for (uint32_t i = 0; i < source->path_count; i++)
    paths[i] = gw_arena_strdup(&known->names, source->paths[i]);
  known->source = *source;
  known->source.name = gw_arena_copy(&known->names, source->name);
  known->source.paths = paths;
  known->source.place = gw_arena_strdup(&known->names, source->place);
  if (source->keys == NULL) return;
  struct gw_policy_keys *keys = gw_arena_calloc(&known->names, 1, sizeof(*keys));
  *keys = *source->keys;
  keys->text = gw_arena_copy(&known->names, source->keys->text);
  keys->url = gw_arena_copy(&known->names, source->keys->url);
  known->source.keys = keys;
}

static bool same_keys(const struct gw_policy_keys *a, const struct gw_policy_keys *b) {
  if (a == NULL || b == NULL) return a == b;
  return a->kind == b->kind && a->is_discovery == b->is_discovery && a->algs == b->algs && gw_str_equal(a->text, b->text) &&
         gw_str_equal(a->url, b->url);
}

static bool same_source(const struct gw_policy_secret *a, const struct gw_policy_secret *b) {
  if (a->kind != b->kind || a->path_count != b->path_count || !gw_str_equal(a->name, b->name)) return false;
  for (uint32_t i = 0; i < a->path_count; i++)
    if (strcmp(a->paths[i], b->paths[i]) != 0) return false;
  return same_keys(a->keys, b->keys);
}

static bool same_secret(const struct gw_secret *a, const struct gw_secret *b) {
  if (!gw_str_equal(a->certificate_chain, b->certificate_chain) || !gw_str_equal(a->private_key, b->private_key) ||
      !gw_str_equal(a->trusted_ca, b->trusted_ca) || !gw_str_equal(a->content, b->content) || a->ticket_key_count != b->ticket_key_count)
    return false;
  for (uint32_t i = 0; i < a->ticket_key_count; i++)
    if (!gw_str_equal(a->ticket_keys[i], b->ticket_keys[i])) return false;
  return true;
}

/* New words, or none any more, are told once. */
static bool set_words(struct gw_secrets *secrets, struct known *known, char *words) {
  bool is_news = (words == NULL) != (known->words == NULL) || (words != NULL && strcmp(words, known->words) != 0);
  if (is_news && words != NULL)
    GW_LOG_WARNING(secrets->log, "%s: %s%s", known->source.place, words, known->has_secret ? "" : ": what needs it stays closed");
  free(known->words);
  known->words = words;
  return is_news;
}

struct outcome {
  bool is_good;
  bool is_changed; /* another content */
  bool is_news;    /* other words */
};

static struct outcome read_known(struct gw_secrets *secrets, struct known *known) {
  struct gw_arena content;
  struct gw_secret secret;
  char *words;
  struct gw_policy_secret source = known->source;
  struct gw_policy_keys keys;
  if (source.keys != NULL && source.keys->kind == GW_KEYS_REMOTE) {
    if (known->fetched == NULL) return (struct outcome){0}; /* issuer_keys.c tells why */
    keys = *source.keys;
    keys.text = gw_str_from(known->fetched);
    source.keys = &keys;
  }
  gw_arena_init(&content, 4096);
  int64_t wall_s = (int64_t)(gw_clock_wall_us() / 1000000u);
  bool is_good = gw_secret_file_read(&source, wall_s, &content, &secret, &words) == GW_OK;
  if (!is_good) secrets->stats.failures_total++;
  struct outcome outcome = {.is_good = is_good, .is_changed = is_good && !(known->has_secret && same_secret(&known->secret, &secret))};
  if (outcome.is_changed) {
    if (known->has_secret) GW_LOG_INFO(secrets->log, "secret %.*s has new content", GW_STR_ARG(known->source.name));
    struct gw_arena before = known->content;
    known->content = content;
    content = before;
    known->secret = secret;
    known->has_secret = true;
  }
  gw_arena_wipe(&content);
  gw_arena_done(&content);
  outcome.is_news = set_words(secrets, known, words);
  return outcome;
}

static bool holds_public_keys(const struct gw_policy_secret *source) {
  return source->keys != NULL && source->keys->kind != GW_KEYS_SECRET && source->keys->kind != GW_KEYS_PLAIN;
}

/* The catalog takes the new array before the one before goes. */
static void publish(struct gw_secrets *secrets) {
  struct gw_secret *before = secrets->published;
  secrets->published = gw_calloc(secrets->count + 1u, sizeof(*secrets->published));
  uint32_t secret_count = 0, count = 0;
  for (int is_public = 0; is_public < 2; is_public++) {
    for (uint32_t i = 0; i < secrets->count; i++)
      if (secrets->items[i].has_secret && holds_public_keys(&secrets->items[i].source) == (is_public == 1))
        secrets->published[count++] = secrets->items[i].secret;
    if (is_public == 0) secret_count = count;
  }
  gw_catalog_set_secrets(secrets->catalog, secrets->published, secret_count);
  gw_catalog_set_issuer_keys(secrets->catalog, secrets->published + secret_count, count - secret_count);
  free(before);
}

static void on_settled(struct gw_timer *timer) {
  struct gw_secrets *secrets = GW_CONTAINER_OF(timer, struct gw_secrets, settle);
  bool is_changed = false, is_news = false;
  for (uint32_t i = 0; i < secrets->count; i++) {
    struct outcome outcome = read_known(secrets, &secrets->items[i]);
    is_changed = is_changed || outcome.is_changed;
    is_news = is_news || outcome.is_news;
    if (outcome.is_changed) secrets->stats.rotations_total++;
  }
  if (is_changed) publish(secrets);
  if (is_news) secrets->on_change(secrets->arg);
}

static void on_file(void *arg) {
  struct watched *watched = arg;
  gw_timer_start(watched->owner->loop, &watched->owner->settle, SETTLE_MS);
}

static void free_watches(struct gw_secrets *secrets) {
  for (uint32_t i = 0; i < secrets->watch_count; i++) {
    gw_file_watch_free(secrets->watches[i].watch);
    free(secrets->watches[i].path);
  }
  free(secrets->watches);
  secrets->watches = NULL;
  secrets->watch_count = 0;
}

static bool is_watched(const struct gw_secrets *secrets, const char *path) {
  for (uint32_t i = 0; i < secrets->watch_count; i++)
    if (strcmp(secrets->watches[i].path, path) == 0) return true;
  return false;
}

static void watch_all(struct gw_secrets *secrets) {
  uint32_t room = 0;
  for (uint32_t i = 0; i < secrets->count; i++)
    room += secrets->items[i].source.path_count;
  free_watches(secrets);
  secrets->watches = gw_calloc(room + 1u, sizeof(*secrets->watches));
  for (uint32_t i = 0; i < secrets->count; i++) {
    for (uint32_t k = 0; k < secrets->items[i].source.path_count; k++) {
      const char *path = secrets->items[i].source.paths[k];
      if (is_watched(secrets, path)) continue;
      struct watched *watched = &secrets->watches[secrets->watch_count++];
      *watched = (struct watched){.owner = secrets, .path = gw_strdup(path)};
      if (gw_file_watch_new(secrets->loop, path, WATCH_SETTLE_MS, on_file, watched, &watched->watch) != GW_OK)
        GW_LOG_WARNING(secrets->log, "%s cannot be watched (%s): after a change send SIGHUP", path, strerror(errno));
    }
  }
}

static struct known *find_same(struct gw_secrets *secrets, const struct gw_policy_secret *source) {
  for (uint32_t i = 0; i < secrets->count; i++)
    if (same_source(&secrets->items[i].source, source)) return &secrets->items[i];
  return NULL;
}

void gw_secrets_follow(struct gw_secrets *secrets, const struct gw_policy_secret *sources, uint32_t count) {
  struct known *items = gw_calloc(count + 1u, sizeof(*items)), *before = secrets->items;
  uint32_t before_count = secrets->count;
  for (uint32_t i = 0; i < count; i++) {
    struct known *same = find_same(secrets, &sources[i]);
    copy_source(&items[i], &sources[i]);
    if (same == NULL) continue;
    /* Its content goes on; the arenas swap, so that each is freed with whom it belongs to. */
    struct gw_arena empty = items[i].content;
    items[i].content = same->content;
    items[i].secret = same->secret;
    items[i].has_secret = same->has_secret;
    items[i].words = same->words;
    items[i].fetched = same->fetched;
    same->fetched = NULL;
    same->content = empty;
    same->has_secret = false;
    same->words = NULL;
  }
  secrets->items = items;
  secrets->count = count;
  for (uint32_t i = 0; i < count; i++)
    read_known(secrets, &items[i]);
  publish(secrets);
  for (uint32_t i = 0; i < before_count; i++)
    known_done(&before[i]);
  free(before);
  if (secrets->is_watching) watch_all(secrets);
}

bool gw_secrets_set_fetched(struct gw_secrets *secrets, struct gw_str name, struct gw_str text) {
  struct known *known = NULL;
  for (uint32_t i = 0; i < secrets->count; i++)
    if (gw_str_equal(secrets->items[i].source.name, name)) known = &secrets->items[i];
  if (known == NULL) return false;
  char *before = known->fetched;
  known->fetched = gw_str_dup(text);
  struct outcome outcome = read_known(secrets, known);
  if (!outcome.is_good) { /* the words go, too: who fetched has better ones */
    free(known->fetched);
    known->fetched = before;
    free(known->words);
    known->words = NULL;
    return false;
  }
  free(before);
  if (outcome.is_changed) {
    secrets->stats.rotations_total++;
    publish(secrets);
  }
  return true;
}

void gw_secrets_watch(struct gw_secrets *secrets) {
  secrets->is_watching = true;
  watch_all(secrets);
  gw_timer_start(secrets->loop, &secrets->settle, SETTLE_MS);
}

void gw_secrets_append_warnings(const struct gw_secrets *secrets, struct gw_errors *errors) {
  for (uint32_t i = 0; i < secrets->count; i++) {
    const struct known *known = &secrets->items[i];
    if (known->words != NULL)
      gw_errors_warn(errors, known->source.place, "%s%s", known->words, known->has_secret ? "" : ": what needs it stays closed");
  }
}

struct gw_secrets *gw_secrets_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog, void (*on_change)(void *arg),
                                  void *arg) {
  struct gw_secrets *secrets = gw_calloc(1, sizeof(*secrets));
  secrets->loop = loop;
  secrets->log = log;
  secrets->catalog = catalog;
  secrets->on_change = on_change;
  secrets->arg = arg;
  gw_timer_init(&secrets->settle, on_settled);
  return secrets;
}

void gw_secrets_free(struct gw_secrets *secrets) {
  if (secrets == NULL) return;
  gw_timer_stop(&secrets->settle);
  free_watches(secrets);
  for (uint32_t i = 0; i < secrets->count; i++)
    known_done(&secrets->items[i]);
  free(secrets->items);
  free(secrets->published);
  free(secrets);
}

const struct gw_secrets_stats *gw_secrets_stats(const struct gw_secrets *secrets) {
  return &secrets->stats;
}
