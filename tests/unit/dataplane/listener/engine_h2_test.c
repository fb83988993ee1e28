/* HTTP/2 with clients: streams, bodies, local answers, limits. Services speak HTTP/1.1. */
#include "tests/unit/dataplane/h2_client.h"

static const struct fixture_route routes[] = {
    {.prefix = "/nowhere", .cluster = "nowhere"},
    {.prefix = "/direct", .status = 403, .body = "no"},
    {.prefix = "/short/", .cluster = "backend", .prefix_rewrite = "/", .timeout_ms = 50},
    {.prefix = "/none", .status = 404, .body = "gone"},
    {.prefix = "/empty-handed", .status = 307, .body = ""},
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

/* Nothing is open any more, and nothing was counted twice or forgotten. */
static void assert_at_rest(uint64_t bad_requests) {
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->requests_active, 0);
  assert_int_equal(stats->connections_active, 0);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("backend"))->requests_active, 0);
  assert_int_equal(stats->bad_requests_total, bad_requests);
  gw_stats_free(stats);
}

static uint64_t limit_hits(enum gw_limit limit) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  uint64_t hits = stats->limits[limit];
  gw_stats_free(stats);
  return hits;
}

static struct backend_connection *first_backend_connection(void) {
  return GW_LIST_ITEM(fixture.backend.connections.next, struct backend_connection, node);
}

static void test_get_is_forwarded_and_answered(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_stream_new(client, "GET", "/ok?q=1", GW_LENGTH_NONE);
  h2_add(stream, "cookie", "a=1");
  h2_add(stream, "cookie", "b=2");
  h2_add(stream, "te", "trailers");
  h2_add(stream, "x_score", "1");
  h2_assert_answer(h2_send(stream), 200, "hello");
  const char *seen = fixture.backend.last_head;
  FIXTURE_HAS(seen, "GET /ok?q=1 HTTP/1.1\r\n");
  assert_non_null(strcasestr(seen, "host: a.example\r\n"));
  assert_non_null(strcasestr(seen, "cookie: a=1; b=2\r\n"));
  assert_non_null(strcasestr(seen, "x-forwarded-proto: http\r\n"));
  FIXTURE_LACKS(seen, "x_score");
  FIXTURE_LACKS(seen, "transfer-encoding");
  FIXTURE_LACKS(seen, "content-length");
  assert_true(gw_str_equal(h2_answer_header(stream, "server"), GW_STR("gateway")));
  assert_true(gw_str_equal(h2_answer_header(stream, "x-kept"), GW_STR("yes")));
  assert_true(h2_answer_header(stream, "x-request-id").len > 0);
  assert_int_equal(h2_answer_header(stream, "x-hop").len, 0);
  assert_int_equal(stream->h2.response.content_length, 5);
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_preface_may_be_cut_anywhere(void **state) {
  (void)state;
  for (size_t cut = 1; cut <= 33; cut++) {
    struct gw_strbuf bytes = preface();
    put_frame(&bytes, 0x1, 0x5, 1, SMALL_HEAD);
    struct client *client = client_new(&fixture);
    assert_int_equal(send(client->fd, bytes.data, cut, MSG_NOSIGNAL), (ssize_t)cut);
    gw_loop_run_once(fixture.loop, 0);
    gw_loop_run_once(fixture.loop, 0);
    assert_int_equal(send(client->fd, bytes.data + cut, bytes.len - cut, MSG_NOSIGNAL), (ssize_t)(bytes.len - cut));
    FIXTURE_UNTIL(&fixture, client->in.len > 0 && memmem(client->in.data, client->in.len, "hello", 5) != NULL);
    gw_strbuf_done(&bytes);
    client_free(client);
  }
  assert_at_rest(0);
}

static void test_preface_behind_a_request_is_refused(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n" GW_H2_PREFACE);
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "hello");
  FIXTURE_HAS(client->in.data, "HTTP/1.1 505 ");
  client_free(client);
}

static void only_http1(struct gw_http_connection_manager *http) {
  http->codec = GW_CODEC_HTTP1;
}
static void only_http2(struct gw_http_connection_manager *http) {
  http->codec = GW_CODEC_HTTP2;
}

