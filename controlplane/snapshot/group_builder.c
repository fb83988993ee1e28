#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/consistency.h"
#include "common/xds/codec.h"
#include "controlplane/snapshot/builder.h"

/* Sets of groups: bit 0 is the nodes of none, bit i + 1 is group i. */
_Static_assert(GW_NODE_GROUPS_MAX < 64, "a set of groups and of all others has 64 bits");
#define ALL_GROUPS UINT64_MAX

/* Who gets a resource: the groups whose routes lead to it; all, when nobody's do. */
struct ways {
  struct gw_map *names[GW_RESOURCE_TYPE_COUNT]; /* name → set of groups */
};

static uint64_t groups_of(const struct ways *ways, enum gw_resource_type type, struct gw_str name) {
  uint64_t groups = (uint64_t)(uintptr_t)gw_map_find(ways->names[type], name);
  return groups != 0 ? groups : ALL_GROUPS;
}

static void lead_to(struct ways *ways, enum gw_resource_type type, struct gw_str name, uint64_t groups) {
  uint64_t before = (uint64_t)(uintptr_t)gw_map_find(ways->names[type], name);
  if ((before | groups) != before) gw_map_put(ways->names[type], name, (void *)(uintptr_t)(before | groups));
}

static void follow_routes(struct ways *ways, const struct gw_route_config *config, uint64_t group) {
  for (uint32_t v = 0; v < config->virtual_host_count; v++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[v];
    for (uint32_t r = 0; r < host->route_count; r++) {
      const struct gw_route_forward *forward = &host->routes[r].forward;
      if (host->routes[r].action != GW_ROUTE_FORWARD) continue;
      if (forward->split == NULL) lead_to(ways, GW_RESOURCE_CLUSTER, forward->cluster, group);
      for (uint32_t i = 0; forward->split != NULL && i < forward->split->count; i++)
        lead_to(ways, GW_RESOURCE_CLUSTER, forward->split->clusters[i].name, group);
    }
  }
}

/* What they name, but routes, which each group has of its own. */
static void follow_names(struct ways *ways, const struct gw_resource *resource, uint64_t groups) {
  enum gw_resource_type type;
  struct gw_str name;
  for (uint32_t cursor = 0; gw_resource_next_name(resource, &cursor, &type, &name);)
    if (type != GW_RESOURCE_ROUTE_CONFIG) lead_to(ways, type, name, groups);
}

/* The listeners and routes of a group, made; those of nobody's group are `everything`'s. */
struct own {
  struct gw_resource **listeners;
  uint32_t listener_count;
  struct gw_resource **route_configs;
  uint32_t route_config_count;
};

static struct own make_own(const struct gw_node_group *group, const struct gw_snapshot *previous) {
  struct own own = {.listeners = gw_malloc((group->listener_count + 1) * sizeof(void *)),
                    .route_configs = gw_malloc((group->route_config_count + 1) * sizeof(void *))};
  for (uint32_t i = 0; i < group->listener_count; i++)
    own.listeners[own.listener_count++] = gw_xds_encode_listener(&group->listeners[i]);
  for (uint32_t i = 0; i < group->route_config_count; i++)
    own.route_configs[own.route_config_count++] = gw_wanted_encode_routes(&group->route_configs[i], previous);
  return own;
}

static void follow_own(struct ways *ways, struct gw_resource *const *listeners, uint32_t listener_count,
                       struct gw_resource *const *route_configs, uint32_t route_config_count, uint64_t group) {
  for (uint32_t i = 0; i < listener_count; i++)
    follow_names(ways, listeners[i], group);
  for (uint32_t i = 0; i < route_config_count; i++)
    follow_routes(ways, route_configs[i]->route_config, group);
}

static void find_ways(struct ways *ways, const struct gw_snapshot *everything, const struct own *owns, uint32_t count) {
  const struct gw_resource_list *listeners = &everything->lists[GW_RESOURCE_LISTENER];
  const struct gw_resource_list *configs = &everything->lists[GW_RESOURCE_ROUTE_CONFIG];
  const struct gw_resource_list *clusters = &everything->lists[GW_RESOURCE_CLUSTER];
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    ways->names[type] = gw_map_new();
  follow_own(ways, listeners->items, listeners->count, configs->items, configs->count, 1);
  for (uint32_t i = 0; i < count; i++)
    follow_own(ways, owns[i].listeners, owns[i].listener_count, owns[i].route_configs, owns[i].route_config_count, 2ull << i);
  for (uint32_t i = 0; i < clusters->count; i++)
    follow_names(ways, clusters->items[i], groups_of(ways, GW_RESOURCE_CLUSTER, clusters->items[i]->name));
}

static void add_list(struct gw_snapshot_builder *builder, const struct gw_resource_list *list) {
  for (uint32_t i = 0; i < list->count; i++)
    gw_snapshot_builder_add(builder, gw_resource_ref(list->items[i]));
}

static struct gw_snapshot *freeze(const struct ways *ways, const struct gw_snapshot *everything, uint64_t group, const struct own *own,
                                  const struct gw_snapshot *previous) {
  static const enum gw_resource_type led_to[] = {GW_RESOURCE_SECRET, GW_RESOURCE_CLUSTER, GW_RESOURCE_ENDPOINTS};
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (size_t t = 0; t < GW_ARRAY_LEN(led_to); t++) {
    const struct gw_resource_list *list = &everything->lists[led_to[t]];
    for (uint32_t i = 0; i < list->count; i++)
      if ((groups_of(ways, led_to[t], list->items[i]->name) & group) != 0)
        gw_snapshot_builder_add(builder, gw_resource_ref(list->items[i]));
  }
  if (own == NULL) {
    add_list(builder, &everything->lists[GW_RESOURCE_LISTENER]);
    add_list(builder, &everything->lists[GW_RESOURCE_ROUTE_CONFIG]);
  }
  for (uint32_t i = 0; own != NULL && i < own->listener_count; i++)
    gw_wanted_add(builder, previous, own->listeners[i]);
  for (uint32_t i = 0; own != NULL && i < own->route_config_count; i++)
    gw_wanted_add(builder, previous, own->route_configs[i]);
  if (everything->knows_api_keys) gw_snapshot_builder_set_api_keys(builder, &everything->lists[GW_RESOURCE_API_KEY]);
  return gw_snapshot_builder_freeze(builder);
}

enum gw_err gw_groups_freeze(struct gw_snapshot *everything, const struct gw_node_group *groups, uint32_t count,
                             struct gw_snapshot *const *previous, struct gw_errors *errors, struct gw_snapshot **ret_snapshots) {
  struct own owns[GW_NODE_GROUPS_MAX];
  struct ways ways;
  size_t errors_before = errors->error_count;
  GW_ASSERT(count <= GW_NODE_GROUPS_MAX);
  for (uint32_t i = 0; i < count; i++)
    owns[i] = make_own(&groups[i], previous[i + 1]);
  find_ways(&ways, everything, owns, count);
  for (uint32_t i = 0; i <= count; i++) {
    ret_snapshots[i] = freeze(&ways, everything, 1ull << i, i > 0 ? &owns[i - 1] : NULL, previous[i]);
    gw_consistency_check(ret_snapshots[i], GW_CONSISTENCY_WANTED, errors);
  }
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_map_free(ways.names[type]);
  for (uint32_t i = 0; i < count; i++) {
    free(owns[i].listeners);
    free(owns[i].route_configs);
  }
  if (errors->error_count == errors_before) return GW_OK;
  for (uint32_t i = 0; i <= count; i++)
    gw_snapshot_unref(ret_snapshots[i]);
  return GW_ERR_INVALID;
}
