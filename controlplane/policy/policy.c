#include "controlplane/policy/policy.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "controlplane/policy/translate.h"
#include "controlplane/policy/translate_limits.h"

/* Of a setting, as all secrets that are here themselves and not in a file; the rest of what was read is a multiple of the files' size. */
static void wipe(const struct gw_policy_secret *secret) {
  if (secret->keys != NULL && secret->keys->text.len > 0)
    explicit_bzero((char *)(uintptr_t)secret->keys->text.data, secret->keys->text.len);
}

static enum gw_err parse(const struct gw_yaml_document *before, const struct gw_policy_source *source, struct gw_arena *arena,
                         struct gw_errors *errors, struct gw_yaml_document *ret_file) {
  ret_file->text = gw_arena_copy(arena, source->text);
  return gw_yaml_parse_changed(before, source->name, ret_file->text, arena, errors, &ret_file->root);
}

/* Of all that is written but the routes, and of the settings: what a route's translation depends on beside itself. */
static uint64_t hash_surroundings(const struct gw_policy *policy, const struct gw_settings *settings) {
  const struct gw_yaml_node *routes = policy->routes_file.root, *services = policy->services_file.root;
  uint64_t hash = gw_settings_hash(settings, NULL);
  for (uint32_t i = 0; routes != NULL && routes->kind == GW_YAML_MAPPING && i < routes->count; i++) {
    if (gw_str_equal(routes->pairs[i].key->text, GW_STR("routes"))) continue;
    const uint64_t words[] = {hash, routes->pairs[i].key->hash, routes->pairs[i].value->hash};
    hash = gw_hash_keyed(words, sizeof(words));
  }
  const uint64_t words[] = {hash, services != NULL ? services->hash : 0};
  return gw_hash_keyed(words, sizeof(words));
}

enum gw_err gw_policy_load(const struct gw_policy_source *routes, const struct gw_policy_source *services,
                           const struct gw_settings *settings, struct gw_errors *errors, struct gw_policy **ret_policy) {
  return gw_policy_load_changed(NULL, routes, services, settings, errors, ret_policy);
}

enum gw_err gw_policy_load_changed(const struct gw_policy *before, const struct gw_policy_source *routes,
                                   const struct gw_policy_source *services, const struct gw_settings *settings, struct gw_errors *errors,
                                   struct gw_policy **ret_policy) {
  size_t errors_before = errors->error_count;
  struct gw_policy *policy = gw_calloc(1, sizeof(*policy));
  gw_arena_init(&policy->arena, 65536);
  struct gw_reader services_reader = {services->name, &policy->arena, errors}, routes_reader = {routes->name, &policy->arena, errors};
  struct gw_policy_parts *kept = gw_arena_calloc(&policy->arena, 1, sizeof(*kept)), parts = {0};
  enum gw_err err = parse(before != NULL ? &before->services_file : NULL, services, &policy->arena, errors, &policy->services_file);
  enum gw_err routes_err = parse(before != NULL ? &before->routes_file : NULL, routes, &policy->arena, errors, &policy->routes_file);
  const struct gw_yaml_node *services_root = policy->services_file.root, *routes_root = policy->routes_file.root;
  bool knows_services = err == GW_OK && gw_services_read(&services_reader, services_root, &parts.secrets, &parts.services);
  if (knows_services) gw_service_sources_read(&services_reader, settings, &parts.services);
  if (knows_services) gw_service_protection_check(&services_reader, settings, &parts.services);
  if (routes_err == GW_OK) {
    const struct gw_yaml_node *auth = routes_root != NULL ? gw_yaml_find(routes_root, "auth") : NULL;
    gw_auth_read(&routes_reader, auth, settings, &parts.secrets, &parts.auth);
    gw_auth_check_keys(&parts.secrets, errors);
    gw_access_read(&routes_reader, routes_root != NULL ? gw_yaml_find(routes_root, "access") : NULL, &parts.auth, &parts.access);
    gw_limits_add_secrets(settings, &policy->arena, &parts.secrets);
    gw_routes_read(&routes_reader, routes_root, knows_services ? &parts.services : NULL, &parts.auth, &parts.access, settings,
                   &parts.routes);
    const struct gw_yaml_node *listeners = routes_root != NULL ? gw_yaml_find(routes_root, "listeners") : NULL;
    const struct gw_yaml_node *limits = routes_root != NULL ? gw_yaml_find(routes_root, "rate_limits") : NULL;
    gw_limits_read_common(&routes_reader, limits, knows_services ? &parts.services : NULL, &parts.limits);
    gw_limits_check(&routes_reader, settings, &parts.routes, &parts.limits);
    gw_listeners_read(&routes_reader, listeners, settings, &parts.secrets, &parts.listeners);
  }
  if (errors->error_count == errors_before) {
    parts.surroundings = hash_surroundings(policy, settings);
    gw_policy_translate(&parts, settings, policy);
    *kept = parts;
    kept->services.by_name = NULL;
    policy->parts = kept;
    *ret_policy = policy;
    err = GW_OK;
  } else {
    for (const struct gw_secret_entry *entry = parts.secrets.first; entry != NULL; entry = entry->next)
      wipe(&entry->secret);
    gw_policy_free(policy);
    err = GW_ERR_INVALID;
  }
  gw_map_free(parts.services.by_name);
  return err;
}

void gw_policy_free(struct gw_policy *policy) {
  if (policy == NULL) return;
  for (uint32_t i = 0; i < policy->secret_count; i++)
    wipe(&policy->secrets[i]);
  gw_arena_done(&policy->arena);
  free(policy);
}
