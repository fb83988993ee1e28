/* What the engine does when a side fails, is late, or goes away. */
#include "tests/unit/dataplane/engine_fixture.h"

static const struct fixture_route routes[] = {
    {.prefix = "/timeout", .cluster = "backend", .timeout_ms = 40, .prefix_rewrite = "/slow"},
    {.prefix = "/late-body", .cluster = "backend", .timeout_ms = 150, .prefix_rewrite = "/big/900000000"},
    {.prefix = "/idle", .cluster = "backend", .idle_timeout_ms = 40, .prefix_rewrite = "/slow"},
    {.prefix = "/refused", .cluster = "refused"},
    {.prefix = "/", .cluster = "backend"},
};

static struct fixture fixture;
static struct gw_strbuf access_lines;

static void change(struct gw_http_connection_manager *http) {
  static const struct gw_access_log_field fields[] = {
      {GW_STR("path"), GW_STR("%REQ(:PATH)%")},
      {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
      {GW_STR("flags"), GW_STR("%RESPONSE_FLAGS%")},
      {GW_STR("details"), GW_STR("%RESPONSE_CODE_DETAILS%")},
  };
  static const struct gw_access_log log = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  http->access_logs = &log;
  http->access_log_count = 1;
}

static void change_to_hasty(struct gw_http_connection_manager *http) {
  change(http);
  http->request_headers_timeout_ms = 40;
  http->idle_timeout_ms = 60;
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  gw_strbuf_init(&access_lines);
  return 0;
}

static int stop(void **state) {
  (void)state;
  gw_strbuf_done(&access_lines);
  return 0;
}

static void end_and_expect_line(const char *piece) {
  fixture_stop(&fixture, &access_lines);
  FIXTURE_HAS(access_lines.data, piece);
}

static void test_upstream_close_before_answer_is_502(void **state) {
  (void)state;
  fixture_get(&fixture, "/close", "502 Bad Gateway");
  end_and_expect_line("\"code\":502,\"flags\":\"UC\",\"details\":\"upstream_reset_before_response_started{connection_termination}\"");
}

static void test_upstream_reset_before_answer_is_502(void **state) {
  (void)state;
  fixture_get(&fixture, "/reset", "502 Bad Gateway");
  end_and_expect_line("\"details\":\"upstream_reset_before_response_started{remote_reset}\"");
}

static void test_upstream_garbage_is_502(void **state) {
  (void)state;
  fixture_get(&fixture, "/garbage", "502 Bad Gateway");
  fixture_get(&fixture, "/upgrade", "502 Bad Gateway");
  end_and_expect_line("\"flags\":\"UPE\"");
}

static void test_connect_refused_is_503_with_cause(void **state) {
  (void)state;
  fixture_get(&fixture, "/refused", "503 Service Unavailable");
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("refused"))->connect_failures_total, 1);
  gw_stats_free(stats);
  end_and_expect_line(
      "\"flags\":\"UF\",\"details\":\"upstream_reset_before_response_started{remote_connection_failure,Connection_refused}\"");
}

static void test_answer_cut_short_closes_the_client(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /partial HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "0123456789");
  client_free(client);
  end_and_expect_line("\"code\":200,\"flags\":\"UC\",\"details\":\"upstream_reset_after_response_started{connection_termination}\"");
}

static void warm_pool(void) {
  fixture_get(&fixture, "/warm", "hello");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  fixture.backend.closes_next_reused = true;
}

static void test_dead_reused_connection_is_retried_for_get(void **state) {
  (void)state;
  warm_pool();
  fixture_get(&fixture, "/again", "hello");
  assert_int_equal(fixture.backend.accepted, 2);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("backend"))->retries_total, 1);
  gw_stats_free(stats);
  fixture_stop(&fixture, NULL);
}

