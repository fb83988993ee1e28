/* Why: the timers' core, a hierarchical wheel: 6 levels of 64 slots, a tick of 1 ms. Time is an argument, so tests need no clock.
 * Life: embedded in the loop; timers are linked into it and owned by nobody here.
 * Thread: the loop's own. */
#ifndef GW_COMMON_EVENT_TIMER_WHEEL_H
#define GW_COMMON_EVENT_TIMER_WHEEL_H

#include <stdint.h>

#include "common/event/timer.h"

#define GW_TIMER_WHEEL_LEVELS 6
#define GW_TIMER_WHEEL_SLOTS 64

struct gw_timer_wheel {
  uint64_t now_ms;
  uint64_t next_ms;                         /* nothing is to be done before; may be early, since a stopped timer leaves it as it is */
  uint64_t occupied[GW_TIMER_WHEEL_LEVELS]; /* a bit a slot; may be set for a slot that has become empty */
  struct gw_list due;                       /* expired when they were added */
  struct gw_list far;                       /* beyond the last level */
  struct gw_list slots[GW_TIMER_WHEEL_LEVELS][GW_TIMER_WHEEL_SLOTS];
};

void gw_timer_wheel_init(struct gw_timer_wheel *wheel, uint64_t now_ms);
/* Links an idle timer by its expires_ms. */
void gw_timer_wheel_add(struct gw_timer_wheel *wheel, struct gw_timer *timer, uint64_t now_ms);
/* Moves all timers with expires_ms <= now_ms to the end of ret_due. */
void gw_timer_wheel_advance(struct gw_timer_wheel *wheel, uint64_t now_ms, struct gw_list *ret_due);

#endif
