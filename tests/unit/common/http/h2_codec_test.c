#include "tests/unit/common/http/h2_pair.h"

static void assert_hello(size_t step) {
  struct gw_request_head head = request_head("/a?b=c");
  struct exchange *of_client = ask(&head, false);
  talk(step);
  struct exchange *of_server = &server.exchanges[server.count - 1];
  assert_int_equal(of_server->head_count, 1);
  assert_true(of_server->has_ended);
  assert_str(of_server->h2.request.path, "/a?b=c");
  assert_str(of_server->h2.request.authority, "a.test");
  assert_int_equal(of_server->h2.request.method, GW_METHOD_GET);
  assert_int_equal(of_server->h2.request.content_length, GW_LENGTH_NONE);
  answer_hello(of_server);
  talk(step);
  assert_int_equal(of_client->h2.response.status, 200);
  assert_int_equal(of_client->h2.response.content_length, 5);
  assert_received(of_client, "hello");
  assert_true(of_client->has_ended && of_client->is_closed && of_server->is_closed);
  assert_int_equal(of_client->error, GW_H2_NO_ERROR);
  assert_int_equal(gw_h2_codec_stream_count(server.codec), 0);
}

static void test_request_and_answer_pass(void **state) {
  (void)state;
  assert_hello(sizeof(char[512]));
}

static void test_request_and_answer_pass_byte_by_byte(void **state) {
  (void)state;
  assert_hello(1);
}

static void test_bodies_and_trailers_pass_both_ways(void **state) {
  (void)state;
  struct gw_headers trailers;
  gw_headers_init(&trailers, &client.arena, 2);
  gw_headers_add(&trailers, &client.arena, GW_HEADER_OTHER, GW_STR("X-Sum"), GW_STR("7"));
  struct gw_request_head head = request_head("/upload");
  head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, true);
  gw_h2_stream_send_body(&of_client->h2, GW_STR("abc"));
  gw_h2_stream_send_end(&of_client->h2, &trailers);
  talk(512);
  struct exchange *of_server = &server.exchanges[0];
  assert_int_equal(of_server->h2.request.content_length, GW_LENGTH_UNKNOWN);
  assert_received(of_server, "abc");
  assert_true(of_server->has_ended);
  assert_int_equal(of_server->h2.trailers.count, 1);
  assert_str(of_server->h2.trailers.items[0].name, "x-sum");
  struct gw_response_head answer = response_head(200, GW_LENGTH_UNKNOWN);
  gw_h2_stream_respond(&of_server->h2, &answer, true);
  gw_h2_stream_send_end(&of_server->h2, &trailers);
  talk(512);
  assert_int_equal(of_client->h2.trailers.count, 1);
  assert_true(of_client->is_closed);
}

static void test_interim_answer_comes_before_the_answer(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, true);
  talk(512);
  struct gw_response_head interim = response_head(100, GW_LENGTH_NONE);
  gw_h2_stream_respond(&server.exchanges[0].h2, &interim, false);
  talk(512);
  assert_int_equal(of_client->interim_count, 1);
  assert_int_equal(of_client->head_count, 0);
  gw_h2_stream_send_end(&of_client->h2, NULL);
  talk(512);
  answer_hello(&server.exchanges[0]);
  talk(512);
  assert_int_equal(of_client->head_count, 1);
  assert_int_equal(of_client->h2.response.status, 200);
}

static void test_answer_before_the_request_is_whole_stops_the_client(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, true);
  talk(512);
  answer_hello(&server.exchanges[0]);
  talk(512);
  assert_received(of_client, "hello");
  assert_true(of_client->has_ended && of_client->is_closed);
  assert_int_equal(of_client->error, GW_H2_NO_ERROR);
}

static void test_big_body_stops_at_the_watermark_and_goes_on(void **state) {
  (void)state;
  size_t piece = 100 * 1024;
  char *bytes = gw_calloc(1, piece);
  memset(bytes, 'x', piece);
  struct gw_request_head head = request_head("/");
  struct exchange *of_client = ask(&head, false);
  talk(512);
  struct gw_response_head answer = response_head(200, (int64_t)piece * 3);
  struct gw_h2_stream *stream = &server.exchanges[0].h2;
  gw_h2_stream_set_paused(&of_client->h2, true);
  gw_h2_stream_respond(stream, &answer, true);
  gw_h2_stream_send_body(stream, (struct gw_str){bytes, piece});
  talk(512);
  /* The client holds back, and the window with it: no more than it comes. */
  assert_int_equal(of_client->received.len, 0);
  assert_true(stream->body.len >= piece - 65535);
  assert_true(gw_h2_codec_is_stalled(server.codec));
  assert_int_equal(server.exchanges[0].high_count, 0);
  gw_h2_stream_send_body(stream, (struct gw_str){bytes, piece});
  talk(512);
  assert_int_equal(server.exchanges[0].high_count, 1);
  assert_int_equal(server.exchanges[0].low_count, 0);
  gw_h2_stream_set_paused(&of_client->h2, false);
  assert_int_equal(of_client->received.len, 65535);
  talk(512);
  assert_int_equal(server.exchanges[0].low_count, 1);
  assert_false(gw_h2_codec_is_stalled(server.codec));
  gw_h2_stream_send_body(stream, (struct gw_str){bytes, piece});
  gw_h2_stream_send_end(stream, NULL);
  talk(512);
  assert_int_equal(of_client->received.len, piece * 3);
  assert_true(of_client->is_closed);
  free(bytes);
}

