#include "dataplane/pipeline/stream_trace.h"

#include "common/otlp/span_sink.h"

#define SPAN_AT 36 /* of the span's id in traceparent */

/* ---- what the client says ---- */

enum b3_field { B3_TRACE_ID, B3_SPAN_ID, B3_PARENT_ID, B3_SAMPLED, B3_FLAGS, B3_FIELDS };
static const struct gw_str b3_names[B3_FIELDS] = {{"x-b3-traceid", 12},
                                                  {"x-b3-spanid", 11},
                                                  {"x-b3-parentspanid", 17},
                                                  {"x-b3-sampled", 12},
                                                  {"x-b3-flags", 10}};

/* The fields of a request that say something of traces. */
struct said {
  struct gw_str traceparent;
  uint32_t traceparent_count;
  uint32_t state_members;
  bool has_bad_state;
  struct gw_str b3;
  struct gw_str b3_multi[B3_FIELDS];
};

static void take_b3(struct said *said, const struct gw_header *header) {
  if (gw_str_equal_nocase(header->name, GW_STR("b3"))) said->b3 = header->value;
  for (uint32_t i = 0; header->name.len >= 10 && i < B3_FIELDS; i++)
    if (gw_str_equal_nocase(header->name, b3_names[i])) said->b3_multi[i] = header->value;
}

static struct said listen_to(const struct gw_headers *headers) {
  struct said said = {.traceparent_count = 0};
  for (uint32_t i = 0; i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    if (header->id == GW_HEADER_TRACEPARENT) {
      said.traceparent = header->value;
      said.traceparent_count++;
    } else if (header->id == GW_HEADER_TRACESTATE) {
      said.has_bad_state = said.has_bad_state || !gw_trace_state_is_valid(header->value, &said.state_members);
    } else if (header->id == GW_HEADER_OTHER && (header->name.data[0] | 0x20) == (header->name.len == 2 ? 'b' : 'x')) {
      take_b3(&said, header);
    }
  }
  return said;
}

/* The caller's context, as far as there is one, and the ways in which it was told. */
static unsigned understand(const struct said *said, struct gw_trace_context *ret_parent, bool *ret_has_parent) {
  const struct gw_str *multi = said->b3_multi;
  unsigned ways = 0;
  enum gw_trace_b3 b3 = GW_TRACE_B3_NONE;
  *ret_has_parent = false;
  ret_parent->decision = GW_TRACE_UNDECIDED;
  if (said->traceparent_count == 1 && gw_trace_parse_traceparent(said->traceparent, ret_parent)) {
    *ret_has_parent = true;
    ways |= GW_PROPAGATE_W3C;
  }
  if (said->b3.len > 0) {
    ways |= GW_PROPAGATE_B3;
    if (!*ret_has_parent) b3 = gw_trace_parse_b3(said->b3, ret_parent);
  }
  if (multi[B3_TRACE_ID].len + multi[B3_SAMPLED].len + multi[B3_FLAGS].len > 0) {
    ways |= GW_PROPAGATE_B3_MULTI;
    if (!*ret_has_parent && b3 == GW_TRACE_B3_NONE)
      b3 = gw_trace_parse_b3_multi(multi[B3_TRACE_ID], multi[B3_SPAN_ID], multi[B3_SAMPLED], multi[B3_FLAGS], ret_parent);
  }
  *ret_has_parent = *ret_has_parent || b3 == GW_TRACE_B3_CONTEXT;
  return ways;
}

/* ---- what the service is told ---- */

static void set_named(struct gw_stream *stream, struct gw_headers *headers, struct gw_str name, struct gw_str value) {
  if (gw_headers_find_name(headers, name) != NULL) gw_headers_remove_name(headers, name);
  gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, name, value);
}

