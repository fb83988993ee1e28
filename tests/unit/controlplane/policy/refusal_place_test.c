#include "controlplane/policy/refusal_place.h"

#include "tests/unit/controlplane/policy/policy_fixture.h"

static const char routes[] = "listeners:\n- {name: gateway, port: 0}\n- {name: other, port: 0}\nroutes:\n- {path: /a, service: s}\n"
                             "- {path: /a/b, service: s}\n- {name: shop, path: /shop, service: s, methods: [GET]}\n";

static void check(enum gw_refused what, const char *text, const char *expected) {
  struct gw_policy *policy = fixture_good(routes, FIXTURE_SERVICES);
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_refusal refusal = {.what = what, .text = gw_str_from(text)};
  const char *place = gw_refusal_place_find(policy, &refusal, "r.yaml", "s.yaml", &arena);
  if (expected == NULL)
    assert_null(place);
  else
    assert_string_equal(place, expected);
  gw_arena_done(&arena);
  gw_policy_free(policy);
}

static void test_names_lead_to_their_lines(void **state) {
  (void)state;
  check(GW_REFUSED_SERVICE, "Error adding/updating cluster(s) s: no", "s.yaml:1:12");
  check(GW_REFUSED_LISTENER, "Error adding/updating listener(s) other: cannot bind", "r.yaml:3:3");
  check(GW_REFUSED_ROUTE, "route 'shop' is no good", "r.yaml:7:22");
  check(GW_REFUSED_ROUTE, "the route /a/b is no good", "r.yaml:6:10"); /* the longest name */
}

static void test_places_lead_to_their_lines(void **state) {
  (void)state;
  check(GW_REFUSED_ROUTE, "gateway: virtual_hosts[0].routes[0].match: no", "r.yaml:5:10");
  check(GW_REFUSED_ROUTE, "virtual_hosts[0].routes[99].match: no", NULL);
  check(GW_REFUSED_ROUTE, "virtual_hosts[9].routes[0].match: no", NULL);
  check(GW_REFUSED_ROUTE, "virtual_hosts[0].routes[x].match: no", NULL);
}

/* A node of a group has an order of its own. */
static void test_places_are_those_of_the_nodes_group(void **state) {
  (void)state;
  struct gw_policy *policy =
      fixture_good("routes:\n- {path: /b, service: s}\n- {path: /a, service: s, node_groups: [edge]}\n", FIXTURE_SERVICES);
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_refusal refusal = {.what = GW_REFUSED_ROUTE, .text = GW_STR("virtual_hosts[0].routes[0].match: no")};
  assert_string_equal(gw_refusal_place_find(policy, &refusal, "r.yaml", "s.yaml", &arena), "r.yaml:2:10");
  refusal.cluster = GW_STR("edge");
  assert_string_equal(gw_refusal_place_find(policy, &refusal, "r.yaml", "s.yaml", &arena), "r.yaml:3:10");
  gw_arena_done(&arena);
  gw_policy_free(policy);
}

static void test_what_names_nothing_has_no_place(void **state) {
  (void)state;
  check(GW_REFUSED_SERVICE, "services are bad", NULL); /* "s" only by itself */
  check(GW_REFUSED_LISTENER, "another", NULL);
  check(GW_REFUSED_ROUTE, "", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_lead_to_their_lines),
      cmocka_unit_test(test_places_lead_to_their_lines),
      cmocka_unit_test(test_places_are_those_of_the_nodes_group),
      cmocka_unit_test(test_what_names_nothing_has_no_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