static void test_end_that_came_while_paused_is_told_afterwards(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, true);
  talk(512);
  struct exchange *of_server = &server.exchanges[0];
  gw_h2_stream_set_paused(&of_server->h2, true);
  gw_h2_stream_send_body(&of_client->h2, GW_STR("abc"));
  gw_h2_stream_send_end(&of_client->h2, NULL);
  talk(512);
  assert_int_equal(of_server->received.len, 0);
  assert_false(of_server->has_ended);
  gw_h2_stream_set_paused(&of_server->h2, false);
  assert_received(of_server, "abc");
  assert_true(of_server->has_ended);
}

static void test_cookie_crumbs_become_one_field(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  gw_headers_init(&head.headers, &client.arena, 4);
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_COOKIE, GW_STR("cookie"), GW_STR("a=1"));
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_OTHER, GW_STR("x-other"), GW_STR("y"));
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_COOKIE, GW_STR("cookie"), GW_STR("b=2"));
  ask(&head, false);
  talk(512);
  const struct gw_headers *headers = &server.exchanges[0].h2.request.headers;
  assert_int_equal(headers->count, 2);
  assert_str(gw_headers_find(headers, GW_HEADER_COOKIE)->value, "a=1; b=2");
}

static void test_fields_of_http1_are_not_sent(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  gw_headers_init(&head.headers, &client.arena, 4);
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_CONNECTION, GW_STR("Connection"), GW_STR("close"));
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_TRANSFER_ENCODING, GW_STR("Transfer-Encoding"), GW_STR("chunked"));
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_OTHER, GW_STR("X-Other"), GW_STR("y"));
  ask(&head, false);
  talk(512);
  const struct gw_headers *headers = &server.exchanges[0].h2.request.headers;
  assert_int_equal(headers->count, 1);
  assert_str(headers->items[0].name, "x-other");
}

static void refused(const struct gw_request_head *head, uint32_t status, const char *detail) {
  ask(head, false);
  talk(512);
  const struct gw_h2_stream *stream = &server.exchanges[server.count - 1].h2;
  assert_int_equal(stream->refusal, status);
  assert_str(stream->detail, detail);
  assert_int_equal(stream->request.headers.count, 0);
}

static void test_request_that_is_not_to_be_forwarded_is_refused(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  gw_headers_init(&head.headers, &client.arena, 4);
  head.authority = GW_STR("user@a.test");
  refused(&head, 400, "http2.bad_authority");
  head = request_head("/a#b");
  refused(&head, 400, "http2.bad_target");
  head = request_head("/");
  char *value = gw_arena_alloc_bytes(&client.arena, 9000);
  memset(value, 'v', 9000);
  gw_headers_init(&head.headers, &client.arena, 1);
  gw_headers_add(&head.headers, &client.arena, GW_HEADER_OTHER, GW_STR("x-big"), (struct gw_str){value, 9000});
  refused(&head, 431, "http2.head_too_large");
}

static void test_malformed_request_is_reset(void **state) {
  (void)state;
  static const char *const paths[] = {"/a b", "a", ""};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct gw_request_head head = request_head(paths[i]);
    struct exchange *of_client = ask(&head, false);
    talk(512);
    assert_true(of_client->is_closed);
    assert_int_equal(of_client->error, GW_H2_PROTOCOL_ERROR);
    const struct exchange *of_server = &server.exchanges[server.count - 1];
    assert_int_equal(of_server->head_count, 0);
    assert_true(of_server->is_closed);
    assert_false(of_server->is_closed_by_peer);
  }
}

