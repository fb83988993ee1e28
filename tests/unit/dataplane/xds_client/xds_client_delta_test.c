#include "tests/unit/dataplane/xds_client/client_bench.h"

static struct control_plane *start_delta(struct bench *bench) {
  control_plane_start_delta(&bench->planes[0], bench->loop, bench->rpc, 0);
  start_client(bench, 1);
  return &bench->planes[0];
}

static void send_one(struct control_plane *plane, const char *nonce, struct gw_resource *resource, const char *version) {
  control_plane_send_changes(plane, resource->type, nonce, &resource, version != NULL ? &version : NULL, 1, "");
}

#define LAST(plane, type) ((plane)->last[GW_RESOURCE_##type])
#define WAIT_NONCE(bench, plane, type, text) WAIT_FOR((bench)->loop, strcmp(LAST(plane, type).nonce, text) == 0)

/* Everything of a small configuration. `version`: of each resource; NULL: its own. */
static void serve_all(struct bench *bench, struct control_plane *plane, const char *version) {
  WAIT_FOR(bench->loop, plane->ads != NULL && LAST(plane, CLUSTER).count > 0 && LAST(plane, LISTENER).count > 0);
  send_one(plane, "c", sample_cluster("a", 1000), version);
  WAIT_FOR(bench->loop, strcmp(LAST(plane, ENDPOINTS).names, "a") == 0);
  send_one(plane, "e", sample_endpoints("a", 80), version);
  send_one(plane, "l", sample_listener("gateway", "routes"), version);
  WAIT_FOR(bench->loop, strcmp(LAST(plane, ROUTE_CONFIG).names, "routes") == 0);
  send_one(plane, "r", sample_routes("routes", "a"), version);
  WAIT_NONCE(bench, plane, ROUTE_CONFIG, "r");
  WAIT_FOR(bench->loop, bench->snapshot_count > 0);
}

static void test_client_prefers_changes_and_delivers_one_whole_snapshot(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  WAIT_FOR(bench->loop, LAST(plane, LISTENER).count > 0);
  assert_string_equal(LAST(plane, CLUSTER).names, ""); /* all */
  serve_all(bench, plane, NULL);
  assert_int_equal(bench->snapshot_count, 1);
  assert_true(bench->is_complete);
  assert_int_equal(plane->delta_count, 1);
  assert_int_equal(plane->ads_count, 1);
  assert_string_equal(plane->node_id, "node-1");
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_true(status.is_delta);
}

static void test_one_changed_resource_changes_it_alone(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, NULL);
  const struct gw_resource *before = bench->cluster;
  send_one(plane, "e2", sample_endpoints("a", 81), NULL);
  WAIT_NONCE(bench, plane, ENDPOINTS, "e2");
  WAIT_FOR(bench->loop, bench->snapshot_count == 2);
  assert_ptr_equal(bench->cluster, before);
  assert_int_equal(bench->last->lists[GW_RESOURCE_ENDPOINTS].items[0]->endpoints->items[0].port, 81);
  for (int type = GW_RESOURCE_CLUSTER; type <= GW_RESOURCE_ROUTE_CONFIG; type++)
    assert_int_equal(bench->counts[type], 1);
}

static void test_added_and_removed_clusters_change_what_is_asked_for(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, NULL);
  send_one(plane, "c2", sample_cluster("b", 1000), NULL);
  WAIT_FOR(bench->loop, strcmp(LAST(plane, ENDPOINTS).names, "b") == 0);
  assert_string_equal(LAST(plane, ENDPOINTS).nonce, ""); /* it answers nothing */
  assert_int_equal(bench->snapshot_count, 1);            /* not before b has endpoints */
  send_one(plane, "e2", sample_endpoints("b", 81), NULL);
  WAIT_FOR(bench->loop, bench->snapshot_count == 2);
  assert_int_equal(bench->counts[GW_RESOURCE_CLUSTER], 2);
  control_plane_send_changes(plane, GW_RESOURCE_CLUSTER, "c3", NULL, NULL, 0, "a");
  WAIT_FOR(bench->loop, strcmp(LAST(plane, ENDPOINTS).names, "-a") == 0);
  WAIT_FOR(bench->loop, bench->snapshot_count == 3);
  assert_int_equal(bench->counts[GW_RESOURCE_CLUSTER], 1);
  assert_int_equal(bench->counts[GW_RESOURCE_ENDPOINTS], 1);
}

static void test_withdrawn_endpoints_stay_while_their_cluster_does(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, NULL);
  control_plane_send_changes(plane, GW_RESOURCE_ENDPOINTS, "e2", NULL, NULL, 0, "a");
  WAIT_NONCE(bench, plane, ENDPOINTS, "e2");
  assert_string_equal(LAST(plane, ENDPOINTS).error, "");
  assert_int_equal(bench->snapshot_count, 1);
  assert_int_equal(bench->counts[GW_RESOURCE_ENDPOINTS], 1);
}

