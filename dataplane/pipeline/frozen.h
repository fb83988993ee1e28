/* Why: a snapshot compiled for serving: route tables, filter chains, clusters with their addresses; shared by all workers.
 * Life: ref-counted; parts whose resource did not change are shared with the one before. Holds a reference on its snapshot.
 * Thread: built and finally freed on the main thread; frozen, so any thread reads. */
#ifndef GW_DATAPLANE_PIPELINE_FROZEN_H
#define GW_DATAPLANE_PIPELINE_FROZEN_H

#include "common/base/err.h"
#include "common/model/snapshot.h"
#include "dataplane/cluster/dns_clusters.h"
#include "dataplane/cluster/health.h"

struct gw_frozen;
struct gw_filter;
struct gw_frozen_cluster;

/* Everything that can be known wrong before serving is a mistake with the resource's name as place's start; then GW_ERR_INVALID and nothing
 * is made. What lacks a secret is closed, with a warning. A listener whose routes are missing is built closed (503); a route whose cluster
 * is missing answers 503 (NC). `filters`: NULL-terminated registry (dataplane/filters/filters.h). `ticket_key`: GW_TLS_TICKET_KEY_BYTES of
 * this process, for listeners without a key of their own. `health`, `previous` may be NULL. */
enum gw_err gw_frozen_build(struct gw_snapshot *snapshot, const struct gw_dns_clusters *dns, struct gw_health *health,
                            const struct gw_filter *const *filters, struct gw_str ticket_key, struct gw_frozen *previous,
                            struct gw_errors *errors, struct gw_frozen **ret_frozen);
struct gw_frozen *gw_frozen_ref(struct gw_frozen *frozen);
/* The last reference must fall on the main thread: workers hand theirs back by mail. */
void gw_frozen_unref(struct gw_frozen *frozen);
/* Its clusters, by name. */
struct gw_frozen_cluster *const *gw_frozen_clusters(const struct gw_frozen *frozen, uint32_t *ret_count);
/* How many series metrics may have: the lowest that a listener says, or GW_SERIES_MAX_DEFAULT. */
uint32_t gw_frozen_max_series(const struct gw_frozen *frozen);
struct gw_snapshot *gw_frozen_snapshot(const struct gw_frozen *frozen);
/* NULL: there is none of that name. */
const struct gw_frozen_cluster *gw_frozen_find_cluster(const struct gw_frozen *frozen, struct gw_str name);

#endif
