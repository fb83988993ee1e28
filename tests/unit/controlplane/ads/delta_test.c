#include "delta_fixture.h"

static void assert_log(const struct delta_client *client, const char *log) {
  assert_string_equal(client->log, log);
}

static void test_start_gets_all_and_is_synced(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "b a");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, CDS, .subscribe = "");
  WAIT_ANSWER(f, &client, CDS, 1);
  assert_string_equal(client.answers[CDS].names, "a b");
  delta_ack(&client, CDS);
  DELTA_SAY(&client, EDS, .subscribe = "a b");
  WAIT_ANSWER(f, &client, EDS, 1);
  delta_ack(&client, EDS);
  DELTA_SAY(&client, LDS, .subscribe = "*");
  WAIT_ANSWER(f, &client, LDS, 1);
  delta_ack(&client, LDS);
  DELTA_SAY(&client, RDS, .subscribe = "routes");
  WAIT_ANSWER(f, &client, RDS, 1);
  delta_ack(&client, RDS);
  delta_no_more(f, &client);
  assert_log(&client, "CDS(a b) EDS(a b) LDS(main) RDS(routes) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
  assert_int_equal(only_node(f)->delta_streams, 1);
  assert_int_equal(only_node(f)->sent[EDS].resources, 2);
  assert_int_equal(f->nodes->sent[true][EDS].resources, 2);
  assert_int_equal(f->nodes->sent[false][EDS].resources, 0);
  assert_true(f->nodes->sent[true][EDS].bytes > 100);
}

static void test_start_without_clusters_is_told_so(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, CDS, .subscribe = "");
  WAIT_ANSWER(f, &client, CDS, 1);
  assert_log(&client, "CDS() ");
}

static void test_changed_endpoints_are_sent_alone(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a", .more_clusters = 500);
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a more-1 more-2");
  uint64_t before = f->nodes->sent[true][EDS].resources;
  /* The fixture gives all clusters one port, so all three that are asked for change, of 501 … */
  SERVE(f, .clusters = "a", .more_clusters = 500, .port = 81);
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_log(&client, "EDS(a more-1 more-2) ");
  assert_int_equal(f->nodes->sent[true][EDS].resources, before + 3);
  /* … and of 501 clusters only the new one is sent. */
  uint64_t clusters = f->nodes->sent[true][CDS].resources;
  SERVE(f, .clusters = "a b", .more_clusters = 500, .port = 81, .routes = "a");
  WAIT_ANSWER(f, &client, CDS, 2);
  assert_string_equal(client.answers[CDS].names, "b");
  assert_int_equal(f->nodes->sent[true][CDS].resources, clusters + 1);
}

