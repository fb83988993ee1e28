#include "dataplane/server/failure_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

struct bench {
  struct gw_loop *loop;
  struct gw_failure_search *searches;
  uint32_t asked;
  uint64_t search; /* the last one that workers were asked about */
  uint32_t done;
  uint64_t query_id;
  uint32_t count;
  uint32_t silent_workers;
  uint64_t times[8];
};

static void ask(void *arg, uint32_t worker_index, uint64_t search, struct gw_str request_id) {
  struct bench *bench = arg;
  assert_true(worker_index < 2);
  assert_true(gw_str_equal(request_id, GW_STR("id")));
  bench->asked++;
  bench->search = search;
}

static void on_done(void *arg, struct gw_agent_query query, const struct gw_failure_record *const *records, uint32_t count,
                    uint32_t silent_workers) {
  struct bench *bench = arg;
  bench->done++;
  bench->query_id = query.id;
  bench->count = count;
  bench->silent_workers = silent_workers;
  for (uint32_t i = 0; i < count && i < GW_ARRAY_LEN(bench->times); i++)
    bench->times[i] = records[i]->wall_us;
}

static int setup(void **state) {
  static struct bench bench;
  bench = (struct bench){.loop = gw_loop_new()};
  bench.searches = gw_failure_search_new(bench.loop, 2, &(struct gw_failure_search_calls){ask, on_done, &bench});
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_failure_search_free(bench->searches);
  gw_loop_free(bench->loop);
  return 0;
}

static void start(struct bench *bench, uint64_t query_id) {
  gw_failure_search_start(bench->searches, (struct gw_agent_query){.id = query_id}, GW_STR("id"));
}

static void answer(struct bench *bench, uint64_t search, uint64_t first_us, uint64_t second_us) {
  struct gw_failure_list *list = gw_calloc(1, sizeof(*list));
  gw_arena_init(&list->arena, 256);
  list->items[0].wall_us = first_us;
  list->items[1].wall_us = second_us;
  list->count = 2;
  gw_failure_search_on_found(bench->searches, search, list);
}

static void test_answers_of_all_workers_come_in_the_order_of_time(void **state) {
  struct bench *bench = *state;
  start(bench, 5);
  assert_int_equal(bench->asked, 2);
  answer(bench, bench->search, 10, 40);
  assert_int_equal(bench->done, 0);
  answer(bench, bench->search, 20, 30);
  assert_int_equal(bench->done, 1);
  assert_int_equal(bench->query_id, 5);
  assert_int_equal(bench->count, 4);
  assert_int_equal(bench->silent_workers, 0);
  for (uint64_t i = 0; i < 4; i++)
    assert_int_equal(bench->times[i], (i + 1) * 10);
}

static void test_worker_that_is_silent_is_counted_and_too_late_later(void **state) {
  struct bench *bench = *state;
  start(bench, 6);
  answer(bench, bench->search, 1, 2);
  uint64_t begin_us = gw_clock_monotonic_us();
  while (bench->done == 0 && gw_clock_monotonic_us() - begin_us < 10ull * GW_FAILURE_SEARCH_BOUND_MS * 1000)
    gw_loop_run_once(bench->loop, 100);
  assert_int_equal(bench->done, 1);
  assert_int_equal(bench->count, 2);
  assert_int_equal(bench->silent_workers, 1);
  answer(bench, bench->search, 3, 4);
  assert_int_equal(bench->done, 1);
}

static void test_more_searches_than_there_may_be_are_answered_at_once(void **state) {
  struct bench *bench = *state;
  for (uint32_t i = 0; i < GW_FAILURE_SEARCHES_MAX; i++)
    start(bench, i);
  assert_int_equal(bench->done, 0);
  start(bench, 99);
  assert_int_equal(bench->done, 1);
  assert_int_equal(bench->query_id, 99);
  assert_int_equal(bench->silent_workers, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_answers_of_all_workers_come_in_the_order_of_time),
      TEST(test_worker_that_is_silent_is_counted_and_too_late_later),
      TEST(test_more_searches_than_there_may_be_are_answered_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
