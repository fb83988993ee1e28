/* Why: where spans of all workers end: an exporter for each collector that the listeners which serve name, with what its cluster, its
 * endpoints and its secrets are now.
 * Life: gw_span_exports_new … gw_span_exports_free, after the workers are freed.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_SPAN_EXPORTS_H
#define GW_DATAPLANE_SERVER_SPAN_EXPORTS_H

#include "common/model/snapshot.h"
#include "common/otlp/exporter.h"

struct gw_span_exports;

struct gw_span_exports_options {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_resolver *resolver;
  struct gw_log *log;
  struct gw_str node_id; /* service.instance.id */
};

struct gw_span_exports_counts {
  struct gw_otlp_counts exported;
  uint64_t dropped_total; /* since there was no room, or nobody to send them to */
};

struct gw_span_exports *gw_span_exports_new(const struct gw_span_exports_options *options);
/* Sends what is there, for a second at most. */
void gw_span_exports_free(struct gw_span_exports *exports);
/* What workers post batches to, and how much they may. */
struct gw_mailbox *gw_span_exports_mailbox(struct gw_span_exports *exports);
struct gw_span_budget *gw_span_exports_budget(struct gw_span_exports *exports);
/* What serves now; NULL: nothing yet. */
void gw_span_exports_follow(struct gw_span_exports *exports, const struct gw_snapshot *snapshot);
struct gw_span_exports_counts gw_span_exports_get_counts(const struct gw_span_exports *exports);

#endif
