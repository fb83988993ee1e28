/* What routes.yaml and services.yaml become. */
#include "controlplane/policy/policy.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "common/routing/route_table.h"
#include "common/xds/codec.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

/* "method name → what", a line a route, in the order of the wire. */
static char *show_routes(const struct gw_policy *policy) {
  static const char *const kinds[] =
      {[GW_PATH_MATCH_EXACT] = "exact", [GW_PATH_MATCH_REGEX] = "regex", [GW_PATH_MATCH_TEMPLATE] = "template"};
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  const struct gw_virtual_host *host = &policy->route_configs[0].virtual_hosts[0];
  for (uint32_t i = 0; i < host->route_count; i++) {
    const struct gw_route *route = &host->routes[i];
    assert_int_equal(route->index, i);
    gw_strbuf_printf(&out, "%.*s: %s", GW_STR_ARG(route->name), kinds[route->match.kind]);
    if (route->match.header_count > 0) gw_strbuf_printf(&out, " [%.*s]", GW_STR_ARG(route->match.headers[0].value));
    if (route->action == GW_ROUTE_FORWARD)
      gw_strbuf_printf(&out, " -> %.*s %llu ms\n", GW_STR_ARG(route->forward.cluster), (unsigned long long)route->forward.timeout_ms);
    else
      gw_strbuf_printf(&out, " -> %u\n", route->direct.status);
  }
  return gw_strbuf_take(&out);
}

static void assert_routes(const char *routes, const char *expected) {
  struct gw_policy *policy = fixture_good(routes, FIXTURE_SERVICES);
  char *shown = show_routes(policy);
  assert_string_equal(shown, expected);
  free(shown);
  gw_policy_free(policy);
}

static void test_load_of_the_origins_form(void **state) {
  (void)state;
  char *told;
  struct gw_policy *policy = fixture_load("routes:\n"
                                          "  - path: /projects\n"
                                          "    service: project-service\n"
                                          "    methods: [GET, POST]\n"
                                          "    auth_required: true\n"
                                          "    rate_limit: 100\n"
                                          "    timeout: 30\n",
                                          "services:\n"
                                          "  project-service:\n"
                                          "    instances:\n"
                                          "      - url: http://project-service-1:8000\n"
                                          "        weight: 1\n"
                                          "        healthy: true\n",
                                          &told);
  assert_non_null(policy);
  assert_null(strstr(told, "rate_limit"));
  free(told);
  char *shown = show_routes(policy);
  assert_string_equal(shown, "GET,HEAD,POST /projects: exact [GET|HEAD|POST] -> 501\n405 /projects: exact -> 405\n");
  free(shown);
  const struct gw_virtual_host *host = &policy->route_configs[0].virtual_hosts[0];
  assert_true(gw_str_equal(host->routes[0].direct.body, GW_STR("{\"error\": 501, \"message\": \"no way to authenticate is configured\"}")));
  assert_true(gw_str_equal(host->routes[1].response_headers->add[0].value, GW_STR("GET, HEAD, POST")));
  const struct gw_cluster *cluster = &policy->clusters[0];
  assert_int_equal(cluster->kind, GW_CLUSTER_STRICT_DNS);
  assert_true(gw_str_equal(cluster->inline_endpoints->items[0].address, GW_STR("project-service-1")));
  assert_int_equal(cluster->inline_endpoints->items[0].port, 8000);
  assert_int_equal(policy->static_endpoints_count, 0);
  assert_int_equal(policy->routes[0].line, 2);
  assert_int_equal(policy->routes[0].column, 11);
  gw_policy_free(policy);
}

static void test_order_is_literal_before_one_before_rest_from_the_left(void **state) {
  (void)state;
  assert_routes("routes:\n"
                "  - {path: \"/**\", service: s}\n"
                "  - {path: \"/{a}/b\", service: s}\n"
                "  - {path: \"/a/{b=**}\", service: s}\n"
                "  - {path: \"/a/*\", service: s}\n"
                "  - {path: \"/a/{b}/c\", service: s}\n"
                "  - {path: /a/b, service: s}\n"
                "  - {path: /a/, service: s}\n"
                "  - {path: /a, service: s}\n"
                "  - {path: /, service: s, timeout: 250ms}\n",
                "/: exact -> s 250 ms\n"
                "/a: exact -> s 30000 ms\n"
                "/a/: exact -> s 30000 ms\n"
                "/a/b: exact -> s 30000 ms\n"
                "/a/*: template -> s 30000 ms\n"
                "/a/{b}/c: template -> s 30000 ms\n"
                "/a/{b=**}: template -> s 30000 ms\n"
                "/{a}/b: template -> s 30000 ms\n"
                "/**: template -> s 30000 ms\n");
}

