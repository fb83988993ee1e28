/* Why: the node's metrics text: the workers' counters, and what only main knows.
 * Life: no objects kept.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_METRICS_H
#define GW_DATAPLANE_SERVER_METRICS_H

#include "dataplane/server/compile.h"
#include "dataplane/server/scrape.h"
#include "dataplane/xds_client/xds_client.h"

struct gw_node_metrics {
  const struct gw_scrape_result *scrape;
  struct gw_compiler_status config;
  struct gw_xds_client_status xds;
  bool is_ready;
  bool is_draining;
  uint64_t access_log_lost_total;
  uint64_t now_us; /* monotonic */
};

/* Prometheus text 0.0.4. */
void gw_node_metrics_write(const struct gw_node_metrics *metrics, struct gw_strbuf *buf);

#endif
