#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message/failure.h"
#include "common/message/status.h"

static void test_reasons_are_those_of_the_registry(void **state) {
  (void)state;
  assert_string_equal(gw_status_reason(200).data, "OK");
  assert_string_equal(gw_status_reason(404).data, "Not Found");
  assert_string_equal(gw_status_reason(431).data, "Request Header Fields Too Large");
  assert_int_equal(gw_status_reason(299).len, 0);
  assert_int_equal(gw_status_reason(0).len, 0);
}

static void test_grpc_codes_follow_the_mapping_document(void **state) {
  (void)state;
  const struct {
    uint32_t status, code;
  } cases[] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14}, {503, 14}, {504, 14}, {200, 2}, {500, 2}, {418, 2}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    assert_int_equal(gw_status_to_grpc(cases[i].status), cases[i].code);
}

static void test_grpc_codes_count_as_envoy_counts_them(void **state) {
  (void)state;
  const struct {
    const char *code;
    uint32_t status;
  } cases[] = {{"0", 200},  {"1", 499},  {"2", 500},  {"4", 504},  {"5", 404}, {"8", 429}, {"12", 501}, {"13", 500},
               {"14", 503}, {"15", 500}, {"16", 401}, {"17", 500}, {"", 500},  {"x", 500}, {"014", 500}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    assert_int_equal(gw_status_from_grpc(gw_str_from(cases[i].code)), cases[i].status);
}

static void test_flags_are_listed_by_envoys_names(void **state) {
  (void)state;
  char text[64];
  assert_string_equal(gw_response_flags_format(GW_FLAG_NONE, text).data, "-");
  assert_string_equal(gw_response_flags_format(GW_FLAG_UPSTREAM_CONNECT_FAILURE | GW_FLAG_UPSTREAM_TIMEOUT, text).data, "UF,UT");
  assert_string_equal(gw_response_flags_format(GW_FLAG_DURATION_TIMEOUT, text).data, "DT");
  assert_int_equal(gw_response_flags_format(UINT32_MAX, text).len, strlen("NR,UH,UF,UC,UT,UO,UPE,DC,DPE,SI,NC,OM,DT,UR,URX,CB,UAEX,RL"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reasons_are_those_of_the_registry),
      cmocka_unit_test(test_grpc_codes_follow_the_mapping_document),
      cmocka_unit_test(test_grpc_codes_count_as_envoy_counts_them),
      cmocka_unit_test(test_flags_are_listed_by_envoys_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
