/* ListClusters: services as this node has them. */
#include "common/model/circuit_breaker.h"
#include "common/model/cluster.h"
#include "common/model/endpoint.h"
#include "dataplane/admin/dump_model.h"
#include "dataplane/admin/node_method.h"

typedef Gateway__Dataplane__V1__Cluster Cluster;
typedef Gateway__Dataplane__V1__Endpoint Endpoint;
typedef Gateway__Dataplane__V1__EndpointHealth Health;

static char *text(struct gw_arena *arena, struct gw_str from) {
  return (char *)(uintptr_t)gw_arena_copy(arena, from).data;
}

static char *words(struct gw_arena *arena, const char *from) {
  return text(arena, gw_str_from(from != NULL ? from : ""));
}

/* ---- endpoints ---- */

static Health *make_health(const struct gw_admin_health *from, const struct gw_address *address, struct gw_arena *arena) {
  char formatted[GW_ADDRESS_TEXT_SIZE];
  Health *health = gw_arena_alloc(arena, sizeof(*health));
  gateway__dataplane__v1__endpoint_health__init(health);
  health->address = text(arena, gw_address_format(address, formatted));
  health->usable = from->is_usable;
  health->check = words(arena, from->check);
  health->last_failure = words(arena, from->check_reason);
  health->ejected = from->is_ejected;
  health->ejected_for_ms = from->is_ejected ? from->ejected_for_ms : 0;
  health->last_ejection = words(arena, from->ejection_cause);
  health->success_percent = from->success_rate < 0 ? -1 : from->success_rate;
  return health;
}

static void add_health(const struct gw_node_call *call, const struct gw_cluster *cluster, const struct gw_address *addresses,
                       uint32_t count, Endpoint *endpoint) {
  endpoint->health = gw_arena_calloc(call->arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    struct gw_admin_health health;
    if (!call->calls->get_health(call->calls->arg, cluster->name, &addresses[i], &health)) continue;
    endpoint->health[endpoint->n_health++] = make_health(&health, &addresses[i], call->arena);
  }
}

static Endpoint *make_endpoint(const struct gw_node_call *call, const struct gw_cluster *cluster, const struct gw_endpoint *from) {
  const struct gw_address *addresses = NULL;
  struct gw_address parsed;
  uint32_t count = 0;
  Endpoint *endpoint = gw_arena_alloc(call->arena, sizeof(*endpoint));
  gateway__dataplane__v1__endpoint__init(endpoint);
  bool is_v6 = gw_str_find_char(from->address, ':') >= 0;
  endpoint->address = gw_arena_printf(call->arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", GW_STR_ARG(from->address), from->port);
  endpoint->weight = from->weight;
  endpoint->priority = from->priority;
  endpoint->healthy = !from->is_unhealthy;
  if (cluster->kind == GW_CLUSTER_STRICT_DNS) {
    count = call->calls->get_addresses(call->calls->arg, from->address, from->port, &addresses);
    endpoint->resolved = gw_arena_calloc(call->arena, count, sizeof(char *));
    for (uint32_t i = 0; i < count; i++) {
      char formatted[GW_ADDRESS_TEXT_SIZE];
      endpoint->resolved[endpoint->n_resolved++] = text(call->arena, gw_address_format(&addresses[i], formatted));
    }
  } else if (gw_address_parse_ip(from->address, from->port, &parsed) == GW_OK) {
    addresses = &parsed;
    count = 1;
  }
  if (cluster->health_check != NULL || cluster->outlier != NULL) add_health(call, cluster, addresses, count, endpoint);
  return endpoint;
}

static const struct gw_endpoints *endpoints_of(const struct gw_snapshot *snapshot, const struct gw_cluster *cluster) {
  if (cluster->kind != GW_CLUSTER_EDS) return cluster->inline_endpoints;
  const struct gw_resource *resource = gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name);
  return resource != NULL ? resource->endpoints : NULL;
}

/* ---- clusters ---- */

static Gateway__Dataplane__V1__Usage *make_usage(struct gw_arena *arena, uint32_t now, uint32_t max) {
  Gateway__Dataplane__V1__Usage *usage = gw_arena_alloc(arena, sizeof(*usage));
  gateway__dataplane__v1__usage__init(usage);
  usage->now = now;
  usage->max = max;
  return usage;
}

static void add_activity(const struct gw_node_call *call, const struct gw_cluster *model, Cluster *cluster) {
  struct gw_admin_cluster now;
  if (!call->calls->get_cluster(call->calls->arg, model->name, &now)) return;
  if (now.circuit_state != NULL) {
    Gateway__Dataplane__V1__CircuitBreaker *breaker = gw_arena_alloc(call->arena, sizeof(*breaker));
    gateway__dataplane__v1__circuit_breaker__init(breaker);
    breaker->state = words(call->arena, now.circuit_state);
    breaker->open_left_ms = now.open_left_ms;
    breaker->window_requests = now.window_requests;
    breaker->window_failures = now.window_failures;
    breaker->probes = now.probes;
    breaker->successes = now.successes;
    cluster->circuit_breaker = breaker;
  }
  if (model->limits == NULL) return; /* nothing is counted then */
  cluster->connections = make_usage(call->arena, now.connections, model->limits->max_connections);
  cluster->pending_requests = make_usage(call->arena, now.pending_requests, model->limits->max_pending_requests);
  cluster->requests = make_usage(call->arena, now.requests, model->limits->max_requests);
}

static Cluster *make_cluster(const struct gw_node_call *call, const struct gw_snapshot *snapshot, const struct gw_cluster *model) {
  const struct gw_endpoints *endpoints = endpoints_of(snapshot, model);
  Cluster *cluster = gw_arena_alloc(call->arena, sizeof(*cluster));
  gateway__dataplane__v1__cluster__init(cluster);
  cluster->name = text(call->arena, model->name);
  cluster->discovery = text(call->arena, gw_dump_cluster_kind(model));
  cluster->lb_policy = words(call->arena, gw_lb_policy_name(model->balancing.policy));
  cluster->known = endpoints != NULL;
  add_activity(call, model, cluster);
  if (endpoints == NULL) return cluster;
  cluster->endpoints = gw_arena_calloc(call->arena, endpoints->count, sizeof(void *));
  for (uint32_t i = 0; i < endpoints->count; i++)
    cluster->endpoints[cluster->n_endpoints++] = make_endpoint(call, model, &endpoints->items[i]);
  return cluster;
}

void gw_node_list_clusters(const struct gw_node_call *call, const ProtobufCMessage *message) {
  const Gateway__Dataplane__V1__ListClustersRequest *request = (const void *)message;
  Gateway__Dataplane__V1__ListClustersResponse response = GATEWAY__DATAPLANE__V1__LIST_CLUSTERS_RESPONSE__INIT;
  struct gw_admin_state state;
  call->calls->get_state(call->calls->arg, &state);
  const struct gw_resource_list none = {.count = 0};
  const struct gw_resource_list *list = state.snapshot != NULL ? &state.snapshot->lists[GW_RESOURCE_CLUSTER] : &none;
  response.clusters = gw_arena_calloc(call->arena, list->count, sizeof(void *));
  for (uint32_t i = 0; i < list->count; i++) {
    const struct gw_cluster *model = list->items[i]->cluster;
    if (request->name[0] != '\0' && !gw_str_equal(model->name, gw_str_from(request->name))) continue;
    response.clusters[response.n_clusters++] = make_cluster(call, state.snapshot, model);
  }
  gw_node_call_answer(call, &response.base);
}
