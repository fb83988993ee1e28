/* Why: a frozen configuration plus what one worker may change: its clusters and its counters by route. A stream holds one view from its
 * first byte to its last. Life: ref-counted; the last reference hands the frozen configuration back to main. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_VIEW_H
#define GW_DATAPLANE_PIPELINE_VIEW_H

#include "dataplane/cluster/cluster_set.h"
#include "dataplane/pipeline/frozen_parts.h"
#include "dataplane/pipeline/stats.h"

struct gw_pipeline;
struct gw_route_slots;

struct gw_view {
  uint32_t refs;
  struct gw_pipeline *pipeline;
  struct gw_frozen *frozen;
  struct gw_cluster_set *clusters;
  struct gw_route_slots **slots; /* by binding */
};

/* Takes over one reference on `frozen`. Shares with `previous` (may be NULL) what is the same. */
struct gw_view *gw_view_new(struct gw_pipeline *pipeline, struct gw_frozen *frozen, const struct gw_view *previous);
struct gw_view *gw_view_ref(struct gw_view *view);
void gw_view_unref(struct gw_view *view);
/* Of the snapshot that it was made from. */
struct gw_str gw_view_snapshot_version(const struct gw_view *view);
/* The counters of a route, found once a view and remembered. `choice`: of its split, counted from 1; 0: it has none, or none was made. */
struct gw_route_stats *gw_view_get_route_stats(struct gw_view *view, uint32_t binding, const struct gw_route *route, uint32_t choice);
/* Holds the counters of routes that this view has and nobody has asked for yet, where there are any from before: looks at `limit` routes.
 * true: there are more. */
bool gw_view_keep_counted_routes(struct gw_view *view, uint32_t limit);
/* NULL: the route's cluster, or that choice of its split, is not there. */
struct gw_worker_cluster *gw_view_find_cluster(const struct gw_view *view, uint32_t binding, const struct gw_route *route, uint32_t choice);

#endif
