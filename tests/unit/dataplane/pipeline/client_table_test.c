/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <stdatomic.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/client_table.h"

#define THREADS 4
#define ROUNDS 20000

static struct gw_address address(const char *text) {
  struct gw_address parsed;
  assert_int_equal(gw_address_parse_ip(gw_str_from(text), 1234, &parsed), GW_OK);
  return parsed;
}

static void test_client_at_its_limit_is_refused_until_one_leaves(void **state) {
  (void)state;
  struct gw_client_table *table = gw_client_table_new();
  struct gw_address one = address("192.0.2.1");
  struct gw_address other = address("192.0.2.2");
  assert_true(gw_client_table_enter(table, &one, 2));
  assert_true(gw_client_table_enter(table, &one, 2));
  assert_false(gw_client_table_enter(table, &one, 2));
  assert_true(gw_client_table_enter(table, &other, 2));
  assert_int_equal(gw_client_table_count(table), 2);
  gw_client_table_leave(table, &one);
  assert_true(gw_client_table_enter(table, &one, 2));
  assert_false(gw_client_table_enter(table, &one, 2));
  gw_client_table_leave(table, &one);
  gw_client_table_leave(table, &one);
  gw_client_table_leave(table, &other);
  assert_int_equal(gw_client_table_count(table), 0);
  gw_client_table_free(table);
}

static void test_client_is_an_ipv4_address_or_a_64_of_ipv6(void **state) {
  (void)state;
  static const struct {
    const char *one;
    const char *other;
    bool is_same;
  } cases[] = {
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
      {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
      {"192.0.2.1", "192.0.3.1", false},
      {"::1", "0.0.0.1", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_client_table *table = gw_client_table_new();
    struct gw_address one = address(cases[i].one);
    struct gw_address other = address(cases[i].other);
    assert_true(gw_client_table_enter(table, &one, 1));
    bool is_same = !gw_client_table_enter(table, &other, 1);
    if (is_same != cases[i].is_same) fail_msg("%s and %s", cases[i].one, cases[i].other);
    gw_client_table_leave(table, &one);
    if (!is_same) gw_client_table_leave(table, &other);
    gw_client_table_free(table);
  }
}

struct crowd {
  struct gw_client_table *table;
  struct gw_address shared;
  atomic_int inside;
  atomic_int most;
};

static void *come_and_go(void *arg) {
  struct crowd *crowd = arg;
  for (int i = 0; i < ROUNDS; i++) {
    if (!gw_client_table_enter(crowd->table, &crowd->shared, THREADS - 1)) continue;
    int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
    int most = atomic_load(&crowd->most);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside))
      continue;
    atomic_fetch_sub(&crowd->inside, 1);
    gw_client_table_leave(crowd->table, &crowd->shared);
  }
  return NULL;
}

static void test_threads_together_never_pass_the_limit(void **state) {
  (void)state;
  struct crowd crowd = {.table = gw_client_table_new(), .shared = address("192.0.2.1")};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_in_range(atomic_load(&crowd.most), 1, THREADS - 1);
  assert_int_equal(gw_client_table_count(crowd.table), 0);
  gw_client_table_free(crowd.table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_client_at_its_limit_is_refused_until_one_leaves),
      cmocka_unit_test(test_client_is_an_ipv4_address_or_a_64_of_ipv6),
      cmocka_unit_test(test_threads_together_never_pass_the_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