static void tell_service(struct gw_stream *stream, unsigned ways) {
  struct gw_stream_trace *trace = stream->trace;
  struct gw_headers *headers = &stream->request.headers;
  if ((ways & GW_PROPAGATE_W3C) != 0)
    gw_headers_set(headers, &stream->arena, GW_HEADER_TRACEPARENT, (struct gw_str){trace->traceparent, GW_TRACEPARENT_LEN});
  if ((ways & GW_PROPAGATE_B3) != 0) {
    gw_trace_format_b3(&trace->context, trace->b3);
    set_named(stream, headers, GW_STR("b3"), (struct gw_str){trace->b3, GW_TRACE_B3_LEN});
  }
  if ((ways & GW_PROPAGATE_B3_MULTI) != 0) {
    bool is_sampled = trace->context.decision == GW_TRACE_SAMPLED;
    memcpy(trace->b3_span_id, trace->span_id, GW_SPAN_ID_LEN);
    set_named(stream, headers, b3_names[B3_TRACE_ID], gw_stream_trace_id(stream));
    set_named(stream, headers, b3_names[B3_SPAN_ID], (struct gw_str){trace->b3_span_id, GW_SPAN_ID_LEN});
    set_named(stream, headers, b3_names[B3_SAMPLED], is_sampled ? GW_STR("1") : GW_STR("0"));
    gw_headers_remove_name(headers, b3_names[B3_PARENT_ID]);
    gw_headers_remove_name(headers, b3_names[B3_FLAGS]);
  }
}

/* The fields stay where they are: only what they point to changes. */
static void tell_span(struct gw_stream_trace *trace, const uint8_t *span_id) {
  char *text = trace->traceparent + SPAN_AT;
  gw_trace_format_id(span_id, GW_SPAN_ID_BYTES, text);
  memcpy(trace->b3 + GW_TRACE_ID_LEN + 1, text, GW_SPAN_ID_LEN);
  memcpy(trace->b3_span_id, text, GW_SPAN_ID_LEN);
}

void gw_stream_trace_do_tell_client(struct gw_stream *stream) {
  if (!stream->listener->http->model->http.tracing->tells_client) return;
  struct gw_headers *headers = &stream->response.headers;
  gw_headers_set(headers, &stream->arena, GW_HEADER_X_TRACE_ID, gw_stream_trace_id(stream));
  gw_headers_set(headers, &stream->arena, GW_HEADER_X_SPAN_ID, gw_stream_span_id(stream));
}

/* ---- recording ---- */

void gw_stream_trace_begin(struct gw_stream *stream) {
  struct gw_frozen_http *http = stream->listener->http;
  const struct gw_tracing *model = http->model->http.tracing;
  if (model == NULL) return;
  struct gw_random *random = &stream->pipeline->random;
  struct gw_stream_trace *trace = gw_arena_alloc(&stream->arena, sizeof(*trace));
  memset(trace, 0, offsetof(struct gw_stream_trace, span_id));
  stream->trace = trace;
  struct said said = listen_to(&stream->request.headers);
  unsigned ways = understand(&said, &trace->context, &trace->has_parent);
  if (trace->has_parent)
    memcpy(trace->parent_id, trace->context.span_id, sizeof(trace->parent_id));
  else
    gw_trace_new_id(random, trace->context.trace_id);
  if ((ways & GW_PROPAGATE_W3C) == 0 || said.has_bad_state) gw_headers_remove(&stream->request.headers, GW_HEADER_TRACESTATE);
  bool is_sampled = gw_sampler_decide(&http->sampler, &trace->context, stream->started_us);
  trace->context.decision = is_sampled ? GW_TRACE_SAMPLED : GW_TRACE_NOT_SAMPLED;
  trace->is_recorded = is_sampled || model->samples_errors;
  gw_trace_new_span_id(random, trace->context.span_id);
  gw_trace_format_traceparent(&trace->context, trace->traceparent);
  memcpy(trace->span_id, trace->traceparent + SPAN_AT, GW_SPAN_ID_LEN);
  tell_service(stream, ways | model->propagation);
}

