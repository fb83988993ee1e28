#include "dataplane/pipeline/view.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/pipeline.h"

/* Counters by route of one compiled route configuration: filled as routes are used, so that a new view costs nothing for the rest. */
struct gw_route_slots {
  uint32_t refs;
  const struct gw_frozen_routes *routes;
  uint32_t count;
  uint32_t kept_host, kept_route; /* how far gw_view_keep_counted_routes has come */
  struct gw_route_stats *items[]; /* by route->index, behind them the choices of all splits; NULL: not used yet */
};

static struct gw_route_slots *slots_new(const struct gw_frozen_routes *routes) {
  uint32_t count = routes->config->route_count + routes->split_count;
  struct gw_route_slots *slots = gw_calloc(1, sizeof(*slots) + count * sizeof(void *));
  slots->refs = 1;
  slots->count = count;
  slots->routes = routes;
  return slots;
}

static void slots_unref(struct gw_route_slots *slots, struct gw_pipeline *pipeline) {
  if (--slots->refs > 0) return;
  for (uint32_t i = 0; i < slots->count; i++)
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

/* Where a choice of a split stands among all of them. */
static uint32_t split_position(const struct gw_view *view, uint32_t binding, const struct gw_route *route, uint32_t choice) {
  return view->frozen->bindings[binding].cluster_of_route[route->index] + choice - 1;
}

struct gw_str gw_view_snapshot_version(const struct gw_view *view) {
  return gw_str_from(gw_frozen_snapshot(view->frozen)->version);
}

static struct gw_route_stats **slot_of(struct gw_view *view, uint32_t binding, const struct gw_route *route, uint32_t choice) {
  struct gw_route_slots *slots = view->slots[binding];
  if (choice == 0) return &slots->items[route->index];
  return &slots->items[slots->routes->config->route_count + split_position(view, binding, route, choice)];
}

static struct gw_str service_of(const struct gw_route *route, uint32_t choice) {
  if (choice > 0) return route->forward.split->clusters[choice - 1].name;
  return route->action == GW_ROUTE_FORWARD ? route->forward.cluster : (struct gw_str){0};
}

struct gw_route_stats *gw_view_get_route_stats(struct gw_view *view, uint32_t binding, const struct gw_route *route, uint32_t choice) {
  struct gw_route_stats **slot = slot_of(view, binding, route, choice);
  if (*slot == NULL) *slot = gw_stats_hold_route(view->pipeline->stats, route->name, service_of(route, choice));
  return *slot;
}

static void keep_counted_route(struct gw_view *view, uint32_t binding, const struct gw_route *route) {
  uint32_t choices = route->action == GW_ROUTE_FORWARD && route->forward.split != NULL ? route->forward.split->count : 0;
  for (uint32_t choice = 0; choice <= choices; choice++) {
    struct gw_route_stats **slot = slot_of(view, binding, route, choice);
    if (*slot == NULL) *slot = gw_stats_hold_counted_route(view->pipeline->stats, route->name, service_of(route, choice));
  }
}

bool gw_view_keep_counted_routes(struct gw_view *view, uint32_t limit) {
  for (uint32_t i = 0; i < view->frozen->binding_count; i++) {
    struct gw_route_slots *slots = view->slots[i];
    const struct gw_route_config *config = slots->routes->config;
    for (; slots->kept_host < config->virtual_host_count; slots->kept_host++, slots->kept_route = 0) {
      const struct gw_virtual_host *host = &config->virtual_hosts[slots->kept_host];
      for (; slots->kept_route < host->route_count; slots->kept_route++) {
        if (limit-- == 0) return true;
        keep_counted_route(view, i, &host->routes[slots->kept_route]);
      }
    }
  }
  return false;
}

struct gw_worker_cluster *gw_view_find_cluster(const struct gw_view *view, uint32_t binding, const struct gw_route *route,
                                               uint32_t choice) {
  const struct gw_route_binding *bound = &view->frozen->bindings[binding];
  uint32_t index = choice > 0 ? bound->split_clusters[split_position(view, binding, route, choice)] : bound->cluster_of_route[route->index];
  return index == GW_NO_CLUSTER ? NULL : gw_cluster_set_get(view->clusters, index);
}
