/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/rate_limit.h"
#include "dataplane/pipeline/access_log.h"
#include "dataplane/pipeline/stream.h"
#include "tests/unit/dataplane/model_fixture.h"

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
  gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("User-Agent"), GW_STR("a\"b\\c"));
  gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-own"), GW_STR("12345"));
  stream->request.method_name = GW_STR("GET");
  stream->request.path = GW_STR("/p?secret=1");
  stream->request.authority = GW_STR("a.example");
  stream->request.version = GW_HTTP_1_1;
  stream->wall_us = UINT64_C(1795485723456000);
  stream->started_us = gw_clock_monotonic_us();
  stream->status = 503;
  stream->flags = GW_FLAG_UPSTREAM_CONNECT_FAILURE;
  stream->bytes_sent = 42;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:4711"), &stream->remote), GW_OK);
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

static void expect(struct fixture *fixture, const struct gw_access_log *model, const char *line) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_access_log_plan *plan = gw_access_log_plan_build(model, &errors, "l");
  if (plan == NULL) fail_msg("%s", gw_errors_format(&errors));
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  assert_true(gw_access_log_plan_write(plan, NULL, &fixture->stream, GW_ACCESS_LOG_TYPE_END, &buf));
  assert_string_equal(buf.data, line);
  gw_access_log_plan_free(plan);
  gw_errors_done(&errors);
}

static void expect_text(struct fixture *fixture, const char *format, const char *line) {
  expect(fixture, &(struct gw_access_log){.text = gw_str_from(format)}, line);
}

static void test_text_operators_say_what_the_stream_did(void **state) {
  struct fixture *fixture = *state;
  expect_text(fixture, "[%START_TIME%] \"%REQ(:METHOD)% %PATH(NQ)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% 100%%\n",
              "[2026-11-24T02:02:03.456Z] \"GET /p HTTP/1.1\" 503 UF 100%\n");
  expect_text(fixture, "%REQ_WITHOUT_QUERY(:PATH)%|%REQ(:PATH)%|%PATH(WQ)%", "/p|/p?secret=1|/p?secret=1");
  expect_text(fixture, "%REQ(X-OWN)%|%REQ(x-own):3%|%REQ(absent)%|%REQ(absent?X-Own)%|%REQ(:AUTHORITY)%", "12345|123|-|12345|a.example");
  expect_text(fixture, "%DOWNSTREAM_REMOTE_ADDRESS%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1:4711|127.0.0.1");
  expect_text(fixture, "%UPSTREAM_HOST%|%UPSTREAM_CLUSTER%|%ROUTE_NAME%|%RESPONSE_CODE_DETAILS%|%RESP(x)%", "-|-|-|-|-");
  expect_text(fixture, "%BYTES_SENT% %BYTES_RECEIVED%", "42 0");
}

static void test_json_has_numbers_nulls_and_escapes(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_access_log_field fields[] = {
      {GW_STR("code"), GW_STR("%RESPONSE_CODE%")}, {GW_STR("agent"), GW_STR("%REQ(USER-AGENT)%")},
      {GW_STR("route"), GW_STR("%ROUTE_NAME%")},   {GW_STR("both"), GW_STR("%REQ(:METHOD)% %BYTES_SENT%")},
      {GW_STR("q\"k"), GW_STR("plain")},           {GW_STR("empty"), GW_STR("")},
  };
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = GW_ARRAY_LEN(fields)},
         "{\"code\":503,\"agent\":\"a\\\"b\\\\c\",\"route\":null,\"both\":\"GET 42\",\"q\\\"k\":\"plain\",\"empty\":\"\"}\n");
}

/* Keys are copied in steps, beyond their end. */
static void test_json_keys_of_all_lengths_stand_in_their_order(void **state) {
  struct fixture *fixture = *state;
  enum { COUNT = 40 };
  static const char letters[] = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
  struct gw_access_log_field fields[COUNT];
  struct gw_strbuf line;
  gw_strbuf_init(&line);
  for (uint32_t i = 0; i < COUNT; i++) {
    fields[i] = (struct gw_access_log_field){{letters, i + 1}, GW_STR("%REQ(x-own)%")};
    gw_strbuf_printf(&line, "%c\"%.*s\":\"12345\"", i == 0 ? '{' : ',', (int)i + 1, letters);
  }
  gw_strbuf_append_str(&line, GW_STR("}\n"));
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = COUNT}, line.data);
  gw_strbuf_done(&line);
}

