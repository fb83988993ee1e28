#include "controlplane/server/change_trace.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/otlp/span.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/tracing_settings.h"

#define FINISH_MS 10000u /* of an exporter that is replaced */
#define END_MS 1000u     /* of the process */
#define DESTINATION 1u   /* there is only one */

#define PUT(writer, key, value) gw_span_put_str(writer, GW_STR(key), value)

/* A node that was connected when the change came into force. */
struct delivery {
  const struct gw_node *node; /* compared, never looked into but in its own call */
  char *id;
  char *cluster;
  bool is_done;
};

/* The one whose nodes are waited for. */
struct open_change {
  uint8_t trace_id[GW_TRACE_ID_BYTES];
  uint8_t span_id[GW_SPAN_ID_BYTES];
  struct gw_change change;
  char version[17];
  struct delivery *deliveries; /* NULL: none is open */
  uint32_t count;
  uint32_t waiting;
};

struct gw_change_trace {
  struct gw_change_trace_options options;
  struct gw_rpc *rpc;           /* NULL: not yet */
  struct gw_resolver *resolver; /* NULL until HTTP needs it */
  struct gw_mailbox *mailbox;
  struct gw_span_budget budget;
  struct gw_otlp_counts counts;
  struct gw_span_sink *sink;
  struct gw_otlp_exporter *exporter; /* NULL: nothing is traced */
  struct gw_arena arena;
  struct gw_otlp_options export_options; /* in the arena */
  bool has_options;
  uint32_t finishing;
  struct gw_random random;
  struct gw_strbuf text;
  struct gw_timer bound;
  struct open_change open;
};

/* ---- spans ---- */

static uint64_t wall_us(uint64_t monotonic_us) {
  return gw_clock_wall_us() - (gw_clock_monotonic_us() - monotonic_us);
}

static struct gw_span_writer begin(struct gw_change_trace *trace, const uint8_t *span_id, const uint8_t *parent_id, const char *name,
                                   enum gw_span_kind kind, uint64_t start_us, uint64_t end_us) {
  gw_strbuf_clear(&trace->text);
  return gw_span_begin(&trace->text, &(struct gw_span){.trace_id = trace->open.trace_id,
                                                       .span_id = span_id,
                                                       .parent_id = parent_id,
                                                       .name = gw_str_from(name),
                                                       .kind = kind,
                                                       .start_us = wall_us(start_us),
                                                       .end_us = wall_us(end_us)});
}

static void end(struct gw_change_trace *trace, struct gw_span_writer *writer) {
  gw_span_end(writer);
  gw_span_sink_add(trace->sink, DESTINATION, gw_strbuf_str(&trace->text), 1);
}

static void write_step(struct gw_change_trace *trace, const char *name, uint64_t start_us, uint64_t end_us, const char *mistake) {
  uint8_t span_id[GW_SPAN_ID_BYTES];
  gw_trace_new_span_id(&trace->random, span_id);
  struct gw_span_writer writer = begin(trace, span_id, trace->open.span_id, name, GW_SPAN_INTERNAL, start_us, end_us);
  if (mistake != NULL) gw_span_put_error(&writer, gw_str_from(mistake));
  end(trace, &writer);
}

/* `trouble` NULL: it runs what it should. */
static void write_delivery(struct gw_change_trace *trace, const struct delivery *delivery, const char *kind, const char *trouble) {
  uint8_t span_id[GW_SPAN_ID_BYTES];
  gw_trace_new_span_id(&trace->random, span_id);
  struct gw_span_writer writer =
      begin(trace, span_id, trace->open.span_id, "deliver", GW_SPAN_CLIENT, trace->open.change.ended_us, gw_clock_monotonic_us());
  PUT(&writer, "gateway.node.id", gw_str_from(delivery->id));
  PUT(&writer, "gateway.node.cluster", gw_str_from(delivery->cluster));
  if (kind != NULL) PUT(&writer, "gateway.node.kind", gw_str_from(kind));
  PUT(&writer, "gateway.snapshot", gw_str_from(trace->open.version));
  if (trouble != NULL) gw_span_put_error(&writer, gw_str_from(trouble));
  end(trace, &writer);
}

static void write_root(struct gw_change_trace *trace, uint64_t end_us) {
  const struct open_change *open = &trace->open;
  const struct gw_change *change = &open->change;
  struct gw_span_writer writer = begin(trace, open->span_id, NULL, "configuration change", GW_SPAN_INTERNAL, change->seen_us, end_us);
  if (change->mistake != NULL) {
    gw_span_put_error(&writer, gw_str_from(change->mistake));
  } else {
    PUT(&writer, "gateway.snapshot", gw_str_from(open->version));
    gw_span_put_int(&writer, GW_STR("gateway.routes"), change->route_count);
    gw_span_put_int(&writer, GW_STR("gateway.services"), change->service_count);
    gw_span_put_int(&writer, GW_STR("gateway.nodes"), open->count);
  }
  end(trace, &writer);
}

