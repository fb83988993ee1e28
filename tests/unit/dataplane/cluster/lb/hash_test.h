/* Why: what is asked of ring hash and Maglev alike: shares, steadiness, disruption.
 * Life: no objects.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_CLUSTER_LB_HASH_TEST_H
#define GW_TESTS_UNIT_DATAPLANE_CLUSTER_LB_HASH_TEST_H

#include "tests/unit/dataplane/cluster/lb/balancer_fixture.h"

#define KEYS 100000u

/* Each endpoint's share of the keys is within `tolerance` of its weight's. */
static inline void assert_shares(struct gw_load_balancing balancing, const uint32_t *weights, uint32_t count, double tolerance) {
  struct fixture f;
  fixture_start(&f, balancing, weights, count, 1);
  GW_CLEANUP(gw_free_ptr) uint32_t *seen = gw_calloc(count, sizeof(*seen));
  double sum = 0;
  for (uint32_t i = 0; i < count; i++)
    sum += weights[i];
  for (uint64_t key = 0; key < KEYS; key++)
    seen[fixture_pick_key(&f, key)]++;
  for (uint32_t i = 0; i < count; i++) {
    double wanted = KEYS * weights[i] / sum;
    if (seen[i] < wanted * (1 - tolerance) || seen[i] > wanted * (1 + tolerance))
      fail_msg("endpoint %u has %u keys, not %.0f", i, seen[i], wanted);
  }
  fixture_stop(&f);
}

/* Every worker, whatever its random numbers, sends a key to the same endpoint, each time. */
static inline void assert_steady(struct gw_load_balancing balancing) {
  static const uint32_t weights[] = {3, 1, 2, 2, 9};
  struct fixture a, b;
  fixture_start(&a, balancing, weights, 5, 1);
  fixture_start(&b, balancing, weights, 5, 99);
  for (uint64_t key = 0; key < 1000; key++) {
    uint32_t first = fixture_pick_key(&a, key);
    fixture_pick(&a);
    assert_int_equal(fixture_pick_key(&a, key), first);
    assert_int_equal(fixture_pick_key(&b, key), first);
  }
  fixture_stop(&a);
  fixture_stop(&b);
}

/* The share of all keys that go elsewhere when the first of 100 endpoints leaves; those that were its own are 1 % and can't but go. */
static inline double disruption(struct gw_load_balancing balancing) {
  struct fixture before, after;
  fixture_start_at(&before, balancing, NULL, 0, 100, 1);
  fixture_start_at(&after, balancing, NULL, 1, 99, 1);
  uint32_t moved = 0;
  for (uint64_t key = 0; key < KEYS; key++) {
    struct gw_str old = before.endpoints[fixture_pick_key(&before, key)].text;
    moved += !gw_str_equal(old, after.endpoints[fixture_pick_key(&after, key)].text);
  }
  fixture_stop(&before);
  fixture_stop(&after);
  return moved / (double)KEYS;
}

#endif