static void test_json_takes_the_second_of_two_headers_when_the_first_is_absent(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_access_log_field fields[] = {{GW_STR("a"), GW_STR("%REQ(absent?x-own)%")},
                                                      {GW_STR("b"), GW_STR("%REQ(x-own?:METHOD):2%")},
                                                      {GW_STR("c"), GW_STR("%REQ(absent?:METHOD)%")},
                                                      {GW_STR("d"), GW_STR("%REQ(absent?missing)%")}};
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = GW_ARRAY_LEN(fields)},
         "{\"a\":\"12345\",\"b\":\"12\",\"c\":\"GET\",\"d\":null}\n");
}

static void test_strangers_end_no_line_and_no_quotation(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  static const struct gw_access_log_field fields[] = {{GW_STR("evil"), GW_STR("%REQ(x-evil)%")},
                                                      {GW_STR("both"), GW_STR("<%REQ(x-evil)%>")}};
  gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-evil"),
                 GW_STR("a\" 200\n{\"code\":1}\r\x1b[2J\xc2\x9b\xff\xc3\xa9\\"));
  expect_text(fixture, "\"%REQ(x-evil)%\"", "\"a\\\" 200\\n{\\\"code\\\":1}\\x0d\\x1b[2J\\xc2\\x9b\\xff\xc3\xa9\\\\\"");
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = 2},
         "{\"evil\":\"a\\\" 200\\n{\\\"code\\\":1}\\r\\u001b[2J\\u009b\xEF\xBF\xBD\xc3\xa9\\\\\","
         "\"both\":\"<a\\\" 200\\n{\\\"code\\\":1}\\r\\u001b[2J\\u009b\xEF\xBF\xBD\xc3\xa9\\\\>\"}\n");
}

static void test_credentials_are_never_shown(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  static const char *const names[] = {"Authorization", "proxy-authorization", "Cookie", "X-API-Key"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++)
    gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, gw_str_from(names[i]), GW_STR("secret"));
  gw_headers_init(&stream->response.headers, &stream->arena, 1);
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("Set-Cookie"), GW_STR("secret"));
  expect_text(fixture,
              "%REQ(authorization)% %REQ(AUTHORIZATION):3% %REQ(absent?cookie)% %REQ(proxy-authorization)% %REQ(x-api-key)% "
              "%RESP(set-cookie)%",
              "[redacted] [redacted] [redacted] [redacted] [redacted] [redacted]");
  expect_text(fixture, "%DYNAMIC_METADATA(gateway:redacted:x-own)% %DYNAMIC_METADATA(gateway:redacted:absent)%", "[redacted] -");
  expect_text(fixture, "%DYNAMIC_METADATA(gateway:redacted_response:set-cookie)%", "[redacted]");
}

