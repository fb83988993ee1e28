/* Tracing: HttpConnectionManager.Tracing with OpenTelemetryConfig, and gateway.filters.http.v1.Tracing. */
#include <string.h>

#include "common/base/mem.h"
#include "common/xds/tracing_codec.h"

#define PAIRS_MAX 128u
#define PATH_LEN_MAX 1024u

/* ---- where to ---- */

static struct gw_trace_pair *new_pairs(struct gw_xds_decoder *d, const struct gw_xds_place *place, size_t count) {
  if (count > PAIRS_MAX) gw_xds_refuse(d, place, "are %zu; at most %u are supported", count, PAIRS_MAX);
  return gw_arena_calloc(d->arena, count, sizeof(struct gw_trace_pair));
}

/* Names as gRPC and HTTP/2 want them. A value is sent as it is: operators are not heeded, so that there may be none. */
static void decode_header(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Core__V3__HeaderValue *m,
                          struct gw_trace_pair *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "has no header");
    return;
  }
  out->key = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, "key"), m->key, false);
  out->value = gw_xds_decode_str(d, m->value);
  if (strpbrk(m->value, "%\r\n") != NULL) gw_xds_refuse(d, GW_XDS_FIELD(place, "value"), "holds a percent sign or a line end");
}

static void decode_grpc(struct gw_xds_decoder *d, const struct gw_xds_place *place, const GrpcService *m, struct gw_tracing *out) {
  if (m->target_specifier_case == ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_ENVOY_GRPC) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "envoy_grpc");
    out->cluster = gw_xds_decode_name(d, GW_XDS_FIELD(at, "cluster_name"), m->envoy_grpc->cluster_name);
    out->authority = gw_xds_decode_str(d, m->envoy_grpc->authority);
  } else if (m->target_specifier_case == ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_GOOGLE_GRPC) {
    out->target = gw_xds_decode_name(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "google_grpc"), "target_uri"), m->google_grpc->target_uri);
  } else {
    gw_xds_refuse(d, place, "needs envoy_grpc or google_grpc");
  }
  out->timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "timeout"), m->timeout, 0);
  struct gw_trace_pair *headers = new_pairs(d, GW_XDS_FIELD(place, "initial_metadata"), m->n_initial_metadata);
  for (size_t i = 0; i < m->n_initial_metadata; i++)
    decode_header(d, GW_XDS_ITEM(place, "initial_metadata", i), m->initial_metadata[i], &headers[i]);
  out->headers = headers;
  out->header_count = (uint32_t)m->n_initial_metadata;
}

/* "http://HOST/PATH" */
static void decode_uri(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *uri, struct gw_tracing *out) {
  const char *host = strstr(uri, "://");
  if (host == NULL || strpbrk(uri, " \r\n#") != NULL) {
    gw_xds_refuse(d, place, "must be http://HOST/PATH");
    return;
  }
  struct gw_str rest = gw_xds_decode_str(d, host + 3);
  ptrdiff_t slash = gw_str_find_char(rest, '/');
  out->authority = slash < 0 ? rest : (struct gw_str){rest.data, (size_t)slash};
  out->path = slash < 0 ? GW_STR("/") : gw_str_skip(rest, (size_t)slash);
}

static void decode_http(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpService *m, struct gw_tracing *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "http_uri");
  out->is_http = true;
  if (m->http_uri == NULL || m->http_uri->http_upstream_type_case != ENVOY__CONFIG__CORE__V3__HTTP_URI__HTTP_UPSTREAM_TYPE_CLUSTER) {
    gw_xds_refuse(d, at, "needs uri and cluster");
    return;
  }
  out->cluster = gw_xds_decode_name(d, GW_XDS_FIELD(at, "cluster"), m->http_uri->cluster);
  decode_uri(d, GW_XDS_FIELD(at, "uri"), m->http_uri->uri, out);
  out->timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(at, "timeout"), m->http_uri->timeout, 0);
  struct gw_trace_pair *headers = new_pairs(d, GW_XDS_FIELD(place, "request_headers_to_add"), m->n_request_headers_to_add);
  for (size_t i = 0; i < m->n_request_headers_to_add; i++)
    decode_header(d, GW_XDS_ITEM(place, "request_headers_to_add", i), m->request_headers_to_add[i]->header, &headers[i]);
  out->headers = headers;
  out->header_count = (uint32_t)m->n_request_headers_to_add;
}

/* ---- who ---- */

