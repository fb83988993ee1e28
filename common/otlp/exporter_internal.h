/* Why: what exporter.c and its two ways to a collector say to each other.
 * Life: a way is made and freed by its exporter; one request at a time.
 * Thread: the loop's own. */
#ifndef GW_COMMON_OTLP_EXPORTER_INTERNAL_H
#define GW_COMMON_OTLP_EXPORTER_INTERNAL_H

#include "common/base/arena.h"
#include "common/otlp/exporter.h"

#define OTLP_PARTS_MAX 17u /* of a request: what stands before spans, and as many batches */

enum otlp_outcome {
  OTLP_TAKEN,
  OTLP_RETRY,   /* nobody there, or too busy */
  OTLP_REFUSED, /* asking again won't help */
};

struct otlp_answer {
  enum otlp_outcome outcome;
  uint64_t rejected; /* spans, of TAKEN */
  uint64_t wait_ms;  /* that the collector asks for, before RETRY; 0: it does not say */
  struct gw_str reason;
};

/* What an answer's message says; false: it is none. */
bool otlp_answer_parse(struct gw_str message, struct otlp_answer *ret_answer);
/* Once for each request; the next one comes after the callback. */
void otlp_exporter_on_answer(struct gw_otlp_exporter *exporter, const struct otlp_answer *answer);

/* A way to a collector. Options and runtime outlive it. */
struct otlp_way {
  void *(*new)(struct gw_otlp_exporter *exporter, const struct gw_otlp_runtime *runtime, const struct gw_otlp_options *options,
               const char *place, struct gw_errors *errors);
  void (*free)(void *way);
  /* To that one of the targets. The parts stay there until the answer. */
  void (*send)(void *way, uint32_t target, struct gw_bytes *const *parts, size_t part_count);
};
extern const struct otlp_way otlp_grpc;
extern const struct otlp_way otlp_http;

#endif
