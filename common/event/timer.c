#include "common/event/timer.h"

#include "common/event/loop_internal.h"

void gw_timer_start(struct gw_loop *loop, struct gw_timer *timer, uint64_t after_ms) {
  gw_timer_stop(timer);
  uint64_t now_us = gw_loop_now_us(loop);
  /* Rounded up: a tick that has begun already does not count. */
  if (__builtin_add_overflow((now_us + 999) / 1000, after_ms, &timer->expires_ms)) timer->expires_ms = UINT64_MAX;
  gw_timer_wheel_add(&loop->wheel, timer, now_us / 1000);
}

void gw_timer_stop(struct gw_timer *timer) {
  gw_list_remove(&timer->node);
}

void gw_loop_run_timers(struct gw_loop *loop) {
  struct gw_list due;
  gw_list_init(&due);
  gw_timer_wheel_advance(&loop->wheel, gw_loop_now_ms(loop), &due);
  /* What these callbacks start, even with 0 ms, is for the next turn; what they stop leaves this list. */
  while (!gw_list_is_empty(&due)) {
    struct gw_timer *timer = GW_LIST_ITEM(due.next, struct gw_timer, node);
    gw_list_remove(&timer->node);
    gw_loop_enter_callback(loop);
    timer->fn(timer);
    gw_loop_leave_callback(loop);
  }
}
