#include "rpc_fixture.h"

static void test_held_address_is_refused(void **state) {
  struct fixture *f = *state;
  struct gw_rpc_server *second = NULL;
  assert_int_equal(fixture_serve(f, gw_rpc_server_port(f->server), &second), GW_ERR_IO);
  assert_null(second);
}

static void test_stop_with_open_streams_cancels_them_after_the_grace_time(void **state) {
  struct fixture *f = *state;
  struct seen *idle = &f->opened[0], *done = &f->opened[1];
  fixture_open(f, "/test.Test/Watch", idle);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  fixture_open(f, "/test.Test/Watch", done);
  WAIT_FOR(f->loop, f->accepted_count == 2);
  gw_rpc_server_stop(f->server, 300, fixture_on_stopped, f);
  gw_rpc_stream_finish(f->accepted[1].stream, GW_RPC_OK, "");
  WAIT_FOR(f->loop, f->is_stopped);
  assert_int_equal(f->accepted[0].closes, 1);
  assert_int_equal(f->accepted[0].code, GW_RPC_CANCELLED);
  assert_int_equal(f->accepted[1].code, GW_RPC_OK);
  gw_rpc_server_free(f->server);
  f->server = NULL;
  WAIT_FOR(f->loop, idle->closes == 1 && done->closes == 1);
  assert_int_not_equal(idle->code, GW_RPC_OK);
  assert_int_equal(done->code, GW_RPC_OK);
}

static void test_stop_without_streams_does_not_wait_for_the_grace_time(void **state) {
  struct fixture *f = *state;
  uint64_t before_us = gw_clock_monotonic_us();
  fixture_stop_server(f, 15000);
  assert_true(gw_clock_monotonic_us() - before_us < 10u * 1000000u);
}

static void test_waiting_call_reaches_a_server_that_came_back(void **state) {
  struct fixture *f = *state;
  uint16_t port = gw_rpc_server_port(f->server);
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  fixture_stop_server(f, 0);
  WAIT_FOR(f->loop, seen->closes == 1);

  struct seen *again = &f->opened[1];
  fixture_open(f, "/test.Test/Watch", again);
  send_text(again->stream, "early");
  for (int i = 0; i < 5; i++)
    gw_loop_run_once(f->loop, 20);
  assert_int_equal(again->closes, 0);
  assert_int_equal(fixture_serve(f, port, &f->server), GW_OK);
  WAIT_FOR(f->loop, f->accepted_count == 2 && f->accepted[1].messages == 1);
  gw_rpc_stream_finish(f->accepted[1].stream, GW_RPC_OK, "");
  WAIT_FOR(f->loop, again->closes == 1);
  assert_int_equal(again->code, GW_RPC_OK);
}

static void test_call_that_does_not_wait_is_unavailable_without_a_server(void **state) {
  struct fixture *f = *state;
  fixture_stop_server(f, 0);
  struct gw_bytes *request = gw_bytes_new("x", 1), *reply = NULL;
  char *reason = NULL;
  int code = gw_rpc_call(f->rpc, f->channel, "/test.Test/Echo", 10000, NULL, 0, request, &reply, &reason);
  assert_int_equal(code, GW_RPC_UNAVAILABLE);
  assert_true(strlen(reason) > 0);
  gw_bytes_unref(request);
  free(reason);
}

static void test_free_of_the_channel_closes_its_streams(void **state) {
  struct fixture *f = *state;
  struct seen *open = &f->opened[0], *waiting = &f->opened[1];
  fixture_open(f, "/test.Test/Watch", open);
  WAIT_FOR(f->loop, f->accepted_count == 1);
  struct gw_rpc_channel_options options = {.target = GW_STR("no.such.host.invalid:1")};
  struct gw_rpc_channel *nowhere = gw_rpc_channel_new(f->rpc, &options);
  *waiting = (struct seen){0};
  waiting->stream = gw_rpc_channel_open(nowhere, "/test.Test/Watch", 0, true, NULL, 0, &seen_events, waiting);
  gw_rpc_channel_free(nowhere);
  gw_rpc_channel_free(f->channel);
  f->channel = NULL;
  WAIT_FOR(f->loop, open->closes == 1 && waiting->closes == 1 && f->accepted[0].closes == 1);
  assert_int_equal(open->code, GW_RPC_CANCELLED);
}

