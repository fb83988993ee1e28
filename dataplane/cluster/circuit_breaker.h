/* Why: the circuit breaker of one service: one truth for all workers, without a lock. A state machine and nothing else: the clock is
 * passed in, and who calls logs and counts.
 * Life: ref-counted; carried from one configuration to the next while its settings stay.
 * Thread: any. */
#ifndef GW_DATAPLANE_CLUSTER_CIRCUIT_BREAKER_H
#define GW_DATAPLANE_CLUSTER_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/circuit_breaker.h"

struct gw_circuit_breaker;

enum gw_circuit_state { GW_CIRCUIT_CLOSED, GW_CIRCUIT_OPEN, GW_CIRCUIT_HALF_OPEN };
/* "closed", "open", "half_open". */
const char *gw_circuit_state_name(enum gw_circuit_state state);

/* A request that was let through. What it comes to counts only as long as the breaker has not changed its state. */
struct gw_circuit_pass {
  uint32_t generation;
};

enum gw_circuit_outcome {
  GW_CIRCUIT_SUCCESS,
  GW_CIRCUIT_FAILURE,
  GW_CIRCUIT_LATE_FAILURE, /* of what was told to be a success */
  GW_CIRCUIT_NO_MATTER,    /* says nothing of the service: the client left, a limit of ours */
};

/* What a call changed, once for all workers: only the one that did it is told. */
struct gw_circuit_change {
  bool has_changed;
  enum gw_circuit_state state; /* the new one */
  uint32_t requests;           /* with OPEN that was CLOSED: those of the window, and how many of them failed */
  uint32_t failures;
};

/* `settings` is copied. */
struct gw_circuit_breaker *gw_circuit_breaker_new(const struct gw_circuit_breaking *settings);
struct gw_circuit_breaker *gw_circuit_breaker_ref(struct gw_circuit_breaker *breaker);
void gw_circuit_breaker_unref(struct gw_circuit_breaker *breaker);
const struct gw_circuit_breaking *gw_circuit_breaker_settings(const struct gw_circuit_breaker *breaker);

/* May a request go to the service? true: tell what it came to with gw_circuit_breaker_leave. false: *ret_wait_ms says when the next may;
 * 0: when the probes that are out have come back. Times: any clock that does not go back, the same in all calls. */
bool gw_circuit_breaker_enter(struct gw_circuit_breaker *breaker, uint64_t now_ms, struct gw_circuit_pass *ret_pass, uint64_t *ret_wait_ms,
                              struct gw_circuit_change *ret_change);
/* Once for each pass, but that a LATE_FAILURE may follow a SUCCESS. */
void gw_circuit_breaker_leave(struct gw_circuit_breaker *breaker, struct gw_circuit_pass pass, enum gw_circuit_outcome outcome,
                              uint64_t now_ms, struct gw_circuit_change *ret_change);

enum gw_circuit_state gw_circuit_breaker_state(const struct gw_circuit_breaker *breaker);
/* For people. */
struct gw_circuit_status {
  enum gw_circuit_state state;
  uint64_t open_left_ms; /* OPEN: until probes may go; 0: the next request is one */
  uint32_t requests;     /* CLOSED: of the window */
  uint32_t failures;
  uint32_t probes; /* HALF_OPEN: out now */
  uint32_t successes;
};
void gw_circuit_breaker_get_status(const struct gw_circuit_breaker *breaker, uint64_t now_ms, struct gw_circuit_status *ret_status);

#endif
