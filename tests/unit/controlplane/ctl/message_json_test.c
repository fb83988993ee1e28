#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <gateway/admin/v1/admin.pb-c.h>
#include <gateway/agent/v1/agent.pb-c.h>

#include "controlplane/ctl/message_json.h"

static void assert_json(const ProtobufCMessage *message, const char *expected) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, &text);
  gw_message_json_write(&writer, message);
  assert_string_equal(text.data, expected);
  gw_strbuf_done(&text);
}

static void test_empty_fields_are_written_too(void **state) {
  (void)state;
  Gateway__Admin__V1__Service service = GATEWAY__ADMIN__V1__SERVICE__INIT;
  assert_json(&service.base,
              "{\"name\":\"\",\"discovery\":\"\",\"lb_policy\":\"\",\"endpoint_count\":0,\"connect_timeout_ms\":0,\"source\":\"\","
              "\"state\":\"STATE_UNSPECIFIED\",\"state_age_ms\":0,\"known_age_ms\":0,\"said_count\":0,\"problem\":\"\"}");
}

static void test_repeated_fields_are_arrays(void **state) {
  (void)state;
  Gateway__Admin__V1__Endpoint first = GATEWAY__ADMIN__V1__ENDPOINT__INIT;
  first.service = (char *)"a";
  first.address = (char *)"10.0.0.1";
  first.port = 80;
  first.weight = 2;
  first.healthy = 1;
  Gateway__Admin__V1__Endpoint *items[] = {&first};
  Gateway__Admin__V1__ListEndpointsResponse list = GATEWAY__ADMIN__V1__LIST_ENDPOINTS_RESPONSE__INIT;
  list.n_endpoints = 1;
  list.endpoints = items;
  assert_json(&list.base, "{\"endpoints\":[{\"service\":\"a\",\"address\":\"10.0.0.1\",\"port\":80,\"weight\":2,\"healthy\":true}]}");
}

static void test_repeated_text_and_enum_names(void **state) {
  (void)state;
  char *errors[] = {(char *)"one", (char *)"two \"quoted\""};
  Gateway__Admin__V1__NodeStatus node = GATEWAY__ADMIN__V1__NODE_STATUS__INIT;
  node.state = GATEWAY__ADMIN__V1__NODE_STATUS__STATE__REFUSED;
  Gateway__Admin__V1__NodeStatus *nodes[] = {&node};
  Gateway__Admin__V1__GetStatusResponse status = GATEWAY__ADMIN__V1__GET_STATUS_RESPONSE__INIT;
  status.n_errors = 2;
  status.errors = errors;
  status.n_nodes = 1;
  status.nodes = nodes;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, &text);
  gw_message_json_write(&writer, &status.base);
  assert_non_null(strstr(text.data, "\"errors\":[\"one\",\"two \\\"quoted\\\"\"]"));
  assert_non_null(strstr(text.data, "\"state\":\"REFUSED\""));
  gw_strbuf_done(&text);
}

static void test_choices_that_are_not_taken_are_left_out(void **state) {
  (void)state;
  Gateway__Agent__V1__Fleet fleet = GATEWAY__AGENT__V1__FLEET__INIT;
  fleet.size = 3;
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  assert_json(&message.base, "{}");
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FLEET;
  message.fleet = &fleet;
  assert_json(&message.base, "{\"fleet\":{\"size\":3}}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty_fields_are_written_too),
      cmocka_unit_test(test_repeated_fields_are_arrays),
      cmocka_unit_test(test_repeated_text_and_enum_names),
      cmocka_unit_test(test_choices_that_are_not_taken_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
