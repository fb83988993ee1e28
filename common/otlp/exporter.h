/* Why: brings spans to one collector by OTLP, over gRPC or HTTP: one request at a time, tried again as OTLP says, bounded by the budget.
 * Life: gw_otlp_exporter_new … gw_otlp_exporter_finish, after which it sends what it holds and frees itself; or gw_otlp_exporter_free.
 * Thread: the loop's own. */
#ifndef GW_COMMON_OTLP_EXPORTER_H
#define GW_COMMON_OTLP_EXPORTER_H

#include "common/net/resolver.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "common/otlp/span_sink.h"
#include "common/rpc/rpc.h"

enum gw_otlp_protocol { GW_OTLP_GRPC, GW_OTLP_HTTP };

struct gw_otlp_pair {
  struct gw_str key;
  struct gw_str value;
};

struct gw_otlp_tls {
  struct gw_str ca;   /* PEM */
  struct gw_str cert; /* PEM, with `key`; empty: none is shown */
  struct gw_str key;
  struct gw_str host; /* that the server's certificate must be for; empty: the target's */
};

/* Copied. */
struct gw_otlp_options {
  enum gw_otlp_protocol protocol;
  const struct gw_str *targets; /* "HOST:PORT", at least one: the next is tried when one fails */
  uint32_t target_count;
  const struct gw_otlp_tls *tls;      /* NULL: plaintext */
  struct gw_str authority;            /* Host of HTTP; empty: the target */
  struct gw_str path;                 /* of HTTP */
  const struct gw_otlp_pair *headers; /* of each request; secret */
  uint32_t header_count;
  const struct gw_otlp_pair *resource; /* attributes: service.name, … */
  uint32_t resource_count;
  uint64_t timeout_ms; /* of one request */
};

struct gw_otlp_counts {
  uint64_t sent_total;   /* spans that a collector has taken */
  uint64_t failed_total; /* that it refused, or that were given up */
};

/* NAME{result="sent|failed|dropped"}: what became of spans. */
void gw_otlp_counts_write(const struct gw_otlp_counts *counts, uint64_t dropped_total, const char *name, struct gw_metrics_writer *writer);

/* What exporters of a process share. */
struct gw_otlp_runtime {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_resolver *resolver;
  struct gw_log *log;
  struct gw_span_budget *budget;
  struct gw_otlp_counts *counts;
};

struct gw_otlp_exporter;
/* NULL: TLS can't be made of what was given; `errors` says why. */
struct gw_otlp_exporter *gw_otlp_exporter_new(const struct gw_otlp_runtime *runtime, const struct gw_otlp_options *options,
                                              const char *place, struct gw_errors *errors);
/* Takes the batch over. */
void gw_otlp_exporter_add(struct gw_otlp_exporter *exporter, struct gw_span_batch *batch);
/* Nothing is added any more. `on_done` (may be NULL): all was sent or given up, within `bound_ms`; the exporter is gone. */
typedef void (*gw_otlp_done_fn)(void *arg);
void gw_otlp_exporter_finish(struct gw_otlp_exporter *exporter, uint64_t bound_ms, gw_otlp_done_fn on_done, void *arg);
/* At once, with all that it holds. */
void gw_otlp_exporter_free(struct gw_otlp_exporter *exporter);

#endif
