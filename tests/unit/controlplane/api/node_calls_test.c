#include "controlplane/api/node_calls.h"

#include "tests/unit/controlplane/api/failures_fixture.h"

/* What a call answered, kept. */
struct told {
  uint32_t count;
  int code;
  char text[100];
};

static void on_answer(void *arg, int code, const char *message, struct gw_str response) {
  struct told *told = arg;
  told->count++;
  told->code = code;
  if (code == GW_RPC_OK)
    snprintf(told->text, sizeof(told->text), "%.*s", GW_STR_ARG(response));
  else
    snprintf(told->text, sizeof(told->text), "%s", message);
}

static struct gw_node_calls *calls_of(const struct failures *f) {
  return gw_agent_service_node_calls(f->service);
}

/* Calls the node, and waits until the agent has it. */
static struct gw_node_call *call(struct failures *f, struct agent *agent, const char *node_id, struct told *told) {
  struct gw_node_call *made;
  uint32_t before = agent->called_count;
  *told = (struct told){.count = 0};
  assert_int_equal(gw_node_call_start(calls_of(f), gw_str_from(node_id), "GetLimits", GW_STR(""), on_answer, told, &made), GW_OK);
  WAIT_FOR(f->services.loop, agent->called_count == before + 1);
  assert_string_equal(agent->method, "GetLimits");
  return made;
}

static void test_answers_reach_who_asked(void **state) {
  struct failures *f = *state;
  struct agent *a = agent_hello(f, 0, "a", "ia"), *b = agent_hello(f, 1, "b", "ib");
  struct told first, second;
  call(f, a, "a", &first);
  uint64_t first_id = a->call_id;
  call(f, a, "a", &second);
  agent_answer_call(b, a->call_id, 0, "not asked");
  agent_answer_call(a, a->call_id, 0, "two");
  agent_answer_call(a, first_id, GW_RPC_INVALID_ARGUMENT, "no such thing");
  agent_answer_call(a, first_id, 0, "late");
  WAIT_FOR(f->services.loop, first.count == 1 && second.count == 1);
  assert_int_equal(first.code, GW_RPC_INVALID_ARGUMENT);
  assert_string_equal(first.text, "no such thing");
  assert_int_equal(second.code, GW_RPC_OK);
  assert_string_equal(second.text, "two");
}

static void test_statuses_that_are_none_are_unknown(void **state) {
  struct failures *f = *state;
  struct agent *a = agent_hello(f, 0, "a", "ia");
  struct told told;
  call(f, a, "a", &told);
  agent_answer_call(a, a->call_id, 4711, "strange");
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.code, GW_RPC_UNKNOWN);
}

static void test_nodes_without_a_session_are_not_there(void **state) {
  struct failures *f = *state;
  struct told told;
  struct gw_node_call *made;
  agent_open(f, 0);
  assert_int_equal(gw_node_call_start(calls_of(f), GW_STR("a"), "Drain", GW_STR(""), on_answer, &told, &made), GW_ERR_NOT_FOUND);
}

static void test_calls_end_when_the_node_leaves(void **state) {
  struct failures *f = *state;
  struct agent *a = agent_hello(f, 0, "a", "ia");
  struct told told;
  call(f, a, "a", &told);
  gw_rpc_stream_cancel(a->stream);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.code, GW_RPC_UNAVAILABLE);
  assert_string_equal(told.text, "the data plane has left");
}

static void test_silence_ends_a_call_in_time(void **state) {
  struct failures *f = *state;
  struct agent *a = agent_hello(f, 0, "a", "ia");
  struct told told = {.count = 0};
  struct gw_node_call *made;
  struct gw_node_session *session = gw_node_calls_next(calls_of(f), NULL);
  assert_int_equal(gw_node_session_call(session, "GetLimits", GW_STR(""), 50, on_answer, &told, &made), GW_OK);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.code, GW_RPC_DEADLINE_EXCEEDED);
  agent_answer_call(a, a->call_id, 0, "late");
}

static void test_cancelled_calls_are_told_nothing(void **state) {
  struct failures *f = *state;
  struct agent *a = agent_hello(f, 0, "a", "ia");
  struct told told, next;
  gw_node_call_cancel(call(f, a, "a", &told));
  agent_answer_call(a, a->call_id, 0, "nobody wants it");
  call(f, a, "a", &next);
  agent_answer_call(a, a->call_id, 0, "wanted");
  WAIT_FOR(f->services.loop, next.count == 1);
  assert_int_equal(told.count, 0);
}

static uint32_t count_sessions(const struct failures *f) {
  uint32_t count = 0;
  for (struct gw_node_session *at = gw_node_calls_next(calls_of(f), NULL); at != NULL; at = gw_node_calls_next(calls_of(f), at))
    count++;
  return count;
}

/* One that has come back before its connection of before was found to be dead, or two, which then count both. */
static void check_two_sessions(struct failures *f, const char *instance, const char *other, uint32_t count) {
  struct agent *old = agent_hello(f, 0, "a", instance), *new = agent_hello(f, 1, "a", other);
  struct told told;
  call(f, new, "a", &told);
  assert_int_equal(old->called_count, 0);
  assert_int_equal(count_sessions(f), count);
  gw_rpc_stream_cancel(new->stream);
  WAIT_FOR(f->services.loop, told.count == 1);
  call(f, old, "a", &told);
  agent_answer_call(old, old->call_id, 0, "still here");
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(count_sessions(f), 1);
}

static void test_of_two_sessions_of_a_node_the_newest_is_called_and_the_other_takes_over(void **state) {
  check_two_sessions(*state, "same", "same", 1);
}

static void test_of_two_nodes_with_one_id_the_newest_is_called_and_the_other_takes_over(void **state) {
  check_two_sessions(*state, "first", "second", 2);
}

static void test_calls_are_bounded(void **state) {
  struct failures *f = *state;
  struct told told[GW_NODE_CALLS_MAX], one;
  struct gw_node_call *made;
  agent_hello(f, 0, "a", "ia");
  for (uint32_t i = 0; i < GW_NODE_CALLS_MAX; i++) {
    told[i] = (struct told){.count = 0};
    assert_int_equal(gw_node_call_start(calls_of(f), GW_STR("a"), "GetLimits", GW_STR(""), on_answer, &told[i], &made), GW_OK);
  }
  assert_int_equal(gw_node_call_start(calls_of(f), GW_STR("a"), "GetLimits", GW_STR(""), on_answer, &one, &made), GW_ERR_LIMIT);
  gw_rpc_stream_cancel(f->agents[0].stream);
  WAIT_FOR(f->services.loop, told[GW_NODE_CALLS_MAX - 1].count == 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, failures_setup, failures_teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_answers_reach_who_asked),
      TEST(test_statuses_that_are_none_are_unknown),
      TEST(test_nodes_without_a_session_are_not_there),
      TEST(test_calls_end_when_the_node_leaves),
      TEST(test_silence_ends_a_call_in_time),
      TEST(test_cancelled_calls_are_told_nothing),
      TEST(test_of_two_sessions_of_a_node_the_newest_is_called_and_the_other_takes_over),
      TEST(test_of_two_nodes_with_one_id_the_newest_is_called_and_the_other_takes_over),
      TEST(test_calls_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
