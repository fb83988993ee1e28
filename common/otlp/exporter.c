#include "common/otlp/exporter_internal.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#define SCOPE "gateway"
#define BACKOFF_BASE_MS 500u
#define BACKOFF_MAX_MS 15000u
#define GIVE_UP_MS 60000u /* after the first try: what comes meanwhile waits, or finds no room */

typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;
typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;

struct gw_otlp_exporter {
  struct gw_otlp_runtime runtime;
  struct gw_otlp_options options; /* in the arena */
  struct gw_arena arena;
  const struct otlp_way *way;
  void *way_state;
  struct gw_bytes *resource; /* packed */
  struct gw_bytes *scope;
  struct gw_span_batch *first; /* waiting, by mail.next */
  struct gw_span_batch *last;
  /* The request under way. */
  struct gw_bytes *parts[OTLP_PARTS_MAX];
  struct gw_span_batch *batches[OTLP_PARTS_MAX - 1];
  uint32_t batch_count; /* 0: there is none */
  uint32_t span_count;
  uint32_t tries;
  uint64_t first_try_ms;
  uint32_t target;
  struct gw_timer timer; /* runs until the next try */
  struct gw_timer bound;
  struct gw_task next; /* what follows on an answer: the way that brought it may go then */
  struct gw_random random;
  bool is_failing;
  bool is_finishing;
  gw_otlp_done_fn on_done;
  void *done_arg;
};

/* ---- the message around spans ---- */

static struct gw_bytes *pack(const ProtobufCMessage *message) {
  struct gw_bytes *bytes = gw_bytes_new(NULL, protobuf_c_message_get_packed_size(message));
  protobuf_c_message_pack(message, (uint8_t *)bytes->data);
  return bytes;
}

static struct gw_bytes *pack_resource(const struct gw_otlp_options *options) {
  Opentelemetry__Proto__Resource__V1__Resource resource = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
  KeyValue *pairs = gw_calloc(options->resource_count + 1, sizeof(*pairs));
  AnyValue *values = gw_calloc(options->resource_count + 1, sizeof(*values));
  KeyValue **pointers = gw_calloc(options->resource_count + 1, sizeof(KeyValue *));
  for (uint32_t i = 0; i < options->resource_count; i++) {
    opentelemetry__proto__common__v1__key_value__init(&pairs[i]);
    opentelemetry__proto__common__v1__any_value__init(&values[i]);
    pairs[i].key = (char *)(uintptr_t)options->resource[i].key.data;
    pairs[i].value = &values[i];
    values[i].value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
    values[i].string_value = (char *)(uintptr_t)options->resource[i].value.data;
    pointers[i] = &pairs[i];
  }
  resource.n_attributes = options->resource_count;
  resource.attributes = pointers;
  struct gw_bytes *bytes = pack(&resource.base);
  free(pointers);
  free(values);
  free(pairs);
  return bytes;
}

static struct gw_bytes *pack_scope(void) {
  Opentelemetry__Proto__Common__V1__InstrumentationScope scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
  scope.name = (char *)(uintptr_t)SCOPE;
  return pack(&scope.base);
}

/* The beginning of a field of bytes, of which `len` follow. */
static void append_field(struct gw_strbuf *out, int number, size_t len) {
  gw_strbuf_append_char(out, (char)(number << 3 | 2));
  for (; len >= 128; len >>= 7)
    gw_strbuf_append_char(out, (char)(len | 128));
  gw_strbuf_append_char(out, (char)len);
}

/* ExportTraceServiceRequest up to its spans: resource_spans(1) { resource(1), scope_spans(2) { scope(1), spans … } }. */
static struct gw_bytes *make_prefix(const struct gw_otlp_exporter *exporter, size_t spans_len) {
  struct gw_strbuf scope, resource, whole;
  gw_strbuf_init(&scope);
  gw_strbuf_init(&resource);
  gw_strbuf_init(&whole);
  append_field(&scope, 1, exporter->scope->len);
  gw_strbuf_append_str(&scope, gw_bytes_str(exporter->scope));
  append_field(&resource, 1, exporter->resource->len);
  gw_strbuf_append_str(&resource, gw_bytes_str(exporter->resource));
  append_field(&resource, 2, scope.len + spans_len);
  append_field(&whole, 1, resource.len + scope.len + spans_len);
  gw_strbuf_append_str(&whole, gw_strbuf_str(&resource));
  gw_strbuf_append_str(&whole, gw_strbuf_str(&scope));
  struct gw_bytes *prefix = gw_bytes_new(whole.data, whole.len);
  gw_strbuf_done(&whole);
  gw_strbuf_done(&resource);
  gw_strbuf_done(&scope);
  return prefix;
}

bool otlp_answer_parse(struct gw_str message, struct otlp_answer *ret_answer) {
  Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse *response =
      opentelemetry__proto__collector__trace__v1__export_trace_service_response__unpack(NULL, message.len, (const uint8_t *)message.data);
  if (response == NULL) return false;
  *ret_answer = (struct otlp_answer){.outcome = OTLP_TAKEN};
  if (response->partial_success != NULL && response->partial_success->rejected_spans > 0)
    ret_answer->rejected = (uint64_t)response->partial_success->rejected_spans;
  opentelemetry__proto__collector__trace__v1__export_trace_service_response__free_unpacked(response, NULL);
  return true;
}

