#include "controlplane/server/files.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/file_watch.h"
#include "common/event/timer.h"
#include "controlplane/server/issuer_keys.h"

/* A file has settled when nothing happened to it for WATCH_SETTLE_MS, or WHOLE_MS after it was replaced or written to its end; all have
 * when none told of a change for SETTLE_MS more, so that files which change together make one snapshot. What can't be used then may be half
 * of a change, of which the rest gets PATIENCE_MS. Somebody who never stops writing is served every SETTLE_MAX_MS. */
#define WATCH_SETTLE_MS 10
#define WHOLE_MS 1
#define SETTLE_MS 3
#define PATIENCE_MS 25
#define SETTLE_MAX_MS 200
#define RETRY_MS 1000
#define WATCHES_MAX 3
#define TEXT_TURN_MS 10
/* Loading needs a multiple of the files' size. What is free again is kept for the next load, which would spend a third of its time on
 * getting it from the system again. It goes back when the files have become much smaller, once nodes had time to take what was sent. */
#define TRIM_BYTES ((size_t)64 * 1024)
#define TRIM_MS 1000

struct gw_files {
  struct gw_files_options options;
  struct gw_policy *policy; /* in force */
  struct gw_secrets *secrets;
  struct gw_issuer_keys *issuer_keys;
  struct gw_errors in_force;   /* warnings of the policy in force */
  struct gw_errors refused;    /* errors of the newest load, if it failed */
  struct gw_errors mistakes;   /* what gw_files_mistakes says */
  struct gw_errors trouble;    /* of gw_files_set_trouble */
  uint64_t digest;             /* of the input of the newest load */
  struct gw_files_texts texts; /* in force; its own copies */
  struct gw_file_watch *watches[WATCHES_MAX];
  uint32_t watch_count;
  struct gw_timer settle;
  struct gw_timer trim;
  size_t largest_bytes;     /* of the files, over the loads since memory was given back */
  uint64_t first_change_ms; /* of those not loaded yet; 0: none */
  uint64_t translated_us;   /* when the texts of the newest load had become policy; 0: they have mistakes */
  struct gw_files_stats stats;
};

static struct gw_catalog_policy for_catalog(const struct gw_policy *policy) {
  return (struct gw_catalog_policy){.listeners = policy->listeners,
                                    .listener_count = policy->listener_count,
                                    .route_configs = policy->route_configs,
                                    .route_config_count = policy->route_config_count,
                                    .clusters = policy->clusters,
                                    .cluster_count = policy->cluster_count,
                                    .groups = policy->groups,
                                    .group_count = policy->group_count};
}

/* Secrets and endpoints first: the catalog publishes at once with the policy, and both then make one snapshot. */
static enum gw_err put_in_force(struct gw_files *files, struct gw_policy *policy, const struct gw_settings *settings,
                                struct gw_errors *errors) {
  struct gw_catalog_policy wanted = for_catalog(policy);
  gw_secrets_follow(files->secrets, policy->secrets, policy->secret_count);
  gw_sources_follow(files->options.sources, policy->sources, policy->source_count, settings);
  enum gw_err err = gw_catalog_set_policy(files->options.catalog, &wanted, errors);
  if (err == GW_OK) {
    gw_policy_free(files->policy);
    files->policy = policy;
    return GW_OK;
  }
  /* Nothing was published yet: the endpoints wait for the end of the turn. */
  const struct gw_policy *before = files->policy;
  gw_secrets_follow(files->secrets, before != NULL ? before->secrets : NULL, before != NULL ? before->secret_count : 0);
  gw_sources_follow(files->options.sources, before != NULL ? before->sources : NULL, before != NULL ? before->source_count : 0, settings);
  gw_policy_free(policy);
  return err;
}

static void on_change(void *arg);

static void watch_text(struct gw_files *files, const struct gw_settings *settings) {
  const char *where = files->options.options->routes;
  if (gw_sources_has_text(where)) gw_sources_watch_text(files->options.sources, where, settings, on_change, files);
}

