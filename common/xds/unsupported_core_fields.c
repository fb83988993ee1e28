/* Of messages that several others have inside. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field metadata[] = {
    {"typed_filter_metadata", 2, IGNORED},
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

static const struct gw_xds_unsupported_field grpc_service[] = {
    {"retry_policy", 6, REFUSED},
};

static const struct gw_xds_unsupported_field envoy_grpc[] = {
    {"retry_policy", 3, REFUSED},
    {"max_receive_message_length", 4, REFUSED},
    {"skip_envoy_headers", 5, REFUSED},
};

static const struct gw_xds_unsupported_field google_grpc[] = {
    {"channel_credentials", 2, REFUSED},
    {"call_credentials", 3, REFUSED},
    {"stat_prefix", 4, IGNORED},
    {"credentials_factory_name", 5, REFUSED},
    {"config", 6, REFUSED},
    {"per_stream_buffer_limit_bytes", 7, REFUSED},
    {"channel_args", 8, REFUSED},
    {"channel_credentials_plugin", 9, REFUSED},
    {"call_credentials_plugin", 10, REFUSED},
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
    {"text_format", 1, REFUSED},
    {"content_type", 4, REFUSED},
    {"formatters", 6, REFUSED},
    {"json_format_options", 7, REFUSED},
};

static const struct gw_xds_unsupported_field core_upstream_http_options[] = {
    {"auto_san_validation", 2, REFUSED},
    {"override_auto_sni_header", 3, REFUSED},
};

static const struct gw_xds_unsupported_field google_re2[] = {
    {"max_program_size", 1, REFUSED},
};

static const struct gw_xds_unsupported_field string_matcher[] = {
    {"custom", 8, REFUSED},
};

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.config.core.v3.Address", address, GW_ARRAY_LEN(address)},
    {"envoy.config.core.v3.ConfigSource", config_source, GW_ARRAY_LEN(config_source)},
    {"envoy.config.core.v3.DataSource", data_source, GW_ARRAY_LEN(data_source)},
    {"envoy.config.core.v3.GrpcService", grpc_service, GW_ARRAY_LEN(grpc_service)},
    {"envoy.config.core.v3.GrpcService.EnvoyGrpc", envoy_grpc, GW_ARRAY_LEN(envoy_grpc)},
    {"envoy.config.core.v3.GrpcService.GoogleGrpc", google_grpc, GW_ARRAY_LEN(google_grpc)},
    {"envoy.config.core.v3.HeaderValue", header_value, GW_ARRAY_LEN(header_value)},
    {"envoy.config.core.v3.Http1ProtocolOptions", http1_protocol_options, GW_ARRAY_LEN(http1_protocol_options)},
    {"envoy.config.core.v3.Http2ProtocolOptions", http2_protocol_options, GW_ARRAY_LEN(http2_protocol_options)},
    {"envoy.config.core.v3.HttpProtocolOptions", core_http_protocol_options, GW_ARRAY_LEN(core_http_protocol_options)},
    {"envoy.config.core.v3.Metadata", metadata, GW_ARRAY_LEN(metadata)},
    {"envoy.config.core.v3.SocketAddress", socket_address, GW_ARRAY_LEN(socket_address)},
    {"envoy.config.core.v3.SubstitutionFormatString", substitution_format_string, GW_ARRAY_LEN(substitution_format_string)},
    {"envoy.config.core.v3.UpstreamHttpProtocolOptions", core_upstream_http_options, GW_ARRAY_LEN(core_upstream_http_options)},
    {"envoy.type.matcher.v3.RegexMatcher.GoogleRE2", google_re2, GW_ARRAY_LEN(google_re2)},
    {"envoy.type.matcher.v3.StringMatcher", string_matcher, GW_ARRAY_LEN(string_matcher)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_core_fields = {messages, GW_ARRAY_LEN(messages)};
