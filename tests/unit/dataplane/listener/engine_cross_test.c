/* HTTP/1.1 and HTTP/2 on either side: bodies, trailers and tunnels in all combinations. */
#include "tests/unit/dataplane/h2_backend.h"
#include "tests/unit/dataplane/h2_client.h"

static const struct fixture_route routes[] = {
    {.prefix = "/h1/", .cluster = "backend", .prefix_rewrite = "/"},
    {.prefix = "/h2/", .cluster = "h2", .prefix_rewrite = "/"},
};

static struct fixture fixture;
static struct h2_backend h2_backend;

static void add_h2_cluster(struct fixture *f, struct gw_resource **resources) {
  (void)f;
  struct fixture_endpoint endpoint = {.address = "127.0.0.1", .port = h2_backend.port};
  resources[0] = fixture_cluster("h2", 1, GW_CLUSTER_STATIC, &endpoint, 1);
  struct gw_cluster *cluster = (struct gw_cluster *)(uintptr_t)resources[0]->cluster;
  cluster->protocol = GW_UPSTREAM_HTTP2;
  cluster->http2 = fixture_http2();
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  h2_backend_start(&h2_backend, fixture.loop);
  fixture.add_resources = add_h2_cluster;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), NULL);
  return 0;
}

static struct gw_strbuf access_log;

static int stop(void **state) {
  (void)state;
  gw_strbuf_init(&access_log);
  h2_backend_stop(&h2_backend);
  fixture_stop(&fixture, &access_log);
  gw_strbuf_done(&access_log);
  return 0;
}

static void assert_at_rest(void) {
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->requests_active, 0);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("backend"))->requests_active, 0);
  assert_int_equal(gw_stats_get_service(stats, GW_STR("h2"))->requests_active, 0);
  gw_stats_free(stats);
}

/* ---- requests and answers ---- */

static void test_http1_client_and_http2_service(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /h2/ok HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Kept: 1\r\n\r\n");
  client_wait(client, "hello");
  FIXTURE_HAS(client->in.data, "HTTP/1.1 200 OK\r\n");
  assert_non_null(strcasestr(client->in.data, "content-length: 5\r\n"));
  client_clear(client);
  client_send(client, "POST /h2/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef");
  client_wait(client, "0\r\n\r\n");
  FIXTURE_HAS(client->in.data, "6\r\nabcdef\r\n");
  client_clear(client);
  /* What has no body must not be followed by a chunk, or it would begin the next answer. */
  static const char *const bodyless[] = {"GET /h2/empty/204", "GET /h2/empty/304", "HEAD /h2/ok", "HEAD /h2/unsized"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bodyless); i++) {
    char request[128];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n\r\n", bodyless[i]);
    client_send(client, request);
    client_wait(client, "\r\n\r\n");
    h2_settle(&fixture);
    FIXTURE_LACKS(client->in.data, "transfer-encoding");
    assert_non_null(strstr(client->in.data, "\r\n\r\n"));
    assert_string_equal(strstr(client->in.data, "\r\n\r\n"), "\r\n\r\n");
    client_clear(client);
  }
  client_free(client);
  assert_at_rest();
}

static void test_early_answer_of_an_http2_service_reaches_an_http1_client(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /h2/early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nsome");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "HTTP/1.1 413 ");
  FIXTURE_HAS(client->in.data, "big");
  client_free(client);
  assert_at_rest();
}

static void test_big_bodies_pass_from_version_to_version(void **state) {
  (void)state;
  struct h2_client *h2 = h2_client_new(&fixture);
  h2->is_counting = true;
  static const char *const paths[] = {"/h1/big/20000000", "/h2/big/20000000"};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct h2_stream *stream = h2_get(h2, paths[i]);
    h2_wait_ended(stream);
    assert_int_equal(stream->received, 20000000);
    struct client *client = client_new(&fixture);
    client->is_counting = true;
    char request[128];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", paths[i]);
    client_send(client, request);
    client_wait_closed(client);
    assert_true(client->received > 20000000);
    client_free(client);
  }
  h2_client_free(h2);
  assert_at_rest();
}

