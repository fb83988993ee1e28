#include "common/model/route.h"
#include "group_fixture.h"

static struct gw_snapshot *const none[3];

/* "a c" */
static const char *names_of(const struct gw_snapshot *snapshot, enum gw_resource_type type, char *text, size_t size) {
  text[0] = '\0';
  for (uint32_t i = 0; i < snapshot->lists[type].count; i++) {
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%.*s", i > 0 ? " " : "", GW_STR_ARG(snapshot->lists[type].items[i]->name));
  }
  return text;
}

static void assert_has(const struct gw_snapshot *snapshot, const char *clusters) {
  char text[256];
  assert_string_equal(names_of(snapshot, GW_RESOURCE_CLUSTER, text, sizeof(text)), clusters);
  assert_string_equal(names_of(snapshot, GW_RESOURCE_ENDPOINTS, text, sizeof(text)), clusters);
  assert_string_equal(names_of(snapshot, GW_RESOURCE_LISTENER, text, sizeof(text)), "main");
  assert_string_equal(names_of(snapshot, GW_RESOURCE_ROUTE_CONFIG, text, sizeof(text)), "routes");
}

static struct gw_str first_cluster_of(const struct gw_snapshot *snapshot) {
  return gw_snapshot_find(snapshot, GW_RESOURCE_ROUTE_CONFIG, GW_STR("routes"))->route_config->virtual_hosts[0].routes[0].forward.cluster;
}

static void freeze(struct gw_snapshot *everything, const struct gw_node_group *groups, uint32_t count, struct gw_snapshot *const *previous,
                   struct gw_snapshot **ret_snapshots) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_groups_freeze(everything, groups, count, previous, &errors, ret_snapshots), GW_OK);
  gw_errors_done(&errors);
}

static void unref_all(struct gw_snapshot **snapshots, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    gw_snapshot_unref(snapshots[i]);
}

static void test_each_gets_what_its_routes_lead_to_and_what_nobodys_do(void **state) {
  (void)state;
  struct gw_snapshot *everything = make_snapshot(&(struct snapshot_plan){.clusters = "a b c d", .routes = "a"}, NULL), *made[3];
  struct group_model models[2];
  const struct gw_node_group groups[] = {*make_group(&models[0], "edge", "b"), *make_group(&models[1], "inner", "c")};
  freeze(everything, groups, 2, none, made);
  assert_has(made[0], "a d"); /* the others: d is nobody's in particular */
  assert_has(made[1], "b d");
  assert_has(made[2], "c d");
  assert_true(gw_str_equal(first_cluster_of(made[0]), GW_STR("a")));
  assert_true(gw_str_equal(first_cluster_of(made[1]), GW_STR("b")));
  assert_true(gw_str_equal(first_cluster_of(made[2]), GW_STR("c")));
  unref_all(made, 3);
  gw_snapshot_unref(everything);
}

static void test_cluster_of_two_is_one_resource_in_both(void **state) {
  (void)state;
  struct gw_snapshot *everything = make_snapshot(&(struct snapshot_plan){.clusters = "a b", .routes = "a"}, NULL), *made[2];
  struct group_model model;
  freeze(everything, make_group(&model, "edge", "a"), 1, none, made);
  assert_has(made[0], "a b");
  assert_has(made[1], "a b");
  assert_ptr_equal(gw_snapshot_find(made[0], GW_RESOURCE_CLUSTER, GW_STR("a")),
                   gw_snapshot_find(made[1], GW_RESOURCE_CLUSTER, GW_STR("a")));
  unref_all(made, 2);
  gw_snapshot_unref(everything);
}

static void test_what_has_not_changed_is_the_very_resource_of_before(void **state) {
  (void)state;
  struct gw_snapshot *everything = make_snapshot(&(struct snapshot_plan){.clusters = "a b", .routes = "a"}, NULL), *made[2], *again[2];
  struct group_model model;
  freeze(everything, make_group(&model, "edge", "b"), 1, none, made);
  freeze(everything, make_group(&model, "edge", "b"), 1, made, again);
  assert_string_equal(made[1]->version, again[1]->version);
  assert_ptr_equal(made[1]->lists[GW_RESOURCE_ROUTE_CONFIG].items[0], again[1]->lists[GW_RESOURCE_ROUTE_CONFIG].items[0]);
  assert_ptr_equal(made[1]->lists[GW_RESOURCE_LISTENER].items[0], again[1]->lists[GW_RESOURCE_LISTENER].items[0]);
  unref_all(again, 2);
  freeze(everything, make_group(&model, "edge", "a"), 1, made, again);
  assert_has(again[0], "a b"); /* b is nobody's in particular now */
  assert_has(again[1], "a b");
  unref_all(again, 2);
  unref_all(made, 2);
  gw_snapshot_unref(everything);
}

static void test_split_leads_to_each_of_its_clusters(void **state) {
  (void)state;
  struct gw_snapshot *everything = make_snapshot(&(struct snapshot_plan){.clusters = "a b c", .routes = "a"}, NULL), *made[2];
  const struct gw_weighted_cluster clusters[] = {{.name = GW_STR("b"), .weight = 1}, {.name = GW_STR("c"), .weight = 1}};
  const struct gw_route_split split = {.clusters = clusters, .count = 2, .total_weight = 2};
  struct group_model model;
  make_group(&model, "edge", "");
  model.route.forward.split = &split;
  freeze(everything, &model.group, 1, none, made);
  assert_has(made[0], "a");
  assert_has(made[1], "b c");
  unref_all(made, 2);
  gw_snapshot_unref(everything);
}

static void test_listener_whose_routes_are_missing_is_a_mistake_and_makes_none(void **state) {
  (void)state;
  struct gw_snapshot *everything = make_snapshot(&(struct snapshot_plan){.clusters = "a", .routes = "a"}, NULL), *made[2];
  struct group_model model;
  make_group(&model, "edge", "a");
  model.group.route_config_count = 0;
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_groups_freeze(everything, &model.group, 1, none, &errors, made), GW_ERR_INVALID);
  assert_true(errors.error_count > 0);
  gw_errors_done(&errors);
  gw_snapshot_unref(everything); /* the leak checker sees what was made */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_gets_what_its_routes_lead_to_and_what_nobodys_do),
      cmocka_unit_test(test_cluster_of_two_is_one_resource_in_both),
      cmocka_unit_test(test_what_has_not_changed_is_the_very_resource_of_before),
      cmocka_unit_test(test_split_leads_to_each_of_its_clusters),
      cmocka_unit_test(test_listener_whose_routes_are_missing_is_a_mistake_and_makes_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
