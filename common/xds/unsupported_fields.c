#include "common/xds/unsupported_fields.h"

#include <string.h>

#include "common/base/mem.h"

/* Made from the descriptors of PyPI xds-protos 1.85 (Envoy 1.40), and held to them by tests/conformance/test_protos.py. */
#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field access_log[] = {
    {2, "filter", REFUSED},
};

static const struct gw_xds_unsupported_field cluster[] = {
    {5, "per_connection_buffer_limit_bytes", REFUSED},
    {8, "health_checks", REFUSED},
    {9, "max_requests_per_connection", REFUSED},
    {10, "circuit_breakers", REFUSED},
    {13, "http_protocol_options", REFUSED},
    {14, "http2_protocol_options", REFUSED},
    {17, "dns_lookup_family", REFUSED},
    {18, "dns_resolvers", REFUSED},
    {19, "outlier_detection", REFUSED},
    {20, "cleanup_interval", REFUSED},
    {21, "upstream_bind_config", REFUSED},
    {22, "lb_subset_config", REFUSED},
    {23, "ring_hash_lb_config", REFUSED},
    {24, "transport_socket", REFUSED},
    {25, "metadata", IGNORED},
    {26, "protocol_selection", REFUSED},
    {27, "common_lb_config", REFUSED},
    {28, "alt_stat_name", IGNORED},
    {29, "common_http_protocol_options", REFUSED},
    {30, "upstream_connection_options", REFUSED},
    {31, "close_connections_on_host_health_failure", REFUSED},
    {32, "ignore_health_on_host_removal", REFUSED},
    {34, "original_dst_lb_config", REFUSED},
    {37, "least_request_lb_config", REFUSED},
    {38, "cluster_type", REFUSED},
    {39, "respect_dns_ttl", REFUSED},
    {40, "filters", REFUSED},
    {41, "load_balancing_policy", REFUSED},
    {42, "lrs_server", REFUSED},
    {43, "transport_socket_matches", REFUSED},
    {44, "dns_failure_refresh_rate", REFUSED},
    {45, "use_tcp_for_dns_lookups", REFUSED},
    {46, "upstream_http_protocol_options", REFUSED},
    {47, "track_timeout_budgets", REFUSED},
    {48, "upstream_config", REFUSED},
    {49, "track_cluster_stats", REFUSED},
    {50, "preconnect_policy", REFUSED},
    {51, "connection_pool_per_downstream_connection", REFUSED},
    {52, "maglev_lb_config", REFUSED},
    {53, "dns_resolution_config", REFUSED},
    {54, "wait_for_warm_on_init", REFUSED},
    {55, "typed_dns_resolver_config", REFUSED},
    {56, "round_robin_lb_config", REFUSED},
    {57, "lrs_report_endpoint_metrics", REFUSED},
    {58, "dns_jitter", REFUSED},
    {59, "transport_socket_matcher", REFUSED},
};

static const struct gw_xds_unsupported_field address[] = {
    {2, "pipe", REFUSED},
    {3, "envoy_internal_address", REFUSED},
};

static const struct gw_xds_unsupported_field config_source[] = {
    {1, "path", REFUSED},        {2, "api_config_source", REFUSED},  {5, "self", REFUSED},
    {7, "authorities", REFUSED}, {8, "path_config_source", REFUSED},
};

static const struct gw_xds_unsupported_field data_source[] = {
    {1, "filename", REFUSED},
    {4, "environment_variable", REFUSED},
    {5, "watched_directory", REFUSED},
};

static const struct gw_xds_unsupported_field header_value[] = {
    {3, "raw_value", REFUSED},
};

static const struct gw_xds_unsupported_field header_value_option[] = {
    {4, "keep_empty_value", REFUSED},
};

static const struct gw_xds_unsupported_field http1_protocol_options[] = {
    {1, "allow_absolute_url", REFUSED},
    {2, "accept_http_10", REFUSED},
    {3, "default_host_for_http_10", REFUSED},
    {4, "header_key_format", REFUSED},
    {5, "enable_trailers", REFUSED},
    {6, "allow_chunked_length", REFUSED},
    {7, "override_stream_error_on_invalid_http_message", REFUSED},
    {8, "send_fully_qualified_url", REFUSED},
    {9, "use_balsa_parser", REFUSED},
    {10, "allow_custom_methods", REFUSED},
    {11, "ignore_http_11_upgrade", REFUSED},
};

