/* Why: the node's metrics text: the workers' counters, and what only main knows.
 * Life: no objects kept. struct gw_node_metrics is a value that borrows nothing of main's, so that any thread may write it out.
 * Thread: any. */
#ifndef GW_DATAPLANE_SERVER_METRICS_H
#define GW_DATAPLANE_SERVER_METRICS_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/observe/metrics.h"
#include "dataplane/pipeline/rate_limit_table.h"
#include "dataplane/pipeline/stats.h"
#include "dataplane/server/last_good.h"
#include "dataplane/server/overload.h"
#include "dataplane/server/span_exports.h"

/* What is told of each worker. */
struct gw_worker_metrics {
  struct gw_histogram lag;
  uint64_t connections_active;
  uint64_t requests_active;
  uint64_t requests_total;
};

struct gw_node_metrics {
  /* of the workers */
  const struct gw_stats *stats; /* the sum */
  const struct gw_worker_metrics *workers;
  uint32_t worker_count;
  uint64_t missed_workers_total;
  /* of the node */
  bool is_ready;
  bool is_draining;
  uint64_t access_log_lost_total;
  uint64_t log_lost_total;
  struct gw_span_exports_counts spans;
  struct gw_histogram main_lag; /* of main's loop */
  /* of its configuration */
  char config_version[17];   /* "": none yet */
  const char *config_source; /* a constant */
  uint64_t config_age_us;
  bool is_config_complete;
  uint64_t activations_total;
  uint64_t build_failures_total;
  uint64_t bind_failures_total;
  struct gw_histogram build_times;
  /* of its control plane */
  bool is_connected;
  uint64_t responses_total;
  struct gw_histogram decode_times;
  uint64_t nacks_total;
  uint64_t disconnects_total;
  bool is_delta; /* incremental xDS */
  uint32_t fleet_size;
  bool has_tls; /* to it */
  bool is_tls_degraded;
  uint64_t tls_reloads_total;
  uint64_t tls_errors_total;
  int64_t tls_not_after_s;
  enum gw_overload_level overload;
  struct gw_overload_use use;
  uint64_t clients; /* with a counted connection */
  struct gw_rate_limit_counts rate_limits;
  uint64_t rate_limit_max_keys;
  bool has_cache;
  struct gw_last_good_status cache;
  uint64_t wall_us;
  struct gw_bytes *own_part; /* what main has written itself; a reference, or NULL: nothing */
};

/* Prometheus text 0.0.4. */
void gw_node_metrics_write(const struct gw_node_metrics *metrics, struct gw_strbuf *buf);

#endif
