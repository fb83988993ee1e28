#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/cloud/ecs_parse.h"

struct fixture {
  struct gw_arena arena;
};

static int setup(void **state) {
  struct fixture *fixture = gw_calloc(1, sizeof(*fixture));
  gw_arena_init(&fixture->arena, 1024);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;
  gw_arena_done(&fixture->arena);
  free(fixture);
  return 0;
}

static const struct gw_json_value *json(struct fixture *fixture, const char *text) {
  const struct gw_json_limits limits = {65536, 16, 1000};
  const struct gw_json_value *value;
  assert_int_equal(gw_json_parse(gw_str_from(text), &limits, &fixture->arena, &value), GW_OK);
  return value;
}

static struct gw_ecs_server server_of(struct fixture *fixture, const char *text) {
  struct gw_ecs_server server;
  assert_true(gw_ecs_parse_server(json(fixture, text), &fixture->arena, &server));
  return server;
}

static void assert_ip(const struct gw_ecs_server *server, bool is_floating, const char *wanted) {
  const struct gw_ecs_address *address = gw_ecs_find_address(server, is_floating);
  if (wanted == NULL)
    assert_null(address);
  else
    assert_string_equal(address->ip.data, wanted);
}

static void test_parse_server_takes_what_is_there(void **state) {
  struct gw_ecs_server server =
      server_of(*state,
                "{\"id\":\"i1\",\"name\":\"web\",\"status\":\"ACTIVE\",\"flavor\":{\"id\":\"s6\"},\"created\":\"2026-11-26T02:00:00Z\","
                "\"OS-EXT-AZ:availability_zone\":\"a\",\"tags\":[\"role=web\",\"x\"],"
                "\"addresses\":{\"vpc\":[{\"addr\":\"10.0.0.1\",\"OS-EXT-IPS:type\":\"fixed\"},"
                "{\"addr\":\"1.2.3.4\",\"OS-EXT-IPS:type\":\"floating\"}]}}");
  assert_string_equal(server.name.data, "web");
  assert_string_equal(server.flavor.data, "s6");
  assert_string_equal(server.zone.data, "a");
  assert_int_equal(server.tag_count, 2);
  assert_int_equal(server.address_count, 2);
  assert_ip(&server, false, "10.0.0.1");
  assert_ip(&server, true, "1.2.3.4");
}

static void test_parse_server_leaves_out_what_is_not_as_expected(void **state) {
  struct fixture *fixture = *state;
  struct gw_ecs_server server;
  assert_false(gw_ecs_parse_server(json(fixture, "{\"name\":\"no id\"}"), &fixture->arena, &server));
  assert_false(gw_ecs_parse_server(json(fixture, "[]"), &fixture->arena, &server));
  server = server_of(fixture, "{\"id\":\"i\",\"name\":7,\"tags\":[1,\"ok\"],\"flavor\":\"s6\","
                              "\"addresses\":{\"a\":[{\"addr\":\"not an address\"},{\"addr\":\"10.0.0.2\"},7],\"b\":{},\"c\":null}}");
  assert_int_equal(server.name.len, 0);
  assert_int_equal(server.tag_count, 1);
  assert_int_equal(server.address_count, 1);
  assert_ip(&server, true, NULL);
}

static void test_find_address_prefers_v4_and_the_main_card(void **state) {
  struct gw_ecs_server server =
      server_of(*state, "{\"id\":\"i\",\"addresses\":{\"a\":[{\"addr\":\"fd00::1\",\"OS-EXT-IPS:type\":\"fixed\"},"
                        "{\"addr\":\"10.0.0.9\",\"OS-EXT-IPS:type\":\"fixed\",\"primary\":false}],"
                        "\"b\":[{\"addr\":\"10.0.0.1\",\"OS-EXT-IPS:type\":\"fixed\",\"primary\":true}]}}");
  assert_ip(&server, false, "10.0.0.1");
  server = server_of(*state, "{\"id\":\"i\",\"addresses\":{\"a\":[{\"addr\":\"fd00::1\",\"OS-EXT-IPS:type\":\"fixed\"}]}}");
  assert_ip(&server, false, "fd00::1");
}

