/* How HTTP/2 connections with clients end: timeouts, requests per connection, drain, a listener that goes, a client that is slow. */
#include "tests/unit/dataplane/h2_client.h"

static const struct fixture_route routes[] = {
    {.prefix = "/direct", .status = 403, .body = "no"},
    {.prefix = "/", .cluster = "backend"},
};

static struct fixture fixture;

static void serve(void (*change)(struct gw_http_connection_manager *)) {
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  serve(NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

static uint64_t limit_hits(enum gw_limit limit) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  uint64_t hits = stats->limits[limit];
  gw_stats_free(stats);
  return hits;
}

static void assert_at_rest(void) {
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->requests_active, 0);
  assert_int_equal(stats->bad_requests_total, 0);
  gw_stats_free(stats);
}

/* ---- timeouts ---- */

static void quick(struct gw_http_connection_manager *http) {
  http->idle_timeout_ms = 30;
}

static void test_idle_connection_is_told_and_closed(void **state) {
  (void)state;
  serve(quick);
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  assert_true(gw_h2_codec_is_draining(client->codec));
  h2_client_free(client);
  assert_at_rest();
}

static void test_connection_with_a_stream_is_not_idle(void **state) {
  (void)state;
  serve(quick);
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *slow = h2_get(client, "/slow");
  fixture_turn_for(&fixture, 100);
  assert_false(client->is_closed || slow->is_closed);
  gw_h2_stream_detach(&slow->h2, GW_H2_CANCEL);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  h2_client_free(client);
}

static void test_connection_is_idle_again_after_a_stream_that_was_longer_than_its_timeout(void **state) {
  (void)state;
  serve(quick);
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *upload = h2_post(client, "/ok");
  fixture_turn_for(&fixture, 100);
  h2_end(upload);
  h2_assert_answer(upload, 200, "hello");
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_true(gw_h2_codec_is_draining(client->codec));
  h2_client_free(client);
  assert_at_rest();
}

static void quick_heads(struct gw_http_connection_manager *http) {
  http->request_headers_timeout_ms = 30;
}

static void test_block_of_fields_that_never_ends_is_a_timeout(void **state) {
  (void)state;
  serve(quick_heads);
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *slow = h2_get(client, "/slow");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x1, 0, 3, SMALL_HEAD); /* no END_HEADERS */
  h2_send_raw(client, &bytes);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  assert_true(slow->is_closed);
  assert_int_equal(limit_hits(GW_LIMIT_HEADERS_TIMEOUT), 1);
  h2_client_free(client);
}

static void quick_bodies(struct gw_http_connection_manager *http) {
  fixture_limits(http)->body_timeout_ms = 30;
}

static void test_body_that_stops_is_408_and_the_connection_goes_on(void **state) {
  (void)state;
  serve(quick_bodies);
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_post(client, "/ok");
  h2_say(stream, "some");
  h2_assert_answer(stream, 408, "stopped arriving");
  assert_int_equal(limit_hits(GW_LIMIT_BODY_TIMEOUT), 1);
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  h2_client_free(client);
  assert_at_rest();
}

/* A wait that is the service's is not the client's. */
static void without_idle_timeout(struct gw_http_connection_manager *http) {
  fixture_limits(http)->body_timeout_ms = 250; /* this process may be kept from running that long, too */
  http->stream_idle_timeout_ms = 0;
}

static void test_body_timeout_counts_from_when_the_service_takes_it_again(void **state) {
  (void)state;
  static char filler[8 << 20];
  serve(without_idle_timeout);
  struct h2_client *client = h2_client_new(&fixture);
  fixture.backend.is_paused = true;
  struct h2_stream *stream = h2_post(client, "/ok");
  gw_h2_stream_send_body(&stream->h2, (struct gw_str){filler, sizeof(filler)});
  fixture_turn_for(&fixture, 750);
  assert_int_equal(stream->status, 0);
  backend_resume(&fixture.backend);
  h2_assert_answer(stream, 408, "stopped arriving");
  h2_client_free(client);
}

/* ---- a client that does not take what is for it ---- */

static void impatient(struct gw_http_connection_manager *http) {
  fixture_limits(http)->send_timeout_ms = 40;
}

