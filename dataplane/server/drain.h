/* Why: the end without a lost request: not ready, a while later nothing accepted any more, then every connection at its next pause.
 * Life: embedded (init/done).
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_DRAIN_H
#define GW_DATAPLANE_SERVER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/event/loop.h"
#include "common/event/timer.h"

struct gw_drain_calls {
  void (*on_begin)(void *arg);                     /* /ready fails from here on */
  void (*on_close)(void *arg, uint64_t spread_ms); /* accept nothing more; close what is open, idle ones over spread_ms */
  void (*on_end)(void *arg, bool is_complete);     /* all is closed, or the time is over */
  void *arg;
};

struct gw_drain {
  struct gw_loop *loop;
  struct gw_drain_calls calls;
  uint64_t delay_ms;
  uint64_t time_ms;
  uint32_t worker_count;
  uint32_t drained_count;
  struct gw_timer timer;
  enum { GW_DRAIN_NOT, GW_DRAIN_DELAYED, GW_DRAIN_CLOSING, GW_DRAIN_ENDED } phase;
};

void gw_drain_init(struct gw_drain *drain, struct gw_loop *loop, uint64_t delay_ms, uint64_t time_ms, uint32_t worker_count,
                   const struct gw_drain_calls *calls);
void gw_drain_done(struct gw_drain *drain);
/* Once; again is harmless. */
void gw_drain_start(struct gw_drain *drain);
/* The last connection of one worker has closed. */
void gw_drain_on_drained(struct gw_drain *drain);
static inline bool gw_drain_is_on(const struct gw_drain *drain) {
  return drain->phase != GW_DRAIN_NOT;
}

#endif
