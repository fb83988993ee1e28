#include "common/base/mem.h"
#include "common/xds/circuit_names.h"
#include "common/xds/encode.h"
#include "common/xds/struct_message.h"

void gw_xds_encode_limits(struct gw_arena *arena, const struct gw_concurrency_limits *limits,
                          Envoy__Config__Cluster__V3__CircuitBreakers *m) {
  static const struct gw_concurrency_limits none = {GW_CONCURRENCY_UNLIMITED, GW_CONCURRENCY_UNLIMITED, GW_CONCURRENCY_UNLIMITED};
  Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *thresholds = m->thresholds[0];
  if (limits == NULL) limits = &none;
  thresholds->max_connections = gw_xds_encode_u32(arena, limits->max_connections);
  thresholds->max_pending_requests = gw_xds_encode_u32(arena, limits->max_pending_requests);
  thresholds->max_requests = gw_xds_encode_u32(arena, limits->max_requests);
}

Envoy__Config__Core__V3__Metadata *gw_xds_encode_circuit_breaking(struct gw_arena *arena, const struct gw_circuit_breaking *breaking) {
  Gateway__Cluster__V1__CircuitBreaker *breaker = gw_xds_encode_new(arena, &gateway__cluster__v1__circuit_breaker__descriptor);
  breaker->window = gw_xds_encode_duration(arena, breaking->window_ms);
  breaker->open = gw_xds_encode_duration(arena, breaking->open_ms);
  breaker->failures = breaking->failures;
  breaker->failure_percent = breaking->failure_percent;
  breaker->min_requests = breaking->min_requests;
  breaker->probes = breaking->probes;
  breaker->successes = breaking->successes;
  breaker->has_stand_in = breaking->has_stand_in;
  breaker->failure_on = gw_arena_calloc(arena, GW_ARRAY_LEN(gw_xds_circuit_failures), sizeof *breaker->failure_on);
  for (size_t i = 0; i < GW_ARRAY_LEN(gw_xds_circuit_failures); i++) {
    if ((breaking->failure_on & gw_xds_circuit_failures[i].kind) == 0) continue;
    breaker->failure_on[breaker->n_failure_on++] = (Gateway__Cluster__V1__CircuitBreaker__Failure)gw_xds_circuit_failures[i].wire;
  }
  Envoy__Config__Core__V3__Metadata *m = gw_xds_encode_new(arena, &envoy__config__core__v3__metadata__descriptor);
  Envoy__Config__Core__V3__Metadata__FilterMetadataEntry *entry =
      gw_xds_encode_new(arena, &envoy__config__core__v3__metadata__filter_metadata_entry__descriptor);
  entry->key = gw_xds_encode_str(arena, GW_STR(GW_XDS_CIRCUIT_BREAKER));
  entry->value = gw_xds_encode_struct(arena, &breaker->base);
  m->n_filter_metadata = 1;
  m->filter_metadata = gw_xds_encode_array(arena, 1);
  m->filter_metadata[0] = entry;
  return m;
}
