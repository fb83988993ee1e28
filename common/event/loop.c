#include "common/event/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/event/event_memory.h"
#include "common/event/loop_internal.h"

struct gw_io {
  struct event event;
  struct gw_loop *loop;
  gw_io_fn fn;
  void *arg;
  unsigned interest;
};

struct gw_signal {
  struct event event;
  struct gw_loop *loop;
  gw_signal_fn fn;
  void *arg;
};

static void on_alarm(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  struct gw_loop *loop = arg;
  loop->armed_ms = UINT64_MAX;
}

/* The wait is over, and that is all that a stop wants. */
static void on_stop(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what, (void)arg;
}

static struct event_base *new_base(void) {
  struct event_config *config = event_config_new();
  if (config == NULL) GW_PANIC("out of memory");
  /* Each base belongs to one thread; what other threads want comes through eventfds. The clock is ours, too. */
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NO_CACHE_TIME);
  struct event_base *base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == NULL) GW_PANIC("no event loop: %s", strerror(errno));
  return base;
}

struct gw_loop *gw_loop_new(void) {
  gw_event_memory_use();
  struct gw_loop *loop = gw_malloc(sizeof(*loop));
  memset(loop, 0, offsetof(struct gw_loop, scratch)); /* the scratch buffer takes no memory until it is used */
  loop->base = new_base();
  gw_list_init(&loop->after_callback);
  gw_list_init(&loop->turn_end);
  gw_list_init(&loop->leisure);
  gw_timer_wheel_init(&loop->wheel, gw_clock_monotonic_us() / 1000);
  /* libevent's own timers read the coarse clock, which is up to 4 ms late, or cost a system call a turn. */
  loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (loop->alarm_fd < 0) GW_PANIC("no timer: %s", strerror(errno));
  loop->armed_ms = UINT64_MAX;
  loop->stop_fd = gw_loop_new_counter();
  gw_loop_watch_counter(loop, &loop->alarm_event, loop->alarm_fd, on_alarm, loop);
  gw_loop_watch_counter(loop, &loop->stop_event, loop->stop_fd, on_stop, loop);
  return loop;
}

static void run_turn_end(struct gw_loop *loop);
static void run_leisure(struct gw_loop *loop);
static void free_spent(struct gw_loop *loop);

void gw_loop_free(struct gw_loop *loop) {
  if (loop == NULL) return;
  /* Deferred frees are still to be done. */
  gw_loop_leave_callback(loop);
  run_turn_end(loop);
  while (!gw_list_is_empty(&loop->leisure))
    run_leisure(loop);
  free_spent(loop);
  free(loop->spent);
  event_del(&loop->alarm_event);
  event_del(&loop->stop_event);
  event_base_free(loop->base);
  if (loop->annex != NULL) loop->annex_free_fn(loop->annex);
  close(loop->alarm_fd);
  close(loop->stop_fd);
  free(loop);
}

void gw_loop_watch_counter(struct gw_loop *loop, struct event *event, int fd, event_callback_fn fn, void *arg) {
  if (event_assign(event, loop->base, fd, EV_READ | EV_PERSIST | EV_ET, fn, arg) != 0 || event_add(event, NULL) != 0) {
    GW_PANIC("descriptor %d cannot be watched: %s", fd, strerror(errno));
  }
}

int gw_loop_new_counter(void) {
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) GW_PANIC("no eventfd: %s", strerror(errno));
  return fd;
}

void gw_loop_raise_counter(int fd) {
  /* Runs in signal callbacks and between other people's system calls: errno stays theirs. */
  int before = errno;
  while (eventfd_write(fd, 1) != 0) {
    if (errno != EINTR) GW_PANIC("a loop cannot be woken: %s", strerror(errno));
  }
  errno = before;
}

void gw_loop_stop(struct gw_loop *loop) {
  atomic_store(&loop->is_stopping, true);
  gw_loop_raise_counter(loop->stop_fd);
}

/* Sets the alarm when something is due before it. An alarm that is early (its timer was stopped) is left as it is: one turn for
 * nothing costs less than a system call for each start and stop. */
static void set_alarm(struct gw_loop *loop, uint64_t at_ms) {
  if (at_ms >= loop->armed_ms) return;
  /* The kernel caps what time_t can't say; 0 would switch the alarm off. */
  struct itimerspec at = {.it_value = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000}};
  if (at_ms == 0) at.it_value.tv_nsec = 1;
  if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0) GW_PANIC("the alarm cannot be set: %s", strerror(errno));
  loop->armed_ms = at_ms;
}

