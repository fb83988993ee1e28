#include "dataplane/pipeline/stats_copying.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

/* Of one step, which takes some 20 µs. */
#define ROUTES_A_STEP 64
#define CLUSTERS_A_STEP 16

struct gw_stats_copying {
  struct gw_pipeline *pipeline;
  struct gw_task task;
  struct gw_stats *copy; /* NULL: nothing is being copied */
  struct gw_view *view;  /* whose clusters are; NULL: there is none */
  uint32_t next_cluster;
  void (*done)(void *arg, struct gw_stats *copy);
  void *arg;
};

static void copy_circuit(struct gw_service_stats *service, const struct gw_upstream_counts *counts,
                         const struct gw_circuit_breaker *breaker) {
  if (breaker == NULL) return;
  service->has_circuit_breaker = true;
  service->circuit_state = gw_circuit_breaker_state(breaker);
  service->circuit_refusals_total = counts->circuit_refusals_total;
  memcpy(service->circuit_changes_total, counts->circuit_changes_total, sizeof(service->circuit_changes_total));
}

static void copy_instances(struct gw_service_stats *service, const struct gw_worker_cluster *cluster) {
  uint32_t cursor = 0, size = 0;
  struct gw_str endpoint;
  const struct gw_upstream_pool *pool;
  while (gw_worker_cluster_next_used(cluster, &cursor, &endpoint, &pool))
    size++;
  service->instances = gw_calloc(size, sizeof(*service->instances));
  for (cursor = 0; gw_worker_cluster_next_used(cluster, &cursor, &endpoint, &pool);) {
    struct gw_instance_stats *instance = &service->instances[service->instance_count++];
    size_t len = endpoint.len < sizeof(instance->address) ? endpoint.len : sizeof(instance->address) - 1;
    memcpy(instance->address, endpoint.data, len);
    instance->requests_active = gw_upstream_pool_count_active(pool);
    memcpy(instance->answers, gw_upstream_pool_answers(pool), sizeof(instance->answers));
  }
}

static void copy_cluster(struct gw_stats *copy, struct gw_worker_cluster *cluster) {
  const struct gw_upstream_counts *counts = gw_worker_cluster_counts(cluster);
  struct gw_service_stats *service = gw_stats_get_service(copy, gw_worker_cluster_name(cluster));
  service->connections_active = counts->connections_active;
  service->connections_total = counts->connections_total;
  service->connect_failures_total = counts->connect_failures_total;
  service->requests_active = counts->requests_active;
  service->retries_total = counts->retries_total;
  memcpy(service->overflows_total, counts->overflows_total, sizeof(service->overflows_total));
  copy_circuit(service, counts, gw_worker_cluster_breaker(cluster));
  service->retries_refused_total = counts->retries_refused_total;
  service->retries_exhausted_total = counts->retries_exhausted_total;
  service->try_timeouts_total = counts->try_timeouts_total;
  service->response_times = counts->response_times;
  memcpy(service->others.answers, counts->departed_answers, sizeof(service->others.answers));
  copy_instances(service, cluster);
}

/* true: there are more. */
static bool copy_clusters(struct gw_stats_copying *copying, uint32_t limit) {
  if (copying->view == NULL) return false;
  const struct gw_cluster_set *clusters = copying->view->clusters;
  uint32_t count = gw_cluster_set_count(clusters);
  while (copying->next_cluster < count && limit-- > 0)
    copy_cluster(copying->copy, gw_cluster_set_get(clusters, copying->next_cluster++));
  return copying->next_cluster < count;
}

static void begin(struct gw_stats_copying *copying) {
  struct gw_pipeline *pipeline = copying->pipeline;
  GW_ASSERT(copying->copy == NULL);
  copying->view = pipeline->view != NULL ? gw_view_ref(pipeline->view) : NULL;
  copying->next_cluster = 0;
  copying->copy = gw_stats_begin_copy(pipeline->stats);
}

static struct gw_stats *end(struct gw_stats_copying *copying) {
  struct gw_stats *copy = copying->copy;
  copying->copy = NULL;
  gw_view_unref(copying->view);
  copying->view = NULL;
  return copy;
}

static void on_step(void *arg) {
  struct gw_stats_copying *copying = arg;
  bool has_more = gw_stats_copy_routes(copying->pipeline->stats, copying->copy, ROUTES_A_STEP) || copy_clusters(copying, CLUSTERS_A_STEP);
  if (has_more)
    gw_loop_at_leisure(copying->pipeline->loop, &copying->task);
  else
    copying->done(copying->arg, end(copying));
}

void gw_stats_copying_start(struct gw_stats_copying *copying, void (*done)(void *arg, struct gw_stats *copy), void *arg) {
  copying->done = done;
  copying->arg = arg;
  begin(copying);
  gw_loop_at_leisure(copying->pipeline->loop, &copying->task);
}

struct gw_stats *gw_stats_copying_run(struct gw_stats_copying *copying) {
  begin(copying);
  gw_stats_copy_routes(copying->pipeline->stats, copying->copy, UINT32_MAX);
  copy_clusters(copying, UINT32_MAX);
  return end(copying);
}

struct gw_stats_copying *gw_stats_copying_new(struct gw_pipeline *pipeline) {
  struct gw_stats_copying *copying = gw_calloc(1, sizeof(*copying));
  copying->pipeline = pipeline;
  gw_task_init(&copying->task, on_step, copying);
  return copying;
}

void gw_stats_copying_free(struct gw_stats_copying *copying) {
  if (copying == NULL) return;
  gw_task_cancel(&copying->task);
  gw_stats_free(end(copying));
  free(copying);
}