/* What is sampled is worth a look at the clock; else the loop's time will do. */
uint64_t gw_stream_trace_do_now_us(const struct gw_stream *stream) {
  const struct gw_stream_trace *trace = stream->trace;
  if (!trace->is_recorded) return 0;
  uint64_t now_us = trace->context.decision == GW_TRACE_SAMPLED ? gw_clock_monotonic_us() : gw_loop_now_us(stream->pipeline->loop);
  return stream->wall_us + (now_us - stream->started_us);
}

/* Without an id: it gets one when somebody is told of it, which of most requests is nobody. */
static struct gw_trace_step *add_step(struct gw_stream *stream, uint64_t start_us) {
  struct gw_stream_trace *trace = stream->trace;
  struct gw_trace_step *step = gw_arena_alloc(&stream->arena, sizeof(*step));
  *step = (struct gw_trace_step){.start_us = start_us};
  if (trace->first == NULL)
    trace->first = step;
  else
    trace->last->next = step;
  trace->last = step;
  return step;
}

static void give_id(struct gw_stream *stream, struct gw_trace_step *step) {
  if (step->has_id) return;
  gw_trace_new_span_id(&stream->pipeline->random, step->span_id);
  step->has_id = true;
}

static void end_step(struct gw_stream *stream, struct gw_trace_step *step, bool is_failed, struct gw_str detail) {
  step->end_us = gw_stream_trace_now_us(stream);
  step->is_failed = is_failed;
  step->detail = detail;
}

void gw_stream_trace_add_work(struct gw_stream *stream, const char *name, uint64_t start_us, enum gw_verdict verdict) {
  struct gw_trace_step *step = add_step(stream, start_us);
  step->name = name;
  if (verdict == GW_VERDICT_WAIT)
    stream->trace->work = step;
  else
    end_step(stream, step, verdict == GW_VERDICT_REPLIED, verdict == GW_VERDICT_REPLIED ? stream->detail : (struct gw_str){0});
}

void gw_stream_trace_end_work(struct gw_stream *stream, enum gw_verdict verdict) {
  struct gw_stream_trace *trace = stream->trace;
  if (trace == NULL || trace->work == NULL) return;
  end_step(stream, trace->work, verdict == GW_VERDICT_REPLIED, verdict == GW_VERDICT_REPLIED ? stream->detail : (struct gw_str){0});
  trace->work = NULL;
}

struct gw_trace_step *gw_stream_trace_do_begin_attempt(struct gw_stream *stream) {
  struct gw_stream_trace *trace = stream->trace;
  if (!trace->is_recorded || !stream->listener->http->model->http.tracing->has_attempt_spans) return NULL;
  struct gw_trace_step *step = trace->attempt = add_step(stream, gw_stream_trace_do_now_us(stream));
  step->number = stream->attempt_count;
  step->endpoint = stream->upstream_host;
  if (trace->context.decision == GW_TRACE_SAMPLED) {
    give_id(stream, step);
    tell_span(trace, step->span_id);
  }
  return step;
}

void gw_stream_trace_do_end_attempt(struct gw_stream *stream, struct gw_str detail) {
  struct gw_stream_trace *trace = stream->trace;
  end_step(stream, trace->attempt, detail.len > 0 || trace->attempt->status >= 400, detail);
  trace->attempt = NULL;
}

void gw_stream_trace_do_end(struct gw_stream *stream) {
  struct gw_stream_trace *trace = stream->trace;
  struct gw_pipeline *pipeline = stream->pipeline;
  if (!trace->is_recorded || pipeline->options.spans == NULL) return;
  if (trace->context.decision != GW_TRACE_SAMPLED && !gw_stream_trace_is_failed(stream)) return;
  for (struct gw_trace_step *step = trace->first; step != NULL; step = step->next)
    give_id(stream, step);
  gw_strbuf_clear(&pipeline->line);
  uint32_t count = gw_stream_trace_write(stream, gw_stream_trace_now_us(stream), &pipeline->line);
  gw_span_sink_add(pipeline->options.spans, stream->listener->http->trace_destination, gw_strbuf_str(&pipeline->line), count);
}