static void test_new_before_who_names_it_and_gone_after(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a");
  SERVE(f, .clusters = "b");
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_no_more(f, &client); /* no route before the cluster is accepted … */
  delta_ack(&client, CDS);
  delta_no_more(f, &client); /* … and has endpoints */
  DELTA_SAY(&client, EDS, .subscribe = "b");
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_ack(&client, EDS);
  WAIT_ANSWER(f, &client, RDS, 2);
  delta_no_more(f, &client); /* nothing goes while the old routes may be in use */
  delta_ack(&client, RDS);
  WAIT_ANSWER(f, &client, CDS, 3);
  delta_ack(&client, CDS);
  WAIT_ANSWER(f, &client, EDS, 3);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_log(&client, "CDS(b) EDS(b) RDS(routes) CDS(-a) EDS(-a) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_unsubscribed_is_neither_sent_nor_removed(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  DELTA_SAY(&client, EDS, .unsubscribe = "b nobody");
  delta_no_more(f, &client);
  SERVE(f, .clusters = "a b", .port = 81);
  WAIT_ANSWER(f, &client, EDS, 2);
  assert_log(&client, "EDS(a) ");
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_resubscribed_is_sent_again(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  DELTA_SAY(&client, EDS, .subscribe = "b b");
  WAIT_ANSWER(f, &client, EDS, 2);
  assert_log(&client, "EDS(b) ");
}

static void test_names_count_with_a_stale_nonce_and_while_pending(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b c");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, EDS, .subscribe = "a");
  WAIT_ANSWER(f, &client, EDS, 1);
  DELTA_SAY(&client, EDS, .subscribe = "b", .nonce = "777", .error = "about another stream's answer");
  DELTA_SAY(&client, EDS, .subscribe = "c");
  delta_no_more(f, &client); /* one response at a time */
  assert_int_equal(f->nodes->refused_total, 0);
  delta_ack(&client, EDS);
  WAIT_ANSWER(f, &client, EDS, 2);
  assert_log(&client, "EDS(a) EDS(b c) ");
}

static void test_unknown_names_are_told_and_come_when_they_exist(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, EDS, .subscribe = "a nobody");
  WAIT_ANSWER(f, &client, EDS, 1);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  SERVE(f, .clusters = "a nobody");
  WAIT_ANSWER(f, &client, EDS, 2);
  assert_log(&client, "EDS(a -nobody) EDS(nobody) ");
}

static void test_wildcard_beside_names(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b c");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, CDS, .subscribe = "c");
  WAIT_ANSWER(f, &client, CDS, 1);
  delta_ack(&client, CDS);
  DELTA_SAY(&client, CDS, .subscribe = "*");
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_ack(&client, CDS);
  DELTA_SAY(&client, CDS, .unsubscribe = "c"); /* still had by the wildcard: told */
  WAIT_ANSWER(f, &client, CDS, 3);
  delta_ack(&client, CDS);
  DELTA_SAY(&client, CDS, .subscribe = "a", .unsubscribe = "*");
  WAIT_ANSWER(f, &client, CDS, 4);
  assert_log(&client, "CDS(c) CDS(a b) CDS(c) CDS(a -b -c) ");
}

/* What a client of that log would hold. */
static const char *held_of(const struct delta_client *client, enum gw_resource_type type) {
  return client->answers[type].held;
}

static void test_returning_client_is_sent_nothing_that_it_has(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client first, second;
  SERVE(f, .clusters = "a b");
  delta_open(f, &first, "gateway-dataplane");
  delta_sync(f, &first, "a b");
  gw_rpc_stream_cancel(first.stream);
  WAIT_FOR(f->loop, f->nodes->count == 0);
  delta_open(f, &second, "gateway-dataplane");
  DELTA_SAY(&second, CDS, .held = held_of(&first, CDS));
  DELTA_SAY(&second, EDS, .subscribe = "a b", .held = held_of(&first, EDS));
  DELTA_SAY(&second, LDS, .held = held_of(&first, LDS));
  DELTA_SAY(&second, RDS, .subscribe = "routes", .held = held_of(&first, RDS));
  delta_no_more(f, &second);
  assert_int_equal(second.total, 0);
  assert_state(f, GW_NODE_SYNCED, NULL);
  SERVE(f, .clusters = "a b", .port = 81);
  WAIT_ANSWER(f, &second, EDS, 1);
  assert_log(&second, "EDS(a b) ");
}

static void test_returning_client_is_sent_what_changed_and_told_what_left(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, CDS, .held = "a=v1-of-another-server gone=0123456789abcdef");
  DELTA_SAY(&client, EDS, .subscribe = "a gone", .held = "a=1 gone=2");
  DELTA_SAY(&client, LDS, .held = "old=1");
  DELTA_SAY(&client, RDS, .subscribe = "routes");
  WAIT_ANSWER(f, &client, CDS, 1);
  assert_string_equal(client.answers[CDS].names, "a b"); /* and "gone" stays while its routes may be in use */
  delta_ack(&client, CDS);
  WAIT_ANSWER(f, &client, EDS, 1);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  DELTA_SAY(&client, EDS, .subscribe = "b");
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_ack(&client, EDS);
  WAIT_ANSWER(f, &client, LDS, 1);
  delta_ack(&client, LDS);
  WAIT_ANSWER(f, &client, RDS, 1);
  delta_ack(&client, RDS);
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_ack(&client, CDS);
  WAIT_ANSWER(f, &client, EDS, 3);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_log(&client, "CDS(a b) EDS(a) EDS(b) LDS(main -old) RDS(routes) CDS(-gone) EDS(-gone) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
}

/* Envoy may have lost the connection between a cluster and its endpoints, which no version tells. */
static void test_returning_stranger_gets_its_endpoints_again(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client first, second;
  SERVE(f, .clusters = "a b");
  delta_open(f, &first, "envoy");
  delta_sync(f, &first, "a b");
  delta_open(f, &second, "envoy by another name");
  DELTA_SAY(&second, CDS, .held = held_of(&first, CDS));
  DELTA_SAY(&second, EDS, .subscribe = "a b", .held = held_of(&first, EDS));
  WAIT_ANSWER(f, &second, EDS, 1);
  assert_log(&second, "EDS(a b) ");
}

static void test_changed_cluster_brings_its_endpoints_unasked(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "envoy");
  delta_sync(f, &client, "a b");
  SERVE(f, .clusters = "a b", .has_cluster_tls = true);
  WAIT_ANSWER(f, &client, EDS, 2);
  assert_log(&client, "CDS(a b) EDS(a b) ");
}

