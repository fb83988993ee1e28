/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "dataplane/cluster/circuit_breaker.h"

static const struct gw_circuit_breaking usual =
    {.window_ms = 10000, .open_ms = 5000, .failure_percent = 50, .min_requests = 10, .probes = 2, .successes = 3, .failure_on = 31};

static bool enter(struct gw_circuit_breaker *breaker, uint64_t now_ms, struct gw_circuit_pass *pass) {
  struct gw_circuit_change change;
  uint64_t wait_ms;
  return gw_circuit_breaker_enter(breaker, now_ms, pass, &wait_ms, &change);
}

/* What one request changed. */
static struct gw_circuit_change ask(struct gw_circuit_breaker *breaker, uint64_t now_ms, enum gw_circuit_outcome outcome) {
  struct gw_circuit_pass pass;
  struct gw_circuit_change change;
  assert_true(enter(breaker, now_ms, &pass));
  gw_circuit_breaker_leave(breaker, pass, outcome, now_ms, &change);
  return change;
}

static enum gw_circuit_state state(const struct gw_circuit_breaker *breaker) {
  return gw_circuit_breaker_state(breaker);
}

static void open_at(struct gw_circuit_breaker *breaker, uint64_t now_ms) {
  while (state(breaker) == GW_CIRCUIT_CLOSED)
    ask(breaker, now_ms, GW_CIRCUIT_FAILURE);
}

static void test_ratio_below_the_minimum_volume_keeps_it_closed(void **unused) {
  (void)unused;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&usual);
  for (int i = 0; i < 9; i++)
    assert_false(ask(breaker, 1000, GW_CIRCUIT_FAILURE).has_changed);
  struct gw_circuit_change change = ask(breaker, 1000, GW_CIRCUIT_FAILURE);
  assert_true(change.has_changed);
  assert_int_equal(change.state, GW_CIRCUIT_OPEN);
  assert_int_equal(change.requests, 10);
  assert_int_equal(change.failures, 10);
  gw_circuit_breaker_unref(breaker);
}

static void test_count_opens_whatever_the_ratio(void **unused) {
  (void)unused;
  struct gw_circuit_breaking settings = usual;
  settings.failures = 3;
  settings.failure_percent = 0;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&settings);
  for (int i = 0; i < 1000; i++)
    ask(breaker, 1000, GW_CIRCUIT_SUCCESS);
  ask(breaker, 1000, GW_CIRCUIT_FAILURE);
  ask(breaker, 1000, GW_CIRCUIT_FAILURE);
  assert_int_equal(state(breaker), GW_CIRCUIT_CLOSED);
  assert_true(ask(breaker, 1000, GW_CIRCUIT_FAILURE).has_changed);
  gw_circuit_breaker_unref(breaker);
}

static void test_failures_older_than_the_window_are_forgotten(void **unused) {
  (void)unused;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&usual);
  for (int i = 0; i < 9; i++)
    ask(breaker, 1500, GW_CIRCUIT_FAILURE);
  assert_false(ask(breaker, 11000, GW_CIRCUIT_FAILURE).has_changed);
  struct gw_circuit_status status;
  gw_circuit_breaker_get_status(breaker, 11000, &status);
  assert_int_equal(status.failures, 1);
  gw_circuit_breaker_unref(breaker);
}

static void test_open_refuses_until_its_time_then_lets_probes_pass(void **unused) {
  (void)unused;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&usual);
  struct gw_circuit_pass first, second, third;
  struct gw_circuit_change change;
  uint64_t wait_ms;
  open_at(breaker, 1000);
  assert_false(gw_circuit_breaker_enter(breaker, 4000, &first, &wait_ms, &change));
  assert_int_equal(wait_ms, 2000);
  /* A thread whose clock is behind. */
  assert_false(gw_circuit_breaker_enter(breaker, 5, &first, &wait_ms, &change));
  assert_int_equal(wait_ms, 5000);
  assert_true(gw_circuit_breaker_enter(breaker, 6000, &first, &wait_ms, &change));
  assert_true(change.has_changed);
  assert_int_equal(change.state, GW_CIRCUIT_HALF_OPEN);
  assert_true(gw_circuit_breaker_enter(breaker, 6000, &second, &wait_ms, &change));
  assert_false(change.has_changed);
  assert_false(gw_circuit_breaker_enter(breaker, 6000, &third, &wait_ms, &change));
  assert_int_equal(wait_ms, 0);
  gw_circuit_breaker_leave(breaker, first, GW_CIRCUIT_SUCCESS, 6100, &change);
  assert_true(gw_circuit_breaker_enter(breaker, 6100, &third, &wait_ms, &change));
  gw_circuit_breaker_leave(breaker, second, GW_CIRCUIT_SUCCESS, 6100, &change);
  assert_false(change.has_changed);
  gw_circuit_breaker_leave(breaker, third, GW_CIRCUIT_SUCCESS, 6100, &change);
  assert_true(change.has_changed);
  assert_int_equal(change.state, GW_CIRCUIT_CLOSED);
  gw_circuit_breaker_unref(breaker);
}

