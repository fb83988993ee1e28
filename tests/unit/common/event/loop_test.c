#include "common/event/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

/* What happened, a letter an event. */
struct trace {
  char text[64];
  size_t len;
};

static void note(struct trace *trace, char c) {
  assert_true(trace->len + 1 < sizeof(trace->text));
  trace->text[trace->len++] = c;
  trace->text[trace->len] = '\0';
}

struct fixture {
  struct gw_loop *loop;
  int ends[2][2]; /* two socket pairs */
  struct gw_io *ios[2];
  struct trace trace;
  struct gw_task tasks[3];
  unsigned seen;
  uint64_t times[2];
  uint64_t busy_us;
  unsigned turns;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  if (f == NULL) return -1;
  f->loop = gw_loop_new();
  for (size_t i = 0; i < 2; i++) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->ends[i]) != 0) return -1;
  }
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < 2; i++) {
    gw_io_free(f->ios[i]);
    close(f->ends[i][0]);
    close(f->ends[i][1]);
  }
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

static void watch(struct fixture *f, size_t i, gw_io_fn fn, unsigned interest) {
  f->ios[i] = gw_io_new(f->loop, f->ends[i][0], fn, f);
  gw_io_set(f->ios[i], interest);
}

static void send_byte(struct fixture *f, size_t i) {
  assert_int_equal(write(f->ends[i][1], "x", 1), 1);
}

static void note_ready(void *arg, unsigned ready) {
  struct fixture *f = arg;
  f->seen |= ready;
  note(&f->trace, 'i');
}

static void test_io_tells_what_is_ready_of_what_was_asked(void **state) {
  struct fixture *f = *state;
  watch(f, 0, note_ready, 0);
  send_byte(f, 0);
  gw_loop_run_once(f->loop, 0);
  assert_int_equal(f->seen, 0);
  gw_io_set(f->ios[0], GW_IO_READ);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->seen, GW_IO_READ);
  gw_io_set(f->ios[0], GW_IO_READ | GW_IO_WRITE);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->seen, GW_IO_READ | GW_IO_WRITE);
  gw_io_set(f->ios[0], 0);
  size_t before = f->trace.len;
  gw_loop_run_once(f->loop, 0);
  assert_int_equal(f->trace.len, before);
}

static void test_io_of_a_closed_peer_shows_as_what_was_asked(void **state) {
  struct fixture *f = *state;
  watch(f, 0, note_ready, GW_IO_READ);
  shutdown(f->ends[0][1], SHUT_RDWR);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->seen, GW_IO_READ);
}

static void test_io_whose_descriptor_is_reused_watches_the_new_one(void **state) {
  struct fixture *f = *state;
  watch(f, 0, note_ready, GW_IO_READ);
  gw_loop_run_once(f->loop, 0);
  gw_io_free(f->ios[0]);
  /* The same number, another socket, between two turns. */
  assert_int_equal(dup2(f->ends[1][0], f->ends[0][0]), f->ends[0][0]);
  watch(f, 0, note_ready, GW_IO_READ);
  send_byte(f, 1);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->seen, GW_IO_READ);
}

static void free_all_ios(void *arg, unsigned ready) {
  struct fixture *f = arg;
  (void)ready;
  note(&f->trace, 'f');
  for (size_t i = 0; i < 2; i++) {
    gw_io_free(f->ios[i]);
    f->ios[i] = NULL;
  }
}

static void test_io_free_in_a_callback_takes_the_others_of_the_turn_along(void **state) {
  struct fixture *f = *state;
  watch(f, 0, free_all_ios, GW_IO_READ);
  watch(f, 1, free_all_ios, GW_IO_READ);
  send_byte(f, 0);
  send_byte(f, 1);
  gw_loop_run_once(f->loop, 1000);
  gw_loop_run_once(f->loop, 0);
  assert_string_equal(f->trace.text, "f");
}

static void note_a(void *arg) {
  note(&((struct fixture *)arg)->trace, 'a');
}

static void note_b(void *arg) {
  note(&((struct fixture *)arg)->trace, 'b');
}

static void schedule_a_after(void *arg) {
  struct fixture *f = arg;
  note(&f->trace, 's');
  gw_loop_after_callback(f->loop, &f->tasks[0]);
}

static void schedule_tasks(void *arg, unsigned ready) {
  struct fixture *f = arg;
  (void)ready;
  char byte;
  assert_int_equal(read(f->ends[f->trace.len != 0][0], &byte, 1), 1);
  note(&f->trace, 'i');
  gw_loop_after_callback(f->loop, &f->tasks[0]);
  gw_loop_after_callback(f->loop, &f->tasks[0]);
  gw_loop_at_turn_end(f->loop, &f->tasks[1]);
}

