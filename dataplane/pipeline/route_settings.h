/* Why: what filters have of the routes of one configuration, compiled once; routes with equal settings share it.
 * Life: gw_route_settings_build … free, with the frozen routes.
 * Thread: built and freed on main; frozen, so any thread reads. */
#ifndef GW_DATAPLANE_PIPELINE_ROUTE_SETTINGS_H
#define GW_DATAPLANE_PIPELINE_ROUTE_SETTINGS_H

#include "common/base/err.h"
#include "common/model/route.h"
#include "common/model/snapshot.h"
#include "dataplane/pipeline/filter.h"

struct gw_route_settings;

/* NULL when no route has any. GW_ERR_INVALID with mistakes, then nothing is made. */
enum gw_err gw_route_settings_build(const struct gw_route_config *config, const struct gw_snapshot *snapshot,
                                    const struct gw_filter *const *filters, struct gw_errors *errors,
                                    struct gw_route_settings **ret_settings);
void gw_route_settings_free(struct gw_route_settings *settings);
/* NULL: the route has nothing for that filter. */
const void *gw_route_settings_find(const struct gw_route_settings *settings, const struct gw_route *route, enum gw_filter_kind kind);

#endif
