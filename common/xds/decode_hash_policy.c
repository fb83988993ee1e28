#include "common/base/mem.h"
#include "common/xds/decode.h"

#define POLICIES_MAX 16

typedef Envoy__Config__Route__V3__RouteAction__HashPolicy HashPolicy;
#define SPECIFIER(name) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_##name

/* Name and path become part of a Set-Cookie. */
static void decode_cookie(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                          const Envoy__Config__Route__V3__RouteAction__HashPolicy__Cookie *m, struct gw_hash_policy *out) {
  out->kind = GW_HASH_COOKIE;
  out->name = gw_xds_decode_str(d, m->name);
  if (!gw_xds_is_token(out->name)) gw_xds_refuse(d, GW_XDS_FIELD(place, "name"), "\"%s\" is not a token", m->name);
  out->has_cookie_ttl = m->ttl != NULL;
  out->cookie_ttl_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "ttl"), m->ttl, 0);
  out->cookie_path = gw_xds_decode_str(d, m->path);
  if (!gw_route_cookie_path_is_valid(out->cookie_path))
    gw_xds_refuse(d, GW_XDS_FIELD(place, "path"), "holds ';', a control character or a byte outside ASCII");
}

static void decode_hash_policy(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HashPolicy *m,
                               struct gw_hash_policy *out) {
  out->is_terminal = m->terminal;
  switch (m->policy_specifier_case) {
  case SPECIFIER(HEADER):
    out->kind = GW_HASH_HEADER;
    out->name = gw_xds_decode_header_name(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "header"), "header_name"), m->header->header_name, false);
    return;
  case SPECIFIER(COOKIE): decode_cookie(d, GW_XDS_FIELD(place, "cookie"), m->cookie, out); return;
  case SPECIFIER(CONNECTION_PROPERTIES):
    out->kind = GW_HASH_CLIENT;
    if (!m->connection_properties->source_ip)
      gw_xds_refuse(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "connection_properties"), "source_ip"), "must be true");
    return;
  case SPECIFIER(QUERY_PARAMETER):
    out->kind = GW_HASH_QUERY;
    out->name = gw_xds_decode_name(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "query_parameter"), "name"), m->query_parameter->name);
    return;
  default: gw_xds_refuse(d, place, "needs header, cookie, connection_properties or query_parameter");
  }
}

void gw_xds_decode_hash_policies(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__RouteAction *m,
                                 struct gw_route_forward *out) {
  if (m->n_hash_policy == 0) return;
  if (m->n_hash_policy > POLICIES_MAX) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "hash_policy"), "are %zu; at most %d are allowed", m->n_hash_policy, POLICIES_MAX);
    return;
  }
  struct gw_hash_policy *policies = gw_arena_calloc(d->arena, m->n_hash_policy, sizeof *policies);
  for (size_t i = 0; i < m->n_hash_policy; i++)
    decode_hash_policy(d, GW_XDS_ITEM(place, "hash_policy", i), m->hash_policy[i], &policies[i]);
  out->hash_policies = policies;
  out->hash_policy_count = (uint32_t)m->n_hash_policy;
}
