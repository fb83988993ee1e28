#include "common/xds/decode.h"

#include "envoy/config/cluster/v3/outlier_detection.pb-c.h"
#include "envoy/config/core/v3/health_check.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Core__V3__HealthCheck HealthCheck;
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena
#define CHECK ((Cluster *)m)->health_checks[0]
#define HTTP CHECK->http_health_check
#define OUTLIER ((Cluster *)m)->outlier_detection

CHANGE(no_timeout) {
  UNUSED;
  CHECK->timeout = NULL;
}
CHANGE(timeout_0) {
  CHECK->timeout = gw_xds_encode_duration(arena, 0);
}
CHANGE(no_interval) {
  UNUSED;
  CHECK->interval = NULL;
}
CHANGE(unhealthy_interval_0) {
  CHECK->unhealthy_interval = gw_xds_encode_duration(arena, 0);
}
CHANGE(no_unhealthy_threshold) {
  UNUSED;
  CHECK->unhealthy_threshold = NULL;
}
CHANGE(healthy_threshold_0) {
  UNUSED;
  CHECK->healthy_threshold->value = 0;
}
CHANGE(jitter_101) {
  UNUSED;
  CHECK->interval_jitter_percent = 101;
}
CHANGE(port_65536) {
  UNUSED;
  CHECK->alt_port->value = 65536;
}
CHANGE(no_checker) {
  UNUSED;
  CHECK->health_checker_case = 0;
}
CHANGE(no_path) {
  UNUSED;
  HTTP->path = (char *)"";
}
CHANGE(relative_path) {
  UNUSED;
  HTTP->path = (char *)"health";
}
CHANGE(path_with_space) {
  UNUSED;
  HTTP->path = (char *)"/a b";
}
CHANGE(status_99) {
  UNUSED;
  HTTP->expected_statuses[1]->start = 99;
}
CHANGE(status_601) {
  UNUSED;
  HTTP->retriable_statuses[0]->end = 601;
}
CHANGE(empty_range) {
  UNUSED;
  HTTP->expected_statuses[0]->end = 200;
}
CHANGE(connect) {
  UNUSED;
  HTTP->method = 6;
}
CHANGE(unknown_method) {
  UNUSED;
  HTTP->method = 77;
}
CHANGE(http3) {
  UNUSED;
  HTTP->codec_client_type = 2;
}
CHANGE(other_alpn) {
  CHECK->tls_options->alpn_protocols[0] = gw_xds_encode_str(arena, GW_STR("h2"));
}
CHANGE(reuse_connection) {
  add_unknown(arena, &CHECK->base, 7);
}
CHANGE(receive) {
  add_unknown(arena, &HTTP->base, 4);
}
CHANGE(two_checks) {
  HealthCheck *first = CHECK;
  ((Cluster *)m)->n_health_checks = 2;
  ((Cluster *)m)->health_checks = gw_xds_encode_array(arena, 2);
  ((Cluster *)m)->health_checks[0] = ((Cluster *)m)->health_checks[1] = first;
}

static const struct refusal check_refusals[] = {
    {no_timeout, "health_checks[0].timeout: is missing"},
    {timeout_0, "health_checks[0].timeout: must be more than 0"},
    {no_interval, "health_checks[0].interval: is missing"},
    {unhealthy_interval_0, "health_checks[0].unhealthy_interval: must be more than 0"},
    {no_unhealthy_threshold, "health_checks[0].unhealthy_threshold: is missing"},
    {healthy_threshold_0, "health_checks[0].healthy_threshold: is 0; allowed is 1 to 1000000"},
    {jitter_101, "health_checks[0].interval_jitter_percent: allowed is 0 to 100"},
    {port_65536, "health_checks[0].alt_port: is 65536; allowed is 1 to 65535"},
    {no_checker, "health_checks[0]: needs http_health_check, tcp_health_check or grpc_health_check"},
    {no_path, "health_checks[0].http_health_check.path: is empty"},
    {relative_path, "health_checks[0].http_health_check.path: must begin with /"},
    {path_with_space, "health_checks[0].http_health_check.path: holds a character that must be escaped"},
    {status_99, "health_checks[0].http_health_check.expected_statuses[1]: is 99 to 300; allowed is 100 to 600"},
    {status_601, "health_checks[0].http_health_check.retriable_statuses[0]: is 100 to 601; allowed is 100 to 600"},
    {empty_range, "health_checks[0].http_health_check.expected_statuses[0]: is 200 to 200; allowed is 100 to 600"},
    {connect, "health_checks[0].http_health_check.method: CONNECT is not supported"},
    {unknown_method, "health_checks[0].http_health_check.method: value 77 is not known"},
    {http3, "health_checks[0].http_health_check.codec_client_type: HTTP3 is not supported"},
    {other_alpn, "health_checks[0].tls_options.alpn_protocols[0]: is not what the check speaks, \"http/1.1\""},
    {reuse_connection, "health_checks[0].reuse_connection: not supported"},
    {receive, "health_checks[0].http_health_check.receive: not supported"},
    {two_checks, "health_checks[1]: only one health check is supported"},
};