static void test_failed_probe_opens_again_and_late_ones_do_not_count(void **unused) {
  (void)unused;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&usual);
  struct gw_circuit_pass early, first, second;
  struct gw_circuit_change change;
  assert_true(enter(breaker, 900, &early));
  open_at(breaker, 1000);
  assert_true(enter(breaker, 6000, &first));
  assert_true(enter(breaker, 6000, &second));
  gw_circuit_breaker_leave(breaker, early, GW_CIRCUIT_FAILURE, 6050, &change);
  assert_int_equal(state(breaker), GW_CIRCUIT_HALF_OPEN);
  gw_circuit_breaker_leave(breaker, first, GW_CIRCUIT_FAILURE, 6100, &change);
  assert_true(change.has_changed);
  assert_int_equal(state(breaker), GW_CIRCUIT_OPEN);
  gw_circuit_breaker_leave(breaker, second, GW_CIRCUIT_SUCCESS, 6200, &change);
  assert_false(change.has_changed);
  assert_false(enter(breaker, 11099, &first));
  assert_true(enter(breaker, 11100, &first));
  gw_circuit_breaker_unref(breaker);
}

static void test_probe_whose_client_left_makes_room_for_another(void **unused) {
  (void)unused;
  struct gw_circuit_breaking settings = usual;
  settings.probes = settings.successes = 1;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&settings);
  struct gw_circuit_pass pass, other;
  struct gw_circuit_change change;
  open_at(breaker, 1000);
  assert_true(enter(breaker, 6000, &pass));
  assert_false(enter(breaker, 6000, &other));
  gw_circuit_breaker_leave(breaker, pass, GW_CIRCUIT_NO_MATTER, 6000, &change);
  assert_int_equal(state(breaker), GW_CIRCUIT_HALF_OPEN);
  assert_int_equal(ask(breaker, 6000, GW_CIRCUIT_SUCCESS).state, GW_CIRCUIT_CLOSED);
  gw_circuit_breaker_unref(breaker);
}

static void test_failure_after_a_success_counts_without_a_request(void **unused) {
  (void)unused;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&usual);
  struct gw_circuit_pass pass;
  struct gw_circuit_change change;
  for (int i = 0; i < 10; i++) {
    assert_true(enter(breaker, 1000, &pass));
    gw_circuit_breaker_leave(breaker, pass, GW_CIRCUIT_SUCCESS, 1000, &change);
  }
  for (int i = 0; i < 5; i++)
    gw_circuit_breaker_leave(breaker, pass, GW_CIRCUIT_LATE_FAILURE, 1000, &change);
  assert_int_equal(change.requests, 10);
  assert_int_equal(change.failures, 5);
  assert_int_equal(state(breaker), GW_CIRCUIT_OPEN);
  gw_circuit_breaker_unref(breaker);
}

/* More than a bucket can hold, and times when the number of turns has no room for them any more. */
static void test_huge_numbers_keep_the_ratio(void **unused) {
  (void)unused;
  struct gw_circuit_breaking settings = usual;
  settings.window_ms = 10;
  struct gw_circuit_breaker *breaker = gw_circuit_breaker_new(&settings);
  uint64_t now_ms = (UINT64_C(1) << 24) * 10 * 3 + 5;
  for (uint32_t i = 0; i < 3000000; i++)
    ask(breaker, now_ms, i % 3 == 0 ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_SUCCESS);
  struct gw_circuit_status status;
  gw_circuit_breaker_get_status(breaker, now_ms, &status);
  assert_int_equal(status.state, GW_CIRCUIT_CLOSED);
  assert_in_range(status.failures * 1000 / status.requests, 330, 336);
  gw_circuit_breaker_get_status(breaker, now_ms + (UINT64_C(1) << 23) * 10 + 10, &status);
  assert_int_equal(status.requests, 0);
  gw_circuit_breaker_unref(breaker);
}

