#include "ads_fixture.h"

static void test_first_request_gets_all_clusters(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "b a");
  client_ask(&f->client, CDS, "");
  WAIT_ANSWER(f, &f->client, CDS, 1);
  assert_string_equal(f->client.answers[CDS].names, "a b");
  assert_string_equal(f->client.answers[CDS].version, current_version(f, CDS));
  assert_string_equal(only_node(f)->kind, "tester");
  assert_string_equal(only_node(f)->types[CDS].sent_version, current_version(f, CDS));
  assert_state(f, GW_NODE_STALE, "not accepted any CDS");
}

static void test_request_before_the_first_snapshot_is_answered_when_it_comes(void **state) {
  struct ads_fixture *f = *state;
  client_ask(&f->client, CDS, "");
  assert_no_more(f, &f->client);
  SERVE(f, .clusters = "a");
  WAIT_ANSWER(f, &f->client, CDS, 1);
}

static void test_ack_is_recorded_and_sends_nothing(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_sync(f, &f->client, "a");
  WAIT_FOR(f->loop, only_node(f)->types[RDS].accepted_version[0] != '\0');
  assert_state(f, GW_NODE_SYNCED, NULL);
  assert_no_more(f, &f->client);
  assert_int_equal(f->client.total, 4);
}

static void test_same_nonce_with_nothing_pending_is_answered_again(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_sync(f, &f->client, "a");
  client_ack(&f->client, EDS, "a");
  WAIT_ANSWER(f, &f->client, EDS, 2);
  client_ack(&f->client, EDS, "a");
  assert_no_more(f, &f->client);
  client_ack(&f->client, CDS, "");
  WAIT_ANSWER(f, &f->client, CDS, 2);
}

static void test_stale_nonce_is_ignored(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a b");
  client_sync(f, &f->client, "a");
  client_say(&f->client, EDS, "a b", "", "1", NULL);
  client_say(&f->client, EDS, "a b", "", "nonsense", NULL);
  client_say(&f->client, CDS, "", "", "999", "not even sent");
  assert_no_more(f, &f->client);
  assert_int_equal(f->nodes->refused_total, 0);
}

static void test_nack_is_recorded_and_the_same_content_not_sent_again(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .port = 1);
  client_sync(f, &f->client, "a");
  char good[17], bad[17];
  memcpy(good, f->client.answers[EDS].version, sizeof good);
  SERVE(f, .clusters = "a", .port = 2);
  WAIT_ANSWER(f, &f->client, EDS, 2);
  memcpy(bad, f->client.answers[EDS].version, sizeof bad);
  client_nack(&f->client, EDS, "a", good);
  WAIT_FOR(f->loop, f->nodes->refused_total == 1);
  assert_string_equal(only_node(f)->types[EDS].refused_version, bad);
  assert_string_equal(only_node(f)->types[EDS].refused_reason, "bad thing");
  assert_string_equal(only_node(f)->types[EDS].accepted_version, good);
  assert_state(f, GW_NODE_REFUSED, "EDS: bad thing");
  assert_no_more(f, &f->client);

  /* Back to what the node has: nothing to send, and nothing refused any more. */
  SERVE(f, .clusters = "a", .port = 1);
  assert_no_more(f, &f->client);
  assert_state(f, GW_NODE_SYNCED, NULL);
  /* The refused content comes again: it is not sent, and still shown. */
  SERVE(f, .clusters = "a", .port = 2);
  assert_no_more(f, &f->client);
  assert_state(f, GW_NODE_REFUSED, "EDS: bad thing");
  /* Any different content goes out at once. */
  SERVE(f, .clusters = "a", .port = 3);
  WAIT_ANSWER(f, &f->client, EDS, 3);
  client_ack(&f->client, EDS, "a");
  WAIT_FOR(f->loop, only_node(f)->types[EDS].refused_version[0] == '\0');
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_names_select_and_changes_elsewhere_send_nothing(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a b c");
  client_ask(&f->client, EDS, "b");
  WAIT_ANSWER(f, &f->client, EDS, 1);
  assert_string_equal(f->client.answers[EDS].names, "b");
  client_ack(&f->client, EDS, "b");
  SERVE(f, .clusters = "a b c d");
  assert_no_more(f, &f->client);
  WAIT_FOR(f->loop, only_node(f)->types[EDS].accepted_version[0] != '\0');
  assert_state(f, GW_NODE_SYNCED, NULL);
  client_ack(&f->client, EDS, "d b b");
  WAIT_ANSWER(f, &f->client, EDS, 2);
  assert_string_equal(f->client.answers[EDS].names, "b d");
  client_ack(&f->client, EDS, "b d");
  client_ack(&f->client, EDS, "d");
  WAIT_ANSWER(f, &f->client, EDS, 3);
  assert_string_equal(f->client.answers[EDS].names, "d");
}

