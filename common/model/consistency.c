#include "common/model/consistency.h"

#include "common/base/map.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/route.h"

struct check {
  const struct gw_snapshot *snapshot;
  struct gw_errors *errors;
  struct gw_map *missing[GW_RESOURCE_TYPE_COUNT]; /* reported already; a cluster may be missed by 10,000 routes */
};

static void want(struct check *check, enum gw_resource_type type, struct gw_str name, const struct gw_resource *who) {
  if (gw_snapshot_find(check->snapshot, type, name) != NULL) return;
  if (gw_map_put(check->missing[type], name, check) != NULL) return;
  struct gw_strbuf place;
  gw_strbuf_init(&place);
  gw_strbuf_printf(&place, "%s \"%.*s\"", gw_resource_type_label(who->type), GW_STR_ARG(who->name));
  gw_errors_add(check->errors, place.data, "names %s \"%.*s\", of which there is none", gw_resource_type_label(type), GW_STR_ARG(name));
  gw_strbuf_done(&place);
}

static void check_routes(struct check *check, const struct gw_route_config *config, const struct gw_resource *who) {
  for (uint32_t v = 0; v < config->virtual_host_count; v++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[v];
    for (uint32_t r = 0; r < host->route_count; r++) {
      if (host->routes[r].action == GW_ROUTE_FORWARD) want(check, GW_RESOURCE_CLUSTER, host->routes[r].forward.cluster, who);
    }
  }
}

static void check_listener(struct check *check, const struct gw_resource *resource, bool wants_clusters) {
  const struct gw_listener *listener = resource->listener;
  if (listener->is_api_only) return;
  if (listener->http.route_config_name.len > 0) want(check, GW_RESOURCE_ROUTE_CONFIG, listener->http.route_config_name, resource);
  if (wants_clusters && listener->http.inline_routes != NULL) check_routes(check, listener->http.inline_routes, resource);
}

void gw_consistency_check(const struct gw_snapshot *snapshot, bool wants_clusters, struct gw_errors *errors) {
  struct check check = {.snapshot = snapshot, .errors = errors};
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    check.missing[type] = gw_map_new();

  const struct gw_resource_list *clusters = &snapshot->lists[GW_RESOURCE_CLUSTER];
  for (uint32_t i = 0; i < clusters->count; i++) {
    const struct gw_cluster *cluster = clusters->items[i]->cluster;
    if (cluster->kind == GW_CLUSTER_EDS) want(&check, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name, clusters->items[i]);
  }
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; i < listeners->count; i++)
    check_listener(&check, listeners->items[i], wants_clusters);
  const struct gw_resource_list *configs = &snapshot->lists[GW_RESOURCE_ROUTE_CONFIG];
  for (uint32_t i = 0; wants_clusters && i < configs->count; i++)
    check_routes(&check, configs->items[i]->route_config, configs->items[i]);

  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_map_free(check.missing[type]);
}