static void test_tasks_run_after_the_callback_and_at_the_turns_end(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], note_a, f);
  gw_task_init(&f->tasks[1], note_b, f);
  watch(f, 0, schedule_tasks, GW_IO_READ);
  watch(f, 1, schedule_tasks, GW_IO_READ);
  send_byte(f, 0);
  send_byte(f, 1);
  gw_loop_run_once(f->loop, 1000);
  assert_string_equal(f->trace.text, "iaiab");
}

static void test_task_scheduled_by_a_task_runs_in_the_same_pass(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], note_a, f);
  gw_task_init(&f->tasks[1], schedule_a_after, f);
  gw_task_init(&f->tasks[2], note_b, f);
  gw_loop_at_turn_end(f->loop, &f->tasks[1]);
  gw_loop_at_turn_end(f->loop, &f->tasks[2]);
  gw_loop_run_once(f->loop, 1000); /* no wait: there is work */
  assert_string_equal(f->trace.text, "sab");
}

static void test_task_scheduled_outside_a_callback_runs_in_the_next_turn(void **state) {
  struct fixture *f = *state;
  uint64_t before_us = gw_clock_monotonic_us();
  gw_task_init(&f->tasks[0], note_a, f);
  gw_loop_after_callback(f->loop, &f->tasks[0]);
  gw_loop_run_once(f->loop, 60000);
  assert_string_equal(f->trace.text, "a");
  assert_true(gw_clock_monotonic_us() - before_us < 30000000u);
}

static void schedule_itself(void *arg) {
  struct fixture *f = arg;
  note(&f->trace, 's');
  gw_loop_at_turn_end(f->loop, &f->tasks[0]);
}

static void test_task_that_schedules_itself_runs_once_a_turn(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], schedule_itself, f);
  gw_loop_at_turn_end(f->loop, &f->tasks[0]);
  for (int i = 0; i < 3; i++)
    gw_loop_run_once(f->loop, 60000);
  assert_string_equal(f->trace.text, "sss");
  gw_task_cancel(&f->tasks[0]);
  gw_loop_run_once(f->loop, 0);
  assert_string_equal(f->trace.text, "sss");
}

static void spend_leisure(void) {
  uint64_t begin_us = gw_clock_monotonic_us();
  while (gw_clock_monotonic_us() - begin_us <= GW_LOOP_LEISURE_US)
    continue;
}

static void note_a_and_spend(void *arg) {
  struct fixture *f = arg;
  note(&f->trace, 'a');
  spend_leisure();
}

static void leisure_then_turn_end(void *arg) {
  struct fixture *f = arg;
  note(&f->trace, 'l');
  gw_loop_after_callback(f->loop, &f->tasks[0]);
  gw_loop_at_turn_end(f->loop, &f->tasks[1]);
}

static void test_leisure_comes_last_and_is_a_callback_in_the_turn(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], note_a, f);
  gw_task_init(&f->tasks[1], note_b, f);
  gw_task_init(&f->tasks[2], leisure_then_turn_end, f);
  gw_loop_at_leisure(f->loop, &f->tasks[2]);
  gw_loop_at_leisure(f->loop, &f->tasks[2]); /* once */
  gw_loop_at_turn_end(f->loop, &f->tasks[1]);
  gw_loop_run_once(f->loop, 60000);
  assert_string_equal(f->trace.text, "blab");
}

static void test_leisure_that_is_used_up_leaves_the_rest_to_the_next_turn(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], note_a_and_spend, f);
  gw_task_init(&f->tasks[1], note_b, f);
  gw_loop_at_leisure(f->loop, &f->tasks[0]);
  gw_loop_at_leisure(f->loop, &f->tasks[1]);
  gw_loop_run_once(f->loop, 60000);
  assert_string_equal(f->trace.text, "a");
  gw_loop_run_once(f->loop, 60000); /* without a wait */
  assert_string_equal(f->trace.text, "ab");
  gw_loop_run_once(f->loop, 0);
  assert_string_equal(f->trace.text, "ab");
}

static void test_cancelled_leisure_does_not_come(void **state) {
  struct fixture *f = *state;
  gw_task_init(&f->tasks[0], note_a, f);
  gw_loop_at_leisure(f->loop, &f->tasks[0]);
  gw_task_cancel(&f->tasks[0]);
  gw_loop_run_once(f->loop, 0);
  assert_string_equal(f->trace.text, "");
}

static void test_loop_free_runs_tasks_that_were_still_to_run(void **state) {
  (void)state;
  struct fixture f = {.loop = gw_loop_new()};
  gw_task_init(&f.tasks[0], note_a, &f);
  gw_loop_at_turn_end(f.loop, &f.tasks[0]);
  gw_loop_free(f.loop);
  assert_string_equal(f.trace.text, "a");
}