static void test_unknown_names_get_an_answer_without_them(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_ask(&f->client, EDS, "nobody");
  WAIT_ANSWER(f, &f->client, EDS, 1);
  assert_int_equal(f->client.answers[EDS].resource_count, 0);
  client_ack(&f->client, EDS, "nobody");
  SERVE(f, .clusters = "a nobody");
  WAIT_ANSWER(f, &f->client, EDS, 2);
  assert_string_equal(f->client.answers[EDS].names, "nobody");
}

static void test_clusters_by_name_and_by_star(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a b c");
  client_ask(&f->client, CDS, "c a");
  WAIT_ANSWER(f, &f->client, CDS, 1);
  assert_string_equal(f->client.answers[CDS].names, "a c");
  client_ack(&f->client, CDS, "* a");
  WAIT_ANSWER(f, &f->client, CDS, 2);
  assert_string_equal(f->client.answers[CDS].names, "a b c");
  client_ack(&f->client, CDS, "");
  WAIT_ANSWER(f, &f->client, CDS, 3);
  assert_int_equal(f->client.answers[CDS].resource_count, 0);
}

static void test_returning_client_with_the_current_version_is_sent_nothing(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_say(&f->client, CDS, "", current_version(f, CDS), "", NULL);
  client_say(&f->client, LDS, "", current_version(f, LDS), "", NULL);
  client_say(&f->client, RDS, "routes", current_version(f, RDS), "", NULL);
  client_say(&f->client, EDS, "a", current_version(f, EDS), "", NULL);
  WAIT_ANSWER(f, &f->client, EDS, 1); /* a cluster may be waiting for them */
  client_ack(&f->client, EDS, "a");
  assert_no_more(f, &f->client);
  assert_state(f, GW_NODE_SYNCED, NULL);
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, &f->client, CDS, 1);
}

/* What it has is then known by more than a version. */
static void test_returning_client_is_up_to_date_also_beside_another_one(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_sync(f, &f->client, "a");
  struct ads_client *twin = gw_calloc(1, sizeof *twin);
  client_open(f, twin, "node-1");
  client_say(twin, CDS, "", current_version(f, CDS), "", NULL);
  client_say(twin, LDS, "", current_version(f, LDS), "", NULL);
  client_say(twin, RDS, "routes", current_version(f, RDS), "", NULL);
  client_say(twin, EDS, "a", current_version(f, EDS), "", NULL);
  WAIT_ANSWER(f, twin, EDS, 1);
  client_ack(twin, EDS, "a");
  assert_no_more(f, twin);
  assert_state(f, GW_NODE_SYNCED, NULL);
  gw_rpc_stream_cancel(twin->stream);
  WAIT_FOR(f->loop, twin->stream == NULL);
  free(twin);
}

