/* Why: what the files of this folder share: the loop's struct and how a callback is entered and left.
 * Life: see loop.h.
 * Thread: the loop's own. */
#ifndef GW_COMMON_EVENT_LOOP_INTERNAL_H
#define GW_COMMON_EVENT_LOOP_INTERNAL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

#include "common/event/loop.h"
#include "common/event/timer_wheel.h"

struct gw_loop {
  struct event_base *base;
  uint64_t now_us;        /* 0: not read in this turn */
  uint64_t wall_us;       /* 0: not read in this turn */
  uint64_t turn_start_us; /* 0: no callback has run in this turn, or nobody asks */
  uint64_t pass;          /* counts the runs of turn_end */
  bool is_in_turn;
  atomic_bool is_stopping;
  struct gw_list after_callback;
  struct gw_list turn_end;
  struct gw_list leisure;
  void **spent; /* freed at the turn's end */
  size_t spent_count;
  size_t spent_cap;
  gw_loop_turn_fn turn_fn;
  void *turn_arg;
  struct gw_inotify *inotify; /* file_watch.c's; NULL: nothing is watched */
  void *annex;
  void (*annex_free_fn)(void *annex);
  uint64_t armed_ms; /* when alarm_fd ends the wait; UINT64_MAX: never */
  int alarm_fd;
  int stop_fd;
  struct event alarm_event;
  struct event stop_event;
  struct gw_timer_wheel wheel;
  char scratch[GW_LOOP_SCRATCH_SIZE];
};

/* Around every callback into other folders. */
static inline void gw_loop_enter_callback(struct gw_loop *loop) {
  if (loop->turn_fn != NULL && loop->turn_start_us == 0) loop->turn_start_us = gw_loop_now_us(loop);
}
void gw_loop_run_after_callback(struct gw_loop *loop);
static inline void gw_loop_leave_callback(struct gw_loop *loop) {
  if (!gw_list_is_empty(&loop->after_callback)) gw_loop_run_after_callback(loop);
}

/* Calls fn each time that fd's counter (eventfd, timerfd) goes up. Edge-triggered, so that it need never be read. */
void gw_loop_watch_counter(struct gw_loop *loop, struct event *event, int fd, event_callback_fn fn, void *arg);
/* A new eventfd; aborts when the process has no descriptor left, since without it threads can't talk. */
int gw_loop_new_counter(void);
/* Any thread. */
void gw_loop_raise_counter(int fd);

/* Runs the expired timers. */
void gw_loop_run_timers(struct gw_loop *loop);

#endif
