/* Of route configurations. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field direct_response_action[] = {
    {"body_format", 3, REFUSED},
};

static const struct gw_xds_unsupported_field header_matcher[] = {
    {"range_match", 6, REFUSED},
};

static const struct gw_xds_unsupported_field filter_config[] = {
    {"disabled", 3, REFUSED},
};

static const struct gw_xds_unsupported_field retry_policy[] = {
    {"retry_priority", 4, REFUSED},
    {"retriable_headers", 9, REFUSED},
    {"retriable_request_headers", 10, REFUSED},
    {"rate_limited_retry_back_off", 11, REFUSED},
    {"retry_options_predicates", 12, REFUSED},
};

static const struct gw_xds_unsupported_field max_stream_duration[] = {
    {"grpc_timeout_header_max", 2, REFUSED},
    {"grpc_timeout_header_offset", 3, REFUSED},
};

static const struct gw_xds_unsupported_field rate_limit[] = {
    {"stage", 1, REFUSED},       {"disable_key", 2, REFUSED},          {"limit", 4, REFUSED},
    {"hits_addend", 5, REFUSED}, {"apply_on_stream_done", 6, REFUSED},
};

static const struct gw_xds_unsupported_field rate_limit_action[] = {
    {"source_cluster", 1, REFUSED},    {"destination_cluster", 2, REFUSED}, {"header_value_match", 6, REFUSED},
    {"dynamic_metadata", 7, REFUSED},  {"extension", 9, REFUSED},           {"query_parameter_value_match", 11, REFUSED},
    {"query_parameters", 12, REFUSED},
};

static const struct gw_xds_unsupported_field route[] = {
    {"metadata", 4, IGNORED},       {"decorator", 5, REFUSED},
    {"tracing", 15, REFUSED},       {"per_request_buffer_limit_bytes", 16, REFUSED},
    {"filter_action", 17, REFUSED}, {"non_forwarding_action", 18, REFUSED},
    {"stat_prefix", 19, IGNORED},
};

static const struct gw_xds_unsupported_field route_action[] = {
    {"cluster_header", 2, REFUSED},
    {"metadata_match", 4, REFUSED},
    {"auto_host_rewrite", 7, REFUSED},
    {"priority", 11, REFUSED},
    {"rate_limits", 13, REFUSED},
    {"include_vh_rate_limits", 14, REFUSED},
    {"cors", 17, REFUSED},
    {"cluster_not_found_response_code", 20, REFUSED},
    {"upgrade_configs", 25, REFUSED},
    {"internal_redirect_action", 26, REFUSED},
    {"hedge_policy", 27, REFUSED},
    {"grpc_timeout_offset", 28, REFUSED},
    {"host_rewrite_header", 29, REFUSED},
    {"request_mirror_policies", 30, REFUSED},
    {"max_internal_redirects", 31, REFUSED},
    {"retry_policy_typed_config", 33, REFUSED},
    {"internal_redirect_policy", 34, REFUSED},
    {"host_rewrite_path_regex", 35, REFUSED},
    {"cluster_specifier_plugin", 37, REFUSED},
    {"append_x_forwarded_host", 38, REFUSED},
    {"inline_cluster_specifier_plugin", 39, REFUSED},
    {"early_data_policy", 40, REFUSED},
    {"path_rewrite_policy", 41, REFUSED},
    {"flush_timeout", 42, REFUSED},
    {"host_rewrite", 44, REFUSED},
    {"path_rewrite", 45, REFUSED},
};

static const struct gw_xds_unsupported_field weighted_cluster[] = {
    {"runtime_key_prefix", 2, REFUSED},
    {"total_weight", 3, REFUSED},
    {"header_name", 4, REFUSED},
};

static const struct gw_xds_unsupported_field cluster_weight[] = {
    {"metadata_match", 3, REFUSED},
    {"request_headers_to_add", 4, REFUSED},
    {"response_headers_to_add", 5, REFUSED},
    {"response_headers_to_remove", 6, REFUSED},
    {"request_headers_to_remove", 9, REFUSED},
    {"typed_per_filter_config", 10, REFUSED},
    {"host_rewrite_literal", 11, REFUSED},
    {"cluster_header", 12, REFUSED},
};

static const struct gw_xds_unsupported_field hash_policy[] = {
    {"filter_state", 6, REFUSED},
};

static const struct gw_xds_unsupported_field hash_policy_header[] = {
    {"regex_rewrite", 2, REFUSED},
};

static const struct gw_xds_unsupported_field hash_policy_cookie[] = {
    {"attributes", 4, REFUSED},
};

static const struct gw_xds_unsupported_field route_configuration[] = {
    {"internal_only_headers", 3, REFUSED},
    {"response_headers_to_add", 4, REFUSED},
    {"response_headers_to_remove", 5, REFUSED},
    {"request_headers_to_add", 6, REFUSED},
    {"validate_clusters", 7, REFUSED},
    {"request_headers_to_remove", 8, REFUSED},
    {"vhds", 9, REFUSED},
    {"most_specific_header_mutations_wins", 10, REFUSED},
    {"max_direct_response_body_size_bytes", 11, REFUSED},
    {"cluster_specifier_plugins", 12, REFUSED},
    {"request_mirror_policies", 13, REFUSED},
    {"ignore_path_parameters_in_path_matching", 15, REFUSED},
    {"typed_per_filter_config", 16, REFUSED},
    {"metadata", 17, IGNORED},
    {"vhost_header", 18, REFUSED},
};

static const struct gw_xds_unsupported_field route_match[] = {
    {"grpc", 8, REFUSED},
    {"runtime_fraction", 9, REFUSED},
    {"tls_context", 11, REFUSED},
    {"connect_matcher", 12, REFUSED},
    {"dynamic_metadata", 13, REFUSED},
    {"filter_state", 16, REFUSED},
};

static const struct gw_xds_unsupported_field virtual_host[] = {
    {"require_tls", 4, REFUSED},
    {"virtual_clusters", 5, REFUSED},
    {"rate_limits", 6, REFUSED},
    {"request_headers_to_add", 7, REFUSED},
    {"cors", 8, REFUSED},
    {"response_headers_to_add", 10, REFUSED},
    {"response_headers_to_remove", 11, REFUSED},
    {"request_headers_to_remove", 13, REFUSED},
    {"typed_per_filter_config", 15, REFUSED},
    {"hedge_policy", 17, REFUSED},
    {"per_request_buffer_limit_bytes", 18, REFUSED},
    {"include_attempt_count_in_response", 19, REFUSED},
    {"retry_policy_typed_config", 20, REFUSED},
    {"matcher", 21, REFUSED},
    {"request_mirror_policies", 22, REFUSED},
    {"include_is_timeout_retry_header", 23, REFUSED},
    {"metadata", 24, IGNORED},
};

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.config.route.v3.DirectResponseAction", direct_response_action, GW_ARRAY_LEN(direct_response_action)},
    {"envoy.config.route.v3.FilterConfig", filter_config, GW_ARRAY_LEN(filter_config)},
    {"envoy.config.route.v3.HeaderMatcher", header_matcher, GW_ARRAY_LEN(header_matcher)},
    {"envoy.config.route.v3.RateLimit", rate_limit, GW_ARRAY_LEN(rate_limit)},
    {"envoy.config.route.v3.RateLimit.Action", rate_limit_action, GW_ARRAY_LEN(rate_limit_action)},
    {"envoy.config.route.v3.RetryPolicy", retry_policy, GW_ARRAY_LEN(retry_policy)},
    {"envoy.config.route.v3.Route", route, GW_ARRAY_LEN(route)},
    {"envoy.config.route.v3.RouteAction", route_action, GW_ARRAY_LEN(route_action)},
    {"envoy.config.route.v3.RouteAction.HashPolicy", hash_policy, GW_ARRAY_LEN(hash_policy)},
    {"envoy.config.route.v3.RouteAction.HashPolicy.Cookie", hash_policy_cookie, GW_ARRAY_LEN(hash_policy_cookie)},
    {"envoy.config.route.v3.RouteAction.HashPolicy.Header", hash_policy_header, GW_ARRAY_LEN(hash_policy_header)},
    {"envoy.config.route.v3.RouteAction.MaxStreamDuration", max_stream_duration, GW_ARRAY_LEN(max_stream_duration)},
    {"envoy.config.route.v3.RouteConfiguration", route_configuration, GW_ARRAY_LEN(route_configuration)},
    {"envoy.config.route.v3.RouteMatch", route_match, GW_ARRAY_LEN(route_match)},
    {"envoy.config.route.v3.VirtualHost", virtual_host, GW_ARRAY_LEN(virtual_host)},
    {"envoy.config.route.v3.WeightedCluster", weighted_cluster, GW_ARRAY_LEN(weighted_cluster)},
    {"envoy.config.route.v3.WeightedCluster.ClusterWeight", cluster_weight, GW_ARRAY_LEN(cluster_weight)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_route_fields = {messages, GW_ARRAY_LEN(messages)};