static int prepare_wait(struct gw_loop *loop, uint64_t wait_ms) {
  if (wait_ms == 0 || loop->wheel.next_ms <= loop->wheel.now_ms || !gw_list_is_empty(&loop->after_callback) ||
      !gw_list_is_empty(&loop->turn_end) || !gw_list_is_empty(&loop->leisure)) {
    return EVLOOP_ONCE | EVLOOP_NONBLOCK;
  }
  uint64_t until_ms = loop->wheel.next_ms;
  if (wait_ms != UINT64_MAX) {
    uint64_t end_ms = (gw_clock_monotonic_us() + 999) / 1000 + wait_ms;
    if (end_ms < until_ms) until_ms = end_ms;
  }
  if (until_ms != UINT64_MAX) set_alarm(loop, until_ms);
  return EVLOOP_ONCE;
}

void gw_loop_run_after_callback(struct gw_loop *loop) {
  while (!gw_list_is_empty(&loop->after_callback)) {
    struct gw_task *task = GW_LIST_ITEM(loop->after_callback.next, struct gw_task, node);
    gw_list_remove(&task->node);
    task->fn(task->arg);
  }
}

static void run_turn_end(struct gw_loop *loop) {
  if (gw_list_is_empty(&loop->turn_end)) return;
  struct gw_list again; /* a task that schedules itself waits for the next turn, or this one would not end */
  gw_list_init(&again);
  loop->pass++;
  while (!gw_list_is_empty(&loop->turn_end)) {
    struct gw_task *task = GW_LIST_ITEM(loop->turn_end.next, struct gw_task, node);
    gw_list_remove(&task->node);
    if (task->pass == loop->pass) {
      gw_list_add_last(&again, &task->node);
      continue;
    }
    task->pass = loop->pass;
    gw_loop_enter_callback(loop);
    task->fn(task->arg);
    gw_loop_leave_callback(loop);
  }
  while (!gw_list_is_empty(&again)) {
    struct gw_list *node = again.next;
    gw_list_remove(node);
    gw_list_add_last(&loop->turn_end, node);
  }
}

static void free_spent(struct gw_loop *loop) {
  while (loop->spent_count > 0)
    free(loop->spent[--loop->spent_count]);
}

void gw_loop_free_at_turn_end(struct gw_loop *loop, void *memory) {
  if (loop->spent_count == loop->spent_cap) {
    loop->spent_cap = loop->spent_cap * 2 + 16;
    loop->spent = gw_realloc_array(loop->spent, loop->spent_cap, sizeof(void *));
  }
  loop->spent[loop->spent_count++] = memory;
}

/* A task that schedules itself comes behind the others, in this turn or the next. */
static void run_leisure(struct gw_loop *loop) {
  if (gw_list_is_empty(&loop->leisure)) return;
  uint64_t begin_us = gw_clock_monotonic_us();
  uint64_t busy_us = loop->now_us == 0 ? 0 : begin_us - loop->now_us;
  uint64_t until_us = begin_us + (busy_us > GW_LOOP_LEISURE_US ? busy_us : GW_LOOP_LEISURE_US);
  do {
    struct gw_task *task = GW_LIST_ITEM(loop->leisure.next, struct gw_task, node);
    gw_list_remove(&task->node);
    gw_loop_enter_callback(loop);
    task->fn(task->arg);
    gw_loop_leave_callback(loop);
  } while (!gw_list_is_empty(&loop->leisure) && gw_clock_monotonic_us() < until_us);
  run_turn_end(loop);
}

static void turn(struct gw_loop *loop, uint64_t wait_ms) {
  int flags = prepare_wait(loop, wait_ms);
  loop->is_in_turn = true;
  loop->now_us = 0;
  loop->wall_us = 0;
  loop->turn_start_us = 0;
  event_base_loop(loop->base, flags);
  gw_loop_leave_callback(loop);
  if (loop->wheel.next_ms != UINT64_MAX) gw_loop_run_timers(loop);
  run_turn_end(loop);
  run_leisure(loop);
  free_spent(loop);
  if (loop->turn_start_us != 0 && loop->turn_fn != NULL) {
    loop->turn_fn(loop->turn_arg, gw_clock_monotonic_us() - loop->turn_start_us);
  }
  loop->is_in_turn = false;
}

void gw_loop_run(struct gw_loop *loop) {
  while (!atomic_load_explicit(&loop->is_stopping, memory_order_acquire))
    turn(loop, UINT64_MAX);
  atomic_store(&loop->is_stopping, false);
}

