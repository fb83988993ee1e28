/* Why: a request as part of a trace: what its client said of it, what its service is told, and the spans that are made of it: its own, one
 * of each filter that had something to do, one of each try.
 * Life: in the stream's arena; spans leave when the stream ends.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_STREAM_TRACE_H
#define GW_DATAPLANE_PIPELINE_STREAM_TRACE_H

#include "common/model/tracing.h"
#include "common/observe/trace.h"
#include "dataplane/pipeline/stream.h"

#define GW_TRACE_ID_LEN ((size_t)2 * GW_TRACE_ID_BYTES) /* as text */
#define GW_SPAN_ID_LEN ((size_t)2 * GW_SPAN_ID_BYTES)

/* A span within the request's. */
struct gw_trace_step {
  struct gw_trace_step *next;
  bool has_id;
  uint8_t span_id[GW_SPAN_ID_BYTES];
  const char *name;  /* of a filter's work; NULL: a try */
  uint64_t start_us; /* Unix time, here and below */
  uint64_t end_us;   /* 0: it has not ended */
  bool is_failed;
  struct gw_str detail; /* why it failed */
  /* Of a try. */
  uint32_t number;
  struct gw_str endpoint;
  struct gw_str path; /* as the service saw it */
  bool has_tls;
  bool is_reused;
  uint32_t status; /* 0: no answer came */
  enum gw_http_version version;
};

struct gw_stream_trace {
  struct gw_trace_context context; /* the request's span */
  bool has_parent;
  uint8_t parent_id[GW_SPAN_ID_BYTES];
  bool is_recorded; /* it is sampled, or will be if it fails */
  struct gw_trace_step *first;
  struct gw_trace_step *last;
  struct gw_trace_step *work;    /* of the filter that waits; NULL: none does */
  struct gw_trace_step *attempt; /* under way; NULL: none is */
  char span_id[GW_SPAN_ID_LEN];
  /* What the service is told; each try puts its own span in. */
  char traceparent[GW_TRACEPARENT_LEN]; /* the trace's id is read from here */
  char b3[GW_TRACE_B3_LEN];
  char b3_span_id[GW_SPAN_ID_LEN];
};

static inline struct gw_str gw_stream_trace_id(const struct gw_stream *stream) {
  return (struct gw_str){stream->trace->traceparent + 3, GW_TRACE_ID_LEN};
}

/* Of the request's span. */
static inline struct gw_str gw_stream_span_id(const struct gw_stream *stream) {
  return (struct gw_str){stream->trace->span_id, GW_SPAN_ID_LEN};
}

/* Reads and replaces the request's fields. Only where the listener is traced; else stream->trace stays NULL. */
void gw_stream_trace_begin(struct gw_stream *stream);
/* A request that is nobody's business: probes. */
static inline void gw_stream_trace_drop(struct gw_stream *stream) {
  stream->trace = NULL;
}

/* Of streams that are traced, which most are not: the functions below are those to call. */
void gw_stream_trace_do_tell_client(struct gw_stream *stream);
uint64_t gw_stream_trace_do_now_us(const struct gw_stream *stream);
struct gw_trace_step *gw_stream_trace_do_begin_attempt(struct gw_stream *stream);
void gw_stream_trace_do_end_attempt(struct gw_stream *stream, struct gw_str detail);
void gw_stream_trace_do_end(struct gw_stream *stream);

/* X-Trace-Id and X-Span-Id, where the client is told. */
static inline void gw_stream_trace_tell_client(struct gw_stream *stream) {
  if (stream->trace != NULL) gw_stream_trace_do_tell_client(stream);
}

/* Now, on the clock of spans; 0: nothing is recorded. */
static inline uint64_t gw_stream_trace_now_us(const struct gw_stream *stream) {
  return stream->trace != NULL ? gw_stream_trace_do_now_us(stream) : 0;
}
/* A filter has done its work, begun at start_us (> 0), or waits. */
void gw_stream_trace_add_work(struct gw_stream *stream, const char *name, uint64_t start_us, enum gw_verdict verdict);
/* … and waits no more. */
void gw_stream_trace_end_work(struct gw_stream *stream, enum gw_verdict verdict);

/* The try stream->attempt_count begins. NULL: tries are not recorded. The caller fills in what else it knows of it. */
static inline struct gw_trace_step *gw_stream_trace_begin_attempt(struct gw_stream *stream) {
  return stream->trace != NULL ? gw_stream_trace_do_begin_attempt(stream) : NULL;
}
/* … ends; `detail` empty: it was answered. Harmless when none is under way. */
static inline void gw_stream_trace_end_attempt(struct gw_stream *stream, struct gw_str detail) {
  if (stream->trace != NULL && stream->trace->attempt != NULL) gw_stream_trace_do_end_attempt(stream, detail);
}

/* The stream is over: its spans go, or are forgotten. */
static inline void gw_stream_trace_end(struct gw_stream *stream) {
  if (stream->trace != NULL) gw_stream_trace_do_end(stream);
}
/* stream_trace_write.c: all of them, in OTLP's wire form; how many. */
uint32_t gw_stream_trace_write(const struct gw_stream *stream, uint64_t end_us, struct gw_strbuf *out);
bool gw_stream_trace_is_failed(const struct gw_stream *stream);

#endif
