#include "tests/unit/dataplane/xds_client/client_bench.h"

static struct control_plane *start_with_one(struct bench *bench, bool has_agent) {
  control_plane_start(&bench->planes[0], bench->loop, bench->rpc, 0, has_agent);
  start_client(bench, 1);
  return &bench->planes[0];
}

static void send_one(struct control_plane *plane, const char *version, const char *nonce, struct gw_resource *resource) {
  control_plane_send(plane, resource->type, version, nonce, &resource, 1);
}

/* Everything of a small configuration, in the order of a good control plane. */
static void serve_all(struct bench *bench, struct control_plane *plane, const char *version) {
  WAIT_FOR(bench->loop, plane->ads != NULL && plane->last[GW_RESOURCE_CLUSTER].count > 0);
  send_one(plane, version, "c", sample_cluster("a", 1000));
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_ENDPOINTS].names, "a") == 0);
  send_one(plane, version, "e", sample_endpoints("a", 80));
  send_one(plane, version, "l", sample_listener("gateway", "routes"));
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_ROUTE_CONFIG].names, "routes") == 0);
  send_one(plane, version, "r", sample_routes("routes", "a"));
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_ROUTE_CONFIG].nonce, "r") == 0);
}

static void test_client_asks_acknowledges_and_delivers_one_whole_snapshot(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count > 0);
  assert_int_equal(bench->snapshot_count, 1);
  assert_true(bench->is_complete);
  assert_string_equal(plane->node_id, "node-1");
  for (int type = GW_RESOURCE_CLUSTER; type <= GW_RESOURCE_ROUTE_CONFIG; type++) {
    assert_int_equal(bench->counts[type], 1);
    assert_string_equal(plane->last[type].version, "v1");
    assert_string_equal(plane->last[type].error, "");
  }
  assert_string_equal(plane->last[GW_RESOURCE_CLUSTER].names, "");
  /* A server that knows no secrets is not asked for any. */
  assert_int_equal(plane->last[GW_RESOURCE_SECRET].count, 0);
}

static void test_client_asks_for_secrets_that_are_named(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->ads != NULL && plane->last[GW_RESOURCE_CLUSTER].count > 0);
  control_plane_send(plane, GW_RESOURCE_CLUSTER, "v1", "c", NULL, 0);
  send_one(plane, "v1", "l", sample_tls_listener("gateway", "site"));
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_SECRET].names, "site") == 0);
  assert_int_equal(bench->snapshot_count, 0);
  send_one(plane, "v1", "s", sample_certificate("site", "KEY"));
  WAIT_FOR(bench->loop, bench->snapshot_count > 0);
  assert_true(bench->is_complete);
  assert_int_equal(bench->counts[GW_RESOURCE_SECRET], 1);
}

static void test_client_refuses_a_bad_response_whole_and_keeps_the_one_before(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  bench->forbidden = "bad";
  struct gw_resource *clusters[] = {sample_cluster("a", 2000), sample_cluster("bad", 1000)};
  control_plane_send(plane, GW_RESOURCE_CLUSTER, "v2", "c2", clusters, 2);
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_CLUSTER].nonce, "c2") == 0);
  assert_string_equal(plane->last[GW_RESOURCE_CLUSTER].version, "v1");
  assert_string_equal(plane->last[GW_RESOURCE_CLUSTER].error, "bad: regex: does not compile");
  assert_string_equal(plane->last[GW_RESOURCE_ENDPOINTS].names, "a");
  assert_int_equal(bench->snapshot_count, 1);
  WAIT_FOR(bench->loop, plane->reported_refusals == 1);
  const char *type_url, *resource, *reason;
  assert_true(gw_xds_client_refusal(bench->client, 0, &type_url, &resource, &reason));
  assert_string_equal(resource, "bad");
  assert_false(gw_xds_client_refusal(bench->client, 1, &type_url, &resource, &reason));
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_int_equal(status.refused_total, 1);
  send_one(plane, "v3", "c3", sample_cluster("a", 3000));
  WAIT_FOR(bench->loop, bench->snapshot_count == 2);
  assert_false(gw_xds_client_refusal(bench->client, 0, &type_url, &resource, &reason));
  WAIT_FOR(bench->loop, plane->reported_refusals == 0);
}

