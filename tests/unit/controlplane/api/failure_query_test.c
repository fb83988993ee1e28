#include "controlplane/api/failure_query.h"

#include "tests/unit/controlplane/api/failures_fixture.h"

/* What a query answered, kept. */
struct told {
  struct services *services;
  uint32_t count;
  const Gateway__Admin__V1__FindFailuresResponse *answer; /* in the services' arena */
  uint64_t at_us;
};

static void on_answer(void *arg, const Gateway__Admin__V1__FindFailuresResponse *answer) {
  struct told *told = arg;
  told->count++;
  told->at_us = gw_loop_now_us(told->services->loop);
  struct gw_bytes *bytes = gw_wire_pack(&answer->base);
  ProtobufCMessage *copy;
  assert_int_equal(gw_wire_unpack(&gateway__admin__v1__find_failures_response__descriptor, gw_bytes_str(bytes), &told->services->arena,
                                  &copy),
                   GW_OK);
  told->answer = (const void *)copy;
  gw_bytes_unref(bytes);
}

static struct gw_failure_query *start(struct failures *f, struct told *told) {
  *told = (struct told){.services = &f->services};
  struct gw_failure_query *query;
  assert_int_equal(gw_failure_query_start(f->queries, "the-id", on_answer, told, &query), GW_OK);
  return query;
}

/* Asks, and waits until the first `agent_count` agents have been asked. */
static void ask(struct failures *f, uint32_t agent_count, struct told *told) {
  uint32_t before[AGENTS_MAX];
  for (uint32_t i = 0; i < agent_count; i++)
    before[i] = f->agents[i].asked_count;
  start(f, told);
  for (uint32_t i = 0; i < agent_count; i++)
    WAIT_FOR(f->services.loop, f->agents[i].asked_count == before[i] + 1);
}

static void test_answers_of_all_nodes_come_in_the_order_of_time(void **state) {
  struct failures *f = *state;
  for (uint32_t i = 0; i < 3; i++)
    agent_hello(f, i, (const char *[]){"a", "b", "c"}[i], (const char *[]){"ia", "ib", "ic"}[i]);
  struct told told;
  ask(f, 3, &told);
  assert_string_equal(f->agents[0].request_id, "the-id");
  agent_answer(&f->agents[0], f->agents[0].query_id, 300);
  agent_answer(&f->agents[1], f->agents[1].query_id, 0);
  agent_answer(&f->agents[2], f->agents[2].query_id, 200);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->asked_nodes, 3);
  assert_int_equal(told.answer->n_silent_nodes, 0);
  assert_int_equal(told.answer->n_failures, 2);
  assert_string_equal(told.answer->failures[0]->node_id, "c");
  assert_string_equal(told.answer->failures[0]->node_cluster, "edge");
  assert_int_equal(told.answer->failures[0]->failure->at_ms, 200);
  assert_string_equal(told.answer->failures[1]->node_id, "a");
}

static void test_without_data_planes_the_answer_comes_at_once_but_later(void **state) {
  struct failures *f = *state;
  struct told told;
  start(f, &told);
  assert_int_equal(told.count, 0);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->asked_nodes, 0);
  assert_int_equal(told.answer->n_failures, 0);
}

static void test_session_without_hello_is_not_asked_and_may_not_answer(void **state) {
  struct failures *f = *state;
  struct agent *agent = agent_open(f, 0);
  struct told told;
  start(f, &told);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->asked_nodes, 0);
  agent_answer(agent, 1, 5);
  WAIT_FOR(f->services.loop, agent->stream == NULL);
  assert_int_equal(agent->code, GW_RPC_FAILED_PRECONDITION);
}

static void test_node_that_does_not_answer_is_silent_when_time_is_over(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  agent_hello(f, 1, "b", "ib");
  struct told told;
  uint64_t start_us = gw_loop_now_us(f->services.loop);
  ask(f, 2, &told);
  agent_answer(&f->agents[0], f->agents[0].query_id, 7);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_true(told.at_us - start_us >= (uint64_t)GW_FAILURE_QUERY_WAIT_MS * 1000);
  assert_int_equal(told.answer->n_failures, 1);
  assert_int_equal(told.answer->n_silent_nodes, 1);
  assert_string_equal(told.answer->silent_nodes[0], "b");
  /* Late: the query is over. The next one of the same session is answered as ever. */
  agent_answer(&f->agents[1], f->agents[1].query_id, 8);
  ask(f, 2, &told);
  agent_answer(&f->agents[0], f->agents[0].query_id, 0);
  agent_answer(&f->agents[1], f->agents[1].query_id, 0);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->n_failures, 0);
  assert_int_equal(told.answer->n_silent_nodes, 0);
}

