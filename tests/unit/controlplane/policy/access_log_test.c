/* Access logs: which requests, of settings and of routes, which fields, and what is hidden. */
#include "common/model/access_log.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

static struct gw_policy *load(const char *const *overrides, const char *routes) {
  struct gw_settings *settings = fixture_settings(overrides);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy *policy = NULL;
  struct gw_policy_source routes_source = {"routes.yaml", gw_str_from(routes)},
                          services_source = {"services.yaml", GW_STR(FIXTURE_SERVICES)};
  if (gw_policy_load(&routes_source, &services_source, settings, &errors, &policy) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
  gw_settings_free(settings);
  return policy;
}

static const struct gw_http_connection_manager *http_of(const struct gw_policy *policy) {
  return &policy->listeners[0].http;
}

#define ROUTE "routes: [{path: /a, service: s}]"

/* ---- which requests ---- */

static void assert_sample(const struct gw_access_log_filter *filter, uint32_t numerator) {
  assert_int_equal(filter->kind, GW_LOG_FILTER_SAMPLE);
  assert_int_equal(filter->numerator, numerator);
  assert_int_equal(filter->denominator, 1000000);
  assert_false(filter->is_independent);
}

static void assert_at_least(const struct gw_access_log_filter *filter, enum gw_access_log_filter_kind kind, uint32_t value) {
  assert_int_equal(filter->kind, kind);
  assert_int_equal(filter->comparison, GW_COMPARE_AT_LEAST);
  assert_int_equal(filter->value, value);
}

static void test_all_requests_are_logged_when_nothing_is_said(void **state) {
  (void)state;
  struct gw_policy *policy = load(NULL, ROUTE);
  assert_int_equal(http_of(policy)->access_log_count, 1);
  assert_null(http_of(policy)->access_logs[0].filter);
  assert_false(http_of(policy)->logs_new_requests);
  assert_null(policy->route_configs[0].virtual_hosts[0].routes[0].filters);
  gw_policy_free(policy);
}

static void test_a_sample_and_what_is_always_logged_are_joined(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_ACCESS_LOG_SAMPLE_PERCENT=0.5", "GATEWAY_ACCESS_LOG_ALWAYS_STATUS=500",
                                          "GATEWAY_ACCESS_LOG_ALWAYS_DURATION=1500ms", "GATEWAY_ACCESS_LOG_REQUESTS=true", NULL};
  struct gw_policy *policy = load(overrides, ROUTE);
  const struct gw_access_log *log = http_of(policy)->access_logs;
  assert_true(http_of(policy)->logs_new_requests);
  assert_int_equal(log->filter->kind, GW_LOG_FILTER_OR);
  assert_int_equal(log->filter->child_count, 3);
  assert_sample(&log->filter->children[0], 5000);
  assert_at_least(&log->filter->children[1], GW_LOG_FILTER_STATUS, 500);
  assert_at_least(&log->filter->children[2], GW_LOG_FILTER_DURATION, 1500);
  assert_true(gw_str_equal(log->fields[log->field_count - 1].format, GW_STR("%ACCESS_LOG_TYPE%")));
  gw_policy_free(policy);
}

static void test_a_sample_alone_is_no_list(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_ACCESS_LOG_SAMPLE_PERCENT=10", NULL};
  struct gw_policy *policy = load(overrides, ROUTE);
  assert_sample(http_of(policy)->access_logs[0].filter, 100000);
  gw_policy_free(policy);
}

static const struct gw_access_log_filter *filter_of(const struct gw_policy *policy, uint32_t route) {
  return &policy->route_configs[0].virtual_hosts[0].routes[route].filters->access_log->filter;
}

static void test_a_route_says_what_differs(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_ACCESS_LOG_SAMPLE_PERCENT=10", "GATEWAY_ACCESS_LOG_ALWAYS_STATUS=500", NULL};
  struct gw_policy *policy = load(overrides, "routes:\n"
                                             "  - {path: /a, service: s, access_log: false}\n"
                                             "  - {path: /b, service: s, access_log: true}\n"
                                             "  - {path: /c, service: s, access_log: {sample_percent: 0.25, always_duration: 2s}}\n"
                                             "  - {path: /d, service: s, access_log: {always_status: 404}}\n"
                                             "  - {path: /e, service: s}\n");
  assert_sample(filter_of(policy, 0), 0);
  assert_sample(filter_of(policy, 1), 1000000);
  assert_int_equal(filter_of(policy, 2)->child_count, 3);
  assert_sample(&filter_of(policy, 2)->children[0], 2500);
  assert_at_least(&filter_of(policy, 2)->children[1], GW_LOG_FILTER_STATUS, 500);
  assert_at_least(&filter_of(policy, 2)->children[2], GW_LOG_FILTER_DURATION, 2000);
  assert_sample(&filter_of(policy, 3)->children[0], 100000);
  assert_at_least(&filter_of(policy, 3)->children[1], GW_LOG_FILTER_STATUS, 404);
  assert_null(policy->route_configs[0].virtual_hosts[0].routes[4].filters);
  gw_policy_free(policy);
}

