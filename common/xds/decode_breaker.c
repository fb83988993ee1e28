#include <string.h>

#include "common/base/mem.h"
#include "common/xds/circuit_names.h"
#include "common/xds/struct_message.h"

typedef Gateway__Cluster__V1__CircuitBreaker CircuitBreaker;

const struct gw_concurrency_limits *gw_xds_decode_limits(struct gw_xds_decoder *d, const Envoy__Config__Cluster__V3__CircuitBreakers *m) {
  struct gw_concurrency_limits *limits = gw_arena_calloc(d->arena, 1, sizeof *limits);
  *limits = (struct gw_concurrency_limits){GW_CONCURRENCY_MAX_REQUESTS, GW_CONCURRENCY_MAX_REQUESTS, GW_CONCURRENCY_MAX_REQUESTS};
  if (m == NULL || m->n_thresholds == 0) return limits;
  const Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *thresholds = m->thresholds[0];
  if (thresholds->max_connections != NULL) limits->max_connections = thresholds->max_connections->value;
  if (thresholds->max_pending_requests != NULL) limits->max_pending_requests = thresholds->max_pending_requests->value;
  if (thresholds->max_requests != NULL) limits->max_requests = thresholds->max_requests->value;
  for (int what = 0; what < GW_CONCURRENCY_COUNT; what++)
    if (gw_concurrency_limit(limits, (enum gw_concurrency)what) != GW_CONCURRENCY_UNLIMITED) return limits;
  return NULL;
}

static uint32_t decode_number(struct gw_xds_decoder *d, const struct gw_xds_place *place, uint32_t value, uint32_t min, uint32_t max) {
  if (value >= min && value <= max) return value;
  gw_xds_refuse(d, place, "is %u; allowed is %u to %u", value, min, max);
  return min;
}

static uint64_t decode_time(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Duration *m) {
  uint64_t ms = gw_xds_decode_duration(d, place, m, 0);
  if (ms > 0 && ms <= GW_CIRCUIT_MS_MAX) return ms;
  gw_xds_refuse(d, place, "must be more than 0 and at most a day");
  return 1;
}

static uint32_t decode_kinds(struct gw_xds_decoder *d, const struct gw_xds_place *place, const CircuitBreaker *m) {
  uint32_t kinds = 0;
  for (size_t i = 0; i < m->n_failure_on; i++)
    for (size_t k = 0; k < GW_ARRAY_LEN(gw_xds_circuit_failures); k++)
      if (gw_xds_circuit_failures[k].wire == (int)m->failure_on[i]) kinds |= gw_xds_circuit_failures[k].kind;
  if (kinds == 0) gw_xds_refuse(d, place, "needs at least one kind of failure");
  return kinds;
}

static const struct gw_circuit_breaking *decode_breaker(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                        const CircuitBreaker *m) {
  struct gw_circuit_breaking *out = gw_arena_calloc(d->arena, 1, sizeof *out);
  *out = (struct gw_circuit_breaking){
      .window_ms = decode_time(d, GW_XDS_FIELD(place, "window"), m->window),
      .open_ms = decode_time(d, GW_XDS_FIELD(place, "open"), m->open),
      .failures = decode_number(d, GW_XDS_FIELD(place, "failures"), m->failures, 0, GW_CIRCUIT_FAILURES_MAX),
      .failure_percent = decode_number(d, GW_XDS_FIELD(place, "failure_percent"), m->failure_percent, 0, 100),
      .min_requests = decode_number(d, GW_XDS_FIELD(place, "min_requests"), m->min_requests, 1, GW_CIRCUIT_FAILURES_MAX),
      .probes = decode_number(d, GW_XDS_FIELD(place, "probes"), m->probes, 1, GW_CIRCUIT_PROBES_MAX),
      .successes = decode_number(d, GW_XDS_FIELD(place, "successes"), m->successes, 1, GW_CIRCUIT_PROBES_MAX),
      .failure_on = decode_kinds(d, GW_XDS_FIELD(place, "failure_on"), m),
      .has_stand_in = m->has_stand_in,
  };
  if (out->failures == 0 && out->failure_percent == 0) gw_xds_refuse(d, place, "needs failures or failure_percent");
  return out;
}

const struct gw_circuit_breaking *gw_xds_decode_circuit_breaking(struct gw_xds_decoder *d, const Envoy__Config__Core__V3__Metadata *m) {
  for (size_t i = 0; m != NULL && i < m->n_filter_metadata; i++) {
    if (strcmp(m->filter_metadata[i]->key, GW_XDS_CIRCUIT_BREAKER) != 0 || m->filter_metadata[i]->value == NULL) continue;
    const struct gw_xds_place *place = GW_XDS_FIELD(GW_XDS_FIELD(NULL, "metadata"), "filter_metadata[\"" GW_XDS_CIRCUIT_BREAKER "\"]");
    const CircuitBreaker *breaker =
        gw_xds_decode_struct(d, place, m->filter_metadata[i]->value, &gateway__cluster__v1__circuit_breaker__descriptor);
    return decode_breaker(d, place, breaker);
  }
  return NULL;
}
