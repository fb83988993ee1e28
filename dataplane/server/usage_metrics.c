#include "dataplane/server/usage_metrics.h"

#include "common/base/mem.h"
#include "dataplane/cluster/frozen_cluster.h"

static uint32_t in_use(const struct gw_frozen_cluster *cluster, enum gw_concurrency what) {
  return gw_upstream_usage_get(cluster->usage, what);
}

static void write_limits(const struct gw_frozen_cluster *cluster, struct gw_metrics_writer *writer) {
  for (uint32_t what = 0; what < GW_CONCURRENCY_COUNT; what++) {
    uint32_t limit = gw_concurrency_limit(cluster->model->limits, (enum gw_concurrency)what);
    struct gw_label labels[] = {{"service", cluster->model->name}, {"limit", gw_str_from(gw_concurrency_name((enum gw_concurrency)what))}};
    if (limit != GW_CONCURRENCY_UNLIMITED) gw_metrics_u64(writer, "gateway_upstream_limit", labels, GW_ARRAY_LEN(labels), limit);
  }
}

void gw_usage_metrics_write(const struct gw_frozen *frozen, uint32_t room, struct gw_metrics_writer *writer) {
  uint32_t count = 0;
  uint64_t others = 0;
  struct gw_frozen_cluster *const *clusters = frozen != NULL ? gw_frozen_clusters(frozen, &count) : NULL;
  gw_metrics_family(writer, "gateway_upstream_pending_requests", "gauge", "Requests that wait for a connection to a service with limits.");
  for (uint32_t i = 0; i < count; i++) {
    struct gw_label label = {"service", clusters[i]->model->name};
    uint32_t pending = in_use(clusters[i], GW_CONCURRENCY_PENDING);
    if (i < room)
      gw_metrics_u64(writer, "gateway_upstream_pending_requests", &label, 1, pending);
    else
      others += pending;
  }
  if (count > room) gw_metrics_u64(writer, "gateway_upstream_pending_requests", &(struct gw_label){"service", GW_STR("other")}, 1, others);
  gw_metrics_family(writer, "gateway_upstream_limit", "gauge", "Limits of a service on this node.");
  for (uint32_t i = 0; i < count && i < room; i++)
    if (clusters[i]->model->limits != NULL) write_limits(clusters[i], writer);
}
