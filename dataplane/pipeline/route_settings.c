#include "dataplane/pipeline/route_settings.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"

/* What all filters have of the routes with these settings. */
struct shared {
  struct shared *next;
  const void *of_filter[GW_FILTER_KIND_COUNT];
};

struct gw_route_settings {
  const struct gw_filter *const *filters;
  struct shared *all;
  const struct shared **of_route; /* by route->index; NULL: nothing */
  struct gw_arena arena;
};

static const struct shared *build_shared(struct gw_route_settings *settings, const struct gw_route *route,
                                         const struct gw_filter_build *build) {
  struct shared *shared = gw_arena_calloc(&settings->arena, 1, sizeof(*shared));
  shared->next = settings->all;
  settings->all = shared;
  for (const struct gw_filter *const *filter = settings->filters; *filter != NULL; filter++)
    if ((*filter)->build_route != NULL) shared->of_filter[(*filter)->kind] = (*filter)->build_route(build, route->filters);
  return shared;
}

static void build_route(struct gw_route_settings *settings, const struct gw_route *route, uint32_t host, uint32_t index,
                        struct gw_map *seen, struct gw_filter_build *build) {
  struct gw_str key = {(const char *)&route->filters, sizeof(const struct gw_route_filters *)};
  const struct shared *shared = gw_map_find(seen, key);
  if (shared == NULL) {
    GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("virtual_hosts[%u].routes[%u].typed_per_filter_config", host, index);
    build->place = place;
    shared = build_shared(settings, route, build);
    gw_map_put(seen, key, (void *)shared);
  }
  settings->of_route[route->index] = shared;
}

static bool has_filters(const struct gw_route_config *config) {
  for (uint32_t h = 0; h < config->virtual_host_count; h++)
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++)
      if (config->virtual_hosts[h].routes[i].filters != NULL) return true;
  return false;
}

enum gw_err gw_route_settings_build(const struct gw_route_config *config, const struct gw_snapshot *snapshot,
                                    const struct gw_filter *const *filters, struct gw_errors *errors,
                                    struct gw_route_settings **ret_settings) {
  *ret_settings = NULL;
  if (!has_filters(config)) return GW_OK;
  size_t errors_before = errors->error_count;
  struct gw_route_settings *settings = gw_calloc(1, sizeof(*settings));
  settings->filters = filters;
  settings->of_route = gw_calloc(config->route_count, sizeof(const struct shared *));
  gw_arena_init(&settings->arena, 1024);
  struct gw_filter_build build = {.arena = &settings->arena, .errors = errors, .snapshot = snapshot};
  struct gw_map *seen = gw_map_new();
  for (uint32_t h = 0; h < config->virtual_host_count; h++)
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++) {
      const struct gw_route *route = &config->virtual_hosts[h].routes[i];
      if (route->filters != NULL) build_route(settings, route, h, i, seen, &build);
    }
  gw_map_free(seen);
  if (errors->error_count > errors_before) {
    gw_route_settings_free(settings);
    return GW_ERR_INVALID;
  }
  *ret_settings = settings;
  return GW_OK;
}

void gw_route_settings_free(struct gw_route_settings *settings) {
  if (settings == NULL) return;
  for (const struct shared *shared = settings->all; shared != NULL; shared = shared->next)
    for (const struct gw_filter *const *filter = settings->filters; *filter != NULL; filter++) {
      const void *own = shared->of_filter[(*filter)->kind];
      if (own != NULL && (*filter)->free_route_settings != NULL) (*filter)->free_route_settings(own);
    }
  gw_arena_done(&settings->arena);
  free(settings->of_route);
  free(settings);
}

const void *gw_route_settings_find(const struct gw_route_settings *settings, const struct gw_route *route, enum gw_filter_kind kind) {
  if (settings == NULL || settings->of_route[route->index] == NULL) return NULL;
  return settings->of_route[route->index]->of_filter[kind];
}
