#include "controlplane/server/files.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/content_hash.h"
#include "common/base/mem.h"
#include "common/event/file_watch.h"
#include "common/event/timer.h"
#include "controlplane/server/issuer_keys.h"

/* A file has settled when nothing happened to it for WATCH_SETTLE_MS; all have when none told of a change for SETTLE_MS more, so that
 * files which change together make one snapshot. Somebody who never stops writing is served every SETTLE_MAX_MS. */
#define WATCH_SETTLE_MS 10
#define SETTLE_MS 15
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
  struct gw_errors in_force; /* warnings of the policy in force */
  struct gw_errors refused;  /* errors of the newest load, if it failed */
  struct gw_errors mistakes; /* what gw_files_mistakes says */
  uint64_t digest;           /* of the input of the newest load */
  struct gw_file_watch *watches[WATCHES_MAX];
  uint32_t watch_count;
  struct gw_timer settle;
  struct gw_timer trim;
  size_t largest_bytes;     /* of the files, over the loads since memory was given back */
  uint64_t first_change_ms; /* of those not loaded yet; 0: none */
  struct gw_files_stats stats;
};

/* One load's input. */
struct input {
  struct gw_str routes;
  struct gw_str services;
  struct gw_str env_file; /* its text, to see changes: secrets show nowhere else */
  struct gw_settings *settings;
  uint64_t digest;
};

static void input_done(struct input *input) {
  free((char *)input->routes.data);
  free((char *)input->services.data);
  free((char *)input->env_file.data);
  gw_settings_free(input->settings);
}

static void input_digest(struct input *input) {
  const struct gw_str parts[] = {input->routes, input->services, input->env_file};
  struct gw_strbuf all;
  gw_strbuf_init(&all);
  for (size_t i = 0; i < GW_ARRAY_LEN(parts); i++) {
    gw_strbuf_printf(&all, "%zu ", parts[i].len); /* keeps the parts apart */
    gw_strbuf_append_str(&all, parts[i]);
  }
  input->digest = gw_content_hash(gw_strbuf_str(&all));
  gw_strbuf_done(&all);
}

static void input_read_routes(struct input *input, const struct gw_files_options *options, struct gw_errors *errors) {
  const char *where = options->options->routes;
  if (!gw_sources_has_text(where)) {
    gw_policy_read_file(where, errors, &input->routes);
    return;
  }
  const struct gw_text_state *text = gw_sources_text(options->sources);
  if (text->is_there)
    input->routes = (struct gw_str){gw_str_dup(text->text), text->text.len};
  else
    gw_errors_add(errors, where, "can't be had: %s", text->words != NULL ? text->words : "there is no answer yet");
}

/* What can be read is read, so that all mistakes show at once. */
static void input_read(struct input *input, const struct gw_files_options *from, struct gw_errors *errors) {
  const struct gw_options *options = from->options;
  *input = (struct input){0};
  input_read_routes(input, from, errors);
  gw_policy_read_file(options->services, errors, &input->services);
  if (options->env_file != NULL) {
    struct gw_errors told_by_settings;
    gw_errors_init(&told_by_settings);
    gw_policy_read_file(options->env_file, &told_by_settings, &input->env_file);
    gw_errors_done(&told_by_settings);
  }
  input_digest(input);
}

/* Secrets and endpoints first: the catalog publishes at once with the policy, and both then make one snapshot. */
static enum gw_err put_in_force(struct gw_files *files, struct gw_policy *policy, const struct gw_settings *settings,
                                struct gw_errors *errors) {
  struct gw_catalog_policy wanted = {.listeners = policy->listeners,
                                     .listener_count = policy->listener_count,
                                     .route_configs = policy->route_configs,
                                     .route_config_count = policy->route_config_count,
                                     .clusters = policy->clusters,
                                     .cluster_count = policy->cluster_count};
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

static enum gw_err apply(struct gw_files *files, struct input *input, struct gw_errors *errors) {
  const struct gw_options *options = files->options.options;
  if (gw_settings_load(options->env_file, options->settings, errors, &input->settings) == GW_OK) watch_text(files, input->settings);
  if (errors->error_count > 0) return GW_ERR_INVALID;
  struct gw_policy_source routes = {.name = options->routes, .text = input->routes};
  struct gw_policy_source services = {.name = options->services, .text = input->services};
  struct gw_policy *policy = NULL;
  enum gw_err err = gw_policy_load(&routes, &services, input->settings, errors, &policy);
  if (err == GW_OK) err = put_in_force(files, policy, input->settings, errors);
  if (err == GW_OK) gw_issuer_keys_follow(files->issuer_keys, policy->secrets, policy->secret_count, input->settings->ca_file);
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
  files->mistakes.error_count = files->refused.error_count;
  add_all_of(&files->mistakes, &files->in_force, GW_SEVERITY_WARNING);
  gw_secrets_append_warnings(files->secrets, &files->mistakes);
  gw_issuer_keys_append_warnings(files->issuer_keys, &files->mistakes);
  gw_guard_append_warnings(files->options.guard, &files->mistakes);
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

static enum gw_err load(struct gw_files *files, bool is_only_if_changed) {
  uint64_t start_us = gw_clock_monotonic_us();
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct input input;
  input_read(&input, &files->options, &errors);
  /* What could not be read (descriptors are out, a volume is away) may come back without an event. */
  if (errors.error_count > 0) gw_timer_start(files->options.loop, &files->settle, RETRY_MS);
  enum gw_err err = GW_OK;
  if (is_only_if_changed && input.digest == files->digest) goto out;
  files->digest = input.digest;
  err = apply(files, &input, &errors);
  uint64_t took_us = gw_clock_monotonic_us() - start_us;
  trim_if_smaller(files, input.routes.len + input.services.len);
  keep_mistakes(files, &errors, err == GW_OK);
  files->stats.loads_total++;
  if (err != GW_OK) files->stats.errors_total++;
  if (files->policy == NULL) goto out; /* the first load: who called tells */
  log_mistakes(files, &errors);
  if (err != GW_OK) {
    GW_LOG_ERROR(files->options.log, "%zu mistakes in the files: the configuration before stays in force", errors.error_count);
    goto out;
  }
  gw_histogram_add(&files->stats.durations, took_us);
  GW_LOG_INFO(files->options.log, "%u routes to %u services are in force (%.1f ms)", files->policy->route_count,
              files->policy->cluster_count, (double)took_us / 1000.0);
out:
  input_done(&input);
  gw_errors_done(&errors);
  return err;
}

static void on_settled(struct gw_timer *timer) {
  struct gw_files *files = GW_CONTAINER_OF(timer, struct gw_files, settle);
  files->first_change_ms = 0;
  load(files, true);
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
    files->watches[files->watch_count++] = made;
  } else {
    GW_LOG_WARNING(files->options.log, "%s cannot be watched (%s): after a change send SIGHUP", path, strerror(errno));
  }
}

void gw_files_watch(struct gw_files *files) {
  const struct gw_options *options = files->options.options;
  if (!gw_sources_has_text(options->routes)) watch(files, options->routes);
  watch(files, options->services);
  if (options->env_file != NULL) watch(files, options->env_file);
  gw_secrets_watch(files->secrets);
  load(files, true); /* of what changed between the first load and here, no event tells */
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
  gw_policy_free(files->policy);
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
  return load(files, false);
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
