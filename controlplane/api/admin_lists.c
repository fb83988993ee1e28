/* ListRoutes and ListEndpoints. */
#include <gateway/admin/v1/admin.pb-c.h>

#include "common/model/cluster.h"
#include "controlplane/api/admin_reply.h"

static char **texts(struct gw_arena *arena, const struct gw_str *items, uint32_t count) {
  char **copies = gw_arena_calloc(arena, count, sizeof(*copies));
  for (uint32_t i = 0; i < count; i++)
    copies[i] = gw_admin_text(arena, items[i]);
  return copies;
}

ProtobufCMessage *gw_admin_reply_routes(const struct gw_admin_request *request) {
  struct gw_arena *arena = request->arena;
  const struct gw_admin_source *source = &request->options->source;
  const struct gw_admin_route *routes = NULL;
  uint32_t count = source->get_routes(source->arg, arena, &routes);
  Gateway__Admin__V1__ListRoutesResponse *reply = gw_admin_message_new(arena, &gateway__admin__v1__list_routes_response__descriptor);
  reply->routes = gw_arena_calloc(arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    Gateway__Admin__V1__Route *route = gw_admin_message_new(arena, &gateway__admin__v1__route__descriptor);
    route->name = gw_admin_text(arena, routes[i].name);
    route->hosts = texts(arena, routes[i].hosts, routes[i].host_count);
    route->n_hosts = routes[i].host_count;
    route->path = gw_admin_text(arena, routes[i].path);
    route->methods = texts(arena, routes[i].methods, routes[i].method_count);
    route->n_methods = routes[i].method_count;
    route->service = gw_admin_text(arena, routes[i].service);
    route->timeout_ms = routes[i].timeout_ms;
    route->direct_status = routes[i].direct_status;
    route->direct_message = gw_admin_text(arena, routes[i].direct_message);
    route->conditions = gw_admin_text(arena, routes[i].conditions);
    route->changes = gw_admin_text(arena, routes[i].changes);
    route->node_groups = texts(arena, routes[i].node_groups, routes[i].node_group_count);
    route->n_node_groups = routes[i].node_group_count;
    reply->routes[reply->n_routes++] = route;
  }
  return &reply->base;
}

const struct gw_resource_list *gw_admin_current_list(const struct gw_admin_request *request, enum gw_resource_type type) {
  static const struct gw_resource_list empty = {0};
  const struct gw_snapshot *snapshot = gw_snapshot_cache_everything(request->options->cache);
  return snapshot != NULL ? &snapshot->lists[type] : &empty;
}

const struct gw_endpoints *gw_admin_endpoints_of(const struct gw_admin_request *request, const struct gw_cluster *cluster) {
  if (cluster->kind != GW_CLUSTER_EDS) return cluster->inline_endpoints;
  const struct gw_snapshot *snapshot = gw_snapshot_cache_everything(request->options->cache);
  const struct gw_resource *found = gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name);
  return found != NULL ? found->endpoints : NULL;
}

static Gateway__Admin__V1__Endpoint *endpoint_on_wire(struct gw_arena *arena, struct gw_str service, const struct gw_endpoint *from) {
  Gateway__Admin__V1__Endpoint *endpoint = gw_admin_message_new(arena, &gateway__admin__v1__endpoint__descriptor);
  endpoint->service = gw_admin_text(arena, service);
  endpoint->address = gw_admin_text(arena, from->address);
  endpoint->port = from->port;
  endpoint->weight = from->weight;
  endpoint->healthy = !from->is_unhealthy;
  return endpoint;
}

ProtobufCMessage *gw_admin_reply_endpoints(const struct gw_admin_request *request) {
  struct gw_arena *arena = request->arena;
  struct gw_str wanted = gw_str_from(((const Gateway__Admin__V1__ListEndpointsRequest *)(const void *)request->message)->service);
  const struct gw_resource_list *clusters = gw_admin_current_list(request, GW_RESOURCE_CLUSTER);
  Gateway__Admin__V1__ListEndpointsResponse *reply = gw_admin_message_new(arena, &gateway__admin__v1__list_endpoints_response__descriptor);
  size_t total = 0;
  for (uint32_t i = 0; i < clusters->count; i++) {
    const struct gw_endpoints *endpoints = gw_admin_endpoints_of(request, clusters->items[i]->cluster);
    if (endpoints != NULL) total += endpoints->count;
  }
  reply->endpoints = gw_arena_calloc(arena, total, sizeof(void *));
  for (uint32_t i = 0; i < clusters->count; i++) {
    const struct gw_cluster *cluster = clusters->items[i]->cluster;
    const struct gw_endpoints *endpoints = gw_admin_endpoints_of(request, cluster);
    if (endpoints == NULL || (wanted.len > 0 && !gw_str_equal(wanted, cluster->name))) continue;
    for (uint32_t k = 0; k < endpoints->count; k++) {
      reply->endpoints[reply->n_endpoints++] = endpoint_on_wire(arena, cluster->name, &endpoints->items[k]);
    }
  }
  return &reply->base;
}
