/* GetVersion and GetStatus. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/xds/codec.h"
#include "controlplane/api/admin_changes.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/agent_service.h"

void *gw_admin_message_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor) {
  void *message = gw_arena_alloc(arena, descriptor->sizeof_message);
  protobuf_c_message_init(descriptor, message);
  return message;
}

char *gw_admin_text(struct gw_arena *arena, struct gw_str s) {
  return (char *)gw_arena_copy(arena, s).data;
}

static char *text_or_empty(struct gw_arena *arena, const char *text) {
  return gw_arena_strdup(arena, text != NULL ? text : "");
}

static uint64_t age_ms(uint64_t now_us, uint64_t since_us) {
  return since_us == 0 || since_us > now_us ? 0 : (now_us - since_us) / 1000;
}

ProtobufCMessage *gw_admin_reply_version(const struct gw_admin_request *request) {
  Gateway__Admin__V1__GetVersionResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__get_version_response__descriptor);
  reply->version = gw_arena_strdup(request->arena, GW_VERSION);
  return &reply->base;
}

static Gateway__Admin__V1__NodeStatus__State state_on_wire(enum gw_node_state state) {
  switch (state) {
  case GW_NODE_SYNCED: return GATEWAY__ADMIN__V1__NODE_STATUS__STATE__SYNCED;
  case GW_NODE_STALE: return GATEWAY__ADMIN__V1__NODE_STATUS__STATE__STALE;
  case GW_NODE_REFUSED: return GATEWAY__ADMIN__V1__NODE_STATUS__STATE__REFUSED;
  }
  return GATEWAY__ADMIN__V1__NODE_STATUS__STATE__STATE_UNSPECIFIED;
}

static void add_types(Gateway__Admin__V1__NodeStatus *status, const struct gw_node *node, struct gw_arena *arena) {
  status->types = gw_arena_calloc(arena, GW_RESOURCE_TYPE_COUNT, sizeof(void *));
  for (uint32_t i = 0; i < GW_RESOURCE_TYPE_COUNT; i++) {
    if (!node->is_subscribed[i]) continue;
    const struct gw_node_type_status *from = &node->types[i];
    Gateway__Admin__V1__ResourceTypeStatus *type = gw_admin_message_new(arena, &gateway__admin__v1__resource_type_status__descriptor);
    type->type = gw_arena_strdup(arena, gw_xds_type_short((enum gw_resource_type)i));
    type->sent_version = gw_arena_strdup(arena, from->sent_version);
    type->accepted_version = gw_arena_strdup(arena, from->accepted_version);
    type->refused_version = gw_arena_strdup(arena, from->refused_version);
    type->refused_reason = text_or_empty(arena, from->refused_reason);
    type->resources_sent = node->sent[i].resources;
    type->bytes_sent = node->sent[i].bytes;
    status->types[status->n_types++] = type;
  }
}

static const char *protocol_of(const struct gw_node *node) {
  if (node->xds_streams == 0) return "";
  if (node->delta_streams == 0) return "sotw";
  return node->delta_streams == node->xds_streams ? "delta" : "both";
}

static void add_troubles(Gateway__Admin__V1__NodeStatus *status, const struct gw_node *node, struct gw_arena *arena) {
  if (node->troubles == NULL || node->troubles[0] == '\0') return;
  struct gw_str rest = gw_str_from(node->troubles), line;
  status->troubles = gw_arena_calloc(arena, GW_NODE_TROUBLES_MAX, sizeof(*status->troubles));
  while (status->n_troubles < GW_NODE_TROUBLES_MAX && gw_str_split_next(&rest, '\n', &line))
    status->troubles[status->n_troubles++] = gw_admin_text(arena, line);
}

static Gateway__Admin__V1__NodeStatus *node_status(const struct gw_admin_request *request, const struct gw_node *node, uint64_t now_us) {
  struct gw_arena *arena = request->arena;
  Gateway__Admin__V1__NodeStatus *status = gw_admin_message_new(arena, &gateway__admin__v1__node_status__descriptor);
  status->id = text_or_empty(arena, node->id);
  status->cluster = text_or_empty(arena, node->cluster);
  status->kind = text_or_empty(arena, node->kind);
  status->version = text_or_empty(arena, node->version);
  status->peer = text_or_empty(arena, node->peer);
  status->xds_protocol = gw_arena_strdup(arena, protocol_of(node));
  status->connected_ms = age_ms(now_us, node->connected_us);
  struct gw_snapshot *snapshot = gw_snapshot_cache_current(request->options->cache);
  if (snapshot != NULL) {
    char *reason = NULL;
    status->state = state_on_wire(gw_node_state_of(node, snapshot, &reason));
    status->reason = text_or_empty(arena, reason);
    free(reason);
  } else {
    status->state = GATEWAY__ADMIN__V1__NODE_STATUS__STATE__STALE;
    status->reason = gw_arena_strdup(arena, "there is no configuration yet");
  }
  add_types(status, node, arena);
  add_troubles(status, node, arena);
  if (node->has_report) {
    status->snapshot_version = gw_arena_strdup(arena, node->snapshot_version);
    status->snapshot_age_ms = age_ms(now_us, node->snapshot_active_us);
    status->snapshot_source = gw_arena_strdup(arena, node->snapshot_source);
    status->ready = node->is_ready;
    status->draining = node->is_draining;
    status->requests_total = node->requests_total;
  }
  return status;
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
    port->problem = text_or_empty(arena, list[i].problem);
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
    denial->last_age_ms = age_ms(now_us, from->last_us);
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
  reply->store->problem = text_or_empty(arena, status->words);
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
  reply->uptime_ms = age_ms(now_us, options->started_us);
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(options->cache);
  if (snapshot != NULL) {
    reply->snapshot_version = gw_arena_strdup(arena, snapshot->version);
    reply->snapshot_age_ms = age_ms(now_us, gw_snapshot_cache_set_us(options->cache));
  }
  add_mistakes(reply, options->source.get_mistakes(options->source.arg), arena);
  reply->nodes = gw_arena_calloc(arena, options->nodes->count, sizeof(void *));
  GW_LIST_FOR_EACH(item, &options->nodes->nodes) {
    reply->nodes[reply->n_nodes++] = node_status(request, GW_LIST_ITEM(item, struct gw_node, link), now_us);
  }
  add_ports(reply, &options->ports, arena);
  add_denials(reply, &options->nodes->denials, now_us, arena);
  add_store(reply, options, arena);
  if (options->changes != NULL) {
    reply->revision = options->changes->current(options->changes->arg);
    reply->config_source = gw_arena_strdup(arena, options->changes->source_name);
  }
  return &reply->base;
}
