/* Why: counters by service and by instance, and how many series the metrics may have.
 * Life: values in a worker's gw_stats, or in a copy of it.
 * Thread: whose the gw_stats is. */
#ifndef GW_DATAPLANE_PIPELINE_SERVICE_STATS_H
#define GW_DATAPLANE_PIPELINE_SERVICE_STATS_H

#include "common/base/map.h"
#include "common/model/filter.h"
#include "common/net/address.h"
#include "common/observe/metrics.h"
#include "dataplane/cluster/circuit_breaker.h"
#include "dataplane/cluster/cluster_set.h"

/* Series of what configurations and traffic make up have a bound: routes may have three fifths of it, services and instances a fifth each.
 * What finds no room is counted under "other". */
enum gw_series_kind { GW_SERIES_ROUTE, GW_SERIES_SERVICE, GW_SERIES_INSTANCE, GW_SERIES_KIND_COUNT };
/* How many of that kind have series of their own. */
uint32_t gw_series_room(uint32_t max_series, enum gw_series_kind kind);

/* The most that one has: of a service those in main's part of the text included. */
#define GW_ROUTE_SERIES (GW_HISTOGRAM_BUCKETS + 2 + GW_STATS_CODES)
#define GW_SERVICE_SERIES 64

#define GW_STATS_CODES 12 /* distinct codes a route; the last slot takes the rest as code 0 ("other") */

/* By instance of a service, of those that were sent something. */
struct gw_instance_stats {
  char address[GW_ADDRESS_TEXT_SIZE];
  uint64_t requests_active;
  uint64_t answers[GW_ANSWER_CLASSES];
};

/* By service. */
struct gw_service_stats {
  struct gw_str service; /* owned */
  uint64_t connections_active;
  uint64_t connections_total;
  uint64_t connect_failures_total;
  uint64_t requests_active;
  uint64_t retries_total;
  uint64_t overflows_total[GW_CONCURRENCY_COUNT];
  bool has_circuit_breaker;
  uint32_t circuit_state; /* gw_circuit_state */
  uint64_t circuit_changes_total[3];
  uint64_t circuit_refusals_total;
  uint64_t retries_refused_total;
  uint64_t retries_exhausted_total;
  uint64_t try_timeouts_total;
  struct gw_histogram response_times;
  struct gw_instance_stats *instances; /* owned; by address */
  uint32_t instance_count;
  struct gw_instance_stats others; /* those that are gone, and those that are not told apart, together */
};

/* Adds `from` to `service`, instances by address. */
void gw_service_stats_merge(struct gw_service_stats *service, const struct gw_service_stats *from);
/* All of them, by name → gw_service_stats; those that find no room lose what they have to "other". Says, by kind, how many these are. */
void gw_service_stats_write(struct gw_map *services, uint32_t max_series, struct gw_metrics_writer *writer,
                            uint32_t ret_left_out[GW_SERIES_KIND_COUNT]);

#endif
