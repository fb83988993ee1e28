#include "common/xds/encode.h"

typedef Envoy__Config__Route__V3__RouteAction__HashPolicy HashPolicy;
#define SPECIFIER(name) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_##name
#define DESCRIPTOR(name) &envoy__config__route__v3__route_action__hash_policy##name##__descriptor

static HashPolicy *encode_hash_policy(struct gw_arena *arena, const struct gw_hash_policy *policy) {
  HashPolicy *m = gw_xds_encode_new(arena, DESCRIPTOR());
  char *name = gw_xds_encode_str(arena, policy->name);
  m->terminal = policy->is_terminal;
  switch (policy->kind) {
  case GW_HASH_HEADER:
    m->policy_specifier_case = SPECIFIER(HEADER);
    m->header = gw_xds_encode_new(arena, DESCRIPTOR(__header));
    m->header->header_name = name;
    break;
  case GW_HASH_COOKIE:
    m->policy_specifier_case = SPECIFIER(COOKIE);
    m->cookie = gw_xds_encode_new(arena, DESCRIPTOR(__cookie));
    m->cookie->name = name;
    m->cookie->path = gw_xds_encode_str(arena, policy->cookie_path);
    if (policy->has_cookie_ttl) m->cookie->ttl = gw_xds_encode_duration(arena, policy->cookie_ttl_ms);
    break;
  case GW_HASH_QUERY:
    m->policy_specifier_case = SPECIFIER(QUERY_PARAMETER);
    m->query_parameter = gw_xds_encode_new(arena, DESCRIPTOR(__query_parameter));
    m->query_parameter->name = name;
    break;
  case GW_HASH_CLIENT:
    m->policy_specifier_case = SPECIFIER(CONNECTION_PROPERTIES);
    m->connection_properties = gw_xds_encode_new(arena, DESCRIPTOR(__connection_properties));
    m->connection_properties->source_ip = true;
    break;
  }
  return m;
}

void gw_xds_encode_hash_policies(struct gw_arena *arena, const struct gw_route_forward *forward, Envoy__Config__Route__V3__RouteAction *m) {
  if (forward->hash_policy_count == 0) return;
  m->n_hash_policy = forward->hash_policy_count;
  m->hash_policy = gw_xds_encode_array(arena, m->n_hash_policy);
  for (uint32_t i = 0; i < forward->hash_policy_count; i++)
    m->hash_policy[i] = encode_hash_policy(arena, &forward->hash_policies[i]);
}
