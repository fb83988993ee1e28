/* Traffic rules: hosts, conditions, rewriting, splits, answers and changes of heads, as routes.yaml says them. */
#include <stdio.h>

#include "common/routing/route_table.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define SERVICES                                                                                                                           \
  "services: {s: {instances: [{url: \"http://127.0.0.1:9001\"}]}, t: {instances: [{url: \"http://127.0.0.1:9002\"}]}, "                    \
  "u: {instances: [{url: \"http://127.0.0.1:9003\"}]}, based: {instances: [{url: \"http://127.0.0.1:9004/base\"}]}, "                      \
  "ring: {load_balancing: {policy: ring_hash, hash: {header: X-A}}, instances: [{url: \"http://127.0.0.1:9005\"}]}, "                      \
  "maglev: {load_balancing: {policy: maglev, hash: {header: X-B}}, instances: [{url: \"http://127.0.0.1:9006\"}]}}"

/* ---- mistakes ---- */

struct mistake {
  const char *route; /* in the second line, column 5 on */
  const char *told;  /* without "routes.yaml:2:" */
};

static void test_mistakes_of_rules(void **state) {
  (void)state;
  static const struct mistake cases[] = {
      {"{path: /a, path_regex: /b, service: s}", "28: a route has either path or path_regex"},
      {"{path_regex: \"/(?=a)\", service: s}", "18: path_regex uses lookaround; allowed is RE2's syntax"},
      {"{path_regex: \"/(\", service: s}", "18: path_regex is no regular expression: missing closing parenthesis at byte 2"},
      {"{path_regex: \"a.*\", service: s}", "18: a.*: it matches no path, since they all begin with /"},
      {"{path: /a, service: s, hosts: []}", "35: hosts lists 1 to 64 hosts; leave it out for all"},
      {"{path: /a, service: s, hosts: \"a.*.b\"}",
       "35: a.*.b is not like example.com, \"*.example.com\", \"example.*\" or \"*\"; ports are not looked at"},
      {"{path: /a, service: s, hosts: \"a.b:80\"}",
       "35: a.b:80 is not like example.com, \"*.example.com\", \"example.*\" or \"*\"; ports are not looked at"},
      {"{path: /a, service: s, hosts: [a.b, A.B]}", "41: A.B stands here twice"},
      {"{path: /a, service: s, match: {}}", "35: match has 1 to 32 conditions; leave it out for none"},
      {"{path: /a, service: s, match: {header: {X: y}}}", "36: match has no key header (headers?); allowed: headers, query, cookies"},
      {"{path: /a, service: s, match: {headers: {Host: x}}}", "46: the host is matched by hosts"},
      {"{path: /a, service: s, match: {headers: {\"a b\": x}}}", "46: a b is not the name of a header"},
      {"{path: /a, service: s, match: {headers: {X: {exact: a, prefix: b}}}}",
       "49: a condition is one of exact, prefix, suffix, contains, regex and present"},
      {"{path: /a, service: s, match: {headers: {X: {regex: \"(\"}}}}",
       "57: regex is no regular expression: missing closing parenthesis at byte 1"},
      {"{path: /a, service: s, match: {headers: {X: {present: true, invert: true}}}}",
       "73: invert is not for present; write present: false"},
      {"{path: /a, service: s, match: {headers: {X: {regex: a, ignore_case: true}}}}",
       "73: ignore_case is for exact, prefix, suffix and contains"},
      {"{path: /a, service: s, match: {query: {\"a&b\": x}}}",
       "44: the name of a parameter is compared as it stands in the query: no space, & = # or ? and only ASCII"},
      {"{path: /a, service: s, match: {query: {a: {exact: b, invert: true}}}}",
       "47: invert is for headers and cookies; of a parameter only present: false is known"},
      {"{path: /a, service: s, match: {cookies: {a: \"b;c\"}}}", "49: the value of a cookie has no ;"},
      {"{path: /a, service: s, split: {s: 1}}", "5: a route has only one of service, split, redirect and respond"},
      {"{path: /a, split: [s]}", "23: split names 1 to 64 services and their weights, such as {shop: 90, shop-canary: 10}"},
      {"{path: /a, split: {s: 0, t: 0}}", "23: split needs a weight of more than 0"},
      {"{path: /a, split: {s: 1, x: 1}}", "30: service x is not in services.yaml"},
      {"{path: /a, split: {s: 1, based: 1}}", "30: the services of a split have one base path; s and based differ"},
      {"{path: /a, split: {ring: 1, maglev: 1}}", "33: the services of a split go by different hashes; say which by sticky"},
      {"{path: /a, service: s, sticky: {header: X}}",
       "36: sticky is for split; of one service, load_balancing says which instance gets a request"},
      {"{path: /a, service: s, rewrite: {}}", "37: rewrite has prefix, path, regex or host"},
      {"{path: /a, service: s, rewrite: {prefix: /b, path: /c}}", "37: only one of prefix, path and regex can be"},
      {"{path: /a, service: s, rewrite: {prefix: b}}", "46: prefix is a path such as /v2, without a query"},
      {"{path_regex: /a.*, service: s, rewrite: {prefix: /b}}",
       "54: prefix is for path: it replaces what that begins with; with path_regex use regex"},
      {"{path: \"/a/{x}\", service: s, rewrite: {path: \"/{y}\"}}", "50: /{y}: {y} is no variable of the route's path"},
      {"{path: /a, service: s, rewrite: {path: \"/b?c\"}}", "44: path is a path such as /v2/{id}, without a query"},
      {"{path: /a, service: s, rewrite: {regex: {pattern: \"(a)\", substitution: '\\2'}}}",
       "76: substitution names a group that the pattern lacks"},
      {"{path: /a, service: based, rewrite: {regex: {pattern: a, substitution: b}}}",
       "41: regex says the whole path, but based adds its base path /base; use prefix or path"},
      {"{path: /a, service: s, rewrite: {host: \"a b\"}}", "44: host is a name, perhaps with a port: inner.example:8080"},
      {"{path: /a, redirect: {}}", "26: redirect needs scheme, host, port, path, prefix or regex, or it would lead back here"},
      {"{path: /a, redirect: {host: b, status: 305}}", "44: status is 301, 302, 303, 307 or 308"},
      {"{path: /a, redirect: {scheme: ftp}}", "35: scheme is http or https"},
      {"{path: /a, redirect: {host: \"b:80\"}}", "33: host is a name or an address; its port is said by port"},
      {"{path: /a, redirect: {host: b}, timeout: 5s}", "46: timeout is for service and split"},
      {"{path: /a, respond: {body: x}}", "25: respond needs a status"},
      {"{path: /a, respond: {status: 199}}", "34: status is a whole number from 200 to 599"},
      {"{path: /a, respond: {status: 200}, rewrite: {host: b}}", "49: rewrite is for service and split"},
      {"{path: /a, service: s, max_request_body: 1MB}",
       "46: max_request_body is a number of bytes, such as 65536, 64KiB or 100MiB; 0: no limit"},
      {"{path: /a, service: s, request_headers: {}}", "45: request_headers makes 1 to 64 changes, by set, add, default and remove"},
      {"{path: /a, service: s, request_headers: {set: {Connection: x}}}",
       "52: Connection can't be changed by a route: it is for one connection only"},
      {"{path: /a, service: s, request_headers: {set: {Content-Length: 0}}}",
       "52: Content-Length can't be changed by a route: it says where the body ends"},
      {"{path: /a, service: s, request_headers: {remove: [Host]}}",
       "55: Host can't be changed by a route: it is changed by rewriting the host"},
      {"{path: /a, service: s, request_headers: {set: {\":path\": x}}}", "52: :path is not the name of a header"},
      {"{path: /a, service: s, response_headers: {set: {Server: x}}}",
       "53: Server can't be changed by a route: it is the listener's, after all routes"},
      {"{path: /a, service: s, request_headers: {set: {X: \"a\\r\\nY: b\"}}}", "55: the value of X: holds a control character"},
      {"{path: /a, service: s, request_headers: {set: {X: \"%RESP(Y)%\"}}}",
       "55: the value of X: %RESP(Y)% is not supported; allowed are REQ(NAME), DOWNSTREAM_REMOTE_ADDRESS, "
       "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, PROTOCOL, ROUTE_NAME, UPSTREAM_CLUSTER, START_TIME, and %% for a percent sign"},
      {"{path: /a, service: s, request_headers: {set: {X: a}, default: {x: b}}}",
       "69: x is set here twice; what is there already is one of set, add and default"},
  };
  int wrong = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char routes[1024], expected[1024], *told;
    snprintf(routes, sizeof routes, "routes:\n  - %s\n", cases[i].route);
    snprintf(expected, sizeof expected, "routes.yaml:2:%s\n", cases[i].told);
    struct gw_policy *policy = fixture_load(routes, SERVICES, &told);
    if (policy != NULL || strcmp(told, expected) != 0) print_error("%sexpected %stold     %s", routes, expected, told);
    wrong += policy != NULL || strcmp(told, expected) != 0;
    free(told);
    gw_policy_free(policy);
  }
  assert_int_equal(wrong, 0);
}

