/* What `listeners` of routes.yaml and `tls` of services.yaml become, and the mistakes in them. */
#include "common/xds/codec.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define NO_ROUTES "routes: []\n"

static const struct gw_listener *find_listener(const struct gw_policy *policy, const char *name) {
  for (uint32_t i = 0; i < policy->listener_count; i++)
    if (gw_str_equal(policy->listeners[i].name, gw_str_from(name))) return &policy->listeners[i];
  fail_msg("no listener %s", name);
  return NULL;
}

static const struct gw_policy_secret *find_secret(const struct gw_policy *policy, const char *name) {
  for (uint32_t i = 0; i < policy->secret_count; i++)
    if (gw_str_equal(policy->secrets[i].name, gw_str_from(name))) return &policy->secrets[i];
  fail_msg("no secret %s", name);
  return NULL;
}

static void assert_str(struct gw_str got, const char *want) {
  if (!gw_str_equal(got, gw_str_from(want))) fail_msg("%.*s, not %s", GW_STR_ARG(got), want);
}

/* Everything can be said on the wire. */
static void assert_encodes(const struct gw_policy *policy) {
  for (uint32_t i = 0; i < policy->listener_count; i++)
    gw_resource_unref(gw_xds_encode_listener(&policy->listeners[i]));
  for (uint32_t i = 0; i < policy->cluster_count; i++)
    gw_resource_unref(gw_xds_encode_cluster(&policy->clusters[i]));
  for (uint32_t i = 0; i < policy->route_config_count; i++)
    gw_resource_unref(gw_xds_encode_route_config(&policy->route_configs[i]));
}

static void test_without_listeners_there_is_one_in_plaintext_with_every_limit(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good(NO_ROUTES, FIXTURE_SERVICES);
  assert_int_equal(policy->listener_count, 1);
  const struct gw_listener *listener = find_listener(policy, "gateway");
  assert_null(listener->tls);
  assert_int_equal(listener->port, 8000);
  assert_int_equal(listener->http.codec, GW_CODEC_AUTO);
  assert_true(listener->http.has_websocket && listener->http.http2.allows_connect);
  assert_int_equal(listener->http.max_requests_per_connection, 1000000);
  assert_int_equal(listener->http.http2.max_concurrent_streams, 128);
  assert_int_equal(listener->http.http2.initial_stream_window, 256 << 10);
  assert_int_equal(listener->http.http2.initial_connection_window, 1 << 20);
  const struct gw_limits *limits = &listener->http.filters[0].settings.limits;
  assert_int_equal(limits->max_request_body_bytes, 100 << 20);
  assert_int_equal(limits->body_timeout_ms, 15000);
  assert_int_equal(limits->send_timeout_ms, 60000);
  assert_int_equal(limits->max_uri_bytes, 8192);
  assert_int_equal(limits->max_connections_per_worker, 50000);
  assert_int_equal(limits->max_connections_per_client, 2000);
  assert_int_equal(limits->max_stream_resets_per_minute, 1000);
  assert_int_equal(limits->overload_memory_percent, 85);
  assert_int_equal(limits->overload_descriptors_percent, 85);
  assert_encodes(policy);
  gw_policy_free(policy);
}

