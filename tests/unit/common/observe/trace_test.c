#include "common/observe/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static struct gw_str text_of(const uint8_t *id, size_t bytes, char *room) {
  gw_trace_format_id(id, bytes, room);
  return (struct gw_str){room, 2 * bytes};
}

static void expect_ids(const struct gw_trace_context *context, const char *trace_id, const char *span_id) {
  char room[64];
  assert_true(gw_str_equal(text_of(context->trace_id, GW_TRACE_ID_BYTES, room), gw_str_from(trace_id)));
  assert_true(gw_str_equal(text_of(context->span_id, GW_SPAN_ID_BYTES, room), gw_str_from(span_id)));
}

static void test_traceparent_is_read_and_written(void **state) {
  (void)state;
  struct gw_trace_context context;
  char text[GW_TRACEPARENT_LEN];
  struct gw_str parent = GW_STR("00-" TRACE "-" SPAN "-01");
  assert_true(gw_trace_parse_traceparent(parent, &context));
  expect_ids(&context, TRACE, SPAN);
  assert_int_equal(context.decision, GW_TRACE_SAMPLED);
  gw_trace_format_traceparent(&context, text);
  assert_true(gw_str_equal(parent, (struct gw_str){text, sizeof(text)}));
  assert_true(gw_trace_parse_traceparent(GW_STR("00-" TRACE "-" SPAN "-fe"), &context));
  assert_int_equal(context.decision, GW_TRACE_NOT_SAMPLED);
  gw_trace_format_traceparent(&context, text);
  assert_memory_equal(text + 52, "-00", 3);
}

static void test_traceparent_of_a_later_version_is_read_as_far_as_ours_goes(void **state) {
  (void)state;
  struct gw_trace_context context;
  assert_true(gw_trace_parse_traceparent(GW_STR("cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like"), &context));
  assert_true(gw_trace_parse_traceparent(GW_STR("cc-" TRACE "-" SPAN "-01"), &context));
  assert_false(gw_trace_parse_traceparent(GW_STR("cc-" TRACE "-" SPAN "-01.what"), &context));
}

static void test_bad_traceparent_is_none(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "00-" TRACE "-" SPAN "-0",
      "00-" TRACE "-" SPAN "-01-",
      "00-" TRACE "-" SPAN "-01 ",
      "ff-" TRACE "-" SPAN "-01",
      "0F-" TRACE "-" SPAN "-01",
      "00-00000000000000000000000000000000-" SPAN "-01",
      "00-" TRACE "-0000000000000000-01",
      "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
      "00_" TRACE "-" SPAN "-01",
      "00-" TRACE "-" SPAN "-0x",
      "00-" TRACE "-" SPAN "_01",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    struct gw_trace_context context;
    assert_false(gw_trace_parse_traceparent(gw_str_from(bad[i]), &context));
  }
}