static void test_fields_that_are_not_in_envoys_log_say_what_happened(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  static const struct gw_access_log_field fields[] = {
      {GW_STR("consumer"), GW_STR("%DYNAMIC_METADATA(gateway:consumer)%")},
      {GW_STR("key"), GW_STR("%DYNAMIC_METADATA(gateway:api_key)%")},
      {GW_STR("limit"), GW_STR("%DYNAMIC_METADATA(gateway:rate_limit)%")},
      {GW_STR("by"), GW_STR("%DYNAMIC_METADATA(gateway:rate_limit_key)%")},
      {GW_STR("down"), GW_STR("%DYNAMIC_METADATA(gateway:downstream_connection_reused)%")},
      {GW_STR("up"), GW_STR("%DYNAMIC_METADATA(gateway:upstream_connection_reused)%")},
      {GW_STR("first"), GW_STR("%RESPONSE_DURATION%")},
      {GW_STR("type"), GW_STR("%ACCESS_LOG_TYPE%")},
  };
  const struct gw_access_log json = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  expect(fixture, &json,
         "{\"consumer\":null,\"key\":null,\"limit\":null,\"by\":null,\"down\":false,\"up\":null,\"first\":null,"
         "\"type\":\"DownstreamEnd\"}\n");
  static const struct gw_identity alice = {.user_id = {"alice", 5}};
  static const struct gw_plan plan = {.key_id = {"k1", 2}};
  static const struct gw_rate_limit_entry entries[] = {{{"user", 4}, {"alice", 5}},
                                                       {{"client", 6}, {"", 0}},
                                                       {{"header x-own", 12}, {"12345", 5}},
                                                       {{"header authorization", 20}, {"secret", 6}},
                                                       {{"claim org.id", 12}, {"7", 1}}};
  gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("authorization"), GW_STR("secret"));
  stream->identity = &alice;
  expect(fixture, &json,
         "{\"consumer\":\"alice\",\"key\":null,\"limit\":null,\"by\":null,\"down\":false,\"up\":null,\"first\":null,"
         "\"type\":\"DownstreamEnd\"}\n");
  stream->plan = &plan;
  stream->limit = (struct gw_limit_words){GW_STR("orders"), entries, GW_ARRAY_LEN(entries)};
  stream->is_connection_reused = stream->is_upstream_reused = true;
  stream->attempt_count = 1;
  stream->answered_us = stream->started_us + 12345;
  expect(fixture, &json,
         "{\"consumer\":\"alice\",\"key\":\"k1\",\"limit\":\"orders\","
         "\"by\":\"user=alice,client=127.0.0.1,header x-own=12345,header authorization=[redacted],claim org.id=7\",\"down\":true,\"up\":"
         "true,"
         "\"first\":12,\"type\":\"DownstreamEnd\"}\n");
  stream->identity = NULL;
  expect_text(fixture, "%DYNAMIC_METADATA(gateway:consumer)% %DYNAMIC_METADATA(gateway:rate_limit_key)%",
              "k1 user=alice,client=127.0.0.1,header x-own=12345,header authorization=[redacted],claim org.id=7");
  expect_text(fixture, "%DYNAMIC_METADATA(gateway:rate_limit_key:x-a,X-Own)%",
              "user=alice,client=127.0.0.1,header x-own=[redacted],header authorization=[redacted],claim org.id=7");
}

static void test_what_is_empty_can_be_left_out(void **state) {
  struct fixture *fixture = *state;
  static const struct gw_access_log_field fields[] = {{GW_STR("a"), GW_STR("%ROUTE_NAME%")},
                                                      {GW_STR("b"), GW_STR("%BYTES_SENT%")},
                                                      {GW_STR("c"), GW_STR("<%ROUTE_NAME%>")},
                                                      {GW_STR("d"), GW_STR("%UPSTREAM_HOST%")}},
                                          nobodys[] = {{GW_STR("a"), GW_STR("%DYNAMIC_METADATA(gateway:consumer)%")},
                                                       {GW_STR("b"), GW_STR("%DYNAMIC_METADATA(gateway:rate_limit)%")},
                                                       {GW_STR("c"), GW_STR("%REQ(:METHOD)%")},
                                                       {GW_STR("d"), GW_STR("%DYNAMIC_METADATA(gateway:attempts)%")}};
  expect(fixture, &(struct gw_access_log){.fields = nobodys, .field_count = 4, .omits_empty = true}, "{\"c\":\"GET\"}\n");
  expect(fixture, &(struct gw_access_log){.fields = nobodys, .field_count = 4}, "{\"a\":null,\"b\":null,\"c\":\"GET\",\"d\":null}\n");
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = 4, .omits_empty = true}, "{\"b\":42,\"c\":\"<>\"}\n");
  expect(fixture, &(struct gw_access_log){.fields = fields, .field_count = 1, .omits_empty = true}, "{}\n");
  expect(fixture, &(struct gw_access_log){.text = GW_STR("%ROUTE_NAME%|%BYTES_SENT%"), .omits_empty = true}, "|42");
}