static void assert_refused(const struct gw_cluster *sample, const struct refusal *refusal) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  ProtobufCMessage *message = gw_xds_encode_cluster_message(&arena, sample);
  refusal->change(&arena, message);
  char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, message);
  assert_mistake(text, refusal->mistake);
  free(text);
  gw_arena_done(&arena);
}

static void test_every_bad_check_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(check_refusals); i++)
    assert_refused(&sample_tls_cluster, &check_refusals[i]);
}

CHANGE(percent_101) {
  UNUSED;
  OUTLIER->max_ejection_percent->value = 101;
}
CHANGE(enforcing_101) {
  UNUSED;
  OUTLIER->enforcing_consecutive_5xx->value = 101;
}
CHANGE(base_0) {
  OUTLIER->base_ejection_time = gw_xds_encode_duration(arena, 0);
}
CHANGE(split) {
  add_unknown(arena, &OUTLIER->base, 12);
}
CHANGE(initial_metadata) {
  add_unknown(arena, &CHECK->grpc_health_check->base, 3);
}
/* explicit_http_config { http_protocol_options {} } */
CHANGE(grpc_over_http1) {
  UNUSED;
  ((Cluster *)m)->typed_extension_protocol_options[0]->value->value = (ProtobufCBinaryData){4, (uint8_t *)"\x1a\x02\x0a\x00"};
}

static void test_bad_outlier_detection_and_grpc_checks_are_refused_at_their_place(void **state) {
  (void)state;
  static const struct refusal refusals[] = {
      {percent_101, "outlier_detection.max_ejection_percent: is 101; allowed is 0 to 100"},
      {enforcing_101, "outlier_detection.enforcing_consecutive_5xx: is 101; allowed is 0 to 100"},
      {base_0, "outlier_detection.base_ejection_time: must be more than 0"},
      {split, "outlier_detection.split_external_local_origin_errors: not supported"},
      {initial_metadata, "health_checks[0].grpc_health_check.initial_metadata: not supported"},
      {grpc_over_http1, "health_checks[0].grpc_health_check: needs a cluster that speaks HTTP/2"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++)
    assert_refused(&sample_http2_cluster, &refusals[i]);
}

static void test_defaults_are_envoys(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_errors errors;
  gw_arena_init(&arena, 4096);
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &arena, .errors = &errors};
  Cluster *message = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_tls_cluster);
  HealthCheck *check = message->health_checks[0];
  check->unhealthy_interval = check->no_traffic_interval = check->initial_jitter = check->interval_jitter = NULL;
  check->interval_jitter_percent = 0;
  check->alt_port = NULL;
  check->http_health_check->n_expected_statuses = check->http_health_check->n_retriable_statuses = 0;
  check->http_health_check->method = 0;
  message->outlier_detection = gw_xds_encode_new(&arena, &envoy__config__cluster__v3__outlier_detection__descriptor);
  const struct gw_cluster *cluster = gw_xds_decode_cluster(&decoder, message);
  assert_int_equal(errors.error_count, 0);
  const struct gw_health_check *got = cluster->health_check;
  assert_int_equal(got->unhealthy_interval_ms, got->interval_ms);
  assert_int_equal(got->no_traffic_interval_ms, 60000);
  assert_int_equal(got->initial_jitter_ms + got->interval_jitter_ms + got->port, 0);
  assert_int_equal(got->expected_count, 1);
  assert_int_equal(got->expected[0].first, 200);
  assert_int_equal(got->expected[0].last, 200);
  assert_int_equal(got->retriable_count, 0);
  assert_true(gw_str_equal(got->method, GW_STR("GET")));
  const struct gw_outlier_detection *outlier = cluster->outlier;
  assert_int_equal(outlier->interval_ms, 10000);
  assert_int_equal(outlier->base_ejection_ms, 30000);
  assert_int_equal(outlier->max_ejection_ms, 300000);
  assert_int_equal(outlier->max_ejection_percent, 10);
  assert_false(outlier->may_always_eject_one);
  assert_true(outlier->has_check_ending_ejection);
  assert_int_equal(outlier->consecutive_5xx, 5);
  assert_int_equal(outlier->consecutive_5xx_enforcing_percent, 100);
  assert_int_equal(outlier->consecutive_gateway_failure, 5);
  assert_int_equal(outlier->consecutive_gateway_failure_enforcing_percent, 0);
  assert_int_equal(outlier->success_rate_enforcing_percent, 100);
  assert_int_equal(outlier->success_rate_minimum_hosts, 5);
  assert_int_equal(outlier->success_rate_request_volume, 100);
  assert_int_equal(outlier->success_rate_stdev_factor, 1900);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_bad_check_is_refused_at_its_place),
      cmocka_unit_test(test_bad_outlier_detection_and_grpc_checks_are_refused_at_their_place),
      cmocka_unit_test(test_defaults_are_envoys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