static void note_time(void *arg, unsigned ready) {
  struct fixture *f = arg;
  (void)ready;
  f->times[f->trace.len] = gw_loop_now_us(f->loop);
  uint64_t begin_us = gw_clock_monotonic_us(); /* after it, or what the machine takes in between would not count */
  note(&f->trace, 't');
  while (gw_clock_monotonic_us() < begin_us + 2000)
    continue; /* work */
}

static void on_turn(void *arg, uint64_t busy_us) {
  struct fixture *f = arg;
  f->busy_us = busy_us;
  f->turns++;
}

static void test_time_stands_still_within_a_turn(void **state) {
  struct fixture *f = *state;
  watch(f, 0, note_time, GW_IO_READ);
  watch(f, 1, note_time, GW_IO_READ);
  send_byte(f, 0);
  send_byte(f, 1);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->trace.len, 2);
  assert_true(f->times[0] == f->times[1]);
  assert_true(gw_loop_now_us(f->loop) >= f->times[0] + 4000);
}

static void test_turn_observer_hears_of_turns_that_worked_only(void **state) {
  struct fixture *f = *state;
  gw_loop_set_turn_observer(f->loop, on_turn, f);
  watch(f, 0, note_time, GW_IO_READ);
  gw_loop_run_once(f->loop, 0);
  assert_int_equal(f->turns, 0);
  send_byte(f, 0);
  gw_loop_run_once(f->loop, 1000);
  assert_int_equal(f->turns, 1);
  assert_true(f->busy_us >= 2000);
}

static void *stop_from_a_thread(void *arg) {
  gw_loop_stop(arg);
  return NULL;
}

static void test_stop_from_another_thread_ends_run(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 100; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_from_a_thread, f->loop), 0);
    gw_loop_run(f->loop);
    pthread_join(thread, NULL);
  }
  gw_loop_stop(f->loop);
  gw_loop_run(f->loop); /* a stop before run counts */
}

static void on_signal(void *arg, int signal_number) {
  struct fixture *f = arg;
  f->seen = (unsigned)signal_number;
  gw_loop_stop(f->loop);
}

static void test_signal_is_taken_by_the_loop(void **state) {
  struct fixture *f = *state;
  struct gw_signal *hangup = gw_signal_new(f->loop, SIGHUP, on_signal, f);
  struct gw_signal *user = gw_signal_new(f->loop, SIGUSR1, on_signal, f);
  kill(getpid(), SIGHUP);
  gw_loop_run(f->loop);
  assert_int_equal(f->seen, SIGHUP);
  kill(getpid(), SIGUSR1);
  gw_loop_run(f->loop);
  assert_int_equal(f->seen, SIGUSR1);
  gw_signal_free(hangup);
  gw_signal_free(user);
  gw_signal_free(NULL);
}

static void test_scratch_has_the_promised_size(void **state) {
  struct fixture *f = *state;
  memset(gw_loop_scratch(f->loop), 1, GW_LOOP_SCRATCH_SIZE);
}

#define LOOP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void count_up(void *annex) {
  ++*(int *)annex;
}

static void test_annex_is_kept_and_freed_with_the_loop(void **state) {
  (void)state;
  int freed = 0;
  struct gw_loop *other = gw_loop_new();
  assert_null(gw_loop_annex(other));
  gw_loop_set_annex(other, &freed, count_up);
  assert_ptr_equal(gw_loop_annex(other), &freed);
  assert_int_equal(freed, 0);
  gw_loop_free(other);
  assert_int_equal(freed, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LOOP_TEST(test_leisure_comes_last_and_is_a_callback_in_the_turn),
      LOOP_TEST(test_leisure_that_is_used_up_leaves_the_rest_to_the_next_turn),
      LOOP_TEST(test_cancelled_leisure_does_not_come),
      cmocka_unit_test(test_annex_is_kept_and_freed_with_the_loop),
      LOOP_TEST(test_io_tells_what_is_ready_of_what_was_asked),
      LOOP_TEST(test_io_of_a_closed_peer_shows_as_what_was_asked),
      LOOP_TEST(test_io_whose_descriptor_is_reused_watches_the_new_one),
      LOOP_TEST(test_io_free_in_a_callback_takes_the_others_of_the_turn_along),
      LOOP_TEST(test_tasks_run_after_the_callback_and_at_the_turns_end),
      LOOP_TEST(test_task_scheduled_by_a_task_runs_in_the_same_pass),
      LOOP_TEST(test_task_scheduled_outside_a_callback_runs_in_the_next_turn),
      LOOP_TEST(test_task_that_schedules_itself_runs_once_a_turn),
      cmocka_unit_test(test_loop_free_runs_tasks_that_were_still_to_run),
      LOOP_TEST(test_time_stands_still_within_a_turn),
      LOOP_TEST(test_turn_observer_hears_of_turns_that_worked_only),
      LOOP_TEST(test_stop_from_another_thread_ends_run),
      LOOP_TEST(test_signal_is_taken_by_the_loop),
      LOOP_TEST(test_scratch_has_the_promised_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
