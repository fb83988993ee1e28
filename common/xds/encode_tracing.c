#include "common/base/mem.h"
#include "common/xds/tracing_codec.h"

#define PROVIDER_NAME "envoy.tracers.opentelemetry"
#define SAMPLERS "envoy.tracers.opentelemetry.samplers."
#define DETECTOR_NAME "envoy.tracers.opentelemetry.resource_detectors.static_config"

typedef Envoy__Extensions__Tracers__Opentelemetry__ResourceDetectors__V3__StaticConfigResourceDetectorConfig__AttributesEntry Attribute;
#define RESOURCE_DESCRIPTOR(entry)                                                                                                         \
  envoy__extensions__tracers__opentelemetry__resource_detectors__v3__static_config_resource_detector_config##entry##__descriptor

static Extension *encode_extension(struct gw_arena *arena, struct gw_str name, const ProtobufCMessage *config) {
  Extension *m = gw_xds_encode_new(arena, &envoy__config__core__v3__typed_extension_config__descriptor);
  m->name = gw_xds_encode_str(arena, name);
  m->typed_config = gw_xds_encode_any(arena, config);
  return m;
}

/* ---- where to: by cluster, or nowhere ---- */

static Envoy__Config__Core__V3__HeaderValue *encode_header(struct gw_arena *arena, const struct gw_trace_pair *header) {
  Envoy__Config__Core__V3__HeaderValue *m = gw_xds_encode_new(arena, &envoy__config__core__v3__header_value__descriptor);
  m->key = gw_xds_encode_str(arena, header->key);
  m->value = gw_xds_encode_str(arena, header->value);
  return m;
}

static GrpcService *encode_grpc(struct gw_arena *arena, const struct gw_tracing *tracing) {
  GrpcService *m = gw_xds_encode_new(arena, &envoy__config__core__v3__grpc_service__descriptor);
  if (tracing->cluster.len > 0) {
    m->target_specifier_case = ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_ENVOY_GRPC;
    m->envoy_grpc = gw_xds_encode_new(arena, &envoy__config__core__v3__grpc_service__envoy_grpc__descriptor);
    m->envoy_grpc->cluster_name = gw_xds_encode_str(arena, tracing->cluster);
    m->envoy_grpc->authority = gw_xds_encode_str(arena, tracing->authority);
  } else {
    m->target_specifier_case = ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_GOOGLE_GRPC;
    m->google_grpc = gw_xds_encode_new(arena, &envoy__config__core__v3__grpc_service__google_grpc__descriptor);
    m->google_grpc->target_uri = gw_xds_encode_str(arena, tracing->target);
  }
  m->timeout = gw_xds_encode_duration(arena, tracing->timeout_ms);
  m->n_initial_metadata = tracing->header_count;
  m->initial_metadata = gw_xds_encode_array(arena, tracing->header_count);
  for (uint32_t i = 0; i < tracing->header_count; i++)
    m->initial_metadata[i] = encode_header(arena, &tracing->headers[i]);
  return m;
}

static HttpService *encode_http(struct gw_arena *arena, const struct gw_tracing *tracing) {
  HttpService *m = gw_xds_encode_new(arena, &envoy__config__core__v3__http_service__descriptor);
  m->http_uri = gw_xds_encode_new(arena, &envoy__config__core__v3__http_uri__descriptor);
  m->http_uri->uri = gw_arena_printf(arena, "http://%.*s%.*s", GW_STR_ARG(tracing->authority), GW_STR_ARG(tracing->path));
  m->http_uri->http_upstream_type_case = ENVOY__CONFIG__CORE__V3__HTTP_URI__HTTP_UPSTREAM_TYPE_CLUSTER;
  m->http_uri->cluster = gw_xds_encode_str(arena, tracing->cluster);
  m->http_uri->timeout = gw_xds_encode_duration(arena, tracing->timeout_ms);
  m->n_request_headers_to_add = tracing->header_count;
  m->request_headers_to_add = gw_xds_encode_array(arena, tracing->header_count);
  for (uint32_t i = 0; i < tracing->header_count; i++) {
    m->request_headers_to_add[i] = gw_xds_encode_new(arena, &envoy__config__core__v3__header_value_option__descriptor);
    m->request_headers_to_add[i]->header = encode_header(arena, &tracing->headers[i]);
  }
  return m;
}

/* ---- who ---- */

static void encode_resource(struct gw_arena *arena, const struct gw_tracing *tracing, OpenTelemetryConfig *m) {
  m->service_name = gw_xds_encode_str(arena, tracing->service_name);
  if (tracing->attribute_count == 0) return;
  StaticResource *resource = gw_xds_encode_new(arena, &RESOURCE_DESCRIPTOR());
  resource->n_attributes = tracing->attribute_count;
  resource->attributes = gw_xds_encode_array(arena, tracing->attribute_count);
  for (uint32_t i = 0; i < tracing->attribute_count; i++) {
    Attribute *attribute = gw_xds_encode_new(arena, &RESOURCE_DESCRIPTOR(__attributes_entry));
    attribute->key = gw_xds_encode_str(arena, tracing->attributes[i].key);
    attribute->value = gw_xds_encode_str(arena, tracing->attributes[i].value);
    resource->attributes[i] = attribute;
  }
  m->n_resource_detectors = 1;
  m->resource_detectors = gw_xds_encode_array(arena, 1);
  m->resource_detectors[0] = encode_extension(arena, GW_STR(DETECTOR_NAME), &resource->base);
}

