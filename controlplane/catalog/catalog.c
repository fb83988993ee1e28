#include "controlplane/catalog/catalog.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/jwt_authn.h"
#include "controlplane/snapshot/builder.h"

/* What one source says of one service: a copy. */
struct known_service {
  struct gw_arena arena;
  struct gw_endpoints endpoints;
};

struct gw_catalog {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog_policy policy; /* borrowed */
  bool has_policy;
  const struct gw_secret *secrets; /* borrowed */
  uint32_t secret_count;
  char *pepper; /* NULL: none */
  size_t pepper_len;
  struct gw_resource_list api_keys;
  bool knows_api_keys;
  const struct gw_secret *issuer_keys; /* borrowed */
  uint32_t issuer_key_count;
  struct gw_map *sources; /* source → map of service → struct known_service */
  struct gw_task publish_task;
  struct gw_task publish_keys_task;
};

static void publish_now(void *arg) {
  gw_catalog_publish(arg);
}

/* Nothing else has changed, or it comes with the rest. */
static void publish_keys_now(void *arg) {
  struct gw_catalog *catalog = arg;
  if (gw_snapshot_cache_current(catalog->cache) == NULL || gw_list_is_linked(&catalog->publish_task.node)) return;
  gw_snapshot_cache_set_api_keys(catalog->cache, &catalog->api_keys, gw_clock_monotonic_us());
}

struct gw_catalog *gw_catalog_new(struct gw_loop *loop, struct gw_snapshot_cache *cache) {
  struct gw_catalog *catalog = gw_calloc(1, sizeof(*catalog));
  catalog->loop = loop;
  catalog->cache = cache;
  catalog->sources = gw_map_new();
  gw_task_init(&catalog->publish_task, publish_now, catalog);
  gw_task_init(&catalog->publish_keys_task, publish_keys_now, catalog);
  return catalog;
}

static void known_service_free(struct known_service *known) {
  if (known == NULL) return;
  gw_arena_done(&known->arena);
  free(known);
}

static void forget_pepper(struct gw_catalog *catalog) {
  if (catalog->pepper != NULL) explicit_bzero(catalog->pepper, catalog->pepper_len);
  free(catalog->pepper);
  catalog->pepper = NULL;
}

void gw_catalog_free(struct gw_catalog *catalog) {
  if (catalog == NULL) return;
  gw_task_cancel(&catalog->publish_task);
  gw_task_cancel(&catalog->publish_keys_task);
  gw_resource_list_unref(&catalog->api_keys);
  forget_pepper(catalog);
  struct gw_str key;
  void *services;
  for (size_t source = 0; gw_map_next(catalog->sources, &source, &key, &services);) {
    void *known;
    for (size_t service = 0; gw_map_next(services, &service, &key, &known);)
      known_service_free(known);
    gw_map_free(services);
  }
  gw_map_free(catalog->sources);
  free(catalog);
}

/* The sources come in no order, and equal content shall have equal versions everywhere. */
static int compare_endpoints(const void *left, const void *right) {
  const struct gw_endpoint *a = left, *b = right;
  if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
  int by_address = gw_str_compare(a->address, b->address);
  return by_address != 0 ? by_address : (int)a->port - (int)b->port;
}

/* All that the sources say of one service, one after the other; nobody knows it: no endpoints. */
static struct gw_endpoints merge(const struct gw_catalog *catalog, struct gw_str service, struct gw_arena *arena) {
  struct gw_endpoints merged = {.cluster_name = service};
  struct gw_str key;
  void *services;
  uint32_t count = 0;
  for (size_t cursor = 0; gw_map_next(catalog->sources, &cursor, &key, &services);) {
    const struct known_service *known = gw_map_find(services, service);
    if (known != NULL) count += known->endpoints.count;
  }
  struct gw_endpoint *items = gw_arena_calloc(arena, count, sizeof(*items));
  for (size_t cursor = 0; gw_map_next(catalog->sources, &cursor, &key, &services);) {
    const struct known_service *known = gw_map_find(services, service);
    for (uint32_t i = 0; known != NULL && i < known->endpoints.count; i++)
      items[merged.count++] = known->endpoints.items[i];
  }
  qsort(items, merged.count, sizeof(*items), compare_endpoints);
  merged.items = items;
  return merged;
}

