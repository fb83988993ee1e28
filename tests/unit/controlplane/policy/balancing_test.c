/* load_balancing of services.yaml → clusters and routes. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

static struct gw_policy *load(const char *balancing) {
  char *services = gw_asprintf("services: {s: {instances: [{url: \"http://10.0.0.1\"}], load_balancing: %s}}", balancing);
  struct gw_policy *policy = fixture_good("routes: [{path: /a, service: s}]", services);
  free(services);
  return policy;
}

static void test_every_spelling_finds_its_policy(void **state) {
  (void)state;
  static const struct {
    const char *word;
    enum gw_lb_policy policy;
  } cases[] = {
      {"round_robin", GW_LB_ROUND_ROBIN},
      {"round-robin", GW_LB_ROUND_ROBIN},
      {"Round Robin", GW_LB_ROUND_ROBIN},
      {"ROUND_ROBIN", GW_LB_ROUND_ROBIN},
      {"weighted", GW_LB_ROUND_ROBIN},
      {"weighted-round-robin", GW_LB_ROUND_ROBIN},
      {"least_connections", GW_LB_LEAST_REQUEST},
      {"Least connections", GW_LB_LEAST_REQUEST},
      {"least-connection", GW_LB_LEAST_REQUEST},
      {"least_conn", GW_LB_LEAST_REQUEST},
      {"least_request", GW_LB_LEAST_REQUEST},
      {"random", GW_LB_RANDOM},
      {"Random", GW_LB_RANDOM},
      {"weighted_random", GW_LB_MAGLEV},
      {"{policy: weighted random}", GW_LB_MAGLEV},
      {"{policy: maglev, hash: client_address}", GW_LB_MAGLEV},
      {"{policy: ring-hash, hash: client_address}", GW_LB_RING_HASH},
      {"{panic_threshold: 20}", GW_LB_ROUND_ROBIN},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_policy *policy = load(cases[i].word);
    assert_int_equal(policy->clusters[0].balancing.policy, cases[i].policy);
    gw_policy_free(policy);
  }
}

static void test_defaults(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, service: s}]", FIXTURE_SERVICES);
  const struct gw_load_balancing *balancing = &policy->clusters[0].balancing;
  assert_int_equal(balancing->policy, GW_LB_ROUND_ROBIN);
  assert_int_equal(balancing->panic_threshold_percent, 50);
  assert_int_equal(balancing->slow_start.window_ms, 0);
  assert_int_equal(policy->route_configs[0].virtual_hosts[0].routes[0].forward.hash_policy_count, 0);
  gw_policy_free(policy);
}

static void test_settings_of_least_connections(void **state) {
  (void)state;
  struct gw_policy *policy =
      load("{policy: least_connections, choices: 5, active_request_bias: 0, panic_threshold: 0, slow_start: {window: 250ms, "
           "aggression: 3, min_weight_percent: 7}}");
  const struct gw_load_balancing *balancing = &policy->clusters[0].balancing;
  assert_int_equal(balancing->choice_count, 5);
  assert_true(balancing->active_request_bias == 0);
  assert_int_equal(balancing->panic_threshold_percent, 0);
  assert_int_equal(balancing->slow_start.window_ms, 250);
  assert_true(balancing->slow_start.aggression == 3 && balancing->slow_start.min_weight_percent == 7);
  gw_policy_free(policy);
  policy = load("{slow_start: 30s}");
  balancing = &policy->clusters[0].balancing;
  assert_int_equal(balancing->slow_start.window_ms, 30000);
  assert_true(balancing->slow_start.aggression == 1 && balancing->slow_start.min_weight_percent == 10);
  gw_policy_free(policy);
}

static void test_hash_goes_to_the_routes_of_the_service(void **state) {
  (void)state;
  struct gw_policy *policy =
      load("{policy: ring_hash, ring_size: 5, hash: [{header: X-User, terminal: true}, {cookie: a}, {cookie: {name: b, "
           "ttl: 1m, path: /x}}, {cookie: {name: c, ttl: session}}, {query: q}, client_address, {client_address: true}]}");
  assert_int_equal(policy->clusters[0].balancing.ring_size_min, 5);
  const struct gw_route_forward *forward = &policy->route_configs[0].virtual_hosts[0].routes[0].forward;
  static const struct gw_hash_policy expected[] = {
      {.kind = GW_HASH_HEADER, .name = GW_STR("X-User"), .is_terminal = true},
      {.kind = GW_HASH_COOKIE, .name = GW_STR("a")},
      {.kind = GW_HASH_COOKIE, .name = GW_STR("b"), .has_cookie_ttl = true, .cookie_ttl_ms = 60000, .cookie_path = GW_STR("/x")},
      {.kind = GW_HASH_COOKIE, .name = GW_STR("c"), .has_cookie_ttl = true},
      {.kind = GW_HASH_QUERY, .name = GW_STR("q")},
      {.kind = GW_HASH_CLIENT},
      {.kind = GW_HASH_CLIENT},
  };
  assert_int_equal(forward->hash_policy_count, GW_ARRAY_LEN(expected));
  for (size_t i = 0; i < GW_ARRAY_LEN(expected); i++) {
    assert_int_equal(forward->hash_policies[i].kind, expected[i].kind);
    assert_true(gw_str_equal(forward->hash_policies[i].name, expected[i].name));
    assert_int_equal(forward->hash_policies[i].is_terminal, expected[i].is_terminal);
    assert_int_equal(forward->hash_policies[i].has_cookie_ttl, expected[i].has_cookie_ttl);
    assert_int_equal(forward->hash_policies[i].cookie_ttl_ms, expected[i].cookie_ttl_ms);
    assert_true(gw_str_equal(forward->hash_policies[i].cookie_path, expected[i].cookie_path));
  }
  gw_policy_free(policy);
}

static void test_endpoints_are_sorted_by_priority_first(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: []", "services: {s: {instances: [{url: \"http://10.0.0.1\", priority: 2}, {url: "
                                                        "\"http://10.0.0.2\"}, {url: \"http://a.example\", priority: 1}]}}");
  const struct gw_endpoints *endpoints = policy->clusters[0].inline_endpoints;
  for (uint32_t i = 0; i < 3; i++)
    assert_int_equal(endpoints->items[i].priority, i);
  gw_policy_free(policy);
}

static void test_random_with_differing_weights_is_warned_about(void **state) {
  (void)state;
  char *told;
  struct gw_policy *policy = fixture_load("routes: []",
                                          "services:\n  s: {load_balancing: random,\n    instances: [{url: \"http://10.0.0.1\"}, {url: "
                                          "\"http://10.0.0.2\", weight: 2}]}\n",
                                          &told);
  assert_non_null(policy);
  assert_string_equal(told, "services.yaml:2:23: random does not look at weights, which differ in s; weighted_random does\n");
  free(told);
  gw_policy_free(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_spelling_finds_its_policy),        cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_settings_of_least_connections),          cmocka_unit_test(test_hash_goes_to_the_routes_of_the_service),
      cmocka_unit_test(test_endpoints_are_sorted_by_priority_first), cmocka_unit_test(test_random_with_differing_weights_is_warned_about),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
