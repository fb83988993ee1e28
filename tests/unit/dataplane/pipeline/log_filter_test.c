/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/log_filter.h"
#include "dataplane/pipeline/stream.h"

struct fixture {
  struct gw_loop *loop;
  struct gw_pipeline *pipeline;
  struct gw_stream stream;
};

static int start(void **state) {
  struct fixture *fixture = gw_calloc(1, sizeof(*fixture));
  struct gw_stream *stream = &fixture->stream;
  fixture->loop = gw_loop_new();
  fixture->pipeline = gw_pipeline_new(&(struct gw_pipeline_options){.loop = fixture->loop});
  stream->pipeline = fixture->pipeline;
  gw_arena_init(&stream->arena, 1024);
  gw_headers_init(&stream->request.headers, &stream->arena, 4);
  stream->request.path = GW_STR("/p");
  stream->started_us = gw_loop_now_us(fixture->loop) - 250000;
  stream->status = 503;
  stream->flags = GW_FLAG_UPSTREAM_CONNECT_FAILURE;
  *state = fixture;
  return 0;
}

static int stop(void **state) {
  struct fixture *fixture = *state;
  gw_arena_done(&fixture->stream.arena);
  gw_pipeline_free(fixture->pipeline);
  gw_loop_free(fixture->loop);
  free(fixture);
  return 0;
}

static bool match(struct fixture *fixture, struct gw_access_log_filter model, enum gw_access_log_type type) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  const struct gw_log_filter *filter = gw_log_filter_build(&model, &fixture->stream.arena, &errors, "l");
  assert_int_equal(errors.error_count, 0);
  bool is_match = gw_log_filter_match(filter, &fixture->stream, type);
  gw_log_filter_done(filter);
  gw_errors_done(&errors);
  return is_match;
}

#define MATCH(...) match(fixture, (struct gw_access_log_filter){__VA_ARGS__}, GW_ACCESS_LOG_TYPE_END)

static void test_status_and_duration_are_compared(void **state) {
  struct fixture *fixture = *state;
  assert_true(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_LEAST, .value = 503));
  assert_false(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_LEAST, .value = 504));
  assert_true(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_MOST, .value = 503));
  assert_false(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_MOST, .value = 502));
  assert_true(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_EQUAL, .value = 503));
  assert_false(MATCH(.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_OTHER, .value = 503));
  assert_true(MATCH(.kind = GW_LOG_FILTER_DURATION, .comparison = GW_COMPARE_AT_LEAST, .value = 250));
  assert_false(MATCH(.kind = GW_LOG_FILTER_DURATION, .comparison = GW_COMPARE_AT_LEAST, .value = 60000));
}

/* Envoy takes the id's first eight digits: 0x000003e7 is 999. */
static void test_a_sample_is_the_same_for_the_same_request_id(void **state) {
  struct fixture *fixture = *state;
  fixture->stream.request_id = GW_STR("000003E7-0000-4000-8000-000000000000");
  assert_true(MATCH(.kind = GW_LOG_FILTER_SAMPLE, .numerator = 100, .denominator = 100));
  assert_false(MATCH(.kind = GW_LOG_FILTER_SAMPLE, .numerator = 99, .denominator = 100));
  assert_false(MATCH(.kind = GW_LOG_FILTER_SAMPLE, .numerator = 999, .denominator = 10000));
  assert_true(MATCH(.kind = GW_LOG_FILTER_SAMPLE, .numerator = 1000, .denominator = 1000000));
}

static uint32_t count_samples(struct fixture *fixture, bool is_independent) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < 1000; i++)
    count += MATCH(.kind = GW_LOG_FILTER_SAMPLE, .numerator = 50, .denominator = 100, .is_independent = is_independent);
  return count;
}

static void test_without_a_request_id_chance_decides(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_str ids[] = {{"", 0}, {"short", 5}, {"no-hex-digits-here", 18}};
  for (size_t i = 0; i < GW_ARRAY_LEN(ids); i++) {
    fixture->stream.request_id = ids[i];
    uint32_t count = count_samples(fixture, false);
    assert_in_range(count, 350, 650);
  }
  fixture->stream.request_id = GW_STR("000003E7-0000-4000-8000-000000000000");
  assert_in_range(count_samples(fixture, true), 350, 650);
  assert_int_equal(count_samples(fixture, false), 0);
}