static void decode_resource(struct gw_xds_decoder *d, const struct gw_xds_place *place, const OpenTelemetryConfig *m,
                            struct gw_tracing *out) {
  out->service_name = gw_xds_decode_str(d, m->service_name);
  if (m->n_resource_detectors == 0) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(GW_XDS_ITEM(place, "resource_detectors", 0), "typed_config");
  if (m->n_resource_detectors > 1) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "resource_detectors"), "are %zu; at most one is supported", m->n_resource_detectors);
    return;
  }
  const StaticResource *resource = gw_xds_decode_any(
      d, at, m->resource_detectors[0]->typed_config,
      &envoy__extensions__tracers__opentelemetry__resource_detectors__v3__static_config_resource_detector_config__descriptor);
  if (resource == NULL) return;
  struct gw_trace_pair *pairs = new_pairs(d, GW_XDS_FIELD(at, "attributes"), resource->n_attributes);
  for (size_t i = 0; i < resource->n_attributes; i++) {
    pairs[i].key = gw_xds_decode_name(d, GW_XDS_FIELD(at, "attributes"), resource->attributes[i]->key);
    pairs[i].value = gw_xds_decode_str(d, resource->attributes[i]->value);
  }
  out->attributes = pairs;
  out->attribute_count = (uint32_t)resource->n_attributes;
}

/* ---- which ---- */

static uint32_t decode_percent(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Type__V3__Percent *m) {
  if (m == NULL) return GW_TRACING_ALL;
  if (!(m->value >= 0 && m->value <= 100)) {
    gw_xds_refuse(d, place, "is %g; allowed is 0 to 100", m->value);
    return 0;
  }
  return (uint32_t)(m->value * ((double)GW_TRACING_ALL / 100) + 0.5);
}

static uint32_t decode_ratio(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RatioBased *m) {
  const Envoy__Type__V3__FractionalPercent *share = m->sampling_percentage;
  if (share == NULL) return 0;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "sampling_percentage");
  uint32_t denominator = gw_xds_decode_denominator(d, at, share);
  if (share->numerator > denominator && denominator != 0) gw_xds_refuse(d, at, "is more than all");
  if (share->numerator > denominator) return 0;
  return denominator != 0 ? share->numerator * (GW_TRACING_ALL / denominator) : 0;
}

static void decode_sampler(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Extension *m, bool may_wrap,
                           struct gw_tracing *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const char *type = gw_xds_any_message(m->typed_config);
  if (strcmp(type, SAMPLER_DESCRIPTOR(always_on).name) == 0) {
    gw_xds_decode_any(d, at, m->typed_config, &SAMPLER_DESCRIPTOR(always_on));
    out->sampled_millionths = GW_TRACING_ALL;
  } else if (strcmp(type, SAMPLER_DESCRIPTOR(trace_id_ratio_based).name) == 0) {
    const RatioBased *ratio = gw_xds_decode_any(d, at, m->typed_config, &SAMPLER_DESCRIPTOR(trace_id_ratio_based));
    if (ratio != NULL) out->sampled_millionths = decode_ratio(d, at, ratio);
  } else if (may_wrap && strcmp(type, SAMPLER_DESCRIPTOR(parent_based).name) == 0) {
    const ParentBased *parent = gw_xds_decode_any(d, at, m->typed_config, &SAMPLER_DESCRIPTOR(parent_based));
    out->heeds_parent = true;
    if (parent != NULL && parent->wrapped_sampler != NULL)
      decode_sampler(d, GW_XDS_FIELD(at, "wrapped_sampler"), parent->wrapped_sampler, false, out);
    else if (parent != NULL)
      gw_xds_refuse(d, GW_XDS_FIELD(at, "wrapped_sampler"), "is missing");
  } else {
    gw_xds_refuse(d, at, "type \"%s\" is not supported", type);
  }
}

/* ---- what ---- */

static void decode_tags(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HcmTracing *m, struct gw_tracing *out) {
  struct gw_trace_tag *tags = gw_arena_calloc(d->arena, m->n_custom_tags, sizeof *tags);
  if (m->n_custom_tags > PAIRS_MAX) gw_xds_refuse(d, GW_XDS_FIELD(place, "custom_tags"), "are more than %u", PAIRS_MAX);
  for (size_t i = 0; i < m->n_custom_tags; i++) {
    const Envoy__Type__Tracing__V3__CustomTag *tag = m->custom_tags[i];
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "custom_tags", i);
    tags[i].name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "tag"), tag->tag);
    if (tags[i].name.len > UINT8_MAX) gw_xds_refuse(d, GW_XDS_FIELD(at, "tag"), "is longer than 255 bytes");
    if (tag->type_case == ENVOY__TYPE__TRACING__V3__CUSTOM_TAG__TYPE_LITERAL) {
      tags[i].value = gw_xds_decode_str(d, tag->literal->value);
    } else if (tag->type_case == ENVOY__TYPE__TRACING__V3__CUSTOM_TAG__TYPE_REQUEST_HEADER) {
      const struct gw_xds_place *name = GW_XDS_FIELD(GW_XDS_FIELD(at, "request_header"), "name");
      tags[i].header = gw_xds_decode_header_name(d, name, tag->request_header->name, false);
      tags[i].value = gw_xds_decode_str(d, tag->request_header->default_value);
    } else {
      gw_xds_refuse(d, at, "needs literal or request_header");
    }
  }
  out->tags = tags;
  out->tag_count = (uint32_t)m->n_custom_tags;
}

