/* Tracing on the wire: Envoy's fields, and ours beside them. */
#include "common/model/tracing.h"

#include "common/model/snapshot.h"
#include "envoy/config/listener/v3/listener.pb-c.h"
#include "envoy/config/trace/v3/opentelemetry.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Listener__V3__Listener Listener;
typedef Envoy__Config__Trace__V3__OpenTelemetryConfig OpenTelemetryConfig;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor

#define S(text)                                                                                                                            \
  { text, sizeof(text) - 1 }

static const struct gw_trace_pair attributes[] = {{S("deployment.environment.name"), S("prod")}, {S("zone"), S("b")}};
static const struct gw_trace_pair headers[] = {{S("x-tenant"), S("edge")}};
static const struct gw_trace_tag tags[] = {{S("tenant"), S("x-tenant"), S("none")}, {S("site"), {NULL, 0}, S("berlin")}};
static const struct gw_tracing by_grpc = {.cluster = S("otlp"),
                                          .authority = S("collector:4317"),
                                          .timeout_ms = 2500,
                                          .headers_secret = S("otlp/headers"),
                                          .headers = headers,
                                          .header_count = 1,
                                          .service_name = S("shop"),
                                          .attributes = attributes,
                                          .attribute_count = 2,
                                          .heeds_parent = true,
                                          .sampled_millionths = 10000,
                                          .samples_errors = true,
                                          .has_attempt_spans = true,
                                          .max_path_len = 300,
                                          .tags = tags,
                                          .tag_count = 2,
                                          .propagation = GW_PROPAGATE_W3C | GW_PROPAGATE_B3_MULTI,
                                          .tells_client = true};
static const struct gw_tracing by_http = {.is_http = true,
                                          .cluster = S("otlp"),
                                          .authority = S("collector:4318"),
                                          .path = S("/v1/traces"),
                                          .timeout_ms = 10000,
                                          .service_name = S("shop"),
                                          .sampled_millionths = GW_TRACING_ALL,
                                          .max_path_len = 256,
                                          .propagation = GW_PROPAGATE_B3};

static void assert_pairs(const struct gw_trace_pair *got, const struct gw_trace_pair *want, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    assert_true(gw_str_equal(got[i].key, want[i].key) && gw_str_equal(got[i].value, want[i].value));
}

static void assert_same(const struct gw_tracing *got, const struct gw_tracing *want) {
  assert_non_null(got);
  assert_int_equal(got->is_http, want->is_http);
  assert_true(gw_str_equal(got->cluster, want->cluster) && gw_str_equal(got->target, want->target));
  assert_true(gw_str_equal(got->authority, want->authority) && gw_str_equal(got->path, want->path));
  assert_int_equal(got->timeout_ms, want->timeout_ms);
  assert_true(gw_str_equal(got->headers_secret, want->headers_secret) && gw_str_equal(got->service_name, want->service_name));
  assert_int_equal(got->header_count, want->header_count);
  assert_pairs(got->headers, want->headers, want->header_count);
  assert_int_equal(got->attribute_count, want->attribute_count);
  assert_pairs(got->attributes, want->attributes, want->attribute_count);
  assert_int_equal(got->heeds_parent, want->heeds_parent);
  assert_int_equal(got->sampled_millionths, want->sampled_millionths);
  assert_true(got->sampled_per_s == want->sampled_per_s);
  assert_int_equal(got->samples_errors, want->samples_errors);
  assert_int_equal(got->has_attempt_spans, want->has_attempt_spans);
  assert_int_equal(got->max_path_len, want->max_path_len);
  assert_int_equal(got->propagation, want->propagation);
  assert_int_equal(got->tells_client, want->tells_client);
  assert_int_equal(got->tag_count, want->tag_count);
  for (uint32_t i = 0; i < want->tag_count; i++) {
    assert_true(gw_str_equal(got->tags[i].name, want->tags[i].name) && gw_str_equal(got->tags[i].header, want->tags[i].header));
    assert_true(gw_str_equal(got->tags[i].value, want->tags[i].value));
  }
}

static struct gw_listener listener_with(const struct gw_tracing *tracing) {
  struct gw_listener listener = sample_listener;
  listener.http.tracing = tracing;
  return listener;
}

/* What comes back of it over the wire; the caller unrefs. */
static struct gw_resource *over_the_wire(const struct gw_tracing *tracing) {
  struct gw_listener listener = listener_with(tracing);
  struct gw_resource *sent = gw_xds_encode_listener(&listener), *received = NULL;
  struct gw_arena scratch;
  struct gw_errors errors;
  gw_arena_init(&scratch, 4096);
  gw_errors_init(&errors);
  if (gw_xds_decode_resource(GW_RESOURCE_LISTENER, sent->any, &errors, &scratch, NULL, &received) != GW_OK)
    fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
  gw_arena_done(&scratch);
  gw_resource_unref(sent);
  return received;
}