static void test_unknown_type_is_ignored(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  struct gw_discovery_request request = {.has_node = true,
                                         .node = {.id = GW_STR("node-1")},
                                         .type_url = GW_STR("type.googleapis.com/envoy.service.runtime.v3.Runtime")};
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  gw_rpc_stream_send(f->client.stream, &bytes, 1);
  gw_rpc_stream_send(f->client.stream, &bytes, 1);
  gw_bytes_unref(bytes);
  f->client.has_said_node = true;
  client_ask(&f->client, CDS, "");
  WAIT_ANSWER(f, &f->client, CDS, 1);
}

static void test_garbage_ends_the_stream(void **state) {
  struct ads_fixture *f = *state;
  struct gw_bytes *bytes = gw_bytes_new("\xff\xff\xff", 3);
  gw_rpc_stream_send(f->client.stream, &bytes, 1);
  gw_bytes_unref(bytes);
  WAIT_FOR(f->loop, f->client.stream == NULL);
  assert_int_equal(f->client.code, GW_RPC_INVALID_ARGUMENT);
}

static void test_request_without_node_ends_the_stream(void **state) {
  struct ads_fixture *f = *state;
  f->client.has_said_node = true;
  client_ask(&f->client, CDS, "");
  client_ask(&f->client, LDS, "");
  WAIT_FOR(f->loop, f->client.stream == NULL);
  assert_int_equal(f->client.code, GW_RPC_INVALID_ARGUMENT);
  assert_non_null(strstr(f->client.reason, "node.id"));
}

static void test_too_many_names_end_the_stream(void **state) {
  struct ads_fixture *f = *state;
  struct gw_str *names = gw_calloc(100001, sizeof *names);
  for (size_t i = 0; i < 100001; i++)
    names[i] = GW_STR("x");
  struct gw_discovery_request request = {.has_node = true,
                                         .node = {.id = GW_STR("node-1")},
                                         .type_url = gw_str_from(gw_xds_type_url(EDS)),
                                         .resource_names = names,
                                         .resource_name_count = 100001};
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  gw_rpc_stream_send(f->client.stream, &bytes, 1);
  gw_bytes_unref(bytes);
  free(names);
  WAIT_FOR(f->loop, f->client.stream == NULL);
  assert_int_equal(f->client.code, GW_RPC_INVALID_ARGUMENT);
}

static void test_two_streams_with_one_id_are_seen(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a b");
  client_sync(f, &f->client, "a");
  struct ads_client *twin = gw_calloc(1, sizeof *twin);
  client_open(f, twin, "node-1"); /* on the same connection, as one gRPC process does */
  client_ask(twin, CDS, "b");
  WAIT_ANSWER(f, twin, CDS, 1);
  assert_state(f, GW_NODE_STALE, "not accepted any CDS");
  client_ack(twin, CDS, "b");
  WAIT_FOR(f->loop, strcmp(only_node(f)->types[CDS].accepted_version, only_node(f)->types[CDS].wanted_version) == 0);
  assert_state(f, GW_NODE_SYNCED, NULL);
  gw_rpc_stream_cancel(twin->stream);
  WAIT_FOR(f->loop, twin->stream == NULL && only_node(f)->xds_streams == 1);

  struct gw_rpc_channel *first = f->channel;
  char target[32];
  snprintf(target, sizeof target, "127.0.0.1:%u", gw_rpc_server_port(f->server));
  struct gw_rpc_channel_options options = {.target = gw_str_from(target)};
  f->channel = gw_rpc_channel_new(f->rpc, &options);
  client_open(f, twin, "node-1");
  client_ask(twin, CDS, "");
  WAIT_ANSWER(f, twin, CDS, 1);
  assert_state(f, GW_NODE_STALE, "2 xDS streams from different peers use this node id");
  gw_rpc_channel_free(f->channel);
  f->channel = first;
  WAIT_FOR(f->loop, twin->stream == NULL && only_node(f)->xds_streams == 1);
  free(twin);
}

