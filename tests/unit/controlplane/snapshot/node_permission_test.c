#include "controlplane/snapshot/node_permission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_uri_covers_exactly_the_nodes_that_it_names(void **state) {
  (void)state;
  static const struct {
    const char *uri;
    const char *cluster;
    const char *id;
    bool is_covered;
  } cases[] = {
      {"spiffe://d.example/gateway/edge/node-1", "edge", "node-1", true},
      {"spiffe://any.other/gateway/edge/node-1", "edge", "node-1", true},
      {"spiffe://d/gateway/*/node-1", "edge", "node-1", true},
      {"spiffe://d/gateway/edge/*", "edge", "node-1", true},
      {"spiffe://d/gateway/*/*", "edge", "node-1", true},
      {"spiffe://d/gateway/*/*", "", "node-1", true},
      {"spiffe://d/gateway/edge/*", "edge", "a/b", true}, /* whatever the id is made of */
      {"spiffe://d/gateway/edge/node-1", "edge", "node-2", false},
      {"spiffe://d/gateway/edge/node-1", "core", "node-1", false},
      {"spiffe://d/gateway/edge/node-1", "edge", "NODE-1", false},
      {"spiffe://d/gateway/edge/node-1", "edge", "node-1 ", false},
      {"spiffe://d/gateway/edge/node-1", "edge", "*", false},
      {"spiffe://d/gateway/edge/node-1", "*", "node-1", false},
      {"spiffe://d/gateway/edge/node*", "edge", "node-1", false}, /* a star is the whole part, or a character */
      {"spiffe://d/gateway/edge/a/b", "edge", "a/b", false},
      {"spiffe://d/gateway/edge/a/b", "edge/a", "b", false},
      {"spiffe://d/gateway/edge/node%2D1", "edge", "node-1", false},
      {"spiffe://d/gateway/edge/node-1/", "edge", "node-1", false},
      {"spiffe://d/gateway/edge/", "edge", "", false},
      {"spiffe://d/gateway/edge/*", "edge", "", false},
      {"spiffe://d/gateway//node-1", "", "node-1", false},
      {"spiffe:///gateway/edge/node-1", "edge", "node-1", false},
      {"spiffe://d/gateway/edge", "edge", "node-1", false},
      {"spiffe://d/gateway-admin/edge/node-1", "edge", "node-1", false},
      {"spiffe://d/x/gateway/edge/node-1", "edge", "node-1", false},
      {"SPIFFE://d/gateway/edge/node-1", "edge", "node-1", false},
      {"https://d/gateway/edge/node-1", "edge", "node-1", false},
      {"spiffe://d/gateway/edge/node-1?x", "edge", "node-1", false},
      {"spiffe://", "edge", "node-1", false},
      {"", "edge", "node-1", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    bool is_covered = gw_node_permission_covers(gw_str_from(cases[i].uri), gw_str_from(cases[i].id), gw_str_from(cases[i].cluster));
    if (is_covered != cases[i].is_covered) fail_msg("%s for %s of %s", cases[i].uri, cases[i].id, cases[i].cluster);
  }
}

static void test_uri_with_a_zero_byte_covers_nothing_before_it(void **state) {
  (void)state;
  struct gw_str uri = GW_STR("spiffe://d/gateway/edge/node-1\0.evil");
  assert_false(gw_node_permission_covers(uri, GW_STR("node-1"), GW_STR("edge")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_uri_covers_exactly_the_nodes_that_it_names),
      cmocka_unit_test(test_uri_with_a_zero_byte_covers_nothing_before_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