static void test_everything_comes_back(void **state) {
  (void)state;
  struct gw_tracing rate = by_http;
  rate.sampled_per_s = 2.5;
  rate.sampled_millionths = 0;
  const struct gw_tracing *const all[] = {&by_grpc, &by_http, &rate};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++) {
    struct gw_resource *received = over_the_wire(all[i]);
    assert_same(received->listener->http.tracing, all[i]);
    gw_resource_unref(received);
  }
}

static void test_secret_of_headers_is_named_by_the_listener(void **state) {
  (void)state;
  struct gw_resource *received = over_the_wire(&by_grpc);
  enum gw_resource_type type;
  struct gw_str name;
  uint32_t found = 0;
  for (uint32_t cursor = 0; gw_resource_next_name(received, &cursor, &type, &name);)
    found += type == GW_RESOURCE_SECRET && gw_str_equal(name, GW_STR("otlp/headers"));
  assert_int_equal(found, 1);
  gw_resource_unref(received);
}

static void test_destinations_differ_by_where_and_who(void **state) {
  (void)state;
  struct gw_tracing other = by_grpc;
  other.sampled_millionths = 1;
  assert_int_equal(gw_tracing_destination(&by_grpc), gw_tracing_destination(&other));
  other.service_name = GW_STR("sho");
  assert_int_not_equal(gw_tracing_destination(&by_grpc), gw_tracing_destination(&other));
  other = by_grpc;
  other.attribute_count = 1;
  assert_int_not_equal(gw_tracing_destination(&by_grpc), gw_tracing_destination(&other));
}

/* ---- what others send ---- */

#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define TRACING (((Hcm *)m)->tracing)

static OpenTelemetryConfig *config_of(struct gw_arena *arena, const Hcm *http) {
  ProtobufCMessage *message = NULL;
  struct gw_str value = {(const char *)http->tracing->provider->typed_config->value.data, http->tracing->provider->typed_config->value.len};
  assert_int_equal(gw_wire_unpack(&envoy__config__trace__v3__open_telemetry_config__descriptor, value, arena, &message), GW_OK);
  return (OpenTelemetryConfig *)message;
}

static void set_config(struct gw_arena *arena, Hcm *http, const OpenTelemetryConfig *config) {
  http->tracing->provider->typed_config = gw_xds_encode_any(arena, &config->base);
}

/* The listener with its connection manager changed, as bytes. */
static struct gw_bytes *changed(struct gw_arena *arena, const struct gw_tracing *tracing, change_fn change) {
  struct gw_listener listener = listener_with(tracing);
  listener.http.trusted_cidr_count = 0;
  Listener *m = (Listener *)gw_xds_encode_listener_message(arena, &listener);
  Google__Protobuf__Any *any = m->filter_chains[0]->filters[0]->typed_config;
  ProtobufCMessage *http = NULL;
  struct gw_str value = {(const char *)any->value.data, any->value.len};
  assert_int_equal(gw_wire_unpack(&HCM_DESCRIPTOR, value, arena, &http), GW_OK);
  change(arena, http);
  m->filter_chains[0]->filters[0]->typed_config = gw_xds_encode_any(arena, http);
  return gw_wire_pack(&gw_xds_encode_any(arena, &m->base)->base);
}

/* As a control plane that knows nothing of our filter writes it. */
CHANGE(make_foreign) {
  Hcm *http = m;
  OpenTelemetryConfig *config = config_of(arena, http);
  config->sampler = NULL;
  config->grpc_service->envoy_grpc = NULL;
  config->grpc_service->target_specifier_case = ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_GOOGLE_GRPC;
  config->grpc_service->google_grpc = gw_xds_encode_new(arena, &envoy__config__core__v3__grpc_service__google_grpc__descriptor);
  config->grpc_service->google_grpc->target_uri = gw_xds_encode_str(arena, GW_STR("127.0.0.1:4317"));
  config->grpc_service->timeout = NULL;
  set_config(arena, http, config);
  TRACING->spawn_upstream_span = NULL;
  TRACING->max_path_tag_length = NULL;
  TRACING->random_sampling = gw_xds_encode_new(arena, &envoy__type__v3__percent__descriptor);
  TRACING->random_sampling->value = 50;
  TRACING->overall_sampling = gw_xds_encode_new(arena, &envoy__type__v3__percent__descriptor);
  TRACING->overall_sampling->value = 0.5;
  http->http_filters++; /* without our own, which is first */
  http->n_http_filters--;
}