/* What turns texts into a policy, for whomever: the files, gw_files_put, gw_files_check. */
static enum gw_err make_policy(const struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors,
                               struct gw_settings **ret_settings, struct gw_policy **ret_policy) {
  const struct gw_options *options = files->options.options;
  gw_settings_load(options->env_file, options->settings, errors, ret_settings);
  if (*ret_settings == NULL || errors->error_count > 0) return GW_ERR_INVALID;
  struct gw_policy_source routes = {.name = texts->routes_name, .text = texts->routes};
  struct gw_policy_source services = {.name = texts->services_name, .text = texts->services};
  return gw_policy_load_changed(files->policy, &routes, &services, *ret_settings, errors, ret_policy);
}

static enum gw_err apply(struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors) {
  struct gw_settings *settings = NULL;
  struct gw_policy *policy = NULL;
  enum gw_err err = make_policy(files, texts, errors, &settings, &policy);
  files->translated_us = err == GW_OK ? gw_clock_monotonic_us() : 0;
  if (settings != NULL && !files->options.is_fed) watch_text(files, settings);
  if (err == GW_OK) err = put_in_force(files, policy, settings, errors);
  if (err == GW_OK) {
    if (files->options.trace != NULL) gw_change_trace_follow(files->options.trace, settings);
    if (files->options.registrations != NULL) gw_registrations_follow(files->options.registrations, settings);
    gw_issuer_keys_follow(files->issuer_keys, policy->secrets, policy->secret_count, settings->ca_file);
    struct gw_files_texts before = files->texts;
    files->texts = gw_files_texts_copy(texts);
    gw_files_texts_done(&before);
  }
  gw_settings_free(settings);
  return err;
}

static void add_all_of(struct gw_errors *to, const struct gw_errors *from, enum gw_severity severity) {
  for (size_t i = 0; i < from->count; i++) {
    const struct gw_mistake *mistake = &from->items[i];
    if (mistake->severity != severity) continue;
    if (severity == GW_SEVERITY_ERROR) {
      gw_errors_add(to, mistake->place, "%s", mistake->sentence);
    } else {
      gw_errors_warn(to, mistake->place, "%s", mistake->sentence);
    }
  }
}

static void gather_mistakes(void *arg) {
  struct gw_files *files = arg;
  gw_errors_done(&files->mistakes);
  gw_errors_init(&files->mistakes);
  add_all_of(&files->mistakes, &files->refused, GW_SEVERITY_ERROR);
  add_all_of(&files->mistakes, &files->trouble, GW_SEVERITY_ERROR);
  files->mistakes.error_count = files->refused.error_count + files->trouble.error_count;
  add_all_of(&files->mistakes, &files->in_force, GW_SEVERITY_WARNING);
  gw_secrets_append_warnings(files->secrets, &files->mistakes);
  gw_issuer_keys_append_warnings(files->issuer_keys, &files->mistakes);
  gw_guard_append_warnings(files->options.guard, &files->mistakes);
  if (files->options.registrations != NULL) gw_registrations_append_warnings(files->options.registrations, &files->mistakes);
  const struct gw_text_state *text = gw_sources_text(files->options.sources);
  if (text->is_there && text->words != NULL)
    gw_errors_warn(&files->mistakes, files->options.options->routes, "can't be had now: %s; what it was stays in force", text->words);
}

static void keep_mistakes(struct gw_files *files, const struct gw_errors *errors, bool is_good) {
  if (is_good) {
    gw_errors_done(&files->in_force);
    gw_errors_init(&files->in_force);
    add_all_of(&files->in_force, errors, GW_SEVERITY_WARNING);
  }
  gw_errors_done(&files->refused);
  gw_errors_init(&files->refused);
  if (!is_good) {
    add_all_of(&files->refused, errors, GW_SEVERITY_ERROR);
    files->refused.error_count = errors->error_count; /* also those that were not kept */
  }
  gather_mistakes(files);
}

