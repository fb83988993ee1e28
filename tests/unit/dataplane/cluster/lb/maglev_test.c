#include "tests/unit/dataplane/cluster/lb/hash_test.h"

static struct gw_load_balancing maglev(uint32_t size) {
  return (struct gw_load_balancing){.policy = GW_LB_MAGLEV, .table_size = size};
}

static void test_shares_go_by_weight(void **state) {
  (void)state;
  static const uint32_t few[] = {1, 2, 5}, many[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  assert_shares(maglev(65537), few, 3, 0.03);
  assert_shares(maglev(65537), many, 10, 0.05);
}

/* Counted by slot there is no chance in it: each is within a slot of its share. */
static void test_slots_are_shared_exactly(void **state) {
  (void)state;
  static const uint32_t weights[] = {7, 1, 1, 5, 100};
  struct fixture f;
  fixture_start(&f, maglev(1009), weights, 5, 1);
  uint32_t seen[5] = {0};
  for (uint64_t slot = 0; slot < 1009; slot++)
    seen[f.balancer->pick(f.state, &(struct gw_balancer_key){true, slot})]++;
  for (int i = 0; i < 5; i++) {
    double wanted = 1009 * weights[i] / 114.0;
    assert_true(seen[i] > wanted - 2 && seen[i] < wanted + 2);
  }
  fixture_stop(&f);
}

static void test_a_key_stays_where_it_is(void **state) {
  (void)state;
  assert_steady(maglev(65537));
}

/* Some keys of others move, too; at most as many as those that had to. */
static void test_disruption_is_at_most_twice_the_least(void **state) {
  (void)state;
  double moved = disruption(maglev(65537));
  assert_true(moved > 0.005 && moved < 0.02);
}

static void test_more_endpoints_than_slots_fill_the_table(void **state) {
  (void)state;
  struct fixture f;
  fixture_start(&f, maglev(7), NULL, 20, 1);
  bool seen[20] = {false};
  for (uint64_t slot = 0; slot < 7; slot++) {
    uint32_t endpoint = f.balancer->pick(f.state, &(struct gw_balancer_key){true, slot});
    assert_true(endpoint < 20 && !seen[endpoint]);
    seen[endpoint] = true;
  }
  fixture_stop(&f);
}

/* Two planes may hear of the same endpoints in different orders; who takes a slot that several want in one round goes by address. */
static void test_order_of_the_endpoints_changes_nothing(void **state) {
  (void)state;
  struct fixture a, b;
  fixture_start(&a, maglev(1009), NULL, 20, 1);
  fixture_start(&b, maglev(1009), NULL, 20, 1);
  for (uint32_t i = 0; i < 20; i++)
    b.endpoints[i] = a.endpoints[19 - i];
  b.balancer->free(b.state);
  gw_load_free(b.load);
  b.load = gw_load_build(&b.balancing, b.endpoints, 20);
  b.state = b.balancer->build(&b.load->levels[0], &b.worker);
  for (uint64_t slot = 0; slot < 1009; slot++) {
    struct gw_balancer_key key = {true, slot};
    assert_true(gw_str_equal(a.endpoints[a.balancer->pick(a.state, &key)].text, b.endpoints[b.balancer->pick(b.state, &key)].text));
  }
  fixture_stop(&b);
  fixture_stop(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares_go_by_weight),
      cmocka_unit_test(test_slots_are_shared_exactly),
      cmocka_unit_test(test_a_key_stays_where_it_is),
      cmocka_unit_test(test_disruption_is_at_most_twice_the_least),
      cmocka_unit_test(test_more_endpoints_than_slots_fill_the_table),
      cmocka_unit_test(test_order_of_the_endpoints_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
