/* Why: whether what the configuration depends on beside the control plane answers, and how quickly, for /ready and metrics: the Redis
 * servers of shared limits. Asked by main itself, since workers only ask when there are requests.
 * Life: gw_dependencies_new … gw_dependencies_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_DEPENDENCIES_H
#define GW_DATAPLANE_SERVER_DEPENDENCIES_H

#include "common/event/loop.h"
#include "common/model/snapshot.h"
#include "common/observe/metrics.h"
#include "dataplane/admin/admin_http.h"

#define GW_DEPENDENCIES_MAX 8u /* the control plane is one, too: GW_ADMIN_DEPENDENCIES_MAX */
#define GW_DEPENDENCIES_ASK_MS 2000u

struct gw_dependencies;

/* `on_change`: one answers for the first time, or not any more. */
struct gw_dependencies *gw_dependencies_new(struct gw_loop *loop, void (*on_change)(void *arg), void *arg);
void gw_dependencies_free(struct gw_dependencies *dependencies);
/* Those of this configuration, and no others. */
void gw_dependencies_follow(struct gw_dependencies *dependencies, const struct gw_snapshot *snapshot);
/* All without which requests are refused have answered. */
bool gw_dependencies_are_there(const struct gw_dependencies *dependencies);
/* Borrowed until the loop's callback ends. Returns how many. */
uint32_t gw_dependencies_list(struct gw_dependencies *dependencies, struct gw_admin_dependency ret_list[GW_DEPENDENCIES_MAX]);
/* gateway_dependency_up, gateway_dependency_latency_seconds. */
void gw_dependencies_write_metrics(struct gw_dependencies *dependencies, struct gw_metrics_writer *writer);

#endif
