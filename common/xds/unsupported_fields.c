#include "common/xds/unsupported_fields.h"

#include <string.h>

#include "common/base/mem.h"

/* Made from the descriptors of PyPI xds-protos 1.85 (Envoy 1.40), and held to them by tests/conformance/test_protos.py. */
#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field access_log[] = {
    {"filter", 2, REFUSED},
};

static const struct gw_xds_unsupported_field cluster[] = {
    {"per_connection_buffer_limit_bytes", 5, REFUSED},
    {"max_requests_per_connection", 9, REFUSED},
    {"http_protocol_options", 13, REFUSED},
    {"http2_protocol_options", 14, REFUSED},
    {"dns_lookup_family", 17, REFUSED},
    {"dns_resolvers", 18, REFUSED},
    {"cleanup_interval", 20, REFUSED},
    {"upstream_bind_config", 21, REFUSED},
    {"lb_subset_config", 22, REFUSED},
    {"protocol_selection", 26, REFUSED},
    {"alt_stat_name", 28, IGNORED},
    {"common_http_protocol_options", 29, REFUSED},
    {"upstream_connection_options", 30, REFUSED},
    {"close_connections_on_host_health_failure", 31, REFUSED},
    {"original_dst_lb_config", 34, REFUSED},
    {"cluster_type", 38, REFUSED},
    {"respect_dns_ttl", 39, REFUSED},
    {"filters", 40, REFUSED},
    {"load_balancing_policy", 41, REFUSED},
    {"lrs_server", 42, REFUSED},
    {"transport_socket_matches", 43, REFUSED},
    {"dns_failure_refresh_rate", 44, REFUSED},
    {"use_tcp_for_dns_lookups", 45, REFUSED},
    {"upstream_http_protocol_options", 46, REFUSED},
    {"track_timeout_budgets", 47, REFUSED},
    {"upstream_config", 48, REFUSED},
    {"track_cluster_stats", 49, REFUSED},
    {"preconnect_policy", 50, REFUSED},
    {"connection_pool_per_downstream_connection", 51, REFUSED},
    {"dns_resolution_config", 53, REFUSED},
    {"wait_for_warm_on_init", 54, REFUSED},
    {"typed_dns_resolver_config", 55, REFUSED},
    {"lrs_report_endpoint_metrics", 57, REFUSED},
    {"dns_jitter", 58, REFUSED},
    {"transport_socket_matcher", 59, REFUSED},
};

static const struct gw_xds_unsupported_field circuit_breakers[] = {
    {"per_host_thresholds", 2, REFUSED},
};

static const struct gw_xds_unsupported_field thresholds[] = {
    {"track_remaining", 6, IGNORED},
    {"max_connection_pools", 7, REFUSED},
};

static const struct gw_xds_unsupported_field metadata[] = {
    {"typed_filter_metadata", 2, IGNORED},
};

static const struct gw_xds_unsupported_field common_lb_config[] = {
    {"zone_aware_lb_config", 2, REFUSED},         {"locality_weighted_lb_config", 3, REFUSED},
    {"update_merge_window", 4, REFUSED},          {"close_connections_on_host_set_change", 6, REFUSED},
    {"consistent_hashing_lb_config", 7, REFUSED}, {"override_host_status", 8, REFUSED},
};

static const struct gw_xds_unsupported_field address[] = {
    {"pipe", 2, REFUSED},
    {"envoy_internal_address", 3, REFUSED},
};

static const struct gw_xds_unsupported_field config_source[] = {
    {"path", 1, REFUSED},        {"api_config_source", 2, REFUSED},  {"self", 5, REFUSED},
    {"authorities", 7, REFUSED}, {"path_config_source", 8, REFUSED},
};

static const struct gw_xds_unsupported_field data_source[] = {
    {"filename", 1, REFUSED},
    {"environment_variable", 4, REFUSED},
    {"watched_directory", 5, REFUSED},
};

static const struct gw_xds_unsupported_field header_value[] = {
    {"raw_value", 3, REFUSED},
};