static void test_routes_of_equal_rank_are_told_with_both_lines(void **state) {
  (void)state;
  static const struct {
    const char *first, *second;
    bool is_refused;
  } cases[] = {
      /* One exact condition with different values, more conditions, or different methods tell them apart; nothing else does. */
      {"match: {headers: {X: a}}", "match: {headers: {X: b}}", false},
      {"match: {headers: {X: a}}", "match: {headers: {X: a}}", true},
      {"match: {headers: {X: a}}", "match: {headers: {Y: b}}", true},
      {"match: {headers: {X: a}}", "match: {headers: {x: a}, query: {q: b}}", false},
      {"match: {headers: {X: a}}", "match: {headers: {X: {prefix: b}}}", true},
      {"match: {headers: {X: a}}", "match: {headers: {X: {exact: b, ignore_case: true}}}", true},
      {"match: {headers: {X: a}}", "match: {cookies: {X: b}}", true},
      {"match: {query: {q: a}}", "match: {query: {q: b}}", false},
      {"match: {cookies: {c: a}}", "match: {cookies: {c: b}}", false},
      {"match: {headers: {X: a, Y: c}}", "match: {headers: {X: {present: true}, Y: d}}", false},
      {"match: {headers: {X: a}}, methods: [GET]", "match: {headers: {Y: a}}, methods: [POST]", false},
      {"match: {headers: {X: a}}, methods: [GET]", "match: {headers: {Y: a}}, methods: [POST, GET]", true},
      {"match: {headers: {X: a}}, methods: [GET]", "match: {headers: {Y: a}}", false},
      {"hosts: a.test", "hosts: b.test", false},
      {"hosts: [a.test, b.test]", "hosts: [c.test, b.test]", true},
      {"hosts: a.test", "name: any", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char routes[512], *told;
    snprintf(routes, sizeof routes, "routes:\n  - {path: /a, service: s, %s}\n  - {path: /a, service: t, %s}\n", cases[i].first,
             cases[i].second);
    struct gw_policy *policy = fixture_load(routes, SERVICES, &told);
    if ((policy == NULL) != cases[i].is_refused) fail_msg("%s%s", routes, told);
    if (cases[i].is_refused) assert_non_null(strstr(told, "routes.yaml:3:12: /a matches "));
    if (cases[i].is_refused) assert_non_null(strstr(told, "the route in line 2"));
    free(told);
    gw_policy_free(policy);
  }
}

/* ---- precedence, by requests ---- */

static const char *const precedence = "routes:\n"
                                      "  - {name: rest, path: \"/**\", service: s}\n"
                                      "  - {name: regex-1, path_regex: \"/a/[xy]+\", service: s}\n"
                                      "  - {name: regex-2, path_regex: \"/a/.*\", service: s}\n"
                                      "  - {name: one, path: \"/a/{b}\", service: s, methods: [GET]}\n"
                                      "  - {name: literal, path: /a/x, service: s, methods: [PUT]}\n"
                                      "  - {name: rest-of-a, path: \"/a/b/{r=**}\", service: s}\n"
                                      "  - {name: canary, path: /c, match: {cookies: {canary: \"1\"}}, service: t}\n"
                                      "  - {name: beta, path: /c, match: {headers: {X-Beta: \"1\"}, query: {q: \"2\"}}, service: t}\n"
                                      "  - {name: post, path: /c, methods: [POST], service: u}\n"
                                      "  - {name: other, path: /c, service: s}\n"
                                      "  - {name: host, path: /c, hosts: api.test, methods: [GET], service: u}\n"
                                      "  - {name: wild, path: /c, hosts: \"*.test\", service: u}\n"
                                      "  - {name: wild-d, path: /d, hosts: \"*.test\", service: u}\n"
                                      "  - {name: prefix, path: /d, hosts: \"api.*\", service: u}\n"
                                      "  - {name: conditional, path: /e, match: {headers: {X-Beta: \"1\"}}, methods: [GET], service: t}\n";

static void test_precedence_is_host_path_conditions_methods(void **state) {
  (void)state;
  static const struct {
    const char *method, *host, *path, *cookie, *beta, *expected;
  } cases[] = {
      {"GET", "h", "/nowhere", NULL, NULL, "rest"},
      {"PUT", "h", "/a/x", NULL, NULL, "literal"},
      {"GET", "h", "/a/x", NULL, NULL, "405 /a/x"},
      {"GET", "h", "/a/y", NULL, NULL, "one"},
      {"PUT", "h", "/a/y", NULL, NULL, "405 /a/{b}"},
      {"GET", "h", "/a/x/y", NULL, NULL, "regex-2"},
      {"GET", "h", "/a/b/y", NULL, NULL, "rest-of-a"},
      {"GET", "h", "/c", NULL, NULL, "other"},
      {"POST", "h", "/c", NULL, NULL, "post"},
      {"POST", "h", "/c", "a=b; canary=1", NULL, "canary"},
      {"POST", "h", "/c?q=2", "canary=1", "1", "beta"},
      {"POST", "h", "/c?q=3", "canary=1", "1", "canary"},
      {"GET", "API.test:8000", "/c", "canary=1", NULL, "host"},
      {"POST", "api.test", "/c", NULL, NULL, "405 api.test/c"},
      {"POST", "x.test", "/c", NULL, NULL, "wild"},
      {"POST", "api.test", "/d", NULL, NULL, "wild-d"},
      {"POST", "api.example", "/d", NULL, NULL, "prefix"},
      {"POST", "api.example", "/c", NULL, NULL, "post"},
      {"GET", "api.test", "/a/y", NULL, NULL, "one"},
      {"GET", "h", "/e", NULL, "1", "conditional"},
      {"GET", "h", "/e", NULL, NULL, "404 /e"},
      {"POST", "h", "/e", NULL, "1", "405 /e"},
  };
  struct gw_policy *policy = fixture_good(precedence, SERVICES);
  assert_true(policy->route_configs[0].ignores_port);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  assert_int_equal(gw_route_table_build(&policy->route_configs[0], &errors, &table), GW_OK);
  struct gw_arena scratch;
  gw_arena_init(&scratch, 4096);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_request_head head = {.method = gw_method_find(gw_str_from(cases[i].method)),
                                   .method_name = gw_str_from(cases[i].method),
                                   .path = gw_str_from(cases[i].path),
                                   .authority = gw_str_from(cases[i].host),
                                   .content_length = GW_LENGTH_NONE};
    gw_headers_init(&head.headers, &scratch, 4);
    if (cases[i].cookie != NULL) gw_headers_add(&head.headers, &scratch, GW_HEADER_OTHER, GW_STR("cookie"), gw_str_from(cases[i].cookie));
    if (cases[i].beta != NULL) gw_headers_add(&head.headers, &scratch, GW_HEADER_OTHER, GW_STR("X-Beta"), gw_str_from(cases[i].beta));
    struct gw_route_hit hit;
    gw_route_table_match(table, &head, &scratch, &hit);
    struct gw_str name = hit.route != NULL ? hit.route->name : GW_STR("none");
    if (!gw_str_equal(name, gw_str_from(cases[i].expected))) fail_msg("case %zu: %.*s, not %s", i, GW_STR_ARG(name), cases[i].expected);
  }
  gw_arena_done(&scratch);
  gw_route_table_free(table);
  gw_errors_done(&errors);
  gw_policy_free(policy);
}

