/* Requests that are sent again to services of HTTP/2: refused streams, GOAWAY, resets before and after the head. */
#include "tests/unit/dataplane/h2_backend.h"
#include "tests/unit/dataplane/h2_client.h"

#define QUICK .backoff_base_ms = 2, .backoff_max_ms = 5, .host_attempts = 1, .buffer_bytes = 20000

static const struct gw_retry_policy safe = {.on = GW_RETRY_ALWAYS_SAFE, .count = 2, QUICK};
static const struct gw_retry_policy on_reset = {.on = GW_RETRY_RESET, .count = 1, QUICK};

static const struct gw_retry_policy off = {.count = 0, QUICK};

static const struct fixture_route routes[] = {
    {.prefix = "/safe/", .cluster = "h2", .prefix_rewrite = "/", .retry = &safe},
    {.prefix = "/reset/", .cluster = "h2", .prefix_rewrite = "/", .retry = &on_reset},
    {.prefix = "/off/", .cluster = "h2", .prefix_rewrite = "/", .retry = &off},
    {.prefix = "/none/", .cluster = "h2", .prefix_rewrite = "/"},
};

static struct fixture fixture;
static struct h2_backend backend;
static struct gw_strbuf lines;

static void change(struct gw_http_connection_manager *http) {
  static const struct gw_access_log_field fields[] = {
      {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
      {GW_STR("flags"), GW_STR("%RESPONSE_FLAGS%")},
      {GW_STR("count"), GW_STR("%UPSTREAM_REQUEST_ATTEMPT_COUNT%")},
      {GW_STR("attempts"), GW_STR("%DYNAMIC_METADATA(gateway:attempts)%")},
  };
  static const struct gw_access_log log = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  http->access_logs = &log;
  http->access_log_count = 1;
}

static void add_h2_cluster(struct fixture *f, struct gw_resource **resources) {
  (void)f;
  struct fixture_endpoint endpoint = {.address = "127.0.0.1", .port = backend.port};
  resources[0] = fixture_cluster("h2", 1, GW_CLUSTER_STATIC, &endpoint, 1);
  struct gw_cluster *cluster = (struct gw_cluster *)(uintptr_t)resources[0]->cluster;
  cluster->protocol = GW_UPSTREAM_HTTP2;
  cluster->http2 = fixture_http2();
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  h2_backend_start(&backend, fixture.loop);
  fixture.add_resources = add_h2_cluster;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  gw_strbuf_init(&lines);
  return 0;
}

static int stop(void **state) {
  (void)state;
  gw_strbuf_done(&lines);
  return 0;
}

static void end(void) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("h2"))->requests_active, 0);
  gw_stats_free(stats);
  h2_backend_stop(&backend);
  fixture_stop(&fixture, &lines);
}

static void test_refused_stream_goes_again_whatever_its_method(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  backend.refuse = 2;
  struct h2_stream *stream = h2_post(client, "/safe/echo");
  h2_say(stream, "again");
  h2_end(stream);
  h2_assert_answer(stream, 200, "again");
  assert_int_equal(backend.accepted, 1); /* nothing is wrong with the connection */
  h2_client_free(client);
  end();
  FIXTURE_HAS(lines.data, "\"code\":200,\"flags\":\"-\",\"count\":3");
  FIXTURE_HAS(lines.data, "UR upstream_reset_before_response_started{remote_refused_stream_reset");
}

static void test_refused_stream_without_a_policy_goes_again_once(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  backend.refuse = 1;
  h2_assert_answer(h2_get(client, "/none/ok"), 200, "hello");
  backend.refuse = 2;
  struct h2_stream *stream = h2_get(client, "/none/ok");
  h2_wait_ended(stream);
  assert_int_equal(stream->status, 502);
  h2_client_free(client);
  end();
  FIXTURE_HAS(lines.data, "\"code\":502,\"flags\":\"UR\",\"count\":2");
}