static void test_wrong_ids_and_second_answers_are_ignored(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  agent_hello(f, 1, "b", "ib");
  struct told told;
  ask(f, 2, &told);
  uint64_t id = f->agents[0].query_id;
  agent_answer(&f->agents[0], id + 1, 1);
  agent_answer(&f->agents[0], 0, 2);
  agent_answer(&f->agents[0], UINT64_MAX, 3);
  agent_answer(&f->agents[0], id, 4);
  agent_answer(&f->agents[0], id, 5);
  agent_answer(&f->agents[1], id, 6);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->n_failures, 2);
  assert_int_equal(told.answer->failures[0]->failure->at_ms, 4);
  assert_int_equal(told.answer->failures[1]->failure->at_ms, 6);
  assert_non_null(f->agents[0].stream);
}

static void test_session_that_closes_is_silent_and_not_waited_for(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  struct told first, second;
  uint64_t start_us = gw_loop_now_us(f->services.loop);
  ask(f, 1, &first);
  ask(f, 1, &second);
  gw_rpc_stream_cancel(f->agents[0].stream);
  WAIT_FOR(f->services.loop, first.count == 1 && second.count == 1);
  assert_true(first.at_us - start_us < (uint64_t)GW_FAILURE_QUERY_WAIT_MS * 1000);
  assert_int_equal(first.answer->n_silent_nodes, 1);
  assert_string_equal(first.answer->silent_nodes[0], "a");
  assert_int_equal(second.answer->n_silent_nodes, 1);
}

static void test_node_with_silent_workers_is_silent_and_heard(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  struct told told;
  ask(f, 1, &told);
  Gateway__Agent__V1__Failure failure = GATEWAY__AGENT__V1__FAILURE__INIT;
  Gateway__Agent__V1__Failure *failures[] = {&failure};
  Gateway__Agent__V1__FoundFailures found = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  found.query_id = f->agents[0].query_id;
  found.failures = failures;
  found.n_failures = 1;
  found.silent_workers = 2;
  agent_say_found(&f->agents[0], &found);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->n_failures, 1);
  assert_int_equal(told.answer->n_silent_nodes, 1);
}

static void test_older_session_of_the_same_process_is_not_asked(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  agent_hello(f, 1, "a", "ia"); /* came again; the end of the first one is not seen yet */
  agent_hello(f, 2, "a", "other");
  struct told told;
  start(f, &told);
  WAIT_FOR(f->services.loop, f->agents[1].asked_count == 1 && f->agents[2].asked_count == 1);
  agent_answer(&f->agents[1], f->agents[1].query_id, 1);
  agent_answer(&f->agents[2], f->agents[2].query_id, 2);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->asked_nodes, 2);
  assert_int_equal(told.answer->n_silent_nodes, 0);
  assert_int_equal(f->agents[0].asked_count, 0);
  gw_rpc_stream_cancel(f->agents[0].stream);
  WAIT_FOR(f->services.loop, f->agents[0].stream == NULL);
}

static void test_request_id_has_1_to_256_bytes(void **state) {
  struct failures *f = *state;
  struct told told = {.services = &f->services};
  struct gw_failure_query *query;
  char id[GW_FAILURE_REQUEST_ID_MAX + 2];
  memset(id, 'x', sizeof(id));
  id[sizeof(id) - 1] = '\0';
  assert_int_equal(gw_failure_query_start(f->queries, "", on_answer, &told, &query), GW_ERR_INVALID);
  assert_int_equal(gw_failure_query_start(f->queries, id, on_answer, &told, &query), GW_ERR_INVALID);
  id[GW_FAILURE_REQUEST_ID_MAX] = '\0';
  assert_int_equal(gw_failure_query_start(f->queries, id, on_answer, &told, &query), GW_OK);
  WAIT_FOR(f->services.loop, told.count == 1);
}

