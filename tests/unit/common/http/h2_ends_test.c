/* How streams and connections end when one side has more to say, or has let go. */
#include "tests/unit/common/http/h2_pair.h"

static struct exchange *ask_with_body(void) {
  struct gw_request_head head = request_head("/");
  head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, true);
  talk(512);
  return of_client;
}

static void test_answer_without_body_arrives_before_the_request_is_whole(void **state) {
  (void)state;
  struct exchange *of_client = ask_with_body();
  struct gw_response_head answer = response_head(307, 0);
  gw_h2_stream_respond(&server.exchanges[0].h2, &answer, false);
  talk(512);
  assert_int_equal(of_client->h2.response.status, 307);
  assert_true(of_client->has_ended && of_client->is_closed);
  assert_true(server.exchanges[0].is_closed);
  assert_int_equal(server.exchanges[0].error, GW_H2_NO_ERROR);
}

static void test_trailers_arrive_before_the_request_is_whole(void **state) {
  (void)state;
  struct exchange *of_client = ask_with_body();
  struct gw_headers trailers;
  gw_headers_init(&trailers, &server.arena, 1);
  gw_headers_add(&trailers, &server.arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), GW_STR("3"));
  struct gw_response_head answer = response_head(200, GW_LENGTH_UNKNOWN);
  gw_h2_stream_respond(&server.exchanges[0].h2, &answer, true);
  gw_h2_stream_send_body(&server.exchanges[0].h2, GW_STR("no"));
  gw_h2_stream_send_end(&server.exchanges[0].h2, &trailers);
  talk(512);
  assert_received(of_client, "no");
  assert_int_equal(of_client->h2.trailers.count, 1);
  assert_true(of_client->has_ended && of_client->is_closed);
  assert_true(server.exchanges[0].is_closed);
}

/* ---- a whole answer of which something is held back ---- */

/* The client's; of a long answer nearly all has come, while it was paused. */
static struct exchange *hold_answer(bool has_request_ended, bool is_let_go) {
  static char bytes[20000];
  struct gw_request_head head = request_head("/");
  if (!has_request_ended) head.content_length = GW_LENGTH_UNKNOWN;
  struct exchange *of_client = ask(&head, !has_request_ended);
  of_client->lets_go = is_let_go;
  gw_h2_stream_set_paused(&of_client->h2, true);
  talk(512);
  memset(bytes, 'x', sizeof(bytes));
  struct gw_response_head answer = response_head(200, GW_LENGTH_UNKNOWN);
  struct gw_h2_stream *stream = &server.exchanges[server.count - 1].h2;
  gw_h2_stream_respond(stream, &answer, true);
  gw_h2_stream_send_body(stream, (struct gw_str){bytes, sizeof(bytes)});
  talk(512);
  assert_int_equal(of_client->received.len, 0);
  return of_client;
}

/* Of the newest. */
static void end_answer(void) {
  static struct gw_headers trailers;
  gw_headers_init(&trailers, &server.arena, 1);
  gw_headers_add(&trailers, &server.arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), GW_STR("0"));
  gw_h2_stream_send_end(&server.exchanges[server.count - 1].h2, &trailers);
}

static void test_whole_answer_that_is_held_back_is_handed_out_when_its_stream_is_over(void **state) {
  (void)state;
  for (int is_early = 0; is_early < 2; is_early++) {
    struct exchange *of_client = hold_answer(is_early == 0, false);
    end_answer();
    talk(512);
    assert_int_equal(of_client->received.len, 20000);
    assert_int_equal(of_client->h2.trailers.count, 1);
    assert_true(of_client->has_ended && of_client->is_closed);
    assert_int_equal(gw_h2_codec_stream_count(client.codec), 0);
  }
}

static void test_whole_answer_may_be_let_go_of_at_its_end(void **state) {
  (void)state;
  struct exchange *of_client = hold_answer(false, true);
  end_answer();
  talk(512);
  assert_int_equal(of_client->received.len, 20000);
  assert_true(of_client->has_ended);
  assert_false(of_client->is_closed);
  assert_int_equal(gw_h2_codec_stream_count(client.codec), 0);
}

static void test_whole_answer_outlives_its_connection_and_one_that_is_cut_does_not(void **state) {
  (void)state;
  char bytes[512];
  struct exchange *cut = hold_answer(true, true);
  struct exchange *whole = hold_answer(false, true);
  end_answer();
  assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
  size_t len = server.out.len - 13; /* all but RST_STREAM */
  gw_out_queue_take(&server.out, bytes, len);
  assert_int_equal(gw_h2_codec_feed(client.codec, (struct gw_str){bytes, len}, now_ms), GW_OK);
  assert_false(whole->has_ended);
  gw_h2_codec_close_streams(client.codec, GW_H2_CANCEL);
  assert_true(cut->is_closed && !cut->has_ended);
  assert_int_equal(cut->error, GW_H2_CANCEL);
  assert_true(whole->has_ended && !whole->is_closed);
  assert_int_equal(whole->received.len, 20000);
}

/* ---- the owner lets go while nghttp2 has something of the stream at hand ---- */

