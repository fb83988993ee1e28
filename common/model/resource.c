#include "common/model/resource.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* Most resources are one cluster or one service's endpoints: small. */
#define FIRST_BLOCK 512

struct gw_resource *gw_resource_new(enum gw_resource_type type) {
  struct gw_resource *resource = gw_calloc(1, sizeof *resource);
  atomic_init(&resource->refs, 1);
  resource->type = type;
  gw_arena_init(&resource->arena, FIRST_BLOCK);
  return resource;
}

struct gw_resource *gw_resource_ref(struct gw_resource *resource) {
  atomic_fetch_add_explicit(&resource->refs, 1, memory_order_relaxed);
  return resource;
}

void gw_resource_unref(struct gw_resource *resource) {
  if (resource == NULL || atomic_fetch_sub_explicit(&resource->refs, 1, memory_order_acq_rel) != 1) return;
  gw_bytes_unref(resource->any);
  gw_arena_done(&resource->arena);
  free(resource);
}

const char *gw_resource_type_label(enum gw_resource_type type) {
  switch (type) {
  case GW_RESOURCE_CLUSTER: return "cluster";
  case GW_RESOURCE_ENDPOINTS: return "endpoints";
  case GW_RESOURCE_LISTENER: return "listener";
  case GW_RESOURCE_ROUTE_CONFIG: return "route configuration";
  }
  GW_PANIC("resource type %d", (int)type);
}