static const struct gw_xds_unsupported_field core_http_protocol_options[] = {
    {3, "max_connection_duration", REFUSED},
    {4, "max_stream_duration", REFUSED},
    {6, "max_requests_per_connection", REFUSED},
    {7, "max_response_headers_kb", REFUSED},
};

static const struct gw_xds_unsupported_field socket_address[] = {
    {4, "named_port", REFUSED},
    {5, "resolver_name", REFUSED},
    {6, "ipv4_compat", REFUSED},
    {7, "network_namespace_filepath", REFUSED},
};

static const struct gw_xds_unsupported_field substitution_format_string[] = {
    {1, "text_format", REFUSED}, {3, "omit_empty_values", REFUSED},   {4, "content_type", REFUSED},
    {6, "formatters", REFUSED},  {7, "json_format_options", REFUSED},
};

static const struct gw_xds_unsupported_field cluster_load_assignment[] = {
    {4, "policy", REFUSED},
    {5, "named_endpoints", REFUSED},
};

static const struct gw_xds_unsupported_field endpoint[] = {
    {2, "health_check_config", REFUSED},
    {3, "hostname", REFUSED},
    {4, "additional_addresses", REFUSED},
};

static const struct gw_xds_unsupported_field lb_endpoint[] = {
    {3, "metadata", IGNORED},
    {5, "endpoint_name", REFUSED},
};

static const struct gw_xds_unsupported_field locality_lb_endpoints[] = {
    {6, "proximity", REFUSED},
    {7, "load_balancer_endpoints", REFUSED},
    {8, "leds_cluster_locality_config", REFUSED},
    {9, "metadata", IGNORED},
};

static const struct gw_xds_unsupported_field filter[] = {
    {5, "config_discovery", REFUSED},
};

static const struct gw_xds_unsupported_field filter_chain[] = {
    {1, "filter_chain_match", REFUSED},
    {4, "use_proxy_proto", REFUSED},
    {5, "metadata", IGNORED},
    {6, "transport_socket", REFUSED},
    {9, "transport_socket_connect_timeout", REFUSED},
};

static const struct gw_xds_unsupported_field listener[] = {
    {4, "use_original_dst", REFUSED},
    {5, "per_connection_buffer_limit_bytes", REFUSED},
    {6, "metadata", IGNORED},
    {7, "deprecated_v1", REFUSED},
    {8, "drain_type", REFUSED},
    {9, "listener_filters", REFUSED},
    {10, "transparent", REFUSED},
    {11, "freebind", REFUSED},
    {12, "tcp_fast_open_queue_length", REFUSED},
    {13, "socket_options", REFUSED},
    {15, "listener_filters_timeout", REFUSED},
    {16, "traffic_direction", IGNORED},
    {17, "continue_on_listener_filters_timeout", REFUSED},
    {18, "udp_listener_config", REFUSED},
    {20, "connection_balance_config", REFUSED},
    {21, "reuse_port", REFUSED},
    {22, "access_log", REFUSED},
    {24, "tcp_backlog_size", REFUSED},
    {25, "default_filter_chain", REFUSED},
    {26, "bind_to_port", REFUSED},
    {27, "internal_listener", REFUSED},
    {28, "stat_prefix", IGNORED},
    {29, "enable_reuse_port", REFUSED},
    {30, "enable_mptcp", REFUSED},
    {31, "ignore_global_conn_limit", REFUSED},
    {32, "filter_chain_matcher", REFUSED},
    {33, "additional_addresses", REFUSED},
    {34, "max_connections_to_accept_per_socket_event", REFUSED},
    {35, "bypass_overload_manager", REFUSED},
    {36, "fcds_config", REFUSED},
};

static const struct gw_xds_unsupported_field direct_response_action[] = {
    {3, "body_format", REFUSED},
};

static const struct gw_xds_unsupported_field header_matcher[] = {
    {6, "range_match", REFUSED},
    {14, "treat_missing_header_as_empty", REFUSED},
};

