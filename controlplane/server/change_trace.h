/* Why: each change of the configuration as a trace: from the first word of it over policy and snapshot to what every connected node says.
 * Life: gw_change_trace_new … gw_change_trace_free, before gRPC ends; it lives on the node table's and the files' calls meanwhile.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_CHANGE_TRACE_H
#define GW_CONTROLPLANE_SERVER_CHANGE_TRACE_H

#include "common/observe/log.h"
#include "common/otlp/exporter.h"
#include "controlplane/policy/settings.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"

#define GW_CHANGE_TRACE_MS 60000u /* after which who has not answered is given up */

struct gw_change_trace;

struct gw_change_trace_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_node_table *nodes;
  struct gw_snapshot_cache *cache;
};

/* What became of one; times are monotonic. */
struct gw_change {
  uint64_t seen_us;       /* the first word of it */
  uint64_t started_us;    /* … and it was read */
  uint64_t translated_us; /* it was policy; 0: it has mistakes */
  uint64_t ended_us;      /* it was a snapshot, or refused */
  const char *mistake;    /* the first one; NULL: it is in force */
  uint32_t route_count;
  uint32_t service_count;
};

struct gw_change_trace *gw_change_trace_new(const struct gw_change_trace_options *options);
/* Sends what is there, for a second at most. */
void gw_change_trace_free(struct gw_change_trace *trace);
/* Where spans go from now on. */
void gw_change_trace_follow(struct gw_change_trace *trace, const struct gw_settings *settings);
/* gRPC is there: until then what should go by it waits. */
void gw_change_trace_set_rpc(struct gw_change_trace *trace, struct gw_rpc *rpc);
/* gateway_controlplane_trace_spans_total. */
void gw_change_trace_write_metrics(const struct gw_change_trace *trace, struct gw_metrics_writer *writer);
void gw_change_trace_add(struct gw_change_trace *trace, const struct gw_change *change);

#endif
