#include "controlplane/snapshot/node_table.h"

#include "common/model/snapshot.h"
#include "snapshot_fixture.h"

static const struct gw_snapshot snapshot = {.version = "5555555555555555"};

static struct gw_node *open_stream(struct gw_node_table *table, const char *id) {
  struct gw_node *node = gw_node_table_get(table, gw_str_from(id), GW_STR("edge"), 100);
  node->xds_streams++;
  return node;
}

static void want(struct gw_node *node, enum gw_resource_type type, const char *wanted, const char *accepted) {
  node->is_subscribed[type] = true;
  strcpy(node->types[type].wanted_version, wanted);
  strcpy(node->types[type].accepted_version, accepted);
}

static void assert_state(const struct gw_node *node, enum gw_node_state state, const char *reason_part) {
  char *reason = NULL;
  assert_int_equal(gw_node_state_of(node, &snapshot, &reason), state);
  if (reason_part == NULL)
    assert_null(reason);
  else if (reason == NULL || strstr(reason, reason_part) == NULL)
    fail_msg("reason: %s", reason != NULL ? reason : "none");
  free(reason);
}

static void test_entry_lives_while_a_stream_is_open(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node *node = open_stream(table, "n");
  node->agent_streams++;
  assert_ptr_equal(gw_node_table_get(table, GW_STR("n"), GW_STR("edge"), 200), node);
  assert_int_equal(node->connected_us, 100);
  assert_int_equal(table->count, 1);
  want(node, GW_RESOURCE_CLUSTER, "1111111111111111", "1111111111111111");
  gw_node_table_add_refusal(table, node, GW_RESOURCE_CLUSTER, "2222222222222222", GW_STR("no"));
  node->xds_streams--;
  gw_node_table_release(table, node);
  assert_int_equal(table->count, 1);
  assert_false(node->is_subscribed[GW_RESOURCE_CLUSTER]); /* it belonged to the stream */
  assert_state(node, GW_NODE_STALE, "no xDS stream");
  node->agent_streams--;
  gw_node_table_release(table, node);
  assert_int_equal(table->count, 0);
  open_stream(table, "left open");
  gw_node_table_free(table);
}

static void test_id_and_cluster_are_the_key_together(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  gw_node_table_get(table, GW_STR("ab"), GW_STR("c"), 1);
  gw_node_table_get(table, GW_STR("a"), GW_STR("bc"), 1);
  assert_int_equal(table->count, 2);
  gw_node_table_free(table);
}

static void test_states_and_their_reasons(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node *node = open_stream(table, "n");
  assert_state(node, GW_NODE_STALE, "not asked for anything");
  want(node, GW_RESOURCE_CLUSTER, "1111111111111111", "");
  assert_state(node, GW_NODE_STALE, "not accepted any CDS");
  want(node, GW_RESOURCE_CLUSTER, "1111111111111111", "0000000000000000");
  assert_state(node, GW_NODE_STALE, "has CDS 0000000000000000, and 1111111111111111 is current");
  want(node, GW_RESOURCE_CLUSTER, "1111111111111111", "1111111111111111");
  assert_state(node, GW_NODE_SYNCED, NULL);

  node->has_report = true;
  assert_state(node, GW_NODE_STALE, "runs snapshot (none)");
  strcpy(node->snapshot_version, "5555555555555555");
  assert_state(node, GW_NODE_SYNCED, NULL);
  node->refusals = gw_strdup("RDS routes: too much");
  assert_state(node, GW_NODE_REFUSED, "too much");
  free(node->refusals);
  node->refusals = NULL;

  gw_node_table_add_refusal(table, node, GW_RESOURCE_CLUSTER, "2222222222222222", GW_STR("bad port"));
  assert_int_equal(table->refused_total, 1);
  assert_state(node, GW_NODE_REFUSED, "CDS: bad port");
  gw_node_clear_refusal(node, GW_RESOURCE_CLUSTER);
  node->xds_streams++;
  assert_state(node, GW_NODE_STALE, "2 xDS streams use this node id");
  gw_node_table_free(table);
}

static void test_long_reason_is_cut_between_characters(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node *node = open_stream(table, "n");
  char text[3001] = "x";
  for (size_t i = 1; i + 2 < sizeof text; i += 2)
    memcpy(text + i, "\xc3\xa4", 3);
  gw_node_table_add_refusal(table, node, GW_RESOURCE_LISTENER, "2222222222222222", gw_str_from(text));
  assert_int_equal(strlen(node->types[GW_RESOURCE_LISTENER].refused_reason), 1999);
  gw_node_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_entry_lives_while_a_stream_is_open),
      cmocka_unit_test(test_id_and_cluster_are_the_key_together),
      cmocka_unit_test(test_states_and_their_reasons),
      cmocka_unit_test(test_long_reason_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