/* The policy of the path that wins decides: what its routes don't take doesn't fall through to another path. */
static void test_other_methods_of_a_path_are_refused_behind_its_routes(void **state) {
  (void)state;
  assert_routes("routes:\n"
                "  - {path: \"/a/{x}\", service: s, methods: [GET]}\n"
                "  - {path: /a/b, service: s, methods: [POST]}\n"
                "  - {path: /a/b, service: t, methods: [DELETE, PUT], auth_required: true}\n",
                "POST /a/b: exact [POST] -> s 30000 ms\n"
                "PUT,DELETE /a/b: exact [PUT|DELETE] -> 501\n"
                "405 /a/b: exact -> 405\n"
                "GET,HEAD /a/{x}: template [GET|HEAD] -> s 30000 ms\n"
                "405 /a/{x}: template -> 405\n");
}

static void test_route_without_methods_takes_what_the_others_of_its_path_leave(void **state) {
  (void)state;
  assert_routes("routes:\n"
                "  - {path: \"/a/{x}\", service: s}\n"
                "  - {path: \"/a/{y}\", service: t, methods: [GET]}\n",
                "GET,HEAD /a/{y}: template [GET|HEAD] -> t 30000 ms\n"
                "/a/{x}: template -> s 30000 ms\n");
}

static void test_written_head_goes_before_the_one_that_get_implies(void **state) {
  (void)state;
  assert_routes("routes:\n"
                "  - {path: /a, service: s, methods: [GET]}\n"
                "  - {path: /a, service: t, methods: [HEAD]}\n",
                "GET /a: exact [GET] -> s 30000 ms\n"
                "HEAD /a: exact [HEAD] -> t 30000 ms\n"
                "405 /a: exact -> 405\n");
}

/* Where Envoy would refuse a template, or read it otherwise, a regular expression says the same. */
static void test_paths_that_are_no_template_for_envoy_become_regular_expressions(void **state) {
  (void)state;
  assert_routes("routes:\n"
                "  - {path: \"/1/{a}/{b}/{c}/{d}/{e}\", service: s}\n"
                "  - {path: \"/2/{a}/{b}/{c}/{d}/{e}/{f}\", service: s}\n"
                "  - {path: \"/3/{abcdefghijklmnop}\", service: s}\n"
                "  - {path: \"/4/{abcdefghijklmnopq}\", service: s}\n"
                "  - {path: \"/5/{_a}\", service: s}\n"
                "  - {path: \"/6/*/*/*/*/*/*/*\", service: s}\n"
                "  - {path: \"/7/a.b$c(d)+/{x}\", service: s}\n",
                "/1/{a}/{b}/{c}/{d}/{e}: template -> s 30000 ms\n"
                "/2/{a}/{b}/{c}/{d}/{e}/{f}: regex -> s 30000 ms\n"
                "/3/{abcdefghijklmnop}: template -> s 30000 ms\n"
                "/4/{abcdefghijklmnopq}: regex -> s 30000 ms\n"
                "/5/{_a}: regex -> s 30000 ms\n"
                "/6/*/*/*/*/*/*/*: template -> s 30000 ms\n"
                "/7/a.b$c(d)+/{x}: template -> s 30000 ms\n");
}

static const char *name_of_match(const struct gw_route_table *table, const char *method, const char *path) {
  static char name[256];
  struct gw_arena scratch;
  gw_arena_init(&scratch, 1024);
  struct gw_request_head head = {.method = gw_method_find(gw_str_from(method)),
                                 .method_name = gw_str_from(method),
                                 .path = gw_str_from(path),
                                 .authority = GW_STR("any.example"),
                                 .scheme = GW_STR("http"),
                                 .content_length = GW_LENGTH_NONE};
  struct gw_route_hit hit;
  gw_route_table_match(table, &head, &scratch, &hit);
  snprintf(name, sizeof(name), "%.*s", hit.route != NULL ? (int)hit.route->name.len : 4, hit.route != NULL ? hit.route->name.data : "none");
  gw_arena_done(&scratch);
  return name;
}

