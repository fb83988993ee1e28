/* What the listener's settings do to requests at the door. */
#include "tests/unit/dataplane/engine_fixture.h"

static const struct fixture_route routes[] = {{.prefix = "/", .cluster = "backend"}};
static struct fixture fixture;

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

/* Sends a request with these fields and returns what came back, until the head's end. */
static void exchange(const char *target, const char *fields, char answer[4096]) {
  struct client *client = client_new(&fixture);
  char request[1024];
  snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a.example:8000\r\n%s\r\n", target, fields);
  client_send(client, request);
  client_wait(client, "\r\n\r\n");
  snprintf(answer, 4096, "%s", client->in.data);
  client_free(client);
}

static void test_defaults_append_the_peer_and_replace_the_id(void **state) {
  (void)state;
  char answer[4096];
  fixture_serve(&fixture, routes, 1, NULL);
  exchange("/x", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Host: evil\r\nX-Request-Id: mine\r\n", answer);
  const char *seen = fixture.backend.last_head;
  assert_non_null(strcasestr(seen, "x-forwarded-for: 9.9.9.9, 8.8.8.8, 127.0.0.1\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-host: a.example:8000\r\n"));
  FIXTURE_LACKS(seen, "evil");
  FIXTURE_LACKS(seen, "mine");
}

static void trust_one_hop(struct gw_http_connection_manager *http) {
  static const struct gw_access_log log = {.text = {.data = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n", .len = 41}};
  http->xff_num_trusted_hops = 1;
  http->preserve_external_request_id = true;
  http->access_logs = &log;
  http->access_log_count = 1;
}

static void test_a_trusted_hop_is_believed(void **state) {
  (void)state;
  char answer[4096];
  fixture_serve(&fixture, routes, 1, trust_one_hop);
  exchange("/x", "X-Forwarded-For: 1.1.1.1, 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front\r\nX-Request-Id: mine\r\n",
           answer);
  const char *seen = fixture.backend.last_head;
  assert_non_null(strcasestr(seen, "x-forwarded-for: 1.1.1.1, 9.9.9.9, 127.0.0.1\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-proto: https\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-host: front\r\n"));
  assert_non_null(strcasestr(seen, "x-request-id: mine\r\n"));
  assert_non_null(strcasestr(answer, "x-request-id: mine\r\n"));
  exchange("/x", "X-Forwarded-For: banana\r\n", answer);
  exchange("/x", "", answer);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf log = {0};
  fixture_stop(&fixture, &log);
  assert_string_equal(log.data, "9.9.9.9\n127.0.0.1\n127.0.0.1\n");
  fixture_start(&fixture);
}

static void believe_all(struct gw_http_connection_manager *http) {
  http->use_remote_address = false;
  http->generate_request_id = false;
  http->always_set_request_id_in_response = false;
}

static void test_without_use_remote_address_fields_pass(void **state) {
  (void)state;
  char answer[4096];
  fixture_serve(&fixture, routes, 1, believe_all);
  exchange("/x", "X-Forwarded-For: 9.9.9.9\r\n", answer);
  assert_non_null(strcasestr(fixture.backend.last_head, "x-forwarded-for: 9.9.9.9\r\n"));
  FIXTURE_LACKS(fixture.backend.last_head, "x-request-id");
  FIXTURE_LACKS(answer, "x-request-id");
}

static void refuse_underscores(struct gw_http_connection_manager *http) {
  http->underscores = GW_UNDERSCORES_REJECT;
  http->escaped_slashes = GW_ESCAPED_SLASHES_REDIRECT;
}

static void test_underscores_and_escaped_slashes_by_the_listener(void **state) {
  (void)state;
  char answer[4096];
  fixture_serve(&fixture, routes, 1, refuse_underscores);
  exchange("/x", "A_B: 1\r\n", answer);
  FIXTURE_HAS(answer, "400 Bad Request");
  exchange("/a%2Fb?q", "", answer);
  FIXTURE_HAS(answer, "307 Temporary Redirect");
  assert_non_null(strcasestr(answer, "location: /a/b?q\r\n"));
}

static void test_path_is_normal_where_it_is_forwarded(void **state) {
  (void)state;
  char answer[4096];
  fixture_serve(&fixture, routes, 1, NULL);
  exchange("/a/./b/../%63//d?x=%2f..", "", answer);
  FIXTURE_HAS(fixture.backend.last_head, "GET /a/c/d?x=%2f.. HTTP/1.1\r\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_defaults_append_the_peer_and_replace_the_id, start, stop),
      cmocka_unit_test_setup_teardown(test_a_trusted_hop_is_believed, start, stop),
      cmocka_unit_test_setup_teardown(test_without_use_remote_address_fields_pass, start, stop),
      cmocka_unit_test_setup_teardown(test_underscores_and_escaped_slashes_by_the_listener, start, stop),
      cmocka_unit_test_setup_teardown(test_path_is_normal_where_it_is_forwarded, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