static void test_tracestate_is_taken_or_left_as_a_whole(void **state) {
  (void)state;
  static const struct {
    const char *value;
    bool is_valid;
  } cases[] = {
      {"foo=1,bar=2", true},
      {"foo=1 , \tbar=2", true},
      {"foo=1,,bar=2,", true},
      {"fw529a3039@dt=FfIc;x:y", true},
      {"1tenant@system=v", true},
      {"foo", false},
      {"foo=", false},
      {"FOO=1", false},
      {"foo=a=b", false},
      {"1foo=1", false},
      {"a@b@c=1", false},
      {"@system=1", false},
      {"tenant@=1", false},
      {"tenant@1system=1", false},
      {"foo=\x7f", false},
      {"foo=\xc3\xa4", false},
      {"foo @bar=1", false},
      {"t@fifteen-letters=1", false},
      {"foo=a b", true},
      {"_foo=1", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    uint32_t members = 0;
    if (gw_trace_state_is_valid(gw_str_from(cases[i].value), &members) != cases[i].is_valid) fail_msg("%s", cases[i].value);
  }
}

static void test_tracestate_has_32_members_over_all_its_fields(void **state) {
  (void)state;
  uint32_t members = 0;
  for (int i = 0; i < 32; i++)
    assert_true(gw_trace_state_is_valid(GW_STR("a=1"), &members));
  assert_false(gw_trace_state_is_valid(GW_STR("a=1"), &members));
}

static void test_b3_single_is_read_and_written(void **state) {
  (void)state;
  struct gw_trace_context context;
  char text[GW_TRACE_B3_LEN];
  assert_int_equal(gw_trace_parse_b3(GW_STR(TRACE "-" SPAN "-1-05e3ac9a4f6e3b90"), &context), GW_TRACE_B3_CONTEXT);
  expect_ids(&context, TRACE, SPAN);
  assert_int_equal(context.decision, GW_TRACE_SAMPLED);
  gw_trace_format_b3(&context, text);
  assert_memory_equal(text, TRACE "-" SPAN "-1", GW_TRACE_B3_LEN);
  assert_int_equal(gw_trace_parse_b3(GW_STR(TRACE "-" SPAN "-d"), &context), GW_TRACE_B3_CONTEXT);
  assert_int_equal(context.decision, GW_TRACE_SAMPLED);
  assert_int_equal(gw_trace_parse_b3(GW_STR(TRACE "-" SPAN), &context), GW_TRACE_B3_CONTEXT);
  assert_int_equal(context.decision, GW_TRACE_UNDECIDED);
  assert_int_equal(gw_trace_parse_b3(GW_STR("8448eb211c80319c-" SPAN "-0"), &context), GW_TRACE_B3_CONTEXT);
  expect_ids(&context, "00000000000000008448eb211c80319c", SPAN);
  assert_int_equal(context.decision, GW_TRACE_NOT_SAMPLED);
  assert_int_equal(gw_trace_parse_b3(GW_STR("0"), &context), GW_TRACE_B3_DECISION);
  assert_int_equal(context.decision, GW_TRACE_NOT_SAMPLED);
}

static void test_bad_b3_is_none(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "x",
                                    TRACE,
                                    TRACE "-",
                                    TRACE "-b7ad",
                                    TRACE "-" SPAN "-2",
                                    TRACE "-" SPAN "-1-05e3",
                                    TRACE "-" SPAN "-1-05e3ac9a4f6e3b90-1",
                                    "0000000000000000-" SPAN "-1",
                                    "0af7-" SPAN "-1",
                                    TRACE "0-" SPAN "-1"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    struct gw_trace_context context;
    if (gw_trace_parse_b3(gw_str_from(bad[i]), &context) != GW_TRACE_B3_NONE) fail_msg("%s", bad[i]);
  }
}

static void test_b3_multi_is_read(void **state) {
  (void)state;
  struct gw_trace_context context;
  struct gw_str none = {NULL, 0}, trace_id = GW_STR(TRACE), span_id = GW_STR(SPAN);
  assert_int_equal(gw_trace_parse_b3_multi(trace_id, span_id, GW_STR("1"), none, &context), GW_TRACE_B3_CONTEXT);
  expect_ids(&context, TRACE, SPAN);
  assert_int_equal(context.decision, GW_TRACE_SAMPLED);
  assert_int_equal(gw_trace_parse_b3_multi(trace_id, span_id, GW_STR("false"), none, &context), GW_TRACE_B3_CONTEXT);
  assert_int_equal(context.decision, GW_TRACE_NOT_SAMPLED);
  assert_int_equal(gw_trace_parse_b3_multi(trace_id, span_id, none, none, &context), GW_TRACE_B3_CONTEXT);
  assert_int_equal(context.decision, GW_TRACE_UNDECIDED);
  assert_int_equal(gw_trace_parse_b3_multi(none, none, none, GW_STR("1"), &context), GW_TRACE_B3_DECISION);
  assert_int_equal(context.decision, GW_TRACE_SAMPLED);
  assert_int_equal(gw_trace_parse_b3_multi(none, none, none, none, &context), GW_TRACE_B3_NONE);
  assert_int_equal(gw_trace_parse_b3_multi(trace_id, none, GW_STR("1"), none, &context), GW_TRACE_B3_NONE);
}

static void test_new_ids_differ_and_are_not_zero(void **state) {
  (void)state;
  struct gw_random random;
  uint8_t a[GW_TRACE_ID_BYTES], b[GW_TRACE_ID_BYTES], zero[GW_TRACE_ID_BYTES] = {0};
  gw_random_init(&random, 7);
  gw_trace_new_id(&random, a);
  gw_trace_new_id(&random, b);
  assert_memory_not_equal(a, b, sizeof(a));
  assert_memory_not_equal(a, zero, sizeof(a));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_traceparent_is_read_and_written),
      cmocka_unit_test(test_traceparent_of_a_later_version_is_read_as_far_as_ours_goes),
      cmocka_unit_test(test_bad_traceparent_is_none),
      cmocka_unit_test(test_tracestate_is_taken_or_left_as_a_whole),
      cmocka_unit_test(test_tracestate_has_32_members_over_all_its_fields),
      cmocka_unit_test(test_b3_single_is_read_and_written),
      cmocka_unit_test(test_bad_b3_is_none),
      cmocka_unit_test(test_b3_multi_is_read),
      cmocka_unit_test(test_new_ids_differ_and_are_not_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