void gw_loop_run_once(struct gw_loop *loop, uint64_t wait_ms) {
  turn(loop, wait_ms);
}

uint64_t gw_loop_now_us(struct gw_loop *loop) {
  if (!loop->is_in_turn) return gw_clock_monotonic_us();
  if (loop->now_us == 0) loop->now_us = gw_clock_monotonic_us();
  return loop->now_us;
}

uint64_t gw_loop_wall_us(struct gw_loop *loop) {
  if (!loop->is_in_turn) return gw_clock_wall_us();
  if (loop->wall_us == 0) loop->wall_us = gw_clock_wall_us();
  return loop->wall_us;
}

char *gw_loop_scratch(struct gw_loop *loop) {
  return loop->scratch;
}

void *gw_loop_annex(const struct gw_loop *loop) {
  return loop->annex;
}

void gw_loop_set_annex(struct gw_loop *loop, void *annex, void (*free_fn)(void *annex)) {
  GW_ASSERT(loop->annex == NULL);
  loop->annex = annex;
  loop->annex_free_fn = free_fn;
}

void gw_loop_set_turn_observer(struct gw_loop *loop, gw_loop_turn_fn fn, void *arg) {
  loop->turn_fn = fn;
  loop->turn_arg = arg;
}

void gw_loop_after_callback(struct gw_loop *loop, struct gw_task *task) {
  if (!gw_list_is_linked(&task->node)) gw_list_add_last(&loop->after_callback, &task->node);
}

void gw_loop_at_leisure(struct gw_loop *loop, struct gw_task *task) {
  if (!gw_list_is_linked(&task->node)) gw_list_add_last(&loop->leisure, &task->node);
}

void gw_loop_at_turn_end(struct gw_loop *loop, struct gw_task *task) {
  if (!gw_list_is_linked(&task->node)) gw_list_add_last(&loop->turn_end, &task->node);
}

static void on_io(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  struct gw_io *io = arg;
  struct gw_loop *loop = io->loop; /* fn may free io */
  gw_loop_enter_callback(loop);
  io->fn(io->arg, ((what & EV_READ) != 0 ? GW_IO_READ : 0) | ((what & EV_WRITE) != 0 ? GW_IO_WRITE : 0));
  gw_loop_leave_callback(loop);
}

struct gw_io *gw_io_new(struct gw_loop *loop, int fd, gw_io_fn fn, void *arg) {
  struct gw_io *io = gw_malloc(sizeof(*io));
  *io = (struct gw_io){.loop = loop, .fn = fn, .arg = arg};
  if (event_assign(&io->event, loop->base, fd, EV_PERSIST, on_io, io) != 0) GW_PANIC("descriptor %d cannot be watched", fd);
  return io;
}

void gw_io_free(struct gw_io *io) {
  if (io == NULL) return;
  gw_io_set(io, 0);
  free(io);
}

void gw_io_set(struct gw_io *io, unsigned interest) {
  if (interest == io->interest) return;
  if (io->interest != 0) event_del(&io->event);
  io->interest = interest;
  if (interest == 0) return;
  short what = (short)(EV_PERSIST | ((interest & GW_IO_READ) != 0 ? EV_READ : 0) | ((interest & GW_IO_WRITE) != 0 ? EV_WRITE : 0));
  if (event_assign(&io->event, io->loop->base, event_get_fd(&io->event), what, on_io, io) != 0 || event_add(&io->event, NULL) != 0) {
    GW_PANIC("descriptor %d cannot be watched: %s", (int)event_get_fd(&io->event), strerror(errno));
  }
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg) {
  (void)what;
  struct gw_signal *signal = arg;
  struct gw_loop *loop = signal->loop;
  gw_loop_enter_callback(loop);
  signal->fn(signal->arg, (int)signal_number);
  gw_loop_leave_callback(loop);
}

struct gw_signal *gw_signal_new(struct gw_loop *loop, int signal_number, gw_signal_fn fn, void *arg) {
  struct gw_signal *signal = gw_malloc(sizeof(*signal));
  *signal = (struct gw_signal){.loop = loop, .fn = fn, .arg = arg};
  if (event_assign(&signal->event, loop->base, signal_number, EV_SIGNAL | EV_PERSIST, on_signal, signal) != 0 ||
      event_add(&signal->event, NULL) != 0) {
    GW_PANIC("signal %d cannot be taken: %s", signal_number, strerror(errno));
  }
  return signal;
}

void gw_signal_free(struct gw_signal *signal) {
  if (signal == NULL) return;
  event_del(&signal->event);
  free(signal);
}
