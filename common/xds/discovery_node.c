#include "common/xds/discovery_node.h"

#include "common/xds/encode.h"
#include "common/xds/wire.h"

void gw_xds_node_decode(const Envoy__Config__Core__V3__Node *message, struct gw_xds_node *ret_node) {
  ret_node->id = gw_wire_str(message->id);
  ret_node->cluster = gw_wire_str(message->cluster);
  ret_node->user_agent_name = gw_wire_str(message->user_agent_name);
  if (message->user_agent_version_type_case == ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION)
    ret_node->user_agent_version = gw_wire_str(message->user_agent_version);
}

Envoy__Config__Core__V3__Node *gw_xds_node_encode(struct gw_arena *arena, const struct gw_xds_node *node) {
  Envoy__Config__Core__V3__Node *m = gw_xds_encode_new(arena, &envoy__config__core__v3__node__descriptor);
  m->id = gw_xds_encode_str(arena, node->id);
  m->cluster = gw_xds_encode_str(arena, node->cluster);
  m->user_agent_name = gw_xds_encode_str(arena, node->user_agent_name);
  m->user_agent_version_type_case = ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
  m->user_agent_version = gw_xds_encode_str(arena, node->user_agent_version);
  return m;
}