static const struct gw_secret *find_keys(const struct gw_catalog *catalog, struct gw_str provider) {
  for (uint32_t i = 0; i < catalog->issuer_key_count; i++) {
    struct gw_str name = catalog->issuer_keys[i].name, prefix = GW_STR("jwt/");
    if (gw_str_has_prefix(name, prefix) && gw_str_equal(gw_str_skip(name, prefix.len), provider)) return &catalog->issuer_keys[i];
  }
  return NULL;
}

static const struct gw_jwt_authn *with_keys(const struct gw_catalog *catalog, const struct gw_jwt_authn *from, struct gw_arena *arena) {
  struct gw_jwt_authn *authn = gw_arena_calloc(arena, 1, sizeof(*authn));
  struct gw_jwt_provider *providers = gw_arena_calloc(arena, from->provider_count, sizeof(*providers));
  *authn = *from;
  authn->providers = providers;
  for (uint32_t i = 0; i < from->provider_count; i++) {
    const struct gw_secret *keys = find_keys(catalog, from->providers[i].name);
    providers[i] = from->providers[i];
    if (keys != NULL) providers[i].jwks = keys->content;
  }
  return authn;
}

/* The policy's listeners, with the keys that issuers have now. */
static const struct gw_listener *complete_listeners(const struct gw_catalog *catalog, const struct gw_listener *from, uint32_t count,
                                                    struct gw_arena *arena) {
  if (catalog->issuer_key_count == 0) return from;
  struct gw_listener *listeners = gw_arena_calloc(arena, count, sizeof(*listeners));
  for (uint32_t i = 0; i < count; i++) {
    struct gw_http_connection_manager *http = &listeners[i].http;
    listeners[i] = from[i];
    struct gw_http_filter *filters = gw_arena_calloc(arena, http->filter_count, sizeof(*filters));
    for (uint32_t k = 0; k < http->filter_count; k++) {
      filters[k] = http->filters[k];
      if (filters[k].kind == GW_FILTER_JWT_AUTHN) filters[k].settings.jwt_authn = with_keys(catalog, filters[k].settings.jwt_authn, arena);
    }
    http->filters = filters;
  }
  return listeners;
}

static bool listeners_ask_for_keys(const struct gw_listener *listeners, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_http_connection_manager *http = &listeners[i].http;
    for (uint32_t k = 0; k < http->filter_count; k++)
      if (http->filters[k].kind == GW_FILTER_API_KEY) return true;
  }
  return false;
}

static bool asks_for_keys(const struct gw_catalog_policy *policy) {
  bool asks = listeners_ask_for_keys(policy->listeners, policy->listener_count);
  for (uint32_t i = 0; !asks && i < policy->group_count; i++)
    asks = listeners_ask_for_keys(policy->groups[i].listeners, policy->groups[i].listener_count);
  return asks;
}

/* The files', and the pepper where somebody needs it. */
static const struct gw_secret *list_secrets(const struct gw_catalog *catalog, const struct gw_catalog_policy *policy,
                                            struct gw_arena *arena, uint32_t *ret_count) {
  struct gw_secret *secrets = gw_arena_calloc(arena, catalog->secret_count + 1u, sizeof(*secrets));
  uint32_t count = catalog->secret_count;
  if (count > 0) memcpy(secrets, catalog->secrets, count * sizeof(*secrets));
  if (catalog->pepper != NULL && asks_for_keys(policy)) {
    secrets[count++] = (struct gw_secret){.name = GW_STR(GW_SECRET_NAME_PEPPER),
                                          .kind = GW_SECRET_GENERIC,
                                          .content = {catalog->pepper, catalog->pepper_len}};
  }
  *ret_count = count;
  return secrets;
}

/* What a policy makes, not served yet: everything, and out of it what each group gets (the first: those of none). */
struct frozen {
  struct gw_snapshot *everything;
  struct gw_snapshot **made; /* in the arena; group_count + 1; NULL: there are no groups */
  uint32_t group_count;
};