/* ---- one request ---- */

static struct gw_span_batch *take_first(struct gw_otlp_exporter *exporter) {
  struct gw_span_batch *batch = exporter->first;
  struct gw_mail *next = batch->mail.next;
  exporter->first = next != NULL ? GW_CONTAINER_OF(next, struct gw_span_batch, mail) : NULL;
  return batch;
}

static void drop_request(struct gw_otlp_exporter *exporter) {
  for (uint32_t i = 0; i < exporter->batch_count; i++)
    gw_span_batch_free(exporter->batches[i], exporter->runtime.budget);
  if (exporter->batch_count > 0) gw_bytes_unref(exporter->parts[0]);
  exporter->batch_count = 0;
}

static void try_now(struct gw_otlp_exporter *exporter) {
  exporter->tries++;
  exporter->way->send(exporter->way_state, exporter->target, exporter->parts, exporter->batch_count + 1);
}

static void start_next(struct gw_otlp_exporter *exporter) {
  size_t spans_len = 0;
  exporter->span_count = 0;
  while (exporter->first != NULL && exporter->batch_count < GW_ARRAY_LEN(exporter->batches)) {
    struct gw_span_batch *batch = take_first(exporter);
    exporter->batches[exporter->batch_count++] = batch;
    exporter->parts[exporter->batch_count] = batch->spans;
    exporter->span_count += batch->count;
    spans_len += batch->spans->len;
  }
  exporter->parts[0] = make_prefix(exporter, spans_len);
  exporter->tries = 0;
  exporter->first_try_ms = gw_loop_now_ms(exporter->runtime.loop);
  try_now(exporter);
}

static void go_on(struct gw_otlp_exporter *exporter) {
  if (exporter->batch_count > 0) return;
  if (exporter->first != NULL) {
    start_next(exporter);
  } else if (exporter->is_finishing) {
    gw_otlp_done_fn on_done = exporter->on_done;
    void *arg = exporter->done_arg;
    gw_otlp_exporter_free(exporter);
    if (on_done != NULL) on_done(arg);
  }
}

static void on_next(void *arg) {
  go_on(arg);
}

static void on_timer(struct gw_timer *timer) {
  try_now(GW_CONTAINER_OF(timer, struct gw_otlp_exporter, timer));
}

/* Told when it begins and when it ends. */
static void tell(struct gw_otlp_exporter *exporter, const struct otlp_answer *answer) {
  struct gw_str target = exporter->options.targets[exporter->target];
  bool is_failing = answer->outcome != OTLP_TAKEN;
  if (is_failing != exporter->is_failing && is_failing) {
    GW_LOG_WARNING(exporter->runtime.log, "traces don't reach %.*s: %.*s", GW_STR_ARG(target), GW_STR_ARG(answer->reason));
  } else if (is_failing != exporter->is_failing) {
    GW_LOG_INFO(exporter->runtime.log, "traces reach %.*s again", GW_STR_ARG(target));
  }
  exporter->is_failing = is_failing;
}

/* Full jitter. */
static uint64_t backoff_ms(struct gw_otlp_exporter *exporter) {
  uint64_t most = BACKOFF_BASE_MS;
  for (uint32_t i = 1; i < exporter->tries && most < BACKOFF_MAX_MS; i++)
    most *= 2;
  return 1 + gw_random_below(&exporter->random, most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS);
}

void otlp_exporter_on_answer(struct gw_otlp_exporter *exporter, const struct otlp_answer *answer) {
  struct gw_otlp_counts *counts = exporter->runtime.counts;
  uint64_t now_ms = gw_loop_now_ms(exporter->runtime.loop);
  uint64_t rejected = answer->rejected < exporter->span_count ? answer->rejected : exporter->span_count;
  tell(exporter, answer);
  if (answer->outcome == OTLP_RETRY) {
    uint64_t wait_ms = answer->wait_ms > 0 ? answer->wait_ms : backoff_ms(exporter);
    if (now_ms + wait_ms < exporter->first_try_ms + GIVE_UP_MS) {
      exporter->target = (exporter->target + 1) % exporter->options.target_count;
      gw_timer_start(exporter->runtime.loop, &exporter->timer, wait_ms);
      return;
    }
  }
  if (answer->outcome != OTLP_TAKEN) rejected = exporter->span_count;
  counts->sent_total += exporter->span_count - rejected;
  counts->failed_total += rejected;
  drop_request(exporter);
  gw_loop_at_turn_end(exporter->runtime.loop, &exporter->next);
}

void gw_otlp_exporter_add(struct gw_otlp_exporter *exporter, struct gw_span_batch *batch) {
  batch->mail.next = NULL;
  if (exporter->first == NULL) {
    exporter->first = batch;
  } else {
    exporter->last->mail.next = &batch->mail;
  }
  exporter->last = batch;
  go_on(exporter);
}