static void test_dead_reused_connection_is_502_for_post(void **state) {
  (void)state;
  warm_pool();
  struct client *client = client_new(&fixture);
  client_send(client, "POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  client_wait(client, "502 Bad Gateway");
  client_free(client);
  assert_int_equal(fixture.backend.accepted, 1);
  end_and_expect_line("{connection_termination,reused,idle_ms=");
}

static void test_closed_idle_connection_is_not_used(void **state) {
  (void)state;
  fixture_get(&fixture, "/warm", "hello");
  backend_drop_connections(&fixture.backend);
  gw_loop_run_once(fixture.loop, 20);
  struct client *client = client_new(&fixture);
  client_send(client, "POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  client_wait(client, "hello");
  client_free(client);
  fixture_stop(&fixture, NULL);
}

static void test_client_abort_ends_the_upstream_request(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  client_free(client);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
  end_and_expect_line("\"code\":0,\"flags\":\"DC\",\"details\":\"downstream_remote_disconnect\"");
}

static void test_route_timeout_is_504(void **state) {
  (void)state;
  fixture_get(&fixture, "/timeout", "504 Gateway Timeout");
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
  end_and_expect_line("\"code\":504,\"flags\":\"UT\",\"details\":\"response_timeout\"");
}

static void test_route_timeout_in_the_body_cuts_the_answer_off(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client->is_counting = true;
  client_send(client, "GET /late-body HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, client->received > 0);
  gw_io_set(client->io, 0); /* a client that stops reading */
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  client_free(client);
  end_and_expect_line("\"code\":200,\"flags\":\"UT\"");
}

static void test_stream_idle_timeout_is_504(void **state) {
  (void)state;
  fixture_get(&fixture, "/idle", "504 Gateway Timeout");
  end_and_expect_line("\"flags\":\"SI\",\"details\":\"stream_idle_timeout\"");
}

static void test_stream_idle_timeout_while_body_comes_is_408(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /idle HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "408 Request Timeout");
  client_free(client);
  fixture_stop(&fixture, NULL);
}

static void test_head_that_does_not_end_is_408(void **state) {
  (void)state;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change_to_hasty);
  struct client *client = client_new(&fixture);
  client_send(client, "GET / HTTP/1.1\r\nHost:");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "408 Request Timeout");
  client_free(client);
  end_and_expect_line("\"path\":null,\"code\":408,\"flags\":\"-\",\"details\":\"request_header_timeout\"");
}

static void test_idle_connection_is_closed_without_a_word(void **state) {
  (void)state;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change_to_hasty);
  struct client *client = client_new(&fixture);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  client_clear(client);
  client_wait_closed(client);
  assert_int_equal(client->in.len, 0);
  assert_int_equal(client->error, 0);
  client_free(client);
  fixture_stop(&fixture, NULL);
}

static void test_expect_is_answered_when_the_service_is_there(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  client_wait(client, "HTTP/1.1 100 Continue\r\n\r\n");
  assert_null(strstr(client->in.data, "200 OK"));
  client_send(client, "body");
  client_wait(client, "\r\n\r\nbody");
  FIXTURE_LACKS(fixture.backend.last_head, "expect");
  client_free(client);
  client = client_new(&fixture);
  client_send(client, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "503 Service Unavailable");
  FIXTURE_LACKS(client->in.data, "100 Continue");
  client_free(client);
  fixture_stop(&fixture, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_upstream_close_before_answer_is_502, start, stop),
      cmocka_unit_test_setup_teardown(test_upstream_reset_before_answer_is_502, start, stop),
      cmocka_unit_test_setup_teardown(test_upstream_garbage_is_502, start, stop),
      cmocka_unit_test_setup_teardown(test_connect_refused_is_503_with_cause, start, stop),
      cmocka_unit_test_setup_teardown(test_answer_cut_short_closes_the_client, start, stop),
      cmocka_unit_test_setup_teardown(test_dead_reused_connection_is_retried_for_get, start, stop),
      cmocka_unit_test_setup_teardown(test_dead_reused_connection_is_502_for_post, start, stop),
      cmocka_unit_test_setup_teardown(test_closed_idle_connection_is_not_used, start, stop),
      cmocka_unit_test_setup_teardown(test_client_abort_ends_the_upstream_request, start, stop),
      cmocka_unit_test_setup_teardown(test_route_timeout_is_504, start, stop),
      cmocka_unit_test_setup_teardown(test_route_timeout_in_the_body_cuts_the_answer_off, start, stop),
      cmocka_unit_test_setup_teardown(test_stream_idle_timeout_is_504, start, stop),
      cmocka_unit_test_setup_teardown(test_stream_idle_timeout_while_body_comes_is_408, start, stop),
      cmocka_unit_test_setup_teardown(test_head_that_does_not_end_is_408, start, stop),
      cmocka_unit_test_setup_teardown(test_idle_connection_is_closed_without_a_word, start, stop),
      cmocka_unit_test_setup_teardown(test_expect_is_answered_when_the_service_is_there, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