static void frozen_done(struct frozen *frozen) {
  for (uint32_t i = 0; frozen->made != NULL && i <= frozen->group_count; i++)
    gw_snapshot_unref(frozen->made[i]);
  gw_snapshot_unref(frozen->everything);
}

static enum gw_err freeze_groups(const struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_arena *arena,
                                 struct gw_errors *errors, struct frozen *frozen) {
  uint32_t count = policy->group_count;
  if (count == 0) return GW_OK;
  struct gw_node_group *groups = gw_arena_calloc(arena, count, sizeof(*groups));
  struct gw_snapshot **previous = gw_arena_calloc(arena, count + 1u, sizeof(void *));
  struct gw_snapshot **made = gw_arena_calloc(arena, count + 1u, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    groups[i] = policy->groups[i];
    groups[i].listeners = complete_listeners(catalog, groups[i].listeners, groups[i].listener_count, arena);
    previous[i + 1] = gw_snapshot_cache_of(catalog->cache, groups[i].name);
  }
  enum gw_err err = gw_groups_freeze(frozen->everything, groups, count, previous, errors, made);
  if (err != GW_OK) return err;
  frozen->made = made;
  frozen->group_count = count;
  return GW_OK;
}

static enum gw_err freeze(const struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_arena *arena,
                          struct gw_errors *errors, struct frozen *ret_frozen) {
  *ret_frozen = (struct frozen){0};
  struct gw_endpoints *endpoints = gw_arena_calloc(arena, policy->cluster_count, sizeof(*endpoints));
  uint32_t count = 0;
  for (uint32_t i = 0; i < policy->cluster_count; i++) {
    const struct gw_cluster *cluster = &policy->clusters[i];
    if (cluster->kind == GW_CLUSTER_EDS) endpoints[count++] = merge(catalog, cluster->eds_service_name, arena);
  }
  uint32_t secret_count;
  const struct gw_secret *secrets = list_secrets(catalog, policy, arena, &secret_count);
  struct gw_snapshot *previous = gw_snapshot_cache_everything(catalog->cache);
  /* What is served was made of this very policy; endpoints and secrets come and go, and say nothing of routes. */
  bool keeps_routes = policy == &catalog->policy && previous != NULL;
  struct gw_wanted wanted = {.secrets = secrets,
                             .secret_count = secret_count,
                             .listeners = complete_listeners(catalog, policy->listeners, policy->listener_count, arena),
                             .listener_count = policy->listener_count,
                             .route_configs = policy->route_configs,
                             .route_config_count = policy->route_config_count,
                             .kept_route_configs = keeps_routes ? &previous->lists[GW_RESOURCE_ROUTE_CONFIG] : NULL,
                             .clusters = policy->clusters,
                             .cluster_count = policy->cluster_count,
                             .endpoints = endpoints,
                             .endpoints_count = count,
                             .api_keys = catalog->knows_api_keys ? &catalog->api_keys : NULL};
  enum gw_err err = gw_wanted_freeze(&wanted, previous, errors, &ret_frozen->everything);
  return err == GW_OK ? freeze_groups(catalog, policy, arena, errors, ret_frozen) : err;
}

/* Each group gets its own out of it. */
static void serve(struct gw_catalog *catalog, const struct gw_catalog_policy *policy, const struct frozen *frozen, struct gw_arena *arena) {
  uint64_t now_us = gw_clock_monotonic_us();
  if (frozen->group_count == 0) {
    gw_snapshot_cache_set(catalog->cache, frozen->everything, now_us);
    return;
  }
  struct gw_snapshot_group *served = gw_arena_calloc(arena, frozen->group_count, sizeof(*served));
  for (uint32_t i = 0; i < frozen->group_count; i++)
    served[i] = (struct gw_snapshot_group){policy->groups[i].name, frozen->made[i + 1]};
  gw_snapshot_cache_set_groups(catalog->cache, frozen->everything, frozen->made[0], served, frozen->group_count, now_us);
}

