#include "controlplane/ads/ads_stream.h"
#include "tests/unit/controlplane/ads/ads_fixture.h"

/* What mutual TLS with the right certificate does. */
static void permit_secrets(struct ads_fixture *f) {
  struct gw_node_stream *status = GW_LIST_ITEM(only_node(f)->streams.next, struct gw_node_stream, link);
  GW_CONTAINER_OF(status, struct gw_ads_stream, status)->may_have_secrets = true;
}

static void test_certificate_is_withheld_and_ca_is_not(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .key = "KEY");
  client_sync(f, &f->client, "a");
  client_ask(&f->client, SDS, "ca site");
  WAIT_ANSWER(f, &f->client, SDS, 1);
  assert_string_equal(f->client.answers[SDS].names, "ca");
  client_ack(&f->client, SDS, "ca site");
  assert_no_more(f, &f->client);
  assert_int_equal(only_node(f)->secrets_withheld, 1);
  assert_state(f, GW_NODE_STALE, "1 secrets withheld: they go only over mutual TLS");
}

static void test_certificate_goes_to_who_may_have_it(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .key = "KEY");
  client_sync(f, &f->client, "a");
  permit_secrets(f);
  client_ask(&f->client, SDS, "ca site");
  WAIT_ANSWER(f, &f->client, SDS, 1);
  assert_string_equal(f->client.answers[SDS].names, "ca site");
  client_ack(&f->client, SDS, "ca site");
  WAIT_FOR(f->loop, strcmp(only_node(f)->types[SDS].accepted_version, current_version(f, SDS)) == 0);
  assert_int_equal(only_node(f)->secrets_withheld, 0);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_rotation_sends_the_secret_and_nothing_else(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .key = "KEY");
  client_sync(f, &f->client, "a");
  permit_secrets(f);
  client_ask(&f->client, SDS, "ca site");
  WAIT_ANSWER(f, &f->client, SDS, 1);
  client_ack(&f->client, SDS, "ca site");
  uint32_t total = f->client.total;
  SERVE(f, .clusters = "a", .key = "ANOTHER KEY");
  WAIT_ANSWER(f, &f->client, SDS, 2);
  client_ack(&f->client, SDS, "ca site");
  assert_int_equal(f->client.total, total + 1);
  assert_no_more(f, &f->client);
}

/* A version is no secret: it stands in logs and dumps. */
static void test_who_claims_to_have_had_a_certificate_does_not_get_it(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .key = "KEY");
  client_sync(f, &f->client, "a");
  permit_secrets(f);
  client_ask(&f->client, SDS, "ca site");
  WAIT_ANSWER(f, &f->client, SDS, 1);
  client_ack(&f->client, SDS, "ca site");

  struct ads_client other;
  client_open(f, &other, "node-2");
  client_ask(&other, CDS, "");
  WAIT_ANSWER(f, &other, CDS, 1);
  client_say(&other, SDS, "ca site", f->client.answers[SDS].version, "", NULL);
  WAIT_ANSWER(f, &other, SDS, 1);
  assert_string_equal(other.answers[SDS].names, "ca");
  client_ack(&other, SDS, "ca site");
  assert_no_more(f, &other);
  gw_rpc_stream_cancel(other.stream);
  WAIT_FOR(f->loop, other.stream == NULL);
}

static void test_secrets_of_clusters_come_before_routes_name_those(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a");
  client_sync(f, &f->client, "a");
  f->client.log[0] = '\0';
  SERVE(f, .clusters = "a b", .has_cluster_tls = true);
  WAIT_ANSWER(f, &f->client, CDS, 2);
  client_ack(&f->client, CDS, "");
  client_ask(&f->client, EDS, "a b");
  WAIT_ANSWER(f, &f->client, EDS, 2);
  client_ack(&f->client, EDS, "a b");
  client_ask(&f->client, SDS, "ca");
  WAIT_ANSWER(f, &f->client, SDS, 1);
  client_ack(&f->client, SDS, "ca");
  WAIT_ANSWER(f, &f->client, RDS, 2);
  assert_string_equal(f->client.log, "CDS(a b) EDS(a b) SDS(ca) RDS(routes) ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_certificate_is_withheld_and_ca_is_not),
      ADS_TEST(test_certificate_goes_to_who_may_have_it),
      ADS_TEST(test_rotation_sends_the_secret_and_nothing_else),
      ADS_TEST(test_who_claims_to_have_had_a_certificate_does_not_get_it),
      ADS_TEST(test_secrets_of_clusters_come_before_routes_name_those),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