/* ---- against a reference that keeps every event ---- */

#define STEPS 2000 /* with one breaker */
#define EVENTS_MAX STEPS
#define PASSES_MAX 32

struct event {
  uint64_t at_ms;
  bool is_request;
  bool is_failure;
};

struct reference {
  struct gw_circuit_breaking settings;
  enum gw_circuit_state state;
  uint32_t era; /* grows with each change */
  uint64_t open_until_ms;
  uint32_t probes_out;
  uint32_t good_probes;
  struct event events[EVENTS_MAX];
  size_t event_count;
};

struct held {
  struct gw_circuit_pass pass;
  uint32_t era;
  bool was_good; /* a success was told; a late failure may follow */
};

static void ref_change(struct reference *reference, enum gw_circuit_state state, uint64_t now_ms) {
  reference->state = state;
  reference->era++;
  reference->probes_out = reference->good_probes = 0;
  reference->event_count = 0;
  reference->open_until_ms = now_ms + reference->settings.open_ms;
}

static bool ref_enter(struct reference *reference, uint64_t now_ms) {
  const struct gw_circuit_breaking *settings = &reference->settings;
  if (reference->state == GW_CIRCUIT_OPEN && now_ms >= reference->open_until_ms) ref_change(reference, GW_CIRCUIT_HALF_OPEN, now_ms);
  if (reference->state == GW_CIRCUIT_CLOSED) return true;
  if (reference->state == GW_CIRCUIT_OPEN || reference->probes_out == settings->probes ||
      reference->probes_out + reference->good_probes == settings->successes)
    return false;
  reference->probes_out++;
  return true;
}

static bool ref_is_too_much(const struct reference *reference, uint64_t now_ms) {
  const struct gw_circuit_breaking *settings = &reference->settings;
  uint64_t step_ms = settings->window_ms / 10;
  uint32_t requests = 0, failures = 0;
  for (size_t i = 0; i < reference->event_count; i++) {
    const struct event *event = &reference->events[i];
    if (event->at_ms / step_ms + 10 <= now_ms / step_ms) continue;
    requests += event->is_request;
    failures += event->is_failure;
  }
  if (settings->failures != 0 && failures >= settings->failures) return true;
  return settings->failure_percent != 0 && requests >= settings->min_requests &&
         failures * 100.0 / requests >= (double)settings->failure_percent;
}

static void ref_leave(struct reference *reference, const struct held *held, enum gw_circuit_outcome outcome, uint64_t now_ms) {
  bool is_bad = outcome == GW_CIRCUIT_FAILURE || outcome == GW_CIRCUIT_LATE_FAILURE;
  if (held->era != reference->era) return;
  if (reference->state == GW_CIRCUIT_HALF_OPEN) {
    if (outcome != GW_CIRCUIT_LATE_FAILURE) reference->probes_out--;
    reference->good_probes += outcome == GW_CIRCUIT_SUCCESS;
    if (is_bad) {
      ref_change(reference, GW_CIRCUIT_OPEN, now_ms);
    } else if (reference->good_probes == reference->settings.successes) {
      ref_change(reference, GW_CIRCUIT_CLOSED, now_ms);
    }
  } else if (outcome != GW_CIRCUIT_NO_MATTER) {
    assert_true(reference->event_count < EVENTS_MAX);
    reference->events[reference->event_count++] = (struct event){now_ms, outcome != GW_CIRCUIT_LATE_FAILURE, is_bad};
    if (is_bad && ref_is_too_much(reference, now_ms)) ref_change(reference, GW_CIRCUIT_OPEN, now_ms);
  }
}

static struct gw_circuit_breaking random_settings(struct gw_random *random) {
  struct gw_circuit_breaking settings = {
      .window_ms = 10 * (1 + gw_random_below(random, 100)),
      .open_ms = 1 + gw_random_below(random, 500),
      .failures = (uint32_t)(gw_random_below(random, 2) * (1 + gw_random_below(random, 20))),
      .failure_percent = (uint32_t)(gw_random_below(random, 3) * 45),
      .min_requests = (uint32_t)(1 + gw_random_below(random, 30)),
      .probes = (uint32_t)(1 + gw_random_below(random, 4)),
      .successes = (uint32_t)(1 + gw_random_below(random, 5)),
  };
  if (settings.failures == 0 && settings.failure_percent == 0) settings.failure_percent = 100;
  return settings;
}

