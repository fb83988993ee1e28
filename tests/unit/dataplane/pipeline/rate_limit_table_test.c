/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "dataplane/pipeline/rate_limit_table.h"

#define SECOND UINT64_C(1000000)
#define START (UINT64_C(86400) * SECOND)

static struct gw_rate_limit_outcome take(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                         uint64_t now_us) {
  struct gw_rate_limit_outcome outcome;
  gw_rate_limit_table_take(table, key, rate, now_us, &outcome);
  return outcome;
}

/* Tokens that can be had at once. */
static uint32_t drain(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us) {
  uint32_t count = 0;
  while (take(table, key, rate, now_us).is_allowed)
    count++;
  return count;
}

static uint64_t nth_key(uint64_t n) {
  return gw_hash_keyed(&n, sizeof(n));
}

static struct gw_rate_limit_counts counts_of(const struct gw_rate_limit_table *table) {
  struct gw_rate_limit_counts counts;
  gw_rate_limit_table_get_counts(table, &counts);
  return counts;
}

static void test_full_bucket_gives_its_burst_and_says_what_is_left(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1000);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(100, 60000, 100);
  struct gw_rate_limit_outcome outcome = take(table, 7, &rate, START);
  assert_true(outcome.is_allowed);
  assert_int_equal(outcome.remaining, 99);
  assert_int_equal(outcome.full_us, 600000);
  assert_int_equal(drain(table, 7, &rate, START), 99);
  gw_rate_limit_table_free(table);
}

static void test_take_after_burst_says_wait(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1000);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(100, 60000, 5);
  drain(table, 7, &rate, START);
  struct gw_rate_limit_outcome outcome = take(table, 7, &rate, START + 200000);
  assert_false(outcome.is_allowed);
  assert_int_equal(outcome.remaining, 0);
  assert_int_equal(outcome.wait_us, 400000);
  assert_int_equal(outcome.full_us, 5 * 600000 - 200000);
  assert_false(take(table, 7, &rate, START + 599999).is_allowed);
  assert_true(take(table, 7, &rate, START + 600000).is_allowed);
  assert_false(take(table, 7, &rate, START + 600000).is_allowed);
  gw_rate_limit_table_free(table);
}

static void test_idle_bucket_fills_to_its_burst_and_no_further(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1000);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(10, 1000, 30);
  assert_int_equal(drain(table, 7, &rate, START), 30);
  assert_int_equal(drain(table, 7, &rate, START + SECOND), 10);
  assert_int_equal(drain(table, 7, &rate, START + 3600 * SECOND), 30);
  gw_rate_limit_table_free(table);
}

static void test_rates_from_one_a_day_to_a_million_a_second_are_exact(void **unused) {
  (void)unused;
  static const struct {
    uint32_t tokens, burst;
    uint64_t per_ms, run_us;
    uint32_t expected;
  } cases[] = {
      {1, 1, 86400000, 10 * 86400 * SECOND, 10}, {7, 3, 1000, 1000 * SECOND, 7000},   {1000000, 1000, 1000, SECOND / 10, 100000},
      {3, 2, 1000, 100 * SECOND, 300},           {100, 2, 60000, 600 * SECOND, 1000}, {900000, 100000, 1000, SECOND / 10, 90000},
  };
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1000);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(cases[i].tokens, cases[i].per_ms, cases[i].burst);
    uint64_t key = nth_key(i), now = START;
    uint64_t steps = 20000, count = 0;
    assert_int_equal(drain(table, key, &rate, now), cases[i].burst);
    for (uint64_t step = 1; step <= steps; step++)
      count += drain(table, key, &rate, START + cases[i].run_us * step / steps);
    assert_in_range(count, cases[i].expected - 1 - cases[i].expected / 1000, cases[i].expected);
  }
  gw_rate_limit_table_free(table);
}