static void test_slow_http1_client_holds_back_an_http2_service(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client->is_counting = true;
  client_send(client, "GET /h2/big/64000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, client->received > 0);
  gw_io_set(client->io, 0);
  struct h2_backend_stream *stream = h2_backend_first_stream(&h2_backend);
  uint64_t left;
  do {
    left = stream->fill_left;
    fixture_turn_for(&fixture, 30);
  } while (stream->fill_left != left);
  assert_true(left > 32000000);
  struct h2_client *other = h2_client_new(&fixture); /* … which shares its connection with others */
  h2_assert_answer(h2_get(other, "/h2/ok"), 200, "hello");
  assert_int_equal(h2_backend.accepted, 1);
  h2_client_free(other);
  gw_io_set(client->io, GW_IO_READ);
  FIXTURE_UNTIL(&fixture, client->received > 64000000);
  client_free(client);
  assert_at_rest();
}

static void test_slow_http2_service_holds_back_its_client_alone(void **state) {
  (void)state;
  static char filler[8 << 20];
  struct h2_client *client = h2_client_new(&fixture);
  h2_backend.is_paused = true;
  struct h2_stream *upload = h2_send(h2_stream_new(client, "POST", "/h2/ok", sizeof(filler)));
  gw_h2_stream_send_body(&upload->h2, (struct gw_str){filler, sizeof(filler)});
  h2_end(upload);
  FIXTURE_UNTIL(&fixture, h2_backend.requests == 1);
  h2_backend.is_paused = false;
  fixture_turn_for(&fixture, 50);
  assert_true(upload->h2.body.len > sizeof(filler) / 2);
  h2_assert_answer(h2_get(client, "/h2/ok"), 200, "hello");
  h2_backend_resume(&h2_backend);
  h2_assert_answer(upload, 200, "hello");
  assert_int_equal(h2_backend.body_bytes, sizeof(filler));
  h2_client_free(client);
  assert_at_rest();
}

/* ---- trailers ---- */

static void test_trailers_pass_between_http2_and_http2(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_post(client, "/h2/echo");
  struct gw_headers trailers;
  gw_headers_init(&trailers, &stream->arena, 2);
  gw_headers_add(&trailers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-sum"), GW_STR("7"));
  gw_headers_add(&trailers, &stream->arena, GW_HEADER_AUTHORIZATION, GW_STR("authorization"), GW_STR("me"));
  h2_say(stream, "abc");
  gw_h2_stream_send_end(&stream->h2, &trailers);
  h2_assert_answer(stream, 200, "abc");
  assert_int_equal(stream->h2.trailers.count, 1);
  assert_true(gw_str_equal(stream->h2.trailers.items[0].name, GW_STR("x-sum")));
  h2_client_free(client);
  assert_at_rest();
}

static void test_trailers_pass_from_http2_to_http1_and_back(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  struct h2_stream *stream = h2_post(client, "/h1/echo");
  struct gw_headers trailers;
  gw_headers_init(&trailers, &stream->arena, 1);
  gw_headers_add(&trailers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-sum"), GW_STR("7"));
  gw_h2_stream_send_end(&stream->h2, &trailers);
  h2_settle(&fixture);
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes > 0);
  struct backend_connection *service = GW_LIST_ITEM(fixture.backend.connections.next, struct backend_connection, node);
  FIXTURE_UNTIL(&fixture, strlen(service->body) >= 11); /* but for what may be the end */
  FIXTURE_HAS(service->body, "x-sum: 7");
  gw_strbuf_printf(&service->out,
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-back\r\n\r\n2\r\nok\r\n0\r\nX-Back: 8\r\n\r\n");
  service->closes_after = true;
  backend_pump(service);
  h2_assert_answer(stream, 200, "ok");
  assert_int_equal(stream->h2.trailers.count, 1);
  assert_true(gw_str_equal(stream->h2.trailers.items[0].name, GW_STR("x-back")));
  h2_client_free(client);
  assert_at_rest();
}

static void test_trailers_pass_from_http1_to_http2_and_back_to_who_takes_them(void **state) {
  (void)state;
  static const char *const te[] = {"TE: trailers\r\n", ""};
  for (size_t i = 0; i < GW_ARRAY_LEN(te); i++) {
    struct client *client = client_new(&fixture);
    char request[256];
    snprintf(request, sizeof(request),
             "POST /h2/echo HTTP/1.1\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n", te[i]);
    client_send(client, request);
    client_wait(client, "\r\n0\r\n");
    FIXTURE_HAS(client->in.data, "3\r\nabc\r\n");
    if (i == 0) {
      client_wait(client, "\r\n0\r\nx-sum: 7\r\n\r\n");
    } else {
      client_wait(client, "\r\n0\r\n\r\n");
    }
    client_free(client);
  }
  assert_at_rest();
}

/* ---- tunnels ---- */

#define HANDSHAKE                                                                                                                          \
  "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct client *http1_tunnel(const char *path, const char *early) {
  struct client *client = client_new(&fixture);
  char request[512];
  snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HANDSHAKE "\r\n%s", path, early);
  client_send(client, request);
  return client;
}

static void test_tunnels_of_http1_clients(void **state) {
  (void)state;
  static const char *const paths[] = {"/h1/chat", "/h2/chat"};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct client *client = http1_tunnel(paths[i], "early,"); /* waits until the tunnel is there */
    client_wait(client, "early,");
    FIXTURE_HAS(client->in.data, "HTTP/1.1 101 Switching Protocols\r\n");
    assert_non_null(strcasestr(client->in.data, "upgrade: websocket\r\n"));
    assert_non_null(strcasestr(client->in.data, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    FIXTURE_LACKS(client->in.data, "content-length");
    FIXTURE_LACKS(client->in.data, "transfer-encoding");
    client_clear(client);
    client_send(client, "ping");
    client_wait(client, "ping");
    client_send(client, "bye"); /* the service ends it */
    client_wait_closed(client);
    FIXTURE_HAS(client->in.data, "bye");
    assert_int_equal(client->error, 0);
    client_free(client);
  }
  assert_at_rest();
}

static void test_tunnels_of_http2_clients(void **state) {
  (void)state;
  static const char *const paths[] = {"/h1/chat", "/h2/chat"};
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/h1/ok"), 200, "hello"); /* the client knows our settings */
  assert_true(gw_h2_codec_may_connect(client->codec));
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct h2_stream *stream = h2_tunnel(client, paths[i]);
    h2_say(stream, "early,");
    FIXTURE_UNTIL(&fixture, stream->body.len >= 6);
    assert_int_equal(stream->status, 200);
    assert_int_equal(h2_answer_header(stream, "upgrade").len, 0);
    assert_int_equal(h2_answer_header(stream, "sec-websocket-accept").len, 0);
    h2_say(stream, "ping");
    FIXTURE_UNTIL(&fixture, stream->body.len >= 10);
    /* The client is done; the service may still say something. */
    h2_end(stream);
    h2_assert_answer(stream, 200, "early,ping[end]");
    FIXTURE_UNTIL(&fixture, stream->is_closed);
    assert_int_equal(stream->error, GW_H2_NO_ERROR);
  }
  h2_client_free(client);
  assert_at_rest();
}

static void test_tunnels_that_are_denied_are_answers(void **state) {
  (void)state;
  static const char *const paths[] = {"/h1/deny", "/h2/deny"};
  struct h2_client *h2 = h2_client_new(&fixture);
  h2_assert_answer(h2_get(h2, "/h1/ok"), 200, "hello");
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct client *client = http1_tunnel(paths[i], "");
    client_wait(client, "denied");
    FIXTURE_HAS(client->in.data, "HTTP/1.1 403 Forbidden\r\n");
    client_free(client);
    h2_assert_answer(h2_tunnel(h2, paths[i]), 403, "denied");
  }
  h2_client_free(h2);
  assert_at_rest();
}

