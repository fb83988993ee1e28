/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "common/base/mem.h"
#include "dataplane/cluster/load.h"

#define PRIORITIES 3

struct spread {
  uint32_t endpoints[PRIORITIES];
  uint32_t healthy[PRIORITIES];
  uint32_t threshold;
  uint32_t shares[PRIORITIES];
  bool panics[PRIORITIES];
};

/* The first ones are those of Envoy's documentation, "priority levels" and "panic threshold". */
static const struct spread spreads[] = {
    {{100, 100}, {100, 100}, 50, {100, 0}, {0}},
    {{100, 100}, {72, 72}, 50, {100, 0}, {0}},
    {{100, 100}, {71, 71}, 50, {99, 1}, {0}},
    {{100, 100}, {50, 60}, 50, {70, 30}, {0}},
    {{100, 100}, {25, 100}, 50, {35, 65}, {0}},
    {{100, 100}, {25, 25}, 0, {50, 50}, {0}},
    {{100, 100, 100}, {25, 25, 20}, 0, {37, 35, 28}, {0}},
    {{100, 100}, {0, 100}, 50, {0, 100}, {0}},
    /* both can't take it all: priority 1 by its health, and in panic */
    {{100, 100}, {50, 5}, 50, {91, 9}, {false, true}},
    {{100, 100}, {25, 10}, 20, {72, 28}, {false, true}},
    /* panic everywhere: by number */
    {{4, 4}, {1, 1}, 50, {50, 50}, {true, true, true}},
    {{3, 1}, {0, 0}, 50, {75, 25}, {true, true, true}},
    {{1, 1, 1}, {0, 0, 0}, 1, {34, 33, 33}, {true, true, true}},
    {{2}, {0}, 50, {100}, {true, true, true}},
    {{2}, {1}, 50, {100}, {false, true, true}},
    {{4}, {1}, 50, {100}, {true, true, true}},
    {{4}, {1}, 25, {100}, {false, true, true}},
    /* a threshold of 100: anything short of 1.4 times all */
    {{10}, {7}, 100, {100}, {true, true, true}},
    {{10}, {8}, 100, {100}, {false}},
    /* no panic, nobody well */
    {{2, 2}, {0, 0}, 0, {100, 0}, {0}},
    /* empty priorities are skipped */
    {{0, 4}, {0, 4}, 50, {0, 100}, {0}},
    {{0, 0, 3}, {0, 0, 0}, 50, {0, 0, 100}, {true, true, true}},
    {{0, 0, 0}, {0, 0, 0}, 50, {0, 0, 0}, {0}},
};

static void test_spread_is_envoys(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(spreads); i++) {
    const struct spread *s = &spreads[i];
    struct gw_load_part parts[PRIORITIES];
    for (uint32_t k = 0; k < PRIORITIES; k++)
      parts[k] = (struct gw_load_part){.endpoint_count = s->endpoints[k], .healthy_count = s->healthy[k]};
    gw_load_spread(parts, PRIORITIES, s->threshold);
    for (uint32_t k = 0; k < PRIORITIES; k++) {
      bool is_right_panic = s->endpoints[k] == 0 || parts[k].ret_is_panicking == s->panics[k];
      if (parts[k].ret_share != s->shares[k] || !is_right_panic)
        fail_msg("case %zu, priority %u: %u %%, panic %d", i, k, parts[k].ret_share, parts[k].ret_is_panicking);
    }
  }
}

/* Whatever the numbers: all is given away, or there is nobody; and who gets something has somebody to serve it. */
static void test_spread_gives_all_to_those_who_can(void **state) {
  (void)state;
  for (uint32_t n = 0; n < 7 * 7 * 7 * 7; n++) {
    uint32_t endpoints[2] = {n % 7, n / 7 % 7}, healthy[2] = {n / 49 % 7, n / 343};
    if (healthy[0] > endpoints[0] || healthy[1] > endpoints[1]) continue;
    for (uint32_t threshold = 0; threshold <= 100; threshold += 10) {
      struct gw_load_part parts[2] = {{.endpoint_count = endpoints[0], .healthy_count = healthy[0]},
                                      {.endpoint_count = endpoints[1], .healthy_count = healthy[1]}};
      gw_load_spread(parts, 2, threshold);
      if (endpoints[0] + endpoints[1] == 0) continue;
      assert_int_equal(parts[0].ret_share + parts[1].ret_share, 100);
      if (threshold == 0 && healthy[0] + healthy[1] == 0) continue;
      for (int i = 0; i < 2; i++)
        assert_true(parts[i].ret_share == 0 || healthy[i] > 0 || (parts[i].ret_is_panicking && endpoints[i] > 0));
    }
  }
}

