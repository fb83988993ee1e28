/* gatewayctl validate: the control plane's own parser, run here. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/secret_file.h"

struct result {
  struct gw_errors errors;
  struct gw_policy *policy; /* NULL: not valid */
};

/* What the control plane would say of certificates and keys, if it ran here. */
static void check_secrets(struct result *result) {
  int64_t wall_s = (int64_t)(gw_clock_wall_us() / 1000000u);
  for (uint32_t i = 0; i < result->policy->secret_count; i++) {
    const struct gw_policy_secret *source = &result->policy->secrets[i];
    if (source->keys != NULL && source->keys->kind == GW_KEYS_REMOTE) continue; /* nothing is fetched to validate */
    struct gw_arena arena;
    struct gw_secret secret;
    char *words;
    gw_arena_init(&arena, 4096);
    gw_secret_file_read(source, wall_s, &arena, &secret, &words);
    if (words != NULL) gw_errors_warn(&result->errors, source->place, "%s", words);
    free(words);
    gw_arena_wipe(&arena);
    gw_arena_done(&arena);
  }
}

static void check(const struct gw_ctl *ctl, struct result *result) {
  struct gw_settings *settings = NULL;
  struct gw_policy_source routes = {.name = ctl->routes}, services = {.name = ctl->services};
  enum gw_err settings_err = gw_settings_load(ctl->env_file, NULL, &result->errors, &settings);
  enum gw_err routes_err = gw_policy_read_file(ctl->routes, &result->errors, &routes.text);
  enum gw_err services_err = gw_policy_read_file(ctl->services, &result->errors, &services.text);
  if (settings_err == GW_OK && routes_err == GW_OK && services_err == GW_OK) {
    gw_policy_load(&routes, &services, settings, &result->errors, &result->policy);
    if (result->policy != NULL) check_secrets(result);
  }
  free((char *)routes.text.data);
  free((char *)services.text.data);
  gw_settings_free(settings);
}

static void write_mistakes(struct gw_json_writer *json, const struct gw_errors *errors, enum gw_severity severity) {
  gw_json_array_begin(json);
  for (size_t i = 0; i < errors->count; i++) {
    const struct gw_mistake *mistake = &errors->items[i];
    if (mistake->severity != severity) continue;
    gw_json_object_begin(json);
    gw_json_key(json, "place");
    gw_json_string(json, gw_str_from(mistake->place));
    gw_json_key(json, "message");
    gw_json_string(json, gw_str_from(mistake->sentence));
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

/* What stock Envoy has nothing like: the first such service and how many there are. NULL: none. */
static char *format_note(const struct result *result) {
  const struct gw_cluster *first = NULL;
  uint32_t count = 0;
  for (uint32_t i = 0; result->policy != NULL && i < result->policy->cluster_count; i++) {
    const struct gw_cluster *cluster = &result->policy->clusters[i];
    if (cluster->breaking == NULL || !cluster->breaking->has_stand_in) continue;
    if (count++ == 0) first = cluster;
  }
  if (count == 0) return NULL;
  char *others = count > 1 ? gw_asprintf(" and %u more", count - 1) : gw_strdup("");
  char *note = gw_asprintf("circuit_breaker of %.*s%s: Envoy has none; nodes that are Envoy get outlier_detection instead, which ejects "
                           "single instances",
                           GW_STR_ARG(first->name), others);
  free(others);
  return note;
}

static void print_json(const struct result *result) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "valid");
  gw_json_bool(&json, result->policy != NULL);
  gw_json_key(&json, "errors");
  write_mistakes(&json, &result->errors, GW_SEVERITY_ERROR);
  gw_json_key(&json, "warnings");
  write_mistakes(&json, &result->errors, GW_SEVERITY_WARNING);
  GW_CLEANUP(gw_free_ptr) char *note = format_note(result);
  gw_json_key(&json, "notes");
  gw_json_array_begin(&json);
  if (note != NULL) gw_json_string(&json, gw_str_from(note));
  gw_json_array_end(&json);
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

static void print_text(const struct gw_ctl *ctl, const struct result *result) {
  const struct gw_errors *errors = &result->errors;
  for (size_t i = 0; i < errors->count; i++) {
    const struct gw_mistake *mistake = &errors->items[i];
    printf("%s: %s%s\n", mistake->place, mistake->severity == GW_SEVERITY_WARNING ? "warning: " : "", mistake->sentence);
  }
  GW_CLEANUP(gw_free_ptr) char *note = format_note(result);
  if (note != NULL) printf("%s: note: %s\n", ctl->services, note);
  size_t left_out = errors->error_count + errors->warning_count - errors->count;
  if (left_out > 0) printf("… and %zu more\n", left_out);
  if (result->policy == NULL) {
    printf("invalid: %zu error%s, %zu warning%s\n", errors->error_count, errors->error_count == 1 ? "" : "s", errors->warning_count,
           errors->warning_count == 1 ? "" : "s");
  } else {
    printf("valid: %u route%s in %s, %u service%s in %s, %zu warning%s\n", result->policy->route_count,
           result->policy->route_count == 1 ? "" : "s", ctl->routes, result->policy->cluster_count,
           result->policy->cluster_count == 1 ? "" : "s", ctl->services, errors->warning_count, errors->warning_count == 1 ? "" : "s");
  }
}

int gw_ctl_validate(const struct gw_ctl *ctl) {
  struct result result = {.policy = NULL};
  gw_errors_init(&result.errors);
  check(ctl, &result);
  if (ctl->is_json) {
    print_json(&result);
  } else {
    print_text(ctl, &result);
  }
  int exit_code = result.policy == NULL ? GW_CTL_INVALID : ctl->is_strict && result.errors.warning_count > 0 ? GW_CTL_FINDINGS : GW_CTL_OK;
  gw_policy_free(result.policy);
  gw_errors_done(&result.errors);
  return exit_code;
}