static void test_foreign_tracing_has_envoy_s_defaults(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_errors errors;
  struct gw_resource *received = NULL;
  gw_arena_init(&arena, 4096);
  gw_errors_init(&errors);
  struct gw_bytes *any = changed(&arena, &by_grpc, make_foreign);
  if (gw_xds_decode_resource(GW_RESOURCE_LISTENER, any, &errors, &arena, NULL, &received) != GW_OK)
    fail_msg("%s", gw_errors_format(&errors));
  const struct gw_tracing *tracing = received->listener->http.tracing;
  assert_true(gw_str_equal(tracing->target, GW_STR("127.0.0.1:4317")));
  assert_int_equal(tracing->cluster.len, 0);
  assert_true(tracing->heeds_parent && !tracing->samples_errors && !tracing->tells_client && !tracing->has_attempt_spans);
  assert_int_equal(tracing->sampled_millionths, 2500);
  assert_int_equal(tracing->timeout_ms, GW_TRACING_TIMEOUT_MS);
  assert_int_equal(tracing->max_path_len, GW_TRACING_PATH_LEN);
  assert_int_equal(tracing->propagation, GW_PROPAGATE_W3C);
  gw_resource_unref(received);
  gw_bytes_unref(any);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

CHANGE(no_provider) {
  (void)arena;
  TRACING->provider = NULL;
}
CHANGE(zipkin) {
  TRACING->provider->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("type.googleapis.com/envoy.config.trace.v3.ZipkinConfig"));
}
CHANGE(verbose) {
  add_unknown(arena, &TRACING->base, 6);
}
CHANGE(percent_101) {
  TRACING->random_sampling = gw_xds_encode_new(arena, &envoy__type__v3__percent__descriptor);
  TRACING->random_sampling->value = 101;
}
CHANGE(environment_tag) {
  (void)arena;
  TRACING->custom_tags[0]->type_case = 0;
}
CHANGE(two_services) {
  OpenTelemetryConfig *config = config_of(arena, m);
  config->http_service = gw_xds_encode_new(arena, &envoy__config__core__v3__http_service__descriptor);
  set_config(arena, m, config);
}
CHANGE(odd_sampler) {
  OpenTelemetryConfig *config = config_of(arena, m);
  config->sampler->typed_config->type_url =
      gw_xds_encode_str(arena, GW_STR("type.googleapis.com/envoy.extensions.tracers.opentelemetry.samplers.v3.CELSamplerConfig"));
  set_config(arena, m, config);
}
/* A sampler by share alone. */
static void set_share(struct gw_arena *arena, Hcm *m, uint32_t numerator, int denominator) {
  OpenTelemetryConfig *config = config_of(arena, m);
  Envoy__Extensions__Tracers__Opentelemetry__Samplers__V3__TraceIdRatioBasedSamplerConfig *ratio =
      gw_xds_encode_new(arena, &envoy__extensions__tracers__opentelemetry__samplers__v3__trace_id_ratio_based_sampler_config__descriptor);
  ratio->sampling_percentage = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
  ratio->sampling_percentage->numerator = numerator;
  ratio->sampling_percentage->denominator = (Envoy__Type__V3__FractionalPercent__DenominatorType)denominator;
  config->sampler->typed_config = gw_xds_encode_any(arena, &ratio->base);
  set_config(arena, m, config);
}
CHANGE(share_of_what) {
  set_share(arena, m, 1, 7);
}
CHANGE(share_of_more_than_all) {
  set_share(arena, m, 10001, 1);
}
CHANGE(operator_in_header) {
  OpenTelemetryConfig *config = config_of(arena, m);
  config->grpc_service->initial_metadata[0]->value = gw_xds_encode_str(arena, GW_STR("%HOSTNAME%"));
  set_config(arena, m, config);
}
CHANGE(no_tracing) {
  (void)arena;
  TRACING = NULL;
}

#define AT "filter_chains[0].filters[0].typed_config."
#define CONFIG AT "tracing.provider.typed_config."

static void test_what_can_t_be_done_is_refused_by_name(void **state) {
  (void)state;
  static const struct refusal refusals[] = {
      {no_provider, AT "tracing.provider: is missing"},
      {zipkin, "envoy.config.trace.v3.ZipkinConfig"},
      {verbose, AT "tracing.verbose"},
      {percent_101, AT "tracing.random_sampling: is 101; allowed is 0 to 100"},
      {environment_tag, AT "tracing.custom_tags[0]: needs literal or request_header"},
      {two_services, AT "tracing.provider.typed_config: needs grpc_service or http_service"},
      {odd_sampler, CONFIG "sampler.typed_config: type"},
      {share_of_what, CONFIG "sampler.typed_config.sampling_percentage.denominator: value 7 is not known"},
      {share_of_more_than_all, CONFIG "sampler.typed_config.sampling_percentage: is more than all"},
      {operator_in_header, CONFIG "grpc_service.initial_metadata[0].value: holds a percent sign or a line end"},
      {no_tracing, AT "http_filters: needs tracing of the connection manager"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    struct gw_errors errors;
    struct gw_resource *received = NULL;
    gw_arena_init(&arena, 4096);
    gw_errors_init(&errors);
    struct gw_bytes *any = changed(&arena, &by_grpc, refusals[i].change);
    gw_xds_decode_resource(GW_RESOURCE_LISTENER, any, &errors, &arena, NULL, &received);
    char *text = errors.error_count > 0 ? gw_errors_format(&errors) : NULL;
    assert_mistake(text, refusals[i].mistake);
    free(text);
    gw_bytes_unref(any);
    gw_errors_done(&errors);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_comes_back),
      cmocka_unit_test(test_secret_of_headers_is_named_by_the_listener),
      cmocka_unit_test(test_destinations_differ_by_where_and_who),
      cmocka_unit_test(test_foreign_tracing_has_envoy_s_defaults),
      cmocka_unit_test(test_what_can_t_be_done_is_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
