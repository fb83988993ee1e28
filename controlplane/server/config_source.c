#include "controlplane/server/config_source.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/policy/refusal_place.h"
#include "controlplane/server/config_source_internal.h"

/* How long a start waits for the store: a little longer than a call of it may take. */
#define START_WAIT_MS 5000u
#define TURN_MS 50u
#define RETRY_MS 1000u
/* Nobody waits for the revision that files become, while data planes that share this machine have to take up what it says. */
#define RECORD_MS 50u
#define FILES_AUTHOR "files"

/* ---- files become revisions ---- */

static void record_files(struct gw_config_source *source);

static void on_recorded(void *arg, enum gw_err err, const char *words) {
  struct gw_config_source *source = arg;
  source->is_recording = false;
  if (err == GW_OK || err == GW_ERR_AGAIN) {
    record_files(source); /* whether it is there, or what another control plane has written in between */
  } else if (err == GW_ERR_LIMIT) {
    GW_LOG_WARNING(source->log, "the files are in force, but are no revision: %s", words);
    source->has_unrecorded = false;
  } else {
    gw_timer_start(source->loop, &source->later, RETRY_MS);
  }
}

static struct gw_revision_texts of_files(const struct gw_files_texts *texts) {
  return (struct gw_revision_texts){.routes_name = gw_str_from(texts->routes_name),
                                    .routes = texts->routes,
                                    .services_name = gw_str_from(texts->services_name),
                                    .services = texts->services};
}

static void record_files(struct gw_config_source *source) {
  if (!source->has_unrecorded || source->is_recording || !gw_revisions_are_known(source->revisions)) return;
  const struct gw_revision_texts texts = of_files(gw_files_texts(source->files));
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  char hash[GW_REVISION_HASH_SIZE];
  gw_revisions_hash(&texts, hash);
  if (newest != NULL && gw_str_equal(newest->hash, gw_str_from(hash))) {
    source->has_unrecorded = false;
    source->current = newest->number;
    return;
  }
  source->is_recording = true;
  const struct gw_revision wish = {.author = GW_STR(FILES_AUTHOR)};
  gw_revisions_add(source->revisions, &wish, &texts, on_recorded, source);
}

void gw_config_source_on_accepted(void *arg, const struct gw_files_texts *texts) {
  (void)texts;
  struct gw_config_source *source = arg;
  source->has_unrecorded = true;
  source->current = 0;
  gw_files_set_trouble(source->files, NULL);
  if (source->revisions != NULL) gw_timer_start(source->loop, &source->later, RECORD_MS);
}

/* ---- revisions become what is in force ---- */

static void follow(struct gw_config_source *source);

/* The newest, once; or, while nothing is in force, the newest of those before the ones that were no good. NULL: nothing is to be done. */
static const struct gw_revision *find_wanted(const struct gw_config_source *source) {
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  if (newest == NULL || newest->number > source->newest_tried) return newest;
  for (uint32_t i = gw_revisions_count(source->revisions); i > 0 && gw_files_texts(source->files) == NULL; i--) {
    const struct gw_revision *revision = gw_revisions_at(source->revisions, i - 1);
    if (revision->number < source->oldest_tried) return revision;
  }
  return NULL;
}

static void note_try(struct gw_config_source *source, uint64_t number) {
  if (number > source->newest_tried) source->newest_tried = number;
  if (number < source->oldest_tried) source->oldest_tried = number;
}

static void tell_trouble(const struct gw_config_source *source, uint64_t number) {
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  if (source->is_api && newest != NULL && newest->number == number) {
    gw_files_set_trouble(source->files, NULL);
    return;
  }
  unsigned long long last = newest != NULL ? newest->number : 0;
  char *words;
  if (source->is_api)
    words = gw_asprintf("revision %llu, the newest, can't be served by this control plane; revision %llu is in force", last,
                        (unsigned long long)number);
  else
    words = gw_asprintf("the files have mistakes since the start; revision %llu of the store is in force, the last good one",
                        (unsigned long long)number);
  gw_files_set_trouble(source->files, words);
  free(words);
}

