/* Changes under way: views, listeners that go, drain. */
#include <sys/resource.h>

#include "tests/unit/dataplane/engine_fixture.h"

static const struct fixture_route first[] = {{.prefix = "/", .cluster = "backend"}};
static const struct fixture_route second[] = {{.prefix = "/", .status = 410, .body = "gone"}};

static struct fixture fixture;

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture_serve(&fixture, first, 1, NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

static void test_stream_keeps_its_view_and_the_next_gets_the_new(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes == 3);
  fixture_serve(&fixture, second, 1, NULL);
  assert_int_equal(fixture.released, 0);
  client_send(client, "def");
  client_wait(client, "\r\n\r\nabcdef");
  FIXTURE_UNTIL(&fixture, fixture.released == 1);
  client_clear(client);
  client_send(client, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "410 Gone");
  client_free(client);
}

static void test_unchanged_clusters_keep_their_connections(void **state) {
  (void)state;
  fixture_get(&fixture, "/a", "hello");
  for (int i = 0; i < 20; i++) {
    fixture_serve(&fixture, first, 1, NULL);
    fixture_get(&fixture, "/a", "hello");
  }
  assert_int_equal(fixture.backend.accepted, 1);
  assert_int_equal(fixture.released, 20);
}

static void test_changes_under_load_lose_nothing(void **state) {
  (void)state;
  enum { CLIENTS = 8, ROUNDS = 50 };
  struct client *clients[CLIENTS];
  for (int i = 0; i < CLIENTS; i++)
    clients[i] = client_new(&fixture);
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < CLIENTS; i++)
      client_send(clients[i], "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture_serve(&fixture, first, 1, NULL);
    for (int i = 0; i < CLIENTS; i++) {
      client_wait(clients[i], "hello");
      client_clear(clients[i]);
    }
  }
  assert_int_equal(fixture.backend.requests, CLIENTS * ROUNDS);
  for (int i = 0; i < CLIENTS; i++)
    client_free(clients[i]);
}

static void serve_without_listener(void) {
  struct gw_resource *resources[] = {fixture_routes("routes", 99, first, 1), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  struct gw_frozen *frozen;
  gw_errors_init(&errors);
  assert_int_equal(gw_frozen_build(snapshot, NULL, NULL, gw_filters, (struct gw_str){0}, fixture.frozen, &errors, &frozen), GW_OK);
  gw_listen_set_update(fixture.listen_set, snapshot, &errors);
  gw_engine_set_frozen(fixture.engine, frozen, NULL, 0);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
}

static void test_removed_listener_finishes_what_it_began(void **state) {
  (void)state;
  struct client *idle = client_new(&fixture);
  client_send(idle, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(idle, "hello");
  struct client *busy = client_new(&fixture);
  client_send(busy, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes == 3);
  serve_without_listener();
  client_wait_closed(idle);
  client_send(busy, "def");
  client_wait_closed(busy);
  FIXTURE_HAS(busy->in.data, "\r\n\r\nabcdef");
  assert_non_null(strcasestr(busy->in.data, "connection: close"));
  struct client *late = client_new(&fixture);
  client_wait_closed(late);
  assert_int_equal(late->error, ECONNREFUSED);
  client_free(idle);
  client_free(busy);
  client_free(late);
}

static void test_drain_closes_idle_and_finishes_busy(void **state) {
  (void)state;
  struct client *idle = client_new(&fixture);
  client_send(idle, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(idle, "hello");
  struct client *busy = client_new(&fixture);
  client_send(busy, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes == 3);
  struct client *queued = client_new(&fixture); /* connected, not accepted yet */
  client_send(queued, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  gw_engine_drain(fixture.engine, 40);
  client_wait(queued, "hello");
  assert_non_null(strcasestr(queued->in.data, "connection: close"));
  client_wait_closed(idle);
  client_send(busy, "def");
  client_wait_closed(busy);
  FIXTURE_HAS(busy->in.data, "\r\n\r\nabcdef");
  client_wait_closed(queued);
  assert_int_equal(gw_engine_connection_count(fixture.engine), 0);
  struct client *late = client_new(&fixture);
  client_wait_closed(late);
  assert_int_equal(late->error, ECONNREFUSED);
  client_free(idle);
  client_free(busy);
  client_free(queued);
  client_free(late);
}

/* The worker's socket can't be duplicated then; it keeps the one that it has, on which the kernel goes on to put connections. */
static void test_change_while_descriptors_are_out_keeps_the_listener(void **state) {
  (void)state;
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  uint32_t count;
  struct gw_engine_socket *sockets = gw_listen_set_sockets(fixture.listen_set, 0, &count);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(count, 1);
  assert_int_equal(sockets[0].fd, -1);
  gw_engine_set_frozen(fixture.engine, gw_frozen_ref(fixture.frozen), sockets, count);
  free(sockets);
  fixture_get(&fixture, "/health", "200 OK");
}

static void test_listener_without_its_routes_answers_503(void **state) {
  (void)state;
  struct gw_http_connection_manager *http;
  struct gw_resource *resources[] = {fixture_listener("traffic", 77, "absent", &http), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  struct gw_frozen *frozen;
  gw_errors_init(&errors);
  assert_int_equal(gw_frozen_build(snapshot, NULL, NULL, gw_filters, (struct gw_str){0}, fixture.frozen, &errors, &frozen), GW_OK);
  gw_errors_done(&errors);
  uint32_t count;
  struct gw_engine_socket *sockets = gw_listen_set_sockets(fixture.listen_set, 0, &count);
  gw_engine_set_frozen(fixture.engine, frozen, sockets, count);
  free(sockets);
  gw_snapshot_unref(snapshot);
  fixture_get(&fixture, "/x", "503 Service Unavailable");
  fixture_get(&fixture, "/health", "200 OK");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_stream_keeps_its_view_and_the_next_gets_the_new, start, stop),
      cmocka_unit_test_setup_teardown(test_unchanged_clusters_keep_their_connections, start, stop),
      cmocka_unit_test_setup_teardown(test_changes_under_load_lose_nothing, start, stop),
      cmocka_unit_test_setup_teardown(test_removed_listener_finishes_what_it_began, start, stop),
      cmocka_unit_test_setup_teardown(test_drain_closes_idle_and_finishes_busy, start, stop),
      cmocka_unit_test_setup_teardown(test_change_while_descriptors_are_out_keeps_the_listener, start, stop),
      cmocka_unit_test_setup_teardown(test_listener_without_its_routes_answers_503, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