static void test_client_reuses_unchanged_resources_and_is_silent_about_equal_content(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  const struct gw_resource *before = bench->cluster;
  send_one(plane, "v2", "c2", sample_cluster("a", 1000));
  send_one(plane, "v2", "e2", sample_endpoints("a", 81));
  WAIT_FOR(bench->loop, bench->snapshot_count == 2);
  assert_ptr_equal(bench->cluster, before);
  send_one(plane, "v3", "c3", sample_cluster("a", 1000));
  WAIT_FOR(bench->loop, strcmp(plane->last[GW_RESOURCE_CLUSTER].nonce, "c3") == 0);
  assert_int_equal(bench->snapshot_count, 2);
}

static void test_client_stops_asking_for_what_is_not_named_any_more(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  serve_all(bench, plane, "v1");
  control_plane_send(plane, GW_RESOURCE_CLUSTER, "v2", "c2", NULL, 0);
  WAIT_FOR(bench->loop, plane->last[GW_RESOURCE_ENDPOINTS].names[0] == '\0');
  assert_string_equal(plane->last[GW_RESOURCE_ENDPOINTS].version, "v1");
}

static void test_client_comes_back_with_its_versions_and_without_nonces(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  uint16_t port = plane->port;
  control_plane_done(plane);
  control_plane_start(plane, bench->loop, bench->rpc, port, true);
  WAIT_FOR(bench->loop, plane->last[GW_RESOURCE_ROUTE_CONFIG].count > 0);
  for (int type = GW_RESOURCE_CLUSTER; type <= GW_RESOURCE_ROUTE_CONFIG; type++) {
    assert_int_equal(plane->last[type].count, 1);
    assert_string_equal(plane->last[type].version, "v1");
    assert_string_equal(plane->last[type].nonce, "");
  }
  assert_string_equal(plane->last[GW_RESOURCE_ENDPOINTS].names, "a");
  assert_string_equal(plane->node_id, "node-1");
  assert_int_equal(bench->snapshot_count, 1);
}

static void test_client_goes_to_the_next_control_plane(void **state) {
  struct bench *bench = *state;
  for (int i = 0; i < 2; i++)
    control_plane_start(&bench->planes[i], bench->loop, bench->rpc, 0, true);
  start_client(bench, 2);
  serve_all(bench, &bench->planes[0], "v1");
  assert_int_equal(bench->planes[1].ads_count, 0);
  control_plane_done(&bench->planes[0]);
  serve_all(bench, &bench->planes[1], "v2");
  struct gw_xds_client_status status;
  gw_xds_client_get_status(bench->client, &status);
  assert_string_equal(status.target, bench->targets[1]);
  assert_true(status.is_connected);
  assert_int_equal(status.disconnects_total, 1);
}

static void test_client_of_a_server_without_agent_is_content(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, false);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  assert_int_equal(plane->ads_count, 1);
}

static void test_client_survives_a_response_that_is_none(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->last[GW_RESOURCE_CLUSTER].count > 0);
  struct gw_bytes *garbage = gw_bytes_new("\xff\xff\xff", 3);
  gw_rpc_stream_send(plane->ads, &garbage, 1);
  gw_bytes_unref(garbage);
  WAIT_FOR(bench->loop, plane->ads_count == 2);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
}

static void test_client_leaves_a_type_that_it_did_not_ask_for_unanswered(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->last[GW_RESOURCE_CLUSTER].count > 0);
  struct gw_bytes *stray = gw_discovery_response_encode_head(GW_STR("1"), GW_STR("type.googleapis.com/some.Other"), GW_STR("n"));
  gw_rpc_stream_send(plane->ads, &stray, 1);
  gw_bytes_unref(stray);
  serve_all(bench, plane, "v1");
  assert_int_equal(plane->ads_count, 1);
}

