/* Why: spans on their way from a worker to the thread that exports them: gathered into batches, posted as mail, never waited for.
 * Life: gw_span_sink_new … gw_span_sink_free (posts what it holds). The budget outlives sinks and exporters.
 * Thread: a sink its loop's own; a budget any. */
#ifndef GW_COMMON_OTLP_SPAN_SINK_H
#define GW_COMMON_OTLP_SPAN_SINK_H

#include <stdatomic.h>

#include "common/base/bytes.h"
#include "common/event/mailbox.h"

#define GW_SPAN_BATCH_BYTES ((size_t)64 * 1024)
#define GW_SPAN_BATCH_DELAY_MS 1000u /* how long a span waits for others */
#define GW_SPAN_BUDGET_BYTES ((size_t)16 * 1024 * 1024)

/* How much of spans may be in memory, over all threads; what is beyond is dropped. */
struct gw_span_budget {
  atomic_size_t used_bytes; /* of whole batches */
  size_t max_bytes;
  atomic_uint_least64_t dropped_total; /* spans */
};
void gw_span_budget_init(struct gw_span_budget *budget, size_t max_bytes);

/* A letter; the receiver owns it. */
struct gw_span_batch {
  struct gw_mail mail;
  uint64_t destination; /* as told with the spans */
  uint32_t count;
  struct gw_bytes *spans; /* one behind the other, see span.h; one reference */
};
/* Gives back to the budget what it took. */
void gw_span_batch_free(struct gw_span_batch *batch, struct gw_span_budget *budget);

struct gw_span_sink;
struct gw_span_sink *gw_span_sink_new(struct gw_loop *loop, struct gw_mailbox *mailbox, struct gw_span_budget *budget);
void gw_span_sink_free(struct gw_span_sink *sink);
/* Copies `spans`, `count` of them, whole or not at all; what there is no room for is counted. */
void gw_span_sink_add(struct gw_span_sink *sink, uint64_t destination, struct gw_str spans, uint32_t count);

#endif
