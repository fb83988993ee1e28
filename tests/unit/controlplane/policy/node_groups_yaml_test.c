/* What `node_groups` of routes and listeners become. */
#include "controlplane/policy/node_groups_yaml.h"

#include "common/model/node_group.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

/* "NAME>CLUSTER " a route, in the order of the wire. */
static void assert_routes(const struct gw_route_config *config, const char *expected) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  for (uint32_t v = 0; v < config->virtual_host_count; v++)
    for (uint32_t i = 0; i < config->virtual_hosts[v].route_count; i++) {
      const struct gw_route *route = &config->virtual_hosts[v].routes[i];
      gw_strbuf_printf(&out, "%.*s", GW_STR_ARG(route->name));
      if (route->action == GW_ROUTE_FORWARD) gw_strbuf_printf(&out, ">%.*s", GW_STR_ARG(route->forward.cluster));
      gw_strbuf_append_char(&out, ' ');
    }
  assert_string_equal(out.len > 0 ? out.data : "", expected);
  gw_strbuf_done(&out);
}

static const char services[] = "services:\n"
                               "  s: {instances: [{url: http://127.0.0.1:1}]}\n"
                               "  t: {instances: [{url: http://127.0.0.1:2}]}\n";

static void test_without_groups_there_are_none(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: [{path: /a, service: s}]\n", services);
  assert_int_equal(policy->group_count, 0);
  assert_int_equal(policy->routes[0].group_count, 0);
  gw_policy_free(policy);
}

static void test_groups_have_their_routes_beside_those_of_all(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: /all, service: s}\n"
                                          "  - {path: /edge, service: t, node_groups: edge}\n"
                                          "  - {path: /both, service: t, node_groups: [inner, edge]}\n",
                                          services);
  assert_routes(&policy->route_configs[0], "/all>s ");
  assert_int_equal(policy->group_count, 2);
  assert_true(gw_str_equal(policy->groups[0].name, GW_STR("edge")));
  assert_routes(&policy->groups[0].route_configs[0], "/all>s /both>t /edge>t ");
  assert_routes(&policy->groups[1].route_configs[0], "/all>s /both>t ");
  assert_int_equal(policy->groups[1].listener_count, 1);
  assert_int_equal(policy->route_count, 3); /* each is listed once */
  gw_policy_free(policy);
}

static void test_route_of_a_group_comes_before_that_of_all(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: /a, service: s}\n"
                                          "  - {path: /a, service: t, node_groups: edge}\n",
                                          services);
  assert_routes(&policy->route_configs[0], "/a>s ");
  assert_routes(&policy->groups[0].route_configs[0], "/a>t /a>s ");
  gw_policy_free(policy);
}

static void test_written_head_of_a_group_takes_no_implied_one_from_others(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: /a, service: s, methods: [GET]}\n"
                                          "  - {path: /a, service: t, methods: [HEAD], node_groups: edge}\n",
                                          services);
  assert_routes(&policy->route_configs[0], "GET,HEAD /a>s 405 /a ");
  assert_routes(&policy->groups[0].route_configs[0], "GET /a>s HEAD /a>t 405 /a ");
  gw_policy_free(policy);
}

static void test_same_path_is_no_conflict_in_groups_that_never_meet(void **state) {
  (void)state;
  gw_policy_free(fixture_good("routes:\n"
                              "  - {path: /a, service: s, node_groups: edge}\n"
                              "  - {path: /a, service: t, node_groups: inner}\n",
                              services));
  fixture_refused("routes:\n"
                  "  - {path: /a, service: s, node_groups: [edge, inner, third]}\n"
                  "  - {path: /a, service: t, node_groups: [inner, third]}\n",
                  services, "routes.yaml:3:12: /a matches the same requests as the route in line 2; give them different methods\n");
}

static void test_listeners_of_groups_may_have_the_same_port(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("listeners:\n"
                                          "  - {name: one, port: 1000, node_groups: edge}\n"
                                          "  - {name: two, port: 1000, node_groups: inner}\n"
                                          "  - {name: three, port: 1001}\n"
                                          "routes: []\n",
                                          services);
  assert_int_equal(policy->listener_count, 1);
  assert_int_equal(policy->groups[0].listener_count, 2);
  assert_true(gw_str_equal(policy->groups[0].listeners[0].name, GW_STR("one")));
  assert_true(gw_str_equal(policy->groups[1].listeners[0].name, GW_STR("two")));
  gw_policy_free(policy);
  fixture_refused("listeners:\n"
                  "  - {name: one, port: 1000}\n"
                  "  - {name: two, port: 1000, node_groups: inner}\n"
                  "routes: []\n",
                  services, "routes.yaml:3:5: 0.0.0.0:1000 is listened on by the listener in line 2 already\n");
}

static void test_bad_groups_are_told(void **state) {
  (void)state;
  fixture_refused("routes:\n  - {path: /a, service: s, node_groups: []}\n", services,
                  "routes.yaml:2:41: node_groups lists 1 to 32 groups; leave it out for all nodes\n");
  fixture_refused("routes:\n  - {path: /a, service: s, node_groups: [a b, x, x]}\n", services,
                  "routes.yaml:2:42: a node group is the --node-cluster of its data planes: 1 to 60 letters, digits, - _ and .\n"
                  "routes.yaml:2:50: x stands here twice\n");
}

static void test_more_groups_than_there_may_be_are_a_mistake(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "routes:\n");
  for (int i = 0; i < 33; i++)
    gw_strbuf_printf(&text, "  - {path: /a%d, service: s, node_groups: g%d}\n", i, i);
  fixture_refused(text.data, services, "routes.yaml:34:43: there are at most 32 node groups\n");
  gw_strbuf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_groups_there_are_none),
      cmocka_unit_test(test_groups_have_their_routes_beside_those_of_all),
      cmocka_unit_test(test_route_of_a_group_comes_before_that_of_all),
      cmocka_unit_test(test_written_head_of_a_group_takes_no_implied_one_from_others),
      cmocka_unit_test(test_same_path_is_no_conflict_in_groups_that_never_meet),
      cmocka_unit_test(test_listeners_of_groups_may_have_the_same_port),
      cmocka_unit_test(test_bad_groups_are_told),
      cmocka_unit_test(test_more_groups_than_there_may_be_are_a_mistake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
