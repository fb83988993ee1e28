/* Of HTTP filters: those that say who may what and how much, and the router. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

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

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.config.rbac.v3.Permission", rbac_permission, GW_ARRAY_LEN(rbac_permission)},
    {"envoy.config.rbac.v3.Policy", rbac_policy, GW_ARRAY_LEN(rbac_policy)},
    {"envoy.config.rbac.v3.Principal", rbac_principal, GW_ARRAY_LEN(rbac_principal)},
    {"envoy.config.rbac.v3.RBAC", rbac, GW_ARRAY_LEN(rbac)},
    {"envoy.extensions.common.ratelimit.v3.RateLimitDescriptor", rate_limit_descriptor, GW_ARRAY_LEN(rate_limit_descriptor)},
    {"envoy.extensions.filters.http.cors.v3.CorsPolicy", cors_policy, GW_ARRAY_LEN(cors_policy)},
    {"envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", jwt_authentication, GW_ARRAY_LEN(jwt_authentication)},
    {"envoy.extensions.filters.http.jwt_authn.v3.JwtProvider", jwt_provider, GW_ARRAY_LEN(jwt_provider)},
    {"envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", local_rate_limit, GW_ARRAY_LEN(local_rate_limit)},
    {"envoy.extensions.filters.http.rbac.v3.RBAC", rbac_filter, GW_ARRAY_LEN(rbac_filter)},
    {"envoy.extensions.filters.http.router.v3.Router", router, GW_ARRAY_LEN(router)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_filter_fields = {messages, GW_ARRAY_LEN(messages)};
