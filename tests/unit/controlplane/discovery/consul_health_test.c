#include "controlplane/discovery/consul_health.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controlplane/discovery/found.h"

#define ENTRY(service, checks) "{\"Node\":{\"Address\":\"10.0.0.9\"},\"Service\":" service ",\"Checks\":[" checks "]}"
#define PASSING "{\"Status\":\"passing\"}"
#define WARNING "{\"Status\":\"warning\"}"
#define CRITICAL "{\"Status\":\"critical\"}"
#define SERVICE "{\"Address\":\"10.0.0.1\",\"Port\":80,\"Weights\":{\"Passing\":7,\"Warning\":2}}"

static struct gw_arena arena;

static int setup(void **state) {
  (void)state;
  gw_arena_init(&arena, 1024);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_arena_done(&arena);
  return 0;
}

static const struct gw_found_instance *parse_one(const char *entry, bool takes_warnings) {
  const char *body = gw_arena_printf(&arena, "[%s]", entry);
  const struct gw_found_instance *instances;
  uint32_t count;
  assert_int_equal(gw_consul_health_parse(gw_str_from(body), takes_warnings, &arena, &instances, &count), GW_OK);
  assert_int_equal(count, 1);
  return instances;
}

static void test_parse_takes_address_port_and_weight(void **state) {
  (void)state;
  const struct gw_found_instance *found = parse_one(ENTRY(SERVICE, PASSING), false);
  assert_true(gw_str_equal(found->address, GW_STR("10.0.0.1")));
  assert_int_equal(found->port, 80);
  assert_true(found->weight == 7);
  assert_false(found->is_off);
}

static void test_parse_of_a_service_without_address_takes_its_node(void **state) {
  (void)state;
  const struct gw_found_instance *found = parse_one(ENTRY("{\"Address\":\"\",\"Port\":80}", ""), false);
  assert_true(gw_str_equal(found->address, GW_STR("10.0.0.9")));
  assert_true(found->weight == 1);
}

static void test_parse_goes_by_the_worst_check(void **state) {
  (void)state;
  assert_true(parse_one(ENTRY(SERVICE, PASSING "," CRITICAL), true)->is_off);
  assert_true(parse_one(ENTRY(SERVICE, CRITICAL "," WARNING), true)->is_off);
  assert_true(parse_one(ENTRY(SERVICE, PASSING ",{\"Status\":\"maintenance\"}"), true)->is_off);
  assert_true(parse_one(ENTRY(SERVICE, PASSING "," WARNING), false)->is_off);
  const struct gw_found_instance *found = parse_one(ENTRY(SERVICE, PASSING "," WARNING), true);
  assert_false(found->is_off);
  assert_true(found->weight == 2);
}

static void test_parse_of_entries_that_are_none_gives_bad_instances(void **state) {
  (void)state;
  static const char *const entries[] = {"7",
                                        "null",
                                        "{}",
                                        "{\"Service\":[]}",
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":0}", ""),
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":-1}", ""),
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":\"80\"}", ""),
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":70000}", ""),
                                        ENTRY("{\"Address\":\"shop.internal\",\"Port\":80}", ""),
                                        ENTRY("{\"Address\":\"0.0.0.0\",\"Port\":80}", ""),
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":80,\"Weights\":{\"Passing\":\"x\"}}", ""),
                                        ENTRY("{\"Address\":\"10.0.0.1\",\"Port\":80,\"Weights\":{\"Passing\":-3}}", "")};
  for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
    const char *words;
    struct gw_endpoints endpoints = gw_found_clean(GW_STR("s"), parse_one(entries[i], false), 1, &arena, &words);
    assert_int_equal(endpoints.count, 0);
    assert_true(gw_str_has_prefix(gw_str_from(words), GW_STR("1 of 1 instances were left out: ")));
  }
}

static void test_parse_refuses_what_is_no_list(void **state) {
  (void)state;
  static const char *const bodies[] = {"", "{}", "null", "<html>", "[{]", "[1,2", "rpc error: No cluster leader"};
  const struct gw_found_instance *instances;
  uint32_t count;
  for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
    assert_int_equal(gw_consul_health_parse(gw_str_from(bodies[i]), false, &arena, &instances, &count), GW_ERR_INVALID);
  assert_int_equal(gw_consul_health_parse(GW_STR("[]"), false, &arena, &instances, &count), GW_OK);
  assert_int_equal(count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_parse_takes_address_port_and_weight, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_of_a_service_without_address_takes_its_node, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_goes_by_the_worst_check, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_of_entries_that_are_none_gives_bad_instances, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_refuses_what_is_no_list, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
