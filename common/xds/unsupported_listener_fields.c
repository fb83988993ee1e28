/* Of listeners and of the HTTP connection manager. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field access_log_filter[] = {
    {"not_health_check_filter", 3, REFUSED}, {"traceable_filter", 4, REFUSED}, {"grpc_status_filter", 10, REFUSED},
    {"extension_filter", 11, REFUSED},       {"metadata_filter", 12, REFUSED},
};

static const struct gw_xds_unsupported_field file_access_log[] = {
    {"format", 2, REFUSED},
    {"json_format", 3, REFUSED},
    {"typed_json_format", 4, REFUSED},
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

static const struct gw_xds_unsupported_field tracing[] = {
    {"verbose", 6, REFUSED},
    {"operation", 11, REFUSED},
    {"upstream_operation", 12, REFUSED},
};

static const struct gw_xds_unsupported_field custom_tag[] = {
    {"environment", 3, REFUSED},
    {"metadata", 5, REFUSED},
    {"value", 6, REFUSED},
};

static const struct gw_xds_unsupported_field open_telemetry[] = {
    {"max_cache_size", 6, REFUSED},
};

static const struct gw_xds_unsupported_field http_connection_manager[] = {
    {"add_user_agent", 6, REFUSED},
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
    {"append_local_overload", 57, REFUSED},
    {"http1_safe_max_connection_duration", 58, REFUSED},
    {"stream_flush_timeout", 59, REFUSED},
    {"forward_client_cert_matcher", 60, REFUSED},
};

static const struct gw_xds_unsupported_field access_log_options[] = {
    {"access_log_flush_interval", 1, REFUSED},
    {"flush_log_on_tunnel_successfully_established", 3, REFUSED},
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

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.config.accesslog.v3.AccessLogFilter", access_log_filter, GW_ARRAY_LEN(access_log_filter)},
    {"envoy.config.listener.v3.Filter", filter, GW_ARRAY_LEN(filter)},
    {"envoy.config.listener.v3.FilterChain", filter_chain, GW_ARRAY_LEN(filter_chain)},
    {"envoy.config.listener.v3.Listener", listener, GW_ARRAY_LEN(listener)},
    {"envoy.extensions.access_loggers.file.v3.FileAccessLog", file_access_log, GW_ARRAY_LEN(file_access_log)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", http_connection_manager,
     GW_ARRAY_LEN(http_connection_manager)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions", access_log_options,
     GW_ARRAY_LEN(access_log_options)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails",
     set_current_client_cert_details, GW_ARRAY_LEN(set_current_client_cert_details)},
    {"envoy.config.trace.v3.OpenTelemetryConfig", open_telemetry, GW_ARRAY_LEN(open_telemetry)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing", tracing, GW_ARRAY_LEN(tracing)},
    {"envoy.type.tracing.v3.CustomTag", custom_tag, GW_ARRAY_LEN(custom_tag)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig", upgrade_config,
     GW_ARRAY_LEN(upgrade_config)},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter", http_filter, GW_ARRAY_LEN(http_filter)},
    {"envoy.extensions.http.original_ip_detection.xff.v3.XffConfig", xff_config, GW_ARRAY_LEN(xff_config)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_listener_fields = {messages, GW_ARRAY_LEN(messages)};
