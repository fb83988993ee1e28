#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ads_fixture.h"

static void forget_log(struct ads_client *client) {
  client->log[0] = '\0';
}

static void test_what_is_new_comes_before_who_names_it(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_sync(f, client, "a");
  forget_log(client);
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, client, CDS, 2);
  assert_no_more(f, client); /* no route before the cluster is accepted … */
  client_ack(client, CDS, "");
  assert_no_more(f, client); /* … and has endpoints */
  client_ack(client, EDS, "a b");
  WAIT_ANSWER(f, client, EDS, 2);
  assert_no_more(f, client);
  client_ack(client, EDS, "a b");
  WAIT_ANSWER(f, client, RDS, 2);
  client_ack(client, RDS, "routes");
  assert_no_more(f, client);
  assert_string_equal(client->log, "CDS(a b) EDS(a b) RDS(routes) ");
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_what_leaves_goes_after_the_last_route(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a b");
  client_sync(f, client, "a b");
  forget_log(client);
  SERVE(f, .clusters = "b");
  WAIT_ANSWER(f, client, RDS, 2); /* clusters and endpoints are as before */
  assert_no_more(f, client);
  client_ack(client, RDS, "routes");
  WAIT_ANSWER(f, client, CDS, 2);
  assert_string_equal(client->answers[CDS].names, "b");
  client_ack(client, CDS, "");
  WAIT_ANSWER(f, client, EDS, 2);
  client_ack(client, EDS, "b");
  assert_no_more(f, client);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_a_service_is_replaced_with_both_present_meanwhile(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_sync(f, client, "a");
  forget_log(client);
  SERVE(f, .clusters = "b");
  WAIT_ANSWER(f, client, CDS, 2);
  assert_string_equal(client->answers[CDS].names, "a b");
  client_ack(client, CDS, "");
  client_ack(client, EDS, "a b");
  WAIT_ANSWER(f, client, EDS, 2);
  assert_string_equal(client->answers[EDS].names, "a b");
  client_ack(client, EDS, "a b");
  WAIT_ANSWER(f, client, RDS, 2);
  client_ack(client, RDS, "routes");
  WAIT_ANSWER(f, client, CDS, 3);
  assert_string_equal(client->answers[CDS].names, "b");
  assert_string_equal(client->answers[CDS].version, current_version(f, CDS));
}

static void test_snapshots_that_come_meanwhile_are_coalesced(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_sync(f, client, "a");
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, client, CDS, 2);
  SERVE(f, .clusters = "a c");
  SERVE(f, .clusters = "a d");
  assert_no_more(f, client);
  client_ack(client, CDS, "");
  WAIT_ANSWER(f, client, CDS, 3);
  assert_string_equal(client->answers[CDS].names, "a b d"); /* b was sent; c never was */
  client_ack(client, CDS, "");
  client_ack(client, EDS, "a b d");
  WAIT_ANSWER(f, client, EDS, 2);
  assert_string_equal(client->answers[EDS].names, "a d");
  client_ack(client, EDS, "a b d");
  WAIT_ANSWER(f, client, RDS, 2);
  client_ack(client, RDS, "routes");
  WAIT_ANSWER(f, client, CDS, 4);
  assert_string_equal(client->answers[CDS].names, "a d");
  client_ack(client, CDS, "");
  client_ack(client, EDS, "a d");
  WAIT_ANSWER(f, client, EDS, 3);
  client_ack(client, EDS, "a d");
  assert_no_more(f, client);
  assert_state(f, GW_NODE_SYNCED, NULL);
}

static void test_refused_routes_keep_the_clusters_of_the_old_ones(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a b");
  client_sync(f, client, "a b");
  char routes[17];
  memcpy(routes, client->answers[RDS].version, sizeof routes);
  SERVE(f, .clusters = "b");
  WAIT_ANSWER(f, client, RDS, 2);
  client_nack(client, RDS, "routes", routes);
  WAIT_FOR(f->loop, f->nodes->refused_total == 1);
  assert_no_more(f, client);
  assert_state(f, GW_NODE_REFUSED, "RDS: bad thing");
  SERVE(f, .clusters = "b c");
  WAIT_ANSWER(f, client, CDS, 2);
  assert_string_equal(client->answers[CDS].names, "a b c");
}