static const struct gw_xds_unsupported_field http1_protocol_options[] = {
    {"allow_absolute_url", 1, REFUSED},
    {"accept_http_10", 2, REFUSED},
    {"default_host_for_http_10", 3, REFUSED},
    {"header_key_format", 4, REFUSED},
    {"enable_trailers", 5, REFUSED},
    {"allow_chunked_length", 6, REFUSED},
    {"override_stream_error_on_invalid_http_message", 7, REFUSED},
    {"send_fully_qualified_url", 8, REFUSED},
    {"use_balsa_parser", 9, REFUSED},
    {"allow_custom_methods", 10, REFUSED},
    {"ignore_http_11_upgrade", 11, REFUSED},
};

static const struct gw_xds_unsupported_field http2_protocol_options[] = {
    {"allow_metadata", 6, REFUSED},
    {"max_outbound_frames", 7, REFUSED},
    {"stream_error_on_invalid_http_messaging", 12, REFUSED},
    {"custom_settings_parameters", 13, REFUSED},
    {"override_stream_error_on_invalid_http_message", 14, REFUSED},
    {"connection_keepalive", 15, REFUSED},
    {"use_oghttp2_codec", 16, REFUSED},
    {"max_metadata_size", 17, REFUSED},
};

static const struct gw_xds_unsupported_field core_http_protocol_options[] = {
    {"max_connection_duration", 3, REFUSED},
    {"max_stream_duration", 4, REFUSED},
    {"max_response_headers_kb", 7, REFUSED},
};

static const struct gw_xds_unsupported_field socket_address[] = {
    {"named_port", 4, REFUSED},
    {"resolver_name", 5, REFUSED},
    {"ipv4_compat", 6, REFUSED},
    {"network_namespace_filepath", 7, REFUSED},
};

static const struct gw_xds_unsupported_field substitution_format_string[] = {
    {"text_format", 1, REFUSED}, {"omit_empty_values", 3, REFUSED},   {"content_type", 4, REFUSED},
    {"formatters", 6, REFUSED},  {"json_format_options", 7, REFUSED},
};

static const struct gw_xds_unsupported_field core_upstream_http_options[] = {
    {"auto_san_validation", 2, REFUSED},
    {"override_auto_sni_header", 3, REFUSED},
};

static const struct gw_xds_unsupported_field cluster_load_assignment[] = {
    {"policy", 4, REFUSED},
    {"named_endpoints", 5, REFUSED},
};

static const struct gw_xds_unsupported_field endpoint[] = {
    {"health_check_config", 2, REFUSED},
    {"hostname", 3, REFUSED},
    {"additional_addresses", 4, REFUSED},
};

static const struct gw_xds_unsupported_field jwt_authentication[] = {
    {"filter_state_rules", 3, REFUSED},
    {"strip_failure_response", 6, REFUSED},
    {"stat_prefix", 7, IGNORED},
};

static const struct gw_xds_unsupported_field jwt_provider[] = {
    {"remote_jwks", 3, REFUSED},
    {"header_in_metadata", 14, REFUSED},
    {"failed_status_in_metadata", 16, REFUSED},
    {"clear_route_cache", 17, REFUSED},
    {"normalize_payload_in_metadata", 18, REFUSED},
};

static const struct gw_xds_unsupported_field lb_endpoint[] = {
    {"metadata", 3, IGNORED},
    {"endpoint_name", 5, REFUSED},
};

static const struct gw_xds_unsupported_field locality_lb_endpoints[] = {
    {"proximity", 6, REFUSED},
    {"load_balancer_endpoints", 7, REFUSED},
    {"leds_cluster_locality_config", 8, REFUSED},
    {"metadata", 9, IGNORED},
};

static const struct gw_xds_unsupported_field filter[] = {
    {"config_discovery", 5, REFUSED},
};

static const struct gw_xds_unsupported_field filter_chain[] = {
    {"filter_chain_match", 1, REFUSED},
    {"use_proxy_proto", 4, REFUSED},
    {"metadata", 5, IGNORED},
    {"transport_socket_connect_timeout", 9, REFUSED},
};

