/* Why: limits as they are written → settings of the two filters that enforce them: Envoy's where that can say it, ours for the rest.
 * Life: in the arena given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_LIMITS_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_LIMITS_H

#include "common/model/filter.h"
#include "common/model/route_filters.h"
#include "controlplane/policy/rate_limit_yaml.h"
#include "controlplane/policy/routes_yaml.h"
#include "controlplane/policy/settings.h"

/* A route's, as members of `filters`; false: it has none, and nothing is set. `name`: the route's, which is what its buckets are known by.
 */
bool gw_limits_translate_route(const struct gw_route_entry *entry, struct gw_str name, const struct gw_common_limits *common,
                               const struct gw_settings *settings, struct gw_arena *arena, struct gw_route_filters *filters);
/* Adds the password of Redis, if there is one. */
void gw_limits_add_secrets(const struct gw_settings *settings, struct gw_arena *arena, struct gw_secret_list *secrets);
/* What is wrong only as a whole: limits that settings take away, users that nobody can be. */
void gw_limits_check(const struct gw_reader *reader, const struct gw_settings *settings, const struct gw_route_list *routes,
                     const struct gw_common_limits *common);

#define GW_LIMIT_FILTERS_MAX 2
/* The listener's filters that these limits need, in their order; none where there is nothing to limit. */
uint32_t gw_limits_translate_filters(const struct gw_route_list *routes, const struct gw_common_limits *common,
                                     const struct gw_settings *settings, struct gw_arena *arena,
                                     struct gw_http_filter ret_filters[GW_LIMIT_FILTERS_MAX]);

#endif