static void test_refused_cluster_is_not_carried_on(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_sync(f, client, "a");
  char clusters[17];
  memcpy(clusters, client->answers[CDS].version, sizeof clusters);
  SERVE(f, .clusters = "a bad");
  WAIT_ANSWER(f, client, CDS, 2);
  client_nack(client, CDS, "", clusters);
  WAIT_ANSWER(f, client, RDS, 2); /* one bad cluster does not block all others' routes */
  client_ack(client, RDS, "routes");
  SERVE(f, .clusters = "a good");
  WAIT_ANSWER(f, client, CDS, 3);
  assert_string_equal(client->answers[CDS].names, "a good");
}

static void test_node_that_never_asks_for_endpoints_is_not_waited_for_long(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_ask(client, CDS, "");
  client_ask(client, LDS, "");
  WAIT_ANSWER(f, client, CDS, 1);
  assert_int_equal(client->answers[LDS].count, 0);
  client_ack(client, CDS, "");
  uint64_t before_us = gw_clock_monotonic_us();
  WAIT_ANSWER(f, client, LDS, 1);
  assert_true(gw_clock_monotonic_us() - before_us < 4000000u);
  client_ack(client, LDS, "");
  SERVE(f, .clusters = "a b"); /* the next time it is known */
  WAIT_ANSWER(f, client, CDS, 2);
}

static void test_node_that_does_not_answer_is_gone_on_without(void **state) {
  struct ads_fixture *f = *state;
  struct ads_client *client = &f->client;
  SERVE(f, .clusters = "a");
  client_sync(f, client, "a");
  SERVE(f, .clusters = "a b");
  WAIT_ANSWER(f, client, CDS, 2);
  WAIT_ANSWER(f, client, RDS, 2); /* after 5 s */
  SERVE(f, .clusters = "a c");
  WAIT_ANSWER(f, client, CDS, 3);
}

/* --- a reader that does not read: HTTP/2 by hand, whose window is opened when the test likes --- */

static void put_frame(struct gw_strbuf *out, uint8_t type, uint8_t flags, uint8_t stream, const void *payload, size_t len) {
  const char head[9] = {(char)(len >> 16), (char)(len >> 8), (char)len, (char)type, (char)flags, 0, 0, 0, (char)stream};
  gw_strbuf_append(out, head, sizeof head);
  if (len > 0) gw_strbuf_append(out, payload, len);
}

static void put_literal(struct gw_strbuf *out, const char *name, const char *value) {
  gw_strbuf_append_char(out, 0); /* literal without indexing, new name */
  gw_strbuf_append_char(out, (char)strlen(name));
  gw_strbuf_append(out, name, strlen(name));
  gw_strbuf_append_char(out, (char)strlen(value));
  gw_strbuf_append(out, value, strlen(value));
}

static void put_request(struct gw_strbuf *out, enum gw_resource_type type, const char *node_id) {
  struct gw_discovery_request request = {.has_node = true,
                                         .node = {.id = gw_str_from(node_id), .cluster = GW_STR("test")},
                                         .type_url = gw_str_from(gw_xds_type_url(type))};
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  struct gw_strbuf data;
  gw_strbuf_init(&data);
  const char prefix[5] = {0, 0, 0, 0, (char)bytes->len};
  gw_strbuf_append(&data, prefix, sizeof prefix);
  gw_strbuf_append_str(&data, gw_bytes_str(bytes));
  put_frame(out, 0, 0, 1, data.data, data.len);
  gw_strbuf_done(&data);
  gw_bytes_unref(bytes);
}

