/* retries, timeouts and retry_budget of both files → routes and clusters. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

static struct gw_policy *load(const char *route, const char *service) {
  GW_CLEANUP(gw_free_ptr) char *routes = gw_asprintf("routes: [{path: /a, service: s%s%s}]", *route != '\0' ? ", " : "", route);
  GW_CLEANUP(gw_free_ptr)
  char *services = gw_asprintf("services: {s: {instances: [{url: \"http://10.0.0.1\"}]%s%s}}", *service != '\0' ? ", " : "", service);
  return fixture_good(routes, services);
}

static const struct gw_virtual_host *host_of(const struct gw_policy *policy) {
  return &policy->route_configs[0].virtual_hosts[0];
}

static const struct gw_retry_policy *first_retry(const struct gw_policy *policy) {
  return host_of(policy)->routes[0].forward.retry;
}

/* Without a word: what no service can have acted on goes again, whatever its method. */
static void test_safe_retries_are_the_default_of_all_routes(void **state) {
  (void)state;
  struct gw_policy *policy = load("", "");
  const struct gw_retry_policy *retry = host_of(policy)->retry;
  assert_int_equal(host_of(policy)->route_count, 1);
  assert_ptr_equal(first_retry(policy), retry);
  assert_int_equal(retry->on, GW_RETRY_CONNECT_FAILURE | GW_RETRY_RESET_BEFORE_REQUEST | GW_RETRY_REFUSED_STREAM);
  assert_int_equal(retry->count, 2);
  assert_int_equal(retry->backoff_base_ms, 25);
  assert_int_equal(retry->backoff_max_ms, 250);
  assert_true(retry->avoids_previous_hosts);
  assert_int_equal(retry->host_attempts, 3);
  assert_int_equal(retry->buffer_bytes, 65536);
  assert_int_equal(retry->per_try_timeout_ms, 0);
  assert_true(host_of(policy)->tells_attempt_count);
  assert_true(policy->clusters[0].retry_budget.percent == 20);
  assert_int_equal(policy->clusters[0].retry_budget.min_concurrency, 3);
  gw_policy_free(policy);
}

static void test_off_is_off_in_each_spelling(void **state) {
  (void)state;
  static const char *const spellings[] = {"retries: off", "retries: false", "retries: 0", "retries: {attempts: 0}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(spellings); i++) {
    struct gw_policy *policy = load(spellings[i], "");
    assert_int_equal(first_retry(policy)->count, 0);
    assert_int_equal(first_retry(policy)->on, 0);
    gw_policy_free(policy);
    policy = load("", spellings[i]);
    assert_int_equal(first_retry(policy)->count, 0);
    gw_policy_free(policy);
  }
}

static void test_everything_that_can_be_said(void **state) {
  (void)state;
  struct gw_policy *policy = load("retries: {attempts: 4, on: [gateway-error, reset, 500, 429, unavailable], methods: all, "
                                  "backoff: {base: 10ms, max: 1s}, other_instance: false, buffer: 1MiB}, "
                                  "timeouts: {request: 9s, per_try: 2s, per_try_idle: 1s, stream_idle: 1m, max_duration: 1h}",
                                  "timeouts: {connect: 300ms}, retry_budget: {percent: 10, min_concurrency: 0}");
  const struct gw_retry_policy *retry = first_retry(policy);
  assert_int_equal(host_of(policy)->route_count, 1);
  assert_int_equal(retry->on, GW_RETRY_ALWAYS_SAFE | GW_RETRY_GATEWAY_ERROR | GW_RETRY_RESET | GW_RETRY_RETRIABLE_STATUS_CODES |
                                  GW_RETRY_GRPC_UNAVAILABLE);
  assert_int_equal(retry->status_code_count, 2);
  assert_int_equal(retry->status_codes[1], 429);
  assert_int_equal(retry->count, 4);
  assert_int_equal(retry->backoff_base_ms, 10);
  assert_int_equal(retry->backoff_max_ms, 1000);
  assert_false(retry->avoids_previous_hosts);
  assert_int_equal(retry->buffer_bytes, 1 << 20);
  assert_int_equal(retry->per_try_timeout_ms, 2000);
  assert_int_equal(retry->per_try_idle_timeout_ms, 1000);
  const struct gw_route_forward *forward = &host_of(policy)->routes[0].forward;
  assert_int_equal(forward->timeout_ms, 9000);
  assert_int_equal(forward->max_grpc_timeout_ms, 9000);
  assert_true(forward->has_idle_timeout);
  assert_int_equal(forward->idle_timeout_ms, 60000);
  assert_int_equal(forward->max_duration_ms, 3600000);
  assert_int_equal(policy->clusters[0].connect_timeout_ms, 300);
  assert_true(policy->clusters[0].retry_budget.percent == 10);
  assert_int_equal(policy->clusters[0].retry_budget.min_concurrency, 0);
  gw_policy_free(policy);
}

