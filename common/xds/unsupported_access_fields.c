/* Those of the filters that say who may what: one part of the table, in a file of its own for its length. */
#include <string.h>

#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

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
    {"envoy.config.rbac.v3.Permission", rbac_permission, GW_ARRAY_LEN(rbac_permission)},
    {"envoy.config.rbac.v3.Policy", rbac_policy, GW_ARRAY_LEN(rbac_policy)},
    {"envoy.config.rbac.v3.Principal", rbac_principal, GW_ARRAY_LEN(rbac_principal)},
    {"envoy.config.rbac.v3.RBAC", rbac, GW_ARRAY_LEN(rbac)},
    {"envoy.extensions.filters.http.cors.v3.CorsPolicy", cors_policy, GW_ARRAY_LEN(cors_policy)},
    {"envoy.extensions.filters.http.rbac.v3.RBAC", rbac_filter, GW_ARRAY_LEN(rbac_filter)},
};

const struct gw_xds_unsupported_field *gw_xds_unsupported_access_field_find(const char *message, uint32_t number) {
  for (size_t i = 0; i < GW_ARRAY_LEN(messages); i++) {
    if (strcmp(messages[i].message, message) != 0) continue;
    for (size_t k = 0; k < messages[i].field_count; k++) {
      if (messages[i].fields[k].number == number) return &messages[i].fields[k];
    }
  }
  return NULL;
}
