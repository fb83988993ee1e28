#include "common/xds/explanation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"

typedef Gateway__Dataplane__V1__ExplainResponse Answer;

static const struct gw_str groups[] = {{"edge", 4}, {"inner", 5}};

/* An answer with one assumption, of nodes of that cluster. */
static const Answer *answer_for(const char *cluster, uint32_t group_count, struct gw_arena *arena) {
  const struct gw_str assumption = GW_STR("the token is good");
  const struct gw_explanation explanation = {.assumptions = &assumption, .assumption_count = 1};
  Answer *answer = gw_xds_encode_explanation(&explanation, arena);
  gw_xds_explanation_set_nodes(answer, gw_str_from(cluster), groups, group_count, arena);
  assert_string_equal(answer->assumptions[0], "the token is good");
  return answer;
}

static void test_cluster_with_routes_of_its_own_is_named(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const Answer *answer = answer_for("inner", 2, &arena);
  assert_string_equal(answer->node_cluster, "inner");
  assert_int_equal(answer->n_assumptions, 1);
  gw_arena_done(&arena);
}

static void test_cluster_without_any_is_told_that_it_has_none(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  for (uint32_t count = 0; count <= 2; count += 2) {
    const Answer *answer = answer_for("elsewhere", count, &arena);
    assert_string_equal(answer->node_cluster, "");
    assert_int_equal(answer->n_assumptions, 2);
    assert_string_equal(answer->assumptions[1], "nothing is for nodes of cluster elsewhere alone: they have what is for all");
  }
  gw_arena_done(&arena);
}

static void test_no_cluster_is_told_of_groups_if_there_are_any(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  assert_int_equal(answer_for("", 0, &arena)->n_assumptions, 1);
  const Answer *answer = answer_for("", 2, &arena);
  assert_int_equal(answer->n_assumptions, 2);
  assert_string_equal(answer->assumptions[1], "the node is in no group; with routes of their own there are: edge, inner");
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cluster_with_routes_of_its_own_is_named),
      cmocka_unit_test(test_cluster_without_any_is_told_that_it_has_none),
      cmocka_unit_test(test_no_cluster_is_told_of_groups_if_there_are_any),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
