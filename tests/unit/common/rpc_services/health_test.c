#include "common/rpc_services/health.h"

#include <grpc/health/v1/health.pb-c.h>

#include "tests/unit/common/rpc_services/service_fixture.h"

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct fixture {
  struct services services;
  struct gw_health_service *health;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  services_init(&f->services);
  f->health = gw_health_service_new();
  gw_health_service_add_to(f->health, &f->services.set);
  services_serve(&f->services);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  services_stop(&f->services);
  gw_health_service_free(f->health);
  services_done(&f->services);
  free(f);
  return 0;
}

static int check(struct fixture *f, const char *service, int *ret_status) {
  Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  request.service = (char *)service;
  ProtobufCMessage *reply;
  int code = services_call(&f->services, "/grpc.health.v1.Health/Check", NULL, &request.base,
                           &grpc__health__v1__health_check_response__descriptor, &reply);
  if (code == GW_RPC_OK) *ret_status = (int)((Grpc__Health__V1__HealthCheckResponse *)(void *)reply)->status;
  return code;
}

static void open_watch(struct fixture *f, const char *service, struct services_stream *stream) {
  Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  request.service = (char *)service;
  services_open(&f->services, "/grpc.health.v1.Health/Watch", &grpc__health__v1__health_check_response__descriptor, stream);
  services_send(stream, &request.base);
  gw_rpc_stream_half_close(stream->stream);
}

static int last_status(const struct services_stream *stream) {
  return (int)((const Grpc__Health__V1__HealthCheckResponse *)(const void *)stream->last)->status;
}

static void test_check_says_not_serving_until_set(void **state) {
  struct fixture *f = *state;
  int status = 0;
  assert_int_equal(check(f, "", &status), GW_RPC_OK);
  assert_int_equal(status, NOT_SERVING);
  gw_health_service_set(f->health, GW_STR(""), true);
  assert_int_equal(check(f, "", &status), GW_RPC_OK);
  assert_int_equal(status, SERVING);
}

static void test_check_of_unknown_service_is_not_found(void **state) {
  struct fixture *f = *state;
  int status = 0;
  assert_int_equal(check(f, "no.such.Service", &status), GW_RPC_NOT_FOUND);
}

static void test_watch_tells_now_and_after_each_change(void **state) {
  struct fixture *f = *state;
  struct services_stream watch;
  open_watch(f, "a.Service", &watch);
  WAIT_FOR(f->services.loop, watch.count == 1);
  assert_int_equal(last_status(&watch), SERVICE_UNKNOWN);
  gw_health_service_set(f->health, GW_STR("a.Service"), true);
  WAIT_FOR(f->services.loop, watch.count == 2);
  assert_int_equal(last_status(&watch), SERVING);
  gw_health_service_set(f->health, GW_STR("a.Service"), true);
  gw_health_service_set(f->health, GW_STR("a.Service"), false);
  WAIT_FOR(f->services.loop, watch.count == 3);
  assert_int_equal(last_status(&watch), NOT_SERVING);
  gw_rpc_stream_cancel(watch.stream);
  WAIT_FOR(f->services.loop, watch.is_closed);
}

static void test_garbage_is_an_invalid_argument(void **state) {
  struct fixture *f = *state;
  struct services_stream watch;
  services_open(&f->services, "/grpc.health.v1.Health/Watch", &grpc__health__v1__health_check_response__descriptor, &watch);
  struct gw_bytes *bytes = gw_bytes_new("\x0a\x7f", 2);
  gw_rpc_stream_send(watch.stream, &bytes, 1);
  gw_bytes_unref(bytes);
  WAIT_FOR(f->services.loop, watch.is_closed);
  assert_int_equal(watch.code, GW_RPC_INVALID_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_check_says_not_serving_until_set, setup, teardown),
      cmocka_unit_test_setup_teardown(test_check_of_unknown_service_is_not_found, setup, teardown),
      cmocka_unit_test_setup_teardown(test_watch_tells_now_and_after_each_change, setup, teardown),
      cmocka_unit_test_setup_teardown(test_garbage_is_an_invalid_argument, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
