/* Why: routes.yaml's `access_log`: which of a route's requests are logged, where that differs from the settings.
 * Life: a value.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ACCESS_LOG_YAML_H
#define GW_CONTROLPLANE_POLICY_ACCESS_LOG_YAML_H

#include "controlplane/policy/reader.h"
#include "controlplane/policy/settings.h"

/* Which requests are logged: a share of all, and always those that are told with such a status or a higher one, or took so long. */
struct gw_access_log_rule {
  uint32_t sample_millionths;
  uint32_t always_status; /* 0: none */
  uint64_t always_ms;     /* 0: none */
};

struct gw_access_log_rule gw_access_log_rule_of(const struct gw_settings *settings);
/* access_log of a route: false (none), true (all), or what differs from `of_settings`. NULL: it says nothing of it. */
const struct gw_access_log_rule *gw_access_log_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                                    const struct gw_access_log_rule *of_settings);

#endif
