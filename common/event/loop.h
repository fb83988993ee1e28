/* Why: one event loop a thread on libevent: descriptors, signals, and work that waits for the end of a callback or a turn.
 * Life: gw_loop_new … gw_loop_free, after everything that was made on it. A gw_io lives until gw_io_free.
 * Thread: the loop's own, except gw_loop_stop, which any thread (and a signal callback) may call. */
#ifndef GW_COMMON_EVENT_LOOP_H
#define GW_COMMON_EVENT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/list.h"

struct gw_loop;
struct gw_io;
struct gw_signal;

struct gw_loop *gw_loop_new(void);
void gw_loop_free(struct gw_loop *loop);
/* Turns until gw_loop_stop: wait, callbacks, expired timers, tasks of the turn's end. */
void gw_loop_run(struct gw_loop *loop);
void gw_loop_stop(struct gw_loop *loop);
/* One turn that waits at most `wait_ms` (0: only what is ready now): for tests and shutdown. */
void gw_loop_run_once(struct gw_loop *loop, uint64_t wait_ms);
/* Monotonic microseconds, read once a turn. */
uint64_t gw_loop_now_us(struct gw_loop *loop);
static inline uint64_t gw_loop_now_ms(struct gw_loop *loop) {
  return gw_loop_now_us(loop) / 1000;
}
/* Wall-clock microseconds, read once a turn. */
uint64_t gw_loop_wall_us(struct gw_loop *loop);

/* One buffer of GW_LOOP_SCRATCH_SIZE bytes (64 KiB of body and their head in one read) that every callback may read into; what is in it is
 * gone when the callback returns. */
#define GW_LOOP_SCRATCH_SIZE ((size_t)72 * 1024)
char *gw_loop_scratch(struct gw_loop *loop);

/* One thing of another folder that lives as long as the loop: common/net keeps TLS's buffers here, one set a thread instead of one a
 * connection. NULL until it was set, once; free_fn runs when the loop is freed. */
void *gw_loop_annex(const struct gw_loop *loop);
void gw_loop_set_annex(struct gw_loop *loop, void *annex, void (*free_fn)(void *annex));

/* How busy the loop was: told after each turn that ran callbacks. busy_us: from the end of the wait to the end of the turn, which
 * is how late an event of this turn can have been served. */
typedef void (*gw_loop_turn_fn)(void *arg, uint64_t busy_us);
void gw_loop_set_turn_observer(struct gw_loop *loop, gw_loop_turn_fn fn, void *arg);

/* Work to run once; embedded in its owner. Scheduling twice is once. */
typedef void (*gw_task_fn)(void *arg);
struct gw_task {
  struct gw_list node;
  gw_task_fn fn;
  void *arg;
  uint64_t pass; /* the loop's own */
};
static inline void gw_task_init(struct gw_task *task, gw_task_fn fn, void *arg) {
  *task = (struct gw_task){.fn = fn, .arg = arg};
}
/* As soon as the callback that runs now has returned: the scratch buffer is still as that callback left it, so output that borrows
 * from it is flushed here in one send. Outside a callback: at the next turn. */
void gw_loop_after_callback(struct gw_loop *loop, struct gw_task *task);
/* When all callbacks of this turn have run (tasks scheduled from such a task run in the same pass, once each). Objects that
 * callbacks still on the stack may touch are freed here. */
void gw_loop_at_turn_end(struct gw_loop *loop, struct gw_task *task);
/* What can wait for who is quick to serve: runs in callbacks of its own, one after the other, when all else of a turn is done, and for as
 * long as that took (GW_LOOP_LEISURE_US at least), so that neither starves the other; what is left goes on in the next turn. */
#define GW_LOOP_LEISURE_US 100u
void gw_loop_at_leisure(struct gw_loop *loop, struct gw_task *task);
/* free()s memory when all callbacks of this turn have run: what was lent to them. */
void gw_loop_free_at_turn_end(struct gw_loop *loop, void *memory);
static inline void gw_task_cancel(struct gw_task *task) {
  gw_list_remove(&task->node);
}

#define GW_IO_READ 1u
#define GW_IO_WRITE 2u
/* `ready`: what is possible, of GW_IO_READ and GW_IO_WRITE; an error or hang-up shows as what was asked for. */
typedef void (*gw_io_fn)(void *arg, unsigned ready);

/* Watches fd (level-triggered, persistent). The fd stays the caller's: free the gw_io before closing it. Starts with no interest. */
struct gw_io *gw_io_new(struct gw_loop *loop, int fd, gw_io_fn fn, void *arg);
/* Allowed inside its own callback. */
void gw_io_free(struct gw_io *io);
/* The interest, of GW_IO_READ and GW_IO_WRITE; 0 is none. Cheap when nothing changes. */
void gw_io_set(struct gw_io *io, unsigned interest);

typedef void (*gw_signal_fn)(void *arg, int signal_number);
/* One loop of the process takes signals. */
struct gw_signal *gw_signal_new(struct gw_loop *loop, int signal_number, gw_signal_fn fn, void *arg);
void gw_signal_free(struct gw_signal *signal);

#endif