struct game {
  struct gw_random random;
  struct gw_circuit_breaker *breaker;
  struct reference *reference;
  struct held held[PASSES_MAX];
  uint32_t held_count;
  uint64_t now_ms;
  uint32_t failure_share; /* in percent; changes now and then, as services do */
  uint32_t changes[3];    /* into each state */
};

static void play_enter(struct game *game) {
  struct held *held = &game->held[game->held_count];
  struct gw_circuit_change change;
  uint64_t wait_ms = UINT64_MAX;
  uint32_t era = game->reference->era;
  bool may = gw_circuit_breaker_enter(game->breaker, game->now_ms, &held->pass, &wait_ms, &change);
  assert_int_equal(may, ref_enter(game->reference, game->now_ms));
  assert_int_equal(change.has_changed, era != game->reference->era);
  if (change.has_changed) game->changes[change.state]++;
  if (may) {
    held->era = game->reference->era;
    held->was_good = false;
    game->held_count++;
  } else {
    assert_int_equal(wait_ms, game->reference->state == GW_CIRCUIT_OPEN ? game->reference->open_until_ms - game->now_ms : 0);
  }
}

static void play_leave(struct game *game) {
  uint32_t index = (uint32_t)gw_random_below(&game->random, game->held_count);
  struct held *held = &game->held[index];
  bool is_bad = gw_random_below(&game->random, 100) < game->failure_share;
  enum gw_circuit_outcome outcome = is_bad ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_SUCCESS;
  if (gw_random_below(&game->random, 20) == 0) outcome = GW_CIRCUIT_NO_MATTER;
  if (held->was_good) outcome = GW_CIRCUIT_LATE_FAILURE;
  struct gw_circuit_change change;
  uint32_t era = game->reference->era;
  gw_circuit_breaker_leave(game->breaker, held->pass, outcome, game->now_ms, &change);
  ref_leave(game->reference, held, outcome, game->now_ms);
  assert_int_equal(change.has_changed, era != game->reference->era);
  if (change.has_changed) game->changes[change.state]++;
  held->was_good = outcome == GW_CIRCUIT_SUCCESS && gw_random_below(&game->random, 10) == 0;
  if (!held->was_good) *held = game->held[--game->held_count];
}

static void play_step(struct game *game) {
  uint64_t dice = gw_random_below(&game->random, 100);
  if (gw_random_below(&game->random, 200) == 0) game->failure_share = (uint32_t)gw_random_below(&game->random, 101);
  if (dice < 25) game->now_ms += gw_random_below(&game->random, 20);
  if (dice == 99) game->now_ms += gw_random_below(&game->random, 2000);
  if (game->held_count == PASSES_MAX || (game->held_count > 0 && dice % 2 == 0)) {
    play_leave(game);
  } else {
    play_enter(game);
  }
  struct gw_circuit_status status;
  gw_circuit_breaker_get_status(game->breaker, game->now_ms, &status);
  assert_int_equal(status.state, game->reference->state);
  if (status.state == GW_CIRCUIT_HALF_OPEN) {
    assert_int_equal(status.probes, game->reference->probes_out);
    assert_int_equal(status.successes, game->reference->good_probes);
  }
}