static void test_matches_goes_by_whole_names_and_tags(void **state) {
  struct gw_ecs_server server =
      server_of(*state, "{\"id\":\"i\",\"name\":\"web-1\",\"status\":\"ACTIVE\",\"tags\":[\"role=web\",\"empty=\",\"bare\"]}");
  const struct {
    struct gw_ecs_filter filter;
    bool matches;
  } cases[] = {
      {{.name = GW_STR("web-1")}, true},
      {{.name = GW_STR("web")}, false},
      {{.name = GW_STR("web*")}, true},
      {{.name = GW_STR("*")}, true},
      {{.name = GW_STR("eb*")}, false},
      {{.tag = GW_STR("role=web")}, true},
      {{.tag = GW_STR("role=we")}, false},
      {{.tag = GW_STR("role")}, true},
      {{.tag = GW_STR("rol")}, false},
      {{.tag = GW_STR("empty=")}, true},
      {{.tag = GW_STR("bare=")}, true},
      {{.tag = GW_STR("bare")}, true},
      {{.status = GW_STR("ACTIVE"), .tag = GW_STR("role"), .name = GW_STR("w*")}, true},
      {{.status = GW_STR("SHUTOFF")}, false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    if (gw_ecs_matches(&server, &cases[i].filter) != cases[i].matches) fail_msg("case %zu", i);
}

static void test_parse_job_counts_its_servers(void **state) {
  struct fixture *fixture = *state;
  struct gw_ecs_job job;
  assert_true(
      gw_ecs_parse_job(json(fixture, "{\"job_id\":\"j\",\"status\":\"RUNNING\",\"job_type\":\"createServer\",\"entities\":"
                                     "{\"sub_jobs_total\":3,\"sub_jobs\":[{\"status\":\"SUCCESS\",\"entities\":{\"server_id\":\"a\"}},"
                                     "{\"status\":\"RUNNING\",\"entities\":{\"server_id\":\"b\"}}]}}"),
                       &fixture->arena, &job));
  assert_int_equal(job.state, GW_ECS_JOB_RUNNING);
  assert_int_equal(job.done_count, 1);
  assert_int_equal(job.total_count, 3);
  assert_int_equal(job.server_count, 2);
  assert_string_equal(job.server_ids[1].data, "b");
}

static void test_parse_job_that_failed_says_why(void **state) {
  struct fixture *fixture = *state;
  struct gw_ecs_job job;
  assert_true(
      gw_ecs_parse_job(json(fixture, "{\"job_id\":\"j\",\"status\":\"FAIL\",\"error_code\":\"Ecs.0219\",\"fail_reason\":\"No hosts\"}"),
                       &fixture->arena, &job));
  assert_int_equal(job.state, GW_ECS_JOB_FAILED);
  assert_string_equal(job.words, "No hosts (Ecs.0219)");
  assert_true(gw_ecs_parse_job(json(fixture, "{\"job_id\":\"j\",\"status\":\"FAIL\",\"fail_reason\":null,\"entities\":{\"sub_jobs\":"
                                             "[{\"status\":\"FAIL\",\"error_code\":\"Ecs.0219\",\"fail_reason\":\"No hosts\"}]}}"),
                               &fixture->arena, &job));
  assert_string_equal(job.words, "No hosts (Ecs.0219)");
  assert_int_equal(job.failed_count, 1);
  assert_true(gw_ecs_parse_job(json(fixture, "{\"job_id\":\"j\",\"status\":\"FAIL\"}"), &fixture->arena, &job));
  assert_string_equal(job.words, "the cloud does not say why");
  assert_false(gw_ecs_parse_job(json(fixture, "{\"status\":\"FAIL\"}"), &fixture->arena, &job));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_parse_server_takes_what_is_there, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_server_leaves_out_what_is_not_as_expected, setup, teardown),
      cmocka_unit_test_setup_teardown(test_find_address_prefers_v4_and_the_main_card, setup, teardown),
      cmocka_unit_test_setup_teardown(test_matches_goes_by_whole_names_and_tags, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_job_counts_its_servers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_job_that_failed_says_why, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