/* Ours goes on with those it has. */
static void test_changed_cluster_of_a_data_plane_comes_alone(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  SERVE(f, .clusters = "a b", .has_cluster_tls = true);
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_ack(&client, CDS);
  delta_no_more(f, &client);
  assert_log(&client, "CDS(a b) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_refused_resource_is_not_sent_again_and_others_are(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a", .port = 80);
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a");
  SERVE(f, .clusters = "a bad good", .routes = "a good");
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_nack(&client, CDS, "Error adding/updating cluster(s) bad: no such thing as a good day");
  WAIT_ANSWER(f, &client, CDS, 3); /* "good" again: some clients take all or nothing */
  assert_string_equal(client.answers[CDS].names, "good");
  assert_int_equal(f->nodes->refused_total, 1);
  delta_ack(&client, CDS);
  DELTA_SAY(&client, EDS, .subscribe = "good");
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_ack(&client, EDS);
  WAIT_ANSWER(f, &client, RDS, 2); /* one bad cluster does not block all others' routes */
  delta_ack(&client, RDS);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_REFUSED, "CDS: Error adding/updating cluster(s) bad");
  /* Gone and back: the same content is not sent, and still shown. */
  SERVE(f, .clusters = "a good", .routes = "a good");
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_SYNCED, NULL);
  SERVE(f, .clusters = "a bad good", .routes = "a good");
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_REFUSED, "bad");
  /* Different content is, at once and alone. */
  SERVE(f, .clusters = "a bad good", .routes = "a", .has_cluster_tls = true);
  WAIT_ANSWER(f, &client, CDS, 4);
  assert_non_null(strstr(client.answers[CDS].names, "bad"));
  delta_ack(&client, CDS);
  WAIT_FOR(f->loop, only_node(f)->types[CDS].refused_version[0] == '\0');
}

static void test_refusal_that_names_nobody_is_of_all_until_something_differs(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b c");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  SERVE(f, .clusters = "a b c", .port = 81);
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_nack(&client, EDS, "I do not like it");
  WAIT_FOR(f->loop, f->nodes->refused_total == 1);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_REFUSED, "EDS: a, b: I do not like it");
  DELTA_SAY(&client, EDS, .subscribe = "c");
  WAIT_ANSWER(f, &client, EDS, 3);
  assert_string_equal(client.answers[EDS].names, "a b c");
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_refused_removal_does_not_go_round_in_circles(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b", .routes = "a");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  SERVE(f, .clusters = "a", .routes = "a");
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_nack(&client, CDS, "b is in use");
  WAIT_ANSWER(f, &client, EDS, 2);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_log(&client, "CDS(-b) EDS(-b) ");
}

static void test_refused_routes_keep_the_clusters_of_the_old_ones(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a b");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a b");
  SERVE(f, .clusters = "b");
  WAIT_ANSWER(f, &client, RDS, 2);
  delta_nack(&client, RDS, "routes: bad thing");
  WAIT_FOR(f->loop, f->nodes->refused_total == 1);
  delta_no_more(f, &client);
  assert_log(&client, "RDS(routes) ");
  assert_state(f, GW_NODE_REFUSED, "RDS: routes: bad thing");
}

