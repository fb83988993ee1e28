#include "common/xds/decode.h"

#include "envoy/config/core/v3/health_check.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Endpoint__V3__ClusterLoadAssignment Assignment;
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena
#define CLUSTER ((Cluster *)m)
#define ENDPOINT(locality, index) ((Assignment *)m)->endpoints[locality]->lb_endpoints[index]
#define SOCKET(locality, index) ENDPOINT(locality, index)->endpoint->address->socket_address
#define OPTIONS "typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]"

CHANGE(no_name) {
  UNUSED;
  CLUSTER->name = (char *)"";
}
CHANGE(logical_dns) {
  UNUSED;
  CLUSTER->type = 2;
}
CHANGE(unknown_type) {
  UNUSED;
  CLUSTER->type = 99;
}
CHANGE(no_eds_config) {
  UNUSED;
  CLUSTER->eds_cluster_config = NULL;
}
CHANGE(no_source) {
  UNUSED;
  CLUSTER->eds_cluster_config->eds_config = NULL;
}
CHANGE(other_source) {
  UNUSED;
  CLUSTER->eds_cluster_config->eds_config->config_source_specifier_case = 0;
}
CHANGE(version_2) {
  UNUSED;
  CLUSTER->eds_cluster_config->eds_config->resource_api_version = 1;
}
CHANGE(other_wait) {
  CLUSTER->eds_cluster_config->eds_config->initial_fetch_timeout = gw_xds_encode_duration(arena, 0);
}
CHANGE(eds_and_inline) {
  CLUSTER->load_assignment = gw_xds_encode_endpoints_message(arena, &sample_endpoints);
}
CHANGE(provided) {
  UNUSED;
  CLUSTER->lb_policy = 6;
}
CHANGE(unknown_policy) {
  UNUSED;
  CLUSTER->lb_policy = 4;
}
CHANGE(config_of_another) {
  UNUSED;
  CLUSTER->lb_policy = 2;
}
CHANGE(panic_101) {
  UNUSED;
  CLUSTER->common_lb_config->healthy_panic_threshold->value = 101;
}
CHANGE(panic_nan) {
  UNUSED;
  CLUSTER->common_lb_config->healthy_panic_threshold->value = 0.0 / 0.0;
}
CHANGE(zone_aware) {
  add_unknown(arena, &CLUSTER->common_lb_config->base, 2);
}
CHANGE(one_choice) {
  UNUSED;
  CLUSTER->least_request_lb_config->choice_count->value = 1;
}
CHANGE(negative_bias) {
  UNUSED;
  CLUSTER->least_request_lb_config->active_request_bias->default_value = -1;
}
CHANGE(no_aggression) {
  UNUSED;
  CLUSTER->least_request_lb_config->slow_start_config->aggression->default_value = 0;
}
CHANGE(negative_percent) {
  UNUSED;
  CLUSTER->least_request_lb_config->slow_start_config->min_weight_percent->value = -1;
}
CHANGE(no_connect_timeout) {
  CLUSTER->connect_timeout = gw_xds_encode_duration(arena, 0);
}
CHANGE(http2) {
  add_unknown(arena, m, 14);
}
CHANGE(other_options) {
  CLUSTER->typed_extension_protocol_options[0]->key = gw_xds_encode_str(arena, GW_STR("envoy.other"));
}
CHANGE(other_options_type) {
  CLUSTER->typed_extension_protocol_options[0]->value->type_url = gw_xds_encode_str(arena, GW_STR("t/u.V"));
}
CHANGE(no_options_value) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value = NULL;
}
CHANGE(no_options) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value.len = 0;
}
/* explicit_http_config { http3_protocol_options {} } */
CHANGE(http3_options) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value = (ProtobufCBinaryData){4, (uint8_t *)"\x1a\x02\x1a\x00"};
}
/* auto_config {} */
CHANGE(auto_without_tls) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value = (ProtobufCBinaryData){2, (uint8_t *)"\x2a\x00"};
}
/* common_http_protocol_options { max_requests_per_connection { value: 5 } }, explicit_http_config { http_protocol_options {} } */
CHANGE(requests_limit) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value =
      (ProtobufCBinaryData){10, (uint8_t *)"\x0a\x04\x32\x02\x08\x05\x1a\x02\x0a\x00"};
}
/* explicit_http_config { http2_protocol_options { initial_stream_window_size { value: 1 } } } */
CHANGE(small_window) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value = (ProtobufCBinaryData){8, (uint8_t *)"\x1a\x06\x12\x04\x1a\x02\x08\x01"};
}
CHANGE(idle_and_headers) {
  UNUSED;
  CLUSTER->typed_extension_protocol_options[0]->value->value =
      (ProtobufCBinaryData){10, (uint8_t *)"\x0a\x04\x12\x02\x08\x05\x1a\x02\x0a\x00"};
}