/* ---- translation ---- */

static const struct gw_route *first_route(const struct gw_policy *policy) {
  return &policy->route_configs[0].virtual_hosts[0].routes[0];
}

static void test_rewriting_composes_with_the_base_path(void **state) {
  (void)state;
  static const struct {
    const char *route, *prefix, *pattern, *substitution;
  } cases[] = {
      {"path: \"/api/{r=**}\", service: s, rewrite: {prefix: /v2/}", "", "^/api/", "/v2/"},
      {"path: \"/a.b/{r=**}\", service: s, rewrite: {prefix: /}", "", "^/a\\.b/", "/"},
      {"path: \"/api/{r=**}\", service: based, rewrite: {prefix: /v2}", "", "^/api/", "/base/v2/"},
      {"path: \"/{a}\", service: s, rewrite: {prefix: /v2}", "", "^/", "/v2/"},
      {"path: /api, service: s, rewrite: {prefix: /}", "/", "", ""},
      {"path: /api, service: based, rewrite: {path: /x}", "/base/x", "", ""},
      {"path: \"/u/{id}/{n}\", service: based, rewrite: {path: \"/{n}/of/{id}\"}", "", NULL, "/base/\\2/of/\\1"},
      {"path_regex: \"/u/(.*)\", service: s, rewrite: {path: /x}", "/x", "", ""},
      {"path_regex: \"/u/(.*)\", service: s, rewrite: {regex: {pattern: \"^/u/(.*)\", substitution: '/\\1'}}", "", "^/u/(.*)", "/\\1"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char routes[512];
    snprintf(routes, sizeof routes, "routes: [{%s}]", cases[i].route);
    struct gw_policy *policy = fixture_good(routes, SERVICES);
    const struct gw_route_forward *forward = &first_route(policy)->forward;
    assert_true(gw_str_equal(forward->prefix_rewrite, gw_str_from(cases[i].prefix)));
    if (cases[i].pattern != NULL) assert_true(gw_str_equal(forward->regex_rewrite_pattern, gw_str_from(cases[i].pattern)));
    if (cases[i].pattern == NULL) assert_true(gw_str_has_prefix(forward->regex_rewrite_pattern, GW_STR("^/u/(")));
    assert_true(gw_str_equal(forward->regex_rewrite_substitution, gw_str_from(cases[i].substitution)));
    gw_policy_free(policy);
  }
}

static void test_split_is_weighted_and_sticky_where_it_says_so(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, split: {s: 90, t: 10}, sticky: {cookie: c}}]", SERVICES);
  const struct gw_route_forward *forward = &first_route(policy)->forward;
  assert_int_equal(forward->split->count, 2);
  assert_int_equal(forward->split->total_weight, 100);
  assert_true(gw_str_equal(forward->split->clusters[1].name, GW_STR("t")));
  assert_int_equal(forward->split->clusters[1].weight, 10);
  assert_true(forward->split->by_hash);
  assert_int_equal(forward->hash_policies[0].kind, GW_HASH_COOKIE);
  assert_true(gw_str_equal(policy->routes[0].service, GW_STR("s 90, t 10")));
  assert_true(gw_str_equal(policy->routes[0].changes, GW_STR("sticky")));
  gw_policy_free(policy);
  /* What the services go by does not say which of them it is. */
  policy = fixture_good("routes: [{path: /a, split: {s: 1, ring: 1}}]", SERVICES);
  forward = &first_route(policy)->forward;
  assert_false(forward->split->by_hash);
  assert_true(gw_str_equal(forward->hash_policies[0].name, GW_STR("X-A")) || gw_str_equal(forward->hash_policies[0].name, GW_STR("x-a")));
  gw_policy_free(policy);
}