static const struct gw_xds_unsupported_field route[] = {
    {3, "redirect", REFUSED},
    {4, "metadata", IGNORED},
    {5, "decorator", REFUSED},
    {9, "request_headers_to_add", REFUSED},
    {11, "response_headers_to_remove", REFUSED},
    {12, "request_headers_to_remove", REFUSED},
    {13, "typed_per_filter_config", REFUSED},
    {15, "tracing", REFUSED},
    {16, "per_request_buffer_limit_bytes", REFUSED},
    {17, "filter_action", REFUSED},
    {18, "non_forwarding_action", REFUSED},
    {19, "stat_prefix", IGNORED},
    {20, "request_body_buffer_limit", REFUSED},
};

static const struct gw_xds_unsupported_field route_action[] = {
    {2, "cluster_header", REFUSED},
    {3, "weighted_clusters", REFUSED},
    {4, "metadata_match", REFUSED},
    {6, "host_rewrite_literal", REFUSED},
    {7, "auto_host_rewrite", REFUSED},
    {9, "retry_policy", REFUSED},
    {11, "priority", REFUSED},
    {13, "rate_limits", REFUSED},
    {14, "include_vh_rate_limits", REFUSED},
    {15, "hash_policy", REFUSED},
    {17, "cors", REFUSED},
    {20, "cluster_not_found_response_code", REFUSED},
    {23, "max_grpc_timeout", REFUSED},
    {25, "upgrade_configs", REFUSED},
    {26, "internal_redirect_action", REFUSED},
    {27, "hedge_policy", REFUSED},
    {28, "grpc_timeout_offset", REFUSED},
    {29, "host_rewrite_header", REFUSED},
    {30, "request_mirror_policies", REFUSED},
    {31, "max_internal_redirects", REFUSED},
    {33, "retry_policy_typed_config", REFUSED},
    {34, "internal_redirect_policy", REFUSED},
    {35, "host_rewrite_path_regex", REFUSED},
    {36, "max_stream_duration", REFUSED},
    {37, "cluster_specifier_plugin", REFUSED},
    {38, "append_x_forwarded_host", REFUSED},
    {39, "inline_cluster_specifier_plugin", REFUSED},
    {40, "early_data_policy", REFUSED},
    {41, "path_rewrite_policy", REFUSED},
    {42, "flush_timeout", REFUSED},
    {44, "host_rewrite", REFUSED},
    {45, "path_rewrite", REFUSED},
};

static const struct gw_xds_unsupported_field route_configuration[] = {
    {3, "internal_only_headers", REFUSED},
    {4, "response_headers_to_add", REFUSED},
    {5, "response_headers_to_remove", REFUSED},
    {6, "request_headers_to_add", REFUSED},
    {7, "validate_clusters", REFUSED},
    {8, "request_headers_to_remove", REFUSED},
    {9, "vhds", REFUSED},
    {10, "most_specific_header_mutations_wins", REFUSED},
    {11, "max_direct_response_body_size_bytes", REFUSED},
    {12, "cluster_specifier_plugins", REFUSED},
    {13, "request_mirror_policies", REFUSED},
    {14, "ignore_port_in_host_matching", REFUSED},
    {15, "ignore_path_parameters_in_path_matching", REFUSED},
    {16, "typed_per_filter_config", REFUSED},
    {17, "metadata", IGNORED},
    {18, "vhost_header", REFUSED},
};

static const struct gw_xds_unsupported_field route_match[] = {
    {7, "query_parameters", REFUSED}, {8, "grpc", REFUSED},
    {9, "runtime_fraction", REFUSED}, {11, "tls_context", REFUSED},
    {12, "connect_matcher", REFUSED}, {13, "dynamic_metadata", REFUSED},
    {16, "filter_state", REFUSED},
};

static const struct gw_xds_unsupported_field virtual_host[] = {
    {4, "require_tls", REFUSED},
    {5, "virtual_clusters", REFUSED},
    {6, "rate_limits", REFUSED},
    {7, "request_headers_to_add", REFUSED},
    {8, "cors", REFUSED},
    {10, "response_headers_to_add", REFUSED},
    {11, "response_headers_to_remove", REFUSED},
    {13, "request_headers_to_remove", REFUSED},
    {14, "include_request_attempt_count", REFUSED},
    {15, "typed_per_filter_config", REFUSED},
    {16, "retry_policy", REFUSED},
    {17, "hedge_policy", REFUSED},
    {18, "per_request_buffer_limit_bytes", REFUSED},
    {19, "include_attempt_count_in_response", REFUSED},
    {20, "retry_policy_typed_config", REFUSED},
    {21, "matcher", REFUSED},
    {22, "request_mirror_policies", REFUSED},
    {23, "include_is_timeout_retry_header", REFUSED},
    {24, "metadata", IGNORED},
    {25, "request_body_buffer_limit", REFUSED},
};

