#include "common/xds/decode.h"

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "envoy/extensions/http/original_ip_detection/xff/v3/xff.pb-c.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Listener__V3__Listener Listener;
typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Extensions__TransportSockets__Tls__V3__DownstreamTlsContext DownstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext UpstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__Secret Secret;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
#define TLS_DESCRIPTOR(name) envoy__extensions__transport_sockets__tls__v3__##name##__descriptor
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena
#define COMMON ((DownstreamTls *)m)->common_tls_context
#define COMBINED COMMON->combined_validation_context
#define SAN(index) COMBINED->default_validation_context->match_typed_subject_alt_names[index]
#define AT "filter_chains[0].transport_socket.typed_config"

static ProtobufCMessage *unpack(struct gw_arena *arena, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *descriptor) {
  ProtobufCMessage *message = NULL;
  struct gw_str value = {(const char *)any->value.data, any->value.len};
  assert_int_equal(gw_wire_unpack(descriptor, value, arena, &message), GW_OK);
  return message;
}

CHANGE(no_common) {
  UNUSED;
  COMMON = NULL;
}
CHANGE(tls_1_1) {
  UNUSED;
  COMMON->tls_params->tls_minimum_protocol_version = 2;
}
CHANGE(min_above_max) {
  UNUSED;
  COMMON->tls_params->tls_maximum_protocol_version = 3;
}
CHANGE(cipher_group) {
  COMMON->tls_params->cipher_suites[0] = gw_xds_encode_str(arena, GW_STR("[A|B]"));
}
CHANGE(cipher_injection) {
  COMMON->tls_params->cipher_suites[0] = gw_xds_encode_str(arena, GW_STR("A:@SECLEVEL=0"));
}
CHANGE(signature_algorithms) {
  add_unknown(arena, &COMMON->tls_params->base, 5);
}
CHANGE(no_certificate) {
  UNUSED;
  COMMON->n_tls_certificate_sds_secret_configs = 0;
}
CHANGE(inline_certificates) {
  add_unknown(arena, &COMMON->base, 2);
}
CHANGE(inline_validation) {
  add_unknown(arena, &COMMON->base, 3);
}
CHANGE(unnamed_secret) {
  COMMON->tls_certificate_sds_secret_configs[1]->name = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(secret_elsewhere) {
  UNUSED;
  COMMON->tls_certificate_sds_secret_configs[0]->sds_config->config_source_specifier_case = 0;
}
CHANGE(no_validation_secret) {
  UNUSED;
  COMBINED->validation_context_sds_secret_config = NULL;
}
CHANGE(inline_ca) {
  COMBINED->default_validation_context->trusted_ca = gw_xds_encode_data_source(arena, GW_STR("ROOT"));
}
CHANGE(crl) {
  add_unknown(arena, &COMBINED->default_validation_context->base, 7);
}
CHANGE(email) {
  UNUSED;
  SAN(0)->san_type = 1;
}
CHANGE(no_matcher) {
  UNUSED;
  SAN(0)->matcher = NULL;
}
CHANGE(any_case) {
  UNUSED;
  SAN(0)->matcher->ignore_case = true;
}
CHANGE(contains) {
  UNUSED;
  SAN(0)->matcher->match_pattern_case = 7;
  SAN(0)->matcher->contains = (char *)"x";
}
CHANGE(empty_alpn) {
  COMMON->alpn_protocols[1] = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(certificate_without_validation) {
  UNUSED;
  COMMON->validation_context_type_case = 0;
}
CHANGE(require_sni) {
  add_unknown(arena, m, 3);
}

static const struct refusal downstream_refusals[] = {
    {no_common, AT ".common_tls_context: is missing"},
    {tls_1_1, AT ".common_tls_context.tls_params.tls_minimum_protocol_version: TLSv1_1 is not supported"},
    {min_above_max, AT ".common_tls_context.tls_params.tls_minimum_protocol_version: is higher than the maximum"},
    {cipher_group, AT ".common_tls_context.tls_params.cipher_suites[0]: \"[A|B]\" is not the name of an algorithm"},
    {cipher_injection, AT ".common_tls_context.tls_params.cipher_suites[0]: \"A:@SECLEVEL=0\" is not the name"},
    {signature_algorithms, AT ".common_tls_context.tls_params.signature_algorithms: not supported"},
    {no_certificate, AT ".common_tls_context.tls_certificate_sds_secret_configs: is empty"},
    {inline_certificates, AT ".common_tls_context.tls_certificates: not supported"},
    {inline_validation, AT ".common_tls_context.validation_context: not supported"},
    {unnamed_secret, AT ".common_tls_context.tls_certificate_sds_secret_configs[1].name: is empty"},
    {secret_elsewhere, AT ".common_tls_context.tls_certificate_sds_secret_configs[0].sds_config: must be ads"},
    {no_validation_secret, AT ".common_tls_context.combined_validation_context.validation_context_sds_secret_config: is missing"},
    {inline_ca, AT ".common_tls_context.combined_validation_context.default_validation_context.trusted_ca: is supported in a secret only"},
    {crl, AT ".common_tls_context.combined_validation_context.default_validation_context.crl: not supported"},
    {email, "match_typed_subject_alt_names[0].san_type: EMAIL is not supported"},
    {no_matcher, "match_typed_subject_alt_names[0].matcher: is missing"},
    {any_case, "match_typed_subject_alt_names[0].matcher.ignore_case: not supported for names in certificates"},
    {contains, "match_typed_subject_alt_names[0].matcher: needs exact, prefix or suffix"},
    {empty_alpn, AT ".common_tls_context.alpn_protocols[1]: is empty"},
    {certificate_without_validation, AT ".require_client_certificate: needs a validation context"},
    {require_sni, AT ".require_sni: not supported"},
};

static void test_every_bad_downstream_tls_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(downstream_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Listener *listener = (Listener *)gw_xds_encode_listener_message(&arena, &sample_listener);
    Envoy__Config__Core__V3__TransportSocket *socket = listener->filter_chains[0]->transport_socket;
    ProtobufCMessage *tls = unpack(&arena, socket->typed_config, &TLS_DESCRIPTOR(downstream_tls_context));
    downstream_refusals[i].change(&arena, tls);
    socket->typed_config = gw_xds_encode_any(&arena, tls);
    char *text = decode_packed(&arena, GW_RESOURCE_LISTENER, &listener->base);
    assert_mistake(text, downstream_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

CHANGE(address_as_sni) {
  ((UpstreamTls *)m)->sni = gw_xds_encode_str(arena, GW_STR("10.0.0.7"));
}
CHANGE(two_certificates) {
  struct gw_upstream_tls tls = sample_upstream_tls;
  tls.params.certificate_count = 2;
  Envoy__Config__Core__V3__TransportSocket *socket = gw_xds_encode_upstream_tls(arena, &tls);
  *(UpstreamTls *)m = *(UpstreamTls *)unpack(arena, socket->typed_config, &TLS_DESCRIPTOR(upstream_tls_context));
}
CHANGE(auto_host_sni) {
  add_unknown(arena, m, 6);
}

static const struct refusal upstream_refusals[] = {
    {address_as_sni, "transport_socket.typed_config.sni: \"10.0.0.7\" is an address; a host name is allowed"},
    {two_certificates, "tls_certificate_sds_secret_configs: are 2; at most 1 are allowed"},
    {auto_host_sni, "transport_socket.typed_config.auto_host_sni: not supported"},
};

static void test_every_bad_upstream_tls_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(upstream_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Cluster *cluster = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_tls_cluster);
    ProtobufCMessage *tls = unpack(&arena, cluster->transport_socket->typed_config, &TLS_DESCRIPTOR(upstream_tls_context));
    upstream_refusals[i].change(&arena, tls);
    cluster->transport_socket->typed_config = gw_xds_encode_any(&arena, tls);
    char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, &cluster->base);
    assert_mistake(text, upstream_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

CHANGE(downstream_in_cluster) {
  ((Cluster *)m)->transport_socket = gw_xds_encode_downstream_tls(arena, &sample_downstream_tls);
}
CHANGE(socket_without_config) {
  UNUSED;
  ((Cluster *)m)->transport_socket->config_type_case = 0;
}

static const struct refusal socket_refusals[] = {
    {downstream_in_cluster,
     "transport_socket.typed_config: type \"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Downstream"},
    {socket_without_config, "transport_socket.typed_config: is missing"},
};

#define SECRET ((Secret *)m)
CHANGE(unnamed) {
  UNUSED;
  SECRET->name = (char *)"";
}
CHANGE(no_type) {
  UNUSED;
  SECRET->type_case = 0;
}
CHANGE(generic) {
  SECRET->type_case = ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_GENERIC_SECRET;
  SECRET->generic_secret = gw_xds_encode_new(arena, &envoy__extensions__transport_sockets__tls__v3__generic_secret__descriptor);
}
CHANGE(no_key) {
  UNUSED;
  SECRET->tls_certificate->private_key = NULL;
}
CHANGE(empty_key) {
  SECRET->tls_certificate->private_key = gw_xds_encode_data_source(arena, GW_STR(""));
}
CHANGE(key_of_a_file) {
  add_unknown(arena, &SECRET->tls_certificate->private_key->base, 1);
}
CHANGE(password) {
  add_unknown(arena, &SECRET->tls_certificate->base, 3);
}
CHANGE(no_ca) {
  UNUSED;
  SECRET->validation_context->trusted_ca = NULL;
}
CHANGE(no_keys) {
  UNUSED;
  SECRET->session_ticket_keys->n_keys = 0;
}
CHANGE(short_key) {
  UNUSED;
  SECRET->session_ticket_keys->keys[1]->inline_bytes.len = 48;
}

static const struct {
  size_t sample;
  struct refusal refusal;
} secret_refusals[] = {
    {0, {unnamed, "name: is empty"}},
    {0, {no_type, "needs tls_certificate, validation_context, session_ticket_keys or generic_secret"}},
    {0, {generic, "generic_secret.secret: needs inline_string or inline_bytes"}},
    {0, {no_key, "tls_certificate.private_key: needs inline_string or inline_bytes"}},
    {0, {empty_key, "tls_certificate.private_key: is empty"}},
    {0, {key_of_a_file, "tls_certificate.private_key.filename: not supported"}},
    {0, {password, "tls_certificate.password: not supported"}},
    {1, {no_ca, "validation_context.trusted_ca: needs inline_string or inline_bytes"}},
    {2, {no_keys, "session_ticket_keys.keys: are 0; allowed is 1 to 16"}},
    {2, {short_key, "session_ticket_keys.keys[1]: has 48 bytes; 80 are wanted"}},
};

static void test_every_bad_socket_and_secret_is_refused_at_its_place_without_telling_the_key(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(socket_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    ProtobufCMessage *cluster = gw_xds_encode_cluster_message(&arena, &sample_tls_cluster);
    socket_refusals[i].change(&arena, cluster);
    char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, cluster);
    assert_mistake(text, socket_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(secret_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    ProtobufCMessage *secret = gw_xds_encode_secret_message(&arena, &sample_secrets[secret_refusals[i].sample]);
    secret_refusals[i].refusal.change(&arena, secret);
    char *text = decode_packed(&arena, GW_RESOURCE_SECRET, secret);
    assert_mistake(text, secret_refusals[i].refusal.mistake);
    assert_null(strstr(text, "KEY-MATERIAL"));
    free(text);
    gw_arena_done(&arena);
  }
}

/* ---- who is believed about x-forwarded-for ---- */

#define HTTP ((Hcm *)m)
typedef Envoy__Extensions__Http__OriginalIpDetection__Xff__V3__XffConfig XffConfig;

static void add_detection(struct gw_arena *arena, Hcm *http, uint32_t prefix_len, bool skips_append) {
  Envoy__Config__Core__V3__CidrRange *range = gw_xds_encode_new(arena, &envoy__config__core__v3__cidr_range__descriptor);
  range->address_prefix = gw_xds_encode_str(arena, GW_STR("192.168.0.0"));
  range->prefix_len = gw_xds_encode_u32(arena, prefix_len);
  XffConfig *config = gw_xds_encode_new(arena, &envoy__extensions__http__original_ip_detection__xff__v3__xff_config__descriptor);
  config->xff_trusted_cidrs =
      gw_xds_encode_new(arena, &envoy__extensions__http__original_ip_detection__xff__v3__xff_trusted_cidrs__descriptor);
  config->xff_trusted_cidrs->n_cidrs = 1;
  config->xff_trusted_cidrs->cidrs = gw_xds_encode_array(arena, 1);
  config->xff_trusted_cidrs->cidrs[0] = range;
  config->skip_xff_append = gw_xds_encode_bool(arena, skips_append);
  http->n_original_ip_detection_extensions = 1;
  http->original_ip_detection_extensions = gw_xds_encode_array(arena, 2);
  http->original_ip_detection_extensions[0] = gw_xds_encode_new(arena, &envoy__config__core__v3__typed_extension_config__descriptor);
  http->original_ip_detection_extensions[0]->typed_config = gw_xds_encode_any(arena, &config->base);
  http->use_remote_address = gw_xds_encode_bool(arena, false);
  memmove(http->http_filters, http->http_filters + 1, --http->n_http_filters * sizeof(void *)); /* the trusted proxies */
}

CHANGE(good_detection) {
  add_detection(arena, HTTP, 16, false);
}
CHANGE(detection_without_append) {
  add_detection(arena, HTTP, 16, true);
}
CHANGE(detection_with_odd_range) {
  add_detection(arena, HTTP, 33, false);
}
CHANGE(detection_and_remote_address) {
  add_detection(arena, HTTP, 16, false);
  HTTP->use_remote_address = gw_xds_encode_bool(arena, true);
}
CHANGE(detection_and_hops) {
  add_detection(arena, HTTP, 16, false);
  HTTP->xff_num_trusted_hops = 1;
}
CHANGE(proxies_without_remote_address) {
  HTTP->use_remote_address = gw_xds_encode_bool(arena, false);
}

static char *decode_changed(struct gw_arena *arena, change_fn change, const struct gw_listener **ret_listener) {
  Listener *listener = (Listener *)gw_xds_encode_listener_message(arena, &sample_listener);
  Envoy__Config__Listener__V3__Filter *filter = listener->filter_chains[0]->filters[0];
  ProtobufCMessage *http = unpack(arena, filter->typed_config, &HCM_DESCRIPTOR);
  change(arena, http);
  filter->typed_config = gw_xds_encode_any(arena, http);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = arena, .scratch = arena, .errors = &errors};
  *ret_listener = gw_xds_decode_listener(&decoder, listener);
  char *text = errors.error_count > 0 ? gw_errors_format(&errors) : NULL;
  gw_errors_done(&errors);
  return text;
}

static void test_trusted_proxies_come_by_filter_or_by_extension(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_listener *listener;
  assert_null(decode_changed(&arena, good_detection, &listener));
  assert_int_equal(listener->http.trusted_cidr_count, 1);
  assert_true(gw_str_equal(listener->http.trusted_cidrs[0], GW_STR("192.168.0.0/16")));
  assert_true(listener->http.use_remote_address);
  assert_int_equal(listener->http.filter_count, 3);
  gw_arena_done(&arena);
}

static void test_contradictions_about_trust_are_refused(void **state) {
  (void)state;
  static const struct refusal refusals[] = {
      {detection_without_append, ".original_ip_detection_extensions[0].typed_config.skip_xff_append: must be false"},
      {detection_with_odd_range, ".xff_trusted_cidrs.cidrs[0]: \"192.168.0.0/33\" is not like"},
      {detection_and_remote_address, ".original_ip_detection_extensions[0]: and use_remote_address exclude each other"},
      {detection_and_hops, ".xff_num_trusted_hops: and trusted proxies exclude each other"},
      {proxies_without_remote_address, ".use_remote_address: must be true with trusted proxies"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    const struct gw_listener *listener;
    char *text = decode_changed(&arena, refusals[i].change, &listener);
    assert_mistake(text, refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_bad_downstream_tls_is_refused_at_its_place),
      cmocka_unit_test(test_every_bad_upstream_tls_is_refused_at_its_place),
      cmocka_unit_test(test_every_bad_socket_and_secret_is_refused_at_its_place_without_telling_the_key),
      cmocka_unit_test(test_trusted_proxies_come_by_filter_or_by_extension),
      cmocka_unit_test(test_contradictions_about_trust_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