/* Whatever the times of arrival: of any stretch no more than burst + rate × time. */
static void test_random_arrivals_never_get_more_than_burst_and_rate(void **unused) {
  (void)unused;
  struct gw_random random;
  gw_random_init(&random, 42);
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1000);
  for (uint64_t round = 0; round < 50; round++) {
    uint32_t tokens = 1 + (uint32_t)gw_random_below(&random, 5000), burst = 1 + (uint32_t)gw_random_below(&random, 50);
    uint64_t per_ms = 1 + gw_random_below(&random, 100000), now = START;
    struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(tokens, per_ms, burst);
    uint64_t *admitted = gw_calloc(3000, sizeof(*admitted));
    size_t count = 0;
    for (int i = 0; i < 3000; i++) {
      now += gw_random_below(&random, 4) == 0 ? gw_random_below(&random, per_ms * 3000 / tokens + 1) : 0;
      if (take(table, nth_key(round), &rate, now).is_allowed) admitted[count++] = now;
    }
    for (size_t i = 0; i < count; i++) {
      for (size_t j = i; j < count; j += 1 + j / 10) {
        double most = burst + (double)(admitted[j] - admitted[i]) * tokens / ((double)per_ms * 1000) + 1e-6;
        assert_true((double)(j - i + 1) <= most);
      }
    }
    assert_true(count > 0);
    free(admitted);
  }
  gw_rate_limit_table_free(table);
}

/* So large that nine keys never meet in a group of eight: keys are hashed anew in each run (once in a million of them they would). */
static void test_each_key_has_a_bucket_of_its_own(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1 << 18);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(1, 60000, 3);
  for (uint64_t i = 0; i < 10000; i++)
    assert_int_equal(drain(table, nth_key(i), &rate, START), 3);
  for (uint64_t i = 0; i < 10000; i++)
    assert_int_equal(drain(table, nth_key(i), &rate, START + 1), 0);
  assert_int_equal(counts_of(table).keys, 10000);
  assert_int_equal(counts_of(table).evictions_active, 0);
  gw_rate_limit_table_free(table);
}

static void test_key_zero_is_a_key(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(1, 60000, 3);
  assert_int_equal(drain(table, 0, &rate, START), 3);
  assert_int_equal(drain(table, 0, &rate, START), 0);
  gw_rate_limit_table_free(table);
}

static void test_clock_of_a_worker_that_lags_behind_gives_nothing_away(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(10, 1000, 10);
  uint32_t count = 0;
  for (uint64_t i = 0; i < 1000; i++) /* 10 s, seen by turns 50 ms apart */
    count += drain(table, 7, &rate, START + i * SECOND / 100 - (i % 2) * 50000);
  assert_in_range(count, 10 + 98, 10 + 100);
  gw_rate_limit_table_free(table);
}

static void test_give_back_returns_the_token_and_never_more_than_full(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(1, 1000, 5);
  gw_rate_limit_table_give_back(table, 7, &rate, START); /* never taken */
  assert_int_equal(counts_of(table).keys, 0);
  assert_int_equal(drain(table, 7, &rate, START), 5);
  gw_rate_limit_table_give_back(table, 7, &rate, START);
  assert_int_equal(drain(table, 7, &rate, START), 1);
  for (int i = 0; i < 20; i++)
    gw_rate_limit_table_give_back(table, 7, &rate, START);
  assert_int_equal(drain(table, 7, &rate, START), 5);
  gw_rate_limit_table_free(table);
}

static void test_other_numbers_take_the_bucket_over_without_a_new_burst(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate slow = gw_rate_limit_rate_make(1, 60000, 10), fast = gw_rate_limit_rate_make(10, 1000, 10);
  drain(table, 7, &slow, START); /* full in ten minutes, by the old numbers */
  assert_int_equal(drain(table, 7, &fast, START), 0);
  assert_int_equal(gw_rate_limit_table_used(table, 7, &fast, START), 10 * 1000);
  struct gw_rate_limit_outcome outcome = take(table, 7, &fast, START);
  assert_int_equal(outcome.full_us, SECOND);
  gw_rate_limit_table_free(table);
}

static void test_used_and_set_used_are_each_other_s_inverse(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(10, 1000, 20);
  assert_int_equal(gw_rate_limit_table_used(table, 7, &rate, START), 0);
  gw_rate_limit_table_set_used(table, 7, &rate, 12500, START);
  assert_int_equal(gw_rate_limit_table_used(table, 7, &rate, START), 12500);
  assert_int_equal(gw_rate_limit_table_used(table, 7, &rate, START + SECOND), 2500);
  assert_int_equal(drain(table, 7, &rate, START), 7);
  gw_rate_limit_table_set_used(table, 7, &rate, 1000000, START);
  assert_int_equal(gw_rate_limit_table_used(table, 7, &rate, START), 20000);
  gw_rate_limit_table_free(table);
}