static void test_flags_types_and_headers_are_looked_at(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  static const struct gw_str flags[] = {{"UT", 2}, {"UF", 2}};
  assert_true(MATCH(.kind = GW_LOG_FILTER_FLAGS));
  assert_true(MATCH(.kind = GW_LOG_FILTER_FLAGS, .flags = flags, .flag_count = 2));
  assert_false(MATCH(.kind = GW_LOG_FILTER_FLAGS, .flags = flags, .flag_count = 1));
  stream->flags = 0;
  assert_false(MATCH(.kind = GW_LOG_FILTER_FLAGS));
  assert_true(MATCH(.kind = GW_LOG_FILTER_TYPE, .types = 1u << GW_ACCESS_LOG_TYPE_END));
  assert_false(MATCH(.kind = GW_LOG_FILTER_TYPE, .types = 1u << GW_ACCESS_LOG_TYPE_START));
  assert_true(MATCH(.kind = GW_LOG_FILTER_TYPE, .types = 1u << GW_ACCESS_LOG_TYPE_START, .is_excluded = true));
  static const struct gw_header_match match_path = {.name = {":path", 5}, .kind = GW_STRING_MATCH_REGEX, .value = {"/[pq]", 5}};
  static const struct gw_header_match is_missing = {.name = {"x-a", 3}, .kind = GW_STRING_MATCH_PRESENT, .invert = true};
  assert_true(MATCH(.kind = GW_LOG_FILTER_HEADER, .header = &match_path));
  assert_true(MATCH(.kind = GW_LOG_FILTER_HEADER, .header = &is_missing));
  gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("X-A"), GW_STR("1"));
  assert_false(MATCH(.kind = GW_LOG_FILTER_HEADER, .header = &is_missing));
}

static void test_filters_are_joined_by_and_and_or(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_access_log_filter one_right[] = {
      {.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_LEAST, .value = 600},
      {.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_LEAST, .value = 500},
  };
  assert_true(MATCH(.kind = GW_LOG_FILTER_OR, .children = one_right, .child_count = 2));
  assert_false(MATCH(.kind = GW_LOG_FILTER_AND, .children = one_right, .child_count = 2));
  assert_false(MATCH(.kind = GW_LOG_FILTER_OR, .children = one_right, .child_count = 1));
  assert_true(MATCH(.kind = GW_LOG_FILTER_AND, .children = &one_right[1], .child_count = 1));
}

static void test_unknown_flags_and_expressions_are_mistakes(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_str flag = {"LH", 2};
  static const struct gw_header_match match_odd = {.name = {"a", 1}, .kind = GW_STRING_MATCH_REGEX, .value = {"(", 1}};
  static const struct gw_access_log_filter both[] = {{.kind = GW_LOG_FILTER_FLAGS, .flags = &flag, .flag_count = 1},
                                                     {.kind = GW_LOG_FILTER_HEADER, .header = &match_odd}};
  const struct gw_access_log_filter model = {.kind = GW_LOG_FILTER_OR, .children = both, .child_count = 2};
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_log_filter_done(gw_log_filter_build(&model, &fixture->stream.arena, &errors, "l"));
  assert_int_equal(errors.error_count, 2);
  assert_non_null(strstr(errors.items[0].sentence, "\"LH\" is no response flag of ours"));
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_status_and_duration_are_compared, start, stop),
      cmocka_unit_test_setup_teardown(test_a_sample_is_the_same_for_the_same_request_id, start, stop),
      cmocka_unit_test_setup_teardown(test_without_a_request_id_chance_decides, start, stop),
      cmocka_unit_test_setup_teardown(test_flags_types_and_headers_are_looked_at, start, stop),
      cmocka_unit_test_setup_teardown(test_filters_are_joined_by_and_and_or, start, stop),
      cmocka_unit_test_setup_teardown(test_unknown_flags_and_expressions_are_mistakes, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
