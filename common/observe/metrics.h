/* Why: Prometheus text exposition (version 0.0.4) and the histogram that everybody uses.
 * Life: embedded; the writer borrows its builder.
 * Thread: one at a time; counters of other threads arrive as copies. */
#ifndef GW_COMMON_OBSERVE_METRICS_H
#define GW_COMMON_OBSERVE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

/* Upper bounds in seconds: 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10, then +Inf. */
#define GW_HISTOGRAM_BUCKETS 15
struct gw_histogram {
  uint64_t sum_us;                        /* first, since short durations go beside it */
  uint64_t buckets[GW_HISTOGRAM_BUCKETS]; /* not cumulative */
};
void gw_histogram_add(struct gw_histogram *histogram, uint64_t value_us);
void gw_histogram_merge(struct gw_histogram *histogram, const struct gw_histogram *from);

struct gw_label {
  const char *name;
  struct gw_str value; /* escaped by the writer */
};

struct gw_metrics_writer {
  struct gw_strbuf *buf;
};
/* Starts a family: "# HELP", "# TYPE". type: "counter", "gauge" or "histogram". All samples of a family follow it. */
void gw_metrics_family(struct gw_metrics_writer *writer, const char *name, const char *type, const char *help);
void gw_metrics_u64(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count, uint64_t value);
void gw_metrics_double(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count, double value);
/* name_bucket, name_sum (seconds), name_count. */
void gw_metrics_histogram(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count,
                          const struct gw_histogram *histogram);
/* process_… (memory, CPU time, descriptors, start) and gateway_build_info. */
void gw_metrics_process(struct gw_metrics_writer *writer, const char *program);

#endif
