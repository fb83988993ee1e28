/* A route's shares between clusters. */
#include "common/xds/decode_route.h"

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