static void log_mistakes(struct gw_files *files, const struct gw_errors *errors) {
  for (size_t i = 0; i < errors->count; i++) {
    const struct gw_mistake *mistake = &errors->items[i];
    gw_log_write(files->options.log, mistake->severity == GW_SEVERITY_ERROR ? GW_LOG_ERROR : GW_LOG_WARNING, "%s: %s", mistake->place,
                 mistake->sentence);
  }
}

static void on_trim(struct gw_timer *timer) {
  (void)timer;
  malloc_trim(0);
}

static void trim_if_smaller(struct gw_files *files, size_t loaded_bytes) {
  if (loaded_bytes * 2 + TRIM_BYTES < files->largest_bytes) {
    files->largest_bytes = loaded_bytes;
    gw_timer_start(files->options.loop, &files->trim, TRIM_MS);
  } else if (loaded_bytes > files->largest_bytes) {
    files->largest_bytes = loaded_bytes;
  }
}

static void add_to_trace(struct gw_files *files, const struct gw_errors *errors, enum gw_err err, uint64_t start_us) {
  uint64_t seen_us = files->first_change_ms * 1000;
  size_t i = 0;
  while (err != GW_OK && i < errors->count && errors->items[i].severity != GW_SEVERITY_ERROR)
    i++;
  GW_CLEANUP(gw_free_ptr) char *mistake = NULL;
  if (err != GW_OK) mistake = i < errors->count ? gw_asprintf("%s: %s", errors->items[i].place, errors->items[i].sentence) : gw_strdup("");
  gw_change_trace_add(files->options.trace, &(struct gw_change){.seen_us = seen_us > 0 && seen_us < start_us ? seen_us : start_us,
                                                                .started_us = start_us,
                                                                .translated_us = files->translated_us,
                                                                .ended_us = gw_clock_monotonic_us(),
                                                                .mistake = mistake,
                                                                .route_count = err == GW_OK ? files->policy->route_count : 0,
                                                                .service_count = err == GW_OK ? files->policy->cluster_count : 0});
}

/* What came of a try to put something in force, for the status, the trace and the log. */
static void tell_outcome(struct gw_files *files, const struct gw_errors *errors, enum gw_err err, uint64_t start_us) {
  uint64_t took_us = gw_clock_monotonic_us() - start_us;
  if (files->options.trace != NULL) add_to_trace(files, errors, err, start_us);
  keep_mistakes(files, errors, err == GW_OK);
  files->stats.loads_total++;
  if (err != GW_OK) files->stats.errors_total++;
  if (files->policy == NULL) return; /* the first load: who called tells */
  log_mistakes(files, errors);
  if (err != GW_OK) {
    GW_LOG_ERROR(files->options.log, "%zu mistakes in the files: the configuration before stays in force", errors->error_count);
    return;
  }
  gw_histogram_add(&files->stats.durations, took_us);
  GW_LOG_INFO(files->options.log, "%u routes to %u services are in force (%.1f ms)", files->policy->route_count,
              files->policy->cluster_count, (double)took_us / 1000.0);
}

/* What a load is for: SIGHUP and the start want it whatever the files are; a change only if they differ; right after one, mistakes may be
 * half of a change, and are told of by the load that follows. */
enum load_reason { LOAD_ALWAYS, LOAD_IF_CHANGED, LOAD_HASTY };

