#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/resolver.h"

#define WAIT_MS 10000
/* RFC 6761: resolvers answer these without asking anybody. */
#define NO_SUCH_HOST "no-such-host.invalid"

static struct gw_loop *loop;
static struct gw_resolver *resolver;

static int setup(void **state) {
  (void)state;
  loop = gw_loop_new();
  resolver = gw_resolver_new(loop, 2);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_resolver_free(resolver);
  gw_loop_free(loop);
  return 0;
}

struct answer {
  uint32_t calls;
  enum gw_err err;
  uint32_t count;
  struct gw_address addresses[GW_RESOLVER_ADDRESSES_MAX];
};

static void on_answer(void *arg, enum gw_err err, const struct gw_address *addresses, uint32_t count, const char *reason) {
  struct answer *answer = arg;
  assert_non_null(reason);
  answer->calls++;
  answer->err = err;
  answer->count = count;
  if (count > 0) memcpy(answer->addresses, addresses, count * sizeof(addresses[0]));
}

static void wait_for(const struct answer *answer, uint32_t calls) {
  uint64_t end = gw_clock_monotonic_us() + WAIT_MS * 1000;
  while (answer->calls < calls && gw_clock_monotonic_us() < end)
    gw_loop_run_once(loop, 50);
  assert_int_equal(answer->calls, calls);
}

static void test_numeric_host_is_answered_later_with_its_port(void **state) {
  (void)state;
  struct answer answer = {0};
  char text[GW_ADDRESS_TEXT_SIZE];
  gw_resolver_resolve(resolver, GW_STR("::1"), 8080, on_answer, &answer);
  assert_int_equal(answer.calls, 0);
  wait_for(&answer, 1);
  assert_int_equal(answer.err, GW_OK);
  assert_int_equal(answer.count, 1);
  assert_string_equal(gw_address_format(&answer.addresses[0], text).data, "[::1]:8080");
}

static void test_localhost_is_sorted_and_without_doubles(void **state) {
  (void)state;
  struct answer answer = {0};
  gw_resolver_resolve(resolver, GW_STR("localhost"), 80, on_answer, &answer);
  wait_for(&answer, 1);
  assert_int_equal(answer.err, GW_OK);
  assert_true(answer.count >= 1);
  for (uint32_t i = 0; i < answer.count; i++) {
    assert_true(gw_address_is_loopback(&answer.addresses[i]));
    assert_int_equal(gw_address_port(&answer.addresses[i]), 80);
    if (i > 0) assert_false(gw_address_equal(&answer.addresses[i - 1], &answer.addresses[i]));
    if (i > 0 && answer.addresses[i].any.sa_family == AF_INET) assert_int_equal(answer.addresses[i - 1].any.sa_family, AF_INET);
  }
}

static void test_absent_and_impossible_names_have_no_address(void **state) {
  (void)state;
  struct answer answer = {0};
  gw_resolver_resolve(resolver, GW_STR(""), 80, on_answer, &answer);
  wait_for(&answer, 1);
  assert_int_equal(answer.err, GW_ERR_NOT_FOUND);
  gw_resolver_resolve(resolver, GW_STR("a\0b"), 80, on_answer, &answer);
  wait_for(&answer, 2);
  assert_int_equal(answer.err, GW_ERR_NOT_FOUND);
  gw_resolver_resolve(resolver, GW_STR(NO_SUCH_HOST), 80, on_answer, &answer);
  wait_for(&answer, 3);
  /* Without any name server getaddrinfo says "try again". */
  assert_true(answer.err == GW_ERR_NOT_FOUND || answer.err == GW_ERR_IO);
  assert_int_equal(answer.count, 0);
}

static void test_more_queries_than_threads_are_all_answered(void **state) {
  (void)state;
  struct answer answer = {0};
  for (int i = 0; i < 50; i++)
    gw_resolver_resolve(resolver, i % 2 == 0 ? GW_STR("localhost") : GW_STR("127.0.0.1"), 80, on_answer, &answer);
  wait_for(&answer, 50);
}

/* Whether it still waits, is being looked up or has its answer in the mail depends on the moment: none may call back or leak. */
static void test_cancelled_queries_do_not_call_back(void **state) {
  (void)state;
  struct answer cancelled = {0};
  struct answer last = {0};
  for (int i = 0; i < 50; i++) {
    struct gw_resolver_query *query =
        gw_resolver_resolve(resolver, i % 2 == 0 ? GW_STR("localhost") : GW_STR("127.0.0.1"), 80, on_answer, &cancelled);
    gw_resolver_resolve(resolver, GW_STR("localhost"), 80, on_answer, &last);
    gw_resolver_cancel(query);
  }
  wait_for(&last, 50);
  assert_int_equal(cancelled.calls, 0);
  gw_resolver_cancel(NULL);
}

static void test_free_forgets_open_queries(void **state) {
  (void)state;
  struct answer answer = {0};
  for (int i = 0; i < 50; i++)
    gw_resolver_resolve(resolver, i % 2 == 0 ? GW_STR("localhost") : GW_STR("127.0.0.1"), 80, on_answer, &answer);
  gw_resolver_free(resolver);
  resolver = NULL;
  assert_int_equal(answer.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_numeric_host_is_answered_later_with_its_port), TEST(test_localhost_is_sorted_and_without_doubles),
      TEST(test_absent_and_impossible_names_have_no_address),  TEST(test_more_queries_than_threads_are_all_answered),
      TEST(test_cancelled_queries_do_not_call_back),           TEST(test_free_forgets_open_queries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