static void test_listener_with_tls_names_its_files_as_secrets(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good(NO_ROUTES "listeners:\n"
                                                    "  - name: https\n"
                                                    "    address: 127.0.0.1\n"
                                                    "    port: 8443\n"
                                                    "    websocket: false\n"
                                                    "    http2: {max_streams: 7}\n"
                                                    "    tls:\n"
                                                    "      certificates:\n"
                                                    "        - {certificate: certs/a.crt, key: certs/a.key}\n"
                                                    "        - {certificate: /etc/b.crt, key: /etc/b.key}\n"
                                                    "      min_version: 1.3\n"
                                                    "      cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256, AES128-SHA]\n"
                                                    "      client_certificates:\n"
                                                    "        ca: clients.pem\n"
                                                    "        require: false\n"
                                                    "        names: [a.example.com, '*.b.example.com', 'spiffe://c/*', 10.0.0.7]\n"
                                                    "      ticket_keys: [new.key, old.key]\n",
                                          FIXTURE_SERVICES);
  const struct gw_listener *listener = find_listener(policy, "https");
  const struct gw_downstream_tls *tls = listener->tls;
  assert_non_null(tls);
  assert_str(listener->address, "127.0.0.1");
  assert_int_equal(listener->port, 8443);
  assert_false(listener->http.has_websocket || listener->http.http2.allows_connect);
  assert_int_equal(listener->http.http2.max_concurrent_streams, 7);
  assert_int_equal(tls->params.min_version, GW_TLS_1_3);
  assert_str(tls->params.cipher_suites, "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA");
  assert_int_equal(tls->params.alpn_count, 2);
  assert_str(tls->params.alpn[0], "h2");
  assert_int_equal(tls->params.certificate_count, 2);
  assert_str(tls->params.certificates[1], "listener/https/certificate/1");
  assert_str(tls->params.validation, "listener/https/clients");
  assert_false(tls->requires_client_certificate);
  assert_str(tls->ticket_keys, "listener/https/tickets");
  assert_int_equal(tls->params.san_count, 4);
  const struct gw_san_match *sans = tls->params.sans;
  assert_true(sans[0].kind == GW_SAN_DNS && sans[0].match == GW_STRING_MATCH_EXACT);
  assert_true(sans[1].kind == GW_SAN_DNS && sans[1].match == GW_STRING_MATCH_SUFFIX);
  assert_str(sans[1].value, ".b.example.com");
  assert_true(sans[2].kind == GW_SAN_URI && sans[2].match == GW_STRING_MATCH_PREFIX);
  assert_str(sans[2].value, "spiffe://c/");
  assert_true(sans[3].kind == GW_SAN_IP && sans[3].match == GW_STRING_MATCH_EXACT);
  assert_int_equal(listener->http.client_cert_forwarding, GW_CLIENT_CERT_SANITIZE_SET);
  assert_true(listener->http.has_client_cert_subject && listener->http.has_client_cert_dns && listener->http.has_client_cert_uri);

  assert_int_equal(policy->secret_count, 4);
  const struct gw_policy_secret *secret = find_secret(policy, "listener/https/certificate/0");
  assert_int_equal(secret->kind, GW_SECRET_CERTIFICATE);
  assert_string_equal(secret->paths[0], "certs/a.crt"); /* beside "routes.yaml" */
  assert_string_equal(secret->paths[1], "certs/a.key");
  assert_string_equal(secret->place, "routes.yaml:10:11");
  assert_string_equal(find_secret(policy, "listener/https/certificate/1")->paths[0], "/etc/b.crt");
  assert_int_equal(find_secret(policy, "listener/https/tickets")->path_count, 2);
  assert_encodes(policy);
  gw_policy_free(policy);
}

static void test_redirect_sends_to_the_port_of_the_listener_with_tls(void **state) {
  (void)state;
  static const char tls[] = "  - {name: https, port: 8443, tls: {certificates: [{certificate: a, key: b}]}}\n";
  static const struct {
    const char *redirect;
    uint32_t port;
  } cases[] = {{"true", 8443}, {"{listener: https}", 8443}, {"{port: 443}", 443}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *routes = gw_asprintf(NO_ROUTES "listeners:\n%s  - {name: http, redirect_to_https: %s}\n", tls, cases[i].redirect);
    struct gw_policy *policy = fixture_good(routes, FIXTURE_SERVICES);
    const struct gw_listener *listener = find_listener(policy, "http");
    assert_int_equal(listener->port, 8000);
    assert_str(listener->http.route_config_name, "redirect/http");
    assert_str(find_listener(policy, "https")->http.route_config_name, "gateway");
    assert_int_equal(policy->route_config_count, 2);
    const struct gw_virtual_host *host = policy->route_configs[1].virtual_hosts;
    assert_int_equal(host->routes[0].redirect->status, 301);
    assert_str(host->routes[0].match.headers[0].value, "GET|HEAD");
    assert_int_equal(host->routes[1].redirect->status, 308);
    assert_int_equal(host->routes[1].redirect->port, cases[i].port);
    assert_str(host->routes[1].redirect->scheme, "https");
    /* /health and /ready still answer: they come before routes. */
    assert_int_equal(listener->http.filters[1].kind, GW_FILTER_NODE_ENDPOINTS);
    assert_encodes(policy);
    gw_policy_free(policy);
    free(routes);
  }
}

