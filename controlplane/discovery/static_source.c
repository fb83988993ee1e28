#include "controlplane/discovery/static_source.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"

#define SOURCE_NAME "static"

struct gw_static_source {
  struct gw_catalog *catalog;
  struct gw_map *services; /* name → itself: what was said before */
};

struct gw_static_source *gw_static_source_new(struct gw_catalog *catalog) {
  struct gw_static_source *source = gw_calloc(1, sizeof(*source));
  source->catalog = catalog;
  source->services = gw_map_new();
  return source;
}

void gw_static_source_free(struct gw_static_source *source) {
  if (source == NULL) return;
  gw_map_free(source->services);
  free(source);
}

void gw_static_source_set(struct gw_static_source *source, const struct gw_endpoints *endpoints, uint32_t count) {
  struct gw_map *before = source->services;
  source->services = gw_map_new();
  for (uint32_t i = 0; i < count; i++) {
    gw_catalog_set_endpoints(source->catalog, SOURCE_NAME, &endpoints[i]);
    gw_map_put(source->services, endpoints[i].cluster_name, source);
    gw_map_remove(before, endpoints[i].cluster_name);
  }
  struct gw_str gone;
  void *value;
  for (size_t cursor = 0; gw_map_next(before, &cursor, &gone, &value);)
    gw_catalog_remove_endpoints(source->catalog, SOURCE_NAME, gone);
  gw_map_free(before);
}