static void test_snapshots_that_come_meanwhile_are_coalesced(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a", .port = 1);
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a");
  SERVE(f, .clusters = "a", .port = 2);
  WAIT_ANSWER(f, &client, EDS, 2);
  for (uint16_t port = 3; port < 10; port++)
    SERVE(f, .clusters = "a", .port = port);
  delta_no_more(f, &client);
  delta_ack(&client, EDS);
  WAIT_ANSWER(f, &client, EDS, 3);
  delta_ack(&client, EDS);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_node_that_does_not_answer_holds_up_only_that_type(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a");
  delta_open(f, &client, "gateway-dataplane");
  delta_sync(f, &client, "a");
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, &client, CDS, 2);
  WAIT_ANSWER(f, &client, RDS, 2); /* after 5 s */
  SERVE(f, .clusters = "a b c");
  delta_no_more(f, &client);
  delta_ack(&client, CDS);
  WAIT_ANSWER(f, &client, CDS, 3);
  assert_string_equal(client.answers[CDS].names, "c");
}

/* What a client only says it has must never be handed to another, though names and versions are the same. */
static void test_claimed_set_is_not_sent_to_a_stream_that_has_the_real_one(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client first, second;
  SERVE(f, .clusters = "a b");
  client_sync(f, &f->client, "a b"); /* state of the world */
  delta_open(f, &first, "gateway-dataplane");
  delta_sync(f, &first, "a b");
  gw_rpc_stream_cancel(first.stream);
  WAIT_FOR(f->loop, only_node(f)->xds_streams == 1);
  SERVE(f, .clusters = "a b c"); /* the returning one is behind, so its set stays a claim … */
  delta_open(f, &second, "gateway-dataplane");
  DELTA_SAY(&second, CDS, .held = held_of(&first, CDS));
  DELTA_SAY(&second, EDS, .subscribe = "a b", .held = held_of(&first, EDS));
  DELTA_SAY(&second, LDS, .held = held_of(&first, LDS));
  DELTA_SAY(&second, RDS, .subscribe = "routes", .held = held_of(&first, RDS));
  WAIT_ANSWER(f, &second, CDS, 1);
  assert_string_equal(second.answers[CDS].names, "c");
  WAIT_ANSWER(f, &f->client, CDS, 2);
  SERVE(f, .clusters = "c"); /* … when both keep what leaves */
  client_ack(&f->client, CDS, "");
  delta_ack(&second, CDS);
  client_ack(&f->client, EDS, "a b c");
  DELTA_SAY(&second, EDS, .subscribe = "c");
  WAIT_ANSWER(f, &f->client, EDS, 2);
  client_ack(&f->client, EDS, "a b c");
  WAIT_ANSWER(f, &second, EDS, 1);
  delta_ack(&second, EDS);
  WAIT_ANSWER(f, &f->client, RDS, 2);
  client_ack(&f->client, RDS, "routes");
  WAIT_ANSWER(f, &f->client, CDS, 3);
  assert_string_equal(f->client.answers[CDS].names, "c");
}

static void test_secrets_are_withheld_on_plaintext(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a", .key = "KEY");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, SDS, .subscribe = "ca site", .held = "site=0123456789abcdef");
  WAIT_ANSWER(f, &client, SDS, 1);
  assert_log(&client, "SDS(ca -site) ");
  assert_int_equal(only_node(f)->secrets_withheld, 1);
}

/* A version is no secret: it stands in logs and dumps. */
static void test_who_claims_to_have_a_certificate_does_not_get_it(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a", .key = "KEY");
  const struct gw_resource_list *secrets = &gw_snapshot_cache_current(f->cache)->lists[SDS];
  char held[64] = "";
  for (uint32_t i = 0; i < secrets->count; i++)
    if (gw_str_equal(secrets->items[i]->name, GW_STR("site"))) snprintf(held, sizeof held, "site=%s", secrets->items[i]->version);
  assert_string_not_equal(held, "");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, SDS, .subscribe = "ca site", .held = held);
  WAIT_ANSWER(f, &client, SDS, 1);
  delta_ack(&client, SDS);
  DELTA_SAY(&client, SDS, .subscribe = "site");
  WAIT_ANSWER(f, &client, SDS, 2);
  delta_nack(&client, SDS, "site: give it to me");
  delta_no_more(f, &client);
  assert_log(&client, "SDS(ca -site) SDS(-site) ");
}