static void test_listeners_for_proxyless_clients_come_by_name_only(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "orders users");
  client_ask(&f->client, LDS, "orders nothing");
  WAIT_ANSWER(f, &f->client, LDS, 1);
  assert_string_equal(f->client.answers[LDS].names, "orders");
  client_ack(&f->client, LDS, "orders nothing");
  client_ask(&f->client, RDS, "service/orders service/nothing");
  WAIT_ANSWER(f, &f->client, RDS, 1);
  assert_string_equal(f->client.answers[RDS].names, "service/orders");
  client_ack(&f->client, RDS, "service/orders service/nothing");
  client_ask(&f->client, CDS, "orders");
  WAIT_ANSWER(f, &f->client, CDS, 1);
  client_ack(&f->client, CDS, "orders");
  client_ask(&f->client, EDS, "orders");
  WAIT_ANSWER(f, &f->client, EDS, 1);
  client_ack(&f->client, EDS, "orders");
  WAIT_FOR(f->loop, only_node(f)->types[EDS].accepted_version[0] != '\0');
  assert_state(f, GW_NODE_SYNCED, NULL);

  struct ads_client *proxy = gw_calloc(1, sizeof *proxy);
  client_open(f, proxy, "node-2");
  client_ask(proxy, LDS, "");
  WAIT_ANSWER(f, proxy, LDS, 1);
  assert_string_equal(proxy->answers[LDS].names, "main");
  gw_rpc_stream_cancel(proxy->stream);
  WAIT_FOR(f->loop, proxy->stream == NULL);
  free(proxy);

  SERVE(f, .clusters = "users");
  WAIT_ANSWER(f, &f->client, LDS, 2);
  assert_int_equal(f->client.answers[LDS].resource_count, 0);
}

#define MANY 300
static void test_a_change_reaches_many_streams(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .more_clusters = 200);
  struct ads_client *clients = gw_calloc(MANY, sizeof *clients);
  char ids[MANY][16];
  for (int i = 0; i < MANY; i++) {
    snprintf(ids[i], sizeof ids[i], "many-%d", i);
    client_open(f, &clients[i], ids[i]);
    client_ask(&clients[i], CDS, "");
  }
  for (int i = 0; i < MANY; i++) {
    WAIT_ANSWER(f, &clients[i], CDS, 1);
    client_ack(&clients[i], CDS, "");
  }
  SERVE(f, .clusters = "a b", .more_clusters = 200);
  for (int i = 0; i < MANY; i++) {
    WAIT_ANSWER(f, &clients[i], CDS, 2);
    assert_int_equal(clients[i].answers[CDS].resource_count, 202);
    gw_rpc_stream_cancel(clients[i].stream);
  }
  for (int i = 0; i < MANY; i++)
    WAIT_FOR(f->loop, clients[i].stream == NULL);
  free(clients);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_first_request_gets_all_clusters),
      ADS_TEST(test_request_before_the_first_snapshot_is_answered_when_it_comes),
      ADS_TEST(test_ack_is_recorded_and_sends_nothing),
      ADS_TEST(test_same_nonce_with_nothing_pending_is_answered_again),
      ADS_TEST(test_stale_nonce_is_ignored),
      ADS_TEST(test_nack_is_recorded_and_the_same_content_not_sent_again),
      ADS_TEST(test_names_select_and_changes_elsewhere_send_nothing),
      ADS_TEST(test_unknown_names_get_an_answer_without_them),
      ADS_TEST(test_clusters_by_name_and_by_star),
      ADS_TEST(test_returning_client_with_the_current_version_is_sent_nothing),
      ADS_TEST(test_returning_client_is_up_to_date_also_beside_another_one),
      ADS_TEST(test_unknown_type_is_ignored),
      ADS_TEST(test_garbage_ends_the_stream),
      ADS_TEST(test_request_without_node_ends_the_stream),
      ADS_TEST(test_too_many_names_end_the_stream),
      ADS_TEST(test_two_streams_with_one_id_are_seen),
      ADS_TEST(test_listeners_for_proxyless_clients_come_by_name_only),
      ADS_TEST(test_a_change_reaches_many_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