static void test_whole_answer_that_the_window_never_lets_go_is_given_up(void **state) {
  (void)state;
  serve(impatient);
  struct gw_h2_options options = h2_client_options();
  options.initial_stream_window = 0;
  struct h2_client *client = h2_client_new_with(&fixture, &options, NULL);
  struct h2_stream *stream = h2_get(client, "/direct");
  FIXTURE_UNTIL(&fixture, stream->status == 403);
  /* What else happens on the connection is no progress of the stream's. */
  uint64_t until_us = gw_clock_monotonic_us() + FIXTURE_WAIT_MS * 1000;
  while (!stream->is_closed && gw_clock_monotonic_us() < until_us) {
    struct gw_strbuf bytes = {0};
    put_frame(&bytes, 0x6, 0, 0, GW_STR("12345678"));
    h2_send_raw(client, &bytes);
    gw_loop_run_once(fixture.loop, 5);
    gw_loop_run_once(fixture.loop, 5);
  }
  assert_true(stream->is_closed);
  assert_int_equal(stream->error, GW_H2_CANCEL);
  assert_int_equal(limit_hits(GW_LIMIT_STALLED_CLIENT), 1);
  assert_false(client->is_closed);
  h2_client_free(client);
  assert_at_rest();
}

static void test_client_that_reads_nothing_is_given_up(void **state) {
  (void)state;
  serve(impatient);
  struct gw_h2_options options = h2_client_options();
  options.initial_stream_window = 16 * 1024 * 1024;
  struct h2_client *client = h2_client_new_with(&fixture, &options, NULL);
  client->is_counting = true;
  for (int i = 0; i < 4; i++)
    h2_get(client, "/big/8388608");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 4);
  client->is_deaf = true;
  h2_client_watch(client);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  assert_true(limit_hits(GW_LIMIT_STALLED_CLIENT) > 0);
  h2_client_free(client);
  assert_at_rest();
}

/* ---- requests per connection, drain, a listener that goes ---- */

static void two_requests(struct gw_http_connection_manager *http) {
  http->max_requests_per_connection = 2;
}

static void test_connection_with_enough_requests_ends_without_losing_any(void **state) {
  (void)state;
  serve(two_requests);
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *streams[5]; /* on their way before the client can know */
  for (size_t i = 0; i < GW_ARRAY_LEN(streams); i++)
    streams[i] = h2_get(client, "/ok");
  for (size_t i = 0; i < GW_ARRAY_LEN(streams); i++)
    h2_assert_answer(streams[i], 200, "hello");
  FIXTURE_UNTIL(&fixture, gw_h2_codec_is_draining(client->codec));
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  h2_client_free(client);
  assert_at_rest();
}

static void test_drain_serves_what_runs_and_what_is_on_its_way(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_client *idle = h2_client_new(&fixture);
  h2_assert_answer(h2_get(idle, "/ok"), 200, "hello");
  struct h2_stream *slow = h2_post(client, "/echo");
  h2_say(slow, "begun");
  struct client *late = client_new(&fixture);
  struct gw_strbuf bytes = preface();
  put_frame(&bytes, 0x1, 0x5, 1, SMALL_HEAD);
  assert_int_equal(send(late->fd, bytes.data, bytes.len, MSG_NOSIGNAL), (ssize_t)bytes.len);
  h2_settle(&fixture);
  gw_engine_drain(fixture.engine, 10);
  FIXTURE_UNTIL(&fixture, gw_h2_codec_is_draining(client->codec) && gw_h2_codec_is_draining(idle->codec));
  /* One that had not read the notice. */
  bytes.len = 0;
  put_frame(&bytes, 0x1, 0x5, 3, SMALL_HEAD);
  assert_int_equal(send(late->fd, bytes.data, bytes.len, MSG_NOSIGNAL), (ssize_t)bytes.len);
  uint32_t requests = fixture.backend.requests;
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == requests + 1);
  FIXTURE_UNTIL(&fixture, idle->is_closed);
  h2_say(slow, ", ended");
  h2_end(slow);
  FIXTURE_UNTIL(&fixture, slow->status == 200 || client->is_closed);
  assert_int_equal(slow->status, 200);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(idle->error, GW_ERR_CLOSED);
  client_wait_closed(late);
  assert_int_equal(late->error, 0);
  gw_strbuf_done(&bytes);
  client_free(late);
  h2_client_free(client);
  h2_client_free(idle);
  assert_at_rest();
}

static void test_listener_that_goes_ends_its_connections(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_client *idle = h2_client_new(&fixture);
  h2_assert_answer(h2_get(idle, "/ok"), 200, "hello");
  struct h2_stream *slow = h2_post(client, "/echo");
  h2_say(slow, "begun");
  h2_settle(&fixture);
  fixture.listener_name = "other";
  serve(NULL);
  FIXTURE_UNTIL(&fixture, idle->is_closed);
  h2_say(slow, ", ended");
  h2_end(slow);
  h2_assert_answer(slow, 200, "begun");
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  h2_client_free(client);
  h2_client_free(idle);
  assert_at_rest();
}