static void test_extended_connect_is_an_upgrade(void **state) {
  (void)state;
  talk(512);
  assert_true(gw_h2_codec_may_connect(client.codec));
  struct gw_request_head head = request_head("/chat");
  head.upgrade = GW_STR("websocket");
  struct exchange *of_client = ask(&head, true);
  talk(512);
  const struct gw_request_head *received = &server.exchanges[0].h2.request;
  assert_str(received->upgrade, "websocket");
  assert_int_equal(received->method, GW_METHOD_GET);
  assert_str(received->path, "/chat");
  struct gw_response_head answer = response_head(200, GW_LENGTH_UNKNOWN);
  gw_h2_stream_respond(&server.exchanges[0].h2, &answer, true);
  gw_h2_stream_send_body(&server.exchanges[0].h2, GW_STR("ping"));
  gw_h2_stream_send_body(&of_client->h2, GW_STR("pong"));
  talk(512);
  assert_received(of_client, "ping");
  assert_received(&server.exchanges[0], "pong");
}

static void test_reset_by_the_client_closes_the_stream(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  struct exchange *of_client = ask(&head, false);
  talk(512);
  gw_h2_stream_detach(&of_client->h2, GW_H2_CANCEL);
  gw_h2_stream_detach(&of_client->h2, GW_H2_CANCEL);
  talk(512);
  assert_true(server.exchanges[0].is_closed && server.exchanges[0].is_closed_by_peer);
  assert_int_equal(server.exchanges[0].error, GW_H2_CANCEL);
  assert_false(of_client->is_closed);
  /* What comes too late is dropped. */
  gw_h2_stream_send_body(&server.exchanges[0].h2, GW_STR("late"));
  gw_h2_stream_send_end(&server.exchanges[0].h2, NULL);
  talk(512);
}

static void test_refused_stream_says_that_it_may_be_sent_again(void **state) {
  (void)state;
  server.refuses = true;
  struct gw_request_head head = request_head("/");
  struct exchange *of_client = ask(&head, false);
  talk(512);
  assert_true(of_client->is_closed);
  assert_int_equal(of_client->error, GW_H2_REFUSED_STREAM);
}

static void test_drain_refuses_what_comes_later_and_ends(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  ask(&head, false);
  talk(512);
  gw_h2_codec_start_drain(server.codec, false);
  gw_h2_codec_start_drain(server.codec, true);
  talk(512);
  assert_false(gw_h2_codec_may_request(client.codec));
  assert_false(gw_h2_codec_is_over(server.codec));
  answer_hello(&server.exchanges[0]);
  talk(512);
  assert_received(&client.exchanges[0], "hello");
  assert_true(gw_h2_codec_is_over(server.codec));
}

static void test_more_streams_than_allowed_wait(void **state) {
  (void)state;
  stop(&server);
  struct gw_h2_options options = options_of(false);
  options.max_concurrent_streams = 2;
  start(&server, &options);
  talk(512);
  struct gw_request_head head = request_head("/");
  ask(&head, false);
  assert_true(gw_h2_codec_may_request(client.codec));
  ask(&head, false);
  assert_false(gw_h2_codec_may_request(client.codec));
}

/* ---- abuse: frames written by hand ---- */

static void put_resets(struct gw_strbuf *bytes, uint32_t first_id, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    put_frame(bytes, 0x1, 0x4 | 0x1, first_id + 2 * i, SMALL_HEAD);
    put_frame(bytes, 0x3, 0, first_id + 2 * i, GW_STR("\0\0\0\x8"));
  }
}

static void test_rapid_resets_are_counted_by_the_minute(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  put_resets(&bytes, 1, 60);
  assert_int_equal(feed_all(&bytes), GW_OK);
  now_ms += 10000;
  gw_strbuf_init(&bytes);
  put_resets(&bytes, 121, 10);
  assert_int_equal(feed_all(&bytes), GW_OK);
  gw_strbuf_init(&bytes);
  put_resets(&bytes, 141, 1);
  assert_abuse(&bytes, "http2.rapid_reset");
}

static void test_frames_that_make_us_reset_count_as_resets(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  for (uint32_t i = 0; i < 61; i++) {
    put_frame(&bytes, 0x1, 0x4 | 0x1, 1 + 2 * i, SMALL_HEAD);
    put_frame(&bytes, 0x8, 0, 1 + 2 * i, GW_STR("\x7f\xff\xff\xff"));
  }
  assert_abuse(&bytes, "http2.forced_resets");
}

static void test_floods_are_abuse(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  for (int i = 0; i < 12; i++)
    put_frame(&bytes, 0x2, 0, 3, GW_STR("\0\0\0\0\x10"));
  assert_abuse(&bytes, "http2.too_many_priority_frames");
}