void gw_config_source_put(struct gw_config_source *source, uint64_t number, const struct gw_revision_texts *texts) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  GW_CLEANUP(gw_free_ptr) char *routes_name = gw_str_dup(texts->routes_name), *services_name = gw_str_dup(texts->services_name);
  const struct gw_files_texts wanted = {.routes_name = routes_name,
                                        .routes = texts->routes,
                                        .services_name = services_name,
                                        .services = texts->services};
  bool is_starting = gw_files_texts(source->files) == NULL;
  note_try(source, number);
  if (gw_files_put(source->files, &wanted, &errors) == GW_OK) {
    source->current = number;
    tell_trouble(source, number);
    GW_LOG_INFO(source->log, "revision %llu is in force", (unsigned long long)number);
  } else {
    char *words = gw_errors_format_line(&errors);
    GW_LOG_ERROR(source->log, "revision %llu of the store can't be served: %s", (unsigned long long)number, words);
    free(words);
    if (!is_starting) tell_trouble(source, source->current);
  }
  gw_errors_done(&errors);
}

static void on_read(void *arg, enum gw_err err, const char *words, const struct gw_revision_texts *texts) {
  struct gw_config_source *source = arg;
  uint64_t number = source->reading;
  source->reading = 0;
  if (err == GW_OK) {
    gw_config_source_put(source, number, texts);
    follow(source); /* a newer one, or an older one if that was no good */
    gw_config_changes_go_on(source);
    return;
  }
  GW_LOG_ERROR(source->log, "revision %llu can't be read: %s", (unsigned long long)number, words != NULL ? words : gw_err_name(err));
  if (err == GW_ERR_INVALID) {
    note_try(source, number);
    gw_config_changes_go_on(source);
  }
  if (err == GW_ERR_INVALID && gw_files_texts(source->files) == NULL)
    follow(source);
  else
    gw_timer_start(source->loop, &source->later, RETRY_MS);
}

static void follow(struct gw_config_source *source) {
  bool is_due = source->is_api || (gw_files_texts(source->files) == NULL && !source->is_started);
  if (!is_due || source->reading != 0 || !gw_revisions_are_known(source->revisions)) return;
  const struct gw_revision *wanted = find_wanted(source);
  if (wanted == NULL) return;
  uint64_t number = wanted->number;
  const struct gw_revision_texts *own = gw_config_changes_find_texts(source, wanted->hash);
  if (own != NULL) {
    gw_config_source_put(source, number, own);
    return;
  }
  source->reading = number;
  gw_revisions_read(source->revisions, number, on_read, source);
}

void gw_config_source_on_newest(void *arg) {
  struct gw_config_source *source = arg;
  if (source->revisions == NULL || !gw_revisions_are_known(source->revisions)) return;
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  if (newest != NULL && newest->number < source->newest_tried) { /* an older copy of the database has come back */
    source->newest_tried = 0;
    source->oldest_tried = UINT64_MAX;
  }
  record_files(source);
  if (source->is_api) follow(source);
}

static void on_later(struct gw_timer *timer) {
  struct gw_config_source *source = GW_CONTAINER_OF(timer, struct gw_config_source, later);
  gw_config_source_on_newest(source);
  bool is_open = source->has_unrecorded || (source->is_api && find_wanted(source) != NULL);
  if (is_open && !source->is_recording && source->reading == 0) gw_timer_start(source->loop, &source->later, RETRY_MS);
}

/* ---- start ---- */

static void wait_for_store(const struct gw_config_source *source, const bool *is_stopping) {
  uint64_t end_us = gw_clock_monotonic_us() + START_WAIT_MS * UINT64_C(1000);
  while (!*is_stopping && gw_clock_monotonic_us() < end_us) {
    bool is_away = gw_revisions_store_status(source->revisions)->state == GW_STORE_AWAY;
    bool is_settled = gw_revisions_are_known(source->revisions) && source->reading == 0 && gw_list_is_empty(&source->queue);
    if (is_away || is_settled) return;
    gw_loop_run_once(source->loop, TURN_MS);
  }
}

static void on_seeded(void *arg, const struct gw_admin_changed *changed) {
  struct gw_config_source *source = arg;
  if (changed->err != GW_OK) GW_LOG_WARNING(source->log, "the files are not the first revision: %s", changed->words);
}

/* An empty store begins with the files, if there are any and they are good. */
static void seed(struct gw_config_source *source, const bool *is_stopping) {
  gw_files_await_text(source->files, is_stopping);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_files_texts texts;
  if (gw_files_read(source->files, &errors, &texts) == GW_OK) {
    struct gw_admin_change change = {.texts = of_files(&texts),
                                     .has_routes = true,
                                     .has_services = true,
                                     .checks_revision = true,
                                     .author = GW_STR(FILES_AUTHOR),
                                     .message = GW_STR("the store was empty")};
    gw_config_changes_change(source, &change, on_seeded, source);
  }
  gw_files_texts_done(&texts);
  gw_errors_done(&errors);
}