/* Each request is small; together they would fill the memory. */
static void test_names_of_many_requests_have_a_bound(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, EDS, .subscribe = "a");
  WAIT_ANSWER(f, &client, EDS, 1);
  enum { AT_ONCE = 60000 };
  struct gw_str *names = gw_calloc(AT_ONCE, sizeof *names);
  char(*texts)[8] = gw_calloc(AT_ONCE, sizeof *texts);
  for (uint32_t turn = 0; turn < 2; turn++) {
    for (uint32_t i = 0; i < AT_ONCE; i++) {
      snprintf(texts[i], sizeof texts[i], "%u", turn * AT_ONCE + i);
      names[i] = gw_str_from(texts[i]);
    }
    struct gw_delta_request request = {.type_url = gw_str_from(gw_xds_type_url(EDS)), .subscribe = names, .subscribe_count = AT_ONCE};
    struct gw_bytes *bytes = gw_delta_request_encode(&request);
    gw_rpc_stream_send(client.stream, &bytes, 1);
    gw_bytes_unref(bytes);
    if (turn == 0) delta_no_more(f, &client);
  }
  free(texts);
  free(names);
  WAIT_FOR(f->loop, client.stream == NULL);
  assert_int_equal(client.code, GW_RPC_INVALID_ARGUMENT);
}

static void test_garbage_ends_the_stream(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  delta_open(f, &client, "gateway-dataplane");
  struct gw_bytes *bytes = gw_bytes_new("\xff\xff\xff", 3);
  gw_rpc_stream_send(client.stream, &bytes, 1);
  gw_bytes_unref(bytes);
  WAIT_FOR(f->loop, client.stream == NULL);
  assert_int_equal(client.code, GW_RPC_INVALID_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_start_gets_all_and_is_synced),
      ADS_TEST(test_start_without_clusters_is_told_so),
      ADS_TEST(test_changed_endpoints_are_sent_alone),
      ADS_TEST(test_new_before_who_names_it_and_gone_after),
      ADS_TEST(test_unsubscribed_is_neither_sent_nor_removed),
      ADS_TEST(test_resubscribed_is_sent_again),
      ADS_TEST(test_names_count_with_a_stale_nonce_and_while_pending),
      ADS_TEST(test_unknown_names_are_told_and_come_when_they_exist),
      ADS_TEST(test_wildcard_beside_names),
      ADS_TEST(test_returning_client_is_sent_nothing_that_it_has),
      ADS_TEST(test_returning_client_is_sent_what_changed_and_told_what_left),
      ADS_TEST(test_returning_stranger_gets_its_endpoints_again),
      ADS_TEST(test_changed_cluster_brings_its_endpoints_unasked),
      ADS_TEST(test_changed_cluster_of_a_data_plane_comes_alone),
      ADS_TEST(test_refused_resource_is_not_sent_again_and_others_are),
      ADS_TEST(test_refusal_that_names_nobody_is_of_all_until_something_differs),
      ADS_TEST(test_refused_removal_does_not_go_round_in_circles),
      ADS_TEST(test_refused_routes_keep_the_clusters_of_the_old_ones),
      ADS_TEST(test_snapshots_that_come_meanwhile_are_coalesced),
      ADS_TEST(test_node_that_does_not_answer_holds_up_only_that_type),
      ADS_TEST(test_claimed_set_is_not_sent_to_a_stream_that_has_the_real_one),
      ADS_TEST(test_secrets_are_withheld_on_plaintext),
      ADS_TEST(test_who_claims_to_have_a_certificate_does_not_get_it),
      ADS_TEST(test_names_of_many_requests_have_a_bound),
      ADS_TEST(test_garbage_ends_the_stream),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