static enum gw_err load(struct gw_files *files, enum load_reason reason) {
  if (files->options.is_fed && files->policy == NULL) return GW_OK; /* nothing was put yet */
  uint64_t start_us = gw_clock_monotonic_us();
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_files_texts texts;
  if (files->options.is_fed)
    texts = gw_files_texts_copy(&files->texts);
  else
    gw_files_read(files, &errors, &texts);
  uint64_t digest = gw_files_texts_digest(&texts, files->options.options->env_file);
  /* What could not be read (descriptors are out, a volume is away) may come back without an event. */
  if (errors.error_count > 0) gw_timer_start(files->options.loop, &files->settle, RETRY_MS);
  enum gw_err err = GW_OK;
  if (reason != LOAD_ALWAYS && digest == files->digest) goto out;
  err = apply(files, &texts, &errors);
  if (err != GW_OK && reason == LOAD_HASTY) goto out;
  files->digest = digest;
  trim_if_smaller(files, texts.routes.len + texts.services.len);
  tell_outcome(files, &errors, err, start_us);
  bool is_news = err == GW_OK && !files->options.is_fed && files->options.on_accepted != NULL;
  if (is_news) files->options.on_accepted(files->options.arg, &files->texts);
out:
  gw_files_texts_done(&texts);
  gw_errors_done(&errors);
  return err;
}

static void on_settled(struct gw_timer *timer) {
  struct gw_files *files = GW_CONTAINER_OF(timer, struct gw_files, settle);
  uint64_t passed_ms = gw_loop_now_ms(files->options.loop) - files->first_change_ms;
  bool is_hasty = files->first_change_ms != 0 && passed_ms < PATIENCE_MS;
  if (load(files, is_hasty ? LOAD_HASTY : LOAD_IF_CHANGED) != GW_OK && is_hasty) {
    gw_timer_start(files->options.loop, &files->settle, PATIENCE_MS - passed_ms);
  } else {
    files->first_change_ms = 0;
  }
}

static void on_change(void *arg) {
  struct gw_files *files = arg;
  uint64_t now_ms = gw_loop_now_ms(files->options.loop);
  if (files->first_change_ms == 0) files->first_change_ms = now_ms;
  if (now_ms - files->first_change_ms < SETTLE_MAX_MS) gw_timer_start(files->options.loop, &files->settle, SETTLE_MS);
}

static void watch(struct gw_files *files, const char *path) {
  struct gw_file_watch *made;
  if (gw_file_watch_new(files->options.loop, path, WATCH_SETTLE_MS, on_change, files, &made) == GW_OK) {
    gw_file_watch_hurry(made, WHOLE_MS);
    files->watches[files->watch_count++] = made;
  } else {
    GW_LOG_WARNING(files->options.log, "%s cannot be watched (%s): after a change send SIGHUP", path, strerror(errno));
  }
}

void gw_files_watch(struct gw_files *files) {
  const struct gw_options *options = files->options.options;
  if (!files->options.is_fed) {
    if (!gw_sources_has_text(options->routes)) watch(files, options->routes);
    watch(files, options->services);
  }
  if (options->env_file != NULL) watch(files, options->env_file);
  gw_secrets_watch(files->secrets);
  load(files, LOAD_IF_CHANGED); /* of what changed between the first load and here, no event tells */
}

static bool on_issuer_keys(void *arg, struct gw_str name, struct gw_str jwks) {
  struct gw_files *files = arg;
  return gw_secrets_set_fetched(files->secrets, name, jwks);
}

struct gw_files *gw_files_new(const struct gw_files_options *options) {
  struct gw_files *files = gw_calloc(1, sizeof(*files));
  files->options = *options;
  files->secrets = gw_secrets_new(options->loop, options->log, options->catalog, gather_mistakes, files);
  files->issuer_keys = gw_issuer_keys_new(options->loop, options->log, on_issuer_keys, files);
  gw_errors_init(&files->in_force);
  gw_errors_init(&files->refused);
  gw_errors_init(&files->mistakes);
  gw_errors_init(&files->trouble);
  gw_timer_init(&files->settle, on_settled);
  gw_timer_init(&files->trim, on_trim);
  return files;
}