static const struct gw_xds_unsupported_field listener[] = {
    {"use_original_dst", 4, REFUSED},
    {"per_connection_buffer_limit_bytes", 5, REFUSED},
    {"metadata", 6, IGNORED},
    {"deprecated_v1", 7, REFUSED},
    {"drain_type", 8, REFUSED},
    {"listener_filters", 9, REFUSED},
    {"transparent", 10, REFUSED},
    {"freebind", 11, REFUSED},
    {"tcp_fast_open_queue_length", 12, REFUSED},
    {"socket_options", 13, REFUSED},
    {"listener_filters_timeout", 15, REFUSED},
    {"traffic_direction", 16, IGNORED},
    {"continue_on_listener_filters_timeout", 17, REFUSED},
    {"udp_listener_config", 18, REFUSED},
    {"connection_balance_config", 20, REFUSED},
    {"reuse_port", 21, REFUSED},
    {"access_log", 22, REFUSED},
    {"tcp_backlog_size", 24, REFUSED},
    {"default_filter_chain", 25, REFUSED},
    {"bind_to_port", 26, REFUSED},
    {"internal_listener", 27, REFUSED},
    {"stat_prefix", 28, IGNORED},
    {"enable_reuse_port", 29, REFUSED},
    {"enable_mptcp", 30, REFUSED},
    {"ignore_global_conn_limit", 31, REFUSED},
    {"filter_chain_matcher", 32, REFUSED},
    {"additional_addresses", 33, REFUSED},
    {"max_connections_to_accept_per_socket_event", 34, REFUSED},
    {"bypass_overload_manager", 35, REFUSED},
    {"fcds_config", 36, REFUSED},
};

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

static const struct gw_xds_unsupported_field rate_limit_descriptor[] = {
    {"limit", 2, REFUSED},
    {"hits_addend", 3, REFUSED},
};