/* ---- which ---- */

/* A rate is nothing that Envoy knows: it then begins no traces itself. */
static Extension *encode_sampler(struct gw_arena *arena, const struct gw_tracing *tracing) {
  Extension *sampler;
  if (tracing->sampled_millionths == GW_TRACING_ALL && tracing->sampled_per_s <= 0) {
    sampler = encode_extension(arena, GW_STR(SAMPLERS "always_on"), gw_xds_encode_new(arena, &SAMPLER_DESCRIPTOR(always_on)));
  } else {
    RatioBased *ratio = gw_xds_encode_new(arena, &SAMPLER_DESCRIPTOR(trace_id_ratio_based));
    ratio->sampling_percentage = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
    ratio->sampling_percentage->numerator = tracing->sampled_per_s > 0 ? 0 : tracing->sampled_millionths;
    ratio->sampling_percentage->denominator = ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
    sampler = encode_extension(arena, GW_STR(SAMPLERS "trace_id_ratio_based"), &ratio->base);
  }
  if (!tracing->heeds_parent) return sampler;
  ParentBased *parent = gw_xds_encode_new(arena, &SAMPLER_DESCRIPTOR(parent_based));
  parent->wrapped_sampler = sampler;
  return encode_extension(arena, GW_STR(SAMPLERS "parent_based"), &parent->base);
}

/* ---- what ---- */

static void encode_tags(struct gw_arena *arena, const struct gw_tracing *tracing, HcmTracing *m) {
  m->n_custom_tags = tracing->tag_count;
  m->custom_tags = gw_xds_encode_array(arena, tracing->tag_count);
  for (uint32_t i = 0; i < tracing->tag_count; i++) {
    const struct gw_trace_tag *tag = &tracing->tags[i];
    Envoy__Type__Tracing__V3__CustomTag *out = gw_xds_encode_new(arena, &envoy__type__tracing__v3__custom_tag__descriptor);
    out->tag = gw_xds_encode_str(arena, tag->name);
    if (tag->header.len > 0) {
      out->type_case = ENVOY__TYPE__TRACING__V3__CUSTOM_TAG__TYPE_REQUEST_HEADER;
      out->request_header = gw_xds_encode_new(arena, &envoy__type__tracing__v3__custom_tag__header__descriptor);
      out->request_header->name = gw_xds_encode_str(arena, tag->header);
      out->request_header->default_value = gw_xds_encode_str(arena, tag->value);
    } else {
      out->type_case = ENVOY__TYPE__TRACING__V3__CUSTOM_TAG__TYPE_LITERAL;
      out->literal = gw_xds_encode_new(arena, &envoy__type__tracing__v3__custom_tag__literal__descriptor);
      out->literal->value = gw_xds_encode_str(arena, tag->value);
    }
    m->custom_tags[i] = out;
  }
}

const ProtobufCMessage *gw_xds_encode_own_tracing(struct gw_arena *arena, const struct gw_tracing *tracing) {
  OwnTracing *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__tracing__descriptor);
  m->sampled_per_second = tracing->sampled_per_s;
  m->samples_errors = tracing->samples_errors;
  m->headers_secret = gw_xds_encode_str(arena, tracing->headers_secret);
  m->tells_client = tracing->tells_client;
  m->propagation = gw_arena_calloc(arena, 3, sizeof(*m->propagation));
  for (unsigned way = 0; way < 3; way++)
    if ((tracing->propagation & 1u << way) != 0) m->propagation[m->n_propagation++] = (Gateway__Filters__Http__V1__Tracing__Propagation)way;
  return &m->base;
}

HcmTracing *gw_xds_encode_tracing(struct gw_arena *arena, const struct gw_tracing *tracing) {
  OpenTelemetryConfig *config = gw_xds_encode_new(arena, &envoy__config__trace__v3__open_telemetry_config__descriptor);
  if (tracing->is_http)
    config->http_service = encode_http(arena, tracing);
  else
    config->grpc_service = encode_grpc(arena, tracing);
  encode_resource(arena, tracing, config);
  config->sampler = encode_sampler(arena, tracing);
  HcmTracing *m =
      gw_xds_encode_new(arena,
                        &envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__tracing__descriptor);
  m->provider = gw_xds_encode_new(arena, &envoy__config__trace__v3__tracing__http__descriptor);
  m->provider->name = gw_xds_encode_str(arena, GW_STR(PROVIDER_NAME));
  m->provider->config_type_case = ENVOY__CONFIG__TRACE__V3__TRACING__HTTP__CONFIG_TYPE_TYPED_CONFIG;
  m->provider->typed_config = gw_xds_encode_any(arena, &config->base);
  m->spawn_upstream_span = gw_xds_encode_bool(arena, tracing->has_attempt_spans);
  m->max_path_tag_length = gw_xds_encode_u32(arena, tracing->max_path_len);
  encode_tags(arena, tracing, m);
  return m;
}