/* The answer to a key of ours is checked by us, since the client has none to check it with. */
static void test_service_that_did_not_understand_the_handshake_gets_no_tunnel(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/h1/ok"), 200, "hello");
  h2_assert_answer(h2_tunnel(client, "/h1/liar"), 502, "could not be understood");
  h2_client_free(client);
  assert_at_rest();
}

static void test_tunnels_that_break_are_not_ended_in_order(void **state) {
  (void)state;
  struct h2_client *client = h2_client_new(&fixture);
  h2_assert_answer(h2_get(client, "/h1/ok"), 200, "hello");
  struct h2_stream *over_h1 = h2_tunnel(client, "/h1/chat");
  struct h2_stream *over_h2 = h2_tunnel(client, "/h2/chat");
  FIXTURE_UNTIL(&fixture, over_h1->status == 200 && over_h2->status == 200);
  backend_reset(GW_LIST_ITEM(fixture.backend.connections.prev, struct backend_connection, node));
  h2_backend_drop_connections(&h2_backend);
  FIXTURE_UNTIL(&fixture, over_h1->is_closed && over_h2->is_closed);
  assert_false(over_h1->has_ended || over_h2->has_ended);
  /* Before there is a tunnel it is an answer. */
  struct h2_stream *late = h2_tunnel(client, "/h2/slow");
  FIXTURE_UNTIL(&fixture, !gw_list_is_empty(&h2_backend.streams));
  h2_backend_drop_connections(&h2_backend);
  h2_assert_answer(late, 502, "closed the connection");
  h2_client_free(client);
  assert_at_rest();
}