static void test_removal_of_what_was_never_there_is_acknowledged(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  WAIT_FOR(bench->loop, plane->ads != NULL && LAST(plane, CLUSTER).count > 0);
  control_plane_send_changes(plane, GW_RESOURCE_CLUSTER, "c", NULL, NULL, 0, "nobody");
  WAIT_NONCE(bench, plane, CLUSTER, "c");
  assert_string_equal(LAST(plane, CLUSTER).error, "");
}

static void test_bad_resource_is_refused_alone_and_shown_until_it_is_good(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, NULL);
  bench->forbidden = "bad";
  struct gw_resource *clusters[] = {sample_cluster("a", 2000), sample_cluster("bad", 1000)};
  control_plane_send_changes(plane, GW_RESOURCE_CLUSTER, "c2", clusters, NULL, 2, "");
  WAIT_NONCE(bench, plane, CLUSTER, "c2");
  assert_string_equal(LAST(plane, CLUSTER).error, "bad: regex: does not compile");
  WAIT_FOR(bench->loop, bench->snapshot_count == 2); /* a is taken in */
  assert_int_equal(bench->cluster->cluster->connect_timeout_ms, 2000);
  assert_false(bench->is_complete); /* something that should be there is not */
  const char *type_url, *resource, *reason;
  /* Another good one does not hide it … */
  send_one(plane, "c3", sample_cluster("a", 3000), NULL);
  WAIT_NONCE(bench, plane, CLUSTER, "c3");
  assert_string_equal(LAST(plane, CLUSTER).error, "");
  assert_true(gw_xds_client_refusal(bench->client, 0, &type_url, &resource, &reason));
  assert_string_equal(resource, "bad");
  /* … its removal does. */
  control_plane_send_changes(plane, GW_RESOURCE_CLUSTER, "c4", NULL, NULL, 0, "bad");
  WAIT_NONCE(bench, plane, CLUSTER, "c4");
  assert_false(gw_xds_client_refusal(bench->client, 0, &type_url, &resource, &reason));
  WAIT_FOR(bench->loop, bench->is_complete);
}

static void test_resource_in_an_envelope_of_another_name_is_refused(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  WAIT_FOR(bench->loop, plane->ads != NULL && LAST(plane, CLUSTER).count > 0);
  struct gw_resource *cluster = sample_cluster("inner", 1000);
  struct gw_delta_resource lie = {GW_STR("outer"), GW_STR("1"), cluster->any};
  struct gw_bytes *parts[] = {
      gw_delta_response_encode_head(GW_STR(""), gw_str_from(gw_xds_type_url(GW_RESOURCE_CLUSTER)), GW_STR("c"), NULL, 0),
      gw_delta_changes_encode(&lie, 1, NULL, 0),
  };
  gw_rpc_stream_send(plane->ads, parts, 2);
  gw_bytes_unref(parts[0]);
  gw_bytes_unref(parts[1]);
  gw_resource_unref(cluster);
  WAIT_NONCE(bench, plane, CLUSTER, "c");
  assert_string_equal(LAST(plane, CLUSTER).error, "outer: is inner inside");
}

static void come_back(struct bench *bench, struct control_plane *plane) {
  uint16_t port = plane->port;
  control_plane_done(plane);
  control_plane_start_delta(plane, bench->loop, bench->rpc, port);
  WAIT_FOR(bench->loop, LAST(plane, ROUTE_CONFIG).count > 0);
}

static void test_client_comes_back_with_what_it_holds_as_the_server_called_it(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, "of-a-stranger-7");
  come_back(bench, plane);
  assert_string_equal(LAST(plane, CLUSTER).held, "a=of-a-stranger-7");
  assert_string_equal(LAST(plane, ENDPOINTS).held, "a=of-a-stranger-7");
  assert_string_equal(LAST(plane, ENDPOINTS).names, "a");
  assert_string_equal(LAST(plane, LISTENER).held, "gateway=of-a-stranger-7");
  assert_string_equal(LAST(plane, ROUTE_CONFIG).held, "routes=of-a-stranger-7");
  for (int type = GW_RESOURCE_CLUSTER; type <= GW_RESOURCE_ROUTE_CONFIG; type++) {
    assert_int_equal(plane->last[type].count, 1);
    assert_string_equal(plane->last[type].nonce, "");
  }
  assert_int_equal(bench->snapshot_count, 1);
  /* A version that changes without the content is the one to say next time. */
  send_one(plane, "c2", sample_cluster("a", 1000), "8");
  WAIT_NONCE(bench, plane, CLUSTER, "c2");
  come_back(bench, plane);
  assert_string_equal(LAST(plane, CLUSTER).held, "a=8");
  assert_int_equal(bench->snapshot_count, 1);
}

