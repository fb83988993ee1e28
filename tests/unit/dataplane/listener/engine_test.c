/* The engine as a client and a backend see it: one request after the other, heads, local answers. */
#include "tests/unit/dataplane/engine_fixture.h"

static const struct fixture_route routes[] = {
    {.prefix = "/nowhere", .cluster = "nowhere"},
    {.prefix = "/refused", .cluster = "refused"},
    {.prefix = "/unknown", .cluster = "unknown"},
    {.prefix = "/direct", .status = 405, .body = "{\"error\":405,\"message\":\"not so\"}"},
    {.prefix = "/old/", .cluster = "backend", .prefix_rewrite = "/new/"},
    {.prefix = "/none/here", .status = 404, .body = "gone"},
    {.prefix = "/ok", .cluster = "backend"},
};

static struct fixture fixture;

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

static void test_get_is_forwarded_and_answered(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client,
              "GET /ok/x?q=1 HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, x-drop\r\nX-Drop: 1\r\nX_Score: 1\r\nTE: gzip\r\n"
              "Upgrade: h2c\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: mine\r\nAccept: */*\r\n\r\n");
  client_wait(client, "hello");
  const char *seen = fixture.backend.last_head;
  FIXTURE_HAS(seen, "GET /ok/x?q=1 HTTP/1.1\r\n");
  FIXTURE_HAS(seen, "a.example\r\n");
  FIXTURE_HAS(seen, "Accept: */*\r\n");
  assert_non_null(strcasestr(seen, "x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-proto: http\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-host: a.example\r\n"));
  FIXTURE_LACKS(seen, "x-drop");
  FIXTURE_LACKS(seen, "x_score");
  FIXTURE_LACKS(seen, "upgrade");
  FIXTURE_LACKS(seen, "\r\nte:");
  FIXTURE_LACKS(seen, "\r\nconnection:");
  FIXTURE_LACKS(seen, "mine");
  assert_non_null(strcasestr(seen, "x-request-id: "));
  const char *answer = client->in.data;
  FIXTURE_HAS(answer, "HTTP/1.1 200 OK\r\n");
  FIXTURE_HAS(answer, "X-Kept: yes\r\n");
  assert_non_null(strcasestr(answer, "server: gateway\r\n"));
  assert_non_null(strcasestr(answer, "date: "));
  assert_non_null(strcasestr(answer, "x-request-id: "));
  FIXTURE_LACKS(answer, "X-Hop");
  FIXTURE_LACKS(answer, "backend");
  client_free(client);
}

static void test_keep_alive_reuses_both_connections(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  for (uint32_t i = 0; i < 5; i++) {
    client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    client_wait(client, "hello");
    client_clear(client);
  }
  assert_int_equal(fixture.backend.requests, 5);
  assert_int_equal(fixture.backend.accepted, 1);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->connections_total, 1);
  assert_int_equal(stats->requests_total, 5);
  assert_int_equal(stats->requests_active, 0);
  assert_int_equal(gw_stats_get_route(stats, GW_STR("route:/ok"), GW_STR("backend"))->codes[0].count, 5);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("backend"))->connections_active, 1);
  gw_stats_free(stats);
  client_free(client);
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client,
              "GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /direct HTTP/1.1\r\nHost: a\r\n\r\nPOST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: "
              "3\r\n\r\nabcGET /none/here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client_wait_closed(client);
  const char *first = strstr(client->in.data, "200 OK");
  assert_non_null(first);
  const char *second = strstr(first, "405 ");
  assert_non_null(second);
  const char *third = strstr(second, "200 OK");
  assert_non_null(third);
  assert_non_null(strstr(third, "404 "));
  assert_string_equal(fixture.backend.last_body, "abc");
  client_free(client);
}

static void test_head_split_over_many_reads_is_put_together(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  const char *request = "POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
  for (const char *c = request; *c != '\0'; c++) {
    char one[2] = {*c, '\0'};
    client_send(client, one);
    gw_loop_run_once(fixture.loop, 0);
  }
  client_wait(client, "hello");
  assert_string_equal(fixture.backend.last_body, "body");
  client_free(client);
}