static void test_listener_of_one_version_takes_no_other(void **state) {
  (void)state;
  serve(only_http1);
  struct client *client = client_new(&fixture);
  client_send(client, GW_H2_PREFACE);
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "HTTP/1.1 505 ");
  client_free(client);
  serve(only_http2);
  client = client_new(&fixture);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait_closed(client);
  assert_int_equal(client->error, 0);
  if (client->in.len > 0) assert_null(memmem(client->in.data, client->in.len, "HTTP/1", 6));
  client_free(client);
  struct h2_client *h2 = h2_client_new(&fixture);
  h2_assert_answer(h2_get(h2, "/ok"), 200, "hello");
  h2_client_free(h2);
}

static void test_many_streams_share_a_connection(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *streams[100];
  for (size_t i = 0; i < GW_ARRAY_LEN(streams); i++)
    streams[i] = h2_get(client, i % 3 == 0 ? "/direct" : i % 3 == 1 ? "/ok" : "/chunked");
  for (size_t i = 0; i < GW_ARRAY_LEN(streams); i++)
    h2_assert_answer(streams[i], i % 3 == 0 ? 403 : 200, i % 3 == 0 ? "no" : "hello");
  assert_int_equal(gw_engine_connection_count(fixture.engine), 1);
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_local_answers_have_one_form(void **state) {
  (void)state;
  static const struct {
    const char *path;
    uint32_t status;
    const char *body;
  } rows[] = {
      {"/none", 404, "gone"},
      {"/nowhere", 503, "{\"error\":503,"},
      {"/a%2fb", 400, "the path is not valid"},
      {"/health", 200, "{\"status\":\"healthy\"}"},
      {"/empty-handed", 307, ""},
  };
  struct h2_client *client = h2_client_new(&fixture);
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    h2_assert_answer(h2_get(client, rows[i].path), rows[i].status, rows[i].body);
    /* … also to who has more to send. */
    struct h2_stream *stream = h2_post(client, rows[i].path);
    if (rows[i].status == 200) {
      h2_end(stream);
    } else {
      h2_assert_answer(stream, rows[i].status, rows[i].body);
    }
    FIXTURE_UNTIL(&fixture, stream->is_closed);
    assert_int_equal(stream->error, GW_H2_NO_ERROR);
  }
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_requests_that_are_not_http_are_answered_400(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_stream_new(client, "GET", "/ok", GW_LENGTH_NONE);
  stream->head.authority = GW_STR("user@a.example");
  h2_assert_answer(h2_send(stream), 400, "the request is not valid HTTP");
  stream = h2_stream_new(client, "GET", "/ok#x", GW_LENGTH_NONE);
  h2_assert_answer(h2_send(stream), 400, "the request is not valid HTTP");
  assert_int_equal(fixture.backend.requests, 0);
  /* The connection is as good as before. */
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  h2_client_free(client);
  assert_at_rest(2);
}

static void test_methods_that_smuggle_or_tunnel_never_pass(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_send(h2_stream_new(client, "TRACE", "/ok", GW_LENGTH_NONE)), 405, "this method is not served");
  h2_client_free(client);
  /* CONNECT has neither scheme nor path; a method with a space in it would be a request line of its own behind us. */
  static const struct {
    const char *block;
    size_t len;
  } rows[] = {
      {"\x02\x07"
       "CONNECT\x01\x04"
       "a:80",
       15},
      {"\x02\x05"
       "GET x\x86\x84\x01\x01"
       "a",
       12},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    client = h2_client_new(&fixture);
    struct gw_strbuf bytes = {0};
    put_frame(&bytes, 0x1, 0x5, 1, (struct gw_str){rows[i].block, rows[i].len});
    h2_send_raw(client, &bytes);
    h2_settle(&fixture);
    h2_client_free(client);
  }
  assert_int_equal(fixture.backend.requests, 0);
}