static void test_what_was_added_is_claimed_once(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(10, 1000, 20);
  assert_int_equal(gw_rate_limit_table_claim_used(table, 7, &rate, START), 0);
  for (int i = 0; i < 5; i++)
    gw_rate_limit_table_add_used(table, 7, &rate, 1000, START);
  assert_int_equal(gw_rate_limit_table_claim_used(table, 7, &rate, START + SECOND / 10), 4000);
  assert_int_equal(gw_rate_limit_table_claim_used(table, 7, &rate, START + SECOND / 10), 0);
  gw_rate_limit_table_add_used(table, 7, &rate, 1000000, START); /* more than fits */
  gw_rate_limit_table_add_used(table, 7, &rate, 1000000, START);
  assert_int_equal(gw_rate_limit_table_claim_used(table, 7, &rate, START), 20000);
  gw_rate_limit_table_free(table);
}

static void test_full_buckets_make_room_for_others(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(64);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(10, 1000, 10);
  for (uint64_t i = 0; i < 10000; i++)
    assert_int_equal(drain(table, nth_key(i), &rate, START + i * SECOND), 10);
  struct gw_rate_limit_counts counts = counts_of(table);
  assert_true(counts.keys <= 64);
  assert_int_equal(counts.evictions_full + counts.keys, 10000);
  assert_int_equal(counts.evictions_active, 0);
  gw_rate_limit_table_free(table);
}

/* The bound: everybody still gets something, and who is forgotten gains one token. */
static void test_too_many_active_keys_are_counted_and_gain_at_most_one_token_each_time(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(8);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(1, 3600000, 10);
  for (uint64_t i = 0; i < 8; i++)
    drain(table, nth_key(i), &rate, START);
  assert_int_equal(drain(table, nth_key(8), &rate, START + 1), 1);
  assert_int_equal(counts_of(table).evictions_active, 1);
  uint32_t gained = 0;
  for (uint64_t i = 0; i < 100; i++)
    gained += drain(table, nth_key(i % 20), &rate, START + 2);
  assert_true(gained <= counts_of(table).evictions_active);
  assert_int_equal(counts_of(table).keys, 8);
  gw_rate_limit_table_free(table);
}

/* Resident pages of the process. */
static uint64_t resident_bytes(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  assert_non_null(file);
  unsigned long size, resident;
  assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
  fclose(file);
  return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_memory_is_bounded_by_the_setting_whatever_the_keys(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1 << 14);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(100, 60000, 100);
  uint64_t before = resident_bytes();
  for (uint64_t i = 0; i < 1000000; i++)
    take(table, nth_key(i), &rate, START + i);
  assert_true(resident_bytes() < before + (12u << 20)); /* 256 KiB of them, not 16 MiB, and what sanitizers add */
  assert_int_equal(counts_of(table).keys, 1 << 14);
  gw_rate_limit_table_free(table);
}

static void test_other_size_begins_anew_and_serves_on(void **unused) {
  (void)unused;
  struct gw_rate_limit_table *table = gw_rate_limit_table_new(1 << 16);
  struct gw_rate_limit_rate rate = gw_rate_limit_rate_make(1, 60000, 3);
  static const uint64_t sizes[] = {1 << 16, 1 << 18, 100, 1};
  for (size_t i = 0; i < GW_ARRAY_LEN(sizes); i++) {
    gw_rate_limit_table_set_max_keys(table, sizes[i]);
    assert_int_equal(gw_rate_limit_table_max_keys(table), (sizes[i] + 7) / 8 * 8);
    assert_int_equal(counts_of(table).keys, 0);
    assert_int_equal(drain(table, 7, &rate, START), 3);
    assert_int_equal(drain(table, 7, &rate, START), 0);
  }
  gw_rate_limit_table_set_max_keys(table, 1);
  assert_int_equal(drain(table, 7, &rate, START), 0); /* the same size: nothing happened */
  gw_rate_limit_table_free(table);
}

/* ---- threads ---- */

#define THREADS 4
#define KEYS 64

struct crowd {
  struct gw_rate_limit_table *table;
  struct gw_rate_limit_rate rate;
  _Atomic uint64_t now_us;
  atomic_uint ready;
  uint64_t end_us;
  uint64_t key_count;
  _Atomic uint64_t admitted[KEYS];
};

