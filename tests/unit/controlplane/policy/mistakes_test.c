/* Every mistake that the files can hold, by its exact place and text. */
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define ROUTE_KEYS                                                                                                                         \
  "path, path_regex, service, methods, auth_required, auth, roles, permissions, require, rules, allow_from, deny_from, cors, "             \
  "security_headers, rate_limit, rate_limits, timeout, "                                                                                   \
  "timeouts, retries, "                                                                                                                    \
  "name, hosts, match, split, sticky, "                                                                                                    \
  "rewrite, "                                                                                                                              \
  "request_headers, response_headers, redirect, respond, max_request_body, node_groups, access_log"

struct mistake {
  const char *input;
  const char *told;
};

static void test_mistakes_of_a_route(void **state) {
  (void)state;
  static const struct mistake cases[] = {
      {"{path: projects, service: s}", "routes.yaml:2:12: projects: a path begins with / and has at most 1024 bytes\n"},
      {"{path: \"\", service: s}", "routes.yaml:2:12: path is text that is not empty, not nothing\n"},
      {"{service: s}", "routes.yaml:2:5: a route needs a path, such as /projects/{id}\n"},
      {"{path: /a}", "routes.yaml:2:5: a route needs a service, one of services.yaml, or split, redirect or respond\n"},
      {"{path: [a], service: s}", "routes.yaml:2:12: path is text that is not empty, not a list\n"},
      {"/a", "routes.yaml:2:5: a route is a mapping (key: value), not a single value\n"},
      {"[a]", "routes.yaml:2:5: a route is a mapping (key: value), not a list\n"},
      {"{path: /a//b, service: s}",
       "routes.yaml:2:12: /a//b: no request can have this path, since paths are normalised first (to /a/b); write it that way\n"},
      {"{path: /a/../b, service: s}",
       "routes.yaml:2:12: /a/../b: no request can have this path, since paths are normalised first (to /b); write it that way\n"},
      {"{path: /a/%41, service: s}",
       "routes.yaml:2:12: /a/%41: no request can have this path, since paths are normalised first (to /a/A); write it that way\n"},
      {"{path: /a/%2f, service: s}",
       "routes.yaml:2:12: /a/%2f: a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C\n"},
      {"{path: \"/a b\", service: s}",
       "routes.yaml:2:12: /a b: a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C\n"},
      {"{path: /a?b, service: s}",
       "routes.yaml:2:12: /a?b: a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C\n"},
      {"{path: /ä, service: s}",
       "routes.yaml:2:12: /ä: a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C\n"},
      {"{path: \"/a{x}\", service: s}",
       "routes.yaml:2:12: /a{x}: *, ** and {name} stand for whole segments; nothing else may be in theirs\n"},
      {"{path: \"/{x}/{x}\", service: s}", "routes.yaml:2:12: /{x}/{x}: two variables have one name\n"},
      {"{path: \"/**/a\", service: s}", "routes.yaml:2:12: /**/a: ** (or {name=**}) may only be the last segment\n"},
      {"{path: \"/{x=a/*}\", service: s}",
       "routes.yaml:2:12: /{x=a/*}: *, ** and {name} stand for whole segments; nothing else may be in theirs\n"},
      {"{path: \"/{1x}\", service: s}",
       "routes.yaml:2:12: /{1x}: a variable is {name} or {name=**}, its name letters, digits and _, a letter or _ first\n"},
      {"{path: \"/{a\", service: s}", "routes.yaml:2:12: /{a: *, ** and {name} stand for whole segments; nothing else may be in theirs\n"},
      {"{path: \"/a*\", service: s}", "routes.yaml:2:12: /a*: *, ** and {name} stand for whole segments; nothing else may be in theirs\n"},
      {"{path: /a, service: S}", "routes.yaml:2:25: service S is not in services.yaml\n"},
      {"{path: /a, service: somewhere-else}", "routes.yaml:2:25: service somewhere-else is not in services.yaml\n"},
      {"{path: /a, service: }", "routes.yaml:2:25: service is text that is not empty, not nothing\n"},
      {"{path: /a, service: [s]}", "routes.yaml:2:25: service is text that is not empty, not a list\n"},
      {"{path: /a, service: s, methods: GET}", "routes.yaml:2:37: methods is a list (- … or [ … ]), not a single value\n"},
      {"{path: /a, service: s, methods: []}", "routes.yaml:2:37: methods lists 1 to 32 methods; leave it out to allow all\n"},
      {"{path: /a, service: s, methods: [get]}", "routes.yaml:2:38: get is no method; methods are upper case, such as GET\n"},
      {"{path: /a, service: s, methods: [GET, GET]}", "routes.yaml:2:43: GET stands here twice\n"},
      {"{path: /a, service: s, methods: [TRACE]}", "routes.yaml:2:38: TRACE is never forwarded\n"},
      {"{path: /a, service: s, methods: [[GET]]}", "routes.yaml:2:38: a method is text that is not empty, not a list\n"},
      {"{path: /a, service: s, methods: [\"A B\"]}", "routes.yaml:2:38: A B is no method; methods are upper case, such as GET\n"},
      {"{path: /a, service: s, auth_required: maybe}", "routes.yaml:2:43: auth_required is true or false\n"},
      {"{path: /a, service: s, auth_required: \"true\"}", "routes.yaml:2:43: auth_required is true or false\n"},
      {"{path: /a, service: s, rate_limit: 0}", "routes.yaml:2:40: rate_limit is a whole number from 1 to 1000000000\n"},
      {"{path: /a, service: s, rate_limit: many}", "routes.yaml:2:40: rate_limit is a whole number from 1 to 1000000000\n"},
      {"{path: /a, service: s, rate_limit: {per: 1m}}", "routes.yaml:2:40: rate_limit needs requests: how many are allowed\n"},
      {"{path: /a, service: s, rate_limit: {requests: 5, per: x, brust: 3}}",
       "routes.yaml:2:62: rate_limit has no key brust (burst?); allowed: requests, per, burst, key, scope, shared, plans\n"
       "routes.yaml:2:59: per is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"},
      {"{path: /a, service: s, timeout: 0}",
       "routes.yaml:2:37: timeout is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"},
      {"{path: /a, service: s, timeout: -1}",
       "routes.yaml:2:37: timeout is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"},
      {"{path: /a, service: s, timeout: 5 minutes}",
       "routes.yaml:2:37: timeout is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"},
      {"{path: /a, service: s, timeout: 99999h}",
       "routes.yaml:2:37: timeout is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"},
      {"{path: /a, service: s, pth: x}", "routes.yaml:2:28: a route has no key pth (path?); allowed: " ROUTE_KEYS "\n"},
      {"{path: /a, path: /b, service: s}", "routes.yaml:2:16: key path stands here twice; the first is in line 2\n"},
      {"{path: &x /a, service: *x}", "routes.yaml:2:28: aliases (*…) are not supported; write the value out\n"},
      {"{path: !!str /a, service: s}", "routes.yaml:2:12: tags (!…) are not supported; write the value without one\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *routes = gw_asprintf("routes:\n  - %s\n", cases[i].input);
    fixture_refused(routes, FIXTURE_SERVICES, cases[i].told);
    free(routes);
  }
}

static void test_mistakes_of_routes_yaml_as_a_whole(void **state) {
  (void)state;
  static const struct mistake cases[] = {
      {"routes:\n  - {path: \"/a/{x}\", service: s}\n  - {path: \"/a/{y}\", service: s}\n",
       "routes.yaml:3:12: /a/{y} matches the same requests as the route in line 2; give them different methods\n"},
      {"routes:\n  - {path: /a, service: s, methods: [GET, PUT]}\n  - {path: /a, service: s, methods: [PUT, POST]}\n  - {path: /a, "
       "service: s, methods: [POST]}\n",
       "routes.yaml:3:12: /a matches the same requests as the route in line 2: both have PUT\n"
       "routes.yaml:4:12: /a matches the same requests as the route in line 3: both have POST\n"},
      {"", "routes.yaml:1:1: the file is empty; write \"routes: []\" for none\n"},
      {"routes:\n", "routes.yaml:1:8: routes is empty; write \"routes: []\" for none\n"},
      {"{}", "routes.yaml:1:1: routes is missing; write \"routes: []\" for none\n"},
      {"[]", "routes.yaml:1:1: the file is a mapping (key: value), not a list\n"},
      {"routes: 7", "routes.yaml:1:9: routes is a list (- … or [ … ]), not a single value\n"},
      {"routes: {a: b}", "routes.yaml:1:9: routes is a list (- … or [ … ]), not a mapping\n"},
      {"rutes: []", "routes.yaml:1:1: the file has no key rutes (routes?); allowed: routes, listeners, auth, access, rate_limits, cors, "
                    "security_headers\n"
                    "routes.yaml:1:1: routes is missing; write \"routes: []\" for none\n"},
      {"routes: [", "routes.yaml:2:1: not YAML: did not find expected node content while parsing a flow node\n"},
      {"routes: []\n---\nroutes: []\n", "routes.yaml:2:1: a second document (---) is not allowed\n"},
      {"routes:\n\t- a\n", "routes.yaml:2:1: not YAML: found character that cannot start any token while scanning for the next token\n"},
      {"a: b: c", "routes.yaml:1:5: not YAML: mapping values are not allowed in this context\n"},
      {"routes: [\xff]", "routes.yaml:1:1: not YAML: invalid leading UTF-8 octet at byte 9\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    fixture_refused(cases[i].input, FIXTURE_SERVICES, cases[i].told);
}

static void test_mistakes_of_a_service(void **state) {
  (void)state;
  static const struct mistake cases[] = {
      {"s: {instances: [{url: https://x}, {url: http://x}]}",
       "services.yaml:2:43: all instances of a service have one scheme; line 2 has https://\n"},
      {"s: {instances: [{url: http://x}], tls: {}}", "services.yaml:2:42: tls is for instances with https:// urls\n"},
      {"s: {instances: [{url: http://x}], protocol: h3}", "services.yaml:2:47: protocol is http1, h2 or auto\n"},
      {"s: {instances: [{url: http://x}], protocol: auto}",
       "services.yaml:2:47: auto is what TLS agrees on, and needs https:// instances; http1 and h2 are allowed\n"},
      {"s: {instances: [{url: https://x}, {url: https://y}]}",
       "services.yaml:2:3: the instances of s have different host names; tls: {sni: NAME} says which one to ask for\n"},
      {"s: {instances: [{url: https://x}], tls: {cert: a}}",
       "services.yaml:2:44: tls has no key cert; allowed: ca, verify, sni, names, certificate, key\n"},
      {"s: {instances: [{url: https://x}], tls: {certificate: a}}", "services.yaml:2:57: certificate and key go together\n"},
      {"s: {instances: [{url: https://x}], tls: {sni: 10.0.0.1}}",
       "services.yaml:2:49: sni is a host name; for an address leave it out, and write it under names if it differs\n"},
      {"s: {instances: [{url: https://x}], tls: {verify: false, ca: a}}",
       "services.yaml:2:63: is of no use with verify: false\nservices.yaml:2:52: whoever answers for s is believed: verify is false\n"},
      {"s: {instances: [{url: https://x}], tls: {names: [a b]}}",
       "services.yaml:2:52: a b is no name of a certificate; example.com, *.example.com, 10.0.0.7, spiffe://example.com/orders and "
       "spiffe://example.com/* are\n"},
      {"s: {instances: [{url: ftp://x}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: \"http://\"}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://a:0}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://a:70000}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://a:x}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://u@a}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://300.1.1.1}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: http://a_b..c}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: \"http://a/b?c\"}]}",
       "services.yaml:2:25: the base path of a url is a plain path in normal form, such as /api/v1\n"},
      {"s: {instances: [{url: http://a/b//c}]}",
       "services.yaml:2:25: the base path of a url is a plain path in normal form, such as /api/v1\n"},
      {"s: {instances: [{url: http://a/..}]}",
       "services.yaml:2:25: the base path of a url is a plain path in normal form, such as /api/v1\n"},
      {"s: {instances: [{url: http://a}, {url: http://A:80}]}",
       "services.yaml:2:42: this instance stands here twice; the first is in line 2\n"},
      {"s: {instances: [{url: http://a/x}, {url: http://b/y}]}",
       "services.yaml:2:44: all instances of a service have one base path; line 2 has \"/x\"\n"},
      {"s: {instances: [{weight: 1}]}", "services.yaml:2:19: an instance needs a url, such as http://10.0.0.7:8000\n"},
      {"s: {instances: [{url: http://a, weight: -1}]}", "services.yaml:2:43: weight is a whole number from 0 to 1000000\n"},
      {"s: {instances: [{url: http://a, weight: 1.5}]}", "services.yaml:2:43: weight is a whole number from 0 to 1000000\n"},
      {"s: {instances: [{url: http://a, healthy: 7}]}", "services.yaml:2:44: healthy is true or false\n"},
      {"s: {instances: [{url: http://a, priority: 129}]}", "services.yaml:2:45: priority is a whole number from 0 to 128\n"},
      {"s: {instances: [http://a]}", "services.yaml:2:19: an instance is a mapping (key: value), not a single value\n"},
      {"s: {instances: http://a}", "services.yaml:2:18: instances is a list (- … or [ … ]), not a single value\n"},
      {"s: {}", "services.yaml:2:3: service s needs instances: a list, which may be empty; or a source: SERVICE_DISCOVERY_TYPE (static) "
                "names no registry\n"},
      {"s:", "services.yaml:2:5: a service is a mapping (key: value), not a single value\n"},
      {"s: {instances: [], hedges: 3}",
       "services.yaml:2:22: a service has no key hedges; allowed: instances, load_balancing, protocol, tls, retries, timeouts, "
       "retry_budget, health_check, outlier_detection, circuit_breaker, limits, source, consul, nacos, dns, huawei\n"},
      {"\"a b\": {instances: []}", "services.yaml:2:3: a service's name has 1 to 255 printable ASCII characters, no space and no /\n"},
      {"\"\": {instances: []}", "services.yaml:2:3: a service's name has 1 to 255 printable ASCII characters, no space and no /\n"},
      {"s: {instances: [{url: \"http://[::1\"}]}",
       "services.yaml:2:25: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"},
      {"s: {instances: [{url: \"http://[2001:db8::1]:8000\"},{url: \"http://[2001:DB8:0::1]:8000\"}]}",
       "services.yaml:2:60: this instance stands here twice; the first is in line 2\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *services = gw_asprintf("services:\n  %s\n", cases[i].input);
    fixture_refused("routes: []", services, cases[i].told);
    free(services);
  }
}

/* YAML can write a NUL; what takes it for the end of a text would accept it. */
static void test_mistakes_of_load_balancing(void **state) {
  (void)state;
#define POLICIES "policy is round_robin, weighted, least_connections, random, weighted_random, ring_hash or maglev\n"
#define DURATION " is more than 0 and at most a year: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h\n"
#define NEEDS_HASH " needs to know what to go by: hash: {header: X-User}, {cookie: …}, {query: q} or client_address\n"
  static const struct mistake cases[] = {
      {"roundabout", "services.yaml:3:21: " POLICIES},
      {"[random]", "services.yaml:3:21: load_balancing is a mapping (key: value), not a list\n"},
      {"{policy: 7}", "services.yaml:3:30: " POLICIES},
      {"{polcy: random}",
       "services.yaml:3:22: load_balancing has no key polcy (policy?); allowed: policy, hash, slow_start, panic_threshold, "
       "choices, active_request_bias, ring_size, table_size\n"},
      {"maglev", "services.yaml:3:21: maglev" NEEDS_HASH},
      {"{policy: ring-hash}", "services.yaml:3:30: ring_hash" NEEDS_HASH},
      {"{hash: client_address}", "services.yaml:3:28: hash is for ring_hash and maglev\n"},
      {"{policy: weighted_random, hash: client_address}", "services.yaml:3:53: hash is for ring_hash and maglev\n"},
      {"{policy: random, slow_start: 3s}", "services.yaml:3:50: slow_start is for round_robin, weighted and least_connections\n"},
      {"{choices: 3}", "services.yaml:3:31: choices is for least_connections\n"},
      {"{active_request_bias: 3}", "services.yaml:3:43: active_request_bias is for least_connections\n"},
      {"{ring_size: 3}", "services.yaml:3:33: ring_size is for ring_hash\n"},
      {"{table_size: 3}", "services.yaml:3:34: table_size is for maglev and weighted_random\n"},
      {"{policy: weighted_random, table_size: 9}", "services.yaml:3:59: table_size is a prime number, such as 65537\n"},
      {"{policy: least_conn, choices: 1}", "services.yaml:3:51: choices is a whole number from 2 to 100\n"},
      {"{policy: least_conn, active_request_bias: 11}", "services.yaml:3:63: active_request_bias is a whole number from 0 to 10\n"},
      {"{panic_threshold: 101}", "services.yaml:3:39: panic_threshold is a whole number from 0 to 100\n"},
      {"{slow_start: 0}", "services.yaml:3:34: slow_start" DURATION},
      {"{slow_start: {aggression: 2}}", "services.yaml:3:34: slow_start needs a window, such as 30s\n"},
      {"{slow_start: {window: 1s, min_weight_percent: 0}}", "services.yaml:3:67: min_weight_percent is a whole number from 1 to 100\n"},
      {"{slow_start: {window: 1s, size: 0}}",
       "services.yaml:3:47: slow_start has no key size; allowed: window, aggression, min_weight_percent\n"},
      {"{policy: maglev, hash: []}", "services.yaml:3:44: hash lists 1 to 16 things to go by\n"},
      {"{policy: maglev, hash: header}", "services.yaml:3:44: hash is a mapping (key: value), not a single value\n"},
      {"{policy: maglev, hash: {}}",
       "services.yaml:3:44: hash is one of header, cookie, query and client_address; a list of such takes several\n"},
      {"{policy: maglev, hash: {header: a, query: b}}",
       "services.yaml:3:44: hash is one of header, cookie, query and client_address; a list of such takes several\n"},
      {"{policy: maglev, hash: {header: \"a b\"}}", "services.yaml:3:53: header is the name of a header\n"},
      {"{policy: maglev, hash: {client_address: false}}", "services.yaml:3:61: client_address is true, or is left out\n"},
      {"{policy: maglev, hash: {query: }}", "services.yaml:3:52: query is text that is not empty, not nothing\n"},
      {"{policy: maglev, hash: {cookie: {ttl: 1h}}}", "services.yaml:3:53: a cookie needs a name\n"},
      {"{policy: maglev, hash: {cookie: \"a;b\"}}", "services.yaml:3:53: the name of a cookie is letters, digits and !#$%&'*+-.^_`|~\n"},
      {"{policy: maglev, hash: {cookie: {name: a, ttl: 0}}}", "services.yaml:3:68: ttl (or session)" DURATION},
      {"{policy: maglev, hash: {cookie: {name: a, path: \"/;b\"}}}",
       "services.yaml:3:69: the path of a cookie begins with / and is ASCII without ;\n"},
      {"{policy: maglev, hash: {cookie: {name: a, path: /ä}}}",
       "services.yaml:3:69: the path of a cookie begins with / and is ASCII without ;\n"},
      {"{policy: maglev, hash: {cookie: {name: a, secure: yes}}}",
       "services.yaml:3:63: cookie has no key secure; allowed: name, ttl, path\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *services = gw_asprintf("services:\n  s: {instances: [],\n    load_balancing: %s}\n", cases[i].input);
    fixture_refused("routes: []", services, cases[i].told);
    free(services);
  }
}

static void test_nul_bytes_are_refused(void **state) {
  (void)state;
  fixture_refused("routes: [{path: \"/a\\0b\", service: s}]", FIXTURE_SERVICES,
                  "routes.yaml:1:17: /a: a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C\n");
  fixture_refused("routes: [{path: /a, service: \"s\\0\"}]", FIXTURE_SERVICES, "routes.yaml:1:30: service s is not in services.yaml\n");
  fixture_refused("routes: [{path: /a, service: s, methods: [\"GET\\0\"]}]", FIXTURE_SERVICES,
                  "routes.yaml:1:43: GET is no method; methods are upper case, such as GET\n");
  fixture_refused("routes: []", "services: {s: {instances: [{url: \"http://a\\0b\"}]}}",
                  "services.yaml:1:34: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n");
  fixture_refused("routes: []", "services: {s: {instances: [{url: \"http://a/b\\0c\"}]}}",
                  "services.yaml:1:34: the base path of a url is a plain path in normal form, such as /api/v1\n");
}

static void test_all_mistakes_of_both_files_show_at_once(void **state) {
  (void)state;
  fixture_refused("routes:\n"
                  "  - path: projects\n"
                  "    service: nobody\n"
                  "    colour: red\n"
                  "  - path: /a\n"
                  "    servise: backend\n"
                  "  - {path: /b, service: bakend}\n",
                  "services:\n"
                  "  backend:\n"
                  "    instances:\n"
                  "      - url: ftp://x\n"
                  "        wieght: 2\n",
                  "services.yaml:5:9: an instance has no key wieght (weight?); allowed: url, weight, healthy, priority\n"
                  "services.yaml:4:14: url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api\n"
                  "routes.yaml:4:5: a route has no key colour; allowed: " ROUTE_KEYS "\n"
                  "routes.yaml:2:11: projects: a path begins with / and has at most 1024 bytes\n"
                  "routes.yaml:3:14: service nobody is not in services.yaml\n"
                  "routes.yaml:6:5: a route has no key servise (service?); allowed: " ROUTE_KEYS "\n"
                  "routes.yaml:5:5: a route needs a service, one of services.yaml, or split, redirect or respond\n"
                  "routes.yaml:7:25: service bakend (backend?) is not in services.yaml\n");
}

/* Which services there are is not known then, so that routes are only judged by what they say themselves. */
static void test_services_that_can_not_be_read_hide_no_mistake_of_routes(void **state) {
  (void)state;
  fixture_refused("routes:\n  - {path: a, service: s}\n  - {path: /b, service: s}\n", "services: [\n",
                  "services.yaml:2:1: not YAML: did not find expected node content while parsing a flow node\n"
                  "routes.yaml:2:12: a: a path begins with / and has at most 1024 bytes\n");
  fixture_refused("routes:\n  - {path: a, service: s}\n", "services: 7\n",
                  "services.yaml:1:11: services is a mapping (key: value), not a single value\n"
                  "routes.yaml:2:12: a: a path begins with / and has at most 1024 bytes\n");
}

/* A bomb of nested lists, and one of many values, end at a limit. */
static void test_nesting_has_a_limit(void **state) {
  (void)state;
  char deep[200] = "routes: ";
  memset(deep + 8, '[', 100);
  fixture_refused(deep, FIXTURE_SERVICES, "routes.yaml:1:40: nested too deeply (32 levels at most)\n");
}

static void test_limits_of_a_path(void **state) {
  (void)state;
  struct gw_strbuf routes;
  gw_strbuf_init(&routes);
  gw_strbuf_append_str(&routes, GW_STR("routes:\n  - {service: s, path: \"/"));
  for (int i = 0; i < 1024; i++)
    gw_strbuf_append_char(&routes, 'a');
  gw_strbuf_append_str(&routes, GW_STR("\"}\n"));
  char *told;
  assert_null(fixture_load(routes.data, FIXTURE_SERVICES, &told));
  assert_non_null(strstr(told, ": a path begins with / and has at most 1024 bytes\n"));
  free(told);
  gw_strbuf_clear(&routes);
  gw_strbuf_append_str(&routes, GW_STR("routes:\n  - {service: s, path: \""));
  for (int i = 0; i < 17; i++)
    gw_strbuf_append_str(&routes, GW_STR("/*"));
  gw_strbuf_append_str(&routes, GW_STR("\"}\n"));
  fixture_refused(routes.data, FIXTURE_SERVICES, "routes.yaml:2:24: /*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*: a path has at most 16 variables\n");
  gw_strbuf_done(&routes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mistakes_of_a_route),
      cmocka_unit_test(test_mistakes_of_routes_yaml_as_a_whole),
      cmocka_unit_test(test_mistakes_of_a_service),
      cmocka_unit_test(test_all_mistakes_of_both_files_show_at_once),
      cmocka_unit_test(test_services_that_can_not_be_read_hide_no_mistake_of_routes),
      cmocka_unit_test(test_mistakes_of_load_balancing),
      cmocka_unit_test(test_nul_bytes_are_refused),
      cmocka_unit_test(test_nesting_has_a_limit),
      cmocka_unit_test(test_limits_of_a_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