static void test_client_that_goes_ends_its_tunnels(void **state) {
  (void)state;
  struct client *http1 = http1_tunnel("/h2/chat", "");
  client_wait(http1, "101 ");
  struct h2_client *http2 = h2_client_new(&fixture);
  h2_assert_answer(h2_get(http2, "/h1/ok"), 200, "hello");
  struct h2_stream *stream = h2_tunnel(http2, "/h1/chat");
  FIXTURE_UNTIL(&fixture, stream->status == 200);
  client_free(http1);
  gw_h2_stream_detach(&stream->h2, GW_H2_CANCEL);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&h2_backend.streams) && gw_list_is_empty(&fixture.backend.connections));
  h2_client_free(http2);
  assert_at_rest();
}

static void test_drain_closes_tunnels(void **state) {
  (void)state;
  struct client *http1 = http1_tunnel("/h1/chat", "");
  client_wait(http1, "101 ");
  struct h2_client *http2 = h2_client_new(&fixture);
  h2_assert_answer(h2_get(http2, "/h1/ok"), 200, "hello");
  struct h2_stream *stream = h2_tunnel(http2, "/h2/chat");
  FIXTURE_UNTIL(&fixture, stream->status == 200);
  gw_engine_drain(fixture.engine, 10);
  client_wait_closed(http1);
  FIXTURE_UNTIL(&fixture, stream->is_closed);
  FIXTURE_UNTIL(&fixture, http2->is_closed);
  client_free(http1);
  h2_client_free(http2);
  assert_at_rest();
}

static void no_websocket(struct gw_http_connection_manager *http) {
  http->has_websocket = false;
}

static void test_listener_without_websocket_makes_no_tunnel(void **state) {
  (void)state;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), no_websocket);
  struct client *client = http1_tunnel("/h1/chat", "");
  client_wait(client, "HTTP/1.1 403 ");
  client_free(client);
  struct h2_client *h2 = h2_client_new(&fixture);
  h2_assert_answer(h2_get(h2, "/h1/ok"), 200, "hello");
  assert_false(gw_h2_codec_may_connect(h2->codec));
  h2_client_free(h2);
  assert_at_rest();
}

static const struct fixture_route quick_routes[] = {
    {.prefix = "/h1/", .cluster = "backend", .prefix_rewrite = "/", .timeout_ms = 50},
    {.prefix = "/h2/", .cluster = "h2", .prefix_rewrite = "/", .timeout_ms = 50},
};

static void test_handshake_that_is_not_answered_times_out_and_a_tunnel_does_not(void **state) {
  (void)state;
  fixture_serve(&fixture, quick_routes, GW_ARRAY_LEN(quick_routes), NULL);
  struct client *tunnel = http1_tunnel("/h2/chat", "");
  client_wait(tunnel, "101 ");
  struct client *client = http1_tunnel("/h2/slow", "");
  client_wait(client, "HTTP/1.1 504 ");
  client_free(client);
  fixture_turn_for(&fixture, 100);
  client_send(tunnel, "still there");
  client_wait(tunnel, "still there");
  client_free(tunnel);
  assert_at_rest();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_http1_client_and_http2_service),
      TEST(test_early_answer_of_an_http2_service_reaches_an_http1_client),
      TEST(test_big_bodies_pass_from_version_to_version),
      TEST(test_slow_http1_client_holds_back_an_http2_service),
      TEST(test_slow_http2_service_holds_back_its_client_alone),
      TEST(test_trailers_pass_between_http2_and_http2),
      TEST(test_trailers_pass_from_http2_to_http1_and_back),
      TEST(test_trailers_pass_from_http1_to_http2_and_back_to_who_takes_them),
      TEST(test_tunnels_of_http1_clients),
      TEST(test_tunnels_of_http2_clients),
      TEST(test_tunnels_that_are_denied_are_answers),
      TEST(test_service_that_did_not_understand_the_handshake_gets_no_tunnel),
      TEST(test_tunnels_that_break_are_not_ended_in_order),
      TEST(test_client_that_goes_ends_its_tunnels),
      TEST(test_drain_closes_tunnels),
      TEST(test_listener_without_websocket_makes_no_tunnel),
      TEST(test_handshake_that_is_not_answered_times_out_and_a_tunnel_does_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