void gw_otlp_counts_write(const struct gw_otlp_counts *counts, uint64_t dropped_total, const char *name, struct gw_metrics_writer *writer) {
  const struct {
    struct gw_str result;
    uint64_t value;
  } rows[] = {{GW_STR("sent"), counts->sent_total}, {GW_STR("failed"), counts->failed_total}, {GW_STR("dropped"), dropped_total}};
  gw_metrics_family(writer, name, "counter",
                    "Spans: sent; failed, which the collector refused or could not be given; dropped, for want of room.");
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    struct gw_label label = {"result", rows[i].result};
    gw_metrics_u64(writer, name, &label, 1, rows[i].value);
  }
}

/* ---- life ---- */

static struct gw_otlp_pair *copy_pairs(struct gw_arena *arena, const struct gw_otlp_pair *from, uint32_t count) {
  struct gw_otlp_pair *to = gw_arena_calloc(arena, count, sizeof(*to));
  for (uint32_t i = 0; i < count; i++)
    to[i] = (struct gw_otlp_pair){gw_arena_copy(arena, from[i].key), gw_arena_copy(arena, from[i].value)};
  return to;
}

static const struct gw_otlp_tls *copy_tls(struct gw_arena *arena, const struct gw_otlp_tls *from) {
  if (from == NULL) return NULL;
  struct gw_otlp_tls *to = gw_arena_calloc(arena, 1, sizeof(*to));
  *to = (struct gw_otlp_tls){gw_arena_copy(arena, from->ca), gw_arena_copy(arena, from->cert), gw_arena_copy(arena, from->key),
                             gw_arena_copy(arena, from->host)};
  return to;
}

static struct gw_otlp_options copy_options(struct gw_arena *arena, const struct gw_otlp_options *from) {
  struct gw_otlp_options to = *from;
  struct gw_str *targets = gw_arena_calloc(arena, from->target_count, sizeof(*targets));
  for (uint32_t i = 0; i < from->target_count; i++)
    targets[i] = gw_arena_copy(arena, from->targets[i]);
  to.targets = targets;
  to.tls = copy_tls(arena, from->tls);
  to.authority = gw_arena_copy(arena, from->authority);
  to.path = gw_arena_copy(arena, from->path);
  to.headers = copy_pairs(arena, from->headers, from->header_count);
  to.resource = copy_pairs(arena, from->resource, from->resource_count);
  return to;
}

static void on_bound(struct gw_timer *timer) {
  struct gw_otlp_exporter *exporter = GW_CONTAINER_OF(timer, struct gw_otlp_exporter, bound);
  gw_otlp_done_fn on_done = exporter->on_done;
  void *arg = exporter->done_arg;
  gw_otlp_exporter_free(exporter);
  if (on_done != NULL) on_done(arg);
}

struct gw_otlp_exporter *gw_otlp_exporter_new(const struct gw_otlp_runtime *runtime, const struct gw_otlp_options *options,
                                              const char *place, struct gw_errors *errors) {
  struct gw_otlp_exporter *exporter = gw_calloc(1, sizeof(*exporter));
  exporter->runtime = *runtime;
  gw_arena_init(&exporter->arena, 1024);
  exporter->options = copy_options(&exporter->arena, options);
  exporter->resource = pack_resource(&exporter->options);
  exporter->scope = pack_scope();
  exporter->way = options->protocol == GW_OTLP_GRPC ? &otlp_grpc : &otlp_http;
  gw_timer_init(&exporter->timer, on_timer);
  gw_timer_init(&exporter->bound, on_bound);
  gw_task_init(&exporter->next, on_next, exporter);
  gw_random_init(&exporter->random, 0);
  exporter->way_state = exporter->way->new (exporter, &exporter->runtime, &exporter->options, place, errors);
  if (exporter->way_state != NULL) return exporter;
  gw_otlp_exporter_free(exporter);
  return NULL;
}

void gw_otlp_exporter_finish(struct gw_otlp_exporter *exporter, uint64_t bound_ms, gw_otlp_done_fn on_done, void *arg) {
  exporter->is_finishing = true;
  exporter->on_done = on_done;
  exporter->done_arg = arg;
  gw_timer_start(exporter->runtime.loop, &exporter->bound, bound_ms);
  go_on(exporter);
}

void gw_otlp_exporter_free(struct gw_otlp_exporter *exporter) {
  if (exporter == NULL) return;
  gw_timer_stop(&exporter->timer);
  gw_timer_stop(&exporter->bound);
  gw_task_cancel(&exporter->next);
  if (exporter->way_state != NULL) exporter->way->free(exporter->way_state);
  exporter->runtime.counts->failed_total += exporter->batch_count > 0 ? exporter->span_count : 0;
  drop_request(exporter);
  while (exporter->first != NULL) {
    struct gw_span_batch *batch = take_first(exporter);
    exporter->runtime.counts->failed_total += batch->count;
    gw_span_batch_free(batch, exporter->runtime.budget);
  }
  gw_bytes_unref(exporter->resource);
  gw_bytes_unref(exporter->scope);
  gw_arena_wipe(&exporter->arena); /* headers hold credentials */
  gw_arena_done(&exporter->arena);
  free(exporter);
}
