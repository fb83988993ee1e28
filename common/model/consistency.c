#include "common/model/consistency.h"

#include "common/base/map.h"
#include "common/model/listener.h"
#include "common/model/route.h"

struct check {
  const struct gw_snapshot *snapshot;
  struct gw_errors *errors;
  bool wants_secrets;
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

static void check_forward(struct check *check, const struct gw_route_forward *forward, const struct gw_resource *who) {
  if (forward->split == NULL) want(check, GW_RESOURCE_CLUSTER, forward->cluster, who);
  for (uint32_t i = 0; forward->split != NULL && i < forward->split->count; i++)
    want(check, GW_RESOURCE_CLUSTER, forward->split->clusters[i].name, who);
}

static void check_routes(struct check *check, const struct gw_route_config *config, const struct gw_resource *who) {
  for (uint32_t v = 0; v < config->virtual_host_count; v++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[v];
    for (uint32_t r = 0; r < host->route_count; r++) {
      if (host->routes[r].action == GW_ROUTE_FORWARD) check_forward(check, &host->routes[r].forward, who);
    }
  }
}

static void check_names(struct check *check, const struct gw_resource *resource) {
  enum gw_resource_type type;
  struct gw_str name;
  for (uint32_t cursor = 0; gw_resource_next_name(resource, &cursor, &type, &name);)
    if (type != GW_RESOURCE_SECRET || check->wants_secrets) want(check, type, name, resource);
}

void gw_consistency_check(const struct gw_snapshot *snapshot, enum gw_consistency of, struct gw_errors *errors) {
  struct check check = {.snapshot = snapshot, .errors = errors, .wants_secrets = of == GW_CONSISTENCY_SERVED};
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    check.missing[type] = gw_map_new();
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    for (uint32_t i = 0; type != GW_RESOURCE_API_KEY && i < snapshot->lists[type].count; i++)
      check_names(&check, snapshot->lists[type].items[i]);

  bool wants_clusters = of == GW_CONSISTENCY_WANTED;
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; wants_clusters && i < listeners->count; i++) {
    const struct gw_route_config *routes = listeners->items[i]->listener->http.inline_routes;
    if (routes != NULL) check_routes(&check, routes, listeners->items[i]);
  }
  const struct gw_resource_list *configs = &snapshot->lists[GW_RESOURCE_ROUTE_CONFIG];
  for (uint32_t i = 0; wants_clusters && i < configs->count; i++)
    check_routes(&check, configs->items[i]->route_config, configs->items[i]);

  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_map_free(check.missing[type]);
}
