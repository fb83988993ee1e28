#include "controlplane/ads/ads_stream.h"
#include "delta_fixture.h"

#define KEYS GW_RESOURCE_API_KEY

static void assert_log(const struct delta_client *client, const char *log) {
  assert_string_equal(client->log, log);
}

static struct gw_resource *make_key(const char *id, const char *owner) {
  struct gw_api_key key = {.id = gw_str_from(id), .owner = gw_str_from(owner)};
  return gw_xds_encode_api_key(&key);
}

/* "ID=OWNER …", sorted. */
static void serve_keys(struct ads_fixture *f, const char *words) {
  struct gw_resource *items[32];
  uint32_t count = 0;
  struct gw_str rest = gw_str_from(words), word;
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &word)) {
    struct gw_str id;
    assert_true(gw_str_split_next(&word, '=', &id));
    struct gw_api_key key = {.id = id, .owner = word};
    items[count++] = gw_xds_encode_api_key(&key);
  }
  struct gw_resource_list list = gw_resource_list_new(items, count);
  struct gw_snapshot *snapshot = gw_snapshot_with_api_keys(gw_snapshot_cache_current(f->cache), &list);
  gw_snapshot_cache_set(f->cache, snapshot, gw_clock_monotonic_us());
  gw_snapshot_unref(snapshot);
  gw_resource_list_unref(&list);
}

/* What mutual TLS with the right certificate does. */
static void permit_secrets(struct ads_fixture *f) {
  struct gw_node_stream *status = GW_LIST_ITEM(only_node(f)->streams.next, struct gw_node_stream, link);
  GW_CONTAINER_OF(status, struct gw_ads_stream, status)->may_have_secrets = true;
}

/* A data plane that has all but keys. */
static void open_permitted(struct ads_fixture *f, struct delta_client *client) {
  SERVE(f, .clusters = "a");
  delta_open(f, client, "gateway-dataplane");
  delta_sync(f, client, "a");
  permit_secrets(f);
  client->log[0] = '\0';
}

static void test_each_change_is_one_small_answer(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  open_permitted(f, &client);
  serve_keys(f, "k1=ann k2=bob");
  DELTA_SAY(&client, KEYS, .subscribe = "");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  serve_keys(f, "k1=ann k2=carl");
  WAIT_ANSWER(f, &client, KEYS, 2);
  delta_ack(&client, KEYS);
  serve_keys(f, "k1=ann k2=carl k3=dora");
  WAIT_ANSWER(f, &client, KEYS, 3);
  delta_ack(&client, KEYS);
  serve_keys(f, "k2=carl k3=dora");
  WAIT_ANSWER(f, &client, KEYS, 4);
  delta_ack(&client, KEYS);
  delta_no_more(f, &client);
  assert_log(&client, "keys(k1 k2) keys(k2) keys(k3) keys(-k1) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_what_is_not_known_is_not_said_to_be_gone(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  open_permitted(f, &client);
  struct gw_resource *same = make_key("k1", "ann");
  char held[64];
  snprintf(held, sizeof held, "k0=0123456789abcdef k1=%s", same->version);
  gw_resource_unref(same);
  DELTA_SAY(&client, KEYS, .subscribe = "", .held = held);
  delta_no_more(f, &client);
  assert_state(f, GW_NODE_SYNCED, NULL);
  serve_keys(f, "k1=ann k2=bob");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  delta_no_more(f, &client);
  assert_log(&client, "keys(k2 -k0) ");
}

static void test_change_of_a_key_waits_for_no_rollout(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  open_permitted(f, &client);
  serve_keys(f, "k1=ann");
  DELTA_SAY(&client, KEYS, .subscribe = "");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  SERVE(f, .clusters = "a b"); /* of which nothing is answered */
  WAIT_ANSWER(f, &client, CDS, 2);
  serve_keys(f, "");
  WAIT_ANSWER(f, &client, KEYS, 2);
  assert_string_equal(client.answers[KEYS].removed, "k1");
}

static void test_configuration_without_word_of_keys_keeps_quiet_about_them(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  open_permitted(f, &client);
  serve_keys(f, "k1=ann");
  DELTA_SAY(&client, KEYS, .subscribe = "");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, &client, CDS, 2);
  delta_ack(&client, CDS);
  delta_no_more(f, &client);
  assert_int_equal(client.answers[KEYS].count, 1);
}

static void test_keys_are_withheld_on_plaintext(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  SERVE(f, .clusters = "a");
  serve_keys(f, "k1=ann");
  delta_open(f, &client, "gateway-dataplane");
  DELTA_SAY(&client, KEYS, .subscribe = "", .held = "k1=0123456789abcdef");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  DELTA_SAY(&client, KEYS, .subscribe = "k1");
  WAIT_ANSWER(f, &client, KEYS, 2);
  assert_null(strstr(client.log, "(k1"));
}

static void test_one_of_100000_is_a_small_message(void **state) {
  struct ads_fixture *f = *state;
  static struct delta_client client;
  enum { COUNT = 100000 };
  open_permitted(f, &client);
  struct gw_resource **items = gw_calloc(COUNT, sizeof(struct gw_resource *));
  for (uint32_t i = 0; i < COUNT; i++) {
    char id[17];
    snprintf(id, sizeof id, "k%015u", i);
    items[i] = make_key(id, "somebody");
  }
  struct gw_resource_list list = gw_resource_list_new(items, COUNT);
  struct gw_snapshot *snapshot = gw_snapshot_with_api_keys(gw_snapshot_cache_current(f->cache), &list);
  gw_snapshot_cache_set(f->cache, snapshot, gw_clock_monotonic_us());
  gw_snapshot_unref(snapshot);
  DELTA_SAY(&client, KEYS, .subscribe = "");
  WAIT_ANSWER(f, &client, KEYS, 1);
  delta_ack(&client, KEYS);
  delta_no_more(f, &client);
  uint64_t bytes = only_node(f)->sent[KEYS].bytes, begun_us = gw_clock_monotonic_us();
  const struct gw_resource_change change = {items[COUNT / 2]->name, NULL};
  struct gw_resource_list after = gw_resource_list_change(&list, &change, 1);
  snapshot = gw_snapshot_with_api_keys(gw_snapshot_cache_current(f->cache), &after);
  gw_snapshot_cache_set(f->cache, snapshot, gw_clock_monotonic_us());
  gw_snapshot_unref(snapshot);
  uint64_t sent_us = gw_clock_monotonic_us() - begun_us;
  WAIT_ANSWER(f, &client, KEYS, 2);
  print_message("one of %d keys: sent after %u us\n", COUNT, (unsigned)sent_us);
  assert_int_equal(only_node(f)->sent[KEYS].resources, COUNT);
  assert_in_range(only_node(f)->sent[KEYS].bytes - bytes, 1, 200);
  delta_ack(&client, KEYS);
  delta_no_more(f, &client);
  gw_resource_list_unref(&list);
  gw_resource_list_unref(&after);
  free(items);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_each_change_is_one_small_answer),      ADS_TEST(test_what_is_not_known_is_not_said_to_be_gone),
      ADS_TEST(test_change_of_a_key_waits_for_no_rollout), ADS_TEST(test_configuration_without_word_of_keys_keeps_quiet_about_them),
      ADS_TEST(test_keys_are_withheld_on_plaintext),       ADS_TEST(test_one_of_100000_is_a_small_message),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