static void test_head_beyond_limit_is_431(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_stream_new(client, "GET", "/ok", GW_LENGTH_NONE);
  char value[1000];
  memset(value, 'y', sizeof(value) - 1);
  value[sizeof(value) - 1] = '\0';
  for (int i = 0; i < 62; i++)
    h2_add(stream, "x-y", value);
  h2_assert_answer(h2_send(stream), 431, "the request's head is too large");
  assert_int_equal(limit_hits(GW_LIMIT_HEAD_SIZE), 1);
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  h2_client_free(client);
}

static void test_head_requests_and_answers_without_bodies_end_at_once(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_send(h2_stream_new(client, "HEAD", "/ok", GW_LENGTH_NONE));
  h2_assert_answer(stream, 200, "");
  assert_true(gw_str_equal(h2_answer_header(stream, "content-length"), GW_STR("5")) || stream->h2.response.declared_length == 5);
  h2_assert_answer(h2_get(client, "/empty"), 204, "");
  h2_client_free(client);
  assert_at_rest(0);
}

/* ---- bodies ---- */

static void test_upload_is_echoed_with_or_without_length(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_send(h2_stream_new(client, "POST", "/echo", 6));
  h2_say(stream, "abc");
  h2_settle(&fixture);
  h2_say(stream, "def");
  h2_end(stream);
  h2_assert_answer(stream, 200, "abcdef");
  assert_non_null(strcasestr(fixture.backend.last_head, "content-length: 6\r\n"));
  stream = h2_post(client, "/echo");
  h2_say(stream, "abc");
  h2_end(stream);
  h2_assert_answer(stream, 200, "3\r\nabc\r\n0\r\n\r\n"); /* as the backend saw it */
  stream = h2_send(h2_stream_new(client, "POST", "/ok", 0));
  h2_end(stream);
  h2_assert_answer(stream, 200, "hello");
  assert_non_null(strcasestr(fixture.backend.last_head, "content-length: 0\r\n"));
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_download_waits_for_a_closed_window_while_others_go_on(void **state) {
  (void)state;
  const uint64_t size = 32u << 20;
  struct h2_client *client = h2_client_new(&fixture);
  client->is_counting = true;
  char path[32];
  snprintf(path, sizeof(path), "/big/%llu", (unsigned long long)size);
  struct h2_stream *big = h2_get(client, path);
  FIXTURE_UNTIL(&fixture, big->received > 0);
  gw_h2_stream_set_paused(&big->h2, true); /* its window is not given back */
  struct backend_connection *connection = first_backend_connection();
  uint64_t left;
  do {
    left = connection->fill_left;
    h2_settle(&fixture);
  } while (connection->fill_left != left);
  assert_true(left > size / 4); /* what the sockets hold, and little of ours */
  for (int i = 0; i < 5; i++)
    h2_wait_ended(h2_get(client, "/ok"));
  gw_h2_stream_set_paused(&big->h2, false);
  h2_wait_ended(big);
  assert_int_equal(big->received, size);
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_upload_waits_for_a_slow_service_and_others_go_on(void **state) {
  (void)state;
  static char filler[1 << 20];
  struct h2_client *client = h2_client_new(&fixture);
  fixture.backend.is_paused = true;
  struct h2_stream *big = h2_send(h2_stream_new(client, "POST", "/ok", 32 * (int64_t)sizeof(filler)));
  for (int i = 0; i < 32; i++)
    gw_h2_stream_send_body(&big->h2, (struct gw_str){filler, sizeof(filler)});
  h2_end(big);
  uint64_t left;
  do {
    left = big->h2.body.len;
    h2_settle(&fixture);
  } while (big->h2.body.len != left || left == 32 * sizeof(filler));
  assert_true(left > 16 * sizeof(filler)); /* the window is not given back */
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->requests_active, 1);
  gw_stats_free(stats);
  for (int i = 0; i < 5; i++)
    h2_assert_answer(h2_get(client, "/direct"), 403, "no");
  backend_resume(&fixture.backend);
  h2_assert_answer(big, 200, "hello");
  assert_int_equal(fixture.backend.body_bytes, 32 * sizeof(filler));
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_early_answer_stops_the_client(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  static const char *const paths[] = {"/direct", "/early", "/empty-handed"};
  static const uint32_t statuses[] = {403, 413, 307};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct h2_stream *stream = h2_post(client, paths[i]);
    h2_say(stream, "some of it");
    h2_assert_answer(stream, statuses[i], "");
    FIXTURE_UNTIL(&fixture, stream->is_closed);
    assert_int_equal(stream->error, GW_H2_NO_ERROR);
  }
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  h2_client_free(client);
  assert_at_rest(0);
}

static void small_bodies(struct gw_http_connection_manager *http) {
  fixture_limits(http)->max_request_body_bytes = 10;
}

static void test_body_beyond_the_limit_is_413(void **state) {
  (void)state;
  serve(small_bodies);
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_send(h2_stream_new(client, "POST", "/ok", 11)), 413, "too large");
  struct h2_stream *stream = h2_post(client, "/ok");
  h2_say(stream, "0123456789");
  h2_settle(&fixture);
  assert_int_equal(stream->status, 0);
  h2_say(stream, "x");
  h2_assert_answer(stream, 413, "too large");
  FIXTURE_UNTIL(&fixture, stream->is_closed);
  assert_int_equal(stream->error, GW_H2_NO_ERROR);
  assert_int_equal(limit_hits(GW_LIMIT_BODY_SIZE), 2);
  assert_int_equal(fixture.backend.requests, 0);
  h2_client_free(client);
  assert_at_rest(0);
}

