#include "rpc_fixture.h"

static void test_unary_call_gets_its_reply(void **state) {
  struct fixture *f = *state;
  struct gw_bytes *request = gw_bytes_new("hello", 5), *reply = NULL;
  char *reason = NULL;
  int code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Echo", 10000, NULL, 0, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_OK);
  assert_true(gw_str_equal(gw_bytes_str(reply), GW_STR("echo hello")));
  gw_bytes_unref(reply);
  gw_bytes_unref(request);
  free(reason);
}

static void test_empty_message_arrives(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Echo", seen);
  gw_rpc_stream_send(seen->stream, NULL, 0);
  WAIT_FOR(f->loop, seen->messages == 1);
  assert_string_equal(seen->last, "echo ");
}

static void test_both_sides_talk_and_half_close_ends_with_status(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  struct seen *server = &f->accepted[0];
  assert_true(gw_str_has_prefix(gw_rpc_stream_peer(server->stream), GW_STR("ipv4:127.0.0.1:")));
  for (int i = 0; i < 10; i++)
    send_text(seen->stream, "up");
  send_text(server->stream, "down");
  WAIT_FOR(f->loop, server->messages == 10 && seen->messages == 1);
  assert_string_equal(seen->last, "down");
  gw_rpc_stream_half_close(seen->stream);
  send_text(seen->stream, "too late");
  WAIT_FOR(f->loop, server->half_closes == 1);
  send_text(server->stream, "last");
  gw_rpc_stream_finish(server->stream, GW_RPC_FAILED_PRECONDITION, "not now");
  WAIT_FOR(f->loop, seen->closes == 1 && server->closes == 1);
  assert_string_equal(seen->last, "last");
  assert_int_equal(seen->code, GW_RPC_FAILED_PRECONDITION);
  assert_string_equal(seen->reason, "not now");
  assert_int_equal(server->code, GW_RPC_OK);
  assert_int_equal(server->messages, 10);
}

static void test_finish_without_half_close_closes_both_sides(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  gw_rpc_stream_finish(f->accepted[0].stream, GW_RPC_OK, "");
  gw_rpc_stream_finish(f->accepted[0].stream, GW_RPC_INTERNAL, "only the first counts");
  WAIT_FOR(f->loop, seen->closes == 1 && f->accepted[0].closes == 1);
  assert_int_equal(seen->code, GW_RPC_OK);
  assert_int_equal(f->accepted[0].code, GW_RPC_OK);
}

static void test_cancel_by_client_reaches_the_server(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  gw_rpc_stream_cancel(seen->stream);
  gw_rpc_stream_cancel(seen->stream);
  WAIT_FOR(f->loop, seen->closes == 1 && f->accepted[0].closes == 1);
  assert_int_equal(seen->code, GW_RPC_CANCELLED);
  assert_int_equal(f->accepted[0].code, GW_RPC_CANCELLED);
}

static void test_cancel_by_server_reaches_the_client(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  gw_rpc_stream_cancel(f->accepted[0].stream);
  WAIT_FOR(f->loop, seen->closes == 1 && f->accepted[0].closes == 1);
  assert_int_not_equal(seen->code, GW_RPC_OK);
  assert_int_equal(f->accepted[0].code, GW_RPC_CANCELLED);
}

static void test_unknown_method_is_unimplemented(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Nothing", seen);
  WAIT_FOR(f->loop, seen->closes == 1);
  assert_int_equal(seen->code, GW_RPC_UNIMPLEMENTED);
}

static void test_metadata_is_seen_and_refusal_on_open_ends_the_call(void **state) {
  struct fixture *f = *state;
  struct gw_bytes *request = gw_bytes_new("x", 1), *reply = NULL;
  char *reason = NULL;
  int code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Guarded", 10000, NULL, 0, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_UNAUTHENTICATED);
  assert_string_equal(reason, "a token is needed");
  free(reason);
  struct gw_rpc_metadata good = {"authorization", "Bearer good"};
  code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Guarded", 10000, &good, 1, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_OK);
  gw_bytes_unref(reply);
  free(reason);
  struct gw_rpc_metadata bad[] = {{"authorization", "Bearer \r\nx: y"}, {"Upper", "x"}, {"x-bin", "y"}};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Guarded", 10000, &bad[i], 1, request, &reply, &reason);
    assert_int_equal(code, GW_RPC_INVALID_ARGUMENT);
    free(reason);
  }
  gw_bytes_unref(request);
}

