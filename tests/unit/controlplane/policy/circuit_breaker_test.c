/* circuit_breaker and limits of services.yaml, and CIRCUIT_BREAKER_ENABLED → clusters. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define ROUTES "routes: [{path: /a, service: s}]"

static char *services(const char *more) {
  return gw_asprintf("services: {s: {instances: [{url: \"http://10.0.0.1\"}]%s}}", more);
}

static struct gw_policy *load(const char *more) {
  GW_CLEANUP(gw_free_ptr) char *text = services(more);
  return fixture_good(ROUTES, text);
}

static void test_service_without_has_envoys_limits_and_no_breaker(void **state) {
  (void)state;
  struct gw_policy *policy = load("");
  const struct gw_cluster *cluster = &policy->clusters[0];
  assert_null(cluster->breaking);
  assert_null(cluster->outlier);
  assert_int_equal(cluster->limits->max_connections, 1024);
  assert_int_equal(cluster->limits->max_pending_requests, 1024);
  assert_int_equal(cluster->limits->max_requests, 1024);
  gw_policy_free(policy);
}

static void test_true_is_all_defaults(void **state) {
  (void)state;
  static const char *const spellings[] = {", circuit_breaker: true", ", circuit_breaker: {}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(spellings); i++) {
    struct gw_policy *policy = load(spellings[i]);
    const struct gw_circuit_breaking wanted = {.window_ms = 10000,
                                               .open_ms = 30000,
                                               .failure_percent = 50,
                                               .min_requests = 20,
                                               .probes = 3,
                                               .successes = 3,
                                               .failure_on = GW_CIRCUIT_ON_ALL};
    assert_true(gw_circuit_breaking_equal(policy->clusters[0].breaking, &wanted));
    gw_policy_free(policy);
  }
}

static void test_every_threshold_can_be_said(void **state) {
  (void)state;
  struct gw_policy *policy = load(", circuit_breaker: {window: 5s, failures: 7, failure_percent: 25, min_requests: 9, open_for: 250ms, "
                                  "probes: 2, successes: 4, failure_on: [gateway_error, timeout]}");
  const struct gw_circuit_breaking wanted = {.window_ms = 5000,
                                             .open_ms = 250,
                                             .failures = 7,
                                             .failure_percent = 25,
                                             .min_requests = 9,
                                             .probes = 2,
                                             .successes = 4,
                                             .failure_on = GW_CIRCUIT_ON_GATEWAY_ERROR | GW_CIRCUIT_ON_TIMEOUT};
  assert_true(gw_circuit_breaking_equal(policy->clusters[0].breaking, &wanted));
  gw_policy_free(policy);
}

static void test_count_alone_means_no_ratio(void **state) {
  (void)state;
  struct gw_policy *policy = load(", circuit_breaker: {failures: 5}");
  assert_int_equal(policy->clusters[0].breaking->failures, 5);
  assert_int_equal(policy->clusters[0].breaking->failure_percent, 0);
  gw_policy_free(policy);
}

static void test_outlier_detection_stands_in_unless_there_is_one(void **state) {
  (void)state;
  struct gw_policy *policy = load(", circuit_breaker: {failures: 8, open_for: 20s}");
  assert_true(policy->clusters[0].breaking->has_stand_in);
  assert_int_equal(policy->clusters[0].outlier->consecutive_5xx, 8);
  assert_int_equal(policy->clusters[0].outlier->base_ejection_ms, 20000);
  gw_policy_free(policy);
  policy = load(", circuit_breaker: true, outlier_detection: {consecutive_5xx: 3}");
  assert_false(policy->clusters[0].breaking->has_stand_in);
  assert_int_equal(policy->clusters[0].outlier->consecutive_5xx, 3);
  gw_policy_free(policy);
}

static void test_zero_is_no_limit(void **state) {
  (void)state;
  struct gw_policy *policy = load(", limits: {max_connections: 0, max_pending_requests: 7}");
  assert_int_equal(policy->clusters[0].limits->max_connections, GW_CONCURRENCY_UNLIMITED);
  assert_int_equal(policy->clusters[0].limits->max_pending_requests, 7);
  assert_int_equal(policy->clusters[0].limits->max_requests, 1024);
  gw_policy_free(policy);
  policy = load(", limits: {max_connections: 0, max_pending_requests: 0, max_requests: 0}");
  assert_null(policy->clusters[0].limits);
  gw_policy_free(policy);
}

static void test_mistakes_say_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *more;
    const char *mistake;
  } cases[] = {
      {", circuit_breaker: maybe", "circuit_breaker (a mapping otherwise)"},
      {", circuit_breaker: {treshold: 1}", "treshold"},
      {", circuit_breaker: {failures: 0}", "failures"},
      {", circuit_breaker: {failure_percent: 101}", "failure_percent"},
      {", circuit_breaker: {probes: 0}", "probes"},
      {", circuit_breaker: {window: 25h}", "window is at most 24h"},
      {", circuit_breaker: {failures: 5, min_requests: 3}", "min_requests is for failure_percent, which is not there"},
      {", circuit_breaker: {failure_on: []}", "failure_on lists at least one of 5xx"},
      {", circuit_breaker: {failure_on: [4xx]}", "failure_on lists 5xx, gateway_error, connect_failure, reset and timeout"},
      {", limits: {max_request: 1}", "max_requests"},
      {", limits: {max_requests: -1}", "max_requests"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    GW_CLEANUP(gw_free_ptr) char *text = services(cases[i].more);
    char *told;
    assert_null(fixture_load(ROUTES, text, &told));
    if (strstr(told, cases[i].mistake) == NULL) fail_msg("%s: \"%s\" is not in: %s", cases[i].more, cases[i].mistake, told);
    free(told);
  }
}

static struct gw_policy *load_with(enum gw_switch enabled, const char *more, size_t *ret_warnings) {
  GW_CLEANUP(gw_free_ptr) char *text = services(more);
  struct gw_policy_source routes_source = {"routes.yaml", gw_str_from(ROUTES)}, services_source = {"services.yaml", gw_str_from(text)};
  struct gw_settings *settings = fixture_settings(NULL);
  struct gw_policy *policy = NULL;
  struct gw_errors errors;
  gw_errors_init(&errors);
  settings->circuit_breaker = enabled;
  assert_int_equal(gw_policy_load(&routes_source, &services_source, settings, &errors, &policy), GW_OK);
  *ret_warnings = errors.warning_count;
  gw_errors_done(&errors);
  gw_settings_free(settings);
  return policy;
}

static void test_setting_gives_every_service_one_or_none(void **state) {
  (void)state;
  static const struct {
    enum gw_switch enabled;
    const char *more;
    bool has_one;
    size_t warnings;
  } cases[] = {
      {GW_SWITCH_AUTO, "", false, 0}, {GW_SWITCH_AUTO, ", circuit_breaker: true", true, 0},
      {GW_SWITCH_ON, "", true, 0},    {GW_SWITCH_ON, ", circuit_breaker: false", false, 0},
      {GW_SWITCH_OFF, "", false, 0},  {GW_SWITCH_OFF, ", circuit_breaker: {failures: 3}", false, 1},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    size_t warnings;
    struct gw_policy *policy = load_with(cases[i].enabled, cases[i].more, &warnings);
    assert_int_equal(policy->clusters[0].breaking != NULL, cases[i].has_one);
    assert_int_equal(warnings, cases[i].warnings);
    gw_policy_free(policy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_service_without_has_envoys_limits_and_no_breaker),
      cmocka_unit_test(test_true_is_all_defaults),
      cmocka_unit_test(test_every_threshold_can_be_said),
      cmocka_unit_test(test_count_alone_means_no_ratio),
      cmocka_unit_test(test_outlier_detection_stands_in_unless_there_is_one),
      cmocka_unit_test(test_zero_is_no_limit),
      cmocka_unit_test(test_mistakes_say_what_is_allowed),
      cmocka_unit_test(test_setting_gives_every_service_one_or_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
