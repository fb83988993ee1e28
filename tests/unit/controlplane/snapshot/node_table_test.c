#include "controlplane/snapshot/node_table.h"

#include "common/model/snapshot.h"
#include "snapshot_fixture.h"

static const struct gw_snapshot snapshot = {.version = "5555555555555555", .policy_version = "6666666666666666"};

static struct gw_node *open_stream(struct gw_node_table *table, const char *id, const char *peer, struct gw_node_stream *stream) {
  *stream = (struct gw_node_stream){0};
  return gw_node_table_open_stream(table, gw_str_from(id), GW_STR("edge"), GW_STR(""), gw_str_from(peer), 100, stream);
}

static void want(struct gw_node *node, struct gw_node_stream *stream, enum gw_resource_type type, const char *wanted,
                 const char *accepted) {
  stream->types[type].is_subscribed = true;
  strcpy(stream->types[type].wanted_version, wanted);
  strcpy(stream->types[type].accepted_version, accepted);
  gw_node_refresh(node);
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

static void assert_policy_state(const struct gw_node *node, enum gw_node_state state) {
  char *reason = NULL;
  assert_int_equal(gw_node_policy_state_of(node, &snapshot, &reason), state);
  free(reason);
}

static void test_entry_lives_while_a_stream_is_open(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node_stream stream;
  struct gw_node *node = open_stream(table, "n", "p", &stream);
  node->agent_streams++;
  assert_ptr_equal(gw_node_table_get(table, GW_STR("n"), GW_STR("edge"), GW_STR(""), 200), node);
  assert_int_equal(node->connected_us, 100);
  assert_int_equal(table->count, 1);
  want(node, &stream, GW_RESOURCE_CLUSTER, "1111111111111111", "1111111111111111");
  gw_node_type_status_set_refusal(&stream.types[GW_RESOURCE_CLUSTER], "2222222222222222", GW_STR("no"));
  assert_true(node->is_subscribed[GW_RESOURCE_CLUSTER]);
  gw_node_table_close_stream(table, node, &stream);
  assert_int_equal(table->count, 1);
  assert_false(node->is_subscribed[GW_RESOURCE_CLUSTER]); /* it belonged to the stream */
  assert_state(node, GW_NODE_STALE, "no xDS stream");
  node->agent_streams--;
  gw_node_table_release(table, node);
  assert_int_equal(table->count, 0);
  gw_node_table_get(table, GW_STR("left open"), GW_STR(""), GW_STR(""), 1);
  gw_node_table_free(table);
}

static void test_of_several_streams_the_worst_is_shown(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node_stream first, second, third;
  struct gw_node *node = open_stream(table, "n", "p", &first);
  open_stream(table, "n", "p", &second);
  want(node, &first, GW_RESOURCE_LISTENER, "1111111111111111", "1111111111111111");
  want(node, &second, GW_RESOURCE_LISTENER, "2222222222222222", "2222222222222222");
  assert_state(node, GW_NODE_SYNCED, NULL);
  want(node, &first, GW_RESOURCE_LISTENER, "1111111111111111", "");
  assert_state(node, GW_NODE_STALE, "not accepted any LDS");
  gw_node_type_status_set_refusal(&second.types[GW_RESOURCE_LISTENER], "3333333333333333", GW_STR("bad"));
  gw_node_refresh(node);
  assert_state(node, GW_NODE_REFUSED, "LDS: bad");
  gw_node_table_close_stream(table, node, &second);
  want(node, &first, GW_RESOURCE_LISTENER, "1111111111111111", "1111111111111111");
  assert_state(node, GW_NODE_SYNCED, NULL);
  open_stream(table, "n", "another peer", &third);
  assert_state(node, GW_NODE_STALE, "2 xDS streams from different peers");
  gw_node_table_close_stream(table, node, &third);
  gw_node_table_close_stream(table, node, &first);
  assert_int_equal(table->count, 0);
  gw_node_table_free(table);
}

static void test_id_and_cluster_are_the_key_together(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  gw_node_table_get(table, GW_STR("ab"), GW_STR("c"), GW_STR(""), 1);
  gw_node_table_get(table, GW_STR("a"), GW_STR("bc"), GW_STR(""), 1);
  assert_int_equal(table->count, 2);
  gw_node_table_free(table);
}

static void test_states_and_their_reasons(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node_stream stream;
  struct gw_node *node = open_stream(table, "n", "p", &stream);
  assert_state(node, GW_NODE_STALE, "not asked for anything");
  want(node, &stream, GW_RESOURCE_CLUSTER, "1111111111111111", "");
  assert_state(node, GW_NODE_STALE, "not accepted any CDS");
  want(node, &stream, GW_RESOURCE_CLUSTER, "1111111111111111", "0000000000000000");
  assert_state(node, GW_NODE_STALE, "has CDS 0000000000000000, and 1111111111111111 is current");
  want(node, &stream, GW_RESOURCE_CLUSTER, "1111111111111111", "1111111111111111");
  assert_state(node, GW_NODE_SYNCED, NULL);

  node->has_report = true;
  assert_state(node, GW_NODE_STALE, "runs snapshot (none)");
  strcpy(node->snapshot_version, "5555555555555555");
  assert_state(node, GW_NODE_SYNCED, NULL);
  node->refusals = gw_strdup("RDS routes: too much");
  assert_state(node, GW_NODE_REFUSED, "too much");
  free(node->refusals);
  node->refusals = NULL;

  gw_node_type_status_set_refusal(&stream.types[GW_RESOURCE_CLUSTER], "2222222222222222", GW_STR("bad port"));
  gw_node_refresh(node);
  assert_state(node, GW_NODE_REFUSED, "CDS: bad port");
  gw_node_type_status_clear_refusal(&stream.types[GW_RESOURCE_CLUSTER]);
  gw_node_refresh(node);
  assert_state(node, GW_NODE_SYNCED, NULL);
  gw_node_table_close_stream(table, node, &stream);
  gw_node_table_free(table);
}

static void test_policy_state_is_not_behind_for_endpoints(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node_stream stream;
  struct gw_node *node = open_stream(table, "n", "p", &stream);
  want(node, &stream, GW_RESOURCE_CLUSTER, "1111111111111111", "1111111111111111");
  want(node, &stream, GW_RESOURCE_ENDPOINTS, "2222222222222222", "0000000000000000");
  assert_state(node, GW_NODE_STALE, "EDS");
  assert_policy_state(node, GW_NODE_SYNCED);
  node->has_report = true;
  strcpy(node->snapshot_version, "0000000000000000");
  strcpy(node->policy_version, "6666666666666666");
  assert_policy_state(node, GW_NODE_SYNCED);
  strcpy(node->policy_version, "0000000000000000");
  assert_policy_state(node, GW_NODE_STALE);
  node->policy_version[0] = '\0'; /* it does not tell: the whole is all there is to go by */
  assert_policy_state(node, GW_NODE_STALE);
  strcpy(node->snapshot_version, "5555555555555555");
  assert_policy_state(node, GW_NODE_SYNCED);
  gw_node_type_status_set_refusal(&stream.types[GW_RESOURCE_ENDPOINTS], "2222222222222222", GW_STR("no"));
  gw_node_refresh(node);
  assert_policy_state(node, GW_NODE_REFUSED);
  gw_node_table_close_stream(table, node, &stream);
  gw_node_table_free(table);
}

static void test_long_reason_is_cut_between_characters(void **state) {
  (void)state;
  struct gw_node_table *table = gw_node_table_new();
  struct gw_node_stream stream;
  struct gw_node *node = open_stream(table, "n", "p", &stream);
  char text[3001] = "x";
  for (size_t i = 1; i + 2 < sizeof text; i += 2)
    memcpy(text + i, "\xc3\xa4", 3);
  gw_node_type_status_set_refusal(&stream.types[GW_RESOURCE_LISTENER], "2222222222222222", gw_str_from(text));
  assert_int_equal(strlen(stream.types[GW_RESOURCE_LISTENER].refused_reason), 1999);
  gw_node_table_close_stream(table, node, &stream);
  gw_node_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_entry_lives_while_a_stream_is_open),       cmocka_unit_test(test_of_several_streams_the_worst_is_shown),
      cmocka_unit_test(test_id_and_cluster_are_the_key_together),      cmocka_unit_test(test_states_and_their_reasons),
      cmocka_unit_test(test_policy_state_is_not_behind_for_endpoints), cmocka_unit_test(test_long_reason_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