/* ---- nodes ---- */

static void close_change(struct gw_change_trace *trace, const char *trouble) {
  struct open_change *open = &trace->open;
  if (open->deliveries == NULL) return;
  for (uint32_t i = 0; i < open->count; i++) {
    if (!open->deliveries[i].is_done) write_delivery(trace, &open->deliveries[i], NULL, trouble);
    free(open->deliveries[i].id);
    free(open->deliveries[i].cluster);
  }
  free(open->deliveries);
  open->deliveries = NULL;
  gw_timer_stop(&trace->bound);
  write_root(trace, gw_clock_monotonic_us());
}

static void on_bound(struct gw_timer *timer) {
  close_change(GW_CONTAINER_OF(timer, struct gw_change_trace, bound), "it has not answered in time");
}

/* A node has accepted, refused or reported something. */
static void on_node(void *arg, const struct gw_node *node) {
  struct gw_change_trace *trace = arg;
  struct open_change *open = &trace->open;
  uint32_t i = 0;
  if (open->deliveries == NULL) return;
  while (i < open->count && (open->deliveries[i].node != node || open->deliveries[i].is_done))
    i++;
  if (i == open->count) return;
  GW_CLEANUP(gw_free_ptr) char *reason = NULL;
  struct gw_snapshot *snapshot = gw_snapshot_cache_of(trace->options.cache, gw_str_from(node->cluster));
  enum gw_node_state state = gw_node_state_of(node, snapshot, &reason);
  if (state == GW_NODE_STALE) return;
  open->deliveries[i].is_done = true;
  write_delivery(trace, &open->deliveries[i], node->kind, state == GW_NODE_REFUSED ? reason : NULL);
  if (--open->waiting == 0) close_change(trace, NULL);
}

static void wait_for_nodes(struct gw_change_trace *trace) {
  struct open_change *open = &trace->open;
  const struct gw_node_table *nodes = trace->options.nodes;
  open->deliveries = gw_calloc(nodes->count + 1u, sizeof(*open->deliveries));
  open->count = 0;
  GW_LIST_FOR_EACH(link, &nodes->nodes) {
    const struct gw_node *node = GW_LIST_ITEM(link, struct gw_node, link);
    if (node->xds_streams == 0) continue;
    open->deliveries[open->count++] = (struct delivery){.node = node, .id = gw_strdup(node->id), .cluster = gw_strdup(node->cluster)};
  }
  open->waiting = open->count;
  gw_timer_start(trace->options.loop, &trace->bound, GW_CHANGE_TRACE_MS);
  if (open->count == 0) close_change(trace, NULL);
  /* Who has nothing to get has it already. */
  GW_LIST_FOR_EACH(link, &nodes->nodes)
  on_node(trace, GW_LIST_ITEM(link, struct gw_node, link));
}

void gw_change_trace_add(struct gw_change_trace *trace, const struct gw_change *change) {
  if (!trace->has_options) return;
  close_change(trace, "another change came");
  struct open_change *open = &trace->open;
  const struct gw_snapshot *everything = gw_snapshot_cache_everything(trace->options.cache);
  open->change = *change;
  gw_trace_new_id(&trace->random, open->trace_id);
  gw_trace_new_span_id(&trace->random, open->span_id);
  if (everything != NULL) memcpy(open->version, everything->version, sizeof(open->version));
  uint64_t policy_us = change->translated_us > 0 ? change->translated_us : change->ended_us;
  write_step(trace, "read and check", change->started_us, policy_us, change->translated_us > 0 ? NULL : change->mistake);
  if (change->translated_us > 0) write_step(trace, "make snapshot", change->translated_us, change->ended_us, change->mistake);
  if (change->mistake != NULL)
    write_root(trace, change->ended_us);
  else
    wait_for_nodes(trace);
}

/* ---- where to ---- */

static void on_batch(void *arg, struct gw_mail *mail) {
  struct gw_change_trace *trace = arg;
  struct gw_span_batch *batch = GW_CONTAINER_OF(mail, struct gw_span_batch, mail);
  if (trace->exporter != NULL)
    gw_otlp_exporter_add(trace->exporter, batch);
  else
    gw_span_batch_free(batch, &trace->budget);
}

static void on_finished(void *arg) {
  struct gw_change_trace *trace = arg;
  trace->finishing--;
}

static void finish_exporter(struct gw_change_trace *trace, uint64_t bound_ms) {
  struct gw_otlp_exporter *exporter = trace->exporter;
  trace->exporter = NULL;
  if (exporter == NULL) return;
  trace->finishing++;
  gw_otlp_exporter_finish(exporter, bound_ms, on_finished, trace);
}