static enum gw_err publish(struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_errors *errors) {
  struct gw_arena arena;
  struct frozen frozen;
  gw_arena_init(&arena, 4096);
  enum gw_err err = freeze(catalog, policy, &arena, errors, &frozen);
  if (err == GW_OK) serve(catalog, policy, &frozen, &arena);
  frozen_done(&frozen);
  gw_arena_done(&arena);
  return err;
}

enum gw_err gw_catalog_check_policy(const struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_errors *errors) {
  struct gw_arena arena;
  struct frozen frozen;
  gw_arena_init(&arena, 4096);
  enum gw_err err = freeze(catalog, policy, &arena, errors, &frozen);
  frozen_done(&frozen);
  gw_arena_done(&arena);
  return err;
}

enum gw_err gw_catalog_set_policy(struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_errors *errors) {
  enum gw_err err = publish(catalog, policy, errors);
  if (err != GW_OK) return err;
  catalog->policy = *policy;
  catalog->has_policy = true;
  gw_task_cancel(&catalog->publish_task);
  return GW_OK;
}

void gw_catalog_set_secrets(struct gw_catalog *catalog, const struct gw_secret *secrets, uint32_t count) {
  catalog->secrets = secrets;
  catalog->secret_count = count;
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_task);
}

void gw_catalog_set_pepper(struct gw_catalog *catalog, struct gw_str pepper) {
  forget_pepper(catalog);
  if (pepper.len > 0) catalog->pepper = gw_str_dup(pepper);
  catalog->pepper_len = pepper.len;
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_task);
}

void gw_catalog_set_api_keys(struct gw_catalog *catalog, const struct gw_resource_list *keys) {
  struct gw_resource_list list = gw_resource_list_ref(keys);
  gw_resource_list_unref(&catalog->api_keys);
  catalog->api_keys = list;
  catalog->knows_api_keys = true;
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_keys_task);
}

void gw_catalog_set_issuer_keys(struct gw_catalog *catalog, const struct gw_secret *keys, uint32_t count) {
  catalog->issuer_keys = keys;
  catalog->issuer_key_count = count;
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_task);
}

static void copy_endpoints(struct known_service *known, const struct gw_endpoints *from) {
  struct gw_endpoint *items = gw_arena_calloc(&known->arena, from->count, sizeof(*items));
  for (uint32_t i = 0; i < from->count; i++) {
    items[i] = from->items[i];
    items[i].address = gw_arena_copy(&known->arena, from->items[i].address);
  }
  known->endpoints =
      (struct gw_endpoints){.cluster_name = gw_arena_copy(&known->arena, from->cluster_name), .items = items, .count = from->count};
}

void gw_catalog_set_endpoints(struct gw_catalog *catalog, const char *source, const struct gw_endpoints *endpoints) {
  struct gw_map *services = gw_map_find(catalog->sources, gw_str_from(source));
  if (services == NULL) {
    services = gw_map_new();
    gw_map_put(catalog->sources, gw_str_from(source), services);
  }
  struct known_service *known = gw_calloc(1, sizeof(*known));
  gw_arena_init(&known->arena, 256);
  copy_endpoints(known, endpoints);
  known_service_free(gw_map_put(services, endpoints->cluster_name, known));
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_task);
}

void gw_catalog_remove_endpoints(struct gw_catalog *catalog, const char *source, struct gw_str service) {
  struct gw_map *services = gw_map_find(catalog->sources, gw_str_from(source));
  struct known_service *known = services != NULL ? gw_map_remove(services, service) : NULL;
  if (known == NULL) return;
  known_service_free(known);
  gw_loop_at_turn_end(catalog->loop, &catalog->publish_task);
}

void gw_catalog_publish(struct gw_catalog *catalog) {
  gw_task_cancel(&catalog->publish_task);
  if (!catalog->has_policy) return;
  /* The policy was whole when it was set, and endpoints can't make it less so. */
  struct gw_errors errors;
  gw_errors_init(&errors);
  enum gw_err err = publish(catalog, &catalog->policy, &errors);
  GW_ASSERT(err == GW_OK);
  gw_errors_done(&errors);
}