static void test_window_updates_without_data_are_abuse(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  for (int i = 0; i < 20; i++)
    put_frame(&bytes, 0x8, 0, 0, GW_STR("\0\0\0\x1"));
  assert_abuse(&bytes, "http2.too_many_window_updates");
}

static void test_empty_frames_are_abuse(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  put_frame(&bytes, 0x1, 0x4, 1, SMALL_HEAD);
  for (int i = 0; i < 4; i++)
    put_frame(&bytes, 0x0, 0, 1, (struct gw_str){0});
  assert_abuse(&bytes, "http2.too_many_empty_frames");
}

static void test_unread_answers_to_pings_are_abuse(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  for (int i = 0; i < 200; i++)
    put_frame(&bytes, 0x6, 0, 0, GW_STR("12345678"));
  assert_abuse(&bytes, "http2.too_many_control_frames");
}

/* Though each is answered before the next one comes. */
static void test_settings_without_end_are_abuse(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  assert_int_equal(feed_all(&bytes), GW_OK);
  enum gw_err err = GW_OK;
  uint32_t count = 0;
  for (; err == GW_OK && count < 1000; count++) {
    put_frame(&bytes, 0x4, 0, 0, (struct gw_str){0});
    err = feed_all(&bytes);
    gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX);
  }
  assert_int_equal(err, GW_ERR_LIMIT);
  assert_int_equal(count, 100); /* the preface had one */
  assert_str(gw_h2_codec_detail(server.codec), "http2.too_many_control_frames");
  gw_strbuf_done(&bytes);
}

static void test_block_far_beyond_the_limit_ends_the_connection(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  struct gw_strbuf block;
  gw_strbuf_init(&block);
  gw_strbuf_append_str(&block, SMALL_HEAD);
  /* A field of 400 bytes once into the table, then one byte each time. */
  gw_strbuf_append(&block, "\x40\x01x\x7f\x91\x02", 6);
  for (int i = 0; i < 400; i++)
    gw_strbuf_append_char(&block, 'v');
  for (int i = 0; i < 300; i++)
    gw_strbuf_append_char(&block, '\xbe');
  put_frame(&bytes, 0x1, 0x4 | 0x1, 1, gw_strbuf_str(&block));
  gw_strbuf_done(&block);
  assert_abuse(&bytes, "http2.head_too_large");
}

static void test_other_protocol_is_invalid(void **state) {
  (void)state;
  struct gw_strbuf bytes;
  gw_strbuf_init(&bytes);
  gw_strbuf_append_str(&bytes, GW_STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  assert_int_equal(feed_all(&bytes), GW_ERR_INVALID);
  assert_str(gw_h2_codec_detail(server.codec), "http2.bad_preface");
}

static void test_streams_are_closed_with_the_connection(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  ask(&head, false);
  talk(512);
  gw_h2_codec_close_streams(server.codec, GW_H2_INTERNAL_ERROR);
  assert_true(server.exchanges[0].is_closed);
  assert_false(server.exchanges[0].is_closed_by_peer);
  assert_int_equal(gw_h2_codec_stream_count(server.codec), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_request_and_answer_pass),
      TEST(test_request_and_answer_pass_byte_by_byte),
      TEST(test_bodies_and_trailers_pass_both_ways),
      TEST(test_interim_answer_comes_before_the_answer),
      TEST(test_answer_before_the_request_is_whole_stops_the_client),
      TEST(test_big_body_stops_at_the_watermark_and_goes_on),
      TEST(test_end_that_came_while_paused_is_told_afterwards),
      TEST(test_cookie_crumbs_become_one_field),
      TEST(test_fields_of_http1_are_not_sent),
      TEST(test_request_that_is_not_to_be_forwarded_is_refused),
      TEST(test_malformed_request_is_reset),
      TEST(test_extended_connect_is_an_upgrade),
      TEST(test_reset_by_the_client_closes_the_stream),
      TEST(test_refused_stream_says_that_it_may_be_sent_again),
      TEST(test_drain_refuses_what_comes_later_and_ends),
      TEST(test_more_streams_than_allowed_wait),
      TEST(test_rapid_resets_are_counted_by_the_minute),
      TEST(test_frames_that_make_us_reset_count_as_resets),
      TEST(test_floods_are_abuse),
      TEST(test_window_updates_without_data_are_abuse),
      TEST(test_empty_frames_are_abuse),
      TEST(test_unread_answers_to_pings_are_abuse),
      TEST(test_settings_without_end_are_abuse),
      TEST(test_block_far_beyond_the_limit_ends_the_connection),
      TEST(test_other_protocol_is_invalid),
      TEST(test_streams_are_closed_with_the_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