static void make_exporter(struct gw_change_trace *trace) {
  if (!trace->has_options || trace->exporter != NULL) return;
  if (trace->export_options.protocol == GW_OTLP_GRPC && trace->rpc == NULL) return;
  if (trace->resolver == NULL) trace->resolver = gw_resolver_new(trace->options.loop, 1);
  struct gw_otlp_runtime runtime = {.loop = trace->options.loop,
                                    .rpc = trace->rpc,
                                    .resolver = trace->resolver,
                                    .log = trace->options.log,
                                    .budget = &trace->budget,
                                    .counts = &trace->counts};
  struct gw_errors errors;
  gw_errors_init(&errors);
  trace->exporter = gw_otlp_exporter_new(&runtime, &trace->export_options, "OTEL_EXPORTER_OTLP_CERTIFICATE", &errors);
  if (trace->exporter == NULL) {
    GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format_line(&errors);
    GW_LOG_WARNING(trace->options.log, "changes are not traced: %s", text);
  }
  gw_errors_done(&errors);
}

void gw_change_trace_set_rpc(struct gw_change_trace *trace, struct gw_rpc *rpc) {
  trace->rpc = rpc;
  make_exporter(trace);
}

/* GW_ERR_NOT_FOUND: it can't be read, which was told. */
static enum gw_err read_ca(struct gw_change_trace *trace, const char *path) {
  struct gw_errors errors;
  struct gw_str text;
  gw_errors_init(&errors);
  enum gw_err err = gw_policy_read_file(path, &errors, &text);
  if (err == GW_OK) {
    struct gw_otlp_tls *tls = gw_arena_calloc(&trace->arena, 1, sizeof(*tls));
    tls->ca = gw_arena_copy(&trace->arena, text);
    trace->export_options.tls = tls;
    free((char *)(uintptr_t)text.data);
  } else {
    GW_LOG_WARNING(trace->options.log, "changes are not traced: %s cannot be read", path);
  }
  gw_errors_done(&errors);
  return err;
}

void gw_change_trace_follow(struct gw_change_trace *trace, const struct gw_settings *settings) {
  char host[HOST_NAME_MAX + 1] = "";
  gethostname(host, sizeof(host) - 1);
  finish_exporter(trace, FINISH_MS);
  gw_arena_wipe(&trace->arena);
  gw_arena_reset(&trace->arena);
  trace->has_options = gw_tracing_is_on(settings);
  if (!trace->has_options) return;
  const char *ca_file;
  struct gw_str instance = gw_arena_copy(&trace->arena, gw_str_from(host));
  trace->export_options = gw_tracing_export_options(settings, &trace->arena, instance, &ca_file);
  if (ca_file != NULL) trace->has_options = read_ca(trace, ca_file) == GW_OK;
  make_exporter(trace);
}

void gw_change_trace_write_metrics(const struct gw_change_trace *trace, struct gw_metrics_writer *writer) {
  gw_otlp_counts_write(&trace->counts, atomic_load_explicit(&trace->budget.dropped_total, memory_order_relaxed),
                       "gateway_controlplane_trace_spans_total", writer);
}

/* ---- life ---- */

struct gw_change_trace *gw_change_trace_new(const struct gw_change_trace_options *options) {
  struct gw_change_trace *trace = gw_calloc(1, sizeof(*trace));
  trace->options = *options;
  trace->mailbox = gw_mailbox_new(options->loop, on_batch, trace);
  gw_span_budget_init(&trace->budget, GW_SPAN_BUDGET_BYTES);
  trace->sink = gw_span_sink_new(options->loop, trace->mailbox, &trace->budget);
  gw_arena_init(&trace->arena, 1024);
  gw_random_init(&trace->random, 0);
  gw_strbuf_init(&trace->text);
  gw_timer_init(&trace->bound, on_bound);
  gw_node_table_watch(options->nodes, on_node, trace);
  return trace;
}

void gw_change_trace_free(struct gw_change_trace *trace) {
  if (trace == NULL) return;
  gw_node_table_watch(trace->options.nodes, NULL, NULL);
  close_change(trace, "the control plane ended");
  trace->has_options = false; /* the loop runs on: no further change */
  gw_span_sink_free(trace->sink);
  gw_mailbox_free(trace->mailbox);
  finish_exporter(trace, END_MS);
  while (trace->finishing > 0)
    gw_loop_run_once(trace->options.loop, END_MS);
  gw_resolver_free(trace->resolver);
  gw_arena_wipe(&trace->arena);
  gw_arena_done(&trace->arena);
  gw_strbuf_done(&trace->text);
  free(trace);
}