void gw_files_free(struct gw_files *files) {
  if (files == NULL) return;
  for (uint32_t i = 0; i < files->watch_count; i++)
    gw_file_watch_free(files->watches[i]);
  gw_timer_stop(&files->settle);
  gw_timer_stop(&files->trim);
  gw_issuer_keys_free(files->issuer_keys);
  gw_secrets_free(files->secrets);
  gw_errors_done(&files->in_force);
  gw_errors_done(&files->refused);
  gw_errors_done(&files->mistakes);
  gw_errors_done(&files->trouble);
  gw_policy_free(files->policy);
  gw_files_texts_done(&files->texts);
  free(files);
}

void gw_files_await_text(struct gw_files *files, const bool *is_stopping) {
  const struct gw_options *options = files->options.options;
  struct gw_loop *loop = files->options.loop;
  struct gw_settings *settings = NULL;
  struct gw_errors told_by_load;
  gw_errors_init(&told_by_load);
  bool is_good = gw_settings_load(options->env_file, options->settings, &told_by_load, &settings) == GW_OK;
  if (is_good) watch_text(files, settings);
  is_good = is_good && gw_sources_has_text(options->routes);
  for (uint64_t began_ms = gw_loop_now_ms(loop); is_good && !gw_sources_text(files->options.sources)->is_there && !*is_stopping &&
                                                 gw_loop_now_ms(loop) - began_ms < GW_FILES_TEXT_MS;)
    gw_loop_run_once(loop, TEXT_TURN_MS);
  gw_timer_stop(&files->settle); /* the load that follows has it */
  files->first_change_ms = 0;
  gw_settings_free(settings);
  gw_errors_done(&told_by_load);
}

enum gw_err gw_files_load(struct gw_files *files) {
  return load(files, LOAD_ALWAYS);
}

enum gw_err gw_files_put(struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors) {
  uint64_t start_us = gw_clock_monotonic_us();
  enum gw_err err = apply(files, texts, errors);
  trim_if_smaller(files, texts->routes.len + texts->services.len);
  if (files->options.is_fed) tell_outcome(files, errors, err, start_us);
  return err;
}

enum gw_err gw_files_check(struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors,
                           struct gw_policy **ret_policy) {
  struct gw_settings *settings = NULL;
  struct gw_policy *policy = NULL;
  enum gw_err err = make_policy(files, texts, errors, &settings, &policy);
  gw_settings_free(settings);
  if (err != GW_OK) return err;
  const struct gw_catalog_policy wanted = for_catalog(policy);
  err = gw_catalog_check_policy(files->options.catalog, &wanted, errors);
  if (err == GW_OK)
    *ret_policy = policy;
  else
    gw_policy_free(policy);
  return err;
}

enum gw_err gw_files_read(const struct gw_files *files, struct gw_errors *errors, struct gw_files_texts *ret_texts) {
  return gw_files_texts_read(files->options.options, files->options.sources, errors, ret_texts);
}

const struct gw_files_texts *gw_files_texts(const struct gw_files *files) {
  return files->policy != NULL ? &files->texts : NULL;
}

void gw_files_set_trouble(struct gw_files *files, const char *words) {
  gw_errors_done(&files->trouble);
  gw_errors_init(&files->trouble);
  if (words != NULL) gw_errors_add(&files->trouble, "revisions", "%s", words);
}

/* Of keys that can't be had it tells how old they are by now. */
const struct gw_errors *gw_files_mistakes(struct gw_files *files) {
  gather_mistakes(files);
  return &files->mistakes;
}
void gw_files_on_unknown_key(struct gw_files *files, struct gw_str provider) {
  GW_CLEANUP(gw_free_ptr) char *name = gw_asprintf("jwt/%.*s", GW_STR_ARG(provider));
  gw_issuer_keys_on_unknown(files->issuer_keys, gw_str_from(name));
}

const struct gw_policy *gw_files_policy(const struct gw_files *files) {
  return files->policy;
}
const struct gw_secrets_stats *gw_files_secrets_stats(const struct gw_files *files) {
  return gw_secrets_stats(files->secrets);
}
const struct gw_files_stats *gw_files_stats(const struct gw_files *files) {
  return &files->stats;
}