static void test_mistakes_tell_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *input;
    const char *told;
  } cases[] = {
      {"access_log: maybe", "routes.yaml:1:45: access_log is true or false\n"},
      {"access_log: {sample: 1}",
       "routes.yaml:1:46: access_log has no key sample; allowed: sample_percent, always_status, always_duration\n"},
      {"access_log: {sample_percent: 101}",
       "routes.yaml:1:62: sample_percent is a number from 0 to 100, with up to four decimals; 101 is not\n"},
      {"access_log: {always_status: 20}", "routes.yaml:1:61: always_status is a whole number from 100 to 599\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *routes = gw_asprintf("routes: [{path: /a, service: s, %s}]", cases[i].input);
    fixture_refused(routes, FIXTURE_SERVICES, cases[i].told);
    free(routes);
  }
}

/* ---- which fields ---- */

static struct gw_str format_of(const struct gw_access_log *log, const char *name) {
  for (uint32_t i = 0; i < log->field_count; i++)
    if (gw_str_equal(log->fields[i].name, gw_str_from(name))) return log->fields[i].format;
  fail_msg("there is no field %s", name);
  return GW_STR("");
}

static void assert_format(const struct gw_access_log *log, const char *name, const char *format) {
  struct gw_str got = format_of(log, name);
  if (!gw_str_equal(got, gw_str_from(format))) fail_msg("%s is %.*s", name, GW_STR_ARG(got));
}

static const char *const with_headers[] = {"GATEWAY_ACCESS_LOG_REQUEST_HEADERS=x-tenant, Authorization,x-pin,x-own-key,x-token",
                                           "GATEWAY_ACCESS_LOG_RESPONSE_HEADERS=etag,set-cookie",
                                           "GATEWAY_ACCESS_LOG_REDACT=X-Pin, x-other", NULL};

static void test_headers_are_added_and_those_that_are_hidden_go_by_words_of_ours(void **state) {
  (void)state;
  struct gw_policy *policy = load(with_headers, "auth: {api_keys: {header: X-Own-Key}}\n" ROUTE);
  const struct gw_access_log *log = http_of(policy)->access_logs;
  assert_format(log, "request_headers.x-tenant", "%REQ(x-tenant)%");
  assert_format(log, "request_headers.authorization", "%DYNAMIC_METADATA(gateway:redacted:authorization)%");
  assert_format(log, "request_headers.x-pin", "%DYNAMIC_METADATA(gateway:redacted:x-pin)%");
  assert_format(log, "response_headers.etag", "%RESP(etag)%");
  assert_format(log, "response_headers.set-cookie", "%DYNAMIC_METADATA(gateway:redacted_response:set-cookie)%");
  assert_format(log, "rate_limit_key", "%DYNAMIC_METADATA(gateway:rate_limit_key:X-Pin,x-other)%");
  gw_policy_free(policy);
}

static void test_the_text_form_has_them_at_its_end(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_ACCESS_LOG=text", "GATEWAY_ACCESS_LOG_REQUEST_HEADERS=x-a,cookie",
                                          "GATEWAY_ACCESS_LOG_REQUESTS=true", NULL};
  struct gw_policy *policy = load(overrides, ROUTE);
  assert_true(gw_str_has_suffix(http_of(policy)->access_logs[0].text,
                                GW_STR(" %ACCESS_LOG_TYPE% request_headers.x-a=\"%REQ(x-a)%\" "
                                       "request_headers.cookie=\"%DYNAMIC_METADATA(gateway:redacted:cookie)%\"\n")));
  gw_policy_free(policy);
}

static void test_off_is_off(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_ACCESS_LOG=off", "GATEWAY_ACCESS_LOG_REQUESTS=true", NULL};
  struct gw_policy *policy = load(overrides, ROUTE);
  assert_int_equal(http_of(policy)->access_log_count, 0);
  assert_false(http_of(policy)->logs_new_requests);
  gw_policy_free(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_requests_are_logged_when_nothing_is_said),
      cmocka_unit_test(test_a_sample_and_what_is_always_logged_are_joined),
      cmocka_unit_test(test_a_sample_alone_is_no_list),
      cmocka_unit_test(test_a_route_says_what_differs),
      cmocka_unit_test(test_mistakes_tell_what_is_allowed),
      cmocka_unit_test(test_headers_are_added_and_those_that_are_hidden_go_by_words_of_ours),
      cmocka_unit_test(test_the_text_form_has_them_at_its_end),
      cmocka_unit_test(test_off_is_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
