/* Why: one span in OTLP's wire form (opentelemetry.proto.trace.v1.Span), written straight down: it is done for every traced request.
 * Life: a writer lives from begin to end, in which nothing else is appended to its text.
 * Thread: any. */
#ifndef GW_COMMON_OTLP_SPAN_H
#define GW_COMMON_OTLP_SPAN_H

#include "common/observe/trace.h"

/* Span.SpanKind */
enum gw_span_kind { GW_SPAN_INTERNAL = 1, GW_SPAN_SERVER = 2, GW_SPAN_CLIENT = 3 };

struct gw_span {
  const uint8_t *trace_id;  /* GW_TRACE_ID_BYTES */
  const uint8_t *span_id;   /* GW_SPAN_ID_BYTES */
  const uint8_t *parent_id; /* NULL: it is the trace's first */
  struct gw_str name;
  enum gw_span_kind kind;
  uint64_t start_us; /* Unix time */
  uint64_t end_us;
};

struct gw_span_writer {
  struct gw_strbuf *out;
  size_t start; /* of the span's fields */
};

#define GW_SPAN_VALUE_MAX 1024u /* bytes of a text; the rest is cut off */

/* Appends a span as one item of ScopeSpans.spans: such texts one behind the other are a list. */
struct gw_span_writer gw_span_begin(struct gw_strbuf *out, const struct gw_span *span);
/* What is not UTF-8 of `value` becomes "?"; keys and span names are ours. */
void gw_span_put_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value);
void gw_span_put_int(struct gw_span_writer *writer, struct gw_str key, int64_t value);
void gw_span_put_bool(struct gw_span_writer *writer, struct gw_str key, bool value);
/* Status.code ERROR. `message` may be empty. */
void gw_span_put_error(struct gw_span_writer *writer, struct gw_str message);
void gw_span_put_link(struct gw_span_writer *writer, const uint8_t *trace_id, const uint8_t *span_id);
void gw_span_end(struct gw_span_writer *writer);

#endif