/* The local answer is final, even while it waits for the client's window: what the service says later has no place any more. */
static void test_answer_that_comes_after_ours_is_not_sent(void **state) {
  (void)state;
  struct gw_h2_options options = h2_client_options();
  options.initial_stream_window = 0;
  struct h2_client *client = h2_client_new_with(&fixture, &options, NULL);
  struct h2_stream *stream = h2_get(client, "/short/slow");
  FIXTURE_UNTIL(&fixture, stream->status != 0);
  assert_int_equal(stream->status, 504);
  h2_settle(&fixture);
  assert_false(stream->has_ended);
  if (!gw_list_is_empty(&fixture.backend.connections)) {
    gw_strbuf_printf(&first_backend_connection()->out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    backend_pump(first_backend_connection());
  }
  h2_settle(&fixture);
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x8, 0, (uint32_t)stream->h2.id, GW_STR("\0\0\xff\xff"));
  h2_send_raw(client, &bytes);
  FIXTURE_UNTIL(&fixture, stream->body.len > 0);
  assert_non_null(memmem(stream->body.data, stream->body.len, "did not answer in time", 22));
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_interim_answer_invites_the_body(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_stream_new(client, "POST", "/echo", 2);
  h2_add(stream, "expect", "100-continue");
  h2_send(stream);
  FIXTURE_UNTIL(&fixture, stream->interims > 0);
  h2_say(stream, "ok");
  h2_end(stream);
  h2_assert_answer(stream, 200, "ok");
  assert_int_equal(stream->interims, 1);
  FIXTURE_LACKS(fixture.backend.last_head, "expect");
  /* Who can't be served is not invited. */
  stream = h2_stream_new(client, "POST", "/nowhere", 2);
  h2_add(stream, "expect", "100-continue");
  h2_assert_answer(h2_send(stream), 503, "{");
  assert_int_equal(stream->interims, 0);
  h2_client_free(client);
}

static void test_answers_of_every_framing_arrive(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/chunked"), 200, "hello world");
  h2_assert_answer(h2_get(client, "/until-close"), 200, "to the end");
  h2_assert_answer(h2_get(client, "/interim"), 200, "ok");
  h2_client_free(client);
  assert_at_rest(0);
}

/* ---- what breaks ---- */

static void test_answer_cut_short_resets_its_stream_only(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *cut = h2_get(client, "/partial");
  struct h2_stream *slow = h2_get(client, "/slow");
  FIXTURE_UNTIL(&fixture, cut->is_closed);
  assert_int_equal(cut->error, GW_H2_INTERNAL_ERROR);
  assert_int_equal(cut->status, 200);
  assert_false(cut->has_ended || slow->is_closed);
  h2_assert_answer(h2_get(client, "/close"), 502, "closed the connection");
  h2_assert_answer(h2_get(client, "/garbage"), 502, "could not be understood");
  h2_client_free(client);
  assert_at_rest(0);
}

/* A client that is slow, so that a frame of the stream waits for room when its service breaks. */
static void test_answer_cut_short_while_the_client_is_slow(void **state) {
  (void)state;
  struct gw_h2_options options = h2_client_options();
  options.initial_stream_window = 16 * 1024 * 1024;
  struct h2_client *client = h2_client_new_with(&fixture, &options, NULL);
  client->is_counting = true;
  struct h2_stream *big = h2_get(client, "/big/33554432");
  struct h2_stream *other = h2_get(client, "/big/33554432");
  FIXTURE_UNTIL(&fixture, big->received > 0 && other->received > 0);
  client->is_deaf = true;
  h2_client_watch(client);
  h2_settle(&fixture);
  backend_drop_connections(&fixture.backend);
  h2_settle(&fixture);
  h2_get(client, "/ok"); /* takes the memory that became free */
  h2_settle(&fixture);
  client->is_deaf = false;
  h2_client_watch(client);
  FIXTURE_UNTIL(&fixture, big->is_closed && other->is_closed);
  assert_int_equal(big->error, GW_H2_INTERNAL_ERROR);
  assert_false(big->has_ended);
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_reset_by_the_client_cancels_the_request(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *slow = h2_get(client, "/slow");
  struct h2_stream *upload = h2_post(client, "/ok");
  h2_say(upload, "some");
  FIXTURE_UNTIL(&fixture, fixture.backend.accepted == 2 && fixture.backend.requests == 1);
  gw_h2_stream_detach(&slow->h2, GW_H2_CANCEL);
  gw_h2_stream_detach(&upload->h2, GW_H2_CANCEL);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->requests_active, 0);
  gw_stats_free(stats);
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  h2_client_free(client);
  assert_at_rest(0);
}

static void test_client_that_goes_takes_its_requests_along(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  for (int i = 0; i < 10; i++)
    h2_get(client, "/slow");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 10);
  h2_client_free(client);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
  assert_at_rest(0);
}

