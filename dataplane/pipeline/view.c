#include "dataplane/pipeline/view.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/pipeline.h"

/* Counters by route of one compiled route configuration: filled as routes are used, so that a new view costs nothing for the rest. */
struct gw_route_slots {
  uint32_t refs;
  const struct gw_frozen_routes *routes;
  struct gw_route_stats *items[]; /* by route->index; NULL: not used yet */
};

static struct gw_route_slots *slots_new(const struct gw_frozen_routes *routes) {
  struct gw_route_slots *slots = gw_calloc(1, sizeof(*slots) + routes->config->route_count * sizeof(void *));
  slots->refs = 1;
  slots->routes = routes;
  return slots;
}

static void slots_unref(struct gw_route_slots *slots, struct gw_pipeline *pipeline) {
  if (--slots->refs > 0) return;
  for (uint32_t i = 0; i < slots->routes->config->route_count; i++)
    if (slots->items[i] != NULL) gw_stats_release_route(pipeline->stats, slots->items[i]);
  gw_pipeline_sweep_soon(pipeline);
  free(slots);
}

static struct gw_route_slots *share_slots(const struct gw_view *previous, const struct gw_frozen_routes *routes) {
  if (previous == NULL) return NULL;
  for (uint32_t i = 0; i < previous->frozen->binding_count; i++) {
    if (previous->slots[i]->routes != routes) continue;
    previous->slots[i]->refs++;
    return previous->slots[i];
  }
  return NULL;
}

struct gw_view *gw_view_new(struct gw_pipeline *pipeline, struct gw_frozen *frozen, const struct gw_view *previous) {
  struct gw_view *view = gw_calloc(1, sizeof(*view));
  view->refs = 1;
  view->pipeline = pipeline;
  view->frozen = frozen;
  view->clusters = gw_cluster_set_new(pipeline->loop, &pipeline->random, frozen->clusters, frozen->cluster_count,
                                      previous != NULL ? previous->clusters : NULL);
  view->slots = gw_calloc(frozen->binding_count, sizeof(void *));
  for (uint32_t i = 0; i < frozen->binding_count; i++) {
    view->slots[i] = share_slots(previous, frozen->bindings[i].routes);
    if (view->slots[i] == NULL) view->slots[i] = slots_new(frozen->bindings[i].routes);
  }
  return view;
}

struct gw_view *gw_view_ref(struct gw_view *view) {
  view->refs++;
  return view;
}

void gw_view_unref(struct gw_view *view) {
  if (view == NULL || --view->refs > 0) return;
  for (uint32_t i = 0; i < view->frozen->binding_count; i++)
    slots_unref(view->slots[i], view->pipeline);
  free(view->slots);
  gw_cluster_set_free(view->clusters);
  view->pipeline->options.release_frozen(view->pipeline->options.release_arg, view->frozen);
  free(view);
}

struct gw_route_stats *gw_view_get_route_stats(struct gw_view *view, uint32_t binding, const struct gw_route *route) {
  struct gw_route_stats **slot = &view->slots[binding]->items[route->index];
  if (*slot == NULL) {
    struct gw_str service = route->action == GW_ROUTE_FORWARD ? route->forward.cluster : (struct gw_str){0};
    *slot = gw_stats_hold_route(view->pipeline->stats, route->name, service);
  }
  return *slot;
}

struct gw_worker_cluster *gw_view_find_cluster(const struct gw_view *view, uint32_t binding, const struct gw_route *route) {
  uint32_t index = view->frozen->bindings[binding].cluster_of_route[route->index];
  return index == GW_NO_CLUSTER ? NULL : gw_cluster_set_get(view->clusters, index);
}
