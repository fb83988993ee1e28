/* Why: says whether a snapshot is whole: every resource that another one names is there.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_MODEL_CONSISTENCY_H
#define GW_COMMON_MODEL_CONSISTENCY_H

#include "common/base/err.h"
#include "common/model/snapshot.h"

/* Adds one mistake per missing resource: a listener's route configuration, an EDS cluster's endpoints, and, when
 * `wants_clusters`, a route's cluster (the control plane wants it; a data plane answers 503 for such a route instead). */
void gw_consistency_check(const struct gw_snapshot *snapshot, bool wants_clusters, struct gw_errors *errors);

#endif
