#include "controlplane/api/agent_service.h"

#include <gateway/agent/v1/agent.pb-c.h>

#include "tests/unit/common/rpc_services/service_fixture.h"

struct fixture {
  struct services services;
  struct gw_node_table *nodes;
  struct gw_agent_service *agents;
  struct services_stream first;
  struct services_stream second;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  services_init(&f->services);
  f->nodes = gw_node_table_new();
  f->agents = gw_agent_service_new(f->services.loop, f->nodes, NULL, NULL);
  gw_agent_service_add_to(f->agents, &f->services.set);
  services_serve(&f->services);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  services_stop(&f->services);
  assert_int_equal(f->nodes->count, 0); /* streams hold the nodes, and all are closed */
  gw_agent_service_free(f->agents);
  gw_node_table_free(f->nodes);
  services_done(&f->services);
  free(f);
  return 0;
}

static void open_session(struct fixture *f, struct services_stream *stream) {
  services_open(&f->services, "/gateway.agent.v1.Agent/Session", &gateway__agent__v1__control_message__descriptor, stream);
}

static void say_hello(struct services_stream *stream, const char *node_id, const char *instance_id) {
  Gateway__Agent__V1__Hello hello = GATEWAY__AGENT__V1__HELLO__INIT;
  hello.node_id = (char *)node_id;
  hello.node_cluster = (char *)"edge";
  hello.version = (char *)"1.2.3";
  hello.instance_id = (char *)instance_id;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_HELLO;
  message.hello = &hello;
  services_send(stream, &message.base);
}

static void report(struct services_stream *stream, const char *version, uint64_t requests) {
  Gateway__Agent__V1__Refusal refusal = GATEWAY__AGENT__V1__REFUSAL__INIT;
  refusal.type_url = (char *)"type";
  refusal.resource = (char *)"name";
  refusal.reason = (char *)"why";
  Gateway__Agent__V1__Refusal *refusals[] = {&refusal};
  Gateway__Agent__V1__Report sent = GATEWAY__AGENT__V1__REPORT__INIT;
  sent.snapshot_version = (char *)version;
  sent.snapshot_age_ms = UINT64_MAX; /* a clock of its own is no reason to trust it */
  sent.snapshot_source = (char *)"xds";
  sent.ready = 1;
  sent.requests_total = requests;
  sent.n_refusals = 1;
  sent.refusals = refusals;
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_REPORT;
  message.report = &sent;
  services_send(stream, &message.base);
}

static uint32_t told_size(const struct services_stream *stream) {
  return ((const Gateway__Agent__V1__ControlMessage *)(const void *)stream->last)->fleet->size;
}

static struct gw_node *only_node(struct fixture *f) {
  assert_int_equal(f->nodes->count, 1);
  return GW_LIST_ITEM(f->nodes->nodes.next, struct gw_node, link);
}

static void test_hello_makes_a_node_and_is_told_the_fleet(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "n1", "i1");
  WAIT_FOR(f->services.loop, f->first.count == 1);
  assert_int_equal(told_size(&f->first), 1);
  const struct gw_node *node = only_node(f);
  assert_string_equal(node->id, "n1");
  assert_string_equal(node->cluster, "edge");
  assert_string_equal(node->version, "1.2.3");
  assert_false(node->has_report);
}

static void test_fleet_is_told_again_when_it_changes(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "n1", "i1");
  WAIT_FOR(f->services.loop, f->first.count == 1);
  open_session(f, &f->second);
  say_hello(&f->second, "n2", "i2");
  WAIT_FOR(f->services.loop, f->first.count == 2 && f->second.count == 1);
  assert_int_equal(told_size(&f->first), 2);
  gw_rpc_stream_cancel(f->second.stream);
  WAIT_FOR(f->services.loop, f->first.count == 3);
  assert_int_equal(told_size(&f->first), 1);
}

static void test_fleet_counts_nodes_without_an_agent(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "n1", "i1");
  WAIT_FOR(f->services.loop, f->first.count == 1);
  struct gw_node *foreign = gw_node_table_get(f->nodes, GW_STR("envoy"), GW_STR(""), GW_STR(""), 1);
  foreign->xds_streams++;
  WAIT_FOR(f->services.loop, f->first.count == 2);
  assert_int_equal(told_size(&f->first), 2);
  foreign->xds_streams--;
  gw_node_table_release(f->nodes, foreign);
}

static void test_report_is_kept_with_the_node(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "n1", "i1");
  report(&f->first, "0123456789abcdef and more than fits", 42);
  WAIT_FOR(f->services.loop, f->nodes->count == 1 && only_node(f)->has_report);
  const struct gw_node *node = only_node(f);
  assert_string_equal(node->snapshot_version, "0123456789abcdef");
  assert_string_equal(node->snapshot_source, "xds");
  assert_true(node->is_ready);
  assert_int_equal(node->requests_total, 42);
  assert_string_equal(node->refusals, "type name: why");
}

static void test_report_before_hello_ends_the_session(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  report(&f->first, "", 0);
  WAIT_FOR(f->services.loop, f->first.is_closed);
  assert_int_equal(f->first.code, GW_RPC_FAILED_PRECONDITION);
}

static void test_hello_without_a_node_id_is_refused(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "", "i1");
  WAIT_FOR(f->services.loop, f->first.is_closed);
  assert_int_equal(f->first.code, GW_RPC_INVALID_ARGUMENT);
}

static void test_two_with_one_id_are_two_nodes(void **state) {
  struct fixture *f = *state;
  open_session(f, &f->first);
  say_hello(&f->first, "n1", "i1");
  WAIT_FOR(f->services.loop, f->first.count == 1);
  open_session(f, &f->second);
  say_hello(&f->second, "n1", "i2");
  WAIT_FOR(f->services.loop, f->second.count == 1);
  assert_int_equal(f->nodes->count, 2);
  struct gw_node *first = gw_node_table_get(f->nodes, GW_STR("n1"), GW_STR("edge"), GW_STR("i1"), 0);
  const struct gw_node *second = gw_node_table_find_namesake(f->nodes, first);
  assert_non_null(second);
  assert_string_equal(second->instance_id, "i2");
  report(&f->second, "", 2);
  WAIT_FOR(f->services.loop, second->requests_total == 2);
  assert_int_equal(first->requests_total, 0);
  gw_rpc_stream_cancel(f->second.stream);
  WAIT_FOR(f->services.loop, f->nodes->count == 1);
  assert_null(gw_node_table_find_namesake(f->nodes, first));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_hello_makes_a_node_and_is_told_the_fleet),
      T(test_fleet_is_told_again_when_it_changes),
      T(test_fleet_counts_nodes_without_an_agent),
      T(test_report_is_kept_with_the_node),
      T(test_report_before_hello_ends_the_session),
      T(test_hello_without_a_node_id_is_refused),
      T(test_two_with_one_id_are_two_nodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
