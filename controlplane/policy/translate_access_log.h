/* Why: settings and routes' `access_log` → access logs of listeners, and what routes have instead of their filters.
 * Life: in the policy's arena.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_ACCESS_LOG_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_ACCESS_LOG_H

#include "common/model/listener.h"
#include "controlplane/policy/access_log_yaml.h"
#include "controlplane/policy/translate.h"

/* The listener's access log, if it has one. */
void gw_policy_translate_access_log(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_arena *arena,
                                    struct gw_http_connection_manager *http);
/* NULL gives NULL. */
const struct gw_access_log_route *gw_policy_translate_access_log_rule(const struct gw_access_log_rule *rule, struct gw_arena *arena);

#endif