/* A frame of the stream is made, and finds no room in the queue. */
static void fill_queue(struct side *side, struct gw_h2_stream *stream, size_t limit) {
  static char bytes[32 * 1024];
  gw_h2_stream_send_body(stream, (struct gw_str){bytes, sizeof(bytes)});
  assert_int_equal(gw_h2_codec_pack(side->codec, &side->out, limit), GW_OK);
  assert_true(stream->body.len > 0 && side->out.len >= limit);
}

static void test_stream_that_is_let_go_with_a_frame_at_hand_is_reset(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  struct exchange *of_client = ask(&head, false);
  talk(512);
  struct gw_response_head answer = response_head(200, GW_LENGTH_UNKNOWN);
  gw_h2_stream_respond(&server.exchanges[0].h2, &answer, true);
  fill_queue(&server, &server.exchanges[0].h2, 100);
  gw_h2_stream_detach(&server.exchanges[0].h2, GW_H2_INTERNAL_ERROR);
  memset(&server.exchanges[0].h2, 0xa5, sizeof(server.exchanges[0].h2)); /* its memory is somebody else's now */
  talk(512);
  assert_true(of_client->is_closed);
  assert_int_equal(of_client->error, GW_H2_INTERNAL_ERROR);
  assert_int_equal(gw_h2_codec_stream_count(server.codec), 0);
}

static void test_request_that_is_answered_with_its_end_at_hand_is_let_go(void **state) {
  (void)state;
  struct exchange *of_client = ask_with_body();
  struct exchange *other = ask_with_body();
  fill_queue(&client, &other->h2, 100);
  gw_h2_stream_send_end(&of_client->h2, NULL); /* there is no room for it */
  assert_int_equal(gw_h2_codec_pack(client.codec, &client.out, 100), GW_OK);
  of_client->lets_go = true;
  answer_hello(&server.exchanges[0]);
  assert_int_equal(carry(&server, &client, 512), GW_OK);
  assert_true(of_client->has_ended);
  talk(512);
  assert_true(server.exchanges[0].is_closed);
  assert_int_equal(gw_h2_codec_stream_count(client.codec), 1);
}

static void test_streams_closed_with_a_frame_at_hand_are_forgotten(void **state) {
  (void)state;
  struct exchange *of_client = ask_with_body();
  fill_queue(&client, &of_client->h2, 100);
  gw_h2_codec_close_streams(client.codec, GW_H2_CANCEL);
  memset(&of_client->h2, 0xa5, sizeof(of_client->h2));
  talk(512);
  assert_int_equal(gw_h2_codec_stream_count(client.codec), 0);
}

static void test_end_is_told_once_however_often_the_owner_pauses(void **state) {
  (void)state;
  struct gw_request_head head = request_head("/");
  ask(&head, false);
  talk(512);
  assert_true(server.exchanges[0].has_ended);
  gw_h2_stream_set_paused(&server.exchanges[0].h2, true);
  gw_h2_stream_set_paused(&server.exchanges[0].h2, false); /* on_end asserts */
}

/* ---- what the client does wrong or is free to do ---- */

/* POST, with content-length: 5 */
#define POST_OF_FIVE                                                                                                                       \
  GW_STR("\x83\x86\x84\x01\x01"                                                                                                            \
         "a\x0f\x0d\x01"                                                                                                                   \
         "5")

static void test_bodies_of_another_length_count_as_resets(void **state) {
  (void)state;
  for (int is_too_long = 0; is_too_long < 2; is_too_long++) {
    teardown(NULL);
    setup(NULL);
    struct gw_strbuf bytes = preface();
    for (uint32_t i = 0; i < 61; i++) {
      put_frame(&bytes, 0x1, 0x4, 1 + 2 * i, POST_OF_FIVE);
      put_frame(&bytes, 0x0, 0x1, 1 + 2 * i, is_too_long != 0 ? GW_STR("123456") : GW_STR("123"));
    }
    enum gw_err err = feed_all(&bytes);
    assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
    for (uint32_t i = 0; i < server.count; i++) {
      assert_true(server.exchanges[i].is_closed);
      assert_false(server.exchanges[i].is_closed_by_peer);
      assert_false(server.exchanges[i].has_ended);
    }
    if (err == GW_OK) err = gw_h2_codec_feed(server.codec, GW_STR("x"), now_ms);
    assert_int_equal(err, GW_ERR_LIMIT);
    assert_str(gw_h2_codec_detail(server.codec), "http2.forced_resets");
  }
}

static void test_client_that_takes_its_leave_does_nothing_wrong(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  put_frame(&bytes, 0x7, 0, 0, GW_STR("\0\0\0\0\0\0\0\0"));
  assert_int_equal(feed_all(&bytes), GW_OK);
  assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
  assert_true(gw_h2_codec_is_over(server.codec));
}