static const struct gw_xds_unsupported_field router[] = {
    {1, "dynamic_stats", IGNORED},
    {2, "start_child_span", REFUSED},
    {3, "upstream_log", REFUSED},
    {5, "strict_check_headers", REFUSED},
    {6, "respect_expected_rq_timeout", REFUSED},
    {7, "suppress_grpc_request_failure_code_stats", REFUSED},
    {8, "upstream_http_filters", REFUSED},
    {9, "upstream_log_options", REFUSED},
};

static const struct gw_xds_unsupported_field http_connection_manager[] = {
    {6, "add_user_agent", REFUSED},
    {7, "tracing", REFUSED},
    {9, "http2_protocol_options", REFUSED},
    {16, "forward_client_cert_details", REFUSED},
    {17, "set_current_client_cert_details", REFUSED},
    {18, "proxy_100_continue", REFUSED},
    {20, "represent_ipv4_remote_address_as_ipv4_mapped_ipv6", REFUSED},
    {21, "skip_xff_append", REFUSED},
    {22, "via", REFUSED},
    {23, "upgrade_configs", REFUSED},
    {25, "internal_address_config", REFUSED},
    {26, "delayed_close_timeout", REFUSED},
    {31, "scoped_routes", REFUSED},
    {34, "server_header_transformation", REFUSED},
    {36, "request_id_extension", REFUSED},
    {38, "local_reply_config", REFUSED},
    {39, "strip_matching_host_port", REFUSED},
    {40, "stream_error_on_invalid_http_message", REFUSED},
    {42, "strip_any_host_port", REFUSED},
    {43, "path_normalization_options", REFUSED},
    {44, "http3_protocol_options", REFUSED},
    {46, "original_ip_detection_extensions", REFUSED},
    {47, "strip_trailing_host_dot", REFUSED},
    {48, "scheme_header_transformation", REFUSED},
    {49, "proxy_status_config", REFUSED},
    {50, "typed_header_validation_config", REFUSED},
    {51, "append_x_forwarded_port", REFUSED},
    {52, "early_header_mutation_extensions", REFUSED},
    {53, "add_proxy_protocol_connection_state", REFUSED},
    {54, "access_log_flush_interval", REFUSED},
    {55, "flush_access_log_on_new_request", REFUSED},
    {56, "access_log_options", REFUSED},
    {57, "append_local_overload", REFUSED},
    {58, "http1_safe_max_connection_duration", REFUSED},
    {59, "stream_flush_timeout", REFUSED},
    {60, "forward_client_cert_matcher", REFUSED},
};

static const struct gw_xds_unsupported_field http_filter[] = {
    {5, "config_discovery", REFUSED},
    {7, "disabled", REFUSED},
};

static const struct gw_xds_unsupported_field upstream_http_protocol_options[] = {
    {2, "upstream_http_protocol_options", REFUSED},
    {4, "use_downstream_protocol_config", REFUSED},
    {5, "auto_config", REFUSED},
    {6, "http_filters", REFUSED},
    {7, "header_validation_config", REFUSED},
    {8, "outlier_detection", REFUSED},
    {9, "request_mirror_policies", REFUSED},
    {10, "hash_policy", REFUSED},
    {11, "retry_policy", REFUSED},
};

static const struct gw_xds_unsupported_field explicit_http_config[] = {
    {2, "http2_protocol_options", REFUSED},
    {3, "http3_protocol_options", REFUSED},
};

static const struct gw_xds_unsupported_field google_re2[] = {
    {1, "max_program_size", REFUSED},
};

static const struct gw_xds_unsupported_field string_matcher[] = {
    {8, "custom", REFUSED},
};

