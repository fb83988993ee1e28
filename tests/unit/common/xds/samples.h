/* Why: whole models for the codec's tests, with every field set to something that is not its default.
 * Life: static.
 * Thread: tests only. */
#ifndef GW_TESTS_UNIT_COMMON_XDS_SAMPLES_H
#define GW_TESTS_UNIT_COMMON_XDS_SAMPLES_H

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"

static const struct gw_header_match sample_headers[] = {
    {GW_STR(":method"), GW_STRING_MATCH_EXACT, GW_STR("GET"), false, false, false},
    {GW_STR("x-a"), GW_STRING_MATCH_PREFIX, GW_STR("p"), true, true, false},
    {GW_STR("x-b"), GW_STRING_MATCH_SUFFIX, GW_STR("s"), false, false, false},
    {GW_STR("x-c"), GW_STRING_MATCH_CONTAINS, GW_STR("c"), false, false, false},
    {GW_STR("x-d"), GW_STRING_MATCH_REGEX, GW_STR("a|b"), false, true, false},
    {GW_STR("x-e"), GW_STRING_MATCH_PRESENT, {NULL, 0}, false, true, false},
    {GW_STR("x-f"), GW_STRING_MATCH_EXACT, {NULL, 0}, false, false, false},
    {GW_STR("x-g"), GW_STRING_MATCH_EXACT, GW_STR("g"), false, true, true},
};

static const struct gw_query_match sample_queries[] = {
    {GW_STR("Page"), GW_STRING_MATCH_REGEX, GW_STR("[0-9]+"), false, false},
    {GW_STR("a"), GW_STRING_MATCH_EXACT, GW_STR("B"), true, false},
    {GW_STR("b"), GW_STRING_MATCH_PRESENT, {NULL, 0}, false, false},
    {GW_STR("c"), GW_STRING_MATCH_PRESENT, {NULL, 0}, false, true},
};

static const struct gw_header_option sample_options[] = {
    {GW_STR("x-deprecated"), GW_STR("50% and 100%"), GW_HEADER_APPEND, false, false},
    {GW_STR("x-other"), GW_STR("v"), GW_HEADER_OVERWRITE, false, false},
    {GW_STR("x-client"), GW_STR("100%% %REQ(x-a?:path):9%"), GW_HEADER_ADD_IF_ABSENT, true, false},
    {GW_STR("x-empty"), {NULL, 0}, GW_HEADER_OVERWRITE_IF_EXISTS, false, true},
};
static const struct gw_str sample_removed[] = {GW_STR("x-gone"), GW_STR("server")};
static const struct gw_header_changes sample_changes[] = {
    {sample_removed, 2, GW_ARRAY_LEN(sample_options), sample_options},
    {NULL, 0, 2, sample_options},
    {sample_removed, 1, 0, NULL},
};

static const struct gw_weighted_cluster sample_shares[] = {{GW_STR("alpha"), 90}, {GW_STR("gamma"), 0}, {GW_STR("beta"), 10}};
static const struct gw_route_split sample_splits[] = {{sample_shares, 3, 100, true}, {sample_shares, 1, 90, false}};

static const struct gw_hash_policy sample_hashes[] = {
    {.kind = GW_HASH_HEADER, .name = GW_STR("x-user"), .is_terminal = true},
    {.kind = GW_HASH_COOKIE, .name = GW_STR("Sid"), .has_cookie_ttl = true, .cookie_ttl_ms = 90500, .cookie_path = GW_STR("/a")},
    {.kind = GW_HASH_COOKIE, .name = GW_STR("other")},
    {.kind = GW_HASH_COOKIE, .name = GW_STR("session"), .has_cookie_ttl = true},
    {.kind = GW_HASH_QUERY, .name = GW_STR("Q r")},
    {.kind = GW_HASH_CLIENT},
};

static const uint32_t sample_codes[] = {429, 503};
static const struct gw_retry_policy sample_retry = {.on = GW_RETRY_5XX | GW_RETRY_RETRIABLE_STATUS_CODES | GW_RETRY_GRPC_UNAVAILABLE,
                                                    .count = 4,
                                                    .per_try_timeout_ms = 1500,
                                                    .per_try_idle_timeout_ms = 700,
                                                    .backoff_base_ms = 30,
                                                    .backoff_max_ms = 90,
                                                    .avoids_previous_hosts = true,
                                                    .host_attempts = 5,
                                                    .status_codes = sample_codes,
                                                    .status_code_count = GW_ARRAY_LEN(sample_codes),
                                                    .buffer_bytes = 70000};
