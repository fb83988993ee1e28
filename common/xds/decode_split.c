/* A route's shares between clusters, and what filters are told of it. */
#include "common/xds/decode_route.h"
#include "gateway/filters/http/v1/limits.pb-c.h"

const struct gw_route_split *gw_xds_decode_split(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                 const Envoy__Config__Route__V3__WeightedCluster *m) {
  struct gw_route_split *split = gw_arena_calloc(d->arena, 1, sizeof *split);
  struct gw_weighted_cluster *clusters = gw_arena_calloc(d->arena, m->n_clusters, sizeof *clusters);
  uint64_t total = 0;
  for (size_t i = 0; i < m->n_clusters; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "clusters", i);
    clusters[i].name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "name"), m->clusters[i]->name);
    clusters[i].weight = m->clusters[i]->weight != NULL ? m->clusters[i]->weight->value : 0;
    total += clusters[i].weight;
  }
  if (m->n_clusters == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "clusters"), "is empty, and must not be");
  /* Upstream's bounds. */
  else if (total == 0 || total > UINT32_MAX)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "clusters"), "have a total weight of %llu; allowed is 1 to %u", (unsigned long long)total,
                  UINT32_MAX);
  *split = (struct gw_route_split){.clusters = clusters, .count = (uint32_t)m->n_clusters, .total_weight = (uint32_t)total};
  if (m->random_value_specifier_case == ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_USE_HASH_POLICY)
    split->by_hash = gw_xds_decode_bool(m->use_hash_policy, false);
  return split;
}

static void decode_limits(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                          struct gw_route *out) {
  const Gateway__Filters__Http__V1__LimitsPerRoute *m =
      gw_xds_decode_any(d, place, any, &gateway__filters__http__v1__limits_per_route__descriptor);
  if (m == NULL || m->max_request_body_bytes == NULL) return;
  if (out->has_body_limit) gw_xds_refuse(d, place, "is there twice");
  out->has_body_limit = true;
  out->max_request_body_bytes = m->max_request_body_bytes->value;
}

static bool is_limits(const Google__Protobuf__Any *any) {
  return gw_str_equal(gw_str_from(gw_xds_any_message(any)), gw_str_from(gateway__filters__http__v1__limits_per_route__descriptor.name));
}

/* Settings of a filter that we don't have are passed over when they say that this is right. */
void gw_xds_decode_route_filters(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__Route *m,
                                 struct gw_route *out) {
  for (size_t i = 0; i < m->n_typed_per_filter_config; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "typed_per_filter_config", i), *inside = GW_XDS_FIELD(at, "config");
    const Google__Protobuf__Any *any = m->typed_per_filter_config[i]->value;
    const ProtobufCMessageDescriptor *hull = &envoy__config__route__v3__filter_config__descriptor;
    bool is_optional = false;
    if (gw_str_equal(gw_str_from(gw_xds_any_message(any)), gw_str_from(hull->name))) {
      const Envoy__Config__Route__V3__FilterConfig *config = gw_xds_decode_any(d, at, any, hull);
      if (config == NULL) continue;
      is_optional = config->is_optional;
      any = config->config;
      at = inside;
    }
    if (is_limits(any) || !is_optional) decode_limits(d, at, any, out);
  }
}