static void test_answers_and_changes_come_through(void **state) {
  (void)state;
  struct gw_policy *policy =
      fixture_good("routes:\n"
                   "  - {path: /a, respond: {status: 503}}\n"
                   "  - {path: /b, respond: {status: 200, body: x, content_type: text/html}, response_headers: {set: {X-A: y}}}\n"
                   "  - {path: \"/c/{id}\", redirect: {scheme: https, path: \"/d/{id}\"}}\n"
                   "  - path: /d\n"
                   "    service: s\n"
                   "    auth_required: false\n"
                   "    max_request_body: 0\n"
                   "    request_headers: {set: {X-A: 5%%}, add: {X-B: \"%PROTOCOL%\"}, default: {X-C: d}, remove: [X-D]}\n",
                   SERVICES);
  const struct gw_route *routes = policy->route_configs[0].virtual_hosts[0].routes;
  assert_true(gw_str_equal(routes[0].direct.body, GW_STR("{\"error\": 503, \"message\": \"Service Unavailable\"}")));
  assert_true(gw_str_equal(routes[1].response_headers->add[0].name, GW_STR("content-type")));
  assert_true(gw_str_equal(routes[1].response_headers->add[1].value, GW_STR("y")));
  const struct gw_route *redirect = &routes[2], *forward = &routes[3];
  assert_int_equal(redirect->redirect->status, 302);
  assert_true(gw_str_equal(redirect->redirect->regex_rewrite_substitution, GW_STR("/d/\\1")));
  assert_true(forward->has_body_limit);
  assert_int_equal(forward->max_request_body_bytes, 0);
  const struct gw_header_changes *changes = forward->request_headers;
  assert_int_equal(changes->add_count, 3);
  assert_true(gw_str_equal(changes->add[0].value, GW_STR("5%")) && changes->add[0].action == GW_HEADER_OVERWRITE);
  assert_true(changes->add[1].is_format && changes->add[1].action == GW_HEADER_APPEND);
  assert_int_equal(changes->add[2].action, GW_HEADER_ADD_IF_ABSENT);
  assert_true(gw_str_equal(changes->remove[0], GW_STR("x-d")));
  gw_policy_free(policy);
}