static void test_frames_cut_anywhere_are_looked_at_alike(void **state) {
  (void)state;
  struct gw_strbuf bytes = preface();
  size_t before = bytes.len;
  put_frame(&bytes, 0x2, 0, 3, GW_STR("\0\0\0\x3\x10")); /* depends on itself */
  for (size_t cut = before; cut < bytes.len; cut++) {
    teardown(NULL);
    setup(NULL);
    /* The second part is memory of its own, so that a look beyond its end shows. */
    struct gw_strbuf rest;
    gw_strbuf_init(&rest);
    gw_strbuf_append(&rest, bytes.data + cut, bytes.len - cut);
    bool is_known = cut >= before + 13; /* whom it depends on */
    assert_int_equal(gw_h2_codec_feed(server.codec, (struct gw_str){bytes.data, cut}, now_ms), is_known ? GW_ERR_INVALID : GW_OK);
    assert_int_equal(feed_all(&rest), GW_ERR_INVALID);
    assert_str(gw_h2_codec_detail(server.codec), "http2.bad_priority");
  }
  gw_strbuf_done(&bytes);
}

static void test_trailers_that_may_not_be_trailers_are_dropped(void **state) {
  (void)state;
  static const char *const names[] = {"authorization", "content-type", "x-forwarded-for", "x-fine"};
  struct exchange *of_client = ask_with_body();
  struct gw_headers trailers;
  gw_headers_init(&trailers, &client.arena, 4);
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    struct gw_str name = gw_str_from(names[i]);
    gw_headers_add(&trailers, &client.arena, gw_header_id_find(name), name, GW_STR("1"));
  }
  gw_h2_stream_send_end(&of_client->h2, &trailers);
  talk(512);
  assert_true(server.exchanges[0].has_ended);
  assert_int_equal(server.exchanges[0].h2.trailers.count, 1);
  assert_str(server.exchanges[0].h2.trailers.items[0].name, "x-fine");
}

/* 51 fields, of which half would say something else. */
static void test_trailers_beyond_the_limits_break_their_stream(void **state) {
  (void)state;
  struct exchange *of_client = ask_with_body();
  struct gw_headers trailers;
  gw_headers_init(&trailers, &client.arena, 51);
  for (uint32_t i = 0; i <= 50; i++)
    gw_headers_add(&trailers, &client.arena, GW_HEADER_OTHER, GW_STR("x-one"), GW_STR("1"));
  gw_h2_stream_send_end(&of_client->h2, &trailers);
  talk(512);
  assert_false(server.exchanges[0].has_ended);
  assert_true(server.exchanges[0].is_closed && of_client->is_closed);
  assert_int_equal(server.exchanges[0].error, GW_H2_ENHANCE_YOUR_CALM);
  assert_int_equal(of_client->error, GW_H2_ENHANCE_YOUR_CALM);
}

/* Nothing is lost of the connection's window by what no owner ever sees. */
static void test_padding_and_data_for_nobody_are_given_back(void **state) {
  (void)state;
  char padded[1 + 1 + 255];
  memset(padded, 0, sizeof(padded));
  padded[0] = (char)255;
  padded[1] = 'x';
  struct gw_strbuf bytes = preface();
  put_frame(&bytes, 0x1, 0x4, 1, SMALL_HEAD);
  assert_int_equal(feed_all(&bytes), GW_OK);
  for (int i = 0; i < 3 * 1024 * 1024 / (int)sizeof(padded); i++) {
    gw_strbuf_init(&bytes);
    put_frame(&bytes, 0x0, 0x8, 1, (struct gw_str){padded, sizeof(padded)});
    assert_int_equal(feed_all(&bytes), GW_OK);
    assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
    gw_out_queue_drop(&server.out, server.out.len);
  }
  gw_h2_stream_detach(&server.exchanges[0].h2, GW_H2_CANCEL);
  for (int i = 0; i < 3 * 1024 * 1024 / 1024; i++) {
    char data[1024] = {0};
    gw_strbuf_init(&bytes);
    put_frame(&bytes, 0x0, 0, 1, (struct gw_str){data, sizeof(data)});
    assert_int_equal(feed_all(&bytes), GW_OK);
    assert_int_equal(gw_h2_codec_pack(server.codec, &server.out, SIZE_MAX), GW_OK);
    gw_out_queue_drop(&server.out, server.out.len);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_answer_without_body_arrives_before_the_request_is_whole),
      TEST(test_trailers_arrive_before_the_request_is_whole),
      TEST(test_whole_answer_that_is_held_back_is_handed_out_when_its_stream_is_over),
      TEST(test_whole_answer_may_be_let_go_of_at_its_end),
      TEST(test_whole_answer_outlives_its_connection_and_one_that_is_cut_does_not),
      TEST(test_stream_that_is_let_go_with_a_frame_at_hand_is_reset),
      TEST(test_request_that_is_answered_with_its_end_at_hand_is_let_go),
      TEST(test_streams_closed_with_a_frame_at_hand_are_forgotten),
      TEST(test_end_is_told_once_however_often_the_owner_pauses),
      TEST(test_bodies_of_another_length_count_as_resets),
      TEST(test_client_that_takes_its_leave_does_nothing_wrong),
      TEST(test_frames_cut_anywhere_are_looked_at_alike),
      TEST(test_trailers_that_may_not_be_trailers_are_dropped),
      TEST(test_trailers_beyond_the_limits_break_their_stream),
      TEST(test_padding_and_data_for_nobody_are_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