static void add_own(struct gw_xds_decoder *d, const struct gw_xds_place *place, const OwnTracing *m, struct gw_tracing *out) {
  static const unsigned ways[] = {GW_PROPAGATE_W3C, GW_PROPAGATE_B3, GW_PROPAGATE_B3_MULTI};
  if (!(m->sampled_per_second >= 0 && m->sampled_per_second <= 1e6))
    gw_xds_refuse(d, GW_XDS_FIELD(place, "sampled_per_second"), "is %g; allowed is 0 to a million", m->sampled_per_second);
  out->sampled_per_s = m->sampled_per_second;
  out->samples_errors = m->samples_errors;
  out->headers_secret = gw_xds_decode_str(d, m->headers_secret);
  out->tells_client = m->tells_client;
  out->propagation = 0;
  for (size_t i = 0; i < m->n_propagation; i++) {
    if ((unsigned)m->propagation[i] < GW_ARRAY_LEN(ways))
      out->propagation |= ways[m->propagation[i]];
    else
      gw_xds_refuse_enum(d, GW_XDS_ITEM(place, "propagation", i), &gateway__filters__http__v1__tracing__propagation__descriptor,
                         (int)m->propagation[i]);
  }
}

const OwnTracing *gw_xds_find_own_tracing(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any) {
  static const OwnTracing nothing;
  if (strcmp(gw_xds_any_message(any), gateway__filters__http__v1__tracing__descriptor.name) != 0) return NULL;
  const OwnTracing *own = gw_xds_decode_any(d, place, any, &gateway__filters__http__v1__tracing__descriptor);
  return own != NULL ? own : &nothing;
}

static void decode_provider(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Trace__V3__Tracing__Http *m,
                            struct gw_tracing *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  bool has_config = m->config_type_case == ENVOY__CONFIG__TRACE__V3__TRACING__HTTP__CONFIG_TYPE_TYPED_CONFIG;
  const OpenTelemetryConfig *config =
      gw_xds_decode_any(d, at, has_config ? m->typed_config : NULL, &envoy__config__trace__v3__open_telemetry_config__descriptor);
  if (config == NULL) return;
  if ((config->grpc_service == NULL) == (config->http_service == NULL))
    gw_xds_refuse(d, at, "needs grpc_service or http_service");
  else if (config->grpc_service != NULL)
    decode_grpc(d, GW_XDS_FIELD(at, "grpc_service"), config->grpc_service, out);
  else
    decode_http(d, GW_XDS_FIELD(at, "http_service"), config->http_service, out);
  if (out->timeout_ms == 0) out->timeout_ms = GW_TRACING_TIMEOUT_MS;
  decode_resource(d, at, config, out);
  if (config->sampler == NULL) return;
  out->heeds_parent = false;
  decode_sampler(d, GW_XDS_FIELD(at, "sampler"), config->sampler, true, out);
}

const struct gw_tracing *gw_xds_decode_tracing(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HcmTracing *m,
                                               const struct gw_xds_place *own_place, const OwnTracing *own) {
  if (m == NULL) {
    if (own != NULL) gw_xds_refuse(d, own_place, "needs tracing of the connection manager");
    return NULL;
  }
  struct gw_tracing *out = gw_arena_calloc(d->arena, 1, sizeof *out);
  uint64_t random = decode_percent(d, GW_XDS_FIELD(place, "random_sampling"), m->random_sampling);
  uint64_t overall = decode_percent(d, GW_XDS_FIELD(place, "overall_sampling"), m->overall_sampling);
  decode_percent(d, GW_XDS_FIELD(place, "client_sampling"), m->client_sampling);
  out->heeds_parent = true;
  out->sampled_millionths = (uint32_t)(random * overall / GW_TRACING_ALL);
  out->propagation = GW_PROPAGATE_W3C;
  out->has_attempt_spans = gw_xds_decode_bool(m->spawn_upstream_span, false);
  out->max_path_len =
      gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_path_tag_length"), m->max_path_tag_length, GW_TRACING_PATH_LEN, 1, PATH_LEN_MAX);
  decode_tags(d, place, m, out);
  if (m->provider == NULL)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "provider"), "is missing");
  else
    decode_provider(d, GW_XDS_FIELD(place, "provider"), m->provider, out);
  if (own != NULL) add_own(d, own_place, own, out);
  return out;
}