#define THRESHOLDS CLUSTER->circuit_breakers->thresholds[0]
CHANGE(high_priority) {
  UNUSED;
  THRESHOLDS->priority = ENVOY__CONFIG__CORE__V3__ROUTING_PRIORITY__HIGH;
}
CHANGE(budget_of_101) {
  UNUSED;
  THRESHOLDS->retry_budget->budget_percent->value = 100.5;
}
CHANGE(per_host_thresholds) {
  add_unknown(arena, &CLUSTER->circuit_breakers->base, 2);
}

static const struct refusal cluster_refusals[] = {
    {high_priority, "circuit_breakers.thresholds: only one, of DEFAULT priority, is supported"},
    {budget_of_101, "circuit_breakers.thresholds[0].retry_budget.budget_percent: must be 0 to 100"},
    {per_host_thresholds, "circuit_breakers.per_host_thresholds: not supported"},
    {no_name, "name: is empty"},
    {logical_dns, "type: LOGICAL_DNS is not supported"},
    {unknown_type, "type: value 99 is not known"},
    {no_eds_config, "eds_cluster_config: is missing"},
    {no_source, "eds_cluster_config.eds_config: must be ads"},
    {other_source, "eds_cluster_config.eds_config: must be ads"},
    {version_2, "eds_cluster_config.eds_config.resource_api_version: V2 is not supported"},
    {other_wait, "eds_cluster_config.eds_config.initial_fetch_timeout: only 15s"},
    {eds_and_inline, "load_assignment: must not be there with type EDS"},
    {provided, "lb_policy: CLUSTER_PROVIDED is not supported"},
    {unknown_policy, "lb_policy: value 4 is not known"},
    {config_of_another, "lb_config: is that of another policy than lb_policy says"},
    {panic_101, "common_lb_config.healthy_panic_threshold: is 101; allowed is 0 to 100"},
    {panic_nan, "common_lb_config.healthy_panic_threshold: is "},
    {zone_aware, "common_lb_config.zone_aware_lb_config: not supported"},
    {one_choice, "least_request_lb_config.choice_count: is 1; allowed is 2 to 4294967295"},
    {negative_bias, "least_request_lb_config.active_request_bias.default_value: is -1; allowed is 0 and more"},
    {no_aggression, "least_request_lb_config.slow_start_config.aggression.default_value: is 0; allowed is more than 0"},
    {negative_percent, "least_request_lb_config.slow_start_config.min_weight_percent: is -1; allowed is 0 to 100"},
    {no_connect_timeout, "connect_timeout: must be more than 0"},
    {http2, "http2_protocol_options: not supported"},
    {other_options, "typed_extension_protocol_options[\"envoy.other\"]: only envoy.extensions.upstreams"},
    {other_options_type, OPTIONS ": type \"t/u.V\" is not supported here"},
    {no_options_value, OPTIONS ": is missing"},
    {no_options, OPTIONS ": needs explicit_http_config"},
    {http3_options, OPTIONS ".explicit_http_config.http3_protocol_options: not supported"},
    {auto_without_tls, "transport_socket: is missing: auto_config needs TLS"},
    {requests_limit, OPTIONS ".common_http_protocol_options.max_requests_per_connection: not supported for upstreams"},
    {small_window, OPTIONS ".explicit_http_config.http2_protocol_options.initial_stream_window_size: is 1; allowed is 65535 to 2147483647"},
    {idle_and_headers, OPTIONS ".common_http_protocol_options.max_headers_count: not supported for upstreams"},
};