static void test_other_configuration_holds_from_the_next_stream_on(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *slow = h2_post(client, "/echo");
  h2_say(slow, "begun");
  h2_settle(&fixture);
  static const struct fixture_route others[] = {{.prefix = "/", .status = 404, .body = "all gone"}};
  fixture_serve(&fixture, others, GW_ARRAY_LEN(others), NULL);
  assert_int_equal(fixture.released, 0);
  h2_assert_answer(h2_get(client, "/ok"), 404, "all gone");
  h2_end(slow);
  h2_assert_answer(slow, 200, "begun");
  FIXTURE_UNTIL(&fixture, fixture.released == 1);
  h2_client_free(client);
}

/* What the client says while it reads must not cost it what it has not read yet. */
static void one_request(struct gw_http_connection_manager *http) {
  http->max_requests_per_connection = 1;
}

static void test_last_answer_is_not_taken_down_by_what_the_client_says(void **state) {
  (void)state;
  serve(one_request);
  struct gw_h2_options options = h2_client_options();
  options.initial_stream_window = 16 * 1024 * 1024;
  struct h2_client *client = h2_client_new_with(&fixture, &options, NULL);
  client->is_counting = true;
  struct h2_stream *stream = h2_get(client, "/big/2000000");
  client->is_deaf = true;
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  /* Until all of it is the kernel's, and the grace is over. */
  fixture_turn_for(&fixture, 1500);
  struct gw_strbuf bytes = {0};
  for (int i = 0; i < 3; i++)
    put_frame(&bytes, 0x6, 0, 0, GW_STR("12345678"));
  h2_send_raw(client, &bytes);
  h2_settle(&fixture);
  client->is_deaf = false;
  h2_client_watch(client);
  h2_wait_ended(stream);
  assert_int_equal(stream->received, 2000000);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  h2_client_free(client);
  assert_at_rest();
}

/* ---- many streams ---- */

#define MANY 100u

static struct h2_client *client_with_many_streams(void) {
  struct h2_client *client = h2_client_new(&fixture);
  uint32_t before = (uint32_t)fixture.backend.requests;
  for (uint32_t i = 0; i < MANY; i++)
    h2_get(client, "/slow");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == before + MANY);
  return client;
}

static uint64_t active_requests(void) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  uint64_t active = stats->requests_active;
  gw_stats_free(stats);
  return active;
}

/* The engine goes on while nobody looks, if the machine is busy: so it is tried again. */
#define TRIES 50

static void test_many_streams_of_a_client_that_leaves_end_a_few_at_a_time(void **state) {
  (void)state;
  bool has_some_left = false;
  for (int i = 0; i < TRIES && !has_some_left; i++) {
    h2_client_free(client_with_many_streams());
    FIXTURE_UNTIL(&fixture,
                  (has_some_left = has_some_left || active_requests() % MANY != 0, gw_engine_connection_count(fixture.engine) == 0));
  }
  assert_true(has_some_left);
  assert_at_rest();
}

static void test_engine_may_go_while_many_streams_end(void **state) {
  (void)state;
  bool is_ending = false;
  for (int i = 0; i < TRIES && !is_ending; i++) {
    h2_client_free(client_with_many_streams());
    FIXTURE_UNTIL(&fixture, active_requests() < MANY);
    is_ending = active_requests() > 0;
  }
  assert_true(is_ending);
}

static void test_many_streams_of_a_client_that_breaks_the_rules_end(void **state) {
  (void)state;
  struct h2_client *client = client_with_many_streams();
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x6, 0, 1, GW_STR("12345678")); /* a PING of a stream */
  h2_send_raw(client, &bytes);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  FIXTURE_UNTIL(&fixture, active_requests() == 0);
  h2_client_free(client);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_idle_connection_is_told_and_closed),
      TEST(test_connection_with_a_stream_is_not_idle),
      TEST(test_connection_is_idle_again_after_a_stream_that_was_longer_than_its_timeout),
      TEST(test_block_of_fields_that_never_ends_is_a_timeout),
      TEST(test_body_that_stops_is_408_and_the_connection_goes_on),
      TEST(test_body_timeout_counts_from_when_the_service_takes_it_again),
      TEST(test_whole_answer_that_the_window_never_lets_go_is_given_up),
      TEST(test_client_that_reads_nothing_is_given_up),
      TEST(test_connection_with_enough_requests_ends_without_losing_any),
      TEST(test_drain_serves_what_runs_and_what_is_on_its_way),
      TEST(test_listener_that_goes_ends_its_connections),
      TEST(test_other_configuration_holds_from_the_next_stream_on),
      TEST(test_last_answer_is_not_taken_down_by_what_the_client_says),
      TEST(test_many_streams_of_a_client_that_leaves_end_a_few_at_a_time),
      TEST(test_engine_may_go_while_many_streams_end),
      TEST(test_many_streams_of_a_client_that_breaks_the_rules_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