/* What the GOAWAY says was not looked at goes again on another connection; the rest is answered on the old one. */
static void test_goaway_costs_no_request(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *seen = h2_get(client, "/safe/slow");
  FIXTURE_UNTIL(&fixture, backend.requests == 1);
  backend.is_mute = true;
  struct h2_stream *unseen = h2_stream_new(client, "POST", "/safe/ok", GW_LENGTH_NONE);
  h2_send(unseen);
  FIXTURE_UNTIL(&fixture, backend.requests == 2);
  backend.is_mute = false;
  struct gw_strbuf bytes = {0};
  static const char payload[8] = {0, 0, 0, 1};
  put_frame(&bytes, 0x7, 0, 0, (struct gw_str){payload, sizeof(payload)});
  h2_backend_send_raw(&backend, &bytes);
  h2_assert_answer(unseen, 200, "hello");
  assert_int_equal(backend.accepted, 2);
  h2_backend_hello(h2_backend_first_stream(&backend));
  h2_assert_answer(seen, 200, "hello");
  h2_client_free(client);
  end();
}

/* It is what a kept connection of HTTP/1.1 is that had just been closed; a stream that is refused on one that goes on is not. */
static void test_goaway_costs_no_request_without_retries_either(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/off/ok"), 200, "hello");
  backend.is_mute = true;
  struct h2_stream *unseen = h2_get(client, "/off/ok");
  FIXTURE_UNTIL(&fixture, backend.requests == 2);
  backend.is_mute = false;
  struct gw_strbuf bytes = {0};
  static const char payload[8] = {0, 0, 0, 1};
  put_frame(&bytes, 0x7, 0, 0, (struct gw_str){payload, sizeof(payload)});
  h2_backend_send_raw(&backend, &bytes);
  h2_assert_answer(unseen, 200, "hello");
  assert_int_equal(backend.accepted, 2);
  backend.refuse = 1;
  struct h2_stream *refused = h2_get(client, "/off/ok");
  h2_wait_ended(refused);
  assert_int_equal(refused->status, 502);
  h2_client_free(client);
  end();
  FIXTURE_HAS(lines.data, "UC upstream_reset_before_response_started{remote_goaway,reused,idle_ms=");
  FIXTURE_HAS(lines.data, "UR upstream_reset_before_response_started{remote_refused_stream_reset");
}

static void test_reset_before_the_head_is_for_who_asks_for_it(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  backend.reset = 1;
  h2_assert_answer(h2_get(client, "/reset/ok"), 200, "hello");
  backend.reset = 1;
  struct h2_stream *stream = h2_get(client, "/safe/ok");
  h2_wait_ended(stream);
  assert_int_equal(stream->status, 502);
  backend.reset = 2;
  stream = h2_get(client, "/reset/ok");
  h2_wait_ended(stream);
  assert_int_equal(stream->status, 502);
  h2_client_free(client);
  end();
  FIXTURE_HAS(lines.data, "\"code\":502,\"flags\":\"UR\",\"count\":1");
  FIXTURE_HAS(lines.data, "\"code\":502,\"flags\":\"UR,URX\",\"count\":2");
}

static void test_half_an_answer_is_final(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_get(client, "/reset/partial");
  FIXTURE_UNTIL(&fixture, stream->received == 10);
  struct h2_backend_stream *half = h2_backend_first_stream(&backend);
  gw_h2_stream_detach(&half->h2, GW_H2_INTERNAL_ERROR);
  h2_backend_stream_free(half);
  FIXTURE_UNTIL(&fixture, stream->is_closed);
  assert_int_equal(backend.requests, 1);
  h2_client_free(client);
  end();
  FIXTURE_HAS(lines.data, "\"code\":200,\"flags\":\"UR\",\"count\":1");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(test_refused_stream_goes_again_whatever_its_method),
      TEST(test_refused_stream_without_a_policy_goes_again_once),
      TEST(test_goaway_costs_no_request),
      TEST(test_goaway_costs_no_request_without_retries_either),
      TEST(test_reset_before_the_head_is_for_who_asks_for_it),
      TEST(test_half_an_answer_is_final),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