static void test_what_came_as_a_state_has_the_version_of_its_content(void **state) {
  struct bench *bench = *state;
  control_plane_start(&bench->planes[0], bench->loop, bench->rpc, 0, true);
  control_plane_start_delta(&bench->planes[1], bench->loop, bench->rpc, 0);
  start_client(bench, 2);
  struct control_plane *old = &bench->planes[0], *new = &bench->planes[1];
  WAIT_FOR(bench->loop, old->ads != NULL && LAST(old, CLUSTER).count > 0);
  assert_int_equal(old->delta_count, 0);
  struct gw_resource *cluster = sample_cluster("a", 1000);
  char want[64];
  snprintf(want, sizeof(want), "a=%s", cluster->version);
  control_plane_send(old, GW_RESOURCE_CLUSTER, "v1", "c", &cluster, 1);
  WAIT_NONCE(bench, old, CLUSTER, "c");
  control_plane_done(old);
  WAIT_FOR(bench->loop, LAST(new, CLUSTER).count > 0);
  assert_string_equal(LAST(new, CLUSTER).held, want);
}

/* What changed meanwhile by changes has no version as a state: none must be claimed. */
static void test_after_changes_no_version_of_a_state_is_claimed(void **state) {
  struct bench *bench = *state;
  control_plane_start_delta(&bench->planes[0], bench->loop, bench->rpc, 0);
  control_plane_start(&bench->planes[1], bench->loop, bench->rpc, 0, true);
  start_client(bench, 2);
  serve_all(bench, &bench->planes[0], NULL);
  control_plane_done(&bench->planes[0]);
  struct control_plane *old = &bench->planes[1];
  WAIT_FOR(bench->loop, LAST(old, ROUTE_CONFIG).count > 0);
  assert_string_equal(LAST(old, CLUSTER).version, "");
  assert_string_equal(LAST(old, ENDPOINTS).names, "a");
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_false(status.is_delta);
}

static void test_server_without_incremental_xds_is_remembered(void **state) {
  struct bench *bench = *state;
  control_plane_start(&bench->planes[0], bench->loop, bench->rpc, 0, true);
  start_client(bench, 1);
  struct control_plane *plane = &bench->planes[0];
  WAIT_FOR(bench->loop, plane->ads != NULL && LAST(plane, CLUSTER).count > 0);
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_int_equal(status.disconnects_total, 0); /* the fall back is no loss */
  uint16_t port = plane->port;
  control_plane_done(plane);
  control_plane_start_delta(plane, bench->loop, bench->rpc, port);
  WAIT_FOR(bench->loop, LAST(plane, CLUSTER).count > 0);
  assert_int_equal(plane->delta_count, 0); /* it was not tried again */
}

static void test_server_whose_incremental_xds_fails_is_asked_for_the_state(void **state) {
  struct bench *bench = *state;
  control_plane_start_delta(&bench->planes[0], bench->loop, bench->rpc, 0);
  struct control_plane *plane = &bench->planes[0];
  plane->has_no_delta = true;
  start_client(bench, 1);
  WAIT_FOR(bench->loop, plane->ads != NULL && LAST(plane, CLUSTER).count > 0);
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_false(status.is_delta);
  assert_int_equal(plane->delta_count, 1);
  assert_int_equal(status.disconnects_total, 0);
}

/* What worked once is no lack: the stream is opened anew. */
static void test_incremental_stream_that_ends_after_an_answer_stays_incremental(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_delta(bench);
  serve_all(bench, plane, NULL);
  gw_rpc_stream_finish(plane->ads, GW_RPC_UNKNOWN, "a bad moment");
  WAIT_FOR(bench->loop, plane->delta_count == 2);
  WAIT_FOR(bench->loop, LAST(plane, ROUTE_CONFIG).count > 0);
  assert_string_not_equal(LAST(plane, CLUSTER).held, "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_client_prefers_changes_and_delivers_one_whole_snapshot),
      TEST(test_one_changed_resource_changes_it_alone),
      TEST(test_added_and_removed_clusters_change_what_is_asked_for),
      TEST(test_withdrawn_endpoints_stay_while_their_cluster_does),
      TEST(test_removal_of_what_was_never_there_is_acknowledged),
      TEST(test_bad_resource_is_refused_alone_and_shown_until_it_is_good),
      TEST(test_resource_in_an_envelope_of_another_name_is_refused),
      TEST(test_client_comes_back_with_what_it_holds_as_the_server_called_it),
      TEST(test_what_came_as_a_state_has_the_version_of_its_content),
      TEST(test_after_changes_no_version_of_a_state_is_claimed),
      TEST(test_server_without_incremental_xds_is_remembered),
      TEST(test_server_whose_incremental_xds_fails_is_asked_for_the_state),
      TEST(test_incremental_stream_that_ends_after_an_answer_stays_incremental),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
