/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/host.h"

struct main_side {
  struct gw_loop *loop;
  struct gw_mailbox *inbox;
  struct gw_host *host;
  uint32_t notices[GW_OUTLIER_CAUSE_COUNT];
};

static void on_notice(void *arg, struct gw_mail *mail) {
  struct main_side *it = arg;
  struct gw_host_notice *notice = GW_CONTAINER_OF(mail, struct gw_host_notice, mail);
  assert_ptr_equal(notice->host, it->host);
  it->notices[notice->cause]++;
  gw_host_unref(notice->host);
  free(notice);
}

static int setup(void **state) {
  struct main_side *it = gw_calloc(1, sizeof(*it));
  it->loop = gw_loop_new();
  it->inbox = gw_mailbox_new(it->loop, on_notice, it);
  it->host = gw_host_new(it->inbox, it);
  *state = it;
  return 0;
}

static int teardown(void **state) {
  struct main_side *it = *state;
  gw_mailbox_free(it->inbox);
  gw_host_leave(it->host);
  gw_loop_free(it->loop);
  free(it);
  return 0;
}

static void count(struct main_side *it, const uint32_t *statuses, size_t status_count) {
  for (size_t i = 0; i < status_count; i++)
    gw_host_count(it->host, statuses[i]);
  gw_loop_run_once(it->loop, 0);
}
#define COUNT(it, ...) count(it, (const uint32_t[]){__VA_ARGS__}, GW_ARRAY_LEN(((const uint32_t[]){__VA_ARGS__})))

static void test_count_tells_at_its_limit_once(void **state) {
  struct main_side *it = *state;
  it->host->limit_5xx = 3;
  COUNT(it, 500, 501, 200, 500, 500);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 0);
  COUNT(it, 500);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 1);
  COUNT(it, 500, 500, 500, 500);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 1);
  gw_host_forgive(it->host);
  COUNT(it, 599, 502, 503);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 2);
  assert_int_equal(it->notices[GW_OUTLIER_GATEWAY_FAILURE], 0);
}

static void test_gateway_failures_are_502_503_504_in_a_row(void **state) {
  struct main_side *it = *state;
  it->host->limit_gateway_failure = 3;
  COUNT(it, 502, 503, 500, 504, 502, 404, 503, 504, 505, 502, 502);
  assert_int_equal(it->notices[GW_OUTLIER_GATEWAY_FAILURE], 0);
  COUNT(it, 504);
  assert_int_equal(it->notices[GW_OUTLIER_GATEWAY_FAILURE], 1);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 0); /* no limit: never */
}

static void test_counts_are_taken_once(void **state) {
  struct main_side *it = *state;
  uint64_t requests, successes;
  COUNT(it, 200, 404, 302, 500, 504);
  gw_host_take_counts(it->host, &requests, &successes);
  assert_int_equal(requests, 5);
  assert_int_equal(successes, 3);
  gw_host_take_counts(it->host, &requests, &successes);
  assert_int_equal(requests + successes, 0);
}

#define THREADS 4
#define ROUNDS 20000

static void *fail_often(void *arg) {
  struct gw_host *host = arg;
  for (int i = 0; i < ROUNDS; i++)
    gw_host_count(host, 503);
  gw_host_unref(host);
  return NULL;
}

/* However threads interleave, one of them brings the run to the limit, and no failure is lost. */
static void test_threads_count_together(void **state) {
  struct main_side *it = *state;
  pthread_t threads[THREADS];
  it->host->limit_5xx = THREADS * ROUNDS;
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, fail_often, gw_host_ref(it->host)), 0);
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  uint64_t requests, successes;
  gw_host_take_counts(it->host, &requests, &successes);
  assert_int_equal(requests, THREADS * ROUNDS);
  gw_loop_run_once(it->loop, 0);
  assert_int_equal(it->notices[GW_OUTLIER_5XX], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_count_tells_at_its_limit_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_gateway_failures_are_502_503_504_in_a_row, setup, teardown),
      cmocka_unit_test_setup_teardown(test_counts_are_taken_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_threads_count_together, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
