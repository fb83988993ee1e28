/* FindFailures, the method that answers later than the call. */
#include <gateway/admin/v1/admin.pb-c.h>

#include "controlplane/api/admin_reply.h"
#include "tests/unit/controlplane/api/failures_fixture.h"

#define METHOD "/gateway.admin.v1.Admin/FindFailures"

static void open_call(struct failures *f, struct services_stream *ret_call, const char *token) {
  char bearer[64];
  snprintf(bearer, sizeof(bearer), "Bearer %s", token);
  struct gw_rpc_metadata metadata = {.key = "authorization", .value = bearer};
  *ret_call = (struct services_stream){.reply = &gateway__admin__v1__find_failures_response__descriptor, .services = &f->services};
  ret_call->stream = gw_rpc_channel_open(f->services.channel, METHOD, 60000, true, &metadata, 1, &services_events, ret_call);
}

static void send_request(struct services_stream *call, const char *request_id) {
  Gateway__Admin__V1__FindFailuresRequest request = GATEWAY__ADMIN__V1__FIND_FAILURES_REQUEST__INIT;
  request.request_id = (char *)request_id;
  services_send(call, &request.base);
}

/* As a unary client does it. */
static void call(struct failures *f, struct services_stream *ret_call, const char *token, const char *request_id) {
  open_call(f, ret_call, token);
  send_request(ret_call, request_id);
  gw_rpc_stream_half_close(ret_call->stream);
}

static const Gateway__Admin__V1__FindFailuresResponse *answer_of(const struct services_stream *call) {
  assert_int_equal(call->code, GW_RPC_OK);
  assert_int_equal(call->count, 1);
  return (const void *)call->last;
}

static void test_answer_comes_once_the_data_plane_has_answered(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  struct services_stream asked;
  call(f, &asked, "secret", "id-1");
  WAIT_FOR(f->services.loop, agent->asked_count == 1);
  assert_string_equal(agent->request_id, "id-1");
  assert_false(asked.is_closed);
  agent_answer(agent, agent->query_id, 5);
  WAIT_FOR(f->services.loop, asked.is_closed);
  assert_int_equal(answer_of(&asked)->n_failures, 1);
  assert_string_equal(answer_of(&asked)->failures[0]->node_id, "n");
}

static void test_token_is_asked_for(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  struct services_stream asked;
  call(f, &asked, "wrong", "id");
  WAIT_FOR(f->services.loop, asked.is_closed);
  assert_int_equal(asked.code, GW_RPC_UNAUTHENTICATED);
  assert_int_equal(agent->asked_count, 0);
}

static void test_request_id_of_a_wrong_length_is_refused(void **state) {
  struct failures *f = *state;
  char id[GW_FAILURE_REQUEST_ID_MAX + 2];
  memset(id, 'x', sizeof(id));
  id[sizeof(id) - 1] = '\0';
  const char *const ids[] = {"", id};
  for (size_t i = 0; i < GW_ARRAY_LEN(ids); i++) {
    struct services_stream asked;
    call(f, &asked, "secret", ids[i]);
    WAIT_FOR(f->services.loop, asked.is_closed);
    assert_int_equal(asked.code, GW_RPC_INVALID_ARGUMENT);
  }
}

static void test_too_many_at_once_are_refused_until_some_are_over(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  static struct services_stream calls[GW_FAILURE_QUERIES_MAX];
  for (size_t i = 0; i < GW_FAILURE_QUERIES_MAX; i++)
    call(f, &calls[i], "secret", "id");
  WAIT_FOR(f->services.loop, agent->asked_count == GW_FAILURE_QUERIES_MAX);
  struct services_stream surplus;
  call(f, &surplus, "secret", "id");
  WAIT_FOR(f->services.loop, surplus.is_closed);
  assert_int_equal(surplus.code, GW_RPC_RESOURCE_EXHAUSTED);
  /* A client that leaves gives its place back: its query is cancelled. */
  gw_rpc_stream_cancel(calls[0].stream);
  WAIT_FOR(f->services.loop, calls[0].is_closed);
  bool is_asked = false;
  for (int i = 0; i < 1000 && !is_asked; i++) {
    call(f, &surplus, "secret", "again");
    WAIT_FOR(f->services.loop, surplus.is_closed || strcmp(agent->request_id, "again") == 0);
    is_asked = !surplus.is_closed;
  }
  assert_true(is_asked);
  for (uint64_t id = 1; id <= agent->query_id; id++)
    agent_answer(agent, id, 0);
  for (size_t i = 1; i < GW_FAILURE_QUERIES_MAX; i++) {
    WAIT_FOR(f->services.loop, calls[i].is_closed);
    answer_of(&calls[i]);
  }
  WAIT_FOR(f->services.loop, surplus.is_closed);
  answer_of(&surplus);
}

static void test_client_that_leaves_ends_its_query_and_nothing_else(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  struct services_stream gone, staying;
  call(f, &gone, "secret", "id");
  call(f, &staying, "secret", "id");
  WAIT_FOR(f->services.loop, agent->asked_count == 2);
  gw_rpc_stream_cancel(gone.stream);
  WAIT_FOR(f->services.loop, gone.is_closed);
  agent_answer(agent, agent->query_id - 1, 1);
  agent_answer(agent, agent->query_id, 1);
  WAIT_FOR(f->services.loop, staying.is_closed);
  assert_int_equal(answer_of(&staying)->n_failures, 1);
}

static void test_second_message_ends_the_call(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  struct services_stream asked;
  open_call(f, &asked, "secret");
  send_request(&asked, "one");
  WAIT_FOR(f->services.loop, agent->asked_count == 1);
  send_request(&asked, "two");
  WAIT_FOR(f->services.loop, asked.is_closed);
  assert_int_equal(asked.code, GW_RPC_INVALID_ARGUMENT);
  assert_int_equal(agent->asked_count, 1);
  agent_answer(agent, agent->query_id, 1); /* nobody waits for it any more */
}

static void test_call_without_a_message_is_refused(void **state) {
  struct failures *f = *state;
  struct services_stream asked;
  open_call(f, &asked, "secret");
  gw_rpc_stream_half_close(asked.stream);
  WAIT_FOR(f->services.loop, asked.is_closed);
  assert_int_equal(asked.code, GW_RPC_INVALID_ARGUMENT);
}

/* The end of the program: what is under way is given up, and all memory with it (the leak checker looks). */
static void test_end_of_the_server_ends_what_is_under_way(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_hello(f, 0, "n", "i");
  static struct services_stream asked;
  call(f, &asked, "secret", "id");
  WAIT_FOR(f->services.loop, agent->asked_count == 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, failures_setup, failures_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_answer_comes_once_the_data_plane_has_answered),
      T(test_token_is_asked_for),
      T(test_request_id_of_a_wrong_length_is_refused),
      T(test_too_many_at_once_are_refused_until_some_are_over),
      T(test_client_that_leaves_ends_its_query_and_nothing_else),
      T(test_second_message_ends_the_call),
      T(test_call_without_a_message_is_refused),
      T(test_end_of_the_server_ends_what_is_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