static void test_message_over_the_limit_fails_the_call(void **state) {
  struct fixture *f = *state;
  struct gw_bytes *request = gw_bytes_new(NULL, FIXTURE_MESSAGE_MAX + 1), *reply = NULL;
  memset(request->data, 'x', request->len);
  char *reason = NULL;
  int code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Echo", 10000, NULL, 0, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_RESOURCE_EXHAUSTED);
  gw_bytes_unref(request);
  free(reason);
}

static void test_long_status_message_is_cut_between_characters(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  char text[5001] = "x";
  for (size_t i = 1; i + 2 < sizeof text; i += 2)
    memcpy(text + i, "\xc3\xa4", 3);
  gw_rpc_stream_finish(f->accepted[0].stream, GW_RPC_INTERNAL, text);
  WAIT_FOR(f->loop, seen->closes == 1);
  assert_int_equal(seen->code, GW_RPC_INTERNAL);
  assert_memory_equal(seen->reason, text, 255);
}

static void test_large_messages_arrive_whole(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  struct gw_bytes *part = gw_bytes_new(NULL, 3u * 1024 * 1024);
  memset(part->data, 'x', part->len);
  struct gw_bytes *parts[3] = {part, part, part};
  gw_rpc_stream_send(f->accepted[0].stream, parts, 3);
  gw_bytes_unref(part);
  WAIT_FOR(f->loop, seen->messages == 1);
  assert_int_equal(seen->last_len, 9u * 1024 * 1024);
}

static void test_slow_reader_keeps_messages_pending_until_drained(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  struct gw_rpc_stream *server = f->accepted[0].stream;
  struct gw_bytes *bytes = gw_bytes_new(NULL, 32u * 1024 * 1024);
  memset(bytes->data, 'x', bytes->len);
  gw_rpc_stream_send(server, &bytes, 1);
  gw_rpc_stream_send(server, &bytes, 1);
  gw_bytes_unref(bytes);
  assert_int_equal(gw_rpc_stream_pending(server), 2);
  WAIT_FOR(f->loop, f->accepted[0].drains == 1);
  assert_int_equal(gw_rpc_stream_pending(server), 0);
  WAIT_FOR(f->loop, seen->messages == 2);
}

static uint32_t count_closed(const struct fixture *f) {
  uint32_t count = 0;
  for (size_t i = 0; i < 100; i++)
    count += f->opened[i].closes;
  return count;
}

static void test_hundred_streams_on_one_connection(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < 100; i++) {
    fixture_open(f, "/test.Test/Watch", &f->opened[i]);
    send_text(f->opened[i].stream, "up");
  }
  WAIT_FOR(f->loop, f->accepted_count == 100);
  for (size_t i = 0; i < 100; i++) {
    WAIT_FOR(f->loop, f->accepted[i].messages == 1);
    send_text(f->accepted[i].stream, "down");
  }
  for (size_t i = 0; i < 100; i++)
    WAIT_FOR(f->loop, f->opened[i].messages == 1);
  for (size_t i = 0; i < 100; i += 2)
    gw_rpc_stream_finish(f->accepted[i].stream, GW_RPC_OK, "");
  WAIT_FOR(f->loop, count_closed(f) == 50);
  /* the rest is cancelled by the teardown */
}

static void test_deadline_ends_a_call_that_nobody_answers(void **state) {
  struct fixture *f = *state;
  struct gw_bytes *request = gw_bytes_new("x", 1), *reply = NULL;
  char *reason = NULL;
  int code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Watch", 100, NULL, 0, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_DEADLINE_EXCEEDED);
  gw_bytes_unref(request);
  free(reason);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FIXTURE_TEST(test_unary_call_gets_its_reply),
      FIXTURE_TEST(test_empty_message_arrives),
      FIXTURE_TEST(test_both_sides_talk_and_half_close_ends_with_status),
      FIXTURE_TEST(test_finish_without_half_close_closes_both_sides),
      FIXTURE_TEST(test_cancel_by_client_reaches_the_server),
      FIXTURE_TEST(test_cancel_by_server_reaches_the_client),
      FIXTURE_TEST(test_unknown_method_is_unimplemented),
      FIXTURE_TEST(test_metadata_is_seen_and_refusal_on_open_ends_the_call),
      FIXTURE_TEST(test_message_over_the_limit_fails_the_call),
      FIXTURE_TEST(test_long_status_message_is_cut_between_characters),
      FIXTURE_TEST(test_large_messages_arrive_whole),
      FIXTURE_TEST(test_slow_reader_keeps_messages_pending_until_drained),
      FIXTURE_TEST(test_hundred_streams_on_one_connection),
      FIXTURE_TEST(test_deadline_ends_a_call_that_nobody_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
