/* Services with what is known of their instances: ListServices and ReleaseService. */
#include <gateway/admin/v1/admin.pb-c.h>

#include "common/base/clock.h"
#include "common/model/cluster.h"
#include "common/rpc/rpc.h"
#include "controlplane/api/admin_reply.h"

typedef Gateway__Admin__V1__Service Service;

static const char *discovery_name(enum gw_cluster_kind kind) {
  switch (kind) {
  case GW_CLUSTER_STATIC: return "STATIC";
  case GW_CLUSTER_STRICT_DNS: return "STRICT_DNS";
  case GW_CLUSTER_EDS: return "EDS";
  }
  return "";
}

static Gateway__Admin__V1__Service__State state_on_wire(enum gw_admin_service_state state) {
  switch (state) {
  case GW_ADMIN_SERVICE_WAITING: return GATEWAY__ADMIN__V1__SERVICE__STATE__WAITING;
  case GW_ADMIN_SERVICE_LIVE: return GATEWAY__ADMIN__V1__SERVICE__STATE__LIVE;
  case GW_ADMIN_SERVICE_AWAY: return GATEWAY__ADMIN__V1__SERVICE__STATE__AWAY;
  case GW_ADMIN_SERVICE_HELD: return GATEWAY__ADMIN__V1__SERVICE__STATE__HELD;
  }
  return GATEWAY__ADMIN__V1__SERVICE__STATE__STATE_UNSPECIFIED;
}

static uint64_t age_ms(uint64_t since_us) {
  uint64_t now_us = gw_clock_wall_us();
  return since_us != 0 && since_us < now_us ? (now_us - since_us) / 1000 : 0;
}

static void add_source(const struct gw_admin_request *request, struct gw_str name, Service *service) {
  const struct gw_admin_services *services = &request->options->services;
  struct gw_admin_service known;
  if (services->find == NULL || !services->find(services->arg, name, &known)) return;
  service->source = gw_arena_strdup(request->arena, known.source);
  service->state = state_on_wire(known.state);
  service->state_age_ms = age_ms(known.since_us);
  service->known_age_ms = age_ms(known.known_us);
  service->said_count = known.said_count;
  service->problem = gw_arena_strdup(request->arena, known.problem);
}

static Service *make_service(const struct gw_admin_request *request, const struct gw_cluster *cluster) {
  const struct gw_endpoints *endpoints = gw_admin_endpoints_of(request, cluster);
  Service *service = gw_admin_message_new(request->arena, &gateway__admin__v1__service__descriptor);
  service->name = gw_admin_text(request->arena, cluster->name);
  service->discovery = gw_arena_strdup(request->arena, discovery_name(cluster->kind));
  service->lb_policy = gw_arena_strdup(request->arena, gw_lb_policy_name(cluster->balancing.policy));
  service->endpoint_count = endpoints != NULL ? endpoints->count : 0;
  service->connect_timeout_ms = cluster->connect_timeout_ms;
  if (cluster->kind == GW_CLUSTER_EDS) add_source(request, cluster->eds_service_name, service);
  return service;
}

ProtobufCMessage *gw_admin_reply_services(const struct gw_admin_request *request) {
  const struct gw_resource_list *clusters = gw_admin_current_list(request, GW_RESOURCE_CLUSTER);
  Gateway__Admin__V1__ListServicesResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__list_services_response__descriptor);
  reply->services = gw_arena_calloc(request->arena, clusters->count, sizeof(void *));
  for (uint32_t i = 0; i < clusters->count; i++)
    reply->services[reply->n_services++] = make_service(request, clusters->items[i]->cluster);
  return &reply->base;
}

void gw_admin_start_release_service(const struct gw_admin_request *request, struct gw_admin_call *call) {
  struct gw_str name = gw_str_from(((const Gateway__Admin__V1__ReleaseServiceRequest *)(const void *)request->message)->service);
  const struct gw_admin_services *services = &request->options->services;
  enum gw_err err = services->release != NULL ? services->release(services->arg, name) : GW_ERR_NOT_FOUND;
  if (err == GW_ERR_NOT_FOUND) {
    gw_admin_call_refuse(call, GW_RPC_NOT_FOUND, "there is no such service, or nobody is asked for its instances");
    return;
  }
  if (err != GW_OK) {
    gw_admin_call_refuse(call, GW_RPC_FAILED_PRECONDITION, "nothing is held of it: what its source says is served, or it can't be asked");
    return;
  }
  Gateway__Admin__V1__ReleaseServiceResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__release_service_response__descriptor);
  const struct gw_resource_list *clusters = gw_admin_current_list(request, GW_RESOURCE_CLUSTER);
  for (uint32_t i = 0; i < clusters->count; i++)
    if (gw_str_equal(clusters->items[i]->cluster->name, name)) reply->service = make_service(request, clusters->items[i]->cluster);
  gw_admin_call_answer(call, &reply->base);
}