CHANGE(no_cluster_name) {
  UNUSED;
  ((Assignment *)m)->cluster_name = (char *)"";
}
CHANGE(policy) {
  add_unknown(arena, m, 4);
}
CHANGE(host_name) {
  SOCKET(0, 1)->address = gw_xds_encode_str(arena, GW_STR("host.example"));
}
CHANGE(port_0) {
  UNUSED;
  SOCKET(0, 1)->port_value = 0;
}
CHANGE(port_65536) {
  UNUSED;
  SOCKET(0, 1)->port_value = 65536;
}
CHANGE(no_port) {
  UNUSED;
  SOCKET(0, 1)->port_specifier_case = 0;
}
CHANGE(udp) {
  UNUSED;
  SOCKET(0, 1)->protocol = 1;
}
CHANGE(no_address) {
  UNUSED;
  ENDPOINT(0, 1)->endpoint->address = NULL;
}
CHANGE(named_endpoint) {
  UNUSED;
  ENDPOINT(0, 1)->host_identifier_case = 0;
}
CHANGE(weight_0) {
  UNUSED;
  ENDPOINT(1, 0)->load_balancing_weight->value = 0;
}
CHANGE(locality_weight_0) {
  UNUSED;
  ((Assignment *)m)->endpoints[1]->load_balancing_weight->value = 0;
}
CHANGE(degraded) {
  UNUSED;
  ENDPOINT(1, 0)->health_status = ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__DEGRADED;
}
CHANGE(priority_129) {
  UNUSED;
  ((Assignment *)m)->endpoints[1]->priority = 129;
}

static const struct refusal endpoints_refusals[] = {
    {no_cluster_name, "cluster_name: is empty"},
    {policy, "policy: not supported"},
    {host_name, "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.address: \"host.example\" is not an IP address"},
    {port_0, "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.port_value: must be a port, 1 to 65535"},
    {port_65536, "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.port_value: must be a port, 1 to 65535"},
    {no_port, "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.port_value: must be a port, 1 to 65535"},
    {udp, "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.protocol: UDP is not supported"},
    {no_address, "endpoints[0].lb_endpoints[1].endpoint.address: needs socket_address"},
    {named_endpoint, "endpoints[0].lb_endpoints[1]: needs endpoint"},
    {weight_0, "endpoints[1].lb_endpoints[0].load_balancing_weight: is 0; allowed is 1 to 4294967295"},
    {locality_weight_0, "endpoints[1].load_balancing_weight: is 0"},
    {degraded, "endpoints[1].lb_endpoints[0].health_status: DEGRADED is not supported"},
    {priority_129, "endpoints[1].priority: is 129; allowed is 0 to 128"},
};

static void test_every_bad_cluster_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(cluster_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    ProtobufCMessage *message = gw_xds_encode_cluster_message(&arena, &sample_eds_cluster);
    cluster_refusals[i].change(&arena, message);
    char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, message);
    assert_mistake(text, cluster_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

static void test_every_bad_assignment_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(endpoints_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Assignment *message = gw_xds_encode_endpoints_message(&arena, &sample_endpoints);
    endpoints_refusals[i].change(&arena, message);
    char *text = decode_packed(&arena, GW_RESOURCE_ENDPOINTS, &message->base);
    assert_mistake(text, endpoints_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

static char *decode_dns_host(const char *host) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Cluster *message = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_dns_cluster);
  message->load_assignment->endpoints[0]->lb_endpoints[0]->endpoint->address->socket_address->address =
      gw_xds_encode_str(&arena, gw_str_from(host));
  char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, &message->base);
  gw_arena_done(&arena);
  return text;
}

static void test_host_names_are_checked(void **state) {
  (void)state;
  const char *good[] = {"a", "project-service-1", "my_service.ns.svc.cluster.local.", "10.0.0.1", "::1"};
  for (size_t i = 0; i < GW_ARRAY_LEN(good); i++)
    assert_null(decode_dns_host(good[i]));
  const char *bad[] = {"", ".", "a..b", "a b", "a/b", "a:80", "[::1]", "ä"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    char *text = decode_dns_host(bad[i]);
    assert_mistake(text, "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: ");
    free(text);
  }
}

static void test_static_cluster_wants_endpoints_and_no_eds(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Cluster *message = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_static_cluster);
  message->load_assignment = NULL;
  message->eds_cluster_config = gw_xds_encode_new(&arena, &envoy__config__cluster__v3__cluster__eds_cluster_config__descriptor);
  char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, &message->base);
  assert_mistake(text, "load_assignment: is missing");
  assert_mistake(text, "eds_cluster_config: must not be there without type EDS");
  free(text);
  gw_arena_done(&arena);
}

static const struct gw_cluster *decode_cluster(struct gw_arena *arena, const Cluster *message) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = arena, .scratch = arena, .errors = &errors};
  const struct gw_cluster *cluster = gw_xds_decode_cluster(&decoder, message);
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  return cluster;
}