static void test_queries_at_once_are_bounded_and_cancelled_ones_do_not_count(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  struct told told[GW_FAILURE_QUERIES_MAX + 1];
  struct gw_failure_query *queries[GW_FAILURE_QUERIES_MAX], *surplus;
  for (size_t i = 0; i < GW_FAILURE_QUERIES_MAX; i++)
    queries[i] = start(f, &told[i]);
  assert_int_equal(gw_failure_query_start(f->queries, "x", on_answer, told, &surplus), GW_ERR_LIMIT);
  WAIT_FOR(f->services.loop, f->agents[0].asked_count == GW_FAILURE_QUERIES_MAX);
  for (size_t i = 0; i < GW_FAILURE_QUERIES_MAX; i++)
    gw_failure_query_cancel(queries[i]);
  struct told *last = &told[GW_FAILURE_QUERIES_MAX];
  ask(f, 1, last);
  uint64_t id = f->agents[0].query_id;
  for (uint64_t i = 1; i < id; i++)
    agent_answer(&f->agents[0], i, 1); /* of those that were cancelled */
  agent_answer(&f->agents[0], id, 2);
  WAIT_FOR(f->services.loop, last->count == 1);
  assert_int_equal(last->answer->n_failures, 1);
  for (size_t i = 0; i < GW_FAILURE_QUERIES_MAX; i++)
    assert_int_equal(told[i].count, 0);
}

/* ---- what is kept ---- */

static char *repeat(const char *text, size_t count) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  while (count-- > 0)
    gw_strbuf_append_str(&buf, gw_str_from(text));
  return gw_strbuf_take(&buf);
}

static void test_long_texts_are_cut_between_characters_and_tries_between_first_and_last(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  struct told told;
  ask(f, 1, &told);
  char *path = repeat("é", 600), *detail = repeat("d", 2000);
  Gateway__Agent__V1__Attempt attempts[40];
  Gateway__Agent__V1__Attempt *attempt_list[40];
  for (uint32_t i = 0; i < 40; i++) {
    gateway__agent__v1__attempt__init(&attempts[i]);
    attempts[i].number = i + 1;
    attempts[i].detail = detail;
    attempt_list[i] = &attempts[i];
  }
  Gateway__Agent__V1__Failure failure = GATEWAY__AGENT__V1__FAILURE__INIT;
  Gateway__Agent__V1__Failure *failures[] = {&failure};
  failure.path = path;
  failure.attempts = attempt_list;
  failure.n_attempts = 40;
  failure.attempt_count = 40;
  Gateway__Agent__V1__FoundFailures found = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  found.query_id = f->agents[0].query_id;
  found.failures = failures;
  found.n_failures = 1;
  agent_say_found(&f->agents[0], &found);
  WAIT_FOR(f->services.loop, told.count == 1);
  const Gateway__Agent__V1__Failure *kept = told.answer->failures[0]->failure;
  assert_int_equal(strlen(kept->path), GW_FAILURE_TEXT_MAX - 1); /* 510 characters of two bytes, and one of three */
  assert_true(gw_str_has_suffix(gw_str_from(kept->path), GW_STR("é…")));
  assert_int_equal(kept->attempt_count, 40);
  assert_int_equal(kept->n_attempts, GW_FAILURE_ATTEMPTS_MAX);
  assert_int_equal(kept->attempts[GW_FAILURE_ATTEMPTS_MAX - 2]->number, GW_FAILURE_ATTEMPTS_MAX - 1);
  assert_int_equal(kept->attempts[GW_FAILURE_ATTEMPTS_MAX - 1]->number, 40);
  assert_int_equal(strlen(kept->attempts[0]->detail), GW_FAILURE_TEXT_MAX);
  free(path);
  free(detail);
}

/* So many failures, of times 1, 2, …, with a path of so many bytes. */
static void answer_many(struct agent *agent, uint32_t count, size_t path_len) {
  Gateway__Agent__V1__Failure *items = gw_calloc(count, sizeof(*items)), **list = gw_calloc(count, sizeof(*list));
  char *path = repeat("p", path_len);
  for (uint32_t i = 0; i < count; i++) {
    gateway__agent__v1__failure__init(&items[i]);
    items[i].at_ms = i + 1;
    items[i].path = path;
    list[i] = &items[i];
  }
  Gateway__Agent__V1__FoundFailures found = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  found.query_id = agent->query_id;
  found.failures = list;
  found.n_failures = count;
  agent_say_found(agent, &found);
  free(path);
  free(list);
  free(items);
}