/* Connects, opens an ADS stream whose window takes 100 bytes, and asks for all clusters. */
static int open_slow_reader(struct ads_fixture *f) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(gw_rpc_server_port(f->server)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  struct gw_strbuf out, headers;
  gw_strbuf_init(&out);
  gw_strbuf_init(&headers);
  gw_strbuf_append_str(&out, GW_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  put_frame(&out, 4, 0, 0, "\0\4\0\0\0\144", 6); /* SETTINGS_INITIAL_WINDOW_SIZE = 100 */
  put_literal(&headers, ":method", "POST");
  put_literal(&headers, ":scheme", "http");
  put_literal(&headers, ":path", GW_XDS_ADS_METHOD);
  put_literal(&headers, ":authority", "localhost");
  put_literal(&headers, "te", "trailers");
  put_literal(&headers, "content-type", "application/grpc");
  put_frame(&out, 1, 4, 1, headers.data, headers.len);
  put_request(&out, CDS, "slow");
  assert_int_equal(write(fd, out.data, out.len), out.len);
  gw_strbuf_done(&headers);
  gw_strbuf_done(&out);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static size_t read_all(int fd) {
  static char sink[256 * 1024];
  size_t total = 0;
  for (ssize_t n; (n = read(fd, sink, sizeof sink)) > 0;)
    total += (size_t)n;
  return total;
}

static void test_slow_reader_is_sent_the_newest_only(void **state) {
  struct ads_fixture *f = *state;
  SERVE(f, .clusters = "a", .more_clusters = 3000);
  int fd = open_slow_reader(f);
  WAIT_FOR(f->loop, f->nodes->count == 1 && only_node(f)->types[CDS].sent_version[0] != '\0');
  char first[17];
  memcpy(first, only_node(f)->types[CDS].sent_version, sizeof first);
  size_t size = gw_resource_set_encode(gw_snapshot_cache_all(f->cache, CDS))->len;
  for (int i = 0; i < 5; i++) {
    SERVE(f, .clusters = i % 2 == 0 ? "a b" : "a c", .more_clusters = 3000, .routes = "a");
    for (int turn = 0; turn < 3; turn++)
      gw_loop_run_once(f->loop, 10);
    assert_string_equal(only_node(f)->types[CDS].sent_version, first); /* nothing more is queued */
  }
  /* The window opens; the first answer is accepted (nonce 1). */
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  put_frame(&out, 8, 0, 0, "\x10\0\0\0", 4);
  put_frame(&out, 8, 0, 1, "\x10\0\0\0", 4);
  struct gw_discovery_request ack = {.type_url = gw_str_from(gw_xds_type_url(CDS)), .response_nonce = GW_STR("1")};
  struct gw_bytes *bytes = gw_discovery_request_encode(&ack);
  struct gw_strbuf data;
  gw_strbuf_init(&data);
  const char prefix[5] = {0, 0, 0, 0, (char)bytes->len};
  gw_strbuf_append(&data, prefix, sizeof prefix);
  gw_strbuf_append_str(&data, gw_bytes_str(bytes));
  put_frame(&out, 0, 0, 1, data.data, data.len);
  assert_int_equal(write(fd, out.data, out.len), out.len);
  gw_strbuf_done(&data);
  gw_strbuf_done(&out);
  gw_bytes_unref(bytes);
  size_t received = 0;
  WAIT_FOR(f->loop, (received += read_all(fd)) > 2 * size);
  for (int turn = 0; turn < 10; turn++) {
    gw_loop_run_once(f->loop, 10);
    received += read_all(fd);
  }
  assert_true(received < 3 * size);
  assert_string_equal(only_node(f)->types[CDS].sent_version, current_version(f, CDS));
  close(fd);
  WAIT_FOR(f->loop, f->nodes->count == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ADS_TEST(test_what_is_new_comes_before_who_names_it),
      ADS_TEST(test_what_leaves_goes_after_the_last_route),
      ADS_TEST(test_a_service_is_replaced_with_both_present_meanwhile),
      ADS_TEST(test_snapshots_that_come_meanwhile_are_coalesced),
      ADS_TEST(test_refused_routes_keep_the_clusters_of_the_old_ones),
      ADS_TEST(test_refused_cluster_is_not_carried_on),
      ADS_TEST(test_node_that_never_asks_for_endpoints_is_not_waited_for_long),
      ADS_TEST(test_node_that_does_not_answer_is_gone_on_without),
      ADS_TEST(test_slow_reader_is_sent_the_newest_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
