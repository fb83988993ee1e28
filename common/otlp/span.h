/* Why: one span in OTLP's wire form (opentelemetry.proto.trace.v1.Span), written straight down: it is done for every traced request.
 * Life: a writer lives from begin to end, in which nothing else is appended to its text.
 * Thread: any. */
#ifndef GW_COMMON_OTLP_SPAN_H
#define GW_COMMON_OTLP_SPAN_H

#include "common/base/err.h"
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
/* Attributes. What is not UTF-8 of `value` becomes "?". Keys and span names are ours; those of numbers and flags are short. */
static inline void gw_span_put_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value);
static inline void gw_span_put_int(struct gw_span_writer *writer, struct gw_str key, int64_t value);
static inline void gw_span_put_bool(struct gw_span_writer *writer, struct gw_str key, bool value);
/* Status.code ERROR. `message` may be empty. */
void gw_span_put_error(struct gw_span_writer *writer, struct gw_str message);
void gw_span_put_link(struct gw_span_writer *writer, const uint8_t *trace_id, const uint8_t *span_id);
void gw_span_end(struct gw_span_writer *writer);

/* ---- inline: most keys are constants, and nearly all pairs short ---- */

/* A field's number and wire type (encoding.md of protobuf). All numbers here are below 16, so that a tag is one byte; and so is a length up
 * to GW_SPAN_SHORT. */
#define GW_SPAN_TAG(number, wire_type) ((char)((number) << 3 | (wire_type)))
#define GW_SPAN_VARINT 0
#define GW_SPAN_FIXED64 1
#define GW_SPAN_BYTES 2
#define GW_SPAN_SHORT 127u

static inline size_t gw_span_varint_len(uint64_t value) {
  size_t len = 1;
  for (; value >= 128; value >>= 7)
    len++;
  return len;
}

static inline char *gw_span_put_varint(char *at, uint64_t value) {
  for (; value >= 128; value >>= 7)
    *at++ = (char)(value | 128);
  *at++ = (char)value;
  return at;
}

/* Of a KeyValue. */
static inline size_t gw_span_pair_len(struct gw_str key, size_t value_len) {
  return 2 + key.len + 2 + value_len;
}

/* Span.attributes: KeyValue{key, AnyValue}; the AnyValue's content, of value_len bytes, goes to where it returns. */
static inline char *gw_span_add_pair(struct gw_span_writer *writer, struct gw_str key, size_t value_len) {
  struct gw_strbuf *out = writer->out;
  size_t pair_len = gw_span_pair_len(key, value_len);
  GW_ASSERT(pair_len <= GW_SPAN_SHORT);
  gw_strbuf_reserve(out, 2 + pair_len);
  char *at = out->data + out->len;
  out->len += 2 + pair_len;
  *at++ = GW_SPAN_TAG(9, GW_SPAN_BYTES);
  *at++ = (char)pair_len;
  *at++ = GW_SPAN_TAG(1, GW_SPAN_BYTES);
  *at++ = (char)key.len;
  memcpy(at, key.data, key.len);
  at += key.len;
  *at++ = GW_SPAN_TAG(2, GW_SPAN_BYTES);
  *at++ = (char)value_len;
  return at;
}

/* span.c */
void gw_span_copy_text(char *at, struct gw_str text);
void gw_span_put_long_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value);

static inline void gw_span_put_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value) {
  if (gw_span_pair_len(key, 2 + value.len) > GW_SPAN_SHORT) {
    gw_span_put_long_str(writer, key, value);
    return;
  }
  char *at = gw_span_add_pair(writer, key, 2 + value.len);
  *at++ = GW_SPAN_TAG(1, GW_SPAN_BYTES);
  *at++ = (char)value.len;
  gw_span_copy_text(at, value);
}

static inline void gw_span_put_int(struct gw_span_writer *writer, struct gw_str key, int64_t value) {
  char *at = gw_span_add_pair(writer, key, 1 + gw_span_varint_len((uint64_t)value));
  *at++ = GW_SPAN_TAG(3, GW_SPAN_VARINT);
  gw_span_put_varint(at, (uint64_t)value);
}

static inline void gw_span_put_bool(struct gw_span_writer *writer, struct gw_str key, bool value) {
  char *at = gw_span_add_pair(writer, key, 2);
  *at++ = GW_SPAN_TAG(2, GW_SPAN_VARINT);
  *at = (char)(value ? 1 : 0);
}

#endif
