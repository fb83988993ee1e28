/* Who shares what: nodes of a group get the group's, all others the others', and strangers of either what is made for strangers. */
#include "../snapshot/group_fixture.h"
#include "ads_fixture.h"

#define OURS "gateway-dataplane"

/* All have a, the group has its cluster; without a group (NULL) all have both. */
static void serve_groups(struct ads_fixture *f, const char *group, const char *cluster, uint16_t port) {
  const struct snapshot_plan plan = {.clusters = "a b c", .routes = "a", .port = port};
  struct gw_snapshot *before = gw_snapshot_cache_everything(f->cache);
  struct gw_snapshot *everything = make_snapshot(&plan, before), *made[2];
  struct gw_snapshot *const previous[2] = {gw_snapshot_cache_current(f->cache),
                                           group != NULL ? gw_snapshot_cache_of(f->cache, gw_str_from(group)) : NULL};
  struct group_model model;
  struct gw_errors errors;
  gw_errors_init(&errors);
  uint32_t count = group != NULL;
  if (group != NULL) make_group(&model, group, cluster);
  assert_int_equal(gw_groups_freeze(everything, &model.group, count, previous, &errors, made), GW_OK);
  const struct gw_snapshot_group groups[] = {{gw_str_from(group), count > 0 ? made[1] : NULL}};
  gw_snapshot_cache_set_groups(f->cache, everything, made[0], groups, count, gw_loop_now_us(f->loop));
  for (uint32_t i = 0; i <= count; i++)
    gw_snapshot_unref(made[i]);
  gw_snapshot_unref(everything);
  gw_errors_done(&errors);
}

static void open_client(struct ads_fixture *f, struct ads_client *client, const char *node_id, const char *cluster, const char *kind) {
  client_open(f, client, node_id);
  client->cluster = cluster;
  client->kind = kind;
  client_ask(client, CDS, "");
  WAIT_ANSWER(f, client, CDS, 1);
  client_ack(client, CDS, "");
}

static void close_client(struct ads_fixture *f, struct ads_client *client) {
  gw_rpc_stream_finish(client->stream, GW_RPC_OK, "");
  WAIT_FOR(f->loop, client->stream == NULL);
}

static void test_nodes_get_what_is_for_their_cluster(void **state) {
  struct ads_fixture *f = *state;
  const char *const kinds[] = {OURS, "envoy"};
  serve_groups(f, "edge", "b", 80);
  for (size_t i = 0; i < GW_ARRAY_LEN(kinds); i++) {
    struct ads_client edge, elsewhere;
    open_client(f, &edge, "n1", "edge", kinds[i]);
    open_client(f, &elsewhere, "n2", "elsewhere", kinds[i]);
    assert_string_equal(edge.answers[CDS].names, "b c");
    assert_string_equal(elsewhere.answers[CDS].names, "a c");
    close_client(f, &edge);
    close_client(f, &elsewhere);
  }
}

static void test_change_of_a_group_is_sent_to_its_nodes_alone(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client edges[2], elsewhere;
  serve_groups(f, "edge", "b", 80);
  open_client(f, &edges[0], "n1", "edge", OURS);
  open_client(f, &edges[1], "n2", "edge", OURS);
  open_client(f, &elsewhere, "n3", "elsewhere", OURS);
  serve_groups(f, "edge", "a", 80); /* b is everybody's now, and that is news to all */
  WAIT_ANSWER(f, &edges[0], CDS, 2);
  WAIT_ANSWER(f, &edges[1], CDS, 2);
  WAIT_ANSWER(f, &elsewhere, CDS, 2);
  client_ack(&elsewhere, CDS, "");
  for (size_t i = 0; i < 2; i++) {
    assert_string_equal(edges[i].answers[CDS].names, "a b c");
    assert_string_equal(edges[i].answers[CDS].version, edges[0].answers[CDS].version);
    client_ack(&edges[i], CDS, "");
  }
  serve_groups(f, "edge", "c", 80); /* c was everybody's before, too: the others lose it */
  WAIT_ANSWER(f, &edges[0], CDS, 3);
  assert_string_equal(edges[0].answers[CDS].names, "b c");
  close_client(f, &edges[0]);
  close_client(f, &edges[1]);
  close_client(f, &elsewhere);
}

static void test_group_that_comes_and_goes_moves_open_streams(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client ours, stranger;
  serve_groups(f, NULL, NULL, 80);
  open_client(f, &ours, "n1", "edge", OURS);
  open_client(f, &stranger, "n2", "edge", "envoy");
  assert_string_equal(ours.answers[CDS].names, "a b c");
  assert_string_equal(stranger.answers[CDS].names, "a b c");
  serve_groups(f, "edge", "b", 80);
  WAIT_ANSWER(f, &ours, CDS, 2);
  WAIT_ANSWER(f, &stranger, CDS, 2);
  assert_string_equal(ours.answers[CDS].names, "b c");
  assert_string_equal(stranger.answers[CDS].names, "b c");
  client_ack(&ours, CDS, "");
  client_ack(&stranger, CDS, "");
  serve_groups(f, NULL, NULL, 80);
  WAIT_ANSWER(f, &ours, CDS, 3);
  WAIT_ANSWER(f, &stranger, CDS, 3);
  assert_string_equal(ours.answers[CDS].names, "a b c");
  assert_string_equal(stranger.answers[CDS].names, "a b c");
  close_client(f, &ours);
  close_client(f, &stranger);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_nodes_get_what_is_for_their_cluster),
      ADS_TEST(test_change_of_a_group_is_sent_to_its_nodes_alone),
      ADS_TEST(test_group_that_comes_and_goes_moves_open_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
