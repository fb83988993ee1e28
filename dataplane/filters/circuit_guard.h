/* Why: asks a service's circuit breaker whether an attempt may be made, tells it what came of it, and says so to logs and counters.
 * Life: embedded beside the attempt; zero: there is none. From gw_circuit_guard_enter until one of the others has let go.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_CIRCUIT_GUARD_H
#define GW_DATAPLANE_FILTERS_CIRCUIT_GUARD_H

#include "dataplane/cluster/circuit_breaker.h"
#include "dataplane/pipeline/stream.h"

struct gw_circuit_guard {
  struct gw_circuit_breaker *breaker; /* one reference; NULL: none, or told all */
  struct gw_circuit_pass pass;
  bool was_success; /* told; a failure may follow yet */
};

/* true: the attempt may be made. false: the stream has been answered. */
bool gw_circuit_guard_enter(struct gw_circuit_guard *guard, struct gw_stream *stream);

void gw_circuit_guard_tell_head(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_response_head *head);
void gw_circuit_guard_tell_end(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_headers *trailers);
void gw_circuit_guard_tell_failure(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_failure *failure);
/* The attempt was given up for what stands in stream->flags: a time limit, the client, an answer of our own. */
void gw_circuit_guard_tell_cancel(struct gw_circuit_guard *guard, struct gw_stream *stream);

/* Each of these is a test of a pointer where there is no circuit breaker. */
static inline void gw_circuit_guard_on_head(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_response_head *head) {
  if (guard->breaker != NULL) gw_circuit_guard_tell_head(guard, stream, head);
}
static inline void gw_circuit_guard_on_end(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_headers *trailers) {
  if (guard->breaker != NULL) gw_circuit_guard_tell_end(guard, stream, trailers);
}
static inline void gw_circuit_guard_on_failure(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_failure *failure) {
  if (guard->breaker != NULL) gw_circuit_guard_tell_failure(guard, stream, failure);
}
static inline void gw_circuit_guard_on_cancel(struct gw_circuit_guard *guard, struct gw_stream *stream) {
  if (guard->breaker != NULL) gw_circuit_guard_tell_cancel(guard, stream);
}

#endif