/* Whatever else a route does: without authentication it does nothing. */
static void test_authentication_comes_before_every_action(void **state) {
  (void)state;
  static const char *const actions[] = {"service: s", "split: {s: 1, t: 1}", "redirect: {host: b}", "respond: {status: 200, body: secret}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(actions); i++) {
    char routes[256];
    snprintf(routes, sizeof routes, "routes: [{path: /a, auth_required: true, %s}]", actions[i]);
    struct gw_policy *policy = fixture_good(routes, SERVICES);
    assert_int_equal(first_route(policy)->action, GW_ROUTE_DIRECT_RESPONSE);
    assert_int_equal(first_route(policy)->direct.status, 501);
    gw_policy_free(policy);
  }
}

static void test_hosts_with_the_same_routes_share_a_virtual_host(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: /a, hosts: [a.test, b.test], service: s}\n"
                                          "  - {path: /b, hosts: c.test, service: t}\n"
                                          "  - {path: /a, service: u}\n",
                                          SERVICES);
  const struct gw_route_config *config = &policy->route_configs[0];
  assert_int_equal(config->virtual_host_count, 3);
  assert_int_equal(config->virtual_hosts[1].domain_count, 2);
  assert_true(gw_str_equal(config->virtual_hosts[1].domains[1], GW_STR("b.test")));
  assert_int_equal(config->route_count, 1 + 1 + 2);
  for (uint32_t h = 0, index = 0; h < config->virtual_host_count; h++)
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++, index++)
      assert_int_equal(config->virtual_hosts[h].routes[i].index, index);
  assert_int_equal(policy->route_count, 3);
  assert_int_equal(policy->routes[1].host_count, 2);
  gw_policy_free(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mistakes_of_rules),
      cmocka_unit_test(test_routes_of_equal_rank_are_told_with_both_lines),
      cmocka_unit_test(test_precedence_is_host_path_conditions_methods),
      cmocka_unit_test(test_rewriting_composes_with_the_base_path),
      cmocka_unit_test(test_split_is_weighted_and_sticky_where_it_says_so),
      cmocka_unit_test(test_answers_and_changes_come_through),
      cmocka_unit_test(test_authentication_comes_before_every_action),
      cmocka_unit_test(test_hosts_with_the_same_routes_share_a_virtual_host),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