/* From the file to what a data plane does with it. */
static void test_requests_find_the_routes_that_the_file_means(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: \"/a/{x}\", service: s, methods: [GET]}\n"
                                          "  - {path: /a/b, service: s, methods: [POST]}\n"
                                          "  - {path: \"/f/**\", service: s}\n"
                                          "  - {path: \"/f/private/{r=**}\", service: t}\n"
                                          "  - {path: \"/m/{a}/{b}/{c}/{d}/{e}/{f}\", service: s}\n"
                                          "  - {path: \"/brew\", service: s, methods: [BREW, GET]}\n",
                                          FIXTURE_SERVICES);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  assert_int_equal(gw_route_table_build(&policy->route_configs[0], &errors, &table), GW_OK);
  static const struct {
    const char *method, *path, *name;
  } cases[] = {
      {"GET", "/a/c", "GET,HEAD /a/{x}"},
      {"HEAD", "/a/c?q=/b", "GET,HEAD /a/{x}"},
      {"GET", "/a/b", "405 /a/b"},
      {"POST", "/a/b", "POST /a/b"},
      {"POST", "/a/c", "405 /a/{x}"},
      {"GET", "/a/", "none"},
      {"GET", "/a/b/", "none"},
      {"GET", "/A/c", "none"},
      {"GET", "/f", "none"},
      {"GET", "/f/", "/f/**"},
      {"BREW", "/f/x/y", "/f/**"},
      {"GET", "/f/private", "/f/**"},
      {"GET", "/f/private/", "/f/private/{r=**}"},
      {"GET", "/m/1/2/3/4/5/6", "/m/{a}/{b}/{c}/{d}/{e}/{f}"},
      {"GET", "/m/1/2/3/4/5/", "none"},
      {"BREW", "/brew", "GET,HEAD,BREW /brew"},
      {"BAKE", "/brew", "405 /brew"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    assert_string_equal(name_of_match(table, cases[i].method, cases[i].path), cases[i].name);
  gw_route_table_free(table);
  gw_errors_done(&errors);
  gw_policy_free(policy);
}

static void test_services_of_addresses_are_eds_with_sorted_endpoints(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: []", "services:\n"
                                                        "  addresses:\n"
                                                        "    instances:\n"
                                                        "      - url: http://10.0.0.2:8000\n"
                                                        "        weight: 3\n"
                                                        "      - url: http://10.0.0.1\n"
                                                        "      - url: \"http://[2001:DB8:0::1]:81\"\n"
                                                        "      - {url: \"http://10.0.0.3\", weight: 0}\n"
                                                        "      - {url: \"http://10.0.0.4\", healthy: no}\n"
                                                        "      - url: http://10.0.0.1:79\n"
                                                        "  empty: {instances: []}\n");
  assert_int_equal(policy->cluster_count, 2);
  assert_int_equal(policy->clusters[0].kind, GW_CLUSTER_EDS);
  assert_null(policy->clusters[0].inline_endpoints);
  assert_int_equal(policy->static_endpoints_count, 2);
  const struct gw_endpoints *endpoints = &policy->static_endpoints[0];
  static const struct {
    const char *address;
    uint16_t port;
    uint32_t weight;
  } expected[] = {{"10.0.0.1", 79, 1}, {"10.0.0.1", 80, 1}, {"10.0.0.2", 8000, 3}, {"2001:db8::1", 81, 1}};
  assert_int_equal(endpoints->count, GW_ARRAY_LEN(expected));
  for (uint32_t i = 0; i < endpoints->count; i++) {
    assert_true(gw_str_equal(endpoints->items[i].address, gw_str_from(expected[i].address)));
    assert_int_equal(endpoints->items[i].port, expected[i].port);
    assert_int_equal(endpoints->items[i].weight, expected[i].weight);
  }
  assert_int_equal(policy->static_endpoints[1].count, 0);
  gw_policy_free(policy);
}