/* Together they turn the clock, and all ask for all keys. */
static void *ask_often(void *arg) {
  struct crowd *crowd = arg;
  atomic_fetch_add(&crowd->ready, 1);
  while (atomic_load(&crowd->ready) < THREADS) {}
  for (uint64_t i = 0;; i++) {
    uint64_t now_us = i % 16 == 0 ? atomic_fetch_add(&crowd->now_us, 100) : atomic_load(&crowd->now_us);
    if (now_us >= crowd->end_us) return NULL;
    uint64_t key = i % crowd->key_count;
    if (take(crowd->table, nth_key(key), &crowd->rate, now_us).is_allowed) atomic_fetch_add(&crowd->admitted[key], 1);
  }
}

static struct crowd *run_crowd(uint64_t max_keys, uint64_t key_count, uint64_t run_us) {
  struct crowd *crowd = gw_calloc(1, sizeof(*crowd));
  pthread_t threads[THREADS];
  crowd->table = gw_rate_limit_table_new(max_keys);
  crowd->rate = gw_rate_limit_rate_make(100, 1000, 50);
  crowd->now_us = START;
  crowd->end_us = START + run_us;
  crowd->key_count = key_count;
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, ask_often, crowd), 0);
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  return crowd;
}

static void free_crowd(struct crowd *crowd) {
  gw_rate_limit_table_free(crowd->table);
  free(crowd);
}

static void test_threads_share_one_bucket_exactly(void **unused) {
  (void)unused;
  struct crowd *crowd = run_crowd(1 << 12, 1, 2 * SECOND);
  assert_in_range(crowd->admitted[0], 50 + 190, 50 + 200); /* fewer: the clock went on while they were interrupted */
  assert_int_equal(counts_of(crowd->table).keys, 1);
  free_crowd(crowd);
}

static void test_threads_that_meet_at_new_keys_make_one_bucket_of_each(void **unused) {
  (void)unused;
  struct crowd *crowd = run_crowd(1 << 16, KEYS, SECOND);
  for (size_t i = 0; i < KEYS; i++)
    assert_in_range(crowd->admitted[i], 50 + 90, 50 + 100);
  assert_int_equal(counts_of(crowd->table).keys, KEYS);
  free_crowd(crowd);
}

/* Places go from hand to hand all the time, and still nobody gains more than a token by it. */
static void test_threads_that_push_each_other_out_gain_no_more_than_was_counted(void **unused) {
  (void)unused;
  struct crowd *crowd = run_crowd(8, KEYS, SECOND);
  struct gw_rate_limit_counts counts = counts_of(crowd->table);
  uint64_t admitted = 0;
  for (size_t i = 0; i < KEYS; i++)
    admitted += crowd->admitted[i];
  assert_true(counts.evictions_active > 0);
  assert_true(admitted <= KEYS * (50 + 100) + counts.evictions_active + counts.evictions_full);
  free_crowd(crowd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_full_bucket_gives_its_burst_and_says_what_is_left),
      cmocka_unit_test(test_take_after_burst_says_wait),
      cmocka_unit_test(test_idle_bucket_fills_to_its_burst_and_no_further),
      cmocka_unit_test(test_rates_from_one_a_day_to_a_million_a_second_are_exact),
      cmocka_unit_test(test_random_arrivals_never_get_more_than_burst_and_rate),
      cmocka_unit_test(test_each_key_has_a_bucket_of_its_own),
      cmocka_unit_test(test_key_zero_is_a_key),
      cmocka_unit_test(test_clock_of_a_worker_that_lags_behind_gives_nothing_away),
      cmocka_unit_test(test_give_back_returns_the_token_and_never_more_than_full),
      cmocka_unit_test(test_other_numbers_take_the_bucket_over_without_a_new_burst),
      cmocka_unit_test(test_used_and_set_used_are_each_other_s_inverse),
      cmocka_unit_test(test_what_was_added_is_claimed_once),
      cmocka_unit_test(test_full_buckets_make_room_for_others),
      cmocka_unit_test(test_too_many_active_keys_are_counted_and_gain_at_most_one_token_each_time),
      cmocka_unit_test(test_memory_is_bounded_by_the_setting_whatever_the_keys),
      cmocka_unit_test(test_other_size_begins_anew_and_serves_on),
      cmocka_unit_test(test_threads_share_one_bucket_exactly),
      cmocka_unit_test(test_threads_that_meet_at_new_keys_make_one_bucket_of_each),
      cmocka_unit_test(test_threads_that_push_each_other_out_gain_no_more_than_was_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