static struct gw_load *build(uint32_t threshold, struct gw_frozen_endpoint *endpoints, uint32_t count,
                             struct gw_load_balancing *balancing) {
  *balancing = (struct gw_load_balancing){.policy = GW_LB_ROUND_ROBIN, .panic_threshold_percent = threshold};
  return gw_load_build(balancing, endpoints, count);
}

static void test_build_lists_who_may_be_picked(void **state) {
  (void)state;
  struct gw_load_balancing balancing;
  struct gw_frozen_endpoint endpoints[] = {{.weight = 1, .priority = 1, .is_healthy = true},
                                           {.weight = 2, .priority = 0, .is_healthy = false},
                                           {.weight = 3, .priority = 0, .is_healthy = true},
                                           {.weight = 1, .priority = 1, .is_healthy = true}};
  struct gw_load *load = build(50, endpoints, 4, &balancing);
  assert_int_equal(load->level_count, 2);
  assert_int_equal(load->levels[0].share, 70);
  assert_int_equal(load->levels[0].usable_count, 1);
  assert_int_equal(load->levels[0].usable[0], 2);
  assert_int_equal(load->levels[1].share, 30);
  assert_int_equal(load->levels[1].usable_count, 2);
  assert_int_equal(load->levels[1].usable[0], 0);
  assert_int_equal(load->levels[1].usable[1], 3);
  assert_int_equal(load->levels[0].weight_sum, 3);
  assert_int_equal(load->levels[1].weight_sum, 2);
  assert_int_equal(load->levels[1].weight_max, 1);
  gw_load_free(load);
}

/* Half of the endpoints and fewer: all are used, until the threshold says otherwise. */
static void test_build_in_panic_uses_all(void **state) {
  (void)state;
  struct gw_load_balancing balancing;
  struct gw_frozen_endpoint endpoints[] = {{.weight = 1, .is_healthy = false},
                                           {.weight = 2, .is_healthy = false},
                                           {.weight = 1, .is_healthy = true}};
  struct gw_load *load = build(50, endpoints, 3, &balancing);
  assert_int_equal(load->level_count, 1);
  assert_true(load->levels[0].is_panicking);
  assert_int_equal(load->levels[0].usable_count, 3);
  assert_int_equal(load->levels[0].weight_sum, 4);
  assert_int_equal(load->levels[0].weight_min, 1);
  assert_int_equal(load->levels[0].weight_max, 2);
  gw_load_free(load);
  load = build(33, endpoints, 3, &balancing);
  assert_false(load->levels[0].is_panicking);
  assert_int_equal(load->levels[0].usable_count, 1);
  gw_load_free(load);
  endpoints[2].is_healthy = false;
  load = build(0, endpoints, 3, &balancing);
  assert_int_equal(load->level_count, 0);
  gw_load_free(load);
}

/* Who waits for its first check is nobody yet: two of four are well, not two of six. In a panic all are used. */
static void test_build_does_not_count_new_ones_where_that_is_said(void **state) {
  (void)state;
  struct gw_load_balancing balancing = {.policy = GW_LB_ROUND_ROBIN, .panic_threshold_percent = 50};
  struct gw_frozen_endpoint endpoints[] = {{.weight = 1, .is_healthy = true},
                                           {.weight = 1, .is_healthy = true},
                                           {.weight = 1},
                                           {.weight = 1},
                                           {.weight = 1, .is_new = true},
                                           {.weight = 1, .is_new = true}};
  struct gw_load *load = gw_load_build(&balancing, endpoints, 6);
  assert_int_equal(load->levels[0].usable_count, 6);
  gw_load_free(load);
  balancing.has_uncounted_new = true;
  load = gw_load_build(&balancing, endpoints, 6);
  assert_int_equal(load->levels[0].usable_count, 2);
  gw_load_free(load);
  endpoints[0].is_healthy = false;
  load = gw_load_build(&balancing, endpoints, 6);
  assert_true(load->levels[0].is_panicking);
  assert_int_equal(load->levels[0].usable_count, 6);
  gw_load_free(load);
  /* Nobody else there: they count after all. */
  load = gw_load_build(&balancing, &endpoints[4], 2);
  assert_int_equal(load->levels[0].usable_count, 2);
  gw_load_free(load);
}

static void test_build_without_endpoints_has_no_levels(void **state) {
  (void)state;
  struct gw_load_balancing balancing;
  struct gw_load *load = build(50, NULL, 0, &balancing);
  assert_int_equal(load->level_count, 0);
  gw_load_free(load);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spread_is_envoys),
      cmocka_unit_test(test_spread_gives_all_to_those_who_can),
      cmocka_unit_test(test_build_lists_who_may_be_picked),
      cmocka_unit_test(test_build_in_panic_uses_all),
      cmocka_unit_test(test_build_does_not_count_new_ones_where_that_is_said),
      cmocka_unit_test(test_build_without_endpoints_has_no_levels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
