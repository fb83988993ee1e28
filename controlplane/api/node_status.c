#include "controlplane/api/node_status.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "controlplane/api/fleet.h"

char *gw_node_status_text(struct gw_arena *arena, const char *text) {
  return gw_arena_strdup(arena, text != NULL ? text : "");
}

uint64_t gw_node_status_age_ms(uint64_t now_us, uint64_t since_us) {
  return since_us == 0 || since_us > now_us ? 0 : (now_us - since_us) / 1000;
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
    type->refused_reason = gw_node_status_text(arena, from->refused_reason);
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

Gateway__Admin__V1__NodeStatus *gw_node_status_brief(struct gw_arena *arena, const struct gw_node *node,
                                                     const struct gw_snapshot_cache *cache) {
  Gateway__Admin__V1__NodeStatus *status = gw_admin_message_new(arena, &gateway__admin__v1__node_status__descriptor);
  status->id = gw_node_status_text(arena, node->id);
  status->cluster = gw_node_status_text(arena, node->cluster);
  status->kind = gw_node_status_text(arena, node->kind);
  status->version = gw_node_status_text(arena, node->version);
  status->peer = gw_node_status_text(arena, node->peer);
  status->instance_id = gw_node_status_text(arena, node->instance_id);
  status->xds_protocol = gw_arena_strdup(arena, protocol_of(node));
  struct gw_snapshot *snapshot = gw_snapshot_cache_of(cache, gw_str_from(node->cluster));
  if (snapshot != NULL) {
    char *reason = NULL;
    status->state = state_on_wire(gw_node_state_of(node, snapshot, &reason));
    status->reason = gw_node_status_text(arena, reason);
    free(reason);
    status->policy_state = state_on_wire(gw_node_policy_state_of(node, snapshot, &reason));
    status->policy_reason = gw_node_status_text(arena, reason);
    free(reason);
  } else {
    status->state = status->policy_state = GATEWAY__ADMIN__V1__NODE_STATUS__STATE__STALE;
    status->reason = status->policy_reason = gw_arena_strdup(arena, "there is no configuration yet");
  }
  add_troubles(status, node, arena);
  if (node->has_report) {
    status->snapshot_version = gw_arena_strdup(arena, node->snapshot_version);
    status->snapshot_source = gw_arena_strdup(arena, node->snapshot_source);
    status->ready = node->is_ready;
    status->draining = node->is_draining;
  }
  return status;
}

static void add_namesake(Gateway__Admin__V1__NodeStatus *status, const char *peer, const char *control_plane, struct gw_arena *arena) {
  char **troubles = gw_arena_calloc(arena, status->n_troubles + 1, sizeof(*troubles));
  if (status->n_troubles > 0) memcpy(troubles, status->troubles, status->n_troubles * sizeof(*troubles));
  status->troubles = troubles;
  status->troubles[status->n_troubles++] =
      gw_arena_printf(arena, "another node uses this id, too (from %s%s%s): give each its own --node-id", peer,
                      control_plane[0] != '\0' ? ", connected to " : "", control_plane);
}

static Gateway__Admin__V1__NodeStatus *full_status(const struct gw_admin_request *request, const struct gw_node *node, uint64_t now_us) {
  struct gw_arena *arena = request->arena;
  Gateway__Admin__V1__NodeStatus *status = gw_node_status_brief(arena, node, request->options->cache);
  status->connected_ms = gw_node_status_age_ms(now_us, node->connected_us);
  add_types(status, node, arena);
  if (node->has_report) {
    status->snapshot_age_ms = gw_node_status_age_ms(now_us, node->snapshot_active_us);
    status->requests_total = node->requests_total;
  }
  const struct gw_node *namesake = gw_node_table_find_namesake(request->options->nodes, node);
  if (namesake != NULL) add_namesake(status, namesake->peer, "", arena);
  return status;
}

static Gateway__Admin__V1__NodeStatus *find_namesake(const Gateway__Admin__V1__GetStatusResponse *reply, size_t count,
                                                     const Gateway__Admin__V1__NodeStatus *node) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(reply->nodes[i]->id, node->id) == 0 && strcmp(reply->nodes[i]->cluster, node->cluster) == 0) return reply->nodes[i];
  return NULL;
}

