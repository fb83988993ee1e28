/* Why: timers for every connection and stream: 40 bytes each, O(1) to start and stop (a hierarchical wheel, 1 ms ticks).
 * Life: embedded in the owner; a zeroed timer after gw_timer_init is idle; stop before the owner goes.
 * Thread: the loop's own. */
#ifndef GW_COMMON_EVENT_TIMER_H
#define GW_COMMON_EVENT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/event/loop.h"

struct gw_timer;
typedef void (*gw_timer_fn)(struct gw_timer *timer);

struct gw_timer {
  struct gw_list node;
  uint64_t expires_ms; /* on gw_loop_now_ms's clock */
  gw_timer_fn fn;      /* find the owner with GW_CONTAINER_OF */
};

static inline void gw_timer_init(struct gw_timer *timer, gw_timer_fn fn) {
  *timer = (struct gw_timer){.fn = fn};
}
/* Fires once, not before `after_ms` from now and at most a tick and a turn later. Restarts a running timer. */
void gw_timer_start(struct gw_loop *loop, struct gw_timer *timer, uint64_t after_ms);
/* Harmless on an idle timer. */
void gw_timer_stop(struct gw_timer *timer);
static inline bool gw_timer_is_running(const struct gw_timer *timer) {
  return gw_list_is_linked(&timer->node);
}

#endif