static void test_answers_of_every_framing_arrive(void **state) {
  (void)state;
  static const struct fixture_route all[] = {{.prefix = "/", .cluster = "backend"}};
  fixture_serve(&fixture, all, 1, NULL);
  struct client *client = client_new(&fixture);
  client_send(client, "GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "0\r\n\r\n");
  FIXTURE_HAS(client->in.data, "hello");
  FIXTURE_HAS(client->in.data, " world");
  client_clear(client);
  client_send(client, "GET /until-close HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "a\r\nto the end\r\n0\r\n\r\n");
  client_clear(client);
  client_send(client, "GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "\r\n\r\nok");
  FIXTURE_LACKS(client->in.data, "Early");
  client_clear(client);
  client_send(client, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "204 No Content");
  FIXTURE_LACKS(client->in.data, "content-length");
  client_clear(client);
  client_send(client, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "\r\n\r\n");
  assert_non_null(strcasestr(client->in.data, "content-length: 5"));
  client_clear(client);
  client_send(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  client_free(client);
}

static void test_http_1_0_is_served_and_closed_unless_asked(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  client_wait(client, "hello");
  assert_non_null(strcasestr(client->in.data, "connection: keep-alive"));
  client_clear(client);
  client_send(client, "GET /ok HTTP/1.0\r\n\r\n");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "hello");
  client_free(client);
}

static void test_local_answers_have_one_form(void **state) {
  (void)state;
  static const struct {
    const char *path;
    const char *status;
    const char *body;
  } rows[] = {
      {"/absent", "404 Not Found", "{\"error\":404,\"message\":\"no route matches\",\"request_id\":\""},
      {"/nowhere", "503 Service Unavailable", "{\"error\":503,"},
      {"/refused", "503 Service Unavailable", "could not be connected"},
      {"/unknown", "503 Service Unavailable", "the service is not known"},
      {"/direct", "405 Method Not Allowed", "{\"error\":405,\"message\":\"not so\",\"request_id\":\""},
      {"/none/here", "404 Not Found", "gone"},
      {"/a%2fb", "400 Bad Request", "the path is not valid"},
      {"/health", "200 OK", "{\"status\":\"healthy\"}"},
      {"/ready?x", "200 OK", "{\"status\":\"ready\"}"},
      {"/metrics", "200 OK", "gateway_up 1"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    struct client *client = client_new(&fixture);
    char request[256];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", rows[i].path);
    client_send(client, request);
    client_wait_closed(client);
    FIXTURE_HAS(client->in.data, rows[i].status);
    FIXTURE_HAS(client->in.data, rows[i].body);
    client_free(client);
  }
  fixture.is_ready = false;
  fixture_get(&fixture, "/ready", "{\"error\":503,\"message\":\"not ready\"");
}

static void test_trace_and_connect_are_refused(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "TRACE /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "405 Method Not Allowed");
  assert_non_null(strcasestr(client->in.data, "allow: GET"));
  client_free(client);
  client = client_new(&fixture);
  client_send(client, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
  client_wait(client, "HTTP/1.1 4");
  client_free(client);
}

static void test_bad_request_is_answered_then_closed(void **state) {
  (void)state;
  static const char *const requests[] = {
      "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "BANANA\r\n\r\n",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(requests); i++) {
    struct client *client = client_new(&fixture);
    client_send(client, requests[i]);
    client_wait_closed(client);
    FIXTURE_HAS(client->in.data, "HTTP/1.1 400 Bad Request");
    assert_int_equal(client->error, 0);
    client_free(client);
  }
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->bad_requests_total, GW_ARRAY_LEN(requests));
  gw_stats_free(stats);
}

static void test_head_beyond_limit_is_431(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\nX: ");
  char filler[1025];
  memset(filler, 'y', 1024);
  filler[1024] = '\0';
  for (int i = 0; i < 61; i++) {
    client_send(client, filler);
    gw_loop_run_once(fixture.loop, 0);
  }
  client_wait(client, "431 ");
  client_free(client);
}

static void test_rewrite_changes_what_the_backend_sees(void **state) {
  (void)state;
  fixture_get(&fixture, "/old/a?b=c", "hello");
  FIXTURE_HAS(fixture.backend.last_head, "GET /new/a?b=c HTTP/1.1");
}

static void test_grpc_caller_gets_trailers_only(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /absent HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\r\n");
  client_wait(client, "\r\n\r\n");
  FIXTURE_HAS(client->in.data, "200 OK");
  FIXTURE_HAS(client->in.data, "grpc-status: 12");
  FIXTURE_HAS(client->in.data, "grpc-message: no route matches");
  client_free(client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_get_is_forwarded_and_answered, start, stop),
      cmocka_unit_test_setup_teardown(test_keep_alive_reuses_both_connections, start, stop),
      cmocka_unit_test_setup_teardown(test_pipelined_requests_are_answered_in_order, start, stop),
      cmocka_unit_test_setup_teardown(test_head_split_over_many_reads_is_put_together, start, stop),
      cmocka_unit_test_setup_teardown(test_answers_of_every_framing_arrive, start, stop),
      cmocka_unit_test_setup_teardown(test_http_1_0_is_served_and_closed_unless_asked, start, stop),
      cmocka_unit_test_setup_teardown(test_local_answers_have_one_form, start, stop),
      cmocka_unit_test_setup_teardown(test_trace_and_connect_are_refused, start, stop),
      cmocka_unit_test_setup_teardown(test_bad_request_is_answered_then_closed, start, stop),
      cmocka_unit_test_setup_teardown(test_head_beyond_limit_is_431, start, stop),
      cmocka_unit_test_setup_teardown(test_rewrite_changes_what_the_backend_sees, start, stop),
      cmocka_unit_test_setup_teardown(test_grpc_caller_gets_trailers_only, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
