/* Why: whole models for the codec's tests, with every field set to something that is not its default.
 * Life: static.
 * Thread: tests only. */
#ifndef GW_TESTS_UNIT_COMMON_XDS_SAMPLES_H
#define GW_TESTS_UNIT_COMMON_XDS_SAMPLES_H

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"

static const struct gw_header_match sample_headers[] = {
    {GW_STR(":method"), GW_STRING_MATCH_EXACT, GW_STR("GET"), false, false},
    {GW_STR("x-a"), GW_STRING_MATCH_PREFIX, GW_STR("p"), true, true},
    {GW_STR("x-b"), GW_STRING_MATCH_SUFFIX, GW_STR("s"), false, false},
    {GW_STR("x-c"), GW_STRING_MATCH_CONTAINS, GW_STR("c"), false, false},
    {GW_STR("x-d"), GW_STRING_MATCH_REGEX, GW_STR("a|b"), false, true},
    {GW_STR("x-e"), GW_STRING_MATCH_PRESENT, {NULL, 0}, false, true},
    {GW_STR("x-f"), GW_STRING_MATCH_EXACT, {NULL, 0}, false, false},
};

static const struct gw_header_option sample_options[] = {
    {GW_STR("x-deprecated"), GW_STR("50% and 100%"), true},
    {GW_STR("x-other"), GW_STR("v"), false},
};

static const struct gw_route sample_routes[] = {
    {.name = GW_STR("one"),
     .index = 0,
     .match = {GW_PATH_MATCH_EXACT, GW_STR("/a"), true, sample_headers, GW_ARRAY_LEN(sample_headers)},
     .action = GW_ROUTE_FORWARD,
     .forward =
         {.cluster = GW_STR("alpha"), .timeout_ms = 30250, .has_idle_timeout = true, .idle_timeout_ms = 0, .prefix_rewrite = GW_STR("/b")},
     .response_headers_to_add = sample_options,
     .response_headers_to_add_count = GW_ARRAY_LEN(sample_options)},
    {.name = GW_STR("two"),
     .index = 1,
     .match = {GW_PATH_MATCH_TEMPLATE, GW_STR("/users/{id}"), false, NULL, 0},
     .action = GW_ROUTE_FORWARD,
     .forward = {.cluster = GW_STR("beta"),
                 .timeout_ms = 0,
                 .regex_rewrite_pattern = GW_STR("^/users/(.*)$"),
                 .regex_rewrite_substitution = GW_STR("/u/\\1")}},
    {.name = GW_STR("three"),
     .index = 2,
     .match = {GW_PATH_MATCH_SEPARATED_PREFIX, GW_STR("/c"), false, NULL, 0},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {501, GW_STR("{\"error\": 501}")}},
    {.name = GW_STR(""),
     .index = 3,
     .match = {GW_PATH_MATCH_REGEX, GW_STR("/d/[0-9]+"), false, NULL, 0},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {200, GW_STR("\xff\x00\x01")}},
};

static const struct gw_route sample_last_route[] = {
    {.index = 4,
     .match = {GW_PATH_MATCH_PREFIX, GW_STR(""), false, NULL, 0},
     .action = GW_ROUTE_DIRECT_RESPONSE,
     .direct = {404, {NULL, 0}}},
};

static const struct gw_str sample_domains[] = {GW_STR("example.com"), GW_STR("*.example.com:8443"), GW_STR("example.*")};
static const struct gw_str sample_any_domain[] = {GW_STR("*")};

static const struct gw_virtual_host sample_hosts[] = {
    {GW_STR("first"), sample_domains, 3, sample_routes, GW_ARRAY_LEN(sample_routes)},
    {GW_STR("rest"), sample_any_domain, 1, sample_last_route, 1},
};

static const struct gw_route_config sample_route_config = {GW_STR("main"), sample_hosts, 2, 5};

static const struct gw_endpoint sample_endpoint_items[] = {
    {GW_STR("10.0.0.1"), 8000, 1, false, 0},
    {GW_STR("2001:db8::1"), 65535, 4294967295u, true, 0},
    {GW_STR("10.0.0.3"), 1, 7, false, 3},
};
static const struct gw_endpoints sample_endpoints = {GW_STR("alpha"), sample_endpoint_items, 3};

static const struct gw_endpoint sample_named_items[] = {{GW_STR("project_service-1.internal"), 8000, 2, false, 0}};
static const struct gw_endpoints sample_named = {GW_STR("beta"), sample_named_items, 1};

static const struct gw_cluster sample_eds_cluster = {.name = GW_STR("alpha"),
                                                     .kind = GW_CLUSTER_EDS,
                                                     .eds_service_name = GW_STR("alpha-endpoints"),
                                                     .connect_timeout_ms = 1500,
                                                     .dns_refresh_ms = 5000,
                                                     .upstream_idle_timeout_ms = 60001};
static const struct gw_cluster sample_dns_cluster = {.name = GW_STR("beta"),
                                                     .kind = GW_CLUSTER_STRICT_DNS,
                                                     .inline_endpoints = &sample_named,
                                                     .connect_timeout_ms = 5000,
                                                     .dns_refresh_ms = 30000,
                                                     .upstream_idle_timeout_ms = 0};
static const struct gw_cluster sample_static_cluster = {.name = GW_STR("alpha"),
                                                        .kind = GW_CLUSTER_STATIC,
                                                        .inline_endpoints = &sample_endpoints,
                                                        .connect_timeout_ms = 1,
                                                        .dns_refresh_ms = 5000,
                                                        .upstream_idle_timeout_ms = 3600000};

static const struct gw_str sample_allow[] = {GW_STR("10.0.0.0/8"), GW_STR("2001:db8::/32")};
static const struct gw_http_filter sample_filters[] = {
    {GW_STR("gateway.node_endpoints"), GW_FILTER_NODE_ENDPOINTS, {{true, false, true, sample_allow, 2}}},
    {GW_STR("envoy.filters.http.router"), GW_FILTER_ROUTER, {{false, false, false, NULL, 0}}},
};
static const struct gw_access_log_field sample_log_fields[] = {
    {GW_STR("start_time"), GW_STR("%START_TIME%")},
    {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
    {GW_STR("a"), GW_STR("")},
};
static const struct gw_access_log sample_logs[] = {
    {sample_log_fields, 3, {NULL, 0}},
    {NULL, 0, GW_STR("%PROTOCOL%\n")},
};

static const struct gw_listener sample_listener = {
    .name = GW_STR("http"),
    .address = GW_STR("0.0.0.0"),
    .port = 8000,
    .http = {.stat_prefix = GW_STR("traffic"),
             .route_config_name = GW_STR("main"),
             .filters = sample_filters,
             .filter_count = 2,
             .access_logs = sample_logs,
             .access_log_count = 2,
             .normalize_path = true,
             .merge_slashes = true,
             .escaped_slashes = GW_ESCAPED_SLASHES_REJECT,
             .underscores = GW_UNDERSCORES_DROP,
             .use_remote_address = true,
             .xff_num_trusted_hops = 2,
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
             .drain_timeout_ms = 7000},
};

#endif