static const struct gw_retry_policy sample_host_retry = {.on = GW_RETRY_ALWAYS_SAFE,
                                                         .backoff_base_ms = 25,
                                                         .backoff_max_ms = 250,
                                                         .host_attempts = 1,
                                                         .buffer_bytes = 65536};

static const struct gw_route sample_routes[] = {
    {.name = GW_STR("one"),
     .index = 0,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/a"), true, sample_headers, GW_ARRAY_LEN(sample_headers), GW_ARRAY_LEN(sample_queries),
               sample_queries},
     .action = GW_ROUTE_FORWARD,
     .forward = {.cluster = GW_STR("alpha"),
                 .timeout_ms = 30250,
                 .hash_policies = sample_hashes,
                 .hash_policy_count = GW_ARRAY_LEN(sample_hashes),
                 .has_idle_timeout = true,
                 .idle_timeout_ms = 0,
                 .has_grpc_timeout = true,
                 .max_grpc_timeout_ms = 61500,
                 .max_duration_ms = 3600250,
                 .retry = &sample_retry,
                 .tells_attempt_count = true,
                 .prefix_rewrite = GW_STR("/b")},
     .request_headers = &sample_changes[0],
     .response_headers = &sample_changes[1],
     .has_body_limit = true,
     .max_request_body_bytes = UINT64_C(1) << 33},
    {.name = GW_STR("two"),
     .index = 1,
     .match = {GW_PATH_MATCH_TEMPLATE, GW_STR("/users/{id}"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_FORWARD,
     .forward = {.split = &sample_splits[0],
                 .host_rewrite = GW_STR("inner.example:8080"),
                 .timeout_ms = 0,
                 .retry = &sample_host_retry,
                 .tells_attempt_count = true,
                 .regex_rewrite_pattern = GW_STR("^/users/(.*)$"),
                 .regex_rewrite_substitution = GW_STR("/u/\\1")}},
    {.name = GW_STR("three"),
     .index = 2,
     .match = {GW_PATH_MATCH_SEPARATED_PREFIX, GW_STR("/c"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {501, GW_STR("{\"error\": 501}")},
     .response_headers = &sample_changes[2],
     .has_body_limit = true},
    {.name = GW_STR(""),
     .index = 3,
     .match = {GW_PATH_MATCH_REGEX, GW_STR("/d/[0-9]+"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {200, GW_STR("\xff\x00\x01")}},
};

static const struct gw_route_redirect sample_redirects[] = {
    {.status = 308,
     .scheme = GW_STR("https"),
     .host = GW_STR("example.org"),
     .port = 8443,
     .path = GW_STR("/new?a=b"),
     .strips_query = true},
    {.status = 301, .scheme = GW_STR("http"), .prefix_rewrite = GW_STR("/moved")},
    {.status = 302, .regex_rewrite_pattern = GW_STR("^/old/(.*)"), .regex_rewrite_substitution = GW_STR("/new/\\1")},
    {.status = 303},
    {.status = 307},
};

static const struct gw_route sample_last_route[] = {
    {.index = 4,
     .match = {GW_PATH_MATCH_PREFIX, GW_STR(""), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {404, {NULL, 0}}},
    {.index = 5,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/r"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_REDIRECT,
     .redirect = &sample_redirects[0]},
    {.index = 6,
     .match = {GW_PATH_MATCH_PREFIX, GW_STR("/s"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_REDIRECT,
     .redirect = &sample_redirects[1]},
    {.index = 7,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/t"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_REDIRECT,
     .redirect = &sample_redirects[2]},
    {.index = 8,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/u"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_REDIRECT,
     .redirect = &sample_redirects[3]},
    {.index = 9,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/v"), false, NULL, 0, 0, NULL},
     .action = GW_ROUTE_REDIRECT,
     .redirect = &sample_redirects[4]},
};

static const struct gw_str sample_domains[] = {GW_STR("example.com"), GW_STR("*.example.com:8443"), GW_STR("example.*")};
static const struct gw_str sample_any_domain[] = {GW_STR("*")};

static const struct gw_virtual_host sample_hosts[] = {
    {GW_STR("first"), sample_domains, 3, sample_routes, GW_ARRAY_LEN(sample_routes), &sample_host_retry, true},
    {GW_STR("rest"), sample_any_domain, 1, sample_last_route, GW_ARRAY_LEN(sample_last_route), NULL, false},
};

static const struct gw_route_config sample_route_config = {GW_STR("main"), sample_hosts, 2, 10, true};

static const struct gw_endpoint sample_endpoint_items[] = {
    {GW_STR("10.0.0.1"), 8000, 1, false, 0},
    {GW_STR("2001:db8::1"), 65535, 4294967295u, true, 0},
    {GW_STR("10.0.0.3"), 1, 7, false, 3},
};
static const struct gw_endpoints sample_endpoints = {GW_STR("alpha"), sample_endpoint_items, 3};

static const struct gw_endpoint sample_named_items[] = {{GW_STR("project_service-1.internal"), 8000, 2, false, 0}};
static const struct gw_endpoints sample_named = {GW_STR("beta"), sample_named_items, 1};

/* A macro: clang 14 does not take one constant struct as the initializer of another's member. */
#define SAMPLE_HTTP2                                                                                                                       \
  {                                                                                                                                        \
    .hpack_table_size = 0, .max_concurrent_streams = 77, .initial_stream_window = 65535, .initial_connection_window = 1u << 20,            \
    .allows_connect = true, .max_outbound_control_frames = 5, .max_consecutive_empty_frames = 0, .max_priority_frames = 3,                 \
    .max_window_updates = 2,                                                                                                               \
  }
static const struct gw_str sample_alpn[] = {GW_STR("h2"), GW_STR("http/1.1")};
static const struct gw_str sample_certificates[] = {GW_STR("site"), GW_STR("other")};
static const struct gw_san_match sample_sans[] = {
    {GW_SAN_DNS, GW_STRING_MATCH_EXACT, GW_STR("example.com")},
    {GW_SAN_URI, GW_STRING_MATCH_PREFIX, GW_STR("spiffe://example.com/")},
    {GW_SAN_DNS, GW_STRING_MATCH_SUFFIX, GW_STR(".example.com")},
    {GW_SAN_IP, GW_STRING_MATCH_EXACT, GW_STR("10.0.0.7")},
};
static const struct gw_downstream_tls sample_downstream_tls = {.params = {.min_version = GW_TLS_1_3,
                                                                          .max_version = GW_TLS_1_3,
                                                                          .cipher_suites = GW_STR("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
                                                                          .curves = GW_STR("X25519:P-256"),
                                                                          .alpn = sample_alpn,
                                                                          .alpn_count = 2,
                                                                          .certificates = sample_certificates,
                                                                          .certificate_count = 2,
                                                                          .validation = GW_STR("clients"),
                                                                          .sans = sample_sans,
                                                                          .san_count = GW_ARRAY_LEN(sample_sans)},
                                                               .requires_client_certificate = true,
                                                               .ticket_keys = GW_STR("tickets")};
static const struct gw_upstream_tls sample_upstream_tls = {.params = {.min_version = GW_TLS_1_2,
                                                                      .max_version = GW_TLS_1_2,
                                                                      .alpn = sample_alpn,
                                                                      .alpn_count = 1,
                                                                      .certificates = sample_certificates,
                                                                      .certificate_count = 1,
                                                                      .validation = GW_STR("ca")},
                                                           .sni = GW_STR("orders.example.com"),
                                                           .has_auto_sni = true};

static const struct gw_str sample_keys[] = {
    GW_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    GW_STR("\x00\xff\x02"
           "3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
};
static const struct gw_secret sample_secrets[] = {
    {.name = GW_STR("site"), .kind = GW_SECRET_CERTIFICATE, .certificate_chain = GW_STR("CHAIN"), .private_key = GW_STR("KEY-MATERIAL")},
    {.name = GW_STR("ca"), .kind = GW_SECRET_VALIDATION, .trusted_ca = GW_STR("ROOTS"), .sans = sample_sans, .san_count = 2},
    {.name = GW_STR("tickets"), .kind = GW_SECRET_TICKET_KEYS, .ticket_keys = sample_keys, .ticket_key_count = 2},
};

static const struct gw_status_range sample_expected[] = {{200, 200}, {204, 299}}, sample_retriable[] = {{100, 599}};
static const struct gw_health_check sample_http_check = {.kind = GW_HEALTH_CHECK_HTTP,
                                                         .timeout_ms = 1500,
                                                         .interval_ms = 5000,
                                                         .unhealthy_interval_ms = 2500,
                                                         .no_traffic_interval_ms = 5001,
                                                         .initial_jitter_ms = 100,
                                                         .interval_jitter_ms = 50,
                                                         .interval_jitter_percent = 10,
                                                         .unhealthy_threshold = 3,
                                                         .healthy_threshold = 2,
                                                         .port = 9000,
                                                         .host = GW_STR("health.example"),
                                                         .method = GW_STR("HEAD"),
                                                         .path = GW_STR("/health?deep=1"),
                                                         .expected = sample_expected,
                                                         .expected_count = 2,
                                                         .retriable = sample_retriable,
                                                         .retriable_count = 1};
static const struct gw_health_check sample_grpc_check = {.kind = GW_HEALTH_CHECK_GRPC,
                                                         .timeout_ms = 1000,
                                                         .interval_ms = 2000,
                                                         .unhealthy_interval_ms = 2000,
                                                         .no_traffic_interval_ms = 2000,
                                                         .unhealthy_threshold = 1,
                                                         .healthy_threshold = 1,
                                                         .is_http2 = true,
                                                         .host = GW_STR("grpc.example"),
                                                         .grpc_service = GW_STR("shop.Orders")};
static const struct gw_health_check sample_tcp_check = {.kind = GW_HEALTH_CHECK_TCP,
                                                        .timeout_ms = 1,
                                                        .interval_ms = 2,
                                                        .unhealthy_interval_ms = 3,
                                                        .no_traffic_interval_ms = 4,
                                                        .unhealthy_threshold = 5,
                                                        .healthy_threshold = 6};
static const struct gw_outlier_detection sample_outlier = {.interval_ms = 1,
                                                           .base_ejection_ms = 2,
                                                           .max_ejection_ms = 3,
                                                           .ejection_jitter_ms = 4,
                                                           .max_ejection_percent = 5,
                                                           .may_always_eject_one = true,
                                                           .has_check_ending_ejection = false,
                                                           .consecutive_5xx = 6,
                                                           .consecutive_5xx_enforcing_percent = 7,
                                                           .consecutive_gateway_failure = 0,
                                                           .consecutive_gateway_failure_enforcing_percent = 9,
                                                           .success_rate_enforcing_percent = 10,
                                                           .success_rate_minimum_hosts = 11,
                                                           .success_rate_request_volume = 12,
                                                           .success_rate_stdev_factor = 13};

static const struct gw_concurrency_limits sample_limits = {7, UINT32_MAX, 1024};
static const struct gw_circuit_breaking sample_breaking = {.window_ms = 2500,
                                                           .open_ms = 30000,
                                                           .failures = 5,
                                                           .failure_percent = 40,
                                                           .min_requests = 11,
                                                           .probes = 2,
                                                           .successes = 4,
                                                           .failure_on = GW_CIRCUIT_ON_GATEWAY_ERROR | GW_CIRCUIT_ON_RESET};

static const struct gw_cluster sample_tls_cluster = {.name = GW_STR("gamma"),
                                                     .kind = GW_CLUSTER_EDS,
                                                     .eds_service_name = GW_STR("gamma"),
                                                     .balancing = {.policy = GW_LB_RANDOM, .panic_threshold_percent = 0},
                                                     .connect_timeout_ms = 1500,
                                                     .dns_refresh_ms = 5000,
                                                     .upstream_idle_timeout_ms = 60001,
                                                     .protocol = GW_UPSTREAM_AUTO,
                                                     .http2 = SAMPLE_HTTP2,
                                                     .tls = &sample_upstream_tls,
                                                     .health_check = &sample_http_check};
static const struct gw_cluster sample_http2_cluster = {.name = GW_STR("delta"),
                                                       .kind = GW_CLUSTER_EDS,
                                                       .eds_service_name = GW_STR("delta"),
                                                       .balancing = {.policy = GW_LB_ROUND_ROBIN,
                                                                     .panic_threshold_percent = 100,
                                                                     .slow_start = {30000, 0.5, 12.5}},
                                                       .connect_timeout_ms = 1500,
                                                       .dns_refresh_ms = 5000,
                                                       .upstream_idle_timeout_ms = 60001,
                                                       .protocol = GW_UPSTREAM_HTTP2,
                                                       .http2 = SAMPLE_HTTP2,
                                                       .health_check = &sample_grpc_check,
                                                       .outlier = &sample_outlier,
                                                       .retry_budget = {12.5, 7},
                                                       .limits = &sample_limits,
                                                       .breaking = &sample_breaking};
static const struct gw_cluster sample_eds_cluster = {.name = GW_STR("alpha"),
                                                     .kind = GW_CLUSTER_EDS,
                                                     .eds_service_name = GW_STR("alpha-endpoints"),
                                                     .balancing = {.policy = GW_LB_LEAST_REQUEST,
                                                                   .panic_threshold_percent = 33,
                                                                   .slow_start = {1500, 2, 1},
                                                                   .choice_count = 5,
                                                                   .active_request_bias = 0},
                                                     .connect_timeout_ms = 1500,
                                                     .dns_refresh_ms = 5000,
                                                     .upstream_idle_timeout_ms = 60001};
static const struct gw_cluster sample_dns_cluster =
    {.name = GW_STR("beta"),
     .kind = GW_CLUSTER_STRICT_DNS,
     .inline_endpoints = &sample_named,
     .balancing = {.policy = GW_LB_RING_HASH, .panic_threshold_percent = 50, .ring_size_min = 77, .ring_size_max = 8388608},
     .connect_timeout_ms = 5000,
     .dns_refresh_ms = 30000,
     .upstream_idle_timeout_ms = 0};
static const struct gw_cluster sample_static_cluster =
    {.name = GW_STR("alpha"),
     .kind = GW_CLUSTER_STATIC,
     .inline_endpoints = &sample_endpoints,
     .balancing = {.policy = GW_LB_MAGLEV, .panic_threshold_percent = 50, .has_uncounted_new = true, .table_size = 5000011},
     .connect_timeout_ms = 1,
     .dns_refresh_ms = 5000,
     .upstream_idle_timeout_ms = 3600000,
     .health_check = &sample_tcp_check};

static const struct gw_str sample_allow[] = {GW_STR("10.0.0.0/8"), GW_STR("2001:db8::/32")};
static const struct gw_http_filter sample_filters[] = {
    {.name = GW_STR("limits"),
     .kind = GW_FILTER_LIMITS,
     .settings = {.limits = {1u << 20, 60000, 15000, 8192, 1000, 50, 200, 80, 90, 5000}}},
    {GW_STR("gateway.node_endpoints"), GW_FILTER_NODE_ENDPOINTS, {{true, false, true, sample_allow, 2}}},
    {GW_STR("envoy.filters.http.router"), GW_FILTER_ROUTER, {{false, false, false, NULL, 0}}},
};
static const struct gw_access_log_field sample_log_fields[] = {
    {GW_STR("start_time"), GW_STR("%START_TIME%")},
    {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
    {GW_STR("a"), GW_STR("")},
};
static const struct gw_access_log sample_logs[] = {
    {.fields = sample_log_fields, .field_count = 3},
    {.text = GW_STR("%PROTOCOL%\n")},
};

static const struct gw_listener sample_listener = {
    .name = GW_STR("http"),
    .address = GW_STR("0.0.0.0"),
    .port = 8000,
    .http = {.stat_prefix = GW_STR("traffic"),
             .route_config_name = GW_STR("main"),
             .filters = sample_filters,
             .filter_count = 3,
             .access_logs = sample_logs,
             .access_log_count = 2,
             .normalize_path = true,
             .merge_slashes = true,
             .escaped_slashes = GW_ESCAPED_SLASHES_REJECT,
             .underscores = GW_UNDERSCORES_DROP,
             .use_remote_address = true,
             .trusted_cidrs = sample_allow,
             .trusted_cidr_count = 2,
             .generate_request_id = false,
             .preserve_external_request_id = true,
             .always_set_request_id_in_response = true,
             .server_name = GW_STR("edge"),
             .max_request_headers_kb = 96,
             .max_headers_count = 128,
             .idle_timeout_ms = 75000,
             .stream_idle_timeout_ms = 0,
             .request_timeout_ms = 61000,
             .request_headers_timeout_ms = 10000,
             .drain_timeout_ms = 7000,
             .codec = GW_CODEC_HTTP2,
             .http2 = SAMPLE_HTTP2,
             .has_websocket = true,
             .max_requests_per_connection = 1000,
             .client_cert_forwarding = GW_CLIENT_CERT_APPEND_FORWARD,
             .has_client_cert_subject = true,
             .has_client_cert_dns = true,
             .has_client_cert_uri = true},
    .tls = &sample_downstream_tls,
};

#endif