static void test_defaults_are_envoys(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Cluster *message = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_eds_cluster);
  message->connect_timeout = NULL;
  message->n_typed_extension_protocol_options = 0;
  message->eds_cluster_config->service_name = (char *)"";
  message->eds_cluster_config->eds_config->initial_fetch_timeout = NULL;
  message->eds_cluster_config->eds_config->resource_api_version = 0;
  const struct gw_cluster *cluster = decode_cluster(&arena, message);
  assert_int_equal(cluster->connect_timeout_ms, 5000);
  assert_int_equal(cluster->dns_refresh_ms, 5000);
  assert_int_equal(cluster->upstream_idle_timeout_ms, 3600000);
  assert_true(gw_str_equal(cluster->eds_service_name, cluster->name));
  /* A budget that is there has 20 % and 3; without one three retries at the same time are allowed, or max_retries. */
  message->circuit_breakers->thresholds[0]->retry_budget->budget_percent = NULL;
  message->circuit_breakers->thresholds[0]->retry_budget->min_retry_concurrency = NULL;
  cluster = decode_cluster(&arena, message);
  assert_true(cluster->retry_budget.percent == 20);
  assert_int_equal(cluster->retry_budget.min_concurrency, 3);
  message->circuit_breakers->thresholds[0]->retry_budget = NULL;
  message->circuit_breakers->thresholds[0]->max_retries = gw_xds_encode_u32(&arena, 9);
  assert_int_equal(decode_cluster(&arena, message)->retry_budget.min_concurrency, 9);
  message->circuit_breakers = NULL;
  cluster = decode_cluster(&arena, message);
  assert_true(cluster->retry_budget.percent == 0);
  assert_int_equal(cluster->retry_budget.min_concurrency, 3);

  Cluster *untyped = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_static_cluster);
  untyped->cluster_discovery_type_case = 0;
  assert_int_equal(decode_cluster(&arena, untyped)->kind, GW_CLUSTER_STATIC);
  gw_arena_done(&arena);
}

static void test_parts_of_a_millisecond_are_rounded_up(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Cluster *message = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_eds_cluster);
  message->connect_timeout->seconds = 0;
  message->connect_timeout->nanos = 1;
  assert_int_equal(decode_cluster(&arena, message)->connect_timeout_ms, 1);
  gw_arena_done(&arena);
}

static void test_localities_are_ordered_by_priority(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Assignment *message = gw_xds_encode_endpoints_message(&arena, &sample_endpoints);
  Envoy__Config__Endpoint__V3__LocalityLbEndpoints *first = message->endpoints[0];
  message->endpoints[0] = message->endpoints[1];
  message->endpoints[1] = first;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &arena, .errors = &errors};
  const struct gw_endpoints *endpoints = gw_xds_decode_endpoints(&decoder, NULL, message, GW_XDS_ADDRESS_CONNECT);
  assert_int_equal(endpoints->count, 3);
  assert_true(gw_str_equal(endpoints->items[0].address, GW_STR("10.0.0.1")));
  assert_true(gw_str_equal(endpoints->items[2].address, GW_STR("10.0.0.3")));
  assert_int_equal(endpoints->items[2].priority, 3);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

static void test_more_endpoints_than_allowed_are_refused(void **state) {
  (void)state;
  enum { COUNT = 100001 };
  struct gw_endpoint *items = gw_calloc(COUNT, sizeof *items);
  for (uint32_t i = 0; i < COUNT; i++)
    items[i] = sample_endpoint_items[0];
  const struct gw_endpoints endpoints = {GW_STR("many"), items, COUNT};
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  char *text = decode_packed(&arena, GW_RESOURCE_ENDPOINTS, &gw_xds_encode_endpoints_message(&arena, &endpoints)->base);
  assert_mistake(text, "endpoints: are 100001; at most 100000 are allowed");
  free(text);
  gw_arena_done(&arena);
  free(items);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_bad_cluster_is_refused_at_its_place),
      cmocka_unit_test(test_every_bad_assignment_is_refused_at_its_place),
      cmocka_unit_test(test_host_names_are_checked),
      cmocka_unit_test(test_static_cluster_wants_endpoints_and_no_eds),
      cmocka_unit_test(test_defaults_are_envoys),
      cmocka_unit_test(test_parts_of_a_millisecond_are_rounded_up),
      cmocka_unit_test(test_localities_are_ordered_by_priority),
      cmocka_unit_test(test_more_endpoints_than_allowed_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
