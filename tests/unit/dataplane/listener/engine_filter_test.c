/* The hooks of a filter, with one that waits, looks at bodies and changes answers. */
#include "dataplane/filters/router.h"
#include "dataplane/pipeline/local_reply.h"
#include "dataplane/pipeline/stream.h"
#include "tests/unit/dataplane/engine_fixture.h"

static struct {
  struct gw_stream *waiting;
  char body[256];
  uint32_t last_pieces;
  uint32_t answer_bytes;
  uint32_t ends;
} probe;

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)settings;
  assert_int_equal(*(uint64_t *)state, 0);
  *(uint64_t *)state = 42;
  if (!gw_str_has_prefix(stream->request.path, GW_STR("/wait"))) return GW_VERDICT_NEXT;
  probe.waiting = stream;
  return GW_VERDICT_WAIT;
}

static enum gw_verdict on_request_body(struct gw_stream *stream, void *state, const void *settings, struct gw_str data, bool is_last) {
  (void)settings;
  assert_int_equal(*(uint64_t *)state, 42);
  strncat(probe.body, data.data != NULL ? data.data : "", data.len);
  probe.last_pieces += is_last ? 1 : 0;
  if (strstr(probe.body, "virus") == NULL) return GW_VERDICT_NEXT;
  gw_local_reply_failure(stream, 403, 0, GW_STR("no"));
  return GW_VERDICT_REPLIED;
}

static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-probe"), GW_STR("was here"));
}

static void on_response_body(struct gw_stream *stream, void *state, const void *settings, struct gw_str data) {
  (void)stream, (void)state, (void)settings;
  probe.answer_bytes += (uint32_t)data.len;
}

static void on_end(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  if (probe.waiting == stream) probe.waiting = NULL;
  probe.ends++;
}

static const struct gw_filter probe_filter = {
    .name = "probe",
    .kind = GW_FILTER_NODE_ENDPOINTS,
    .state_size = sizeof(uint64_t),
    .on_request = on_request,
    .on_request_body = on_request_body,
    .on_response = on_response,
    .on_response_body = on_response_body,
    .on_end = on_end,
};
static const struct gw_filter *const filters[] = {&probe_filter, &gw_filter_router, NULL};

static const struct fixture_route routes[] = {{.prefix = "/", .cluster = "backend"}};
static struct fixture fixture;

static int start(void **state) {
  *state = &fixture;
  memset(&probe, 0, sizeof(probe));
  fixture_start(&fixture);
  fixture.filters = filters;
  fixture_serve(&fixture, routes, 1, NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

struct resumer {
  struct gw_task task;
  enum gw_verdict verdict;
};

static void on_resume(void *arg) {
  const struct resumer *resumer = arg;
  if (resumer->verdict == GW_VERDICT_REPLIED) gw_local_reply_failure(probe.waiting, 401, 0, GW_STR("who are you"));
  gw_stream_resume(probe.waiting, resumer->verdict);
}

/* As a mailbox would: from a callback of the loop. */
static void resume(struct resumer *resumer, enum gw_verdict verdict) {
  resumer->verdict = verdict;
  gw_task_init(&resumer->task, on_resume, resumer);
  gw_loop_at_turn_end(fixture.loop, &resumer->task);
}

static void test_hooks_see_the_whole_exchange(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  gw_loop_run_once(fixture.loop, 20);
  client_send(client, "def");
  client_wait(client, "\r\n\r\nabcdef");
  FIXTURE_HAS(client->in.data, "x-probe: was here\r\n");
  assert_string_equal(probe.body, "abcdef");
  assert_int_equal(probe.last_pieces, 1);
  assert_int_equal(probe.answer_bytes, 6);
  assert_int_equal(probe.ends, 1);
  client_free(client);
}

static void test_body_waits_with_its_filter_and_then_goes_on(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  struct resumer resumer;
  client_send(client, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdefGET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, probe.waiting != NULL);
  gw_loop_run_once(fixture.loop, 20);
  assert_string_equal(probe.body, "");
  assert_int_equal(fixture.backend.requests, 0);
  resume(&resumer, GW_VERDICT_NEXT);
  FIXTURE_UNTIL(&fixture, client_count(client, "hello") == 2);
  assert_string_equal(probe.body, "abcdef");
  assert_int_equal(fixture.backend.body_bytes, 6);
  client_free(client);
}

static void test_filter_that_waited_may_answer(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  struct resumer resumer;
  client_send(client, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, probe.waiting != NULL);
  resume(&resumer, GW_VERDICT_REPLIED);
  client_wait(client, "401 Unauthorized");
  assert_int_equal(fixture.backend.requests, 0);
  client_free(client);
}

static void test_client_that_leaves_while_a_filter_waits_ends_the_stream(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, probe.waiting != NULL);
  client_free(client);
  FIXTURE_UNTIL(&fixture, probe.ends == 1);
  assert_null(probe.waiting);
}

static void test_filter_may_answer_in_the_middle_of_a_body(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nclean, then ");
  gw_loop_run_once(fixture.loop, 20);
  client_send(client, "virus...");
  client_wait(client, "403 Forbidden");
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
  client_clear(client);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  client_free(client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_hooks_see_the_whole_exchange, start, stop),
      cmocka_unit_test_setup_teardown(test_body_waits_with_its_filter_and_then_goes_on, start, stop),
      cmocka_unit_test_setup_teardown(test_filter_that_waited_may_answer, start, stop),
      cmocka_unit_test_setup_teardown(test_client_that_leaves_while_a_filter_waits_ends_the_stream, start, stop),
      cmocka_unit_test_setup_teardown(test_filter_may_answer_in_the_middle_of_a_body, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