static void test_route_counts_before_its_service_key_by_key(void **state) {
  (void)state;
  const char *service =
      "retries: {attempts: 5, on: [5xx], backoff: {base: 1s}, buffer: 1KiB}, timeouts: {request: 7s, per_try: 1s, max_duration: 9m}";
  struct gw_policy *policy = load("", service);
  assert_int_equal(first_retry(policy)->count, 5);
  assert_int_equal(first_retry(policy)->on, GW_RETRY_ALWAYS_SAFE | GW_RETRY_5XX);
  assert_int_equal(first_retry(policy)->backoff_base_ms, 1000);
  assert_int_equal(first_retry(policy)->backoff_max_ms, 10000);
  assert_int_equal(host_of(policy)->routes[0].forward.timeout_ms, 7000);
  assert_int_equal(host_of(policy)->routes[0].forward.max_duration_ms, 540000);
  gw_policy_free(policy);
  policy = load("timeout: 3, retries: {attempts: 1, on: connect-failure}, timeouts: {per_try: 2s}", service);
  assert_int_equal(first_retry(policy)->count, 1);
  assert_int_equal(first_retry(policy)->on, GW_RETRY_ALWAYS_SAFE);
  assert_int_equal(first_retry(policy)->buffer_bytes, 1024);
  assert_int_equal(first_retry(policy)->per_try_timeout_ms, 2000);
  assert_int_equal(host_of(policy)->routes[0].forward.timeout_ms, 3000);
  gw_policy_free(policy);
  policy = load("retries: 3", "");
  assert_int_equal(first_retry(policy)->count, 3);
  assert_int_equal(first_retry(policy)->on, GW_RETRY_ALWAYS_SAFE);
  gw_policy_free(policy);
}

/* A route of its own in front, so that stock Envoy does the same. */
static void test_unsafe_retries_are_for_idempotent_methods(void **state) {
  (void)state;
  struct gw_policy *policy = load("retries: {on: [5xx, 429, unavailable]}", "");
  const struct gw_virtual_host *host = host_of(policy);
  assert_int_equal(host->route_count, 2);
  assert_true(gw_str_equal(host->routes[0].match.headers[0].name, GW_STR(":method")));
  assert_true(gw_str_equal(host->routes[0].match.headers[0].value, GW_STR("GET|HEAD|PUT|DELETE|OPTIONS")));
  assert_int_equal(host->routes[0].forward.retry->on,
                   GW_RETRY_ALWAYS_SAFE | GW_RETRY_5XX | GW_RETRY_RETRIABLE_STATUS_CODES | GW_RETRY_GRPC_UNAVAILABLE);
  assert_int_equal(host->routes[1].match.header_count, 0);
  assert_int_equal(host->routes[1].forward.retry->on, GW_RETRY_ALWAYS_SAFE | GW_RETRY_GRPC_UNAVAILABLE);
  assert_int_equal(host->routes[1].forward.retry->status_code_count, 0);
  assert_true(gw_str_equal(host->routes[0].name, host->routes[1].name));
  assert_int_equal(host->routes[1].index, 1);
  assert_int_equal(policy->route_count, 1); /* to the operator it is one */
  gw_policy_free(policy);
}

static void test_route_of_one_kind_of_methods_stays_one(void **state) {
  (void)state;
  struct gw_policy *policy = load("methods: [GET, DELETE], retries: {on: 5xx}", "");
  assert_int_equal(host_of(policy)->route_count, 2); /* and 405 */
  assert_int_equal(first_retry(policy)->on, GW_RETRY_ALWAYS_SAFE | GW_RETRY_5XX);
  gw_policy_free(policy);
  policy = load("methods: [POST, PATCH], retries: {on: 5xx}", "");
  assert_int_equal(host_of(policy)->route_count, 2);
  assert_ptr_equal(first_retry(policy), host_of(policy)->retry); /* what is left is the default */
  gw_policy_free(policy);
  policy = load("methods: [GET, POST], retries: {on: 5xx}", "");
  assert_int_equal(host_of(policy)->route_count, 3);
  assert_true(gw_str_equal(host_of(policy)->routes[0].match.headers[0].value, GW_STR("GET|HEAD")));
  assert_true(gw_str_equal(host_of(policy)->routes[1].match.headers[0].value, GW_STR("GET|HEAD|POST")));
  gw_policy_free(policy);
}