static const struct gw_xds_unsupported_field local_rate_limit[] = {
    {"stage", 9, REFUSED},
    {"request_headers_to_add_when_not_enforced", 10, REFUSED},
    {"local_rate_limit_per_downstream_connection", 11, REFUSED},
    {"vh_rate_limits", 13, REFUSED},
    {"local_cluster_rate_limit", 16, REFUSED},
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

static const struct gw_xds_unsupported_field router[] = {
    {"dynamic_stats", 1, IGNORED},
    {"start_child_span", 2, REFUSED},
    {"upstream_log", 3, REFUSED},
    {"strict_check_headers", 5, REFUSED},
    {"respect_expected_rq_timeout", 6, REFUSED},
    {"suppress_grpc_request_failure_code_stats", 7, REFUSED},
    {"upstream_http_filters", 8, REFUSED},
    {"upstream_log_options", 9, REFUSED},
};

static const struct gw_xds_unsupported_field http_connection_manager[] = {
    {"add_user_agent", 6, REFUSED},
    {"tracing", 7, REFUSED},
    {"proxy_100_continue", 18, REFUSED},
    {"represent_ipv4_remote_address_as_ipv4_mapped_ipv6", 20, REFUSED},
    {"skip_xff_append", 21, REFUSED},
    {"via", 22, REFUSED},
    {"internal_address_config", 25, REFUSED},
    {"delayed_close_timeout", 26, REFUSED},
    {"scoped_routes", 31, REFUSED},
    {"server_header_transformation", 34, REFUSED},
    {"request_id_extension", 36, REFUSED},
    {"local_reply_config", 38, REFUSED},
    {"strip_matching_host_port", 39, REFUSED},
    {"stream_error_on_invalid_http_message", 40, REFUSED},
    {"strip_any_host_port", 42, REFUSED},
    {"path_normalization_options", 43, REFUSED},
    {"http3_protocol_options", 44, REFUSED},
    {"strip_trailing_host_dot", 47, REFUSED},
    {"scheme_header_transformation", 48, REFUSED},
    {"proxy_status_config", 49, REFUSED},
    {"typed_header_validation_config", 50, REFUSED},
    {"append_x_forwarded_port", 51, REFUSED},
    {"early_header_mutation_extensions", 52, REFUSED},
    {"add_proxy_protocol_connection_state", 53, REFUSED},
    {"access_log_flush_interval", 54, REFUSED},
    {"flush_access_log_on_new_request", 55, REFUSED},
    {"access_log_options", 56, REFUSED},
    {"append_local_overload", 57, REFUSED},
    {"http1_safe_max_connection_duration", 58, REFUSED},
    {"stream_flush_timeout", 59, REFUSED},
    {"forward_client_cert_matcher", 60, REFUSED},
};

static const struct gw_xds_unsupported_field set_current_client_cert_details[] = {
    {"cert", 3, REFUSED},
    {"chain", 6, REFUSED},
};

static const struct gw_xds_unsupported_field upgrade_config[] = {
    {"filters", 2, REFUSED},
};

static const struct gw_xds_unsupported_field http_filter[] = {
    {"config_discovery", 5, REFUSED},
    {"disabled", 7, REFUSED},
};

static const struct gw_xds_unsupported_field xff_config[] = {
    {"xff_num_trusted_hops", 1, REFUSED},
};

static const struct gw_xds_unsupported_field certificate_validation_context[] = {
    {"verify_certificate_hash", 2, REFUSED},
    {"verify_certificate_spki", 3, REFUSED},
    {"require_signed_certificate_timestamp", 6, REFUSED},
    {"crl", 7, REFUSED},
    {"allow_expired_certificate", 8, REFUSED},
    {"match_subject_alt_names", 9, REFUSED},
    {"trust_chain_verification", 10, REFUSED},
    {"watched_directory", 11, REFUSED},
    {"custom_validator_config", 12, REFUSED},
    {"ca_certificate_provider_instance", 13, REFUSED},
    {"only_verify_leaf_cert_crl", 14, REFUSED},
    {"max_verify_depth", 16, REFUSED},
    {"system_root_certs", 17, REFUSED},
};

static const struct gw_xds_unsupported_field common_tls_context[] = {
    {"tls_certificates", 2, REFUSED},
    {"validation_context", 3, REFUSED},
    {"tls_certificate_certificate_provider", 9, REFUSED},
    {"validation_context_certificate_provider", 10, REFUSED},
    {"tls_certificate_certificate_provider_instance", 11, REFUSED},
    {"validation_context_certificate_provider_instance", 12, REFUSED},
    {"custom_handshaker", 13, REFUSED},
    {"tls_certificate_provider_instance", 14, REFUSED},
    {"key_log", 15, REFUSED},
    {"custom_tls_certificate_selector", 16, REFUSED},
};

static const struct gw_xds_unsupported_field combined_certificate_validation_context[] = {
    {"validation_context_certificate_provider", 3, REFUSED},
    {"validation_context_certificate_provider_instance", 4, REFUSED},
};

static const struct gw_xds_unsupported_field downstream_tls_context[] = {
    {"require_sni", 3, REFUSED},
    {"session_ticket_keys", 4, REFUSED},
    {"session_timeout", 6, REFUSED},
    {"ocsp_staple_policy", 8, REFUSED},
    {"full_scan_certs_on_sni_mismatch", 9, REFUSED},
    {"disable_stateful_session_resumption", 10, REFUSED},
    {"prefer_client_ciphers", 11, REFUSED},
};

static const struct gw_xds_unsupported_field generic_secret[] = {
    {"secrets", 2, REFUSED},
};

static const struct gw_xds_unsupported_field subject_alt_name_matcher[] = {
    {"oid", 3, REFUSED},
};

static const struct gw_xds_unsupported_field tls_certificate[] = {
    {"password", 3, REFUSED},
    {"ocsp_staple", 4, REFUSED},
    {"signed_certificate_timestamp", 5, REFUSED},
    {"private_key_provider", 6, REFUSED},
    {"watched_directory", 7, REFUSED},
    {"pkcs12", 8, REFUSED},
};

static const struct gw_xds_unsupported_field tls_parameters[] = {
    {"signature_algorithms", 5, REFUSED},
    {"compliance_policies", 6, REFUSED},
};

static const struct gw_xds_unsupported_field upstream_tls_context[] = {
    {"allow_renegotiation", 3, REFUSED}, {"max_session_keys", 4, REFUSED},        {"enforce_rsa_key_usage", 5, REFUSED},
    {"auto_host_sni", 6, REFUSED},       {"auto_sni_san_validation", 7, REFUSED},
};

static const struct gw_xds_unsupported_field upstream_http_protocol_options[] = {
    {"use_downstream_protocol_config", 4, REFUSED},
    {"http_filters", 6, REFUSED},
    {"header_validation_config", 7, REFUSED},
    {"outlier_detection", 8, REFUSED},
    {"request_mirror_policies", 9, REFUSED},
    {"hash_policy", 10, REFUSED},
    {"retry_policy", 11, REFUSED},
};

static const struct gw_xds_unsupported_field auto_http_config[] = {
    {"http3_protocol_options", 3, REFUSED},
    {"alternate_protocols_cache_options", 4, REFUSED},
};

static const struct gw_xds_unsupported_field explicit_http_config[] = {
    {"http3_protocol_options", 3, REFUSED},
};

static const struct gw_xds_unsupported_field google_re2[] = {
    {"max_program_size", 1, REFUSED},
};

static const struct gw_xds_unsupported_field string_matcher[] = {
    {"custom", 8, REFUSED},
};

static const struct gw_xds_unsupported_field health_check[] = {
    {"reuse_connection", 7, REFUSED},
    {"custom_health_check", 13, REFUSED},
    {"unhealthy_edge_interval", 15, REFUSED},
    {"healthy_edge_interval", 16, REFUSED},
    {"event_log_path", 17, REFUSED},
    {"always_log_health_check_failures", 19, REFUSED},
    {"event_service", 22, REFUSED},
    {"transport_socket_match_criteria", 23, REFUSED},
    {"no_traffic_healthy_interval", 24, REFUSED},
    {"event_logger", 25, REFUSED},
    {"always_log_health_check_success", 26, REFUSED},
};

static const struct gw_xds_unsupported_field http_health_check[] = {
    {"send", 3, REFUSED},
    {"receive", 4, REFUSED},
    {"request_headers_to_add", 6, REFUSED},
    {"request_headers_to_remove", 8, REFUSED},
    {"service_name_matcher", 11, REFUSED},
    {"response_buffer_size", 14, REFUSED},
};

static const struct gw_xds_unsupported_field tcp_health_check[] = {
    {"send", 1, REFUSED},
    {"receive", 2, REFUSED},
    {"proxy_protocol_config", 3, REFUSED},
};

static const struct gw_xds_unsupported_field grpc_health_check[] = {
    {"initial_metadata", 3, REFUSED},
};

static const struct gw_xds_unsupported_field outlier_detection[] = {
    {"split_external_local_origin_errors", 12, REFUSED},
    {"consecutive_local_origin_failure", 13, REFUSED},
    {"enforcing_consecutive_local_origin_failure", 14, REFUSED},
    {"enforcing_local_origin_success_rate", 15, REFUSED},
    {"failure_percentage_threshold", 16, REFUSED},
    {"enforcing_failure_percentage", 17, REFUSED},
    {"enforcing_failure_percentage_local_origin", 18, REFUSED},
    {"failure_percentage_minimum_hosts", 19, REFUSED},
    {"failure_percentage_request_volume", 20, REFUSED},
    {"monitors", 24, REFUSED},
};

static const struct gw_xds_unsupported_field rbac[] = {
    {"audit_logging_options", 3, REFUSED},
};

static const struct gw_xds_unsupported_field rbac_policy[] = {
    {"condition", 3, REFUSED},
    {"checked_condition", 4, REFUSED},
    {"cel_config", 5, REFUSED},
};

static const struct gw_xds_unsupported_field rbac_permission[] = {
    {"destination_ip", 5, REFUSED},          {"destination_port", 6, REFUSED}, {"requested_server_name", 9, REFUSED},
    {"destination_port_range", 11, REFUSED}, {"uri_template", 13, REFUSED},
};

static const struct gw_xds_unsupported_field rbac_principal[] = {
    {"source_ip", 5, REFUSED},
    {"filter_state", 12, REFUSED},
    {"custom", 14, REFUSED},
};

static const struct gw_xds_unsupported_field rbac_filter[] = {
    {"shadow_rules_stat_prefix", 3, IGNORED}, {"matcher", 4, REFUSED}, {"shadow_matcher", 5, REFUSED}, {"rules_stat_prefix", 6, IGNORED},
    {"track_per_rule_stats", 7, IGNORED},
};

static const struct gw_xds_unsupported_field cors_policy[] = {
    {"shadow_enabled", 8, REFUSED},
    {"allow_private_network_access", 9, REFUSED},
};

static const struct {
  const char *message;
  const struct gw_xds_unsupported_field *fields;
  size_t field_count;
} messages[] = {
    {"envoy.config.accesslog.v3.AccessLog", access_log, GW_ARRAY_LEN(access_log)},
    {"envoy.config.cluster.v3.CircuitBreakers", circuit_breakers, GW_ARRAY_LEN(circuit_breakers)},
    {"envoy.config.cluster.v3.CircuitBreakers.Thresholds", thresholds, GW_ARRAY_LEN(thresholds)},
    {"envoy.config.cluster.v3.Cluster", cluster, GW_ARRAY_LEN(cluster)},
    {"envoy.config.cluster.v3.Cluster.CommonLbConfig", common_lb_config, GW_ARRAY_LEN(common_lb_config)},
    {"envoy.config.cluster.v3.OutlierDetection", outlier_detection, GW_ARRAY_LEN(outlier_detection)},
    {"envoy.config.core.v3.Address", address, GW_ARRAY_LEN(address)},
    {"envoy.config.core.v3.ConfigSource", config_source, GW_ARRAY_LEN(config_source)},
    {"envoy.config.core.v3.DataSource", data_source, GW_ARRAY_LEN(data_source)},
    {"envoy.config.core.v3.HeaderValue", header_value, GW_ARRAY_LEN(header_value)},
    {"envoy.config.core.v3.HealthCheck", health_check, GW_ARRAY_LEN(health_check)},
    {"envoy.config.core.v3.HealthCheck.GrpcHealthCheck", grpc_health_check, GW_ARRAY_LEN(grpc_health_check)},
    {"envoy.config.core.v3.HealthCheck.HttpHealthCheck", http_health_check, GW_ARRAY_LEN(http_health_check)},
    {"envoy.config.core.v3.HealthCheck.TcpHealthCheck", tcp_health_check, GW_ARRAY_LEN(tcp_health_check)},
    {"envoy.config.core.v3.Http1ProtocolOptions", http1_protocol_options, GW_ARRAY_LEN(http1_protocol_options)},
    {"envoy.config.core.v3.Http2ProtocolOptions", http2_protocol_options, GW_ARRAY_LEN(http2_protocol_options)},
    {"envoy.config.core.v3.HttpProtocolOptions", core_http_protocol_options, GW_ARRAY_LEN(core_http_protocol_options)},
    {"envoy.config.core.v3.Metadata", metadata, GW_ARRAY_LEN(metadata)},
    {"envoy.config.core.v3.SocketAddress", socket_address, GW_ARRAY_LEN(socket_address)},
    {"envoy.config.core.v3.SubstitutionFormatString", substitution_format_string, GW_ARRAY_LEN(substitution_format_string)},
    {"envoy.config.core.v3.UpstreamHttpProtocolOptions", core_upstream_http_options, GW_ARRAY_LEN(core_upstream_http_options)},
    {"envoy.config.endpoint.v3.ClusterLoadAssignment", cluster_load_assignment, GW_ARRAY_LEN(cluster_load_assignment)},
    {"envoy.config.endpoint.v3.Endpoint", endpoint, GW_ARRAY_LEN(endpoint)},
    {"envoy.config.endpoint.v3.LbEndpoint", lb_endpoint, GW_ARRAY_LEN(lb_endpoint)},
    {"envoy.config.endpoint.v3.LocalityLbEndpoints", locality_lb_endpoints, GW_ARRAY_LEN(locality_lb_endpoints)},
    {"envoy.config.listener.v3.Filter", filter, GW_ARRAY_LEN(filter)},
    {"envoy.config.listener.v3.FilterChain", filter_chain, GW_ARRAY_LEN(filter_chain)},
    {"envoy.config.listener.v3.Listener", listener, GW_ARRAY_LEN(listener)},
    {"envoy.config.rbac.v3.Permission", rbac_permission, GW_ARRAY_LEN(rbac_permission)},
    {"envoy.config.rbac.v3.Policy", rbac_policy, GW_ARRAY_LEN(rbac_policy)},
    {"envoy.config.rbac.v3.Principal", rbac_principal, GW_ARRAY_LEN(rbac_principal)},
    {"envoy.config.rbac.v3.RBAC", rbac, GW_ARRAY_LEN(rbac)},
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
    {"envoy.extensions.common.ratelimit.v3.RateLimitDescriptor", rate_limit_descriptor, GW_ARRAY_LEN(rate_limit_descriptor)},
    {"envoy.extensions.filters.http.cors.v3.CorsPolicy", cors_policy, GW_ARRAY_LEN(cors_policy)},
    {"envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", jwt_authentication, GW_ARRAY_LEN(jwt_authentication)},
    {"envoy.extensions.filters.http.jwt_authn.v3.JwtProvider", jwt_provider, GW_ARRAY_LEN(jwt_provider)},
    {"envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", local_rate_limit, GW_ARRAY_LEN(local_rate_limit)},
    {"envoy.extensions.filters.http.rbac.v3.RBAC", rbac_filter, GW_ARRAY_LEN(rbac_filter)},
    {"envoy.extensions.filters.http.router.v3.Router", router, GW_ARRAY_LEN(router)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", http_connection_manager,
     GW_ARRAY_LEN(http_connection_manager)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails",
     set_current_client_cert_details, GW_ARRAY_LEN(set_current_client_cert_details)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig", upgrade_config,
     GW_ARRAY_LEN(upgrade_config)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter", http_filter, GW_ARRAY_LEN(http_filter)},
    {"envoy.extensions.http.original_ip_detection.xff.v3.XffConfig", xff_config, GW_ARRAY_LEN(xff_config)},
    {"envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext", certificate_validation_context,
     GW_ARRAY_LEN(certificate_validation_context)},
    {"envoy.extensions.transport_sockets.tls.v3.CommonTlsContext", common_tls_context, GW_ARRAY_LEN(common_tls_context)},
    {"envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext",
     combined_certificate_validation_context, GW_ARRAY_LEN(combined_certificate_validation_context)},
    {"envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", downstream_tls_context, GW_ARRAY_LEN(downstream_tls_context)},
    {"envoy.extensions.transport_sockets.tls.v3.GenericSecret", generic_secret, GW_ARRAY_LEN(generic_secret)},
    {"envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher", subject_alt_name_matcher, GW_ARRAY_LEN(subject_alt_name_matcher)},
    {"envoy.extensions.transport_sockets.tls.v3.TlsCertificate", tls_certificate, GW_ARRAY_LEN(tls_certificate)},
    {"envoy.extensions.transport_sockets.tls.v3.TlsParameters", tls_parameters, GW_ARRAY_LEN(tls_parameters)},
    {"envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", upstream_tls_context, GW_ARRAY_LEN(upstream_tls_context)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions", upstream_http_protocol_options,
     GW_ARRAY_LEN(upstream_http_protocol_options)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig", auto_http_config, GW_ARRAY_LEN(auto_http_config)},
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