static void test_tries_are_counted_and_listed(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  static const struct gw_access_log_field fields[] = {{GW_STR("count"), GW_STR("%UPSTREAM_REQUEST_ATTEMPT_COUNT%")},
                                                      {GW_STR("tries"), GW_STR("%DYNAMIC_METADATA(gateway:attempts)%")}};
  const struct gw_access_log json = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  const char *text = "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %DYNAMIC_METADATA(gateway:attempts)%";
  expect(fixture, &json, "{\"count\":0,\"tries\":null}\n");
  expect_text(fixture, text, "0 -");
  stream->attempt_count = 12;
  struct gw_attempt_record record = {.number = 1,
                                     .endpoint = GW_STR("10.0.0.1:80"),
                                     .phase = GW_ATTEMPT_CONNECT,
                                     .flag = GW_FLAG_UPSTREAM_CONNECT_FAILURE,
                                     .detail = GW_STR("why")};
  gw_attempt_records_add(&stream->attempts, &stream->arena, &record);
  record = (struct gw_attempt_record){.number = 2,
                                      .phase = GW_ATTEMPT_REQUEST,
                                      .is_reused = true,
                                      .idle_ms = 34,
                                      .status = 503,
                                      .detail = GW_STR("d")};
  gw_attempt_records_add(&stream->attempts, &stream->arena, &record);
  expect(fixture, &json, "{\"count\":12,\"tries\":\"10.0.0.1:80 connect UF why; - request reused,idle_ms=34 503 d\"}\n");
  expect_text(fixture, text, "12 10.0.0.1:80 connect UF why; - request reused,idle_ms=34 503 d");
}

static void test_records_are_bounded_and_one_a_try(void **state) {
  struct fixture *fixture = *state;
  struct gw_stream *stream = &fixture->stream;
  for (uint32_t i = 1; i <= 20; i++) {
    const struct gw_attempt_record record = {.number = (i + 1) / 2, .status = i};
    gw_attempt_records_add(&stream->attempts, &stream->arena, &record);
  }
  assert_int_equal(stream->attempts.count, GW_ATTEMPT_RECORDS_MAX);
  assert_int_equal(stream->attempts.items[0].status, 2);
  assert_int_equal(stream->attempts.items[6].number, 7);
  assert_int_equal(stream->attempts.items[7].number, 10);
}

static void test_what_is_not_an_operator_is_a_mistake(void **state) {
  (void)state;
  static const char *const formats[] = {"%NO_SUCH%",
                                        "%REQ(bad name)%",
                                        "%REQ(:nothing)%",
                                        "%REQ(x",
                                        "%PATH%",
                                        "%PATH(XX)%",
                                        "%START_TIME(%Y)%",
                                        "50%",
                                        "%REQ(x):y%",
                                        "%DYNAMIC_METADATA(a:b)%",
                                        "%RESP(:path)%",
                                        "%REQ_WITHOUT_QUERY(x)%",
                                        "%DYNAMIC_METADATA(gateway:redacted:)%"};
  for (size_t i = 0; i < GW_ARRAY_LEN(formats); i++) {
    struct gw_errors errors;
    gw_errors_init(&errors);
    struct gw_access_log_plan *plan = gw_access_log_plan_build(&(struct gw_access_log){.text = gw_str_from(formats[i])}, &errors, "l");
    if (plan != NULL) fail_msg("\"%s\" was taken", formats[i]);
    assert_true(errors.error_count > 0);
    assert_string_equal(errors.items[0].place, "l");
    gw_errors_done(&errors);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_text_operators_say_what_the_stream_did, start, stop),
      cmocka_unit_test_setup_teardown(test_json_has_numbers_nulls_and_escapes, start, stop),
      cmocka_unit_test_setup_teardown(test_json_keys_of_all_lengths_stand_in_their_order, start, stop),
      cmocka_unit_test_setup_teardown(test_json_takes_the_second_of_two_headers_when_the_first_is_absent, start, stop),
      cmocka_unit_test_setup_teardown(test_strangers_end_no_line_and_no_quotation, start, stop),
      cmocka_unit_test_setup_teardown(test_credentials_are_never_shown, start, stop),
      cmocka_unit_test_setup_teardown(test_fields_that_are_not_in_envoys_log_say_what_happened, start, stop),
      cmocka_unit_test_setup_teardown(test_what_is_empty_can_be_left_out, start, stop),
      cmocka_unit_test_setup_teardown(test_tries_are_counted_and_listed, start, stop),
      cmocka_unit_test_setup_teardown(test_records_are_bounded_and_one_a_try, start, stop),
      cmocka_unit_test(test_what_is_not_an_operator_is_a_mistake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