static const struct {
  const char *message;
  const struct gw_xds_unsupported_field *fields;
  size_t field_count;
} messages[] = {
    {"envoy.config.accesslog.v3.AccessLog", access_log, GW_ARRAY_LEN(access_log)},
    {"envoy.config.cluster.v3.Cluster", cluster, GW_ARRAY_LEN(cluster)},
    {"envoy.config.core.v3.Address", address, GW_ARRAY_LEN(address)},
    {"envoy.config.core.v3.ConfigSource", config_source, GW_ARRAY_LEN(config_source)},
    {"envoy.config.core.v3.DataSource", data_source, GW_ARRAY_LEN(data_source)},
    {"envoy.config.core.v3.HeaderValue", header_value, GW_ARRAY_LEN(header_value)},
    {"envoy.config.core.v3.HeaderValueOption", header_value_option, GW_ARRAY_LEN(header_value_option)},
    {"envoy.config.core.v3.Http1ProtocolOptions", http1_protocol_options, GW_ARRAY_LEN(http1_protocol_options)},
    {"envoy.config.core.v3.HttpProtocolOptions", core_http_protocol_options, GW_ARRAY_LEN(core_http_protocol_options)},
    {"envoy.config.core.v3.SocketAddress", socket_address, GW_ARRAY_LEN(socket_address)},
    {"envoy.config.core.v3.SubstitutionFormatString", substitution_format_string, GW_ARRAY_LEN(substitution_format_string)},
    {"envoy.config.endpoint.v3.ClusterLoadAssignment", cluster_load_assignment, GW_ARRAY_LEN(cluster_load_assignment)},
    {"envoy.config.endpoint.v3.Endpoint", endpoint, GW_ARRAY_LEN(endpoint)},
    {"envoy.config.endpoint.v3.LbEndpoint", lb_endpoint, GW_ARRAY_LEN(lb_endpoint)},
    {"envoy.config.endpoint.v3.LocalityLbEndpoints", locality_lb_endpoints, GW_ARRAY_LEN(locality_lb_endpoints)},
    {"envoy.config.listener.v3.Filter", filter, GW_ARRAY_LEN(filter)},
    {"envoy.config.listener.v3.FilterChain", filter_chain, GW_ARRAY_LEN(filter_chain)},
    {"envoy.config.listener.v3.Listener", listener, GW_ARRAY_LEN(listener)},
    {"envoy.config.route.v3.DirectResponseAction", direct_response_action, GW_ARRAY_LEN(direct_response_action)},
    {"envoy.config.route.v3.HeaderMatcher", header_matcher, GW_ARRAY_LEN(header_matcher)},
    {"envoy.config.route.v3.Route", route, GW_ARRAY_LEN(route)},
    {"envoy.config.route.v3.RouteAction", route_action, GW_ARRAY_LEN(route_action)},
    {"envoy.config.route.v3.RouteConfiguration", route_configuration, GW_ARRAY_LEN(route_configuration)},
    {"envoy.config.route.v3.RouteMatch", route_match, GW_ARRAY_LEN(route_match)},
    {"envoy.config.route.v3.VirtualHost", virtual_host, GW_ARRAY_LEN(virtual_host)},
    {"envoy.extensions.filters.http.router.v3.Router", router, GW_ARRAY_LEN(router)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", http_connection_manager,
     GW_ARRAY_LEN(http_connection_manager)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter", http_filter, GW_ARRAY_LEN(http_filter)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions", upstream_http_protocol_options,
     GW_ARRAY_LEN(upstream_http_protocol_options)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig", explicit_http_config, GW_ARRAY_LEN(explicit_http_config)},
    {"envoy.type.matcher.v3.RegexMatcher.GoogleRE2", google_re2, GW_ARRAY_LEN(google_re2)},
    {"envoy.type.matcher.v3.StringMatcher", string_matcher, GW_ARRAY_LEN(string_matcher)},
};

const struct gw_xds_unsupported_field *gw_xds_unsupported_field_find(const char *message, uint32_t number) {
  for (size_t i = 0; i < GW_ARRAY_LEN(messages); i++) {
    if (strcmp(messages[i].message, message) != 0) continue;
    for (size_t k = 0; k < messages[i].field_count; k++) {
      if (messages[i].fields[k].number == number) return &messages[i].fields[k];
    }
  }
  return NULL;
}
