/* GetVersion and GetStatus. */
#include "controlplane/api/admin_changes.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/agent_service.h"
#include "controlplane/api/node_status.h"
#include <gateway/admin/v1/admin.pb-c.h>

void *gw_admin_message_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor) {
  void *message = gw_arena_alloc(arena, descriptor->sizeof_message);
  protobuf_c_message_init(descriptor, message);
  return message;
}

char *gw_admin_text(struct gw_arena *arena, struct gw_str s) {
  return (char *)gw_arena_copy(arena, s).data;
}

ProtobufCMessage *gw_admin_reply_version(const struct gw_admin_request *request) {
  Gateway__Admin__V1__GetVersionResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__get_version_response__descriptor);
  reply->version = gw_arena_strdup(request->arena, GW_VERSION);
  return &reply->base;
}

static void add_mistakes(Gateway__Admin__V1__GetStatusResponse *reply, const struct gw_errors *mistakes, struct gw_arena *arena) {
  reply->errors = gw_arena_calloc(arena, mistakes->count + 1, sizeof(*reply->errors));
  reply->warnings = gw_arena_calloc(arena, mistakes->count, sizeof(*reply->warnings));
  for (size_t i = 0; i < mistakes->count; i++) {
    const struct gw_mistake *mistake = &mistakes->items[i];
    char *text = gw_arena_printf(arena, "%s: %s", mistake->place, mistake->sentence);
    if (mistake->severity == GW_SEVERITY_ERROR) {
      reply->errors[reply->n_errors++] = text;
    } else {
      reply->warnings[reply->n_warnings++] = text;
    }
  }
  size_t left_out = mistakes->error_count - reply->n_errors;
  if (left_out > 0) reply->errors[reply->n_errors++] = gw_arena_printf(arena, "and %zu more", left_out);
}

static void add_ports(Gateway__Admin__V1__GetStatusResponse *reply, const struct gw_admin_ports *ports, struct gw_arena *arena) {
  struct gw_admin_port list[GW_ADMIN_PORTS_MAX];
  uint32_t count = ports->get != NULL ? ports->get(ports->arg, list) : 0;
  reply->ports = gw_arena_calloc(arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    Gateway__Admin__V1__Port *port = gw_admin_message_new(arena, &gateway__admin__v1__port__descriptor);
    port->name = gw_arena_strdup(arena, list[i].name);
    port->tls = list[i].has_tls;
    port->certificate = gw_arena_strdup(arena, list[i].subject);
    port->certificate_not_after_s = list[i].not_after_s;
    port->problem = gw_node_status_text(arena, list[i].problem);
    reply->ports[reply->n_ports++] = port;
  }
}

static void add_denials(Gateway__Admin__V1__GetStatusResponse *reply, struct gw_node_denials *denials, uint64_t now_us,
                        struct gw_arena *arena) {
  gw_node_denials_expire(denials, now_us);
  reply->denials = gw_arena_calloc(arena, denials->count, sizeof(void *));
  for (size_t i = 0; i < denials->count; i++) {
    const struct gw_node_denial *from = &denials->items[i];
    Gateway__Admin__V1__Denial *denial = gw_admin_message_new(arena, &gateway__admin__v1__denial__descriptor);
    denial->node_id = gw_arena_strdup(arena, from->id);
    denial->node_cluster = gw_arena_strdup(arena, from->cluster);
    denial->peer = gw_arena_strdup(arena, from->peer);
    denial->reason = gw_arena_strdup(arena, from->reason);
    denial->count = from->count;
    denial->last_age_ms = gw_node_status_age_ms(now_us, from->last_us);
    reply->denials[reply->n_denials++] = denial;
  }
}

static Gateway__Admin__V1__Store__State store_state_on_wire(enum gw_store_state state) {
  switch (state) {
  case GW_STORE_CONNECTING: return GATEWAY__ADMIN__V1__STORE__STATE__CONNECTING;
  case GW_STORE_READY: return GATEWAY__ADMIN__V1__STORE__STATE__READY;
  case GW_STORE_AWAY: return GATEWAY__ADMIN__V1__STORE__STATE__AWAY;
  }
  return GATEWAY__ADMIN__V1__STORE__STATE__STATE_UNSPECIFIED;
}

static void add_store(Gateway__Admin__V1__GetStatusResponse *reply, const struct gw_admin_api_options *options, struct gw_arena *arena) {
  if (options->keys == NULL) return;
  const struct gw_store_status *status = gw_api_keys_store_status(options->keys);
  reply->store = gw_admin_message_new(arena, &gateway__admin__v1__store__descriptor);
  reply->store->url = gw_arena_strdup(arena, status->url);
  reply->store->state = store_state_on_wire(status->state);
  reply->store->problem = gw_node_status_text(arena, status->words);
  reply->store->waiting = status->waiting;
  reply->store->api_keys = gw_api_keys_all(options->keys)->count;
  if (options->agents != NULL) reply->store->unknown_keys = gw_agent_service_unknown_keys(options->agents);
}

ProtobufCMessage *gw_admin_reply_status(const struct gw_admin_request *request) {
  const struct gw_admin_api_options *options = request->options;
  struct gw_arena *arena = request->arena;
  uint64_t now_us = gw_loop_now_us(options->loop);
  Gateway__Admin__V1__GetStatusResponse *reply = gw_admin_message_new(arena, &gateway__admin__v1__get_status_response__descriptor);
  reply->version = gw_arena_strdup(arena, GW_VERSION);
  reply->uptime_ms = gw_node_status_age_ms(now_us, options->started_us);
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(options->cache);
  if (snapshot != NULL) {
    reply->snapshot_version = gw_arena_strdup(arena, snapshot->version);
    reply->snapshot_age_ms = gw_node_status_age_ms(now_us, gw_snapshot_cache_set_us(options->cache));
  }
  add_mistakes(reply, options->source.get_mistakes(options->source.arg), arena);
  gw_node_status_add_all(request, reply);
  add_ports(reply, &options->ports, arena);
  add_denials(reply, &options->nodes->denials, now_us, arena);
  add_store(reply, options, arena);
  if (options->changes != NULL) {
    reply->revision = options->changes->current(options->changes->arg);
    reply->config_source = gw_arena_strdup(arena, options->changes->source_name);
  }
  return &reply->base;
}
