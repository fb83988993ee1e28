#include "common/xds/discovery_node.h"

#include <string.h>

#include "common/xds/encode.h"
#include "common/xds/wire.h"

static const char instance_key[] = "gateway.instance_id";

static struct gw_str find_instance(const Google__Protobuf__Struct *metadata) {
  for (size_t i = 0; metadata != NULL && i < metadata->n_fields; i++) {
    const Google__Protobuf__Struct__FieldsEntry *entry = metadata->fields[i];
    bool is_it = strcmp(entry->key, instance_key) == 0 && entry->value != NULL &&
                 entry->value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    if (is_it) return gw_wire_str(entry->value->string_value);
  }
  return (struct gw_str){NULL, 0};
}

static Google__Protobuf__Struct *encode_instance(struct gw_arena *arena, struct gw_str instance_id) {
  Google__Protobuf__Struct *metadata = gw_xds_encode_new(arena, &google__protobuf__struct__descriptor);
  Google__Protobuf__Struct__FieldsEntry *entry = gw_xds_encode_new(arena, &google__protobuf__struct__fields_entry__descriptor);
  entry->key = gw_xds_encode_str(arena, GW_STR(instance_key));
  entry->value = gw_xds_encode_new(arena, &google__protobuf__value__descriptor);
  entry->value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
  entry->value->string_value = gw_xds_encode_str(arena, instance_id);
  metadata->fields = gw_arena_calloc(arena, 1, sizeof(void *));
  metadata->fields[metadata->n_fields++] = entry;
  return metadata;
}

void gw_xds_node_decode(const Envoy__Config__Core__V3__Node *message, struct gw_xds_node *ret_node) {
  ret_node->id = gw_wire_str(message->id);
  ret_node->cluster = gw_wire_str(message->cluster);
  ret_node->user_agent_name = gw_wire_str(message->user_agent_name);
  if (message->user_agent_version_type_case == ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION)
    ret_node->user_agent_version = gw_wire_str(message->user_agent_version);
  ret_node->instance_id = find_instance(message->metadata);
}

Envoy__Config__Core__V3__Node *gw_xds_node_encode(struct gw_arena *arena, const struct gw_xds_node *node) {
  Envoy__Config__Core__V3__Node *m = gw_xds_encode_new(arena, &envoy__config__core__v3__node__descriptor);
  m->id = gw_xds_encode_str(arena, node->id);
  m->cluster = gw_xds_encode_str(arena, node->cluster);
  m->user_agent_name = gw_xds_encode_str(arena, node->user_agent_name);
  m->user_agent_version_type_case = ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
  m->user_agent_version = gw_xds_encode_str(arena, node->user_agent_version);
  if (node->instance_id.len > 0) m->metadata = encode_instance(arena, node->instance_id);
  return m;
}