static enum gw_err start_with_revisions(struct gw_config_source *source, const bool *is_stopping) {
  wait_for_store(source, is_stopping);
  if (gw_revisions_are_known(source->revisions) && gw_revisions_count(source->revisions) == 0) {
    seed(source, is_stopping);
    wait_for_store(source, is_stopping);
  }
  if (gw_files_texts(source->files) != NULL) return GW_OK;
  if (source->newest_tried != 0) return GW_ERR_INVALID; /* there are some, and none is good */
  const char *words = gw_revisions_are_known(source->revisions) ? "there is no revision yet: gatewayctl apply makes the first one"
                                                                : "the store has not answered: nothing is served until it does";
  gw_files_set_trouble(source->files, words);
  GW_LOG_WARNING(source->log, "%s", words);
  return GW_OK;
}

static enum gw_err start_with_files(struct gw_config_source *source, const bool *is_stopping) {
  gw_files_await_text(source->files, is_stopping);
  if (*is_stopping) return GW_OK;
  enum gw_err err = gw_files_load(source->files);
  if (err == GW_OK) return GW_OK;
  wait_for_store(source, is_stopping);
  follow(source);
  wait_for_store(source, is_stopping);
  if (gw_files_texts(source->files) == NULL) return err;
  const struct gw_errors *mistakes = gw_files_mistakes(source->files);
  for (size_t i = 0; i < mistakes->count; i++)
    GW_LOG_ERROR(source->log, "%s: %s", mistakes->items[i].place, mistakes->items[i].sentence);
  return GW_OK;
}

enum gw_err gw_config_source_start(struct gw_config_source *source, const bool *is_stopping) {
  enum gw_err err = source->is_api ? start_with_revisions(source, is_stopping) : start_with_files(source, is_stopping);
  source->is_started = true;
  return err;
}

/* ---- life ---- */

uint64_t gw_config_source_current(void *arg) {
  return ((const struct gw_config_source *)arg)->current;
}

/* Services are named by their clusters; routes by themselves or by a place in a route configuration. */
static const char *find_place(void *arg, enum gw_resource_type type, struct gw_str cluster, struct gw_str words, struct gw_arena *arena) {
  const struct gw_config_source *source = arg;
  const struct gw_policy *policy = gw_files_policy(source->files);
  const struct gw_files_texts *texts = gw_files_texts(source->files);
  if (policy == NULL || texts == NULL) return NULL;
  bool is_service = type == GW_RESOURCE_CLUSTER || type == GW_RESOURCE_ENDPOINTS;
  enum gw_refused what = is_service ? GW_REFUSED_SERVICE : type == GW_RESOURCE_LISTENER ? GW_REFUSED_LISTENER : GW_REFUSED_ROUTE;
  const struct gw_refusal refusal = {what, words, cluster};
  return gw_refusal_place_find(policy, &refusal, texts->routes_name, texts->services_name, arena);
}

struct gw_config_source *gw_config_source_new(struct gw_loop *loop, struct gw_log *log, bool is_api) {
  struct gw_config_source *source = gw_calloc(1, sizeof(*source));
  source->loop = loop;
  source->log = log;
  source->is_api = is_api;
  source->oldest_tried = UINT64_MAX;
  gw_list_init(&source->queue);
  gw_timer_init(&source->later, on_later);
  source->changes = (struct gw_admin_changes){.arg = source,
                                              .source_name = is_api ? "api" : "files",
                                              .current = gw_config_source_current,
                                              .change = gw_config_changes_change,
                                              .compare = gw_config_changes_compare,
                                              .find_place = find_place};
  return source;
}

void gw_config_source_free(struct gw_config_source *source) {
  if (source == NULL) return;
  gw_config_changes_end(source);
  gw_timer_stop(&source->later);
  free(source);
}

bool gw_config_source_is_api(const struct gw_config_source *source) {
  return source->is_api;
}

void gw_config_source_join(struct gw_config_source *source, struct gw_files *files, struct gw_revisions *revisions) {
  source->files = files;
  source->revisions = revisions;
  source->changes.revisions = revisions;
}

const struct gw_admin_changes *gw_config_source_changes(const struct gw_config_source *source) {
  return &source->changes;
}
