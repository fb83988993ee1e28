/* GetConfig: the configuration that workers serve. */
#include "common/base/clock.h"
#include "common/rpc/rpc.h"
#include "common/xds/codec.h"
#include "common/xds/wire.h"
#include "dataplane/admin/dump_model.h"
#include "dataplane/admin/node_method.h"

/* What one answer holds of what resources say: sessions and clients bound their messages at 4 MiB. */
#define CONTENT_BYTES_MAX ((size_t)3 << 20)

typedef Gateway__Dataplane__V1__ConfigResource Resource;
typedef Gateway__Dataplane__V1__GetConfigResponse Response;

static const struct {
  const char *name;
  enum gw_resource_type type;
} types[] = {{"listener", GW_RESOURCE_LISTENER},
             {"route", GW_RESOURCE_ROUTE_CONFIG},
             {"cluster", GW_RESOURCE_CLUSTER},
             {"endpoints", GW_RESOURCE_ENDPOINTS},
             {"secret", GW_RESOURCE_SECRET}};

static char *text(struct gw_arena *arena, struct gw_str from) {
  return (char *)(uintptr_t)gw_arena_copy(arena, from).data;
}

/* Whether there is still room for so much. */
static bool take_room(size_t wanted, size_t *bytes, Response *response) {
  if (*bytes + wanted > CONTENT_BYTES_MAX) {
    response->left_out_contents++;
    return false;
  }
  *bytes += wanted;
  return true;
}

static void add_content(const struct gw_resource *from, struct gw_arena *arena, size_t *bytes, Response *response, Resource *resource) {
  ProtobufCMessage *any;
  struct gw_str packed = gw_bytes_str(from->any);
  if (take_room(packed.len, bytes, response) && gw_wire_unpack(&google__protobuf__any__descriptor, packed, arena, &any) == GW_OK)
    resource->content = (Google__Protobuf__Any *)(void *)any;
}

static void add_json(const struct gw_resource *from, struct gw_arena *arena, size_t *bytes, Response *response, Resource *resource) {
  struct gw_strbuf out = {0};
  struct gw_json_writer json;
  gw_json_writer_init(&json, &out);
  gw_json_object_begin(&json);
  switch (from->type) {
  case GW_RESOURCE_LISTENER: gw_dump_listener(&json, from->listener); break;
  case GW_RESOURCE_ROUTE_CONFIG: gw_dump_route_config(&json, from->route_config); break;
  case GW_RESOURCE_CLUSTER: gw_dump_cluster(&json, from->cluster); break;
  case GW_RESOURCE_ENDPOINTS: gw_dump_endpoints(&json, from->endpoints); break;
  case GW_RESOURCE_SECRET: gw_dump_secret(&json, from->secret); break;
  case GW_RESOURCE_API_KEY: break;
  }
  gw_json_object_end(&json);
  if (take_room(out.len, bytes, response)) resource->json = text(arena, gw_strbuf_str(&out));
  gw_strbuf_done(&out);
}

static void add_type(const struct gw_snapshot *snapshot, enum gw_resource_type type,
                     const Gateway__Dataplane__V1__GetConfigRequest *request, struct gw_arena *arena, size_t *bytes, Response *response) {
  const struct gw_resource_list *list = &snapshot->lists[type];
  for (uint32_t i = 0; i < list->count; i++) {
    const struct gw_resource *from = list->items[i];
    if (request->name[0] != '\0' && !gw_str_equal(from->name, gw_str_from(request->name))) continue;
    Resource *resource = gw_arena_alloc(arena, sizeof(*resource));
    gateway__dataplane__v1__config_resource__init(resource);
    resource->type_url = (char *)(uintptr_t)gw_xds_type_url(type);
    resource->name = text(arena, from->name);
    resource->version = text(arena, gw_str_from(from->version));
    if (request->json) add_json(from, arena, bytes, response, resource);
    if (request->content && !gw_resource_is_confidential(from)) add_content(from, arena, bytes, response, resource);
    response->resources[response->n_resources++] = resource;
  }
}

static void add_refusals(const struct gw_admin_calls *calls, struct gw_arena *arena, Response *response) {
  const char *type_url, *resource, *reason;
  uint32_t count = 0;
  while (calls->get_refusal(calls->arg, count, &type_url, &resource, &reason))
    count++;
  response->refusals = gw_arena_calloc(arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count && calls->get_refusal(calls->arg, i, &type_url, &resource, &reason); i++) {
    Gateway__Dataplane__V1__ConfigRefusal *refusal = gw_arena_alloc(arena, sizeof(*refusal));
    gateway__dataplane__v1__config_refusal__init(refusal);
    refusal->type_url = text(arena, gw_str_from(type_url));
    refusal->resource = text(arena, gw_str_from(resource));
    refusal->reason = text(arena, gw_str_from(reason));
    response->refusals[response->n_refusals++] = refusal;
  }
}

void gw_node_get_config(const struct gw_node_call *call, const ProtobufCMessage *message) {
  const Gateway__Dataplane__V1__GetConfigRequest *request = (const void *)message;
  Response response = GATEWAY__DATAPLANE__V1__GET_CONFIG_RESPONSE__INIT;
  struct gw_admin_state state;
  size_t count = 0, bytes = 0;
  bool is_known = request->type[0] == '\0';
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
    is_known = is_known || strcmp(types[i].name, request->type) == 0;
  if (!is_known) {
    gw_node_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "type is none of listener, route, cluster, endpoints and secret");
    return;
  }
  call->calls->get_state(call->calls->arg, &state);
  for (size_t type = 0; state.snapshot != NULL && type < GW_RESOURCE_TYPE_COUNT; type++)
    count += state.snapshot->lists[type].count;
  response.resources = gw_arena_calloc(call->arena, count, sizeof(void *));
  for (size_t i = 0; state.snapshot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
    if (request->type[0] == '\0' || strcmp(types[i].name, request->type) == 0)
      add_type(state.snapshot, types[i].type, request, call->arena, &bytes, &response);
  if (state.snapshot != NULL) response.snapshot_version = text(call->arena, gw_str_from(state.snapshot->version));
  if (state.snapshot != NULL) response.age_ms = (gw_clock_monotonic_us() - state.active_us) / 1000;
  response.source = text(call->arena, gw_str_from(state.source));
  response.ready = state.is_ready;
  response.draining = state.is_draining;
  add_refusals(call->calls, call->arena, &response);
  gw_node_call_answer(call, &response.base);
}