/* The runtime is freed while a call is open: its end is still told. */
static void test_free_of_the_runtime_tells_open_streams(void **state) {
  struct fixture *f = *state;
  struct seen *seen = &f->opened[0];
  fixture_open(f, "/test.Test/Watch", seen);
  struct gw_rpc_metadata bad = {"Upper", "x"};
  struct seen *failed = &f->opened[1];
  failed->stream = gw_rpc_channel_open(f->channel, "/test.Test/Watch", 0, true, &bad, 1, &seen_events, failed);
  assert_int_equal(failed->closes, 0);
  gw_rpc_channel_free(f->channel);
  f->channel = NULL;
  fixture_stop_server(f, 0);
  gw_rpc_free(f->rpc);
  assert_int_equal(seen->closes, 1);
  assert_int_equal(failed->closes, 1);
  f->rpc = gw_rpc_new(f->loop);
}

static void test_ipv6_listens_and_connects(void **state) {
  struct fixture *f = *state;
  struct gw_rpc_server_options options = {.listen = GW_STR("[::1]:0"), .max_message_bytes = FIXTURE_MESSAGE_MAX};
  struct gw_rpc_server *server = NULL;
  if (gw_rpc_server_new(f->rpc, &options, fixture_methods, GW_ARRAY_LEN(fixture_methods), f, &server) != GW_OK) skip();
  char target[32];
  snprintf(target, sizeof target, "[::1]:%u", gw_rpc_server_port(server));
  struct gw_rpc_channel_options channel_options = {.target = gw_str_from(target)};
  struct gw_rpc_channel *channel = gw_rpc_channel_new(f->rpc, &channel_options);
  struct gw_bytes *request = gw_bytes_new("x", 1), *reply = NULL;
  char *reason = NULL;
  assert_int_equal(gw_rpc_call(f->rpc, channel, "/test.Test/Echo", 10000, NULL, 0, request, &reply, &reason), GW_RPC_OK);
  gw_bytes_unref(request);
  gw_bytes_unref(reply);
  free(reason);
  gw_rpc_channel_free(channel);
  gw_rpc_server_stop(server, 0, fixture_on_stopped, f);
  WAIT_FOR(f->loop, f->is_stopped);
  gw_rpc_server_free(server);
}

static void test_code_names(void **state) {
  (void)state;
  assert_string_equal(gw_rpc_code_name(GW_RPC_UNAVAILABLE), "UNAVAILABLE");
  assert_string_equal(gw_rpc_code_name(GW_RPC_UNAUTHENTICATED), "UNAUTHENTICATED");
  assert_string_equal(gw_rpc_code_name(99), "UNKNOWN");
  assert_string_equal(gw_rpc_code_name(-1), "UNKNOWN");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FIXTURE_TEST(test_held_address_is_refused),
      FIXTURE_TEST(test_stop_with_open_streams_cancels_them_after_the_grace_time),
      FIXTURE_TEST(test_stop_without_streams_does_not_wait_for_the_grace_time),
      FIXTURE_TEST(test_waiting_call_reaches_a_server_that_came_back),
      FIXTURE_TEST(test_call_that_does_not_wait_is_unavailable_without_a_server),
      FIXTURE_TEST(test_free_of_the_channel_closes_its_streams),
      FIXTURE_TEST(test_free_of_the_runtime_tells_open_streams),
      FIXTURE_TEST(test_ipv6_listens_and_connects),
      cmocka_unit_test(test_code_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