static void test_any_host_name_makes_a_service_strict_dns(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: []", "services: {mixed: {instances: [{url: \"http://B.example\"}, "
                                                        "{url: \"http://10.0.0.1:8000\"}, {url: \"http://my_backend-1:81\"}]}}");
  assert_int_equal(policy->clusters[0].kind, GW_CLUSTER_STRICT_DNS);
  const struct gw_endpoints *endpoints = policy->clusters[0].inline_endpoints;
  assert_int_equal(endpoints->count, 3);
  assert_true(gw_str_equal(endpoints->items[1].address, GW_STR("b.example")));
  assert_true(gw_str_equal(endpoints->items[2].address, GW_STR("my_backend-1")));
  assert_int_equal(policy->static_endpoints_count, 0);
  gw_policy_free(policy);
}

static void test_base_path_becomes_a_rewrite(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: \"/a/{x}\", service: s}]",
                                          "services: {s: {instances: [{url: \"http://h/base/v1/\"}, {url: \"http://i:1/base/v1\"}]}}");
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  assert_int_equal(gw_route_table_build(&policy->route_configs[0], &errors, &table), GW_OK);
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_str path = gw_route_table_rewrite(table, &policy->route_configs[0].virtual_hosts[0].routes[0], GW_STR("/a/1?b=/c"), &arena);
  assert_true(gw_str_equal(path, GW_STR("/base/v1/a/1?b=/c")));
  gw_arena_done(&arena);
  gw_route_table_free(table);
  gw_errors_done(&errors);
  gw_policy_free(policy);
}

static void test_listener_says_every_setting(void **state) {
  (void)state;
  const char *overrides[] = {"HOST=127.0.0.1",
                             "PORT=0",
                             "GATEWAY_ACCESS_LOG=text",
                             "GATEWAY_METRICS_ALLOW=10.0.0.0/8, ::1",
                             "GATEWAY_IDLE_TIMEOUT=5s",
                             "GATEWAY_MAX_HEADERS_COUNT=50",
                             NULL};
  struct gw_settings *settings = fixture_settings(overrides);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy *policy = NULL;
  struct gw_policy_source routes = {"r", GW_STR("routes: []")}, services = {"s", GW_STR("services: {}")};
  assert_int_equal(gw_policy_load(&routes, &services, settings, &errors, &policy), GW_OK);
  gw_settings_free(settings);
  assert_int_equal(policy->listener_count, 1);
  const struct gw_listener *listener = policy->listeners;
  assert_true(gw_str_equal(listener->name, GW_STR("gateway")));
  assert_true(gw_str_equal(listener->address, GW_STR("127.0.0.1")));
  assert_int_equal(listener->port, 0);
  const struct gw_http_connection_manager *http = &listener->http;
  assert_true(http->normalize_path && http->merge_slashes && http->use_remote_address && http->generate_request_id);
  assert_int_equal(http->escaped_slashes, GW_ESCAPED_SLASHES_REJECT);
  assert_int_equal(http->underscores, GW_UNDERSCORES_DROP);
  assert_int_equal(http->idle_timeout_ms, 5000);
  assert_int_equal(http->max_headers_count, 50);
  assert_int_equal(http->access_log_count, 1);
  assert_true(http->access_logs[0].text.len > 0 && http->access_logs[0].text.data[http->access_logs[0].text.len - 1] == '\n');
  assert_int_equal(http->filter_count, 4);
  assert_int_equal(http->filters[0].kind, GW_FILTER_LIMITS);
  assert_int_equal(http->filters[1].kind, GW_FILTER_NODE_ENDPOINTS);
  assert_int_equal(http->filters[1].settings.node_endpoints.metrics_allow_count, 2);
  assert_true(gw_str_equal(http->filters[1].settings.node_endpoints.metrics_allow[1], GW_STR("::1/128")));
  assert_int_equal(http->filters[2].kind, GW_FILTER_IDENTITY);
  assert_int_equal(http->filters[3].kind, GW_FILTER_ROUTER);
  gw_resource_unref(gw_xds_encode_listener(listener)); /* what it says can be said */
  gw_policy_free(policy);
  gw_errors_done(&errors);
}

/* The text line and the JSON fields say the path without its query, and no cookie or credential. */
static void test_access_log_says_no_query_and_no_credential(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: []", "services: {}");
  const struct gw_access_log *log = policy->listeners[0].http.access_logs;
  bool has_path = false;
  for (uint32_t i = 0; i < log->field_count; i++) {
    struct gw_str format = log->fields[i].format;
    has_path = has_path || gw_str_equal(format, GW_STR("%PATH(NQ)%"));
    assert_null(memmem(format.data, format.len, ":PATH", 5));
    assert_null(memmem(format.data, format.len, "COOKIE", 6));
    assert_null(memmem(format.data, format.len, "AUTHORIZATION", 13));
    assert_null(memmem(format.data, format.len, "REFERER", 7));
  }
  assert_true(has_path);
  gw_policy_free(policy);
}

static void load_pair(const char *folder) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  /* What an example needs of settings lies beside it. */
  char *env_file = gw_asprintf("%s/settings.env", folder);
  struct gw_settings *settings = NULL;
  if (gw_settings_load(access(env_file, F_OK) == 0 ? env_file : "/dev/null", NULL, &errors, &settings) != GW_OK)
    fail_msg("%s", gw_errors_format(&errors));
  free(env_file);
  struct gw_str texts[2];
  char *names[2] = {gw_asprintf("%s/routes.yaml", folder), gw_asprintf("%s/services.yaml", folder)};
  for (int i = 0; i < 2; i++)
    if (gw_policy_read_file(names[i], &errors, &texts[i]) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  struct gw_policy_source routes = {names[0], texts[0]}, services = {names[1], texts[1]};
  struct gw_policy *policy = NULL;
  if (gw_policy_load(&routes, &services, settings, &errors, &policy) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  assert_true(policy->route_count > 0 && policy->cluster_count > 0);
  gw_policy_free(policy);
  gw_errors_done(&errors);
  gw_settings_free(settings);
  for (int i = 0; i < 2; i++) {
    free((char *)(uintptr_t)texts[i].data);
    free(names[i]);
  }
}

static void test_shipped_files_and_examples_load(void **state) {
  (void)state;
  load_pair(GW_SOURCE_DIR "/config");
  DIR *examples = opendir(GW_SOURCE_DIR "/config/examples");
  assert_non_null(examples);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(examples)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char *folder = gw_asprintf(GW_SOURCE_DIR "/config/examples/%s", entry->d_name);
    load_pair(folder);
    free(folder);
    count++;
  }
  closedir(examples);
  assert_in_range(count, 7, 1000);
}

static void test_read_file_says_why_it_can_not(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_str text = {NULL, 0};
  assert_int_not_equal(gw_policy_read_file("/nowhere/routes.yaml", &errors, &text), GW_OK);
  assert_int_not_equal(gw_policy_read_file("/dev", &errors, &text), GW_OK);
  char *told = gw_errors_format(&errors);
  assert_string_equal(told, "/nowhere/routes.yaml: cannot be opened: No such file or directory\n"
                            "/dev: is a directory; a file is wanted\n");
  free(told);
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_load_of_the_origins_form),
      cmocka_unit_test(test_order_is_literal_before_one_before_rest_from_the_left),
      cmocka_unit_test(test_other_methods_of_a_path_are_refused_behind_its_routes),
      cmocka_unit_test(test_route_without_methods_takes_what_the_others_of_its_path_leave),
      cmocka_unit_test(test_written_head_goes_before_the_one_that_get_implies),
      cmocka_unit_test(test_paths_that_are_no_template_for_envoy_become_regular_expressions),
      cmocka_unit_test(test_requests_find_the_routes_that_the_file_means),
      cmocka_unit_test(test_services_of_addresses_are_eds_with_sorted_endpoints),
      cmocka_unit_test(test_any_host_name_makes_a_service_strict_dns),
      cmocka_unit_test(test_base_path_becomes_a_rewrite),
      cmocka_unit_test(test_listener_says_every_setting),
      cmocka_unit_test(test_access_log_says_no_query_and_no_credential),
      cmocka_unit_test(test_shipped_files_and_examples_load),
      cmocka_unit_test(test_read_file_says_why_it_can_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
