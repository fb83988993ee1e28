/* Of clusters, their endpoints and health checks, and of what is spoken with them. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

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

static const struct gw_xds_unsupported_field common_lb_config[] = {
    {"zone_aware_lb_config", 2, REFUSED},         {"locality_weighted_lb_config", 3, REFUSED},
    {"update_merge_window", 4, REFUSED},          {"close_connections_on_host_set_change", 6, REFUSED},
    {"consistent_hashing_lb_config", 7, REFUSED}, {"override_host_status", 8, REFUSED},
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

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.config.cluster.v3.CircuitBreakers", circuit_breakers, GW_ARRAY_LEN(circuit_breakers)},
    {"envoy.config.cluster.v3.CircuitBreakers.Thresholds", thresholds, GW_ARRAY_LEN(thresholds)},
    {"envoy.config.cluster.v3.Cluster", cluster, GW_ARRAY_LEN(cluster)},
    {"envoy.config.cluster.v3.Cluster.CommonLbConfig", common_lb_config, GW_ARRAY_LEN(common_lb_config)},
    {"envoy.config.cluster.v3.OutlierDetection", outlier_detection, GW_ARRAY_LEN(outlier_detection)},
    {"envoy.config.core.v3.HealthCheck", health_check, GW_ARRAY_LEN(health_check)},
    {"envoy.config.core.v3.HealthCheck.GrpcHealthCheck", grpc_health_check, GW_ARRAY_LEN(grpc_health_check)},
    {"envoy.config.core.v3.HealthCheck.HttpHealthCheck", http_health_check, GW_ARRAY_LEN(http_health_check)},
    {"envoy.config.core.v3.HealthCheck.TcpHealthCheck", tcp_health_check, GW_ARRAY_LEN(tcp_health_check)},
    {"envoy.config.endpoint.v3.ClusterLoadAssignment", cluster_load_assignment, GW_ARRAY_LEN(cluster_load_assignment)},
    {"envoy.config.endpoint.v3.Endpoint", endpoint, GW_ARRAY_LEN(endpoint)},
    {"envoy.config.endpoint.v3.LbEndpoint", lb_endpoint, GW_ARRAY_LEN(lb_endpoint)},
    {"envoy.config.endpoint.v3.LocalityLbEndpoints", locality_lb_endpoints, GW_ARRAY_LEN(locality_lb_endpoints)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions", upstream_http_protocol_options,
     GW_ARRAY_LEN(upstream_http_protocol_options)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig", auto_http_config, GW_ARRAY_LEN(auto_http_config)},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig", explicit_http_config, GW_ARRAY_LEN(explicit_http_config)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_cluster_fields = {messages, GW_ARRAY_LEN(messages)};