/* A node of another control plane. What the store says of one that is here by now is old news. */
static void add_other(const struct gw_admin_request *request, Gateway__Admin__V1__GetStatusResponse *reply, const char *control_plane,
                      const Gateway__Admin__V1__NodeStatus *node) {
  const struct gw_node_table *nodes = request->options->nodes;
  struct gw_str id = gw_str_from(node->id), cluster = gw_str_from(node->cluster);
  if (gw_node_table_has(nodes, id, cluster, gw_str_from(node->instance_id))) return;
  Gateway__Admin__V1__NodeStatus *copy = gw_admin_message_new(request->arena, &gateway__admin__v1__node_status__descriptor);
  *copy = *node;
  copy->control_plane = gw_arena_strdup(request->arena, control_plane);
  Gateway__Admin__V1__NodeStatus *namesake = find_namesake(reply, nodes->count, node);
  if (namesake != NULL) add_namesake(namesake, node->peer, control_plane, request->arena);
  reply->nodes[reply->n_nodes++] = copy;
}

static Gateway__Admin__V1__ControlPlane *add_control_plane(Gateway__Admin__V1__GetStatusResponse *reply, struct gw_arena *arena,
                                                           const char *name, const char *version, const char *snapshot_version) {
  Gateway__Admin__V1__ControlPlane *plane = gw_admin_message_new(arena, &gateway__admin__v1__control_plane__descriptor);
  plane->name = gw_arena_strdup(arena, name);
  plane->version = gw_arena_strdup(arena, version);
  plane->snapshot_version = gw_arena_strdup(arena, snapshot_version);
  reply->control_planes[reply->n_control_planes++] = plane;
  return plane;
}

void gw_node_status_add_all(const struct gw_admin_request *request, Gateway__Admin__V1__GetStatusResponse *reply) {
  const struct gw_admin_api_options *options = request->options;
  uint64_t now_us = gw_loop_now_us(options->loop);
  struct gw_fleet_member members[GW_FLEET_MEMBERS_MAX];
  uint32_t member_count = options->fleet != NULL ? gw_fleet_list(options->fleet, members) : 0;
  size_t room = options->nodes->count;
  for (uint32_t i = 0; i < member_count; i++)
    for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++)
      room += members[i].buckets[b] != NULL ? members[i].buckets[b]->n_nodes : 0;
  reply->nodes = gw_arena_calloc(request->arena, room, sizeof(void *));
  reply->control_planes = gw_arena_calloc(request->arena, member_count + 1u, sizeof(void *));
  GW_LIST_FOR_EACH(item, &options->nodes->nodes) {
    reply->nodes[reply->n_nodes++] = full_status(request, GW_LIST_ITEM(item, struct gw_node, link), now_us);
  }
  if (options->fleet == NULL) return;
  add_control_plane(reply, request->arena, gw_fleet_name(options->fleet), GW_VERSION, reply->snapshot_version)->nodes =
      options->nodes->count;
  for (uint32_t i = 0; i < member_count; i++) {
    const Gateway__Store__V1__FleetMember *record = members[i].record;
    Gateway__Admin__V1__ControlPlane *plane =
        add_control_plane(reply, request->arena, record->name, record->version, record->snapshot_version);
    plane->nodes = record->nodes;
    plane->last_seen_ms = gw_node_status_age_ms(now_us, members[i].seen_us) + 1; /* 0 is this one */
    for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++)
      for (size_t n = 0; members[i].buckets[b] != NULL && n < members[i].buckets[b]->n_nodes; n++)
        add_other(request, reply, record->name, members[i].buckets[b]->nodes[n]);
  }
}