static void test_random_steps_agree_with_the_reference(void **unused) {
  (void)unused;
  struct game game = {.now_ms = 1};
  game.reference = gw_calloc(1, sizeof(*game.reference));
  gw_random_init(&game.random, 20261125);
  uint32_t steps = 0;
  for (int round = 0; round < 200; round++) {
    game.reference->settings = random_settings(&game.random);
    ref_change(game.reference, GW_CIRCUIT_CLOSED, game.now_ms);
    game.breaker = gw_circuit_breaker_new(&game.reference->settings);
    game.held_count = 0;
    game.failure_share = (uint32_t)gw_random_below(&game.random, 101);
    for (int i = 0; i < STEPS; i++, steps++)
      play_step(&game);
    gw_circuit_breaker_unref(game.breaker);
  }
  assert_int_equal(steps, 400000);
  for (size_t i = 0; i < GW_ARRAY_LEN(game.changes); i++)
    assert_true(game.changes[i] > 500);
  free(game.reference);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS 30000

struct crowd {
  struct gw_circuit_breaker *breaker;
  atomic_uint_fast64_t now_ms;
  atomic_uint changes[3];
  atomic_bool is_failing;
};

static void note_change(struct crowd *crowd, const struct gw_circuit_change *change) {
  if (change->has_changed) atomic_fetch_add(&crowd->changes[change->state], 1);
}

static void *run_member(void *arg) {
  struct crowd *crowd = arg;
  for (int i = 0; i < ROUNDS; i++) {
    struct gw_circuit_pass pass;
    struct gw_circuit_change change;
    uint64_t wait_ms, now_ms = atomic_fetch_add(&crowd->now_ms, 1);
    if (i % 512 == 0) atomic_store(&crowd->is_failing, i / 512 % 2 == 0);
    if (!gw_circuit_breaker_enter(crowd->breaker, now_ms, &pass, &wait_ms, &change)) continue;
    note_change(crowd, &change);
    bool is_failing = atomic_load(&crowd->is_failing);
    gw_circuit_breaker_leave(crowd->breaker, pass, is_failing ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_SUCCESS, now_ms, &change);
    note_change(crowd, &change);
  }
  return NULL;
}

/* Each change is told to one thread only, and they come in turns: closed → open → half-open → open or closed. */
static void test_threads_see_one_breaker(void **unused) {
  (void)unused;
  struct gw_circuit_breaking settings =
      {.window_ms = 50, .open_ms = 20, .failure_percent = 50, .min_requests = 5, .probes = 2, .successes = 2, .failure_on = 31};
  struct crowd crowd = {.breaker = gw_circuit_breaker_new(&settings)};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run_member, &crowd), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  unsigned opened = crowd.changes[GW_CIRCUIT_OPEN], half = crowd.changes[GW_CIRCUIT_HALF_OPEN], closed = crowd.changes[GW_CIRCUIT_CLOSED];
  /* After each opening it became half-open, but perhaps after the last; what closed it was half-open before. */
  assert_true(closed > 0 && closed <= half);
  assert_in_range(opened - half, 0, 1);
  gw_circuit_breaker_unref(crowd.breaker);
}

struct rush {
  struct gw_circuit_breaker *breaker;
  atomic_uint passed;
  pthread_barrier_t start;
};

static void *run_rusher(void *arg) {
  struct rush *rush = arg;
  pthread_barrier_wait(&rush->start);
  for (int i = 0; i < 100; i++) {
    struct gw_circuit_pass pass;
    if (enter(rush->breaker, 100000, &pass)) atomic_fetch_add(&rush->passed, 1);
  }
  return NULL;
}

static void test_rush_of_threads_gets_no_more_probes_than_allowed(void **unused) {
  (void)unused;
  for (int round = 0; round < 50; round++) {
    struct rush rush = {.breaker = gw_circuit_breaker_new(&usual)};
    pthread_t threads[THREADS];
    open_at(rush.breaker, 1000);
    pthread_barrier_init(&rush.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, run_rusher, &rush), 0);
    for (int i = 0; i < THREADS; i++)
      pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&rush.start);
    assert_int_equal(rush.passed, usual.probes);
    gw_circuit_breaker_unref(rush.breaker);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ratio_below_the_minimum_volume_keeps_it_closed),
      cmocka_unit_test(test_count_opens_whatever_the_ratio),
      cmocka_unit_test(test_failures_older_than_the_window_are_forgotten),
      cmocka_unit_test(test_open_refuses_until_its_time_then_lets_probes_pass),
      cmocka_unit_test(test_failed_probe_opens_again_and_late_ones_do_not_count),
      cmocka_unit_test(test_probe_whose_client_left_makes_room_for_another),
      cmocka_unit_test(test_failure_after_a_success_counts_without_a_request),
      cmocka_unit_test(test_huge_numbers_keep_the_ratio),
      cmocka_unit_test(test_random_steps_agree_with_the_reference),
      cmocka_unit_test(test_threads_see_one_breaker),
      cmocka_unit_test(test_rush_of_threads_gets_no_more_probes_than_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
