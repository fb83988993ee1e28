#include "dataplane/pipeline/header_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/model/header_format.h"

static enum gw_err build(struct gw_str value, struct gw_errors *errors, struct gw_header_rules **ret_rules) {
  const struct gw_header_option option = {.name = GW_STR("x-a"), .value = value, .action = GW_HEADER_OVERWRITE, .is_format = true};
  const struct gw_header_changes changes = {.add_count = 1, .add = &option};
  const struct gw_route route = {.response_headers = &changes};
  const struct gw_virtual_host host = {.routes = &route, .route_count = 1};
  const struct gw_route_config config = {.virtual_hosts = &host, .virtual_host_count = 1, .route_count = 1};
  return gw_header_rules_build(&config, errors, ret_rules);
}

/* What the control plane lets an operator write, and a node acknowledges, must be what is then compiled. */
static void test_every_operator_that_is_allowed_compiles(void **state) {
  (void)state;
  struct gw_str rest = GW_STR(GW_HEADER_OPERATORS ", " GW_HEADER_RESPONSE_OPERATORS), word;
  uint32_t count = 0;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  while (gw_str_split_next(&rest, ',', &word)) {
    word = gw_str_trim(word);
    struct gw_str format = gw_str_from(gw_arena_printf(&arena, "%%%.*s%% and 100%%%%", GW_STR_ARG(word))), value;
    bool is_format;
    const char *why = "";
    if (gw_header_format_parse(format, true, &arena, &value, &is_format, &why) != GW_OK) fail_msg("%.*s %s", GW_STR_ARG(word), why);
    struct gw_header_rules *rules = NULL;
    if (build(value, &errors, &rules) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
    assert_non_null(rules);
    gw_header_rules_free(rules);
    count++;
  }
  assert_int_equal(count, 12);
  gw_arena_done(&arena);
  gw_errors_done(&errors);
}

static void test_an_operator_that_is_none_is_told_with_its_route(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_header_rules *rules = NULL;
  assert_int_equal(build(GW_STR("%NOTHING%"), &errors, &rules), GW_ERR_INVALID);
  assert_null(rules);
  char *told = gw_errors_format(&errors);
  assert_non_null(strstr(told, "virtual_hosts[0].routes[0]: \"%NOTHING%\" is not a supported operator"));
  free(told);
  gw_errors_done(&errors);
}

static void test_routes_without_operators_cost_nothing(void **state) {
  (void)state;
  const struct gw_header_option option = {.name = GW_STR("x-a"), .value = GW_STR("5%")};
  const struct gw_header_changes changes = {.add_count = 1, .add = &option};
  const struct gw_route route = {.request_headers = &changes};
  const struct gw_virtual_host host = {.routes = &route, .route_count = 1};
  const struct gw_route_config config = {.virtual_hosts = &host, .virtual_host_count = 1, .route_count = 1};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_header_rules *rules = (struct gw_header_rules *)&errors;
  assert_int_equal(gw_header_rules_build(&config, &errors, &rules), GW_OK);
  assert_null(rules);
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operator_that_is_allowed_compiles),
      cmocka_unit_test(test_an_operator_that_is_none_is_told_with_its_route),
      cmocka_unit_test(test_routes_without_operators_cost_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