static void test_agent_says_hello_reports_and_hears_the_fleet(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->report_count > 0);
  assert_string_equal(plane->hello_id, "node-1");
  assert_string_equal(plane->reported_trouble, "service a: circuit breaker open");
  control_plane_send_fleet(plane, 7);
  struct gw_xds_client_status status = {0};
  WAIT_FOR(bench->loop, (gw_xds_client_get_status(bench->client, &status), status.fleet_size == 7));
  assert_true(status.is_connected);
  serve_all(bench, plane, "v1");
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  uint32_t before = plane->report_count;
  gw_xds_client_report_soon(bench->client);
  gw_xds_client_report_soon(bench->client);
  WAIT_FOR(bench->loop, plane->report_count > before);
  assert_string_equal(plane->reported_version, bench->version);
  assert_int_equal(plane->report_count, before + 1);
}

static void test_agent_tells_of_failures_to_the_session_that_asked(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->report_count > 0);
  control_plane_ask_failures(plane, 42, "id-1");
  WAIT_FOR(bench->loop, bench->wanted_id[0] != '\0');
  assert_string_equal(bench->wanted_id, "id-1");
  struct gw_attempt_record attempt = {.number = 1, .endpoint = GW_STR("10.0.0.1:80"), .phase = GW_ATTEMPT_CONNECT};
  struct gw_failure_record record = {.request_id = GW_STR("id-1"),
                                     .path = GW_STR("/caf\xc3/x"),
                                     .attempts = &attempt,
                                     .record_count = 1,
                                     .attempt_count = 1};
  const struct gw_failure_record *records[] = {&record};
  struct gw_agent_query stale = {.id = 7, .session = bench->query.session + 1};
  gw_xds_client_tell_failures(bench->client, stale, records, 1, 0);
  gw_xds_client_tell_failures(bench->client, bench->query, records, 1, 0);
  WAIT_FOR(bench->loop, plane->found_count > 0);
  assert_int_equal(plane->found_count, 1);
  assert_int_equal(plane->found_query, 42);
  assert_int_equal(plane->found_failures, 1);
  assert_string_equal(plane->found_path, "/caf?/x"); /* what is no UTF-8 would not be taken */
}

static void test_agent_answers_calls_of_the_session_that_made_them(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->report_count > 0);
  control_plane_call(plane, 1, (char *)"Echo", "hello");
  WAIT_FOR(bench->loop, plane->answer_count == 1);
  assert_int_equal(plane->answer_code, 0);
  assert_string_equal(plane->answer_text, "hello");
  control_plane_call(plane, 2, (char *)"Fail", "");
  WAIT_FOR(bench->loop, plane->answer_count == 2);
  assert_int_equal(plane->answer_code, GW_RPC_NOT_FOUND);
  assert_string_equal(plane->answer_text, "no such thing");
}

/* More than the reports that may wait: a control plane that reads has asked for them. */
static void test_agent_answers_many_calls_of_one_turn(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_one(bench, true);
  WAIT_FOR(bench->loop, plane->report_count > 0);
  for (uint32_t i = 0; i < 64; i++)
    control_plane_call(plane, i, (char *)"Echo", "hello");
  WAIT_FOR(bench->loop, plane->answer_count == 64);
  assert_int_equal(bench->call_count, 64);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_client_asks_acknowledges_and_delivers_one_whole_snapshot),
      TEST(test_client_asks_for_secrets_that_are_named),
      TEST(test_client_refuses_a_bad_response_whole_and_keeps_the_one_before),
      TEST(test_client_reuses_unchanged_resources_and_is_silent_about_equal_content),
      TEST(test_client_stops_asking_for_what_is_not_named_any_more),
      TEST(test_client_comes_back_with_its_versions_and_without_nonces),
      TEST(test_client_goes_to_the_next_control_plane),
      TEST(test_client_of_a_server_without_agent_is_content),
      TEST(test_client_survives_a_response_that_is_none),
      TEST(test_client_leaves_a_type_that_it_did_not_ask_for_unanswered),
      TEST(test_agent_says_hello_reports_and_hears_the_fleet),
      TEST(test_agent_tells_of_failures_to_the_session_that_asked),
      TEST(test_agent_answers_calls_of_the_session_that_made_them),
      TEST(test_agent_answers_many_calls_of_one_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