static void test_client_that_breaks_the_protocol_is_told_and_closed(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *slow = h2_get(client, "/slow");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x0, 0, 99, GW_STR("data on a stream that is not there"));
  h2_send_raw(client, &bytes);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  assert_true(slow->is_closed);
  h2_client_free(client);
  assert_at_rest(1);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
}

static void test_client_that_takes_its_leave_is_no_bad_client(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/ok"), 200, "hello");
  gw_h2_codec_terminate(client->codec, GW_H2_NO_ERROR);
  FIXTURE_UNTIL(&fixture, client->is_closed);
  assert_int_equal(client->error, GW_ERR_CLOSED);
  h2_client_free(client);
  assert_at_rest(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_get_is_forwarded_and_answered),
      TEST(test_preface_may_be_cut_anywhere),
      TEST(test_preface_behind_a_request_is_refused),
      TEST(test_listener_of_one_version_takes_no_other),
      TEST(test_many_streams_share_a_connection),
      TEST(test_local_answers_have_one_form),
      TEST(test_requests_that_are_not_http_are_answered_400),
      TEST(test_methods_that_smuggle_or_tunnel_never_pass),
      TEST(test_head_beyond_limit_is_431),
      TEST(test_head_requests_and_answers_without_bodies_end_at_once),
      TEST(test_upload_is_echoed_with_or_without_length),
      TEST(test_download_waits_for_a_closed_window_while_others_go_on),
      TEST(test_upload_waits_for_a_slow_service_and_others_go_on),
      TEST(test_early_answer_stops_the_client),
      TEST(test_body_beyond_the_limit_is_413),
      TEST(test_answer_that_comes_after_ours_is_not_sent),
      TEST(test_interim_answer_invites_the_body),
      TEST(test_answers_of_every_framing_arrive),
      TEST(test_answer_cut_short_resets_its_stream_only),
      TEST(test_answer_cut_short_while_the_client_is_slow),
      TEST(test_reset_by_the_client_cancels_the_request),
      TEST(test_client_that_goes_takes_its_requests_along),
      TEST(test_client_that_breaks_the_protocol_is_told_and_closed),
      TEST(test_client_that_takes_its_leave_is_no_bad_client),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