static void test_settings_are_the_last_word(void **state) {
  (void)state;
  static const char *const overrides[] = {"GATEWAY_RETRY_ATTEMPTS=0", "GATEWAY_RETRY_BUFFER=1KiB", "GATEWAY_RETRY_BUDGET_PERCENT=50",
                                          "GATEWAY_RETRY_BUDGET_MIN_CONCURRENCY=9", NULL};
  struct gw_settings *settings = fixture_settings(overrides);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy_source routes = {"r", GW_STR("routes: [{path: /a, service: s}, {path: /b, service: s, retries: 1}]")},
                          services = {"s", gw_str_from(FIXTURE_SERVICES)};
  struct gw_policy *policy = NULL;
  assert_int_equal(gw_policy_load(&routes, &services, settings, &errors, &policy), GW_OK);
  assert_null(host_of(policy)->retry);
  assert_null(host_of(policy)->routes[0].forward.retry);
  assert_int_equal(host_of(policy)->routes[1].forward.retry->count, 1);
  assert_int_equal(host_of(policy)->routes[1].forward.retry->buffer_bytes, 1024);
  assert_true(host_of(policy)->tells_attempt_count);
  assert_true(policy->clusters[0].retry_budget.percent == 50);
  assert_int_equal(policy->clusters[0].retry_budget.min_concurrency, 9);
  gw_policy_free(policy);
  routes.text = GW_STR("routes: [{path: /a, service: s}]");
  assert_int_equal(gw_policy_load(&routes, &services, settings, &errors, &policy), GW_OK);
  assert_false(host_of(policy)->tells_attempt_count);
  gw_policy_free(policy);
  gw_errors_done(&errors);
  gw_settings_free(settings);
}

/* Conditions and rewriting are of both halves of a route; each host has the same default. */
static void test_rules_and_retries_meet_in_one_route(void **state) {
  (void)state;
  struct gw_policy *policy =
      fixture_good("routes:\n"
                   "- {path: /a, service: s, hosts: [x.example], match: {headers: {x-a: b}}, rewrite: {host: inner}, retries: {on: 5xx}}\n"
                   "- {path: /b, hosts: [y.example], redirect: {path: /c}}\n",
                   "services: {s: {instances: [{url: \"http://10.0.0.1\"}]}}");
  const struct gw_route_config *config = &policy->route_configs[0];
  const struct gw_virtual_host *of_x = NULL;
  for (uint32_t i = 0; i < config->virtual_host_count; i++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[i];
    assert_int_equal(host->retry->on, GW_RETRY_ALWAYS_SAFE);
    assert_true(host->tells_attempt_count);
    if (gw_str_equal(host->domains[0], GW_STR("x.example"))) of_x = host;
  }
  assert_non_null(of_x);
  const struct gw_route *first = &of_x->routes[0], *second = &of_x->routes[1];
  assert_int_equal(first->match.header_count, 2);
  assert_true(gw_str_equal(first->match.headers[0].name, GW_STR(":method")));
  assert_true(gw_str_equal(first->match.headers[1].name, GW_STR("x-a")));
  assert_true(gw_str_equal(first->forward.host_rewrite, GW_STR("inner")));
  assert_int_equal(first->forward.retry->on, GW_RETRY_ALWAYS_SAFE | GW_RETRY_5XX);
  assert_int_equal(second->match.header_count, 1);
  assert_true(gw_str_equal(second->match.headers[0].name, GW_STR("x-a")));
  assert_true(gw_str_equal(second->forward.host_rewrite, GW_STR("inner")));
  assert_ptr_equal(second->forward.retry, of_x->retry);
  assert_int_equal(policy->route_count, 2);
  gw_policy_free(policy);
}

#define SPLIT_SERVICES                                                                                                                     \
  "services: {a: {instances: [], retries: {on: 503, methods: all}, timeouts: {per_try: 1s, request: 4s, connect: 1s}}, "                   \
  "b: {instances: [], retries: {on: 503, methods: all}, timeouts: {per_try: 1s, request: 4s, connect: 2s}}, "                              \
  "c: {instances: [], retries: {on: 502, methods: all}, timeouts: {per_try: 2s, request: 4s}}}"