static void test_of_many_failures_of_a_node_the_newest_are_kept_and_the_rest_counted(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  agent_hello(f, 1, "b", "ib");
  struct told told;
  ask(f, 2, &told);
  answer_many(&f->agents[0], GW_FAILURES_PER_NODE_MAX + 8, 1);
  answer_many(&f->agents[1], 1, 1);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->n_failures, GW_FAILURES_PER_NODE_MAX + 1);
  assert_int_equal(told.answer->left_out_failures, 8);
  assert_string_equal(told.answer->failures[0]->node_id, "b");
  assert_int_equal(told.answer->failures[1]->failure->at_ms, 9);
}

/* Sixteen tries of three long texts each, and ten of its own: some 58 KiB of one failure, 17 of which are kept. Two nodes send them,
 * because a message has a bound, too. */
static void test_bytes_of_an_answer_are_bounded(void **state) {
  struct failures *f = *state;
  agent_hello(f, 0, "a", "ia");
  agent_hello(f, 1, "b", "ib");
  struct told told;
  ask(f, 2, &told);
  char *text = repeat("x", GW_FAILURE_TEXT_MAX);
  Gateway__Agent__V1__Attempt attempt = GATEWAY__AGENT__V1__ATTEMPT__INIT;
  attempt.endpoint = attempt.flags = attempt.detail = text;
  Gateway__Agent__V1__Attempt *attempts[GW_FAILURE_ATTEMPTS_MAX];
  for (size_t i = 0; i < GW_FAILURE_ATTEMPTS_MAX; i++)
    attempts[i] = &attempt;
  Gateway__Agent__V1__Failure failure = GATEWAY__AGENT__V1__FAILURE__INIT;
  failure.request_id = failure.method = failure.authority = failure.path = failure.client = text;
  failure.route = failure.service = failure.flags = failure.detail = failure.snapshot_version = text;
  failure.attempts = attempts;
  failure.n_attempts = GW_FAILURE_ATTEMPTS_MAX;
  Gateway__Agent__V1__Failure *failures[10];
  for (size_t i = 0; i < GW_ARRAY_LEN(failures); i++)
    failures[i] = &failure;
  Gateway__Agent__V1__FoundFailures found = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  found.query_id = f->agents[0].query_id;
  found.failures = failures;
  found.n_failures = GW_ARRAY_LEN(failures);
  size_t all = 2 * GW_ARRAY_LEN(failures), fitting = GW_FAILURES_BYTES_MAX / protobuf_c_message_get_packed_size(&failure.base);
  assert_true(fitting < all);
  agent_say_found(&f->agents[0], &found);
  agent_say_found(&f->agents[1], &found);
  free(text);
  WAIT_FOR(f->services.loop, told.count == 1);
  assert_int_equal(told.answer->n_failures, fitting);
  assert_int_equal(told.answer->left_out_failures, all - fitting);
}

#define T(test) cmocka_unit_test_setup_teardown(test, failures_setup, failures_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_answers_of_all_nodes_come_in_the_order_of_time),
      T(test_without_data_planes_the_answer_comes_at_once_but_later),
      T(test_session_without_hello_is_not_asked_and_may_not_answer),
      T(test_node_that_does_not_answer_is_silent_when_time_is_over),
      T(test_wrong_ids_and_second_answers_are_ignored),
      T(test_session_that_closes_is_silent_and_not_waited_for),
      T(test_node_with_silent_workers_is_silent_and_heard),
      T(test_older_session_of_the_same_process_is_not_asked),
      T(test_request_id_has_1_to_256_bytes),
      T(test_queries_at_once_are_bounded_and_cancelled_ones_do_not_count),
      T(test_long_texts_are_cut_between_characters_and_tries_between_first_and_last),
      T(test_of_many_failures_of_a_node_the_newest_are_kept_and_the_rest_counted),
      T(test_bytes_of_an_answer_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
