/* Limits as they are written: their mistakes by exact place and text, and which of the two filters enforces them. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define KEYS "user, api_key, client, caller, all, {header: NAME}, {claim: NAME} or a list of them"

static void test_mistakes_of_a_limit_tell_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *input;
    const char *told;
  } cases[] = {
      {"rate_limit: -1", "routes.yaml:2:40: rate_limit is a whole number from 1 to 1000000000\n"},
      {"rate_limit: [1, 2]", "routes.yaml:2:40: rate_limit is one limit; several are rate_limits\n"},
      {"rate_limit: 1, rate_limits: [2]", "routes.yaml:2:56: a route has either rate_limit or rate_limits\n"},
      {"rate_limits: 5", "routes.yaml:2:41: rate_limits is a list (- … or [ … ]), not a single value\n"},
      {"rate_limits: []", "routes.yaml:2:41: rate_limits lists 1 to 4 limits\n"},
      {"rate_limits: [1, 2, 3, 4, 5]", "routes.yaml:2:41: rate_limits lists 1 to 4 limits\n"},
      {"rate_limit: {requests: 5, per: 100ms}", "routes.yaml:2:59: per is at least 1s; fewer requests in a second are a smaller number\n"},
      {"rate_limit: {requests: 1, per: 24h, burst: 1000}",
       "routes.yaml:2:40: rate_limit takes more than a year to allow its burst again\n"},
      {"rate_limit: {requests: 5, key: usr}", "routes.yaml:2:59: key is " KEYS "\n"},
      {"rate_limit: {requests: 5, key: []}", "routes.yaml:2:59: key lists 1 to 8 things to count by; all requests together are key: all\n"},
      {"rate_limit: {requests: 5, key: {header: \"a b\"}}", "routes.yaml:2:68: header is the name of a header\n"},
      {"rate_limit: {requests: 5, key: {header: a, claim: b}}", "routes.yaml:2:59: key is " KEYS "\n"},
      {"rate_limit: {requests: 5, key: [client, {claim: a..b}]}",
       "routes.yaml:2:76: claim is the name of a claim, such as tenant or org.id\n"},
      {"rate_limit: {requests: 5, scope: all}", "routes.yaml:2:61: scope is route, service or global\n"},
      {"rate_limit: {requests: 5, plans: {gold: {requests: 9, key: user}}}",
       "routes.yaml:2:82: the limit of a plan has no key key; allowed: requests, per, burst\n"},
      {"rate_limit: {requests: 5, plans: {}}", "routes.yaml:2:61: plans has 1 to 100 plans, each with its limit\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *routes = gw_asprintf("routes:\n  - {path: /a, service: s, %s}\n", cases[i].input);
    fixture_refused(routes, FIXTURE_SERVICES, cases[i].told);
    free(routes);
  }
}

static void test_mistakes_beside_the_routes(void **state) {
  (void)state;
  fixture_refused("routes: []\nrate_limits: {all: 5}\n", FIXTURE_SERVICES,
                  "routes.yaml:2:15: rate_limits has no key all; allowed: global, services, plans\n");
  fixture_refused("routes: []\nrate_limits: {services: {x: 5}}\n", FIXTURE_SERVICES, "routes.yaml:2:26: there is no service x\n");
  fixture_refused("routes: []\nrate_limits: {global: {requests: 5, scope: route}}\n", FIXTURE_SERVICES,
                  "routes.yaml:2:44: scope is for limits of a route; this one is of all routes\n");
  fixture_refused("routes: [{path: /a, split: {s: 1, t: 1}, rate_limit: {requests: 5, scope: service}}]\n", FIXTURE_SERVICES,
                  "routes.yaml:1:54: scope: service is for a route with one service\n");
}

static void test_keys_that_nobody_has_are_a_warning(void **state) {
  (void)state;
  char *told;
  struct gw_policy *policy =
      fixture_load("routes:\n  - {path: /a, service: s, rate_limit: {requests: 5, key: user, shared: true}}\n", FIXTURE_SERVICES, &told);
  assert_non_null(policy);
  assert_non_null(strstr(told, "routes.yaml:2:40: without auth_required nobody is known here, so that all requests have one bucket"));
  assert_non_null(strstr(told, "routes.yaml:2:40: without REDIS_HOST each data plane counts alone"));
  free(told);
  gw_policy_free(policy);
}

static const struct gw_route_filters *filters_of(const struct gw_policy *policy) {
  return policy->route_configs[0].virtual_hosts[0].routes[0].filters;
}

static bool has_filter(const struct gw_policy *policy, enum gw_filter_kind kind) {
  const struct gw_http_connection_manager *http = &policy->listeners[0].http;
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == kind) return true;
  return false;
}

static void test_the_short_form_is_envoy_s_limit_by_the_client(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, service: s, rate_limit: 100}]", FIXTURE_SERVICES);
  assert_null(filters_of(policy)->shared_limit);
  const struct gw_local_limit *limit = &filters_of(policy)->local_limit->limit;
  assert_int_equal(limit->descriptor_count, 1);
  assert_int_equal(limit->descriptors[0].bucket.max_tokens, 100);
  assert_int_equal(limit->descriptors[0].bucket.tokens_per_fill, 100);
  assert_int_equal(limit->descriptors[0].bucket.fill_interval_ms, 60000);
  assert_int_equal(limit->rate_limits[0].count, 2);
  assert_int_equal(limit->rate_limits[0].items[1].kind, GW_RATE_LIMIT_MASKED_ADDRESS);
  assert_int_equal(limit->rate_limits[0].items[1].v6_bits, 64);
  assert_int_equal(limit->enforced_millionths, 1000000);
  assert_false(limit->always_consumes_bucket);
  assert_true(has_filter(policy, GW_FILTER_LOCAL_LIMIT));
  assert_false(has_filter(policy, GW_FILTER_SHARED_LIMIT));
  gw_policy_free(policy);
}

static void test_what_envoy_has_no_word_for_is_our_limit(void **state) {
  (void)state;
  static const char *const limits[] = {
      "rate_limit: {requests: 5, scope: service}",         "rate_limit: {requests: 5, scope: global}",
      "rate_limit: {requests: 5, plans: {gold: 9}}",       "rate_limit: {plans: {gold: 9}}",
      "rate_limit: {requests: 5, key: api_key}",           "rate_limit: {requests: 5, key: [client, {header: X}]}",
      "rate_limits: [5, {requests: 5, key: {header: X}}]",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(limits); i++) {
    char *routes = gw_asprintf("routes: [{path: /a, service: s, %s}]", limits[i]);
    struct gw_policy *policy = fixture_good(routes, FIXTURE_SERVICES);
    assert_null(filters_of(policy)->local_limit);
    assert_non_null(filters_of(policy)->shared_limit);
    assert_true(has_filter(policy, GW_FILTER_SHARED_LIMIT));
    assert_false(has_filter(policy, GW_FILTER_LOCAL_LIMIT));
    gw_policy_free(policy);
    free(routes);
  }
}

static void assert_name(const struct gw_rate_limit *limit, const char *name) {
  if (!gw_str_equal(limit->name, gw_str_from(name))) fail_msg("%.*s is not %s", GW_STR_ARG(limit->name), name);
}

static void test_limits_are_known_by_names_that_stay(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("rate_limits: {global: [10, 20], services: {s: 7}, plans: {gold: 9}}\n"
                                          "routes:\n"
                                          "  - {path: /a, service: s, methods: [GET], rate_limits: [{requests: 3, scope: service}, "
                                          "{requests: 5, key: api_key}]}\n",
                                          FIXTURE_SERVICES);
  const struct gw_shared_limit_route *route = filters_of(policy)->shared_limit;
  assert_int_equal(route->count, 3);
  assert_name(&route->limits[0], "service/s/3/60000/3/0");
  assert_name(&route->limits[1], "route/GET,HEAD /a/1");
  assert_name(&route->limits[2], "service/s/0");
  const struct gw_http_connection_manager *http = &policy->listeners[0].http;
  for (uint32_t i = 0; i < http->filter_count; i++) {
    const struct gw_shared_limit *shared = &http->filters[i].settings.shared_limit;
    if (http->filters[i].kind != GW_FILTER_SHARED_LIMIT) continue;
    assert_int_equal(shared->count, 3);
    assert_name(&shared->limits[0], "global/0");
    assert_name(&shared->limits[1], "global/1");
    assert_name(&shared->limits[2], "plan");
    assert_int_equal(shared->limits[2].numbers.requests, 0);
    assert_null(shared->redis);
  }
  gw_policy_free(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mistakes_of_a_limit_tell_what_is_allowed), cmocka_unit_test(test_mistakes_beside_the_routes),
      cmocka_unit_test(test_keys_that_nobody_has_are_a_warning),       cmocka_unit_test(test_the_short_form_is_envoy_s_limit_by_the_client),
      cmocka_unit_test(test_what_envoy_has_no_word_for_is_our_limit),  cmocka_unit_test(test_limits_are_known_by_names_that_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