static const char tls_listener[] = "{name: a, tls: {certificates: [{certificate: x, key: y}]}";

static void test_mistakes_of_listeners(void **state) {
  (void)state;
  static const struct {
    const char *listeners, *told;
  } cases[] = {
      {"7", "routes.yaml:2:12: listeners is a list (- … or [ … ]), not a single value\n"},
      {"[]", "routes.yaml:2:12: listeners lists 1 to 64 listeners; leave it out for one on HOST and PORT\n"},
      {"[{port: 1}]", "routes.yaml:2:13: a listener needs a name, such as https\n"},
      {"[{name: a/b}]", "routes.yaml:2:20: a listener's name has 1 to 60 letters, digits, - _ and .\n"},
      {"[{name: a, adress: x}]",
       "routes.yaml:2:23: a listener has no key adress (address?); allowed: name, address, port, tls, redirect_to_https, "
       "forward_client_cert, client_cert_details, http2, websocket, node_groups\n"},
      {"[{name: a, address: localhost}]", "routes.yaml:2:32: address is numeric, such as 0.0.0.0, 127.0.0.1 or \"::\"\n"},
      {"[{name: a, port: 65536}]", "routes.yaml:2:29: port is a whole number from 0 to 65535\n"},
      {"[{name: a, port: 1}, {name: a, port: 2}]", "routes.yaml:2:33: listener a is in line 2 already\n"},
      {"[{name: a}, {name: b}]", "routes.yaml:2:24: 0.0.0.0:8000 is listened on by the listener in line 2 already\n"},
      {"[{name: a, http2: maybe}]", "routes.yaml:2:30: http2 is true or false\n"},
      {"[{name: a, http2: {stream_window: 1}}]", "routes.yaml:2:46: stream_window is a whole number from 65535 to 2147483647\n"},
      {"[{name: a, redirect_to_https: true}]",
       "routes.yaml:2:42: there is no listener with tls to send clients to; {listener: NAME, port: PORT} is allowed, too\n"},
      {"[{name: a, redirect_to_https: {listener: b}}]", "routes.yaml:2:42: there is no listener b with tls\n"},
      {"[{name: a, forward_client_cert: sanitize_set}]", "routes.yaml:2:44: sanitize_set needs tls with client_certificates\n"},
      {"[{name: a, forward_client_cert: yes}]",
       "routes.yaml:2:44: forward_client_cert is sanitize, forward_only, append_forward, sanitize_set or always_forward_only\n"},
      {"[{name: a, client_cert_details: [hash]}]", "routes.yaml:2:45: client_cert_details lists subject, dns and uri\n"},
      {"[{name: a, tls: {}}]", "routes.yaml:2:28: tls needs certificates: a list of {certificate: site.crt, key: site.key}\n"},
      {"[{name: a, tls: {certificates: [{certificate: x}]}}]",
       "routes.yaml:2:44: a certificate needs the files of both: {certificate: site.crt, key: site.key}\n"},
      {"[{name: a, tls: {certificates: [{certificate: x, key: y}], min_version: 1.1}}]",
       "routes.yaml:2:84: min_version is \"1.2\" or \"1.3\"\n"},
      {"[{name: a, tls: {certificates: [{certificate: x, key: y}], cipher_suites: [RC4-MD5]}}]",
       "routes.yaml:2:87: RC4-MD5 is no cipher suite of TLS 1.2 that is allowed, such as ECDHE-ECDSA-AES128-GCM-SHA256 (those of TLS 1.3 "
       "are always on)\n"},
      {"[{name: a, tls: {certificates: [{certificate: x, key: y}], client_certificates: {}}}]",
       "routes.yaml:2:92: client_certificates needs a ca: the file of who issues them\n"},
      {"[{name: a, tls: {certificates: [{certificate: x, key: y}], alpn: [h3]}}]",
       "routes.yaml:2:77: alpn lists h2 and http/1.1, each once, in the order of preference\n"},
      {"[{name: a, http2: false, tls: {certificates: [{certificate: x, key: y}], alpn: [h2]}}]",
       "routes.yaml:2:91: alpn has h2, and http2 is false\n"},
      {"[{name: a, tls: {certificates: [{certificate: x, key: y}], session_tickets: false, ticket_keys: [k]}}]",
       "routes.yaml:2:108: ticket_keys are of no use with session_tickets: false\n"},
      {"[{name: a, redirect_to_https: true, tls: {certificates: [{certificate: x, key: y}]}}]",
       "routes.yaml:2:42: redirect_to_https is for plaintext; this listener has tls\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *routes = gw_asprintf(NO_ROUTES "listeners: %s\n", cases[i].listeners);
    fixture_refused(routes, FIXTURE_SERVICES, cases[i].told);
    free(routes);
  }
}

static void test_redirect_to_one_of_several_must_name_it(void **state) {
  (void)state;
  char *routes =
      gw_asprintf(NO_ROUTES "listeners:\n  - %s, port: 1}\n  - {name: b, port: 2, tls: {certificates: [{certificate: x, key: y}]}}\n"
                            "  - {name: c, redirect_to_https: true}\n",
                  tls_listener);
  fixture_refused(routes, FIXTURE_SERVICES,
                  "routes.yaml:5:34: there are several listeners with tls: name one; {listener: NAME, port: PORT} is allowed, too\n");
  free(routes);
}

static const struct gw_cluster *only_cluster(const struct gw_policy *policy) {
  assert_int_equal(policy->cluster_count, 1);
  assert_encodes(policy);
  return policy->clusters;
}

static void test_https_service_is_checked_against_the_systems_ca_by_its_host_name(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good(NO_ROUTES, "services: {s: {instances: [{url: \"https://orders.example.com/api\"}]}}");
  const struct gw_cluster *cluster = only_cluster(policy);
  assert_int_equal(cluster->inline_endpoints->items[0].port, 443);
  assert_int_equal(cluster->protocol, GW_UPSTREAM_HTTP1);
  assert_non_null(cluster->tls);
  assert_str(cluster->tls->sni, "orders.example.com");
  assert_int_equal(cluster->tls->params.san_count, 1);
  assert_int_equal(cluster->tls->params.sans[0].kind, GW_SAN_DNS);
  assert_str(cluster->tls->params.sans[0].value, "orders.example.com");
  assert_str(cluster->tls->params.validation, "system-ca");
  assert_str(cluster->tls->params.alpn[0], "http/1.1");
  assert_int_equal(policy->secret_count, 1);
  assert_string_equal(find_secret(policy, "system-ca")->paths[0], "/etc/ssl/certs/ca-certificates.crt");
  gw_policy_free(policy);
}

static void test_https_service_of_addresses_has_no_sni_and_names_each_address(void **state) {
  (void)state;
  struct gw_policy *policy =
      fixture_good(NO_ROUTES, "services: {s: {protocol: h2, instances: [{url: \"https://10.0.0.2:1\"}, {url: \"https://10.0.0.1:1\"}, "
                              "{url: \"https://10.0.0.1:2\"}]}}");
  const struct gw_cluster *cluster = only_cluster(policy);
  assert_int_equal(cluster->kind, GW_CLUSTER_EDS);
  assert_int_equal(cluster->protocol, GW_UPSTREAM_HTTP2);
  assert_int_equal(cluster->http2.max_concurrent_streams, 128);
  assert_int_equal(cluster->tls->sni.len, 0);
  assert_int_equal(cluster->tls->params.san_count, 2);
  assert_int_equal(cluster->tls->params.sans[0].kind, GW_SAN_IP);
  assert_str(cluster->tls->params.sans[0].value, "10.0.0.1");
  assert_str(cluster->tls->params.sans[1].value, "10.0.0.2");
  assert_int_equal(cluster->tls->params.alpn_count, 1);
  assert_str(cluster->tls->params.alpn[0], "h2");
  gw_policy_free(policy);
}

static void test_tls_of_a_service_says_whom_to_trust_and_who_we_are(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good(NO_ROUTES, "services: {s: {protocol: auto, instances: [{url: \"https://a\"}, {url: "
                                                     "\"https://b\"}], tls: {ca: ca.pem, sni: c.example.com, "
                                                     "names: 'spiffe://d/e', certificate: us.crt, key: us.key}}}");
  const struct gw_cluster *cluster = only_cluster(policy);
  assert_int_equal(cluster->protocol, GW_UPSTREAM_AUTO);
  assert_str(cluster->tls->sni, "c.example.com");
  assert_str(cluster->tls->params.validation, "service/s/ca");
  assert_str(cluster->tls->params.sans[0].value, "spiffe://d/e");
  assert_str(cluster->tls->params.certificates[0], "service/s/certificate");
  assert_int_equal(policy->secret_count, 2);
  assert_string_equal(find_secret(policy, "service/s/certificate")->paths[1], "us.key");
  gw_policy_free(policy);

  char *told;
  policy = fixture_load(NO_ROUTES, "services: {s: {instances: [{url: \"https://a\"}], tls: {verify: false}}}", &told);
  assert_string_equal(told, "services.yaml:1:63: whoever answers for s is believed: verify is false\n");
  free(told);
  assert_int_equal(only_cluster(policy)->tls->params.validation.len, 0);
  assert_int_equal(only_cluster(policy)->tls->params.san_count, 0);
  assert_int_equal(policy->secret_count, 0);
  gw_policy_free(policy);
}

static void test_only_a_timeout_that_is_written_ends_grpc_streams(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, service: s}, {path: /b, service: s, timeout: 5}]", FIXTURE_SERVICES);
  const struct gw_route *routes = policy->route_configs[0].virtual_hosts[0].routes;
  assert_int_equal(routes[0].forward.timeout_ms, 30000);
  assert_true(routes[0].forward.has_grpc_timeout && routes[1].forward.has_grpc_timeout);
  assert_int_equal(routes[0].forward.max_grpc_timeout_ms, 0);
  assert_int_equal(routes[1].forward.max_grpc_timeout_ms, 5000);
  gw_policy_free(policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_listeners_there_is_one_in_plaintext_with_every_limit),
      cmocka_unit_test(test_listener_with_tls_names_its_files_as_secrets),
      cmocka_unit_test(test_redirect_sends_to_the_port_of_the_listener_with_tls),
      cmocka_unit_test(test_mistakes_of_listeners),
      cmocka_unit_test(test_redirect_to_one_of_several_must_name_it),
      cmocka_unit_test(test_https_service_is_checked_against_the_systems_ca_by_its_host_name),
      cmocka_unit_test(test_https_service_of_addresses_has_no_sni_and_names_each_address),
      cmocka_unit_test(test_tls_of_a_service_says_whom_to_trust_and_who_we_are),
      cmocka_unit_test(test_only_a_timeout_that_is_written_ends_grpc_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
