/* Why: which requests are traced: a share, a number a second, all or none; and whether the caller's word goes before that.
 * Life: embedded; gw_sampler_init. No end.
 * Thread: any, at the same time: a rate is kept in one atomic, for all workers. */
#ifndef GW_COMMON_OBSERVE_SAMPLER_H
#define GW_COMMON_OBSERVE_SAMPLER_H

#include <stdatomic.h>

#include "common/observe/trace.h"

struct gw_sampler {
  bool heeds_parent;          /* parentbased_…: the rest is for traces that begin here */
  uint64_t bound;             /* of 63 bits of the trace's id, as OpenTelemetry's TraceIdRatioBased has it; beyond them: all */
  uint64_t interval_us;       /* between two traces; 0: no rate */
  uint64_t burst_us;          /* that may be saved up */
  atomic_uint_least64_t next; /* when, in µs, the next one is due */
};

/* `ratio` from 0 (none) to 1 (all); `per_s` > 0: so many traces a second instead, and as many at once as in one second (at least one). */
void gw_sampler_init(struct gw_sampler *sampler, bool heeds_parent, double ratio, double per_s);
/* `context`: with the trace's id, and what the caller has decided (UNDECIDED: there is none, or it has not). */
bool gw_sampler_decide(struct gw_sampler *sampler, const struct gw_trace_context *context, uint64_t now_us);

#endif