static void test_services_of_a_split_share_retries_and_timeouts(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, split: {a: 9, b: 1}}]", SPLIT_SERVICES);
  const struct gw_route_forward *forward = &host_of(policy)->routes[0].forward;
  assert_non_null(forward->split);
  assert_int_equal(forward->retry->status_codes[0], 503);
  assert_int_equal(forward->retry->per_try_timeout_ms, 1000);
  assert_int_equal(forward->timeout_ms, 4000);
  assert_int_equal(policy->clusters[0].connect_timeout_ms, 1000);
  assert_int_equal(policy->clusters[1].connect_timeout_ms, 2000);
  gw_policy_free(policy);
  policy = fixture_good("routes: [{path: /a, split: {a: 9, c: 1}, retries: {on: 500}, timeouts: {per_try: 3s}}]", SPLIT_SERVICES);
  assert_int_equal(first_retry(policy)->status_codes[0], 500);
  assert_int_equal(first_retry(policy)->per_try_timeout_ms, 3000);
  gw_policy_free(policy);
  fixture_refused("routes: [{path: /a, split: {a: 9, c: 1}}]", SPLIT_SERVICES,
                  "routes.yaml:1:35: the services of a split have different retries; say which by the route's retries\n"
                  "routes.yaml:1:35: the services of a split have different timeouts; say which by the route's timeouts\n");
}

static void test_every_mistake_is_told_with_its_place(void **state) {
  (void)state;
  fixture_refused("routes:\n"
                  "- {path: /a, service: s, retries: {attempts: 11, on: [6xx], methods: some, buffer: 17MiB}}\n"
                  "- {path: /b, service: s, retries: {backoff: {base: 2s, max: 1s}, tries: 2}}\n"
                  "- {path: /c, service: s, retries: {backoff: {base: 2s, max: 1s}}}\n"
                  "- {path: /d, service: s, timeout: 3, timeouts: {request: 3, connect: 1}}\n"
                  "- {path: /e, service: s, timeout: 3, timeouts: {request: 3}}\n"
                  "- {path: /f, service: s, retries: maybe}\n"
                  "- {path: /g, redirect: {host: x}, retries: 1, timeouts: {per_try: 1s}}\n",
                  "services: {s: {instances: [], retry_budget: {percent: 101}}}",
                  "services.yaml:1:55: percent is a whole number from 0 to 100\n"
                  "routes.yaml:2:46: attempts is a whole number from 0 to 10\n"
                  "routes.yaml:2:55: on lists status codes from 400 to 599 and: 5xx, gateway-error, connect-failure, reset, "
                  "reset-before-request, refused-stream, retriable-4xx, cancelled, deadline-exceeded, resource-exhausted, internal, "
                  "unavailable\n"
                  "routes.yaml:2:70: methods is idempotent (GET, HEAD, PUT, DELETE, OPTIONS) or all: retries of others may do things "
                  "twice\n"
                  "routes.yaml:2:84: buffer is bytes from 0 to 16MiB, such as 65536 or 64KiB\n"
                  "routes.yaml:3:66: retries has no key tries; allowed: attempts, on, methods, backoff, other_instance, buffer\n"
                  "routes.yaml:3:61: max is not less than base\n"
                  "routes.yaml:4:61: max is not less than base\n"
                  "routes.yaml:5:61: timeouts has no key connect; allowed: request, per_try, per_try_idle, stream_idle, max_duration\n"
                  "routes.yaml:5:35: timeout and timeouts.request say the same; write one\n"
                  "routes.yaml:6:35: timeout and timeouts.request say the same; write one\n"
                  "routes.yaml:7:35: retries (a number, off, or a mapping) is a whole number from 0 to 10\n"
                  "routes.yaml:8:57: timeouts is for service and split\n"
                  "routes.yaml:8:44: retries is for service and split\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_safe_retries_are_the_default_of_all_routes),
      cmocka_unit_test(test_off_is_off_in_each_spelling),
      cmocka_unit_test(test_everything_that_can_be_said),
      cmocka_unit_test(test_route_counts_before_its_service_key_by_key),
      cmocka_unit_test(test_unsafe_retries_are_for_idempotent_methods),
      cmocka_unit_test(test_route_of_one_kind_of_methods_stays_one),
      cmocka_unit_test(test_settings_are_the_last_word),
      cmocka_unit_test(test_rules_and_retries_meet_in_one_route),
      cmocka_unit_test(test_services_of_a_split_share_retries_and_timeouts),
      cmocka_unit_test(test_every_mistake_is_told_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
