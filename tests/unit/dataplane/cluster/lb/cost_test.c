/* A pick from 10,000 endpoints costs about what one from 10 does. */
#include <time.h>

#include "tests/unit/dataplane/cluster/lb/balancer_fixture.h"

#define PICKS 20000
#define ROUNDS 5

static uint64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The best of some rounds: nothing that comes between makes a round faster. */
static uint64_t cost_of_picks(struct gw_load_balancing balancing, uint32_t count, bool has_weights) {
  GW_CLEANUP(gw_free_ptr) uint32_t *weights = gw_calloc(count, sizeof(*weights));
  for (uint32_t i = 0; i < count; i++)
    weights[i] = has_weights ? i % 7 + 1 : 1;
  struct fixture f;
  fixture_start(&f, balancing, weights, count, 1);
  uint64_t best = UINT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t began = cpu_ns();
    for (uint64_t i = 0; i < PICKS; i++)
      fixture_pick_key(&f, i);
    uint64_t cost = cpu_ns() - began;
    if (cost < best) best = cost;
  }
  fixture_stop(&f);
  return best;
}

/* A scan would take 1,000 times as long. Log n is 4 times, and cold caches may be worth some more. */
static void test_pick_of_10000_is_no_scan(void **state) {
  (void)state;
  static const struct gw_load_balancing policies[] = {
      {.policy = GW_LB_ROUND_ROBIN},
      {.policy = GW_LB_LEAST_REQUEST, .choice_count = 2, .active_request_bias = 1},
      {.policy = GW_LB_RANDOM},
      {.policy = GW_LB_RING_HASH, .ring_size_min = 16384, .ring_size_max = 1048576},
      {.policy = GW_LB_MAGLEV, .table_size = 65537},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(policies); i++) {
    for (int has_weights = 0; has_weights < 2; has_weights++) {
      uint64_t few = cost_of_picks(policies[i], 10, has_weights), many = cost_of_picks(policies[i], 10000, has_weights);
      if (many > few * 50)
        fail_msg("policy %d: %llu ns, then %llu", (int)policies[i].policy, (unsigned long long)few, (unsigned long long)many);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pick_of_10000_is_no_scan)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
