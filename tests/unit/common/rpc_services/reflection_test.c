#include "common/rpc_services/reflection.h"

#include <google/protobuf/descriptor.pb-c.h>
#include <grpc/reflection/v1/reflection.pb-c.h>

#include "common/rpc_services/health.h"
#include "tests/unit/common/rpc_services/service_fixture.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

struct fixture {
  struct services services;
  struct gw_health_service *health;
  struct gw_reflection_service *reflection;
  struct services_stream stream;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  services_init(&f->services);
  f->health = gw_health_service_new();
  gw_health_service_add_to(f->health, &f->services.set);
  f->reflection = gw_reflection_service_new(&f->services.set);
  services_serve(&f->services);
  services_open(&f->services, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                &grpc__reflection__v1__server_reflection_response__descriptor, &f->stream);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  services_stop(&f->services);
  gw_reflection_service_free(f->reflection);
  gw_health_service_free(f->health);
  services_done(&f->services);
  free(f);
  return 0;
}

static const response_message *ask(struct fixture *f, const request_message *request) {
  uint32_t before = f->stream.count;
  services_send(&f->stream, &request->base);
  WAIT_FOR(f->services.loop, f->stream.count > before || f->stream.is_closed);
  assert_false(f->stream.is_closed);
  return (const void *)f->stream.last;
}

static const response_message *ask_symbol(struct fixture *f, const char *symbol) {
  request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
  request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
  request.file_containing_symbol = (char *)symbol;
  return ask(f, &request);
}

static const Google__Protobuf__FileDescriptorProto *file_at(struct fixture *f, const response_message *response, size_t i) {
  assert_int_equal(response->message_response_case,
                   GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
  assert_true(i < response->file_descriptor_response->n_file_descriptor_proto);
  ProtobufCBinaryData bytes = response->file_descriptor_response->file_descriptor_proto[i];
  ProtobufCMessage *file;
  assert_int_equal(gw_wire_unpack(&google__protobuf__file_descriptor_proto__descriptor, (struct gw_str){(char *)bytes.data, bytes.len},
                                  &f->services.arena, &file),
                   GW_OK);
  return (const void *)file;
}

static void test_list_names_each_service_once(void **state) {
  struct fixture *f = *state;
  request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
  request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
  request.list_services = (char *)"";
  const Grpc__Reflection__V1__ListServiceResponse *list = ask(f, &request)->list_services_response;
  assert_int_equal(list->n_service, 3);
  assert_string_equal(list->service[0]->name, "grpc.health.v1.Health");
  assert_string_equal(list->service[1]->name, "grpc.reflection.v1.ServerReflection");
  assert_string_equal(list->service[2]->name, "grpc.reflection.v1alpha.ServerReflection");
}

static void test_service_method_and_message_lead_to_their_file(void **state) {
  struct fixture *f = *state;
  static const char *const symbols[] = {"grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.health.v1.HealthCheckRequest",
                                        "grpc.health.v1.HealthCheckResponse.ServingStatus"};
  for (size_t i = 0; i < GW_ARRAY_LEN(symbols); i++) {
    assert_string_equal(file_at(f, ask_symbol(f, symbols[i]), 0)->name, "grpc/health/v1/health.proto");
  }
}

static void test_file_comes_with_all_that_it_imports(void **state) {
  struct fixture *f = *state;
  const response_message *response = ask_symbol(f, "envoy.service.discovery.v3.AggregatedDiscoveryService");
  assert_string_equal(file_at(f, response, 0)->name, "envoy/service/discovery/v3/ads.proto");
  bool has_any = false;
  for (size_t i = 0; i < response->file_descriptor_response->n_file_descriptor_proto; i++) {
    has_any |= strcmp(file_at(f, response, i)->name, "google/protobuf/any.proto") == 0;
  }
  assert_true(has_any);
}

static void test_unknown_symbol_is_not_found_and_the_stream_goes_on(void **state) {
  struct fixture *f = *state;
  const response_message *response = ask_symbol(f, "no.such.Symbol");
  assert_int_equal(response->message_response_case, GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
  assert_int_equal(response->error_response->error_code, GW_RPC_NOT_FOUND);
  file_at(f, ask_symbol(f, "grpc.health.v1.Health"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_list_names_each_service_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_service_method_and_message_lead_to_their_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_comes_with_all_that_it_imports, setup, teardown),
      cmocka_unit_test_setup_teardown(test_unknown_symbol_is_not_found_and_the_stream_goes_on, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
