/* health_check and outlier_detection of services.yaml → clusters. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

static char *text_of(const char *keys) {
  return gw_asprintf("services:\n  s:\n    instances: [{url: \"http://10.0.0.1\"}]\n    %s\n", keys);
}

static struct gw_policy *load(const char *keys) {
  GW_CLEANUP(gw_free_ptr) char *services = text_of(keys);
  return fixture_good("routes: [{path: /a, service: s}]", services);
}

static void test_neither_is_there_unless_asked_for(void **state) {
  (void)state;
  static const char *const texts[] = {"", "health_check: false", "outlier_detection: false"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    struct gw_policy *policy = load(texts[i]);
    assert_null(policy->clusters[0].health_check);
    assert_null(policy->clusters[0].outlier);
    assert_false(policy->clusters[0].balancing.has_uncounted_new);
    gw_policy_free(policy);
  }
}

static void test_short_forms_have_the_defaults(void **state) {
  (void)state;
  static const struct {
    const char *keys;
    enum gw_health_check_kind kind;
    const char *path;
  } cases[] = {
      {"health_check: true", GW_HEALTH_CHECK_HTTP, "/health"},
      {"health_check: {}", GW_HEALTH_CHECK_HTTP, "/health"},
      {"health_check: /ready?x=1", GW_HEALTH_CHECK_HTTP, "/ready?x=1"},
      {"health_check: tcp", GW_HEALTH_CHECK_TCP, NULL},
      {"{protocol: h2, health_check: grpc}", GW_HEALTH_CHECK_GRPC, NULL},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    bool is_flow = cases[i].keys[0] == '{';
    struct gw_policy *policy = is_flow ? load("protocol: h2\n    health_check: grpc") : load(cases[i].keys);
    const struct gw_health_check *check = policy->clusters[0].health_check;
    assert_int_equal(check->kind, cases[i].kind);
    assert_int_equal(check->is_http2, is_flow);
    if (cases[i].path != NULL) assert_true(gw_str_equal(check->path, gw_str_from(cases[i].path)));
    assert_int_equal(check->interval_ms, 5000);
    assert_int_equal(check->unhealthy_interval_ms, 5000);
    assert_int_equal(check->no_traffic_interval_ms, 5000);
    assert_int_equal(check->timeout_ms, 2000);
    assert_int_equal(check->interval_jitter_percent, 10);
    assert_int_equal(check->healthy_threshold, 2);
    assert_int_equal(check->unhealthy_threshold, 3);
    assert_int_equal(check->expected_count, 1);
    assert_int_equal(check->retriable[0].first, 100);
    assert_int_equal(check->retriable[0].last, 599);
    assert_true(policy->clusters[0].balancing.has_uncounted_new);
    gw_policy_free(policy);
  }
}

static void test_every_key_of_a_check_counts(void **state) {
  (void)state;
  struct gw_policy *policy = load("health_check: {path: /ok, method: HEAD, host: \"a.example:81\", expect: [200, 301-399], port: 9000, "
                                  "interval: 250ms, unhealthy_interval: 100ms, timeout: 1500ms, jitter_percent: 0, healthy_threshold: 7, "
                                  "unhealthy_threshold: 8}");
  const struct gw_health_check *check = policy->clusters[0].health_check;
  assert_true(gw_str_equal(check->method, GW_STR("HEAD")));
  assert_true(gw_str_equal(check->host, GW_STR("a.example:81")));
  assert_int_equal(check->expected_count, 2);
  assert_int_equal(check->expected[0].last, 200);
  assert_int_equal(check->expected[1].first, 301);
  assert_int_equal(check->expected[1].last, 399);
  assert_int_equal(check->port, 9000);
  assert_int_equal(check->interval_ms, 250);
  assert_int_equal(check->no_traffic_interval_ms, 250);
  assert_int_equal(check->unhealthy_interval_ms, 100);
  assert_int_equal(check->timeout_ms, 1500);
  assert_int_equal(check->interval_jitter_percent, 0);
  assert_int_equal(check->healthy_threshold, 7);
  assert_int_equal(check->unhealthy_threshold, 8);
  gw_policy_free(policy);
}

static void test_outlier_detection_has_defaults(void **state) {
  (void)state;
  struct gw_policy *policy = load("outlier_detection: true");
  const struct gw_outlier_detection *outlier = policy->clusters[0].outlier;
  assert_int_equal(outlier->consecutive_5xx, 5);
  assert_int_equal(outlier->consecutive_5xx_enforcing_percent, 100);
  assert_int_equal(outlier->consecutive_gateway_failure, 0);
  assert_int_equal(outlier->consecutive_gateway_failure_enforcing_percent, 0);
  assert_int_equal(outlier->success_rate_enforcing_percent, 100);
  assert_int_equal(outlier->max_ejection_percent, 50);
  assert_int_equal(outlier->base_ejection_ms, 30000);
  assert_int_equal(outlier->max_ejection_ms, 300000);
  assert_int_equal(outlier->interval_ms, 10000);
  assert_false(outlier->has_check_ending_ejection);
  assert_false(outlier->may_always_eject_one);
  gw_policy_free(policy);
}

static void test_every_key_of_outlier_detection_counts(void **state) {
  (void)state;
  struct gw_policy *policy =
      load("outlier_detection: {consecutive_5xx: 0, consecutive_gateway_failures: 4, enforcing_percent: 30, interval: "
           "1s, base_ejection_time: 2s, max_ejection_time: 3s, ejection_jitter: 4s, max_ejection_percent: 99, "
           "check_ends_ejection: true, success_rate: {minimum_hosts: 3, request_volume: 9, "
           "stdev_factor_thousandths: 1500}}");
  const struct gw_outlier_detection *outlier = policy->clusters[0].outlier;
  assert_int_equal(outlier->consecutive_5xx, 0);
  assert_int_equal(outlier->consecutive_5xx_enforcing_percent, 0);
  assert_int_equal(outlier->consecutive_gateway_failure, 4);
  assert_int_equal(outlier->consecutive_gateway_failure_enforcing_percent, 30);
  assert_int_equal(outlier->success_rate_enforcing_percent, 30);
  assert_int_equal(outlier->success_rate_minimum_hosts, 3);
  assert_int_equal(outlier->success_rate_request_volume, 9);
  assert_int_equal(outlier->success_rate_stdev_factor, 1500);
  assert_int_equal(outlier->interval_ms, 1000);
  assert_int_equal(outlier->base_ejection_ms, 2000);
  assert_int_equal(outlier->max_ejection_ms, 3000);
  assert_int_equal(outlier->ejection_jitter_ms, 4000);
  assert_int_equal(outlier->max_ejection_percent, 99);
  assert_true(outlier->has_check_ending_ejection);
  gw_policy_free(policy);
  policy = load("outlier_detection: {success_rate: false}");
  assert_int_equal(policy->clusters[0].outlier->success_rate_enforcing_percent, 0);
  gw_policy_free(policy);
}

static void test_mistakes_are_told_with_what_is_allowed(void **state) {
  (void)state;
#define CHECK_IS "health_check is a path such as /health, tcp, grpc, true, false, or a mapping\n"
#define EXPECT "expect is a status from 100 to 599, a range such as 200-299, or a list of them\n"
  static const struct {
    const char *keys;
    const char *told;
  } cases[] = {
      {"health_check: udp", "services.yaml:4:19: " CHECK_IS},
      {"health_check: \"true\"", "services.yaml:4:19: " CHECK_IS},
      {"health_check: [tcp]", "services.yaml:4:19: health_check is a mapping (key: value), not a list\n"},
      {"health_check: {type: udp}", "services.yaml:4:26: type is http, tcp or grpc\n"},
      {"health_check: {type: grpc}", "services.yaml:4:19: a grpc health check needs a service with protocol: h2\n"},
      {"health_check: {type: tcp, path: /a}", "services.yaml:4:37: path is for health checks of type http\n"},
      {"health_check: {service: a.B}", "services.yaml:4:29: service is for health checks of type grpc\n"},
      {"health_check: {path: a}",
       "services.yaml:4:26: the path of a health check begins with /, such as /health, and has no space and no #\n"},
      {"health_check: {expect: 99}", "services.yaml:4:28: " EXPECT},
      {"health_check: {expect: 300-200}", "services.yaml:4:28: " EXPECT},
      {"health_check: {expect: []}", "services.yaml:4:28: expect lists 1 to 32 statuses or ranges of them\n"},
      {"health_check: {method: CONNECT}",
       "services.yaml:4:28: the method of a health check is GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE or PATCH\n"},
      {"health_check: {host: \"a b\"}", "services.yaml:4:26: host is HOST[:PORT]\n"},
      {"outlier_detection: {succes_rate: true}",
       "services.yaml:4:25: outlier_detection has no key succes_rate (success_rate?); allowed: consecutive_5xx, "
       "consecutive_gateway_failures, success_rate, interval, base_ejection_time, max_ejection_time, ejection_jitter, "
       "max_ejection_percent, enforcing_percent, check_ends_ejection\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    GW_CLEANUP(gw_free_ptr) char *services = text_of(cases[i].keys);
    fixture_refused("routes: [{path: /a, service: s}]", services, cases[i].told);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_neither_is_there_unless_asked_for),     cmocka_unit_test(test_short_forms_have_the_defaults),
      cmocka_unit_test(test_every_key_of_a_check_counts),           cmocka_unit_test(test_outlier_detection_has_defaults),
      cmocka_unit_test(test_every_key_of_outlier_detection_counts), cmocka_unit_test(test_mistakes_are_told_with_what_is_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
